"""What `mpstock check` says of an account."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from mpstock import CheckedAdapter
from mpstock.testing import VirtualClock, adapter_context, build_adapter
from mpstock_moysklad.simulator import MoyskladSimulator
from tests.moysklad.account import SPEC, TOKEN, URL, Reader, Told, World, refusal, settings

LEVELS = {("A", "main"): 5, ("B", "Юг"): 2}


def test_good_account_is_all_ok() -> None:
    """Credentials, report, stores with their warehouses, goods, changes, the price of a request."""
    world = World(LEVELS)
    assert isinstance(world.source, CheckedAdapter)
    found = world.check()
    assert {finding.level for finding in found.values()} == {"ok"}
    assert found["report"].data == {"rows": 2, "levels": 2, "unknown": 0}
    assert found["stores"].message == "2 stores: 'main' → 'main', 'Юг' → 'Юг'"
    assert found["goods"].data == {"goods": 2, "without": 0, "twice": 0}


def test_check_changes_nothing() -> None:
    """Only GET, and what is told does not move the source."""
    world = World(LEVELS)
    cursor = world.read().cursor
    world.check()
    assert {one.method for one in world.double.requests} == {"GET"}
    assert not world.read(cursor).last.complete


@pytest.mark.parametrize(
    ("answer", "subject", "mend"),
    [
        (refusal(401, 1056, "Ошибка аутентификации"), "credentials", "dies when its user"),
        (refusal(403, 13004, "Нет пермиссии"), "credentials", "«Остатки»"),
        (httpx.Response(415), "service", "look at base_url"),
        (httpx.Response(503), "service", "Try again later"),
    ],
)
def test_refusal_is_an_error_with_a_mend(answer: httpx.Response, subject: str, mend: str) -> None:
    """One finding, in the vendor's words."""
    found = Told(answer).check()
    assert list(found) == [subject]
    assert found[subject].level == "error"
    assert mend in found[subject].mend


def test_store_that_is_misspelt_is_an_error() -> None:
    """And names those that are there."""
    found = World(LEVELS, stores={"Юк": "x"}).check()
    assert (found["stores"].level, "'Юг'" in found["stores"].message) == ("error", True)


def test_goods_without_article_and_doubles_are_counted() -> None:
    """How many, which, and the way out."""
    world = World(LEVELS)
    world.double.add_good("nameless", stock={"main": 3})
    world.double.add_good("second", article="A")
    found = world.check()
    assert "1 goods have no article; they are left out, 1 rows" in found["goods without article"].message
    assert found["articles that stand twice"].level == "error"
    assert "'A'" in found["articles that stand twice"].message
    assert found["goods"].data == {"goods": 4, "without": 1, "twice": 1}


def test_orders_without_a_store_are_told() -> None:
    """While no warehouse is named for them."""
    world = World(LEVELS)
    world.double.reserve("A", 2, None)
    assert world.check()["unassigned_store"].level == "warning"
    named = world.another(unassigned_store="main").check()["unassigned_store"]
    assert (named.level, named.message) == ("ok", "orders without a store are taken from 'main'")


def test_stores_left_out_and_stores_of_one_name_are_told() -> None:
    """Which are read, which are not, which are one."""
    world = World(LEVELS)
    found = world.another(stores={"main": "main"}, other_stores="ignore").check()
    assert found["stores"].message == "1 stores: 'main' → 'main'; left out: 'Юг'"
    world.double.account.store("Юг 2", world.clock.now()).name = "Юг"
    assert "several stores are called 'Юг'" in world.check()["stores"].message


def test_bundles_recalculation_and_reserves_are_told() -> None:
    """What cannot be told of bundles, what has no number now, what is sold again."""
    world = World(LEVELS, stock_type="stock")
    world.double.add_bundle("SET", {"A": 1})
    world.double.add_bundle("LOST", {"00000000-0000-0000-0000-000000000001": 1})
    world.double.recalculate("A")
    found = world.check()
    assert "2 bundles" in found["bundles"].message
    assert "of 1 it cannot be told" in found["bundles"].message
    assert "1 rows have no number now" in found["recalculation"].message
    assert found["reserve"].level == "warning"


def test_report_of_all_and_empty_report() -> None:
    """One warehouse; and an empty report zeroes nothing."""
    found = World({}, report="all").check()
    assert found["stores"].message == "all stores together are the warehouse 'main'"
    assert found["report"].level == "warning"


def test_clock_that_is_ahead_is_told() -> None:
    """Then what changed cannot be asked for."""

    def report(request: httpx.Request) -> Any:
        return refusal(400, 1014, "Неверное значение") if "changedSince" in request.url.params else []

    found = Told(report).check()["changedSince"]
    assert (found.level, "clock" in found.mend) == ("warning", True)


@pytest.mark.parametrize(
    ("day", "changed", "level", "says"),
    [
        (datetime(2026, 11, 10, tzinfo=UTC), {}, "warning", "costs 3 of 45.*from 2026-12-01 on it costs 4"),
        (datetime(2026, 12, 2, tzinfo=UTC), {}, "ok", "costs 4 of 45 units.*11 requests in 3 s"),
        (datetime(2027, 6, 1, tzinfo=UTC), {}, "warning", "as documented on 2026-08-07"),
        (datetime(2027, 6, 1, tzinfo=UTC), {"weight": 5}, "ok", "costs 5 of 45 units by the setting weight"),
    ],
)
def test_price_of_a_request_and_its_age_are_told(
    day: datetime, changed: dict[str, Any], level: str, says: str
) -> None:
    """Before it changes, and when what is known of it is old."""
    import re

    clock = VirtualClock(day)
    double = MoyskladSimulator(LEVELS, token=TOKEN, clock=clock)
    double.settings(URL)
    found = Reader(double, clock, **changed).check()["weight"]
    assert found.level == level
    assert re.search(says, found.message), found.message


def test_settings_are_checked_with_the_adapter_s_own_context() -> None:
    """A source that is built twice has two checks, and neither knows the other."""
    clock = VirtualClock()
    double = MoyskladSimulator(LEVELS, token=TOKEN, clock=clock)
    double.settings(URL)
    for name in ("one", "two"):
        assert build_adapter(SPEC, settings(), adapter_context(double, name, clock)).check() is not None
