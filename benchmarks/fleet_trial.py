"""A fleet whose workers die and sleep: many sellers on one PostgreSQL, their marketplaces' doubles over HTTP.

Four workers serve all tenants, each with an account at Ozon and one at Wildberries; one Ozon account in ten
is shared with a neighbour. While stock moves and buyers order, the third is killed (SIGKILL) in the middle of
its runs and the fourth suspended (SIGSTOP) in the middle of its, for longer than its leases last, and woken
again. The doubles enforce the limits of each account and judge each number that they accept, by the truth of
the world and not by the ledgers. In the end every listing must show what there is.

    python -m benchmarks.fleet_trial [--tenants 200] [--products 20] [--concurrency 4] [--json FILE]

Ends with 1 if a listing is out of step, an answer was 429, or a number was pushed twice. `of_these_in_doubt`
says how many of these a worker had sent and, by the ledgers' own word, never heard of.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from attrs import define, field

from mpstock.errors import LedgerError
from mpstock.fleet import Fleet
from mpstock.simulation import Answer, Request, Simulator, serve
from mpstock_ozon.simulator import OzonSimulator
from mpstock_wb.simulator import WbSimulator
from mpstock_wb.simulator_tokens import make_token
from tests import postgres

__all__ = ["Figures", "trial"]

OZON_CODE, WB_CODE = "22142605386000", "1111"
SHARED = 10
"""One tenant in so many uses the Ozon account of the one before."""

TIMEOUT = 5
"""Seconds that a request may take: a lease lasts for two of these and a minute."""

LEASE = 2 * TIMEOUT + 60

FLEET = """
[fleet]
url = "{url}"
{ledgers}
[worker]
concurrency = {concurrency}
heartbeat = "2s"
stalled_after = "15s"
look = "1s"
stop_within = "20s"
[defaults.network]
timeout = {timeout}
[defaults.schedule]
every = "{every}"
orders = "never"
full = "never"
verify = "never"
tidy = "never"
[defaults.guards]
zeroing = {{ share = 1.0, count = 1000000 }}
"""

TENANT = """
{ledger}
[sources.erp]
plugin = "files"
path = "{csv}"
columns = {{ sku = "sku", quantity = "quantity" }}
[sinks.ozon]
plugin = "ozon"
base_url = "{base}/ozon/{ozon}"
client_id = "{client}"
api_key = "${{OZON_KEY}}"
buffer = {{ policy = "all" }}
warehouses = [{{ code = "22142605386000" }}]
[sinks.wb]
plugin = "wb"
marketplace_url = "{base}/wb/{name}"
content_url = "{base}/wb/{name}"
token = "${{WB_{number}}}"
buffer = {{ policy = "all" }}
warehouses = [{{ code = "1111" }}]
"""


@define(eq=False)
class Account:
    """One account's double, judged.

    `shows` is what it shows by key, `sent` what it was sent last, unless somebody has bought since. The
    same number again is `twice` (key, number). One that it shows already because it has lowered its own at a
    sale is `needless`.
    """

    name: str
    double: OzonSimulator | WbSimulator
    shows: dict[str, int]
    pushes: int = 0
    requests: int = 0
    limited: int = 0
    needless: int = 0
    sent: dict[str, int] = field(factory=dict[str, int])
    twice: list[tuple[str, int]] = field(factory=list[tuple[str, int]])

    def judge(self, rows: Sequence[tuple[str, int, int]]) -> None:
        """Judge rows (key, sent, shows now) of a write that was accepted."""
        for key, sent, now in rows:
            if sent != now:
                # Refused by name: it shows what it showed.
                continue
            self.pushes += 1
            if self.sent.get(key) == sent:
                self.twice.append((key, sent))
            elif self.shows[key] == sent:
                self.needless += 1
            self.shows[key] = self.sent[key] = sent


class Street:
    """All doubles behind one address: `/ozon/NAME/…`, `/wb/NAME/…`. An ASGI application."""

    def __init__(self) -> None:
        self.apps: dict[str, Simulator] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            _, kind, name, *rest = scope["path"].split("/")
            await self.apps[f"{kind}/{name}"]({**scope, "path": "/" + "/".join(rest)}, receive, send)


@define(eq=False)
class World:
    """The truth: what each tenant's warehouse has, and what buyers have ordered."""

    folder: Path
    tenants: list[str]
    products: int
    chance: random.Random
    street: Street = field(factory=Street)
    stock: dict[str, int] = field(factory=dict[str, int])
    ordered: Counter[str] = field(factory=Counter[str])
    accounts: dict[str, Account] = field(factory=dict[str, Account])
    ozon_of: dict[str, str] = field(factory=dict[str, str])

    def __attrs_post_init__(self) -> None:
        for number, tenant in enumerate(self.tenants):
            shared = number % SHARED == SHARED - 1
            self.ozon_of[tenant] = self.tenants[number - 1] if shared else tenant
            for sku in self.skus(tenant):
                self.stock[sku] = self.chance.randint(3, 60)
        for number, tenant in enumerate(self.tenants):
            sold_here = [
                sku for other in self.tenants if self.ozon_of[other] == tenant for sku in self.skus(other)
            ]
            if sold_here:
                self._add_ozon(tenant, number, sold_here)
            self._add_wb(tenant, number)
            self.write(tenant)

    def skus(self, tenant: str) -> list[str]:
        return [f"{tenant}-{number:03}" for number in range(self.products)]

    def available(self, sku: str) -> int:
        """What may be sold of a product now: what the warehouse has, less what was ordered."""
        return max(self.stock[sku] - self.ordered[sku], 0)

    def write(self, tenant: str) -> None:
        """Let the warehouse tell what it has."""
        lines = ["sku;quantity", *(f"{sku};{self.stock[sku]}" for sku in self.skus(tenant))]
        path = self.folder / "stock" / f"{tenant}.csv"
        new = path.with_suffix(".new")
        new.write_text("\n".join(lines) + "\n", encoding="utf-8")
        new.replace(path)

    def _add_ozon(self, tenant: str, number: int, skus: Sequence[str]) -> None:
        double = OzonSimulator(
            skus, (OZON_CODE,), client_id=str(7_000_000 + number), api_key=OZON_KEY, rate_model="fixed"
        )
        account = Account(f"ozon/{tenant}", double, dict.fromkeys(skus, 0))

        def rows(request: Request) -> list[tuple[str, int, int]]:
            if request.path != "/v2/products/stocks":
                return []
            return [
                (row["offer_id"], row["stock"], _free(double, row["offer_id"]))
                for row in request.json()["stocks"]
            ]

        self._watch(account, rows)

    def _add_wb(self, tenant: str, number: int) -> None:
        skus = self.skus(tenant)
        token = make_token(
            datetime.now(UTC) + timedelta(days=180), oid=900_000 + number, sid=f"{number:032x}"
        )
        double = WbSimulator(skus, (int(WB_CODE),), token=token, self_decrements=True)
        account = Account(f"wb/{tenant}", double, dict.fromkeys(skus, 0))
        keys = {size.chrt_id: key for key, size in double.catalogue.by_key.items()}

        def rows(request: Request) -> list[tuple[str, int, int]]:
            if request.method != "PUT":
                return []
            return [
                (keys[row["chrtId"]], row["amount"], double.stocks.amount(int(WB_CODE), row["chrtId"]) or 0)
                for row in request.json()["stocks"]
            ]

        self._watch(account, rows)

    def _watch(self, account: Account, rows: Callable[[Request], list[tuple[str, int, int]]]) -> None:
        double = account.double
        finish = double.finish

        def finished(request: Request, answer: Answer) -> Answer:
            account.requests += 1
            account.limited += answer.status == 429
            # Of a client that died on the way the double may have half a request: it refuses that.
            account.judge(rows(request) if answer.status < 300 else [])
            return finish(request, answer)

        double.finish = finished  # type: ignore[method-assign]
        self.accounts[account.name] = account
        self.street.apps[account.name] = double

    def move(self, part: float) -> list[str]:
        """Let the warehouses of all tenants have other numbers of some products; returns the tenants."""
        for tenant in self.tenants:
            for sku in self.chance.sample(self.skus(tenant), max(int(self.products * part), 1)):
                self.stock[sku] = self.ordered[sku] + self.chance.choice([0, 1, 2, 5, 20, 50])
            self.write(tenant)
        return self.tenants

    def buy(self, count: int) -> None:
        """Let buyers order so many single units of what they see."""
        for _ in range(count):
            tenant = self.chance.choice(self.tenants)
            sku = self.chance.choice(self.skus(tenant))
            name = self.chance.choice([f"ozon/{self.ozon_of[tenant]}", f"wb/{tenant}"])
            account = self.accounts[name]
            code = OZON_CODE if name.startswith("ozon") else WB_CODE

            def order(account: Account = account, sku: str = sku, code: str = code) -> None:
                if account.double.buy(sku, code):
                    self.ordered[sku] += 1
                    account.shows[sku] = account.double.showing(sku, code)
                    account.sent.pop(sku, None)

            account.double.call(order)

    def out_of_step(self) -> list[str]:
        """Return the listings that do not show what there is."""
        wrong = []
        for account in self.accounts.values():
            code = OZON_CODE if account.name.startswith("ozon") else WB_CODE
            for sku in account.shows:
                shown = account.double.showing(sku, code)
                if shown != self.available(sku):
                    wrong.append(f"{account.name}: {sku} shows {shown}, there are {self.available(sku)}")
        return wrong


OZON_KEY = "00000000-0000-4000-8000-000000000000"
Figures = dict[str, Any]


def _free(double: OzonSimulator, sku: str) -> int:
    stock = double.account.stock(sku, int(OZON_CODE))
    return 0 if stock is None else stock.free


@define(eq=False)
class Trial:
    """The world, the fleet's settings on the disk, and its workers as processes of their own."""

    world: World
    config: Path
    told: Callable[[str], None]
    workers: list[subprocess.Popen[bytes]] = field(factory=list[subprocess.Popen[bytes]])

    @contextlib.contextmanager
    def working(self, count: int) -> Iterator[None]:
        """Let so many workers be up."""
        environment = {**os.environ, "PYTHONUTF8": "1"}
        command = [sys.executable, "-m", "mpstock", "fleet", "worker", "--config", str(self.config)]
        try:
            for number in range(count):
                with (self.config.parent / f"worker-{number}.log").open("wb") as log:
                    self.workers.append(
                        subprocess.Popen(
                            command,
                            cwd=self.config.parent, stdout=log, stderr=log, env=environment,
                        )
                    )  # fmt: skip
            yield
        finally:
            for worker in self.workers:
                with contextlib.suppress(ProcessLookupError):
                    worker.send_signal(signal.SIGCONT)
                    worker.terminate()
            for worker in self.workers:
                try:
                    worker.wait(60)
                except subprocess.TimeoutExpired:
                    worker.kill()

    async def busy(self, fleet: Fleet, worker: subprocess.Popen[bytes]) -> int:
        """Return how many runs a worker has under way."""
        async with fleet.queue.pool.connection() as connection:
            rows = await connection.execute(
                "SELECT count(*) FROM mpstock_fleet_tasks WHERE status = 'running' AND worker LIKE %s",
                (f"%:{worker.pid}:%",),
            )
            row = await rows.fetchone()
            return int(row[0]) if row else 0

    async def until(self, what: str, done: Callable[[], Awaitable[bool]], seconds: float) -> float:
        """Wait until something has come about; returns after how many seconds it had."""
        began = time.monotonic()
        while not await done():
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"{what}: not within {seconds:.0f} s")
            await asyncio.sleep(0.2)
        took = time.monotonic() - began
        self.told(f"{what}: {took:.1f} s")
        return took

    async def defer(self, fleet: Fleet, task: str) -> None:
        from mpstock.fleet.queue import Job

        found = [await fleet.store.tenant(name) for name in self.world.tenants]
        await fleet.queue.defer([Job(task, one.name, lock=one.lock) for one in found if one is not None])

    async def in_step(self) -> bool:
        return not await asyncio.to_thread(self.world.out_of_step)

    async def play(self) -> Figures:
        """Let it all happen; returns the figures."""
        figures: Figures = {}
        world = self.world
        async with Fleet.open(self.config) as fleet:
            await fleet.create()
            await fleet.settle()
            with self.working(4):

                async def enrolled() -> bool:
                    found = [await fleet.store.tenant(name) for name in world.tenants]
                    return all(one is not None and one.enrolled == one.revision for one in found)

                figures["enrolled_s"] = await self.until("taken in", enrolled, 600)
                await self.defer(fleet, "full")
                figures["first_contact_s"] = await self.until("first contact", self.in_step, 1800)
                figures |= {"killed_with": 0, "suspended_with": 0}
                suspended = time.monotonic()
                for number, (worker, how) in enumerate(
                    [(self.workers[2], signal.SIGKILL), (self.workers[3], signal.SIGSTOP)]
                ):
                    world.move(0.5)
                    world.buy(2 * len(world.tenants))
                    await self.defer(fleet, "pull")

                    async def at_it(worker: subprocess.Popen[bytes] = worker) -> bool:
                        return await self.busy(fleet, worker) > 0

                    await self.until("at work", at_it, 300)
                    await asyncio.sleep(world.chance.uniform(0.05, 0.3))
                    figures[("killed_with", "suspended_with")[number]] = await self.busy(fleet, worker)
                    worker.send_signal(how)
                    suspended = time.monotonic()
                for _ in range(3):
                    await asyncio.sleep(5)
                    world.move(0.2)
                    world.buy(len(world.tenants))
                    await self.defer(fleet, "pull")
                await asyncio.sleep(max(LEASE + 8 - (time.monotonic() - suspended), 0))
                world.move(0.2)
                await self.defer(fleet, "pull")
                self.workers[3].send_signal(signal.SIGCONT)
                figures["suspended_s"] = round(time.monotonic() - suspended, 1)
                figures["in_step_after_s"] = await self.until("all in step", self.in_step, 1800)

                # Nothing that sleeps or waits in between undoes it.
                async def at_rest() -> bool:
                    async with fleet.queue.pool.connection() as connection:
                        rows = await connection.execute(
                            "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
                        )
                        row = await rows.fetchone()
                        return row is not None and row[0] == 0

                with contextlib.suppress(TimeoutError):
                    await self.until("at rest", at_rest, 60)
                figures["out_of_step"] = len(world.out_of_step())
                figures |= await _runs(fleet)
        return figures


async def _runs(fleet: Fleet) -> Figures:
    async with fleet.queue.pool.connection() as connection:
        rows = await connection.execute(
            "SELECT seconds FROM mpstock_fleet_tasks WHERE task = 'pull' AND status = 'done'"
        )
        seconds = sorted(float(row[0]) for row in await rows.fetchall())
    if not seconds:
        return {}
    return {
        "pull_s_median": round(statistics.median(seconds), 3),
        "pull_s_p99": round(seconds[int(len(seconds) * 0.99)], 3),
    }


def trial(
    tenants: int,
    products: int,
    folder: Path,
    *,
    concurrency: int = 4,
    every: str = "1m",
    own_ledgers: bool = False,
    seed: int = 1,
    told: Callable[[str], None] = lambda _text: None,
) -> Figures:
    """Let a fleet of so many tenants go through it; returns what was counted."""
    (folder / "stock").mkdir()
    (folder / "tenants").mkdir()
    names = [f"t{number:03}" for number in range(tenants)]
    world = World(folder, names, products, random.Random(seed))
    server = postgres.server()
    database = server.create_database()
    try:
        with serve(cast(Simulator, world.street)) as (base,):
            secrets = [f"OZON_KEY={OZON_KEY}"]
            for number, name in enumerate(names):
                ozon = cast(OzonSimulator, world.accounts[f"ozon/{world.ozon_of[name]}"].double)
                secrets.append(f"WB_{number}={cast(WbSimulator, world.accounts[f'wb/{name}'].double).token}")
                text = TENANT.format(
                    ledger=f'[ledger]\nurl = "sqlite:///../{name}.db"' if own_ledgers else "",
                    csv=folder / "stock" / f"{name}.csv", base=base, ozon=world.ozon_of[name],
                    client=ozon.client_id, name=name, number=number,
                )  # fmt: skip
                (folder / "tenants" / f"{name}.toml").write_text(text, encoding="utf-8")
            (folder / "tenants" / ".env").write_text("\n".join(secrets) + "\n", encoding="utf-8")
            config = folder / "fleet.toml"
            config.write_text(
                FLEET.format(
                    url=server.url(database), ledgers='ledgers = "own"' if own_ledgers else "",
                    concurrency=concurrency, timeout=TIMEOUT, every=every,
                ),
                encoding="utf-8",
            )  # fmt: skip
            began, processor = time.monotonic(), os.times()
            figures = asyncio.run(Trial(world, config, told).play())
            spent = os.times()
        in_doubt = _in_doubt(server, database)
    finally:
        server.drop_database(database)
    accounts = world.accounts.values()
    twice = [(one.name, *row) for one in accounts for row in one.twice]
    again = [row for row in twice if (row[0].partition("/")[0], *row[1:]) in in_doubt]
    return {
        "tenants": tenants,
        "accounts": len(accounts),
        "products": tenants * products,
        "workers": 4,
        "concurrency": concurrency,
        "seconds": round(time.monotonic() - began, 1),
        "processor_s_of_workers": round(
            spent.children_user + spent.children_system - processor.children_user - processor.children_system,
            1,
        ),
        "requests": sum(one.requests for one in accounts),
        "numbers_pushed": sum(one.pushes for one in accounts),
        "answers_429": sum(one.limited for one in accounts),
        "pushed_twice": len(twice),
        "of_these_in_doubt": len(again),
        "pushed_needlessly": sum(one.needless for one in accounts),
        "first_of_these": [
            f"{name} was sent {sent} of {key}, and had been sent it before" for name, key, sent in twice[:10]
        ],
        **{name: round(value, 1) if isinstance(value, float) else value for name, value in figures.items()},
    }


def _in_doubt(server: postgres.Server, database: str) -> set[tuple[str, str, int]]:
    """Return (sink, article, number) of what was sent and not heard of, as the sync logs have it."""
    with server.admin(database) as admin:
        rows = admin.execute(
            "SELECT l.marketplace, p.sku, l.new_qty FROM stock_sync_log AS l JOIN products AS p "
            "ON p.tenant = l.tenant AND p.id = l.product_id WHERE l.status = 'doubt'"
        ).fetchall()
    return {(str(sink), str(sku), int(number)) for sink, sku, number in rows}


def failed(figures: Figures) -> bool:
    """Whether what must not happen has happened."""
    return any(figures[name] for name in ("out_of_step", "answers_429", "pushed_twice"))


def main() -> int:
    """Run the trial from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--tenants", type=int, default=200)
    parser.add_argument("--products", type=int, default=20)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--own-ledgers", action="store_true", help="SQLite ledgers, to compare with")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mpstock-fleet-") as folder:
        try:
            figures = trial(
                args.tenants, args.products, Path(folder), concurrency=args.concurrency,
                own_ledgers=args.own_ledgers, seed=args.seed, told=print,
            )  # fmt: skip
        except (TimeoutError, LedgerError) as error:
            print(f"it did not come to an end: {error}")
            for log in sorted(Path(folder).glob("worker-*.log")):
                print(f"--- {log.name}\n{log.read_text(encoding='utf-8')[-2000:]}")
            return 1
    text = json.dumps(figures, indent=2, ensure_ascii=False)
    print(text)
    if args.json is not None:
        args.json.write_text(text + "\n", encoding="utf-8")
    return int(failed(figures))


if __name__ == "__main__":
    sys.exit(main())
