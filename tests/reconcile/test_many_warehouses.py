"""One product in many warehouses of one account: the work follows its listings and the pushes, not both."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock import Change, Listing, OutcomeStatus
from mpstock.config import SinkWarehouse
from mpstock.inmemory import InMemorySource
from mpstock.ledger import Ledger
from mpstock.reconcile.adapters import fingerprint, fingerprinter
from mpstock.reconcile.availability import Pool
from mpstock.reconcile.planning import Planner
from mpstock.reconcile.sharing import divide
from mpstock.testing import VirtualClock
from tests.reconcile.shops import Account, Play, make

COUNT = 12
CODES = [f"w{number:02}" for number in range(COUNT)]


def a_product(folder: Path, fed: str) -> tuple[Play, InMemorySource, Account]:
    """Return a seller of one product, that is sold from a dozen warehouses, each written by itself.

    They are fed `apart`, each by its own warehouse, or `together`, each with its share of one.
    """
    clock = VirtualClock()
    own = {code: f"own-{code}" if fed == "apart" else "main" for code in CODES}
    levels = {("A", place): 60 // len(set(own.values())) for place in own.values()}
    source = InMemorySource(levels, clock=clock)
    account = Account(
        [Listing("A", code, ("A",), {"external_id": ("A",)}) for code in CODES],
        warehouses=CODES,
        clock=clock,
        by_warehouse=True,
    )
    play = Play(folder, {"erp": source}, {"shop": account}, clock=clock)
    share = None if fed == "apart" else Decimal(1) / COUNT
    play.set_sink("shop", warehouses=tuple(SinkWarehouse(c, (own[c],), share=share) for c in CODES))
    return play, source, account


@pytest.fixture
def reckoned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The products that were reckoned, one entry for each time."""
    products: list[int] = []
    evaluate = Planner.evaluate

    def heard(planner: Planner, product_ids: Sequence[int]) -> Any:
        products.extend(product_ids)
        return evaluate(planner, product_ids)

    monkeypatch.setattr(Planner, "evaluate", heard)
    return products


def explanations(play: Play) -> int:
    """Return how many texts are kept of what numbers were reckoned from."""
    ledger = Ledger(f"sqlite:///{play.ledger}")
    try:
        return int(ledger.explanations.db.scalar("SELECT count(*) FROM explanations"))
    finally:
        ledger.close()


@pytest.mark.parametrize("fed", ["apart", "together"])
def test_a_product_is_reckoned_once_and_not_for_each_of_its_pushes(
    tmp_path: Path, fed: str, reckoned: list[int]
) -> None:
    """Twelve requests for one product: it is reckoned once, and explained by one text, also as it falls."""
    play, source, account = a_product(tmp_path, fed)
    for run, each in enumerate((5, 4, 7), 1):
        for place in {"main"} if fed == "together" else {f"own-{code}" for code in CODES}:
            source.set("A", each * (COUNT if fed == "together" else 1), warehouse=place)
        account.pushes.clear()
        reckoned.clear()
        play.sync()
        assert account.shown == {("A", code): each for code in CODES}
        assert len(account.pushes) == COUNT
        assert len(reckoned) == 1
        assert explanations(play) == run


def test_every_number_is_explained_as_it_was_sent(tmp_path: Path) -> None:
    """One text serves all warehouses: each of them tells its own number, as the run sent it."""
    play, _, account = a_product(tmp_path, "together")
    run = play.sync().run
    with play.open() as shop:
        told = shop.explain("A", run=run)
    assert {one.warehouse: one.wanted for one in told.listings} == {c: account.shown["A", c] for c in CODES}
    assert {one.sent for one in told.listings} == {5}


def test_a_raise_that_was_explained_still_waits_for_a_neighbour_in_doubt(tmp_path: Path) -> None:
    """Both rise by shares; of the first nobody knows what it shows: the second waits for it."""
    play, source, account = make(
        tmp_path, {("A", "main"): 10}, warehouses=("w1", "w2"), by_warehouse=True, pair_cooldown=30
    )
    half = Decimal("0.5")
    play.set_sink("shop", warehouses=(SinkWarehouse("w1", share=half), SinkWarehouse("w2", share=half)))
    play.sync()
    play.clock.advance(60)
    source.set("A", 30)
    account.refuse("A", "LOST", warehouse="w1", status=OutcomeStatus.DOUBT)
    known: list[bool] = []

    def judge(changes: Sequence[Change]) -> None:
        raised = [change for change in changes if change.listing.warehouse == "w2" and change.new > 5]
        if raised:
            known.append(account.shown["A", "w1"] == 15)

    account.hook = judge
    play.sync()
    assert all(known)
    account.hook = None
    play.clock.advance(60)
    play.sync()
    assert account.shown == {("A", "w1"): 15, ("A", "w2"): 15}


@given(st.dictionaries(st.integers(0, 6), st.integers(-20, 90), min_size=1), st.data())
def test_parts_of_what_many_may_take_add_up_to_it(amounts: dict[int, int], data: st.DataObject) -> None:
    """Whoever reaches what: everything that somebody reaches is divided, and no unit of it twice."""
    takers = data.draw(
        st.lists(st.none() | st.frozensets(st.integers(0, 6), min_size=1), min_size=1, max_size=9)
    )
    own = {place: Pool(amount, True) for place, amount in amounts.items()}
    parts = divide(own, [Decimal(1)] * len(takers), [[feeds] for feeds in takers], whole=True)
    reached = {place for place in own if any(feeds is None or place in feeds for feeds in takers)}
    assert sum(pool.amount for part in parts for pool in part.values()) == sum(amounts[p] for p in reached)
    for feeds, part in zip(takers, parts, strict=True):
        assert set(part) == {place for place in own if feeds is None or place in feeds}


@given(st.lists(st.integers() | st.text() | st.lists(st.text()), min_size=1), st.text() | st.none())
def test_what_many_have_in_common_is_told_once_and_counts_as_ever(common: list[Any], last: Any) -> None:
    """The fingerprint of settings is the same, however it is made: else all were planned anew."""
    assert fingerprinter(*common)(last) == fingerprint(*common, last)
