"""Bundles (комплекты): not in the report, reckoned from their components."""

from __future__ import annotations

from typing import Any

import pytest

from mpstock import Level
from tests.moysklad.account import Told, World, good, row, store

LEVELS = {("A", "main"): 9, ("B", "main"): 5, ("A", "Юг"): 4}


def test_bundle_is_as_many_as_its_scarcest_component_allows() -> None:
    """Two of A and one of B: four from nine, five from five; in the other store there is no B."""
    world = World(LEVELS)
    world.double.add_bundle("SET", {"A": 2, "B": 1})
    found = world.read().by_key
    assert (found["SET", "main"], found["SET", "Юг"]) == (4, 0)


def test_bundles_of_whole_parts_of_fractions() -> None:
    """Half a unit of each: the exact quantities are divided, and rounded at the end."""
    world = World({("A", "main"): "2.25"})
    world.double.add_bundle("SET", {"A": "0.75"})
    assert world.read().by_key["SET", "main"] == 3


def test_services_limit_no_bundle() -> None:
    """Delivery has no stock; a bundle of services alone has none either, and is told."""
    world = World(LEVELS)
    service = world.double.add_good("Доставка", kind="service", article="D")
    world.double.add_bundle("SET", {"A": 2, service: 1})
    world.double.add_bundle("NOTHING", {service: 1})
    found = world.read()
    assert found.by_key["SET", "main"] == 4
    assert found.by_key["NOTHING", "main"] is None
    assert [problem.sku for problem in found.problems] == ["NOTHING"]


def test_component_without_an_article_counts() -> None:
    """It is not sold by itself, and it is in the box."""
    world = World(LEVELS)
    box = world.double.add_good("Коробка", stock={"main": 3})
    world.double.add_bundle("SET", {"A": 1, box: 1})
    assert world.read().by_key["SET", "main"] == 3


def test_component_with_a_double_article_counts_by_its_id() -> None:
    """Its article is unknown, its number is not."""
    world = World({("A", "main"): 9})
    second = world.double.add_good("second", article="A", stock={"main": 2})
    world.double.add_bundle("SET", {second: 1})
    assert world.read().by_key == {("A", "main"): None, ("SET", "main"): 2}


def test_unknown_component_makes_the_bundle_unknown_there() -> None:
    """And only in that store."""
    world = World(LEVELS)
    world.double.add_bundle("SET", {"A": 1})
    world.double.recalculate("A")
    world.double.set_level("A", 4, "Юг")
    found = world.read().by_key
    assert found["SET", "main"] is None


def test_component_that_is_nowhere_makes_the_bundle_unknown() -> None:
    """The user may not see it, or it was deleted: no stock is promised with it."""
    world = World(LEVELS)
    world.double.add_bundle("SET", {"A": 1, "00000000-0000-0000-0000-000000000001": 1})
    found = world.read()
    assert {found.by_key["SET", where] for where in ("main", "Юг")} == {None}
    assert "not in the list of goods" in found.problems[0].message


def test_negative_component_stays_negative() -> None:
    """Signed to the end: what is owed in one warehouse takes from the others."""
    world = World({("A", "main"): -3, ("A", "Юг"): 9})
    world.double.add_bundle("SET", {"A": 2})
    found = world.read().by_key
    assert (found["SET", "main"], found["SET", "Юг"]) == (-2, 4)


def test_change_of_one_component_tells_the_bundle() -> None:
    """The others have not changed, and are asked for."""
    world = World(LEVELS)
    world.double.add_bundle("SET", {"A": 2, "B": 1})
    world.double.add_bundle("OTHER", {"B": 1})
    cursor = world.read().cursor
    world.clock.advance(600)
    world.double.set_level("A", 3)
    found = world.read(cursor)
    assert not found.last.complete
    assert (found.by_key["A", "main"], found.by_key["SET", "main"]) == (3, 1)
    assert ("OTHER", "main") not in found.by_key


def test_component_that_is_sold_out_sells_out_the_bundle() -> None:
    """The report leaves its zero out."""
    world = World(LEVELS)
    world.double.add_bundle("SET", {"A": 2, "B": 1})
    cursor = world.read().cursor
    world.clock.advance(600)
    world.double.set_level("B", 0)
    found = world.read(cursor).by_key
    assert (found["B", "main"], found["SET", "main"]) == (0, 0)


def test_changed_composition_is_read_anew() -> None:
    """Its components' stock has not changed, so everything is read, once."""
    world = World(LEVELS)
    bundle = world.double.add_bundle("SET", {"A": 2})
    cursor = world.read().cursor
    world.clock.advance(600)
    world.double.compose(bundle, {"B": 1})
    found = world.read(cursor)
    assert found.by_key["SET", "main"] == 5
    world.clock.advance(60)
    assert not world.read(found.cursor).last.complete


def test_composition_that_is_cut_short_is_asked_for_by_itself() -> None:
    """A list that is expanded may show only some of the components; `size` tells."""
    world = World(LEVELS)
    world.double.add_bundle("SET", {"A": 1, "B": 2})
    world.double.cut_at = 1
    assert world.read().by_key["SET", "main"] == 2
    assert world.double.count("GET", "/api/remap/1.2/entity/bundle/") == 1


def test_bundles_are_read_a_hundred_at_a_time() -> None:
    """`expand` works on such pages only, and is left out without a word on larger ones."""
    world = World(LEVELS)
    for number in range(150):
        world.double.add_bundle(f"SET-{number}", {"B": 1})
    found = world.read().by_key
    assert all(found[f"SET-{number}", "main"] == 5 for number in range(150))
    assert [one for one in world.asked if "bundle" in one] == ["entity/bundle", "entity/bundle offset=100"]


def test_article_of_a_bundle_and_a_good_is_unknown() -> None:
    """Also where only one of them has rows; and each level is told once."""
    world = World(LEVELS)
    world.double.add_bundle("A", {"B": 1})
    world.double.add_bundle("TWICE", {"B": 1})
    world.double.add_good("Комплект TWICE 2", kind="bundle", article="TWICE")
    found = world.read().by_key
    assert {found["A", "main"], found["TWICE", "main"], found["TWICE", "Юг"]} == {None}


def test_reserve_of_components_is_the_bundle_s() -> None:
    """On hand 4, free 3: one of the four is spoken for."""
    world = World(LEVELS, stock_type="stock", reserve=True)
    world.double.reserve("A", 2)
    world.double.add_bundle("SET", {"A": 2, "B": 1})
    assert Level("SET", "main", 4, 1) in world.read().levels


def test_orders_without_a_store_take_bundles_too() -> None:
    """Three of A are spoken for, nobody knows where: two bundles of two less."""
    world = World(LEVELS)
    world.double.reserve("A", 3, None)
    world.double.add_bundle("SET", {"A": 2})
    assert world.read().holds == {"A": 3, "SET": 2}


def test_hold_of_a_bundle_follows_its_components() -> None:
    """When the order without a store is gone, the bundle's hold is."""
    world = World(LEVELS)
    world.double.reserves_show = True
    world.double.reserve("A", 3, None)
    world.double.add_bundle("SET", {"A": 2})
    first = world.read()
    world.clock.advance(600)
    world.double.set_level("A", 8)
    second = world.read(first.cursor)
    assert second.holds == {"A": 3, "SET": 2}
    world.clock.advance(600)
    world.double.reserve("A", 0, None)
    third = world.read(second.cursor)
    assert (third.holds, third.last.complete) == ({}, False)


def test_unknown_reserve_without_a_store_makes_bundles_unknown() -> None:
    """It may take any of them."""
    rows = [row("g1", 5, "s1"), row("g1", 5, "s2"), row("g1", None, None)]
    component = {"quantity": 1, "assortment": {"meta": {"type": "product", "href": "https://x/product/g1"}}}
    bundle = {"id": "b1", "components": {"meta": {"size": 1}, "rows": [component]}}
    told = Told(
        rows, [good("g1", "A"), good("b1", "SET", "bundle")], [store("s1", "a"), store("s2", "b")], [bundle]
    )
    assert set(told.read().by_key.values()) == {None}


@pytest.mark.parametrize("changed", [{"bundles": False}, {}])
def test_no_bundles_no_requests(changed: dict[str, Any]) -> None:
    """Who has none, or wants none, does not pay for them."""
    world = World(LEVELS, **changed)
    if changed:
        world.double.add_bundle("SET", {"A": 1})
    found = world.read()
    assert ("SET", "main") not in found.by_key
    assert not [one for one in world.asked if "bundle" in one]


def test_bundles_with_the_report_of_all() -> None:
    """One warehouse, and components that are left out are settled as goods are."""
    world = World({("A", "main"): 9, ("B", "Юг"): 0}, report="all")
    never = world.double.add_good("never", article="NEVER")
    world.double.add_bundle("SET", {"A": 2})
    world.double.add_bundle("EMPTY", {"A": 1, never: 1})
    first = world.read()
    assert (first.quantities["SET"], first.quantities["EMPTY"]) == (4, 0)
    world.clock.advance(60)
    world.double.set_level("A", 5)
    second = world.read(first.cursor)
    # EMPTY's other component is left out, which may mean two things: everything is read, and settled.
    assert second.last.complete
    assert (second.quantities["SET"], second.quantities["EMPTY"]) == (2, 0)
    world.double.set_level("NEVER", 0)
    third = world.read(second.cursor)
    world.clock.advance(60)
    world.double.set_level("A", 3)
    fourth = world.read(third.cursor)
    assert not fourth.last.complete
    assert (fourth.quantities["SET"], fourth.quantities["EMPTY"]) == (1, 0)
