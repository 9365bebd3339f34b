"""Packs and kits: net each component first, the scarcest last; one account never promises a unit twice."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpstock.config import SharingSettings
from mpstock.errors import TransientError
from mpstock.inmemory import InMemorySource
from mpstock.testing import VirtualClock
from tests.reconcile.shops import Account, Play, make, shows


def products(play: Play, folder: Path, text: str) -> None:
    """Let the products file say this."""
    play.products = folder / "products.csv"
    play.products.write_text(text, encoding="utf-8")


def test_a_pack_of_six_shows_whole_packs_and_its_order_holds_six(tmp_path: Path) -> None:
    """Twenty on hand are three packs; one sold, two are left of fourteen."""
    play, _, account = make(tmp_path, {"TEA": 20}, self_decrements="yes")
    products(play, tmp_path, "sku,pack\nTEA,6\n")
    play.sync()
    assert shows(account) == {"TEA": 3}
    account.buy("TEA", 1, "main")
    play.sync()
    assert shows(account) == {"TEA": 2}
    with play.open() as shop:
        explained = shop.explain("TEA")
    assert [hold.quantity for hold in explained.holds] == [6]
    assert explained.listings[0].recipe == {"TEA": 6}


def test_a_pack_counts_in_its_own_sink_alone(tmp_path: Path) -> None:
    """Sold by six on one sink and singly on the other: a pack sold takes six units from the other."""
    clock = VirtualClock()
    source = InMemorySource({"TEA": 20}, clock=clock)
    one, two = (Account(["TEA"], clock=clock, self_decrements="yes") for _ in range(2))
    play = Play(tmp_path, {"erp": source}, {"one": one, "two": two}, clock=clock)
    products(play, tmp_path, "sku,one.pack\nTEA,6\n")
    play.sync()
    assert (shows(one), shows(two)) == ({"TEA": 3}, {"TEA": 20})
    one.buy("TEA", 1, "main")
    two.buy("TEA", 3, "main")
    play.sync()
    assert (shows(one), shows(two)) == ({"TEA": 1}, {"TEA": 11})


def test_a_kit_is_as_many_as_its_scarcest_component_allows(tmp_path: Path) -> None:
    """A short by three beside plenty of B is no kit at all, not thirty-three."""
    play, source, account = make(tmp_path, {"A": 30, "B": 8}, sells=["KIT"])
    products(play, tmp_path, "sku,components\nKIT,A:1 B:2\n")
    play.sync()
    assert shows(account) == {"KIT": 4}
    source.set("A", -3)
    play.sync()
    assert shows(account) == {"KIT": 0}


def test_an_order_of_a_kit_holds_each_component(tmp_path: Path) -> None:
    """One kit sold on one sink leaves the other sink's A and B."""
    clock = VirtualClock()
    source = InMemorySource({"A": 10, "B": 10}, clock=clock)
    kits = Account(["KIT"], clock=clock, self_decrements="yes")
    parts = Account(["A", "B"], clock=clock)
    play = Play(tmp_path, {"erp": source}, {"kits": kits, "parts": parts}, clock=clock)
    products(play, tmp_path, "sku,components\nKIT,A:1 B:3\n")
    play.sync()
    kits.buy("KIT", 2, "main")
    play.sync()
    assert (shows(kits), shows(parts)) == ({"KIT": 1}, {"A": 8, "B": 4})


def test_one_account_never_promises_a_component_twice(tmp_path: Path) -> None:
    """A alone and in a kit: together no more than there are of A; more of A is more for both."""
    play, source, account = make(tmp_path, {"A": 10, "B": 99}, sells=["A", "KIT"])
    products(play, tmp_path, "sku,components\nKIT,A:1 B:1\n")
    play.sync()
    assert shows(account) == {"A": 5, "KIT": 5}
    source.set("A", 3)
    play.sync()
    assert sum(shows(account).values()) == 3
    source.set("A", 1)
    play.sync()
    assert sum(shows(account).values()) == 1


def test_a_kit_that_appears_waits_until_its_neighbour_has_fallen(tmp_path: Path) -> None:
    """A has to give up five first; while it is refused nothing is promised for the kit."""
    play, _, account = make(tmp_path, {"A": 10, "B": 99}, sells=["A"])
    products(play, tmp_path, "sku,components\nKIT,A:1 B:1\n")
    play.sync()
    assert shows(account) == {"A": 10}
    account.sell_also("KIT")
    account.refuse("A", "NO", times=-1)
    play.sync()
    assert (shows(account)["A"], account.shown.get(("KIT", "main"), 0)) == (10, 0)
    account.accept("A")
    play.clock.advance(60)
    play.sync()
    assert shows(account) == {"A": 5, "KIT": 5}


def test_an_unknown_component_raises_no_kit_and_a_known_one_still_lowers_it(tmp_path: Path) -> None:
    """B is not known any more: the kit may fall with A, and not rise."""
    clock = VirtualClock()
    a, b = InMemorySource({"A": 5}, clock=clock), InMemorySource({"B": 5}, clock=clock)
    account = Account(["KIT"], clock=clock)
    play = Play(tmp_path, {"a": a, "b": b}, {"shop": account}, clock=clock)
    products(play, tmp_path, "sku,components\nKIT,A:1 B:1\n")
    play.sync()
    b.fail(TransientError("down"), times=2)
    a.set("A", 9)
    play.sync()
    assert shows(account) == {"KIT": 5}
    a.set("A", 2)
    play.sync()
    assert shows(account) == {"KIT": 2}


def test_a_changed_recipe_counts_for_orders_that_are_open(tmp_path: Path) -> None:
    """The pack was six and is twelve: the open order holds twelve from now on."""
    play, _, account = make(tmp_path, {"TEA": 48}, self_decrements="yes")
    products(play, tmp_path, "sku,pack\nTEA,6\n")
    play.sync()
    account.buy("TEA", 1, "main")
    play.sync()
    assert shows(account) == {"TEA": 7}
    products(play, tmp_path, "sku,pack\nTEA,12\n")
    play.sync()
    assert shows(account) == {"TEA": 3}


quantities = st.integers(-3, 30)


@pytest.mark.parametrize("mode", ["shared", "exclusive", "split"])
@settings(max_examples=12)
@given(a=quantities, b=quantities, c=quantities, n=st.integers(1, 3), m=st.integers(1, 3))
def test_no_component_is_promised_beyond_its_pool(
    tmp_path_factory: pytest.TempPathFactory, mode: str, a: int, b: int, c: int, n: int, m: int
) -> None:
    """Per account always, over both accounts where sharing is exclusive or split: Σ units ≤ the pool."""
    folder = tmp_path_factory.mktemp("kits")
    clock = VirtualClock()
    stock = {"A": a, "B": b, "C": c}
    source = InMemorySource(stock, clock=clock)
    sold = ["A", "B", "KIT", "SET"]
    accounts = {name: Account(sold, clock=clock) for name in ("one", "two")}
    play = Play(folder, {"erp": source}, accounts, clock=clock)
    play.sharing = SharingSettings(mode)  # type: ignore[arg-type]
    if mode == "split":
        play.set_sink("one", share=Decimal("0.3"))
        play.set_sink("two", share=Decimal("0.7"))
    products(play, folder, f"sku,components,two.pack\nKIT,A:{n} B:{m},\nSET,KIT:1 C:1,\nA,,2\n")
    play.sync()
    takes = {
        "A": {"A": 1}, "B": {"B": 1}, "KIT": {"A": n, "B": m}, "SET": {"A": n, "B": m, "C": 1},
    }  # fmt: skip
    promised: dict[str, dict[str, int]] = {}
    for name, account in accounts.items():
        units = dict.fromkeys(stock, 0)
        for sku, shown in shows(account).items():
            for part, each in takes[sku].items():
                units[part] += shown * each * (2 if (name, sku) == ("two", "A") else 1)
        promised[name] = units
    for part, there in stock.items():
        assert all(units[part] <= max(there, 0) for units in promised.values())
        if mode != "shared":
            assert sum(units[part] for units in promised.values()) <= max(there, 0)
    if mode == "shared":
        assert play.sync().pushed == 0


def test_explain_says_how_a_component_is_divided(tmp_path: Path) -> None:
    """Ten of A, five of them for the kit: the number of each listing can be followed to the unit."""
    play, _, account = make(tmp_path, {"A": 10, "B": 99}, sells=["A", "KIT"])
    products(play, tmp_path, "sku,components\nKIT,A:1 B:1\n")
    play.sync()
    with play.open() as shop:
        text = repr(shop.explain("A"))
    assert "A is divided: 5 of 10 are for this listing, the rest is for others" in text
    assert shows(account)["A"] == 5
