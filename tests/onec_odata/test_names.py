"""Products and warehouses: how what 1C refers to gets a name here."""

from __future__ import annotations

import pytest

from mpstock import Level
from mpstock.errors import RejectedError
from tests.onec_odata.world import EMPTY_REF, NO_SUCH_REF, World


def test_characteristics_are_added_up_unless_the_sku_names_them() -> None:
    """Without a characteristic in the sku all sizes of a product are one number."""
    world = World()
    world.base.add_variant("TS-42", "TS", "42")
    world.base.add_variant("TS-43", "TS", "43")
    world.base.set_level("TS-42", 5)
    world.base.set_level("TS-43", "2.5")
    assert world.read().quantities == {"TS": 7}
    assert world.asked("/Balance(")[0].count("Характеристика") == 0


def test_a_characteristic_becomes_a_part_of_the_sku() -> None:
    """Down to the size: `{article}[-{characteristic}]`; a product without sizes keeps its article."""
    world = World({("MUG", "main"): 4}, sku="{article}[-{characteristic}]")
    world.base.add_variant("TS-42", "TS", "42")
    world.base.add_variant("TS-43", "TS", "43")
    world.base.set_level("TS-42", 5)
    world.base.set_level("TS-43", 2)
    assert world.read().quantities == {"MUG": 4, "TS-42": 5, "TS-43": 2}


def test_a_characteristic_that_must_be_there_and_is_not() -> None:
    """With `{article}-{characteristic}` a product without sizes has no sku, and is told."""
    world = World({("MUG", "main"): 4}, sku="{article}-{characteristic}")
    world.base.add_variant("TS-42", "TS", "42")
    world.base.set_level("TS-42", 5)
    found = world.read()
    assert found.quantities == {"TS-42": 5}
    assert "its characteristic is empty" in found.problems[0].message
    assert found.last.absent == "zero"


def test_the_code_may_be_the_sku() -> None:
    """Where articles are not kept, the code is what a product is known by; its zeros stay."""
    world = World({("MUG", "main"): 4}, sku="{code}")
    assert world.read().quantities == {"000000001": 4}


@pytest.mark.parametrize("configuration", ["ut11", "ut103"])
def test_barcodes_are_read_by_product_and_characteristic(configuration: str) -> None:
    """Each size has a barcode of its own; that of a package is not the product's."""
    world = World(configuration=configuration, sku="{barcode}")
    world.base.add_variant("TS-42", "TS", "42")
    world.base.set_level("TS-42", 5)
    world.base.set_level("MUG", 3)
    mug, _ = world.infobase.of_sku("MUG")
    shirt, size = world.infobase.of_sku("TS-42")
    world.infobase.add_barcode("46042", shirt, size)
    world.infobase.add_barcode("46001", mug)
    world.infobase.add_barcode("146001", mug, package="22222222-2222-2222-2222-222222222222")
    assert world.read().quantities == {"46042": 5, "46001": 3}


def test_several_barcodes_are_no_key() -> None:
    """Which of two barcodes is meant cannot be told, and two listings of one stock would oversell it."""
    world = World({("MUG", "main"): 4}, sku="{barcode}")
    mug, _ = world.infobase.of_sku("MUG")
    world.infobase.add_barcode("1", mug)
    world.infobase.add_barcode("2", mug)
    found = world.read()
    assert found.levels == []
    assert "several barcodes" in found.problems[1].message


# -- duplicates, deleted ones, those without a sku ---------------------------------------


def test_one_article_of_two_products_is_unknown() -> None:
    """Which of the two is sold cannot be told: unknown, which raises nothing and zeroes nothing."""
    world = World({("MUG", "main"): 4, ("LID", "main"): 1})
    world.infobase.add_product("MUG", name="another mug")
    found = world.read()
    assert found.quantities == {"MUG": None, "LID": 1}
    (problem,) = found.problems
    assert (problem.sku, problem.name) == ("MUG", "sku")
    assert 'duplicates = "sum"' in problem.message


def test_one_article_of_two_products_may_be_summed() -> None:
    """By the setting: one good kept under two cards."""
    world = World({("MUG", "main"): 4}, duplicates="sum")
    other = world.infobase.add_product("MUG", name="another mug")
    world.infobase.record(other, EMPTY_REF, world.base.warehouse("main")).resources["ВНаличии"] += 3
    assert world.read().quantities == {"MUG": 7}


def test_two_products_in_one_size_are_unknown() -> None:
    """Duplicates are found by the whole sku, where it is made of more than the product."""
    world = World(sku="{article}[-{characteristic}]")
    world.base.add_variant("TS-42", "TS", "42")
    world.base.set_level("TS-42", 5)
    other = world.infobase.add_product("TS", name="another shirt")
    size = world.infobase.add_characteristic("42", other)
    world.infobase.record(other, size, world.base.warehouse("main")).resources["ВНаличии"] += 3
    assert world.read().quantities == {"TS-42": None}


def test_a_card_that_is_marked_for_deletion_is_no_duplicate() -> None:
    """Cleaning up duplicates leaves a marked card: its article is the living one's, its stock is told."""
    world = World({("MUG", "main"): 4})
    old = world.infobase.add_product("MUG", name="old mug", DeletionMark=True)
    world.infobase.record(old, EMPTY_REF, world.base.warehouse("main")).resources["ВНаличии"] += 9
    found = world.read()
    assert found.quantities == {"MUG": 4}
    assert [problem.name for problem in found.problems] == ["DeletionMark"]
    assert found.last.absent == "zero"


def test_groups_are_no_products() -> None:
    """A group of the catalogue has the fields of a product and is none."""
    world = World({("MUG", "main"): 4})
    world.infobase.add_product("MUG", name="Mugs", IsFolder=True)
    assert world.read().quantities == {"MUG": 4}


def test_products_without_an_article_are_told_and_cost_nothing() -> None:
    """They are known not to be sold under any sku; what is missing is zero all the same."""
    world = World({("MUG", "main"): 4})
    for number in range(30):
        bare = world.infobase.add_product("", name=f"screw {number}")
        world.infobase.record(bare, EMPTY_REF, world.base.warehouse("main")).resources["ВНаличии"] += 1
    found = world.read()
    assert found.quantities == {"MUG": 4}
    assert found.last.absent == "zero"
    assert len(found.problems) == 21
    assert found.problems[-1].message.startswith("10 more rows of products without a sku")


# -- what is newer than the catalogue ----------------------------------------------------


def test_a_new_product_is_asked_for_at_once() -> None:
    """A row of a product that is not in the kept catalogue: this one is asked for, and nothing else."""
    world = World({("MUG", "main"): 4})
    world.read()
    before = len(world.base.requests)
    world.base.set_level("NEW", 7)
    found = world.read()
    assert found.quantities == {"MUG": 4, "NEW": 7}
    assert found.problems == []
    asked = [seen.path.rpartition("/")[2] for seen in world.base.requests[before:]]
    assert len(asked) == 2
    assert "Ref_Key eq guid'" in world.asked("Catalog_Номенклатура")[-1]


def test_many_new_products_are_asked_for_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond some number the whole catalogue is cheaper than one by one."""
    monkeypatch.setattr("mpstock_onec.odata_source.MOST_LEARNED", 3)
    world = World({("MUG", "main"): 4})
    world.read()
    for number in range(5):
        world.base.set_level(f"NEW-{number}", number + 1)
    assert len(world.read().levels) == 6
    assert "guid'" not in world.asked("Catalog_Номенклатура")[-1]


def test_a_new_card_may_make_an_old_sku_doubtful() -> None:
    """A second product of the same article, newer than the catalogue: two, and not their sum."""
    world = World({("MUG", "main"): 4})
    world.read()
    other = world.infobase.add_product("MUG", name="another mug")
    world.infobase.record(other, EMPTY_REF, world.base.warehouse("main")).resources["ВНаличии"] += 3
    found = world.read()
    assert found.quantities == {"MUG": None}
    assert [problem.sku for problem in found.problems] == ["MUG"]


def test_a_new_size_is_asked_for_at_once() -> None:
    """So is a characteristic."""
    world = World(sku="{article}[-{characteristic}]")
    world.base.add_variant("TS-42", "TS", "42")
    world.base.set_level("TS-42", 5)
    world.read()
    world.base.add_variant("TS-43", "TS", "43")
    world.base.set_level("TS-43", 2)
    assert world.read().quantities == {"TS-42": 5, "TS-43": 2}


def test_a_new_warehouse_is_asked_for_at_once() -> None:
    """And a warehouse."""
    world = World({("MUG", "main"): 4})
    world.read()
    world.base.set_level("MUG", 2, "Склад № 2")
    assert set(world.read().levels) == {Level("MUG", "main", 4), Level("MUG", "Склад № 2", 2)}


def test_a_new_article_is_seen_when_the_catalogue_is_read_anew() -> None:
    """The catalogue is kept for a day, or for as long as the settings say."""
    world = World({("MUG", "main"): 4})
    world.read()
    world.infobase.products[world.infobase.of_sku("MUG")[0]]["Артикул"] = "CUP"
    world.clock.advance(23 * 3600)
    assert world.read().quantities == {"MUG": 4}
    world.clock.advance(3600)
    assert world.read().quantities == {"CUP": 4}


@pytest.mark.parametrize(("unknown_products", "absent"), [("unknown", "unknown"), ("ignore", "zero")])
def test_a_product_that_no_catalogue_has_may_be_any(unknown_products: str, absent: str) -> None:
    """A deleted object, or one that is hidden: asked for once, told, and it keeps zeros away unless set."""
    world = World({("MUG", "main"): 4}, unknown_products=unknown_products)
    record = world.infobase.record(NO_SUCH_REF, EMPTY_REF, world.base.warehouse("main"))
    record.resources["ВНаличии"] += 1
    for _ in range(2):
        found = world.read()
        assert found.quantities == {"MUG": 4}
        assert found.last.absent == absent
        assert NO_SUCH_REF in found.problems[0].message
    assert len(world.asked("Catalog_Номенклатура")) == 2


def test_a_size_that_no_catalogue_has_is_told_as_that() -> None:
    """The characteristic is named, and not its product, which is known."""
    world = World({("MUG", "main"): 4}, sku="{article}[-{characteristic}]")
    shirt, _ = world.infobase.of_sku("TS")
    world.infobase.record(shirt, NO_SUCH_REF, world.base.warehouse("main")).resources["ВНаличии"] += 1
    found = world.read()
    assert found.quantities == {"MUG": 4}
    assert found.last.absent == "unknown"
    assert found.problems[0].name == "Характеристика_Key"
    assert f"characteristic {NO_SUCH_REF}" in found.problems[0].message


def test_no_room_for_pending_rows_reads_the_catalogue_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows beyond the room are told as strangers once, and have their names the next time."""
    monkeypatch.setattr("mpstock_onec.odata_tally.MOST_PENDING", 2)
    world = World({("MUG", "main"): 4})
    world.read()
    for number in range(5):
        world.base.set_level(f"NEW-{number}", number + 1)
    found = world.read()
    assert len(found.levels) == 3
    assert found.last.absent == "unknown"
    found = world.read()
    assert len(found.levels) == 6
    assert found.last.absent == "zero"


# -- warehouses --------------------------------------------------------------------------


def warehouses(**wanted: str) -> World:
    levels = {("Основной склад", 4), ("Магазин 1", 2), ("Магазин 2", 1), ("Брак", 9)}
    return World({("MUG", name): quantity for name, quantity in levels}, warehouses=wanted)


def test_warehouses_have_their_names_in_1c() -> None:
    """Without a setting each is called as 1C calls it."""
    assert {level.warehouse: level.quantity for level in warehouses().read().levels} == {
        "Основной склад": 4,
        "Магазин 1": 2,
        "Магазин 2": 1,
        "Брак": 9,
    }


def test_only_the_named_warehouses_are_read() -> None:
    """The setting names some, by name or reference; two may be one here, the others are not asked for."""
    world = warehouses()
    ref = world.base.warehouse("Магазин 2")
    world = warehouses(**{"основной  склад": "main", "Магазин 1": "shop", ref: "shop"})
    assert set(world.read().levels) == {Level("MUG", "main", 4), Level("MUG", "shop", 3)}
    assert world.asked("/Balance(")[0].count("Склад_Key eq guid") == 3


def test_a_group_of_warehouses_may_be_named() -> None:
    """All that lie in it, groups in groups too; what is named by itself goes before its group."""
    world = warehouses(**{"Розница": "retail", "Магазин 2": "shop-2"})
    retail = world.infobase.add_warehouse("Розница", IsFolder=True)
    city = world.infobase.add_warehouse("Москва", IsFolder=True, Parent_Key=retail)
    for name, parent in (("Магазин 1", city), ("Магазин 2", retail)):
        world.infobase.warehouses[world.base.warehouse(name)]["Parent_Key"] = parent
    assert set(world.read().levels) == {Level("MUG", "retail", 2), Level("MUG", "shop-2", 1)}


def test_a_warehouse_that_is_not_there_is_an_error() -> None:
    """Else its goods would be missing, and so be sold out."""
    world = warehouses(**{"Основный склад": "main"})
    with pytest.raises(RejectedError, match=r"warehouses: 1C has no warehouse.*there is 'Основной склад'"):
        world.read()


def test_two_warehouses_of_one_name_are_told_apart_by_reference() -> None:
    """A name that two have names none."""
    world = warehouses(**{"Магазин 1": "shop"})
    world.infobase.warehouses[world.base.warehouse("Брак")]["Description"] = "Магазин 1"
    with pytest.raises(RejectedError, match=r"1C has 2 warehouses 'Магазин 1'; name them by reference"):
        world.read()


def test_a_warehouse_that_is_marked_for_deletion_takes_no_name_from_a_living_one() -> None:
    """Of two of one name the living one is meant."""
    world = World({("MUG", "main"): 4, ("MUG", "old"): 2}, warehouses={"main": "shop"})
    old = world.infobase.warehouses[world.base.warehouse("old")]
    old["Description"], old["DeletionMark"] = "main", True
    assert world.read().levels == [Level("MUG", "shop", 4)]


def test_a_warehouse_that_is_marked_for_deletion_is_left_out_and_told() -> None:
    """Its stock is told; named in the settings it is read."""
    world = World({("MUG", "main"): 4, ("MUG", "old"): 2})
    world.infobase.warehouses[world.base.warehouse("old")]["DeletionMark"] = True
    found = world.read()
    assert found.levels == [Level("MUG", "main", 4)]
    assert "marked for deletion" in found.problems[0].message
    assert found.last.absent == "zero"
    world = World({("MUG", "old"): 2}, warehouses={"old": "main"})
    world.infobase.warehouses[world.base.warehouse("old")]["DeletionMark"] = True
    assert world.read().levels == [Level("MUG", "main", 2)]


def test_stock_on_no_warehouse_is_left_out_and_told() -> None:
    """The empty reference is none of the warehouses, unless the settings give it a name."""
    world = World({("MUG", "main"): 4})
    record = world.infobase.record(world.infobase.of_sku("MUG")[0], EMPTY_REF, EMPTY_REF)
    record.resources["ВНаличии"] += 3
    found = world.read()
    assert found.levels == [Level("MUG", "main", 4)]
    assert "booked on no warehouse" in found.problems[0].message
    assert found.last.absent == "zero"


def test_a_warehouse_that_the_user_may_not_see_is_unknown() -> None:
    """Rows of a warehouse that its catalogue hides: its name is not known, so nothing becomes zero by it."""
    world = World({("MUG", "main"): 4, ("MUG", "hidden"): 2})
    del world.infobase.warehouses[world.base.warehouse("hidden")]
    found = world.read()
    assert found.levels == [Level("MUG", "main", 4)]
    assert found.last.absent == "unknown"
