"""A shop as its owner has it: `mpstock.toml`, the three doubles over HTTP on loopback, the command line.

`shop()` serves the doubles and writes the settings; `Play.run` types a command in this process, `Play.spawn`
starts a process of its own. What a listing must show is calculated here, by hand, and never asked of mpstock.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from mpstock import ScaledClock
from mpstock.cli.commands import run
from mpstock.simulation import serve
from mpstock_onec.simulator import OnecSimulator
from mpstock_ozon.simulator import OzonSimulator
from mpstock_wb.simulator import WbSimulator
from tests import ledgers
from tests.byhand import by_hand

OZON_CODE = "22142605386000"
OZON_SPARE = "1020003080073000"
WB_CODE = "1111"
WB_SPARE = "2222"

OZON_WRITES = "/v2/products/stocks"
WB_STOCKS = "/api/v3/stocks"
OZON_BATCH = 100
WB_BATCH = 1000

SPEED = 200.0
"""Both sides' time runs so many times as fast: Ozon's minute is 0.3 s."""

PASSWORD = "Пароль-1С-сверхсекретный"
API_KEY = "5ec7e700-aaaa-4bbb-8ccc-0123456789ab"
CLIENT_ID = "777001"

_ANSI = re.compile(r"\x1b\[")


def skus(count: int) -> list[str]:
    """Return that many articles."""
    return [f"SKU-{number:04}" for number in range(1, count + 1)]


def standard(available: int, *, absolute: int = 2, percent: int = 0, cap: int | None = None) -> int:
    """The formula of the policy `standard`, once more by hand."""
    left = max(available - max(absolute, ceil(available * percent / 100)), 0)
    return left if cap is None else min(left, cap)


@frozen
class Result:
    """What a command came to."""

    code: int
    stdout: str
    stderr: str = ""

    @property
    def json(self) -> Any:
        """The one document on standard output; anything beside it is an error."""
        return json.loads(self.stdout)

    @property
    def said(self) -> str:
        """All that was said, on both streams."""
        return self.stdout + self.stderr

    @property
    def plain(self) -> bool:
        """Whether nothing is in it that only a terminal understands."""
        return not _ANSI.search(self.said) and "\r" not in self.said

    def ok(self) -> Result:
        """Return itself if the command ended with 0."""
        assert self.code == 0, self.said
        return self


def command(*arguments: str) -> Result:
    """Type a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(list(arguments))
    return Result(code, out.getvalue(), err.getvalue())


def environment(**more: str) -> dict[str, str]:
    """The environment of a process that a user starts, with nothing in it that colours or paths need."""
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "PYTHONPATH")}
    return {**kept, "PYTHONUTF8": "1", **more}


def spawn(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, **options: Any
) -> subprocess.Popen[str]:
    """Start a command as a process of its own, its output piped."""
    return subprocess.Popen(
        [sys.executable, "-m", "mpstock", *arguments],
        cwd=cwd,
        env=environment(**(env or {})),
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )


def ended(process: subprocess.Popen[str], timeout: float = 60) -> Result:
    """Wait for a process and return what it came to."""
    out, err = process.communicate(timeout=timeout)
    return Result(process.returncode, out, err)


def until(condition: Callable[[], bool], *, seconds: float = 120) -> None:
    """Wait until something has come about in another process."""
    over = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < over, "it did not come about"
        time.sleep(0.005)


@define
class Play:
    """One shop on the stage. `tables` are its settings, as `tomllib` gives them; change and `write` them."""

    folder: Path
    onec: OnecSimulator
    ozon: OzonSimulator
    wb: WbSimulator
    urls: Sequence[str]
    clock: ScaledClock
    tables: dict[str, Any] = field(factory=dict[str, Any])

    def __attrs_post_init__(self) -> None:
        onec, ozon, wb = self.urls
        self.tables = {
            "ledger": ledgers.settings_of(self.ledger),
            "clock": {"speed": self.speed, "anchor": self.clock.anchor.isoformat()},
            "network": {"attempts": 2},
            "sources": {"erp": self.onec.settings(onec)},
            "sinks": {
                # A quarter of an hour is a few seconds here, and a busy machine takes that long.
                "ozon": {
                    **self.ozon.settings(ozon),
                    "max_age": "1d",
                    "warehouses": [{"code": OZON_CODE}],
                },
                "wb": {**self.wb.settings(wb), "max_age": "1d", "warehouses": [{"code": WB_CODE}]},
            },
        }
        self.write()

    # -- the settings --------------------------------------------------------------------

    @property
    def speed(self) -> float:
        return self.clock.speed

    @property
    def config(self) -> Path:
        return self.folder / "mpstock.toml"

    @property
    def ledger(self) -> Path:
        return self.folder / "mpstock.db"

    @property
    def erp(self) -> dict[str, Any]:
        return self.tables["sources"]["erp"]

    def sink(self, name: str) -> dict[str, Any]:
        return self.tables["sinks"][name]

    def write(self, text: str | None = None) -> None:
        """Write the settings file, from `tables` or as given."""
        self.config.write_text(text if text is not None else toml(self.tables), encoding="utf-8")

    # -- the commands --------------------------------------------------------------------

    def run(self, *arguments: str) -> Result:
        """Type a command with this shop's settings, in this process."""
        return command(*arguments, "--config", str(self.config))

    def json(self, *arguments: str, code: int | None = 0) -> Any:
        """Type a command with `--json`; return its document."""
        result = self.run(*arguments, "--json")
        assert code is None or result.code == code, result.said
        return result.json

    def spawn(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command in the shop's folder as a process of its own."""
        return spawn(*arguments, cwd=self.folder, **options)

    # -- the world -----------------------------------------------------------------------

    def set_levels(self, levels: Mapping[str, Any]) -> None:
        """Let 1C have these quantities in `main`."""
        for sku, quantity in levels.items():
            self.onec.call(self.onec.set_level, sku, quantity)

    def shown(self, name: str, code: str | None = None) -> dict[str, int]:
        """What a marketplace shows, by article, in one warehouse."""
        code = code or {"ozon": OZON_CODE, "wb": WB_CODE}[name]
        double = {"ozon": self.ozon, "wb": self.wb}[name]
        return {
            sku: quantity for (sku, where), quantity in double.call(double.shown).items() if where == code
        }

    def show(self, name: str, sku: str, quantity: int, code: str | None = None) -> None:
        """Change a number in the marketplace's cabinet."""
        code = code or {"ozon": OZON_CODE, "wb": WB_CODE}[name]
        double = {"ozon": self.ozon, "wb": self.wb}[name]
        double.call(double.set_shown, sku, code, quantity)

    def pushes(self, name: str) -> int:
        """How many requests that write stock a marketplace got."""
        return self.ozon.count("POST", OZON_WRITES) if name == "ozon" else self.wb.count("PUT", WB_STOCKS)

    def pushed(self, name: str) -> list[tuple[str, int]]:
        """What was sent to a marketplace so far, in the order of sending: article (or chrtId) and number."""
        if name == "ozon":
            return [
                (row["offer_id"], row["stock"])
                for one in self.ozon.requests
                if one.path == OZON_WRITES
                for row in one.json()["stocks"]
            ]
        keys = {size.chrt_id: key for key, size in self.wb.catalogue.by_key.items()}
        return [
            (keys.get(row["chrtId"], str(row["chrtId"])), row["amount"])
            for one in self.wb.requests
            if one.method == "PUT"
            for row in one.json()["stocks"]
        ]

    def refused(self) -> int:
        """Answers of 429 by any of the doubles."""
        return sum(one.status == 429 for double in (self.onec, self.ozon, self.wb) for one in double.requests)

    def recorded(self, name: str) -> dict[str, int | None]:
        """What the ledger believes a marketplace has accepted, by article; nothing may be left in flight."""
        with by_hand(self.ledger) as ledger:
            rows = ledger.execute(
                "SELECT p.sku, m.synced_quantity, m.in_flight FROM marketplace_stocks AS m "
                "JOIN products AS p ON p.id = m.product_id WHERE m.marketplace = ?",
                (name,),
            ).fetchall()
        assert all(in_flight is None for _, _, in_flight in rows)
        return {sku: quantity for sku, quantity, _ in rows}

    def forget_requests(self) -> None:
        """Begin to count anew."""
        for double in (self.onec, self.ozon, self.wb):
            double.requests.clear()


@contextlib.contextmanager
def shop(
    folder: Path,
    levels: Mapping[Any, Any],
    *,
    ozon: Sequence[str] | None = None,
    wb: Sequence[str] | None = None,
    limits: bool = False,
    speed: float = SPEED,
    ozon_options: Mapping[str, Any] | None = None,
    wb_options: Mapping[str, Any] | None = None,
) -> Iterator[Play]:
    """Serve the three doubles and write settings for them.

    `levels` are by article (in `main`) or by (article, warehouse). The marketplaces offer the products of 1C
    unless `ozon` or `wb` say what else.
    """
    keyed = {key if isinstance(key, tuple) else (key, "main"): value for key, value in levels.items()}
    offered = list(dict.fromkeys(sku for sku, _ in keyed))
    clock = ScaledClock(speed)
    sources = OnecSimulator(keyed, password=PASSWORD, clock=clock)
    ozon_double = OzonSimulator(
        offered if ozon is None else ozon,
        [OZON_CODE, OZON_SPARE],
        clock=clock,
        limits=limits,
        client_id=CLIENT_ID,
        api_key=API_KEY,
        **(ozon_options or {}),
    )
    wb_double = WbSimulator(
        offered if wb is None else wb,
        [int(WB_CODE), int(WB_SPARE)],
        clock=clock,
        limits=limits,
        **(wb_options or {}),
    )
    with serve(sources, ozon_double, wb_double) as urls:
        yield Play(folder, sources, ozon_double, wb_double, urls, clock)


def interrupted(process: subprocess.Popen[str], how: signal.Signals = signal.SIGINT) -> Result:
    """Send a signal to a process and wait for its end."""
    process.send_signal(how)
    return ended(process)


def toml(tables: Mapping[str, Any]) -> str:
    """Write tables as TOML."""
    return "\n".join(_lines(tables, ())) + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    for key, value in table.items():
        if not isinstance(value, Mapping):
            yield f"{key} = {_value(value)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            inner = (*path, key)
            yield f"[{'.'.join(inner)}]"
            yield from _lines(value, inner)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
