"""What makes a product be looked at again (semantics §5).

Each test runs incrementally: nothing but the named event may be what moves the number.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from mpstock import Hold
from mpstock.errors import TransientError
from tests.reconcile.shops import shows, source_config
from tests.semantics.stories import HOUR, MINUTE, Erp, Market, Seller, fed, seller


def _level(play: Seller, erp: Erp, market: Market) -> dict[str, int]:
    erp.set("A", 4)
    return {"A": 4}


def _reserve(play: Seller, erp: Erp, market: Market) -> dict[str, int]:
    erp.set("A", 10, reserved=3)
    return {"A": 7}


def _source_hold(play: Seller, erp: Erp, market: Market) -> dict[str, int]:
    erp.hold(Hold("h", "A", 2, play.clock.now(), "main"))
    return {"A": 8}


def _own_order(play: Seller, erp: Erp, market: Market) -> dict[str, int]:
    market.buy("A", 3, "main")
    return {"A": 7}


def _policy(play: Seller, erp: Erp, market: Market) -> dict[str, int]:
    play.set_sink("shop", buffer={"policy": "all", "cap": 6})
    return {"A": 6}


def _feeds(play: Seller, erp: Erp, market: Market) -> dict[str, int]:
    play.set_sink("shop", warehouses=(fed("main", "elsewhere"),))
    return {"A": 0}


def _products_file(play: Seller, erp: Erp, market: Market) -> dict[str, int]:
    play.write_products("sku,buffer.cap\nA,5\n")
    return {"A": 5}


def _pack(play: Seller, erp: Erp, market: Market) -> dict[str, int]:
    play.write_products("sku,shop.pack\nA,3\n")
    return {"A": 3}


def _kit(play: Seller, erp: Erp, market: Market) -> dict[str, int]:
    play.write_products("sku,components\nA,P:2\n")
    return {"A": 4}


def _rule(play: Seller, erp: Erp, market: Market) -> dict[str, int]:
    other = Erp({"A": 2}, clock=play.clock)
    play.sources["other"] = source_config("other", other, rule="min")
    play.set_source("erp", rule="min")
    return {"A": 2}


def _voided_base(play: Seller, erp: Erp, market: Market) -> dict[str, int]:
    erp.set("A", 4)
    market.doubt(applied=False, times=9)
    play.sync()
    market.heal()
    return {"A": 4}


EVENTS: list[Callable[[Seller, Erp, Market], dict[str, int]]] = [
    _level, _reserve, _source_hold, _own_order, _policy, _feeds, _products_file, _pack, _kit, _rule,
    _voided_base,
]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__.removeprefix("_"))
def test_what_moves_a_number(tmp_path: Path, event: Callable[[Seller, Erp, Market], dict[str, int]]) -> None:
    """A 10 is shown; one thing happens; the next incremental run shows what follows from it, and rests."""
    play, erp, market = seller(tmp_path, {"A": 10, "P": 9}, sells=["A"])
    play.sync()
    expected = event(play, erp, market)
    play.wait(MINUTE)
    play.sync()
    assert shows(market) == expected
    market.pushes.clear()
    play.sync()
    assert market.pushes == []


def test_a_cancel_does(tmp_path: Path) -> None:
    """10, 3 ordered, 7; the cancel alone brings 10 back."""
    play, _, market = seller(tmp_path, {"A": 10})
    play.sync()
    order = market.buy("A", 3, "main")
    play.sync()
    market.cancel(order.key)
    play.sync()
    assert shows(market) == {"A": 10}


def test_the_expiry_of_a_hold_does(tmp_path: Path) -> None:
    """A hold of 2 for ten minutes: 8, and 10 afterwards, though no level and no hold was told anew."""
    play, erp, market = seller(tmp_path, {"A": 10})
    now = play.clock.now()
    erp.hold(Hold("h", "A", 2, now, "main", now + timedelta(minutes=10)))
    play.sync()
    assert shows(market) == {"A": 8}
    play.wait(10 * MINUTE)
    play.sync()
    assert shows(market) == {"A": 10}


def test_the_lag_of_an_absorbed_order_does(tmp_path: Path) -> None:
    """10 free and booked in advance, 3 ordered: 7 until 15 minutes have passed, then 10, by time alone."""
    play, _, market = seller(tmp_path, {"A": 10})
    play.absorbs("erp", "order", 15 * MINUTE)
    play.sync()
    market.buy("A", 3, "main")
    play.sync()
    assert shows(market) == {"A": 7}
    play.wait(20 * MINUTE)
    play.sync()
    assert shows(market) == {"A": 10}


def test_an_age_limit_that_has_passed_does(tmp_path: Path) -> None:
    """`max` of two sources: the higher one grows old, a raise that was not sent yet is not sent any more."""
    play, _, market = seller(tmp_path, {"A": 4})
    old = Erp({"A": 4}, clock=play.clock)
    play.sources["old"] = source_config("old", old, rule="max", max_age=timedelta(hours=2))
    play.set_source("erp", rule="max")
    play.sync()
    old.set("A", 9)
    market.fail_push(TransientError("maintenance"), times=99)
    play.sync()
    market.heal()
    assert shows(market) == {"A": 4}
    play.wait(3 * HOUR)
    old.fail(TransientError("no route to host"), times=9)
    play.sync()
    assert shows(market) == {"A": 4}
    old._failures.clear()
    play.sync()
    assert shows(market) == {"A": 9}


def test_a_new_listing_does(tmp_path: Path) -> None:
    """A product that had stock before is listed now: it shows its 3."""
    play, _, market = seller(tmp_path, {"A": 10, "B": 3}, sells=["A"])
    play.sync()
    market.sell_also("B")
    play.sync()
    assert shows(market) == {"A": 10, "B": 3}


def test_a_changed_mapping_does(tmp_path: Path) -> None:
    """The offer A is B from now on, by the products file: B's 3 are shown."""
    play, _, market = seller(tmp_path, {"A": 10, "B": 3}, sells=["A"])
    play.sync()
    assert shows(market) == {"A": 10}
    play.write_products("sku,shop.external_id\nB,A\n")
    play.sync()
    assert shows(market) == {"A": 3}


def test_a_changed_mapping_moves_the_orders_too(tmp_path: Path) -> None:
    """The offer A is B from now on: the 2 that are on order are B's, and 3 − 2 = 1 is shown."""
    play, _, market = seller(tmp_path, {"A": 10, "B": 3}, sells=["A"])
    play.sync()
    market.buy("A", 2, "main")
    play.sync()
    play.write_products("sku,shop.external_id\nB,A\n")
    play.sync()
    assert shows(market) == {"A": 1}


def test_drift_does(tmp_path: Path) -> None:
    """Somebody writes 3 in the cabinet: found by the read-back of a full run, and mended."""
    play, _, market = seller(tmp_path, {"A": 10})
    play.sync()
    market.shown["A", "main"] = 3
    play.sync(full=True)
    assert shows(market) == {"A": 10}


def test_nothing_at_all_does_not(tmp_path: Path) -> None:
    """Ten runs in which nothing happened send nothing."""
    play, _, market = seller(tmp_path, {"A": 10})
    play.sync()
    market.buy("A", 1, "main")
    play.sync()
    market.pushes.clear()
    for _ in range(10):
        play.wait(MINUTE)
        play.sync()
    assert market.pushes == []
