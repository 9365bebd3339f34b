from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock import Level
from tests.onec.service import NBSP, START, Json, Reader, read, row

# A sku as a product has it, and with what real services write around it.
SKUS = st.sampled_from(["A-1", "a-1", "Б/2", "007", "Болт М6"])
GOOD = st.builds(
    lambda sku, pad, quantity, warehouse: {"sku": pad + sku + pad, "quantity": quantity, **warehouse},
    SKUS,
    st.sampled_from(["", " ", NBSP]),
    st.one_of(
        st.integers(-100, 10_000),
        st.decimals(-10, 10_000, places=3).map(str),
        st.integers(0, 999).map(lambda number: f"1{NBSP}{number:03d},5"),
    ),
    st.sampled_from([{}, {"warehouse": "msk-2"}, {"warehouse": None}]),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
ANYTHING = JSON | st.fixed_dictionaries(
    {}, optional={"sku": JSON, "quantity": JSON, "warehouse": JSON, "reserved": JSON, "updated_at": JSON}
)


def as_set(levels: list[Level]) -> set[Level]:
    assert len({(level.sku, level.warehouse) for level in levels}) == len(levels)
    return set(levels)


@given(st.lists(GOOD, max_size=6), ANYTHING, st.integers(0, 6))
def test_one_bad_row_never_spoils_the_others(good: list[dict[str, Any]], bad: Any, at: int) -> None:
    """Whatever stands in one row, the levels of all other products are what they are without it."""
    without = as_set(read(*good).levels)
    sku = bad.get("sku") if isinstance(bad, dict) else None
    with_it = as_set(read(*good[:at], bad, *good[at:]).levels)
    touched = sku if isinstance(sku, str) else ""
    assert [level for level in without - with_it if level.sku not in touched] == []


@given(st.lists(GOOD | ANYTHING, max_size=8), st.randoms())
def test_order_of_rows_does_not_matter(rows: list[Any], shuffler: random.Random) -> None:
    """The same rows in another order are the same levels, and as many problems."""
    other = list(rows)
    shuffler.shuffle(other)
    one, two = read(*rows), read(*other)
    assert as_set(one.levels) == as_set(two.levels)
    assert one.last.absent == two.last.absent
    assert len(one.problems) == len(two.problems)


@pytest.mark.parametrize(
    "sku", [" A-1", "A-1 ", f"{NBSP}A-1{NBSP}", "\ufeffA-1", "\tA-1\r\n", "\u202fA-1\u200b"]
)
def test_blanks_around_a_sku_are_trimmed(sku: str) -> None:
    """Blanks of every kind at the ends of an article are no part of it."""
    assert read(row(sku, 5)).quantities == {"A-1": 5}


def test_case_and_inner_blanks_of_a_sku_are_kept() -> None:
    """`a-1` and `A-1` are two products, and so is what differs inside."""
    found = read(row("a-1", 1), row("A-1", 2), row("A -1", 3), row(f"A{NBSP}-1", 4))
    assert found.quantities == {"a-1": 1, "A-1": 2, "A -1": 3, f"A{NBSP}-1": 4}
    assert found.problems == []


def test_rows_of_one_product_and_warehouse_are_summed() -> None:
    """Series and characteristics come as rows of their own: 5 + 7 here, and 2 elsewhere."""
    found = read(row(quantity=5), row("B", 1), row("A-1 ", "7"), row(quantity=2, warehouse="msk-2"))
    assert as_set(found.levels) == {Level("A-1", "main", 12), Level("B", "main", 1), Level("A-1", "msk-2", 2)}


def test_negative_row_takes_away_from_its_neighbours() -> None:
    """−3 and 5 of one product are 2, and the −3 is told."""
    found = read(row(quantity=-3), row(quantity=5))
    assert found.quantities == {"A-1": 2}
    assert [(problem.place, problem.name) for problem in found.problems] == [("row 1", "quantity")]


def test_reserves_are_summed_too() -> None:
    """What two rows keep for orders is kept together."""
    found = read(row(quantity=10, reserved=2), row(quantity=1, reserved="1,5"))
    assert found.levels == [Level("A-1", "main", 11, 4)]


@pytest.mark.parametrize("rows", [[row(quantity=5), row(quantity="?")], [row(quantity="?"), row(quantity=5)]])
def test_sum_with_an_unreadable_row_is_unknown(rows: list[Any]) -> None:
    """5 and an unknown number are an unknown number; elsewhere the product is known."""
    found = read(*rows, row(quantity=3, warehouse="msk-2"))
    assert as_set(found.levels) == {Level("A-1", "main", None), Level("A-1", "msk-2", 3)}
    assert found.last.absent == "zero"


@pytest.mark.parametrize("sku", [None, "", "  ", NBSP, 7, 7.5, True, [], {}, "A\u0000B", "\ud800"])
def test_row_of_no_product_leaves_absent_products_unknown(sku: Any) -> None:
    """A row that may be about any product: what is missing from a full answer is unknown, not zero."""
    found = read(row("B", 7), Json(f'{{"sku": {json.dumps(sku)}, "quantity": 5}}'), row("C", 9))
    assert found.quantities == {"B": 7, "C": 9}
    assert found.last.absent == "unknown"
    (problem,) = found.problems
    assert (problem.place, problem.name, problem.sku) == ("row 2", "sku", None)
    assert problem.message.startswith("stocks[1].sku is ")


def test_row_without_the_field_sku_is_told() -> None:
    """A row whose field has another name is about no product."""
    found = read({"article": "A-1", "quantity": 5})
    assert found.levels == []
    assert found.last.absent == "unknown"
    assert [(problem.place, problem.name) for problem in found.problems] == [("row 1", "sku")]


def test_number_as_sku_is_refused_for_its_leading_zeros() -> None:
    """7 may have been "007": no guess is made, and the message says what to write."""
    (problem,) = read(row(7)).problems
    assert "leading zeros" in problem.message


def test_rows_without_sku_can_be_ignored_by_setting() -> None:
    """Goods without an article that are not sold online do not keep sold-out products alive for ever."""
    found = read(row("B"), row(""), rows_without_sku="ignore")
    assert found.last.absent == "zero"
    assert [problem.name for problem in found.problems] == ["sku"]
    assert read(row("B"), row(7), rows_without_sku="ignore").last.absent == "unknown"


@pytest.mark.parametrize("data", [5, "A-1", None, True, []])
def test_row_that_is_no_object(data: Any) -> None:
    """Something else in the place of a row is told with its index, and may be about any product."""
    found = read(row("B", 7), data)
    assert found.quantities == {"B": 7}
    assert found.last.absent == "unknown"
    assert found.problems[0].place == "row 2"
    assert found.problems[0].message.startswith("stocks[1] is ")


@pytest.mark.parametrize("warehouse", [None, "", "  ", NBSP])
def test_row_without_a_warehouse_is_in_the_one_of_the_settings(warehouse: Any) -> None:
    """No warehouse is the setting `warehouse`, `main` if it says nothing."""
    assert read(row(warehouse=warehouse)).levels == [Level("A-1", "main", 5)]
    assert read(row(warehouse=warehouse), warehouse="spb").levels == [Level("A-1", "spb", 5)]
    assert read(row(), row(warehouse="main")).levels == [Level("A-1", "main", 10)]


def test_warehouse_is_trimmed() -> None:
    """Blanks around a warehouse are no part of its name."""
    assert read(row(warehouse=f" Склад 1{NBSP}")).levels == [Level("A-1", "Склад 1", 5)]


@pytest.mark.parametrize("warehouse", [7, True, [], "a\u0000b"])
def test_row_of_no_warehouse_is_told_and_zeroes_nothing(warehouse: Any) -> None:
    """A row in a warehouse that cannot be read may be in any."""
    found = read(row("B", 7), row(warehouse=warehouse))
    assert found.quantities == {"B": 7}
    assert found.last.absent == "unknown"
    (problem,) = found.problems
    assert (problem.place, problem.name, problem.sku) == ("row 2", "warehouse", "A-1")


def test_row_without_a_quantity_is_unknown() -> None:
    """A product that is named without a number is known, its quantity is not."""
    found = read({"sku": "A-1"})
    assert found.quantities == {"A-1": None}
    assert found.problems[0].message.startswith("stocks[0].quantity is missing")


def test_unknown_fields_are_left_alone() -> None:
    """A service may write more than it is asked for."""
    found = read(row(name="Болт\tМ6", price=1.5, quantityOnHand=100))
    assert found.levels == [Level("A-1", "main", 5)]
    assert found.problems == []


def test_updated_at_is_not_used_unless_trusted() -> None:
    """A document's date is not when a balance was true: by default it is not even read."""
    found = read(row(updated_at="2026-01-12T08:00:00Z"), row("B", updated_at="вчера"))
    assert [level.updated_at for level in found.levels] == [None, None]
    assert found.problems == []


def test_updated_at_of_a_wrong_type_is_told() -> None:
    """A time that is no text is a defect of the service, though it does no harm."""
    found = read(row(updated_at=1768208400))
    assert found.quantities == {"A-1": 5}
    assert [problem.name for problem in found.problems] == ["updated_at"]


@pytest.mark.parametrize(
    ("written", "hour"),
    [
        ("2026-01-12T08:00:00Z", 8),
        ("2026-01-12T08:00:00+03:00", 5),
        ("2026-01-12T08:00:00.5Z", 8),
        ("2026-01-12T08:00:00", 5),
    ],
)
def test_trusted_updated_at_is_in_utc(written: str, hour: int) -> None:
    """The row's own time, whatever zone it is written in; without one it is in the setting `timezone`."""
    found = read(row(updated_at=written), trust_updated_at=True, timezone="Europe/Moscow")
    assert found.levels[0].updated_at is not None
    assert found.levels[0].updated_at.replace(microsecond=0) == datetime(2026, 1, 12, hour, tzinfo=UTC)


def test_time_of_a_sum_is_its_oldest() -> None:
    """Two rows of different age are as old as the older one."""
    found = read(
        row(updated_at="2026-01-12T08:00:00Z"),
        row(updated_at="2026-01-12T07:00:00Z"),
        row(),
        trust_updated_at=True,
    )
    assert found.levels == [Level("A-1", "main", 15, 0, datetime(2026, 1, 12, 7, tzinfo=UTC))]


def test_trusted_time_to_come_counts_as_now() -> None:
    """A server whose clock is ahead would hold off every later reading."""
    written = (START + timedelta(days=1)).isoformat()
    found = read(row(updated_at=written), trust_updated_at=True)
    assert found.levels[0].updated_at == found.last.as_of


def test_empty_date_of_1c_is_no_time() -> None:
    """0001-01-01T00:00:00 is how 1C writes that there is none."""
    found = read(row(updated_at="0001-01-01T00:00:00"), trust_updated_at=True)
    assert found.levels == [Level("A-1", "main", 5)]


@pytest.mark.parametrize("written", ["2026-01-12T08:00:00", "вчера", "9999-12-31T23:59:59-12:00", 5])
def test_trusted_time_that_is_none_makes_the_row_unknown(written: Any) -> None:
    """Where the row's time is trusted, a number of unknown age is an unknown number."""
    found = read(row(updated_at=written), row("B"), trust_updated_at=True)
    assert found.quantities == {"A-1": None, "B": 5}
    assert [(problem.place, problem.name) for problem in found.problems] == [("row 1", "updated_at")]


def test_all_problems_of_a_row_are_told() -> None:
    """Two wrong fields of one row are two problems, so that both are mended at once."""
    found = read(row(quantity="?", reserved="?", warehouse=5))
    assert [problem.name for problem in found.problems] == ["warehouse", "quantity", "reserved"]


def test_every_bad_row_is_told_also_when_there_are_many() -> None:
    """Six thousand bad rows are six thousand problems, in pages like the levels."""
    reader = Reader([row(f"S-{number}", "?") for number in range(6_000)])
    readings = reader.read().readings
    assert [len(reading.problems) for reading in readings] == [5_000, 1_000]
    assert readings[-1].problems[-1].place == "row 6000"
