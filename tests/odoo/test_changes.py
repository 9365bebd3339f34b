"""What changed since the last read: Odoo has no time of change for a quantity, and many ways to hide one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from mpstock import Level
from mpstock.errors import AuthenticationError
from tests.odoo.shop import VERSIONS, Reader, Shop, answered_by_method
from tests.reading import Read

each_version = pytest.mark.parametrize("version", VERSIONS)
LEVELS = {("MUG", "main"): 5.0, ("TEA", "main"): 2.0, ("LID", "main"): 9.0}


def started(version: int = 19, levels: Any = None, **options: Any) -> tuple[Shop, str]:
    """A shop that was read once, ten minutes ago."""
    shop = Shop(LEVELS if levels is None else levels, version=version, **options)
    cursor = shop.read().cursor
    shop.later()
    return shop, cursor


@each_version
def test_only_what_changed_is_read_again(version: int) -> None:
    """After a full read a change costs one product, not the catalogue; the answer is not complete."""
    shop, cursor = started(version)
    shop.odoo.set_level("MUG", 7)
    found = shop.read(cursor)
    assert found.levels == [Level("MUG", "main", 7)]
    assert not any(reading.complete for reading in found.readings)


def test_nothing_new_yields_no_level_and_moves_the_cursor() -> None:
    """The next read does not have to go back to this one's beginning."""
    shop, cursor = started()
    found = shop.read(cursor)
    assert found.levels == []
    assert found.cursor != cursor


@each_version
def test_sold_out_product_is_found_though_its_quant_is_gone(version: int) -> None:
    """Odoo deletes a quant that came to zero: no `write_date` of quants or products tells of the sell-out."""
    shop, cursor = started(version)
    product = shop.odoo.product("MUG")
    shop.world.transfer(product, shop.odoo.warehouse("main").lot_stock_id, 2, 5)
    assert [q.location_id for q in shop.world.quants_of(product.id)] == [2]
    shop.world.quants_of(product.id)[0].write_date -= timedelta(days=30)
    assert shop.read(cursor).levels == [Level("MUG", "main", 0)]


@pytest.mark.parametrize("witness", ["moves", "move_lines", "quants"])
def test_each_witness_alone_is_enough(witness: str) -> None:
    """A line is written without its move (done in parts), a quant without either (counted, corrected)."""
    shop, cursor = started()
    shop.odoo.set_level("MUG", 7)
    tables: dict[str, Any] = {
        name: getattr(shop.world, name) for name in ("moves", "move_lines", "quants") if name != witness
    }
    for record in [one for table in tables.values() for one in table.values()]:
        record.write_date -= timedelta(days=2)
    assert shop.read(cursor).levels == [Level("MUG", "main", 7)]


def test_reservation_and_its_end_are_found() -> None:
    """An order of Odoo's own takes units from what is free; giving it up deletes the lines of its move."""
    shop, cursor = started()
    move = shop.world.reserve(shop.odoo.product("MUG"), shop.odoo.warehouse("main").lot_stock_id, 4)
    first = shop.read(cursor)
    assert first.levels == [Level("MUG", "main", 1)]
    shop.later()
    shop.world.unreserve(move)
    assert not shop.world.move_lines
    second = shop.read(first.cursor)
    assert second.levels == [Level("MUG", "main", 5)]
    shop.later()
    shop.world.reserve(shop.odoo.product("MUG"), shop.odoo.warehouse("main").lot_stock_id, 2)
    shop.world.deliver(list(shop.world.moves.values())[-1])
    assert shop.read(second.cursor).levels == [Level("MUG", "main", 3)]


def test_merged_quants_leave_no_trace_and_no_harm() -> None:
    """`_merge_quants` rewrites quants by SQL and keeps their dates; the sum was the same before."""
    shop, cursor = started()
    product = shop.odoo.product("MUG")
    place = shop.odoo.warehouse("main").lot_stock_id
    shop.world.put(product, place, 3.0, shop.world.now() - timedelta(days=2))
    shop.world.merge_quants(product)
    assert shop.read(cursor).levels == []
    shop.later(hours=25)
    assert shop.read(cursor).quantities["MUG"] == 8


def test_change_that_was_committed_late_is_in_the_overlap() -> None:
    """`write_date` is the start of the transaction; its rows appear when it ends, minutes later."""
    shop = Shop(LEVELS)
    shop.later(minutes=4)
    cursor = shop.read().cursor
    # Began before that read and ended after it.
    shop.odoo.set_level("MUG", 1)
    tables: list[Any] = [shop.world.moves, shop.world.move_lines, shop.world.quants]
    for record in [one for table in tables for one in table.values()]:
        record.write_date = shop.world.now() - timedelta(minutes=4)
    shop.later()
    assert Level("MUG", "main", 1) in shop.read(cursor).levels
    shop.renew(overlap=timedelta(minutes=1))
    cursor = shop.read().cursor
    shop.later(minutes=2)
    assert shop.read(cursor).levels == []


def test_the_moment_is_asked_for_in_utc_without_a_zone() -> None:
    """Odoo takes `YYYY-MM-DD HH:MM:SS` and refuses an offset."""
    shop, cursor = started()
    shop.read(cursor)
    (leaf,) = {tuple(one["domain"][1]) for one in shop.asked("stock.move")}
    assert leaf == ("write_date", ">=", "2026-01-12 08:55:00")


def test_server_whose_clock_is_behind_is_asked_by_its_own_time() -> None:
    """It stamps changes ten minutes into our past: by our clock they would have been before the last read."""
    shop = Shop(LEVELS)
    shop.odoo.clock_skew = timedelta(minutes=-30)
    cursor = shop.read().cursor
    shop.later(minutes=1)
    shop.odoo.set_level("MUG", 1)
    assert shop.read(cursor).quantities["MUG"] == 1


@pytest.mark.parametrize(
    ("stamps", "as_of"),
    [
        (["Mon, 12 Jan 2026 09:00:00 GMT", "Mon, 12 Jan 2026 08:30:00 GMT"], "08:30"),
        (["Mon, 12 Jan 2026 08:30:00 GMT", "Mon, 12 Jan 2026 11:00:00 GMT"], "09:00"),
        (["yesterday"], "09:00"),
        ([], "09:00"),
    ],
)
def test_server_time_is_the_last_stamp_and_never_ahead_of_ours(stamps: list[str], as_of: str) -> None:
    """A proxy stamps answers as well; a stamp that is none, or none at all, leaves our own clock."""

    def answer(request: httpx.Request) -> httpx.Response:
        found = answered_by_method(
            {
                "context_get": {"uid": 2},
                "fields_get": {name: {"type": "float"} for name in ("free_qty", "is_storable")},
                "stock.warehouse/search_read": [{"id": 1, "name": "W", "code": "W", "company_id": [1, "C"]}],
                "product.product/search_read": [],
            }
        )(request)
        return httpx.Response(200, content=found.content, headers=[("date", one) for one in stamps])

    assert f'"as_of": "2026-01-12T{as_of}:00+00:00"' in Reader(answer).read().cursor


def test_new_product_and_new_article_are_found_by_the_product_itself() -> None:
    """They have no move: nothing but the product was written."""
    shop, cursor = started()
    shop.world.add_product("NEW")
    shop.world.write_product(shop.odoo.product("TEA"), default_code="TEA-2")
    assert shop.read(cursor).quantities == {"NEW": 0, "TEA-2": 2}


def test_archived_product_becomes_zero_unless_its_article_went_on() -> None:
    """In a full read it would be missing and so become 0; an incremental one has to say it."""
    shop, cursor = started()
    shop.world.write_product(shop.odoo.product("MUG"), active=False)
    shop.world.write_product(shop.odoo.product("TEA"), active=False)
    shop.odoo.set_level("TEA", 6)
    assert sorted(shop.read(cursor).levels, key=lambda level: level.sku) == [
        Level("MUG", "main", 0),
        Level("TEA", "main", 6),
    ]


def test_duplicate_article_is_unknown_in_an_incremental_read_too() -> None:
    """The other product with that article did not change, and is looked for all the same."""
    shop, cursor = started()
    shop.world.add_product("MUG")
    found = shop.read(cursor)
    assert found.levels == [Level("MUG", "main", None)]
    assert "2 products have 'MUG'" in found.problems[0].message


@pytest.mark.parametrize("mend", [{"default_code": "MUG-2"}, {"active": False}])
@pytest.mark.parametrize("when", ["before the full read", "after it"])
def test_article_is_known_again_as_soon_as_its_twin_is_mended(mend: dict[str, Any], when: str) -> None:
    """Only the twin is written then; the product that keeps the article is read again all the same."""
    shop = Shop(LEVELS)
    cursor = "" if when.startswith("before") else shop.read().cursor
    shop.later()
    twin = shop.world.add_product("MUG")
    found = shop.read(cursor)
    assert found.quantities["MUG"] is None
    shop.later()
    again = shop.read(found.cursor)
    assert again.quantities == {"MUG": None}
    shop.later()
    shop.world.write_product(twin, **mend)
    mended = shop.read(again.cursor)
    assert mended.quantities["MUG"] == 5
    shop.later()
    assert "MUG" not in shop.read(mended.cursor).quantities


def test_many_changes_are_read_in_pages() -> None:
    """Moves as well as products, each after the last id."""
    shop = Shop({(f"SKU-{number}", "main"): 1.0 for number in range(1, 8)})
    shop.renew(page_size=2)
    cursor = shop.read().cursor
    shop.later()
    for number in range(1, 8):
        shop.odoo.set_level(f"SKU-{number}", number + 1.0)
    found = shop.read(cursor)
    assert found.quantities == {f"SKU-{number}": number + 1 for number in range(1, 8)}
    assert [len(reading.levels) for reading in found.readings] == [2, 2, 2, 1, 0]


@pytest.mark.parametrize(
    "cursor",
    ["", "{}", "nonsense", '{"as_of": "x", "full": "x", "of": "x", "warehouses": []}', "[" * 5000, "[1]"],
)
def test_cursor_that_cannot_be_read_asks_for_everything(cursor: str) -> None:
    """A cursor of another version, or a torn one, costs a full read and nothing else."""
    assert Shop(LEVELS).read(cursor).last.complete


def test_everything_is_read_when_it_is_due_or_the_settings_mean_something_else() -> None:
    """After a day, after another article key, after the clock was set back."""
    shop, cursor = started()
    assert not shop.read(cursor).last.complete
    shop.renew(sku_by="barcode")
    assert shop.read(cursor).last.complete
    shop.renew(full_every=timedelta(minutes=5))
    assert shop.read(cursor).last.complete
    shop.renew()
    shop.later(hours=24)
    assert shop.read(cursor).last.complete
    assert Shop(LEVELS).read(shop.read().cursor).last.complete


def test_full_read_stays_due_by_the_last_full_one() -> None:
    """Incremental reads in between do not put it off."""
    shop, cursor = started()
    for _ in range(3):
        shop.later(hours=7)
        found = shop.read(cursor)
        assert not found.last.complete
        cursor = found.cursor
    shop.later(hours=4)
    assert shop.read(cursor).last.complete


# -- kits ----------------------------------------------------------------------------------


def with_kits(version: int = 19, **options: Any) -> Shop:
    """MUG and LID are stocked; SET is a kit of one MUG and two LIDs, PAIR one of two SETs."""
    shop = Shop(LEVELS, version=version, **options)
    old = shop.world.now() - timedelta(days=1)
    mug, lid = shop.odoo.product("MUG"), shop.odoo.product("LID")
    kit = shop.world.add_product("SET", is_storable=False, write_date=old)
    pair = shop.world.add_product("PAIR", is_storable=False, write_date=old)
    shop.world.add_bom(kit, [(mug, 1), (lid, 2)], write_date=old)
    shop.world.add_bom(pair, [(kit, 2)], product_id=pair.id, write_date=old)
    shop.world.add_bom(shop.odoo.product("TEA"), [(mug, 5)], kind="normal", write_date=old)
    for line in shop.world.bom_lines.values():
        line.write_date = old
    return shop


@each_version
def test_kits_have_the_stock_of_their_parts(version: int) -> None:
    """They have no quants of their own, and are consumables; Odoo computes them by the smallest part."""
    assert with_kits(version).read().quantities == {"MUG": 5, "TEA": 2, "LID": 9, "SET": 4, "PAIR": 2}


@each_version
def test_kits_are_read_again_when_a_part_moved(version: int) -> None:
    """Also a kit of kits; a product that is only made of the part is not touched."""
    shop = with_kits(version)
    cursor = shop.read().cursor
    shop.later()
    shop.odoo.set_level("LID", 2)
    found = shop.read(cursor)
    assert found.quantities == {"LID": 2, "SET": 1, "PAIR": 0}
    shop.later()
    shop.odoo.set_level("MUG", 6)
    assert shop.read(found.cursor).quantities == {"LID": 2, "MUG": 6, "SET": 1, "PAIR": 0}


def test_kits_are_read_again_when_their_bill_changed() -> None:
    """Nothing moved, and yet the kit's number is another one."""
    shop = with_kits()
    cursor = shop.read().cursor
    shop.later()
    line = shop.world.bom_lines[2]
    line.product_qty, line.write_date = 9, shop.world.now()
    found = shop.read(cursor)
    assert found.quantities == {"SET": 1, "PAIR": 0}
    shop.later()
    bill = next(bom for bom in shop.world.boms.values() if bom.type == "normal")
    bill.type, bill.write_date = "phantom", shop.world.now()
    assert shop.read(found.cursor).quantities["TEA"] == 1


def test_kit_of_all_variants_is_one_of_each() -> None:
    """A bill without a variant is for every variant of its template."""
    shop = with_kits()
    kit = shop.odoo.product("SET")
    shop.world.add_product("SET-RED", is_storable=False, product_tmpl_id=kit.product_tmpl_id)
    assert shop.read().quantities["SET-RED"] == 4


@pytest.mark.parametrize("hidden", [False, True])
def test_kit_of_another_company_is_taken_apart_by_its_own_bill(hidden: bool) -> None:
    """Odoo takes the bill of the first company in the context: that has to be the warehouse's own."""
    shop = Shop(LEVELS)
    other = shop.world.add_company("Other")
    shop.odoo.user.company_ids = [1, other.id]
    shop.world.add_warehouse("far", "Far", other.id)
    shop.odoo.set_level("MUG", 12, "far")
    kit = shop.world.add_product("SET", is_storable=False)
    shop.world.add_bom(kit, [(shop.odoo.product("MUG"), 3)], company_id=other.id)
    if hidden:
        shop.odoo.denied = {"mrp.bom", "mrp.bom.line"}
    first = shop.read()
    assert (first.by_key["SET", "far"], first.by_key["MUG", "main"], first.by_key["MUG", "far"]) == (4, 5, 12)
    shop.later()
    shop.odoo.set_level("MUG", 6, "far")
    assert shop.read(first.cursor).by_key["SET", "far"] == 2


@pytest.mark.parametrize("version", [13, 19])
def test_hidden_bills_are_lived_with(version: int) -> None:
    """The user may read stock and no bills. From 16 on products say themselves whether they are kits."""
    shop = with_kits(version)
    shop.odoo.denied = {"mrp.bom", "mrp.bom.line"}
    first = shop.read()
    shop.later()
    shop.odoo.set_level("MUG", 1)
    second = shop.read(first.cursor)
    if version >= 16:
        assert first.quantities == {"MUG": 5, "TEA": 2, "LID": 9, "SET": 4, "PAIR": 2}
        assert second.quantities == {"MUG": 1, "SET": 1, "PAIR": 0}
        assert (first.problems, second.problems) == ([], [])
    else:
        assert first.quantities == {"MUG": 5, "TEA": 2, "LID": 9, "SET": None, "PAIR": None}
        assert second.quantities == {"MUG": 1}
        for found in (first, second):
            assert "let the user read bills of materials" in found.problems[-1].message


@each_version
def test_shop_without_the_addon_for_kits_asks_for_none(version: int) -> None:
    """The model is not there; it is not even asked for."""
    shop, cursor = started(version, double={"mrp": False})
    shop.odoo.set_level("MUG", 7)
    assert shop.read(cursor).quantities == {"MUG": 7}
    assert shop.asked("mrp.bom") == []


def test_witness_that_is_hidden_is_an_error() -> None:
    """Without moves changes would be missed in silence; the error names the model and the role."""
    shop, cursor = started()
    shop.odoo.denied = {"stock.move"}
    with pytest.raises(AuthenticationError, match=r"Stock Move.*Inventory / User"):
        shop.read(cursor)
    assert isinstance(shop.read(), Read)
