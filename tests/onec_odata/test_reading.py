"""What a reading says: numbers, requests, completeness."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import httpx
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from mpstock import Level
from mpstock.errors import RejectedError
from mpstock_onec.odata_tally import without_dust
from mpstock_onec.simulator_odata_metadata import metadata
from mpstock_onec.simulator_odata_world import CONFIGURATIONS
from tests.onec_odata.world import EMPTY_REF, Canned, Source, World
from tests.reading import Read

PRODUCT = "11111111-1111-1111-1111-111111111111"
OTHER = "22222222-2222-2222-2222-222222222222"
WAREHOUSE = "33333333-3333-3333-3333-333333333333"


def canned(*rows: Any, **changed: Any) -> Source:
    """A source over a publication with two products (A, B), one warehouse and these rows of balance."""
    products = [
        {"Ref_Key": ref, "Артикул": article, "DeletionMark": False}
        for ref, article in ((PRODUCT, "A"), (OTHER, "B"))
    ]
    preset = changed.get("preset", "ut11")
    published = (
        f"AccumulationRegister_{CONFIGURATIONS[preset].register}",
        "Catalog_Номенклатура",
        "Catalog_Склады",
    )
    service = Canned(
        **{
            "$metadata": metadata(CONFIGURATIONS[preset], published),
            "/Balance(": list(rows),
            "Catalog_Склады": [{"Ref_Key": WAREHOUSE, "Description": "main"}],
            "Catalog_Номенклатура": products,
        }
    )
    return Source(httpx.MockTransport(service), **changed)


def row(
    quantity: Any = 1, taken: Any = 0, product: Any = PRODUCT, warehouse: Any = WAREHOUSE
) -> dict[str, Any]:
    return {
        "Номенклатура_Key": product, "Склад_Key": warehouse,
        "ВНаличииBalance": quantity, "КОтгрузкеBalance": taken,
    }  # fmt: skip


def read(*rows: Any, **changed: Any) -> Read:
    return canned(*rows, **changed).read()


# -- numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "taken", "expected"),
    [
        (12, 0, 12),
        ("12", "0", 12),  # Edm.Int64 is text
        ("12", 3, 9),
        (12.5, 0, 12),
        ("12.5", "0.5", 12),
        (0.1, 0, 0),
        (-2, 0, -2),
        (-0.5, 0, -1),
        (17.999999999999996, 0, 18),  # 18, as a double has it
        (2.9999999, 0, 3),
        (2.99999, 0, 2),
        (10, 2.0000000000000004, 8),
        (2, 5, -3),
        (5, -2, 5),  # what is to be shipped cannot add any
    ],
)
def test_a_quantity_is_exact_less_what_is_taken_and_rounded_down(
    quantity: Any, taken: Any, expected: int
) -> None:
    """Text or number, with dust or a fraction: never more than there is, and no less than one unit less."""
    assert read(row(quantity, taken)).levels == [Level("A", "main", expected)]


@pytest.mark.parametrize(
    ("quantity", "says"),
    [
        (None, "null"),
        ("много", "text"),
        (True, "true"),
        ("1,234.5", "text"),
        ([], "a list"),
        ("", "empty"),
        (10**13, "beyond"),
    ],
)
def test_a_number_that_is_none_makes_its_product_unknown(quantity: Any, says: str) -> None:
    """Unknown is no zero; the place, the field and the product are told, the neighbour is untouched."""
    found = read(row(7, product=OTHER), row(quantity))
    assert found.quantities == {"A": None, "B": 7}
    (problem,) = found.problems
    assert (problem.place, problem.name, problem.sku) == ("row 2", "ВНаличииBalance", "A")
    assert says in problem.message
    assert found.last.absent == "zero"


def test_a_resource_that_is_missing_is_unknown() -> None:
    """A row without a field says nothing about how many there are, also if it is what is taken off."""
    bare = row(5)
    del bare["КОтгрузкеBalance"]
    assert read(bare).quantities == {"A": None}
    assert read(row(5), bare).quantities == {"A": None}
    assert read(bare, row(5)).quantities == {"A": None}


@pytest.mark.parametrize("field", ["Номенклатура_Key", "Склад_Key"])
@pytest.mark.parametrize("value", [None, "", "не guid", 17, "1111"])
def test_a_row_of_nobody_knows_what_keeps_zeros_away(field: str, value: Any) -> None:
    """It could be any product, so that what is missing is not known to be zero."""
    found = read(row(7), {**row(5, product=OTHER), field: value}, "row")
    assert found.quantities == {"A": 7}
    assert found.last.absent == "unknown"
    assert [problem.place for problem in found.problems] == ["row 2", "row 3"]
    assert found.problems[0].name == field


def test_rows_of_one_product_are_added_exactly() -> None:
    """Parts of a unit in two series are one unit together."""
    assert read(row("0.5"), row(0.5), row(3)).levels == [Level("A", "main", 4)]


def test_a_reserve_is_told_apart_and_rounded_up() -> None:
    """With a resource of reserves a level has both; below zero it adds nothing."""
    one = {
        "Номенклатура_Key": PRODUCT,
        "Склад_Key": WAREHOUSE,
        "КоличествоBalance": "10",
        "РезервBalance": 2.5,
    }
    assert read(one, preset="retail2").levels == [Level("A", "main", 10, 3)]
    found = read({**one, "РезервBalance": -1}, preset="retail2")
    assert found.levels == [Level("A", "main", 10, 0)]
    assert "counted as 0" in found.problems[0].message


def test_free_balances_are_on_hand_less_both_reserves() -> None:
    """СвободныеОстатки: ВНаличии, of which one reserve is taken off and the other told."""
    world = World(configuration="ut11_free")
    for name, quantity in (("ВНаличии", 10), ("ВРезервеСоСклада", 3), ("ВРезервеПодЗаказ", 2)):
        world.base.set_resource("MUG", name, quantity)
    assert world.read().levels == [Level("MUG", "main", 8, 3)]


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=3))
def test_dust_is_removed_and_nothing_else(exact: Decimal) -> None:
    """What 1C keeps, to a thousandth, stays as it is; what a double adds to it goes."""
    assert without_dust(exact) == exact
    assert without_dust(exact + Decimal("1e-10")) == exact
    assert without_dust(exact - Decimal("1e-10")) == exact


@given(
    st.lists(
        st.tuples(st.sampled_from([PRODUCT, OTHER]), st.integers(-50, 50), st.integers(0, 9)), max_size=8
    )
)
def test_any_rows_come_to_their_sums(rows: list[tuple[str, int, int]]) -> None:
    """As text or as numbers, one row or many: the sum of each product."""
    expected: dict[str, int] = {}
    for product, quantity, taken in rows:
        sku = "A" if product == PRODUCT else "B"
        expected[sku] = expected.get(sku, 0) + quantity - taken
    written = [
        row(str(quantity) if quantity % 2 else quantity, str(taken), product)
        for product, quantity, taken in rows
    ]
    assert read(*written).quantities == expected


# -- what is missing, and what is asked --------------------------------------------------


def test_what_is_missing_from_a_complete_balance_is_zero() -> None:
    """A balance has no rows of zero: what was there and is gone, is sold out."""
    world = World({("MUG", "main"): 4, ("LID", "main"): 2})
    world.read()
    world.base.set_level("LID", 0)
    found = world.read()
    assert found.quantities == {"MUG": 4}
    assert (found.last.complete, found.last.absent, found.last.cursor) == (True, "zero", None)
    world.base.remove("MUG")
    world.base.set_level("LID", 1)
    assert world.read().quantities == {"LID": 1}


def test_an_empty_balance_zeroes_nothing() -> None:
    """A user who lost the right to see goods gets no rows."""
    world = World({("MUG", "main"): 4})
    world.base.fail("no_rows")
    found = world.read()
    assert (found.levels, found.last.absent) == ([], "unknown")
    assert "an empty answer zeroes nothing" in found.problems[0].message


def test_rows_that_are_all_left_out_zero_nothing() -> None:
    """An attribute that is empty in all products is a mistake in the settings and no sell-out."""
    world = World({("MUG", "main"): 4})
    world.read()
    world.infobase.products[world.infobase.of_sku("MUG")[0]]["Артикул"] = ""
    world.clock.advance(24 * 3600)
    found = world.read()
    assert (found.levels, found.last.absent) == ([], "unknown")
    assert "article_property" in found.problems[0].message


def test_a_cursor_changes_nothing() -> None:
    """Every reading is a whole one; a cursor of another time is no reason to fail."""
    world = World({("MUG", "main"): 4})
    assert world.read("2026-01-01").quantities == {"MUG": 4}
    assert world.read("2026-01-01").last.complete


def test_many_levels_come_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the last page is complete and has the problems; none is lost between two."""
    monkeypatch.setattr("mpstock_onec.odata_source.PAGE", 3)
    world = World({(f"SKU-{number}", "main"): number + 1 for number in range(7)})
    world.base.set_level("SKU-0", "0.5")
    found = world.read()
    assert [len(reading.levels) for reading in found.readings] == [3, 3, 1]
    assert [reading.complete for reading in found.readings] == [False, False, True]
    assert [len(reading.problems) for reading in found.readings] == [0, 0, 1]
    assert len(found.quantities) == 7


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_the_catalogue_is_read_in_ordered_pages(size: int) -> None:
    """Whatever the size of a page, each product is read: without an order some would be missed."""
    levels: dict[Any, Any] = {(f"SKU-{number}", "main"): number + 1 for number in range(7)}
    world = World(levels, page_size=size)
    assert len(world.read().quantities) == 7
    assert all("$orderby=Ref_Key" in asked for asked in world.asked("Catalog_"))


def test_the_time_of_a_reading_is_when_its_request_began() -> None:
    """A number is never newer than that, however long the answer takes."""
    world = World({("MUG", "main"): 4})
    world.base.add_fault(delay=40, times=1, match=lambda request: "/Balance(" in request.path)
    before = world.clock.now()
    found = world.read()
    assert found.last.as_of == before
    assert world.clock.now() > before


def test_the_balance_is_asked_for_once_and_without_pages() -> None:
    """`$skip` is refused there, and `$top` gives any rows; the dimensions are added up by 1C."""
    world = World({("MUG", "main"): 4})
    world.base.set_resource("MUG", "ВНаличии", 2, Серия="44444444-4444-4444-4444-444444444444")
    assert world.read().quantities == {"MUG": 6}
    (asked,) = world.asked("/Balance(")
    assert "$top" not in asked
    assert "$skip" not in asked
    assert "$expand" not in asked
    assert "Balance(Dimensions='Номенклатура,Склад')" in asked


def test_a_split_reading_asks_for_each_warehouse() -> None:
    """One answer for each, and one reading of them all."""
    levels: dict[Any, Any] = {("MUG", "main"): 4, ("MUG", "shop"): 2, ("LID", "shop"): 1}
    world = World(levels, split="warehouse")
    found = world.read()
    assert {(level.sku, level.warehouse, level.quantity) for level in found.levels} == {
        ("MUG", "main", 4),
        ("MUG", "shop", 2),
        ("LID", "shop", 1),
    }
    assert [asked.count("guid'") for asked in world.asked("/Balance(")] == [1, 1]
    assert [reading.complete for reading in found.readings] == [True]


def test_a_split_reading_is_as_old_as_its_first_answer() -> None:
    """What came later counts as old as the first: an order between the two is not taken for booked."""
    world = World({("MUG", "main"): 4, ("MUG", "shop"): 2}, split="warehouse")
    before = world.clock.now()
    world.base.add_fault(delay=40, times=2, match=lambda request: "/Balance(" in request.path)
    assert world.read().last.as_of == before


def test_one_empty_warehouse_is_no_empty_answer() -> None:
    """A split reading is empty if all of it is."""
    world = World({("MUG", "main"): 4, ("MUG", "shop"): 0}, split="warehouse")
    assert world.read().last.absent == "zero"


@pytest.mark.parametrize("long_url", ["414", "iis"])
def test_an_address_that_is_too_long_is_halved(long_url: Any) -> None:
    """414, or IIS's 404.15: the same question in two, and in four, until it fits; each warehouse once."""
    levels: dict[Any, Any] = {("MUG", f"w{number}"): number + 1 for number in range(12)}
    world = World(levels, warehouses={f"w{number}": f"w{number}" for number in range(12)})
    world.base.max_url, world.base.long_url = 700, long_url
    found = world.read()
    assert {level.warehouse: level.quantity for level in found.levels} == {
        f"w{number}": number + 1 for number in range(12)
    }
    sizes = [asked.count("guid'") for asked in world.asked("/Balance(")]
    assert sizes[0] == 12
    assert sum(sizes[sizes.index(min(sizes)) :]) >= 12


def test_an_address_that_cannot_be_shorter_is_an_error() -> None:
    """One reference, and still too long: told, and not tried for ever."""
    world = World(
        {("MUG", "main"): 4}, warehouses={"main": "main"}, condition="Серия_Key eq guid'" + "1" * 8 + "'"
    )
    world.base.max_url = 600
    with pytest.raises(RejectedError, match="too long"):
        world.read()


def test_a_condition_of_one_s_own_narrows_the_balance() -> None:
    """With the warehouses or without: what does not meet it is not there."""
    good = "55555555-5555-5555-5555-555555555555"
    for more in ({}, {"warehouses": {"main": "main"}}):
        world = World(configuration="ut103", condition=f"Качество_Key eq guid'{good}'", **more)  # type: ignore[arg-type]
        world.base.set_resource("MUG", "Количество", 4, Качество=good)
        world.base.set_resource("MUG", "Количество", 3, Качество="66666666-6666-6666-6666-666666666666")
        assert world.read().quantities == {"MUG": 4}


def test_a_balance_of_now_says_the_moment_in_1c_s_own_time() -> None:
    """Without documents of the future; the time is the server's, without a zone."""
    world = World({("MUG", "main"): 4}, balance_at="now", timezone="Asia/Vladivostok")
    world.read()
    assert "Period=datetime'2026-01-12T19:00:00'" in world.asked("/Balance(")[0]


def test_a_dimension_of_several_types_is_asked_for_by_a_cast() -> None:
    """The rows have the type beside the reference; the condition needs the cast to find any."""
    composite = evolve(CONFIGURATIONS["ut11"], composite=frozenset({"Склад"}))
    world = World(
        {("MUG", "main"): 4, ("MUG", "x"): 1}, composite, preset="ut11", warehouses={"main": "main"}
    )
    assert world.read().levels == [Level("MUG", "main", 4)]
    assert "cast(guid" in world.asked("/Balance(")[0]
    assert "Склад_Type" in world.asked("/Balance(")[0]


@pytest.mark.parametrize("preset", ["ut11", "ut11_free", "unf", "retail2", "ut103"])
def test_each_configuration_reads_the_same(preset: str) -> None:
    """Whatever the register is called, the levels are the same."""
    levels: dict[Any, Any] = {("MUG", "main"): 4, ("Кружка № 2", "shop"): "7.25", ("BOX", "main"): -1}
    assert set(World(levels, preset).read().levels) == {
        Level("MUG", "main", 4),
        Level("Кружка № 2", "shop", 7),
        Level("BOX", "main", -1),
    }


def test_two_readings_side_by_side_are_each_whole() -> None:
    """What one reading adds up is not the other's."""
    world = World({("MUG", "main"): 4, ("LID", "main"): 2})

    async def both() -> list[list[Level]]:
        async def one() -> list[Level]:
            return [level async for reading in world.source.read(None) for level in reading.levels]

        return list(await asyncio.gather(one(), one()))

    first, second = asyncio.run(both())
    assert (
        sorted(first, key=str)
        == sorted(second, key=str)
        == [Level("LID", "main", 2), Level("MUG", "main", 4)]
    )


def test_the_empty_reference_of_a_characteristic_is_none() -> None:
    """A row of a product without sizes has the empty reference, which nobody is asked about."""
    world = World({("MUG", "main"): 4}, sku="{article}[-{characteristic}]")
    assert world.read().quantities == {"MUG": 4}
    assert all(EMPTY_REF not in asked for asked in world.asked("Catalog_"))
