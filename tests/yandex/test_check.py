"""What `mpstock check` and `mpstock init` say of a cabinet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mpstock import Finding
from mpstock.testing import run_virtual
from mpstock_yandex.simulator import YandexSimulator
from tests.yandex.cabinet import KEY, MAIN, SPARE, Script, answer, cabinet, everything, play, refusal, sink_of


def check(double: YandexSimulator, codes: tuple[str, ...] = (MAIN,), **other: Any) -> dict[str, Finding]:
    found = play(double, lambda: everything(sink_of(double, codes, **other).check()))
    return {one.subject: one for one in found}


def test_a_good_cabinet_has_nothing_to_say() -> None:
    """The token's rights, the store, the clock, the orders: all well, in one look."""
    found = check(cabinet("A"))
    assert {one.level for one in found.values()} == {"ok"}
    assert set(found) == {"token", "clock", f"store {MAIN}", "orders"}


@pytest.mark.parametrize(
    ("scopes", "lacking"),
    [
        (("OFFERS_AND_CARDS_MANAGEMENT",), "orders"),
        (("INVENTORY_AND_ORDER_PROCESSING_READ_ONLY",), "stocks cannot be written"),
        (("ALL_METHODS_READ_ONLY",), "stocks cannot be written"),
    ],
)
def test_a_right_that_is_lacking_is_named(scopes: tuple[str, ...], lacking: str) -> None:
    """Before the first write fails."""
    double = cabinet("A")
    double.gate.scopes = scopes
    told = check(double)["token"]
    assert told.level == "error"
    assert lacking in told.message
    assert told.mend


def test_a_wrong_key_is_one_error_in_the_market_s_words() -> None:
    """Nothing else is asked, and the key is not repeated."""
    double = cabinet("A")
    sink = sink_of(double)
    double.gate.api_key = "ACMA:other:1"
    (told,) = play(double, lambda: everything(sink.check()))
    assert (told.level, told.subject) == ("error", "token")
    assert "Api-Key token is invalid" in told.message
    assert KEY not in told.message


def _fby(double: YandexSimulator) -> None:
    double.cabinet.add_store(2102, placement="FBY")


def _inactive(double: YandexSimulator) -> None:
    double.cabinet.add_store(2102).inactive = True


def _disabled(double: YandexSimulator) -> None:
    double.cabinet.add_store(2102).disabled = True


def _grouped(double: YandexSimulator) -> None:
    double.cabinet.add_store(2102)
    double.cabinet.join(50, "Общий", 2101, 2102)


@pytest.mark.parametrize(
    ("make", "level", "said"),
    [
        (lambda double: None, "error", "the cabinet does not have it"),
        (_fby, "error", "FBY"),
        (_inactive, "error", "90 days"),
        (_disabled, "warning", "switched off by hand"),
        (_grouped, "error", f"through which it is written: take {SPARE} out"),
    ],
)
def test_what_is_wrong_with_a_store_is_told(
    make: Callable[[YandexSimulator], None], level: str, said: str
) -> None:
    """Not there, the Market's own, not served by the API, switched off, in a group with another."""
    double = cabinet("A")
    make(double)
    found = check(double, (MAIN, SPARE))
    assert (found[f"store {SPARE}"].level, found[f"store {MAIN}"].level) == (level, "ok")
    assert said in found[f"store {SPARE}"].message


def test_no_store_at_all_names_those_that_there_are() -> None:
    """Who has not chosen yet sees the numbers to choose from."""
    found = check(cabinet("A", stores=(2101, 2102)), ())
    assert "2101 (Магазин 2101), 2102" in found["stores"].message


def test_another_cabinet_s_token_is_found_out() -> None:
    """The number of the cabinet that the token belongs to is told."""
    rows = [{"id": 2101, "business": {"id": 5}, "placementType": "FBS"}]
    script = Script(
        answer({"result": {"apiKey": {"name": "x", "authScopes": ["ALL_METHODS"]}}}),
        answer({"campaigns": rows, "pager": {"pagesCount": 1}}),
        answer({"result": {"warehouses": []}}),
        refusal(403, "Access denied", "FORBIDDEN"),
    )
    found = run_virtual(lambda: everything(script.sink().check()), clock=script.clock)
    told = next(one for one in found if one.subject == "cabinet")
    assert "business_id = 5" in told.mend
    assert next(one for one in found if one.subject == "orders").level == "error"


def test_a_clock_that_is_wrong_is_told() -> None:
    """By how much and what comes of it: `updatedAt` is left out."""
    token = answer(
        {"result": {"apiKey": {"name": "x", "authScopes": ["ALL_METHODS"]}}},
        date="Mon, 12 Jan 2026 09:10:00 GMT",
    )
    script = Script(token, refusal(403, "Access denied", "FORBIDDEN"))
    found = run_virtual(lambda: everything(script.sink().check()), clock=script.clock)
    told = next(one for one in found if one.subject == "clock")
    assert (told.level, told.data["skew"]) == ("warning", pytest.approx(600, abs=2))
    assert "behind" in told.message


def test_orders_that_are_not_read_are_a_warning() -> None:
    """What is sold comes off late."""
    assert check(cabinet("A"), orders=False)["orders"].level == "warning"


def test_init_offers_each_store_and_one_of_each_group() -> None:
    """Two stores of one group are one stock: the second cannot be chosen."""
    double = cabinet("A", stores=(2101, 2102, 2103))
    double.cabinet.join(50, "Общий", 2101, 2102)
    double.cabinet.stores[2103].express = True
    told = play(double, sink_of(double, ()).account_warehouses)
    assert [(one.code, one.usable) for one in told] == [("2101", True), ("2102", False), ("2103", True)]
    assert "written through 2101" in told[1].note
    assert told[2].note == "Express"
