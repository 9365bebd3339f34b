"""What is not known yet is neither nothing nor anything: the first readings may fail, or be half."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mpstock.config import SharingSettings, SinkWarehouse
from mpstock.errors import TransientError
from mpstock.inmemory import InMemorySource
from mpstock.testing import VirtualClock
from tests.reconcile.shops import Account, Play, shows

FEEDS = (SinkWarehouse("near", ("main",)), SinkWarehouse("far", ("msk", "supplier")))


def seller(folder: Path, erp: dict[tuple[str, str], int | None], listed: dict[tuple[str, str], int | None]):
    """A seller with a warehouse system and a supplier's list, and an account that shows something already."""
    clock = VirtualClock()
    sources = {
        "erp": InMemorySource(erp, clock=clock, page=1),
        "list": InMemorySource(listed, clock=clock),
    }
    account = Account(
        ["A"], warehouses=("near", "far"), shown={("A", "near"): 4, ("A", "far"): 7}, clock=clock
    )
    play = Play(folder, sources, {"shop": account}, clock=clock)
    play.set_source("list", group="supplier")
    play.set_sink("shop", warehouses=FEEDS)
    return play, sources, account


def test_what_no_reading_has_come_to_is_not_zero(tmp_path: Path) -> None:
    """The first reading fails before the rows of one warehouse: its listing keeps what it shows."""
    play, sources, account = seller(tmp_path, {("A", "main"): 3, ("B", "main"): 1, ("A", "msk"): 9}, {})
    sources["erp"].fail(TransientError("no route to host"), after=2)
    play.sync()
    assert shows(account, "far") == {"A": 7}
    play.sync()
    assert shows(account, "far") == {"A": 9}


def test_a_source_that_was_never_read_may_know_of_a_shortage(tmp_path: Path) -> None:
    """The warehouse system cannot be read yet, and is short of 5: what the supplier has raises nothing."""
    play, sources, account = seller(tmp_path, {("A", "msk"): -5}, {("A", "supplier"): 12})
    sources["erp"].fail(TransientError("no route to host"))
    play.sync()
    assert shows(account, "far") == {"A": 7}
    play.sync()
    assert shows(account, "far") == {"A": 7}  # 12 − 5


def test_a_first_answer_that_doubts_itself_says_nothing_of_what_it_leaves_out(tmp_path: Path) -> None:
    """Some rows could not be told apart: a product that is missing from them may be one of these."""
    clock = VirtualClock()
    source = InMemorySource({"B": 6}, clock=clock, absent="unknown")
    account = Account(["A", "B"], shown={("A", "main"): 4, ("B", "main"): 0}, clock=clock)
    play = Play(tmp_path, {"erp": source}, {"shop": account}, clock=clock)
    play.sync()
    assert shows(account) == {"A": 4, "B": 6}


def test_a_cart_does_not_take_what_nobody_knows_of(tmp_path: Path) -> None:
    """`only_if_available` holds nothing of a product whose quantity was never known."""
    clock = VirtualClock()
    source = InMemorySource({"A": None, "B": 2}, clock=clock)
    account = Account(["A", "B"], clock=clock)
    play = Play(tmp_path, {"erp": source}, {"shop": account}, clock=clock)
    play.sync()
    with play.open() as shop:
        assert not shop.hold("one", "A", 1, only_if_available=True)
        assert shop.hold("two", "B", 2, only_if_available=True)


@pytest.mark.parametrize("sharing", ["split", "exclusive"])
def test_a_shortage_that_falls_to_anothers_part_is_missing_everywhere(tmp_path: Path, sharing: Any) -> None:
    """msk is short of 1 and feeds both: who has 6 elsewhere shows 5, whoever bears the shortage."""
    clock = VirtualClock()
    source = InMemorySource({("A", "msk"): -1, ("A", "far"): 6}, clock=clock)
    one = Account(["A"], warehouses=("w",), shown={("A", "w"): 0}, clock=clock, account="one")
    two = Account(["A"], warehouses=("w",), shown={("A", "w"): 0}, clock=clock, account="two")
    play = Play(tmp_path, {"erp": source}, {"one": one, "two": two}, clock=clock)
    share = {"share": Decimal("0.5")} if sharing == "split" else {}
    play.set_sink("one", warehouses=(SinkWarehouse("w", ("msk",)),), priority=1, **share)
    play.set_sink("two", warehouses=(SinkWarehouse("w", ("msk", "far")),), priority=2, **share)
    play.sharing = SharingSettings(sharing)
    play.sync()
    assert (one.shown["A", "w"], two.shown["A", "w"]) == (0, 5)


def test_an_order_of_nobody_knows_where_is_in_none_of_two_promises(tmp_path: Path) -> None:
    """main 2, msk 2, and an order of 2 that is in msk or far: what is shown beside each other is 2, not 4."""
    clock = VirtualClock()
    source = InMemorySource({("A", "main"): 2, ("A", "msk"): 2, ("A", "far"): 0}, clock=clock)
    own = Account(["A"], warehouses=("o1", "o2"), clock=clock, account="own")
    other = Account(["A"], warehouses=("w",), shown={("A", "w"): 2}, clock=clock, account="other")
    play = Play(tmp_path, {"erp": source}, {"own": own, "other": other}, clock=clock)
    play.set_sink("own", warehouses=(SinkWarehouse("o1", ("main", "msk")), SinkWarehouse("o2", ("main",))))
    play.set_sink("other", warehouses=(SinkWarehouse("w", ("msk", "far")),))
    play.sync()
    other.buy("A", 2, "w")
    play.sync()
    play.sync()
    assert sum(own.shown.get(("A", code), 0) for code in own.warehouses) == 2


def test_a_listing_that_nothing_feeds_here_takes_nothing_here(tmp_path: Path) -> None:
    """One sink warehouse's own warehouse is not known yet: the other's listing is not lowered for it."""
    play, sources, account = seller(tmp_path, {("A", "main"): 4}, {("A", "supplier"): 5})
    (tmp_path / "products.csv").write_text("sku,components\nK,A:1\n", encoding="utf-8")
    play.products = tmp_path / "products.csv"
    sources["erp"].fail(TransientError("no route to host"))
    play.sync()
    assert shows(account, "near") == {"A": 4}
    assert shows(account, "far") == {"A": 5}


def test_an_order_of_nobody_knows_where_is_taken_off_once_beside_a_neighbour(tmp_path: Path) -> None:
    """main 3, msk 3, far 6, and one unit ordered from nobody knows which: 5 and 6."""
    clock = VirtualClock()
    source = InMemorySource({("A", "main"): 3, ("A", "msk"): 3, ("A", "far"): 6}, clock=clock)
    one = Account(["A"], warehouses=("w",), clock=clock, account="one")
    two = Account(["A"], warehouses=("w",), clock=clock, account="two")
    play = Play(tmp_path, {"erp": source}, {"one": one, "two": two}, clock=clock)
    play.set_sink("one", warehouses=(SinkWarehouse("w", ("main", "msk")),), priority=1)
    play.set_sink("two", warehouses=(SinkWarehouse("w"),), priority=2)
    play.sharing = SharingSettings("exclusive")
    play.sync()
    two.buy("A", 1, "w")
    play.sync()
    assert (one.shown["A", "w"], two.shown["A", "w"]) == (5, 6)
