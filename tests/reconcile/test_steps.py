"""How much one step of the ledger's thread does: a webhook waits for the one under way, so none may be long.

Counted are the instructions of the database's machine, not the time: what a step costs follows its page, and
not the shop. The few steps that look at everything that waits are named, with what each listing may cost.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from mpstock.config import ZeroingGuard
from mpstock.inmemory import InMemorySource
from mpstock.ledger.worker import Worker
from mpstock.model import Change
from tests.reconcile.shops import Account, Play, make, skus, tell_ledger

PAGES = {
    "mpstock.ledger.listings._PAGE": 25,
    "mpstock.ledger.listings._LOOKED_AT": 25,
    "mpstock.ledger.observing._PAGE": 25,
    "mpstock.ledger.readings.PORTION": 25,
    "mpstock.ledger.readings._LOOKED_AT": 25,
    "mpstock.ledger.stocks._STEP": 25,
    "mpstock.reconcile.planning.PAGE": 25,
    "mpstock.reconcile.pulling.PORTION": 25,
}
FEW, MANY = 150, 400
GRAIN = 50
"""Instructions between two counts."""

ALL_THAT_WAITS = {
    # Each looks at the changes that wait, once a run and sink, and at little of each of them.
    "Judge.steps": 60,
    "Quarantine.suspects": 20,
    "ReadSession.count_absent": 10,
    "Stocks.open_counts": 30,
    "Stocks.reopen": 30,
    "Verifier._choose": 20,
    "finish_run": 30,
    "Puller._set_aside": 10,
    "Puller._settle_absent.settle": 10,
}
"""Steps whose cost follows the shop: by name, the instructions for each listing at most."""


@define
class Meter:
    """Counts what the database does in each step."""

    counted: int = 0
    longest: dict[str, int] = field(factory=dict[str, int])

    def tick(self) -> int:
        self.counted += GRAIN
        return 0

    def measured(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def work(*args: Any, **keys: Any) -> Any:
            before = self.counted
            try:
                return function(*args, **keys)
            finally:
                name = _name(args[0] if function is next else function)
                self.longest[name] = max(self.longest.get(name, 0), self.counted - before)

        return work


def _name(function: Any) -> str:
    named = getattr(function, "func", function)
    return str(named.__qualname__).replace("<locals>.", "")


pytestmark = pytest.mark.sqlite("the instructions of its machine")


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> Meter:
    """Every step of every ledger that is opened, measured; and pages so short that few products fill many."""
    meter = Meter()
    connect = sqlite3.dbapi2.connect

    def metered(*args: Any, **keys: Any) -> sqlite3.Connection:
        connection = connect(*args, **keys)
        connection.set_progress_handler(meter.tick, GRAIN)
        return connection

    monkeypatch.setattr(sqlite3.dbapi2, "connect", metered)
    for way in ("run", "run_page"):
        original = getattr(Worker, way)

        async def run(
            self: Worker,
            function: Callable[..., Any],
            /,
            *args: Any,
            original: Any = original,
            **keys: Any,
        ) -> Any:
            return await original(self, meter.measured(function), *args, **keys)

        monkeypatch.setattr(Worker, way, run)
    for name, size in PAGES.items():
        monkeypatch.setattr(name, size)
    return meter


def a_shop(folder: Path, count: int) -> tuple[Play, InMemorySource, Account]:
    """Return a shop in which all numbers have just risen."""
    folder.mkdir()
    names = skus(count)
    play, source, account = make(
        folder, dict.fromkeys(names, 5), shown={(sku, "main"): 3 for sku in names},
        page=20, batch=25, observe_batch=25,
    )  # fmt: skip
    play.sync(full=True)
    for sku in names:
        source.set(sku, 8)
    return play, source, account


def of_a_full_run(meter: Meter, folder: Path, count: int) -> Mapping[str, int]:
    """Return what the longest step of each kind did when everything has moved, and some of it is gone."""
    play, source, _ = a_shop(folder, count)
    for sku in skus(count)[:: count // 15]:
        source.remove(sku)
    meter.longest.clear()
    report = play.sync(full=True, release=["shrunken", "zeroing"])
    assert report.sinks["shop"].pushed == count
    return dict(meter.longest)


def of_falls(meter: Meter, folder: Path, count: int, falls: Mapping[str, int]) -> Mapping[str, int]:
    """Return what the longest step of each kind did when something fell while everything was pushed."""
    play, _, account = a_shop(folder, count)
    play.zeroing = ZeroingGuard(share=Decimal("0.5"), count=3)
    sent: list[int] = []

    def hook(changes: Sequence[Change]) -> None:
        sent.append(sum(falls.get(change.listing.external_id) == change.new for change in changes))
        if len(sent) == 1:
            meter.longest.clear()
            tell_ledger(play, "main", **falls)

    account.hook = hook
    play.sync()
    # They went with the next batch but one at the latest: one was being composed.
    assert sum(sent[:3]) == len(falls)
    return dict(meter.longest)


def grown(few: Mapping[str, int], many: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Return the steps that did more in the larger shop than in the smaller one."""
    return {
        name: (few.get(name, 0), cost)
        for name, cost in many.items()
        if cost > 1.3 * few.get(name, 0) + 10 * GRAIN
    }


def test_no_step_of_a_full_run_grows_with_the_shop(meter: Meter, tmp_path: Path) -> None:
    """Nearly three times the products make more steps, and none longer, but for those that are named."""
    few = of_a_full_run(meter, tmp_path / "few", FEW)
    many = of_a_full_run(meter, tmp_path / "many", MANY)
    assert {name: costs for name, costs in grown(few, many).items() if name not in ALL_THAT_WAITS} == {}
    dear = {name: many[name] / MANY for name, most in ALL_THAT_WAITS.items() if many[name] > most * MANY}
    assert dear == {}


@pytest.mark.parametrize(
    "falls", [{"P00149": 1}, dict.fromkeys(("P00145", "P00146", "P00147", "P00148", "P00149"), 0)]
)
def test_what_falls_while_all_is_pushed_costs_what_it_is(
    meter: Meter, tmp_path: Path, falls: Mapping[str, int]
) -> None:
    """It is planned and judged by itself: nearly three times as many raises that wait make it no dearer.

    Nor do more zeros than the guard's count, as long as they are a small share of what shows something.
    """
    few = of_falls(meter, tmp_path / "few", FEW, falls)
    many = of_falls(meter, tmp_path / "many", MANY, falls)
    assert grown(few, many) == {}
