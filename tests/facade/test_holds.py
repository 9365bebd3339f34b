"""Open carts and pushed rows: what a program puts in, and what it takes off the listings."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from mpstock import Level, Shop
from mpstock.errors import ConfigurationError
from mpstock.inmemory import InMemorySource
from mpstock.testing import VirtualClock
from tests.reconcile.shops import REGISTRY, Account, Play, configuration, make, shows


def test_a_cart_is_taken_off_and_comes_back_when_it_expires(tmp_path: Path) -> None:
    """Held for a quarter of an hour: the run after that marks what has expired, though nothing else moved."""
    play, _, account = make(tmp_path, {"A": 10})
    play.sync()
    with play.open() as shop:
        assert shop.hold("cart-1", "A", 4, expires_in=timedelta(minutes=15))
    play.sync()
    assert shows(account) == {"A": 6}
    play.clock.advance(14 * 60)
    play.sync()
    assert shows(account) == {"A": 6}
    play.clock.advance(60)
    play.sync()
    assert shows(account) == {"A": 10}


def test_a_release_is_at_once_and_a_second_one_says_no(tmp_path: Path) -> None:
    """Released by its key; a key that is not there is told."""
    play, _, account = make(tmp_path, {"A": 10})
    play.sync()
    with play.open() as shop:
        shop.hold("cart-1", "A", 4)
        shop.sync()
        assert shows(account) == {"A": 6}
        assert shop.release("cart-1")
        assert not shop.release("cart-1")
        shop.sync()
    assert shows(account) == {"A": 10}


def test_a_hold_with_the_same_key_is_replaced_and_an_order_takes_over_its_cart(tmp_path: Path) -> None:
    """Four in the cart, then five, then the order of five: never nine."""
    play, _, account = make(tmp_path, {"A": 10})
    play.sync()
    with play.open() as shop:
        shop.hold("cart-1", "A", 4)
        shop.hold("cart-1", "A", 5)
        shop.sync()
        assert shows(account) == {"A": 5}
        shop.hold("order-1", "A", 5, replaces="cart-1", expires_in=None)
        shop.sync()
    assert shows(account) == {"A": 5}


def test_the_last_unit_is_held_once(tmp_path: Path) -> None:
    """Ten shoppers ask for one of three at the same moment: three get it, and no more."""
    play, _, _ = make(tmp_path, {"A": 3})
    play.sync()
    config = configuration(play.ledger, play.sources.values(), play.sinks.values())
    got: list[bool] = []
    with Shop(config, plugins=REGISTRY, clock=play.clock) as shop:
        threads = [
            threading.Thread(
                target=lambda n=n: got.append(shop.hold(f"cart-{n}", "A", 1, only_if_available=True))
            )
            for n in range(10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got) == [False] * 7 + [True] * 3
        assert shop.hold("cart-x", "A", 1, only_if_available=True) is False


def test_a_cart_that_grows_is_not_refused_for_its_own_units(tmp_path: Path) -> None:
    """Two of three are held by this very cart: three are available to it, four are not; it keeps its two."""
    play, _, account = make(tmp_path, {"A": 3})
    play.sync()
    with play.open() as shop:
        assert shop.hold("c", "A", 2, only_if_available=True)
        assert not shop.hold("c", "A", 4, only_if_available=True)
        shop.sync()
        assert shows(account) == {"A": 1}
        assert shop.hold("c", "A", 3, only_if_available=True)


def test_bots_cannot_empty_the_shop_with_carts(tmp_path: Path) -> None:
    """`max_per_sku`: of all carts together at most five units count."""
    play, source, account = make(tmp_path, {"A": 10})
    carts = InMemorySource(clock=play.clock)
    both = Play(tmp_path, {"erp": source, "carts": carts}, {"shop": account}, clock=play.clock)
    both.set_source("carts", max_per_sku=5)
    with both.open() as shop:
        shop.sync()
        for number in range(20):
            shop.hold(f"bot-{number}", "A", 9)
        shop.sync()
    assert shows(account) == {"A": 5}


def test_a_hold_of_a_kit_holds_its_components(tmp_path: Path) -> None:
    """Two kits of one A and two B: two A and four B are spoken for."""
    play, _, account = make(tmp_path, {"A": 10, "B": 10})
    (tmp_path / "products.csv").write_text("sku,components\nKIT,A:1 B:2\n", encoding="utf-8")
    play.products = tmp_path / "products.csv"
    play.sync()
    with play.open() as shop:
        assert shop.hold("cart", "KIT", 2, only_if_available=True)
        assert not shop.hold("other", "KIT", 4, only_if_available=True)
        shop.sync()
    assert shows(account) == {"A": 8, "B": 6}


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "2", True, None])
def test_a_hold_takes_whole_units(tmp_path: Path, quantity: object) -> None:
    """What is no number of units is refused by name, and nothing is held."""
    play, _, account = make(tmp_path, {"A": 3})
    play.sync()
    with play.open() as shop:
        with pytest.raises(ConfigurationError, match="whole units"):
            shop.hold("c", "A", quantity)  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match="no source knows 'B'"):
            shop.hold("c", "B", 1)
        shop.sync()
    assert shows(account) == {"A": 3}


def test_pushed_rows_lower_at_once_and_raise_only_after_a_reading(tmp_path: Path) -> None:
    """5, 0, and the 5 once more because it was retried: it does not end at 5."""
    play, source, account = make(tmp_path, {"A": 9})
    play.sync()
    with play.open() as shop:
        for quantity in (5, 0, 5):
            shop.receive("erp", [Level("A", "main", quantity)])
        source.fail(TimeoutError("not now"))
        shop.sync()
        assert shows(account) == {"A": 0}
        source.set("A", 7)
        play.clock.advance(1)
        shop.sync()
    assert shows(account) == {"A": 7}


def test_a_pushed_row_is_not_undone_by_a_reading_that_began_before_it(tmp_path: Path) -> None:
    """The source was asked, the row came, then its answer: the lower number stands until a new reading."""
    play, source, account = make(tmp_path, {"A": 9, "B": 1})
    play.sync()
    read = source.read
    with play.open() as shop:

        async def late(cursor: str | None):
            async for page in read(cursor):
                play.clock.advance(2)
                await shop._shop.receive("erp", [Level("A", "main", 2)])
                yield page

        source.set("A", 8)
        source.read = late  # type: ignore[method-assign]
        shop.sync()
        assert shows(account) == {"A": 2, "B": 1}
        source.read = read  # type: ignore[method-assign]
        play.clock.advance(1)
        shop.sync()
    assert shows(account) == {"A": 8, "B": 1}


def test_a_row_with_a_time_counts_as_of_then(tmp_path: Path) -> None:
    """Newer than the reading it raises, older it does nothing; a time to come counts as now."""
    play, _, account = make(tmp_path, {"A": 9})
    play.sync()
    with play.open() as shop:
        now = play.clock.now()
        assert shop.receive("erp", [Level("A", "main", 4, updated_at=now - timedelta(hours=1))]) == 0
        assert shop.receive("erp", [Level("A", "main", 12, updated_at=now + timedelta(days=9))]) == 1
        play.clock.advance(1)
        shop.sync()
        with pytest.raises(ConfigurationError, match="there is no source 'epr'"):
            shop.receive("epr", [])
    assert shows(account) == {"A": 12}


def test_a_hold_needs_no_run_and_no_turn(tmp_path: Path) -> None:
    """It is put in while a run is under way in the same process."""
    clock = VirtualClock()
    source = InMemorySource({"A": 10}, clock=clock)
    account = Account(["A"], clock=clock)
    play = Play(tmp_path, {"erp": source}, {"shop": account}, clock=clock)
    play.sync()
    with play.open() as shop:
        account.hook = lambda _changes: None
        source.set("A", 9)
        shop.sync()
        assert shop.hold("c", "A", 1)
        shop.sync()
    assert shows(account) == {"A": 8}
