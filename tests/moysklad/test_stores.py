"""Stores and warehouses, orders without a store, and the report that does not tell stores apart."""

from __future__ import annotations

from typing import Any

import pytest

from mpstock import Level
from mpstock.errors import ConfigurationError
from tests.moysklad.account import Told, World, good, row, store

LEVELS = {("A", "Основной склад"): 5, ("A", "Юг"): 3, ("B", "Брак"): 2}


def test_stores_are_warehouses_of_their_name() -> None:
    """Without a mapping every store is one."""
    assert World(LEVELS).read().by_key == {("A", "Основной склад"): 5, ("A", "Юг"): 3, ("B", "Брак"): 2}


def test_stores_are_mapped_by_name_or_id() -> None:
    """The others keep their names, or are left out."""
    world = World(LEVELS)
    south = world.double.account.store("Юг", world.clock.now()).id
    stores = {"Основной склад": "main", south.upper(): "south"}
    assert world.another(stores=stores).read().by_key == {
        ("A", "main"): 5,
        ("A", "south"): 3,
        ("B", "Брак"): 2,
    }
    ignoring = world.another(stores=stores, other_stores="ignore").read()
    assert ignoring.by_key == {("A", "main"): 5, ("A", "south"): 3}
    assert ignoring.problems == []


def test_stores_of_one_warehouse_are_added_up_before_rounding() -> None:
    """Two halves are one."""
    stores = {"Основной склад": "main", "Юг": "main", "Брак": "x"}
    world = World({("A", "Основной склад"): "2.5", ("A", "Юг"): "3.5", ("A", "Брак"): 0}, stores=stores)
    assert world.read().by_key == {("A", "main"): 6}


@pytest.mark.parametrize("now", [0, 7])
def test_change_in_one_of_two_stores_of_a_warehouse_tells_their_sum(now: int) -> None:
    """The changed row alone is not the warehouse's number; the other one is asked for."""
    world = World(LEVELS, stores={"Основной склад": "main", "Юг": "main"})
    cursor = world.read().cursor
    world.clock.advance(60)
    world.double.set_level("A", now, "Юг")
    found = world.read(cursor)
    assert (found.by_key, found.last.complete) == ({("A", "main"): 5 + now}, False)


def test_warehouse_whose_stores_are_all_empty_is_zero() -> None:
    """What is asked for once more leaves zeros out; that it has changed was said."""
    world = World(LEVELS, stores={"Основной склад": "main", "Юг": "main"})
    cursor = world.read().cursor
    world.clock.advance(60)
    world.double.set_level("A", 0, "Юг")
    world.double.set_level("A", 0, "Основной склад")
    assert world.read(cursor).by_key == {("A", "main"): 0}


def test_one_unknown_store_makes_its_warehouse_unknown() -> None:
    """And no other warehouse."""
    rows = [row("g1", 5, "s1"), row("g1", None, "s2"), row("g1", 4, "s3")]
    stores = [store("s1", "a"), store("s2", "b"), store("s3", "c")]
    told = Told(rows, [good("g1", "A")], stores, stores={"a": "main", "b": "main"})
    assert told.read().by_key == {("A", "main"): None, ("A", "c"): 4}


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        (
            {"Cклад": "main"},
            r"names 'Cклад', and МойСклад has no such store; there are 'Основной склад', 'Юг', 'Юг'",
        ),
        ({"Юг": "main"}, "2 stores of МойСклад are called so; write the store's id"),
    ],
)
def test_store_that_cannot_be_told_is_refused(mapping: dict[str, str], says: str) -> None:
    """A misspelt store would be a warehouse without stock."""
    stores = [
        store("s1", "Основной склад"),
        store("s2", "Юг"),
        store("s3", " Юг"),
        store("s4", "x", archived=True),
    ]
    with pytest.raises(ConfigurationError, match=says):
        Told([row("g1", 5)], [good("g1", "A")], stores, stores=mapping).read()


def test_archived_store_of_the_same_name_is_no_ambiguity() -> None:
    """The one in use is meant."""
    stores = [store("s1", "Юг", archived=True), store("s2", "Юг")]
    told = Told([row("g1", 5, "s2")], [good("g1", "A")], stores, stores={"Юг": "main"}, other_stores="ignore")
    assert told.read().by_key == {("A", "main"): 5}


def test_store_that_is_new_is_learnt() -> None:
    """A row of an unknown store makes the stores be read again, and everything with them."""
    world = World(LEVELS)
    cursor = world.read().cursor
    world.clock.advance(60)
    world.double.set_level("A", 8, "Новый")
    found = world.read(cursor)
    assert found.by_key["A", "Новый"] == 8
    assert found.last.complete


def test_row_of_a_store_that_is_nowhere_is_told() -> None:
    """Its stock is in no warehouse that could be named."""
    found = Told([row("g1", 5, "s1"), row("g1", 4, "s9")], [good("g1", "A")], [store("s1", "main")]).read()
    assert found.by_key == {("A", "main"): 5}
    assert (
        "1 rows with stock are in stores that the list of stores does not have (s9"
        in found.problems[0].message
    )
    assert found.last.absent == "unknown"


def test_user_who_may_not_see_stores_zeroes_nothing() -> None:
    """The report names them, the list is empty: what is missing from the reading is not sold out."""
    found = Told([row("g1", 5, "s1"), row("g2", 4, "s2")], [good("g1", "A"), good("g2", "B")], []).read()
    assert (found.levels, found.last.absent, len(found.problems)) == ([], "unknown", 1)


def test_orders_without_a_store_are_taken_from_the_only_one() -> None:
    """freeStock −5 without a store: with one store there is no question whose units these are."""
    world = World({("A", "main"): 46})
    world.double.reserve("A", 5, None)
    found = world.read()
    assert (found.by_key, found.holds) == ({("A", "main"): 41}, {})


def test_orders_without_a_store_are_taken_from_the_one_that_is_named() -> None:
    """Negative where it has less: signed to the end."""
    world = World(LEVELS, unassigned_store="Юг")
    world.double.reserve("A", 5, None)
    found = world.read()
    assert found.by_key["A", "Юг"] == -2
    assert found.holds == {}


def test_orders_without_a_store_hold_units_nobody_knows_where() -> None:
    """With several stores and none named they are holds without a warehouse: each may lose them."""
    world = World(LEVELS)
    world.double.reserve("A", "4.5", None)
    found = world.read()
    assert (found.by_key["A", "Основной склад"], found.by_key["A", "Юг"]) == (5, 3)
    assert (found.holds, found.last.holds_complete) == ({"A": 5}, True)


def test_holds_of_orders_without_a_store_live_and_end() -> None:
    """Each reading tells all of them, since when they stand too; one that is missing has ended."""
    world = World(LEVELS)
    world.double.reserves_show = True
    world.double.reserve("A", 2, None)
    world.double.reserve("B", 1, None)
    first = world.read()
    world.clock.advance(60)
    world.double.reserve("A", 0, None)
    second = world.read(first.cursor)
    assert (second.holds, second.last.complete, second.last.holds_complete) == ({"B": 1}, False, True)
    world.clock.advance(60)
    world.double.reserve("B", 2, None)
    third = world.read(second.cursor)
    assert third.holds == {"B": 2}
    assert third.last.holds[0].taken_at == first.last.as_of


def test_hold_stays_when_its_good_changes_in_a_store() -> None:
    """The row of a store says nothing of orders without one."""
    world = World(LEVELS)
    world.double.reserve("A", 2, None)
    cursor = world.read().cursor
    world.clock.advance(600)
    world.double.set_level("A", 8, "Юг")
    found = world.read(cursor)
    assert (found.by_key, found.holds) == ({("A", "Юг"): 8}, {"A": 2})


def test_reserve_without_a_store_is_a_hold_with_stock_on_hand_too() -> None:
    """There the report of reserves has them, above zero."""
    world = World(LEVELS, stock_type="stock", reserve=True)
    world.double.reserve("A", 2, None)
    assert world.read().holds == {"A": 2}


def test_unknown_reserve_without_a_store_makes_the_product_unknown() -> None:
    """It may take from any warehouse."""
    rows = [row("g1", 5, "s1"), row("g1", 5, "s2"), row("g1", None, None), row("g2", 3, "s1")]
    told = Told(rows, [good("g1", "A"), good("g2", "B")], [store("s1", "a"), store("s2", "b")])
    assert told.read().by_key == {("A", "a"): None, ("A", "b"): None, ("B", "a"): 3}


def test_warehouse_for_orders_without_a_store_must_be_one() -> None:
    """A misspelt one would be a pool that has only debts."""
    with pytest.raises(ConfigurationError, match=r"names 'mian'.*there are 'Брак', 'Основной склад', 'Юг'"):
        World(LEVELS, unassigned_store="mian").read()


# -- report = "all" ----------------------------------------------------------------------------


def test_all_stores_are_one_warehouse() -> None:
    """Orders without a store are in its number already."""
    world = World(LEVELS, report="all", warehouse="everything")
    world.double.reserve("A", 5, None)
    found = world.read()
    assert set(found.levels) == {Level("A", "everything", 3), Level("B", "everything", 2)}
    assert found.holds == {}
    assert not [one for one in world.asked if "entity/store" in one]


def test_zeros_are_asked_for_in_the_report_of_all() -> None:
    """So that what is left out of it is not what is sold out."""
    world = World({("A", "main"): 0, ("B", "main"): 2}, report="all")
    assert world.read().quantities == {"A": 0, "B": 2}
    (request,) = [one for one in world.double.requests if "report" in one.path]
    assert request.query["include"] == "zeroLines"
    assert "withRecalculate" not in request.query


def test_good_that_the_report_of_all_leaves_out_is_not_zero() -> None:
    """It knows no `withRecalculate`: the other report says what is reckoned anew, and what never moved."""
    world = World({("A", "main"): 7, ("B", "main"): 2}, report="all")
    world.double.add_good("new", article="NEVER")
    world.double.recalculate("A")
    found = world.read()
    assert found.quantities == {"A": None, "B": 2, "NEVER": 0}
    assert found.last.complete
    assert world.double.count("GET", "/api/remap/1.2/report/stock/bystore/current") == 1
    world.double.recalculate("A", done=True)
    world.clock.advance(60)
    assert world.read(found.cursor).quantities["A"] == 7


def test_many_left_out_goods_are_asked_for_in_one_request() -> None:
    """Above a thousand the whole report by store is the cheaper question."""
    world = World({("A", "main"): 7, ("B", "main"): 2}, report="all")
    for number in range(1001):
        world.double.add_good(f"new {number}", article=f"N-{number}")
    world.double.recalculate("A")
    found = world.read()
    assert found.quantities["A"] is None
    assert sum(number == 0 for number in found.quantities.values()) == 1001
    assert world.double.count("GET", "/api/remap/1.2/report/stock/bystore/current") == 1


def test_changes_of_the_report_of_all() -> None:
    """One row is the whole number: nothing else is asked."""
    world = World(LEVELS, report="all")
    cursor = world.read().cursor
    world.clock.advance(60)
    world.double.set_level("A", 0, "Юг")
    world.asked.clear()
    found = world.read(cursor)
    assert found.quantities == {"A": 5}
    assert len(world.asked) == 2


def test_deleted_good_of_the_report_of_all_is_gone() -> None:
    """Goods that are in no list are missing, and what is missing from a complete reading is sold out."""
    world = World({("A", "main"): 7, ("B", "main"): 2}, report="all")
    world.read()
    world.double.delete("A")
    found: Any = world.another(report="all").read()
    assert (found.quantities, found.last.absent) == ({"B": 2}, "zero")
