"""How long a webhook takes to both marketplaces, in real time: a real `mpstock run` before doubles over HTTP.

A warehouse system posts that a product has fallen, once or so a second, each time another one. Its time is
that from the post to the arrival of the number at Ozon's double and at Wildberries', with the limits of both.
Measured while nothing else goes on, and while everything moves: all of so many products are raised, read
anew by the full reading, and pushed (100,000 take Ozon 12.5 minutes; the measurement ends before).

While they are pushed every other post is of a product that Ozon has just been told of, and takes no other
number for 30 s. The bound there is what is left of the 30 s, one slot (0.75 s) and the round trip.

    python benchmarks/webhook_latency.py [--products 100000] [--idle 60] [--busy 240] [--json FILE]

`--idle` and `--busy` are seconds of posting, the latter from when the push has begun. Ends with 1 if one of a
hundred took more than 2 s where the limits had room, or a zero was later than its bound by more than 1 s.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from attrs import define, field

from mpstock.simulation import serve
from mpstock_onec.simulator import OnecSimulator
from mpstock_ozon.simulator import OzonSimulator
from mpstock_wb.simulator import WbSimulator

OZON_CODE, WB_CODE = "22142605386000", "1111"
ZONE = ZoneInfo("Europe/Moscow")
TOKEN = "0123456789abcdef-latency"
WANTED, LATE = 2.0, 1.0
SLOT, COOLDOWN = 0.75, 30.0
FULL, SHOWN = 9, 5
SETTINGS = """
[ledger]
url = "sqlite:///shop.db"
[sources.erp]
plugin = "onec"
base_url = "{erp}"
user = "Робот"
password = "Пароль 1С"
[sinks.ozon]
plugin = "ozon"
base_url = "{ozon}"
client_id = "12345"
api_key = "00000000-0000-4000-8000-000000000000"
buffer = {{ absolute = 0 }}
warehouses = [{{ code = "22142605386000" }}]
[sinks.wb]
plugin = "wb"
marketplace_url = "{wb}"
content_url = "{wb}"
token = "{token}"
buffer = {{ absolute = 0 }}
warehouses = [{{ code = "1111" }}]
[schedule]
timezone = "Europe/Moscow"
every = "never"
full = "{full}"
[service.webhooks]
tokens = ["0123456789abcdef-latency"]
"""


@define
class Post:
    """One post: when, for how long Ozon took no other number of that product, how long the answer took."""

    sku: str
    quantity: int
    at: float
    rest: float
    phase: str
    answered: float = 0.0
    arrived: dict[str, float] = field(factory=dict[str, float])


@define
class Shop:
    """The doubles, the service before them, and what was posted to it."""

    folder: Path
    skus: Sequence[str]
    onec: OnecSimulator
    ozon: OzonSimulator
    wb: WbSimulator
    urls: Sequence[str]
    posts: list[Post] = field(factory=list[Post])
    chance: random.Random = field(factory=lambda: random.Random(1))
    left: list[str] = field(factory=list[str])
    pushing_since: float | None = None

    def now(self) -> float:
        return self.ozon.clock.monotonic()

    def settle(self, full: str) -> None:
        """Write the settings, with the time of the full reading."""
        erp, ozon, wb = self.urls
        text = SETTINGS.format(erp=f"{erp}/trade", ozon=ozon, wb=wb, token=self.wb.token, full=full)
        (self.folder / "mpstock.toml").write_text(text, encoding="utf-8")

    def mpstock(self, *words: str) -> list[str]:
        return [sys.executable, "-c", "from mpstock.cli import main; main()", *words]

    @contextmanager
    def running(self) -> Iterator[httpx.Client]:
        """The service, until it is stopped as by a service manager."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = (self.folder / "run.log").open("ab")
        process = subprocess.Popen(
            self.mpstock("run", "--port", str(port)), cwd=self.folder, stdout=log, stderr=log
        )
        try:
            client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30.0)
            for _ in range(300):
                try:
                    client.get("/healthz").raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.2)
            yield client
        finally:
            process.send_signal(signal.SIGTERM)
            if process.wait(60):
                raise RuntimeError((self.folder / "run.log").read_text(encoding="utf-8")[-3000:])

    def post(self, client: httpx.Client, phase: str) -> None:
        """Post one fall, to 0 more often than not, and let 1C say the same."""
        sku, rest = self._next(cooling=phase == "pushing" and len(self.posts) % 2 == 1)
        one = Post(sku, self.chance.choice([0, 0, 1]), self.now(), rest, phase)
        self.onec.set_level(sku, one.quantity)
        answer = client.post(
            "/webhooks/erp/stock",
            json={"stocks": [{"sku": sku, "quantity": one.quantity}]},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        one.answered = self.now() - one.at
        answer.raise_for_status()
        self.posts.append(one)

    def _next(self, *, cooling: bool) -> tuple[str, float]:
        told = self._told_lately()
        if cooling and told:
            used = {one.sku for one in self.posts}
            recent = [(sku, at) for sku, at in told.items() if sku not in used and self.now() - at < 20.0]
            if recent:
                sku, at = self.chance.choice(recent)
                return sku, at + COOLDOWN - self.now()
        while True:
            sku = self.left.pop()
            if sku not in told:
                return sku, 0.0

    def _told_lately(self) -> dict[str, float]:
        """Return what Ozon was told within its cooldown, and when."""
        told: dict[str, float] = {}
        for request in reversed(self.ozon.requests[-60:]):
            if request.path == "/v2/products/stocks" and self.now() - request.at < COOLDOWN:
                if self.pushing_since is None and len(request.body) > 5_000:
                    self.pushing_since = request.at
                for row in request.json()["stocks"]:
                    told.setdefault(row["offer_id"], request.at)
        return told

    def arrivals(self) -> None:
        """Find for each post when its number came to each marketplace."""
        sizes = self.wb.catalogue.sizes
        came: dict[str, dict[str, list[tuple[float, int]]]] = {"ozon": {}, "wb": {}}
        for request in list(self.ozon.requests):
            if request.path == "/v2/products/stocks" and request.status == 200:
                for row in request.json()["stocks"]:
                    came["ozon"].setdefault(row["offer_id"], []).append((request.at, row["stock"]))
        for request in list(self.wb.requests):
            if request.method == "PUT" and request.status == 204:
                for row in request.json()["stocks"]:
                    key = sizes[row["chrtId"]].key
                    came["wb"].setdefault(key, []).append((request.at, row["amount"]))
        for one in self.posts:
            for name, rows in came.items():
                told = sorted(rows.get(one.sku, []))
                for at, quantity in told[bisect_right(told, (one.at, -1)) :]:
                    if quantity == one.quantity:
                        one.arrived[name] = at - one.at
                        break


@contextmanager
def shop(products: int, folder: Path) -> Iterator[Shop]:
    """A shop whose accounts are level, and known to its ledger."""
    skus = [f"SKU-{number:06d}" for number in range(products)]
    onec = OnecSimulator({(sku, "main"): SHOWN for sku in skus})
    ozon = OzonSimulator(skus, (OZON_CODE,), stock={(sku, OZON_CODE): SHOWN for sku in skus})
    wb = WbSimulator(skus, (int(WB_CODE),))
    for sku in skus:
        wb.set_shown(sku, WB_CODE, SHOWN)
    with serve(onec, ozon, wb) as urls:
        found = Shop(folder, skus, onec, ozon, wb, urls)
        found.left = random.Random(2).sample(skus, min(products, 20_000))
        found.settle("never")
        subprocess.run(found.mpstock("sync", "--full"), cwd=folder, check=True, stdout=subprocess.DEVNULL)
        yield found


def measure(products: int, idle: float, busy: float, folder: Path) -> dict[str, Any]:
    """Return how long the posts took in each phase."""
    with shop(products, folder) as found:
        with found.running() as client:
            # The first round of the schedule is over.
            time.sleep(10.0)
            _go_on(found, client, lambda: "idle", idle, 1.0)
            time.sleep(5.0)
        for sku in set(found.skus) - {one.sku for one in found.posts}:
            found.onec.set_level(sku, FULL)
        found.ozon.requests[:] = [one for one in found.ozon.requests if "stocks" in one.path]
        soon = datetime.now(ZONE) + timedelta(seconds=75)
        found.settle(f"{soon:%H:%M}")
        with found.running() as client:
            began = found.now()
            while datetime.now(ZONE) < soon.replace(second=0):
                time.sleep(1.0)

            def phase() -> str:
                return "reading" if found.pushing_since is None else "pushing"

            # However long the reading takes, and so long of the push.
            while found.pushing_since is None and found.now() - began < 1_800.0:
                _go_on(found, client, phase, 10.0, 2.0)
            _go_on(found, client, phase, busy, 1.0)
            # What cools is sent when it may be.
            time.sleep(COOLDOWN + 10.0)
        found.arrivals()
        refused = {
            name: sum(one.status == 429 for one in double.requests)
            for name, double in (("ozon", found.ozon), ("wb", found.wb))
        }
        return _told(found, products, refused)


def _go_on(found: Shop, client: httpx.Client, phase: Any, seconds: float, every: float) -> None:
    until = found.now() + seconds
    while found.now() < until:
        found.post(client, phase())
        time.sleep(every * found.chance.uniform(0.5, 1.5))


def _told(found: Shop, products: int, refused: dict[str, int]) -> dict[str, Any]:
    phases: dict[str, Any] = {}
    for name in ("idle", "reading", "pushing"):
        mine = [one for one in found.posts if one.phase == name]
        room = [one for one in mine if not one.rest]
        phases[name] = {
            "posts": len(mine),
            "answered": _spread([one.answered for one in mine]),
            **{sink: _spread([one.arrived.get(sink, 1e9) for one in room]) for sink in ("ozon", "wb")},
            "both": _spread([max(one.arrived.get(sink, 1e9) for sink in ("ozon", "wb")) for one in room]),
        }
    cooling = [one for one in found.posts if one.rest]
    return {
        "products": products,
        "429": refused,
        "phases": phases,
        "cooling": {
            "beyond_the_cooldown": _spread([one.arrived.get("ozon", 1e9) - one.rest for one in cooling]),
            "bound": SLOT,
            "wb": _spread([one.arrived.get("wb", 1e9) for one in cooling]),
        },
        "lost": sum(len(one.arrived) < 2 for one in found.posts),
        "cores": os.cpu_count(),
    }


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    found = sorted(seconds)
    if not found:
        return {"count": 0, "p50": 0.0, "p99": 0.0, "longest": 0.0}
    return {
        "count": len(found),
        "p50": round(found[len(found) // 2], 3),
        "p99": round(found[min(int(len(found) * 0.99), len(found) - 1)], 3),
        "longest": round(found[-1], 3),
    }


def _line(name: str, spread: dict[str, float]) -> str:
    numbers = "".join(f"{spread[key]:>9.3f}" for key in ("p50", "p99", "longest"))
    return f"{name:<34}{spread['count']:>6.0f}{numbers}"


def lines_of(figures: dict[str, Any]) -> list[str]:
    """Return the figures as a table."""
    lines = [f"{figures['products']} products, {figures['cores']} cores; seconds"]
    lines.append(f"{'':<34}{'posts':>6}{'p50':>9}{'p99':>9}{'max':>9}")
    for name, phase in figures["phases"].items():
        lines.append(_line(f"{name}: the answer to the post", phase["answered"]))
        lines += [_line(f"{name}: to {sink}", phase[sink]) for sink in ("ozon", "wb", "both")]
    cooling = figures["cooling"]
    lines.append(_line("cooling at ozon: beyond the rest", cooling["beyond_the_cooldown"]))
    lines.append(_line("cooling at ozon: to wb", cooling["wb"]))
    lines.append(f"429: {figures['429']}; not arrived: {figures['lost']}")
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--idle", type=float, default=60.0)
    parser.add_argument("--busy", type=float, default=240.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="mpstock-latency-") as folder:
        figures = measure(options.products, options.idle, options.busy, Path(folder))
    print("\n".join(lines_of(figures)))
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    slow = any(phase["both"]["p99"] > WANTED for phase in figures["phases"].values())
    late = figures["cooling"]["beyond_the_cooldown"]["longest"] > SLOT + LATE
    return 1 if slow or late or figures["lost"] or any(figures["429"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
