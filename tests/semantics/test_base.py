"""The base of a difference is what the marketplace shows now (semantics §1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from mpstock.errors import TransientError
from tests.reconcile.shops import shows
from tests.semantics.stories import HOUR, MINUTE, seller


@pytest.mark.parametrize("declared", ["yes", "unknown"])
def test_a_capped_listing_that_sold_out_is_refilled(tmp_path: Path, declared: str) -> None:
    """Cap 100, ERP 500: 100 are sold and 0 is shown; wanted 100 = confirmed 100, and yet 100 must be sent."""
    play, erp, market = seller(tmp_path, {"A": 500}, self_decrements=declared)
    play.set_sink("shop", buffer={"policy": "all", "cap": 100})
    market.lowers = True
    play.sync()
    assert shows(market) == {"A": 100}
    play.wait(MINUTE)
    market.buy("A", 100, "main")
    assert shows(market) == {"A": 0}
    play.sync()
    assert shows(market) == {"A": 100}
    play.wait(HOUR)
    erp.set("A", 400)
    market.ship(next(iter(market._orders)))
    play.wait(HOUR)
    play.sync()
    assert shows(market) == {"A": 100}
    assert market.written == [100, 100]


@pytest.mark.parametrize("declared", ["yes", "unknown"])
def test_a_sale_that_was_restocked_is_shown_again(tmp_path: Path, declared: str) -> None:
    """ERP 10, 2 sold, ERP books them and restocks 2: wanted 10 = confirmed 10, and the listing shows 8."""
    play, erp, market = seller(tmp_path, {"A": 10}, self_decrements=declared)
    play.absorbs("erp", "order", 15 * MINUTE)
    market.lowers = True
    play.sync()
    play.wait(MINUTE)
    market.buy("A", 2, "main")
    assert shows(market) == {"A": 8}
    play.wait(HOUR)
    erp.set("A", 8)
    erp.set("A", 10)
    play.sync()
    assert shows(market) == {"A": 10}


def test_a_restock_is_shown_too_when_the_sale_was_seen_first(tmp_path: Path) -> None:
    """The same, with a run after the sale and one after the booking: 8, 8, 10."""
    play, erp, market = seller(tmp_path, {"A": 10}, self_decrements="yes")
    play.absorbs("erp", "order", 15 * MINUTE)
    market.lowers = True
    play.sync()
    market.buy("A", 2, "main")
    seen = []
    for quantity in (10, 8, 10):
        erp.set("A", quantity)
        play.sync()
        seen.append(shows(market)["A"])
        play.wait(HOUR)
    assert seen == [8, 8, 10]


@pytest.mark.parametrize("booked", [10, 8], ids=["not booked yet", "booked"])
@pytest.mark.parametrize("declared", ["yes", "unknown"])
def test_a_plain_sale_is_not_pushed(tmp_path: Path, declared: str, booked: int) -> None:
    """10 shown, 2 sold, 8 shown, and 8 are wanted, by the order's hold or by the ERP's books: no write."""
    play, erp, market = seller(tmp_path, {"A": 10}, self_decrements=declared)
    play.absorbs("erp", "order", 0 if booked == 8 else 15 * MINUTE)
    market.lowers = True
    play.sync()
    market.pushes.clear()
    market.buy("A", 2, "main")
    erp.set("A", booked)
    play.wait(MINUTE)
    play.sync()
    assert shows(market) == {"A": 8}
    assert market.pushes == []


def test_a_sale_on_an_account_that_does_not_lower_itself_is_pushed(tmp_path: Path) -> None:
    """The account goes on showing 10 after 2 were sold: 8 must be sent."""
    play, _, market = seller(tmp_path, {"A": 10}, self_decrements="no")
    play.sync()
    market.buy("A", 2, "main")
    assert shows(market) == {"A": 10}
    play.sync()
    assert shows(market) == {"A": 8}


@pytest.mark.parametrize("raises", [True, False])
def test_a_cancel_voids_the_base(tmp_path: Path, raises: bool) -> None:
    """10, 2 sold, cancelled before handover: 10 again, whether the account raises by itself or not."""
    play, _, market = seller(tmp_path, {"A": 10}, self_decrements="unknown")
    market.lowers, market.raises_on_cancel = True, raises
    play.sync()
    order = market.buy("A", 2, "main")
    play.sync()
    assert shows(market) == {"A": 8}
    market.pushes.clear()
    market.cancel(order.key)
    play.sync()
    assert shows(market) == {"A": 10}
    assert market.written == ([] if raises else [10])


@pytest.mark.parametrize("applied", [True, False])
def test_a_kill_before_the_outcome_voids_the_base(tmp_path: Path, applied: bool) -> None:
    """Confirmed 10, the raise to 50 arrives and the process dies; stock is 10 again, 50 is shown."""
    play, erp, market = seller(tmp_path, {"A": 10})
    play.sync()
    erp.set("A", 50)
    market.kill(applied=applied)
    play.dies()
    assert shows(market) == {"A": 50 if applied else 10}
    erp.set("A", 10)
    play.sync()
    assert shows(market) == {"A": 10}


@pytest.mark.parametrize("applied", [True, False])
def test_a_timeout_voids_the_base(tmp_path: Path, applied: bool) -> None:
    """The same with an answer that never came: nobody believes the old 10."""
    play, erp, market = seller(tmp_path, {"A": 10})
    play.sync()
    erp.set("A", 50)
    market.doubt(applied=applied)

    def restock() -> None:
        market.after_push = None
        erp.set("A", 10)

    market.after_push = restock
    play.sync()
    play.sync()
    assert shows(market) == {"A": 10}


def test_what_the_account_shows_after_a_doubt_is_not_raised_while_the_source_is_down(tmp_path: Path) -> None:
    """Confirmed 10, a fall to 4 in doubt and not applied, then the ERP is down: never above 4."""
    play, erp, market = seller(tmp_path, {"A": 10})
    play.sync()
    erp.set("A", 4)
    market.doubt(applied=False, times=9)
    play.sync()
    market.heal()
    erp.fail(TransientError("no route to host"), times=9)
    play.sync()
    assert shows(market) == {"A": 4}
    assert max(market.written[1:]) == 4


def test_somebody_else_s_write_is_found_and_replaced(tmp_path: Path) -> None:
    """Confirmed 10, a person in the cabinet writes 50: the read-back of a full run finds it."""
    play, _, market = seller(tmp_path, {"A": 10})
    play.sync()
    market.shown["A", "main"] = 50
    report = play.sync(full=True)
    assert shows(market) == {"A": 10}
    assert report.sinks["shop"].drifted == 1
