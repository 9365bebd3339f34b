"""The doubles that keep an account or a stockroom by themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock import Rate
from mpstock.simulation import AccountSimulator, StockroomSimulator
from mpstock.testing import VirtualClock


class Account(AccountSimulator):
    def settings(self, url: str) -> dict[str, Any]:
        return {}


class Stockroom(StockroomSimulator):
    def settings(self, url: str) -> dict[str, Any]:
        return {}


STEPS = ("assemble", "ship", "cancel")


@given(steps=st.lists(st.sampled_from(STEPS), max_size=6), lowers=st.booleans(), returns=st.booleans())
def test_units_of_an_order_are_somewhere(steps: list[str], lowers: bool, returns: bool) -> None:
    """Whatever happens to an order, its units are shown, spoken for, or gone; none is there twice."""
    double = Account(["A"], clock=VirtualClock(), lowers=lowers, cancel_returns=returns)
    assert double.write("A", "1", 5) == 0.0
    (key,) = double.buy("A", "1", 2)
    for step in steps:
        getattr(double, step)(key)
    order = double.orders[key]
    first_end = next((step for step in steps if step in ("ship", "cancel")), None)
    assert order.is_open == (first_end is None)
    assert double.reserved("A", "1") == (2 if order.is_open else 0)
    back = returns and first_end == "cancel"
    assert double.showing("A", "1") == (5 if not lowers or back else 3)
    if first_end == "ship":
        assert order.shipped_at is not None
    if first_end == "cancel":
        assert order.shipped_at is None


def test_more_than_is_shown_cannot_be_bought() -> None:
    """Also where the number does not fall by itself: what is ordered is not there twice."""
    for lowers in (True, False):
        double = Account(["A"], ["1", "2"], clock=VirtualClock(), lowers=lowers)
        double.set_shown("A", "1", 3)
        assert len(double.buy("A", "1", 2)) == 1
        assert double.buy("A", "1", 2) == []
        assert len(double.buy("A", "1")) == 1
        assert double.buy("A", "2") == []
        assert double.buy("A", "1", 0) == []


def test_a_pair_that_rests_is_not_written() -> None:
    """Nothing changes, and the double is told how long to wait."""
    clock = VirtualClock()
    double = Account(["A"], clock=clock, pair_cooldown=10.0)
    assert double.write("A", "1", 5) == 0.0
    clock.advance(4)
    assert double.write("A", "1", 6) == pytest.approx(6)
    assert dict(double.shown()) == {("A", "1"): 5}
    clock.advance(6)
    assert double.write("A", "1", 6) == 0.0


def test_an_account_knows_what_it_sells() -> None:
    """Every article in every warehouse; what was never written shows 0; when an order changed is known."""
    clock = VirtualClock()
    double = Account(["A", "B"], ["1", "2"], clock=clock, rates=[Rate("push", 60, 60.0)], rate_model="leaky")
    assert set(double.shown()) == {(sku, code) for sku in "AB" for code in "12"}
    assert double.sells("A", "2")
    assert not double.sells("A", "3")
    assert not double.sells("C", "1")
    double.set_shown("B", "2", 4)
    (key,) = double.buy("B", "2")
    clock.advance(60)
    double.ship(key)
    assert double.orders[key].changed_at == clock.now()
    assert double.limits is not None
    assert double.limits.model == "leaky"


@pytest.mark.parametrize("change", [lambda d: d.set_level("A", 9), lambda d: d.reserve("A", 2)])
def test_rows_are_told_since(change: Callable[[Stockroom], None]) -> None:
    """By moment or by revision: what changed later is told, what did not is not."""
    clock = VirtualClock()
    double = Stockroom(clock=clock)
    double.set_level("A", 5)
    double.set_level("B", "many", "msk")
    revision, moment = double.revision, clock.now()
    clock.advance(60)
    assert double.rows(after=revision) == []
    assert double.rows(since=moment + timedelta(seconds=1)) == []
    change(double)
    (row,) = double.rows(after=revision)
    assert double.rows(since=clock.now()) == [row]
    assert (row.sku, row.changed_at) == ("A", clock.now())
    assert [one.sku for one in double.rows()] == ["A", "B"]


def test_a_row_can_be_told_twice_and_be_removed() -> None:
    """What a vendor does badly a test can ask for."""
    double = Stockroom(clock=VirtualClock())
    double.set_level("A", 5)
    double.set_level("B", 5)
    double.tell_twice("B")
    double.remove("A")
    double.remove("C")
    assert [one.sku for one in double.rows()] == ["B", "B"]
