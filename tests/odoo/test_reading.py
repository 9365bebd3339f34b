"""Everything read at once: which numbers, of which products, in which warehouses."""

from __future__ import annotations

from typing import Any

import pytest

from mpstock import Level
from mpstock.errors import AuthenticationError, RejectedError, UnexpectedResponseError
from tests.odoo.shop import VERSIONS, Reader, Shop, answered_by_method

each_version = pytest.mark.parametrize("version", VERSIONS)


@each_version
def test_everything_is_read_by_product_and_warehouse(version: int) -> None:
    """Each product has a level in each warehouse, also of zero; the answer is complete."""
    shop = Shop({("MUG", "main"): 5, ("MUG", "msk"): 3, ("Кружка 2", "main"): 7}, version=version)
    found = shop.read()
    assert found.by_key == {
        ("MUG", "main"): 5,
        ("MUG", "msk"): 3,
        ("Кружка 2", "main"): 7,
        ("Кружка 2", "msk"): 0,
    }
    assert (found.last.complete, found.last.absent, found.problems) == (True, "zero", [])


@each_version
def test_both_context_keys_are_sent_as_whole_numbers(version: int) -> None:
    """Odoo renamed the key, and takes a text for a part of a name: "1" would find warehouse 21."""
    shop = Shop({("MUG", "main"): 5, ("MUG", "msk"): 3}, version=version)
    shop.read()
    asked = [one["context"] for one in shop.asked("product.product") if "free_qty" in one["fields"]]
    assert [(one["warehouse"], one["warehouse_id"]) for one in asked] == [(1, 1), (2, 2)]
    assert all(type(one["warehouse"]) is type(one["warehouse_id"]) is int for one in asked)


def test_free_quantity_is_read_and_never_the_forecast() -> None:
    """What Odoo has reserved is not free; what is planned to come is not there."""
    shop = Shop({("MUG", "main"): 10})
    shop.world.reserve(shop.odoo.product("MUG"), shop.odoo.warehouse("main").lot_stock_id, 4)
    assert shop.read().levels == [Level("MUG", "main", 6)]
    assert all("virtual_available" not in one["fields"] for one in shop.asked("product.product"))


@pytest.mark.parametrize(
    ("changed", "level"),
    [
        ({"field": "qty_available"}, Level("MUG", "main", 10)),
        ({"field": "qty_available", "tell_reserved": True}, Level("MUG", "main", 10, 4)),
    ],
)
def test_what_is_on_hand_comes_with_its_reserve_if_the_settings_say_so(
    changed: dict[str, Any], level: Level
) -> None:
    """With `qty_available` the reserve is what is on hand and not free."""
    shop = Shop({("MUG", "main"): 10}, **changed)
    shop.renew(**changed)
    shop.world.reserve(shop.odoo.product("MUG"), shop.odoo.warehouse("main").lot_stock_id, 4)
    assert shop.read().levels == [level]


def test_reserve_below_zero_is_none() -> None:
    """A reservation that Odoo lost counts backwards; it must not add to what is on hand."""
    shop = Shop({("MUG", "main"): 10})
    shop.renew(field="qty_available", tell_reserved=True)
    (quant,) = shop.world.quants_of(shop.odoo.product("MUG").id)
    quant.reserved_quantity = -3
    assert shop.read().levels == [Level("MUG", "main", 10, 0)]


def test_dust_of_binary_fractions_is_removed() -> None:
    """18 units summed up from lots as 17.999999999996 are 18, and one half is not a unit."""
    shop = Shop({("MUG", "main"): 18, ("TEA", "main"): 17.6})
    shop.odoo.dust = 4e-12
    found = shop.read()
    assert found.quantities == {"MUG": 18, "TEA": 17}
    (problem,) = found.problems
    assert (problem.sku, problem.name, problem.place) == ("TEA", "free_qty", "product.product 2")
    assert "unit of measure" in problem.message


def test_negative_quantities_keep_their_sign() -> None:
    """What was shipped before it was received takes away from the product's other warehouses."""
    assert Shop({("MUG", "main"): -3}).read().quantities == {"MUG": -3}


def test_only_stock_of_the_warehouse_counts() -> None:
    """Units at customers, written off or in another warehouse are quants as well, and not stock."""
    shop = Shop({("MUG", "main"): 10, ("MUG", "msk"): 1})
    product, stock = shop.odoo.product("MUG"), shop.odoo.warehouse("main").lot_stock_id
    shop.world.transfer(product, stock, 2, 4)
    shop.world.transfer(product, stock, 1, 1)
    shelf = shop.world.add_location(shop.odoo.warehouse("main"), "Shelf 1")
    shop.world.transfer(product, stock, shelf.id, 2)
    assert shop.read().by_key == {("MUG", "main"): 5, ("MUG", "msk"): 1}


@each_version
def test_services_combos_and_goods_that_nobody_counts_are_left_out(version: int) -> None:
    """They have no stock; 0 would take them off sale, and left out they are nobody's business here."""
    shop = Shop({("MUG", "main"): 5}, version=version)
    shop.world.add_product("DELIVERY", type="service", is_storable=False)
    shop.world.add_product("BAG", type="consu", is_storable=False)
    shop.world.add_product("SET", type="combo", is_storable=False)
    found = shop.read()
    assert found.quantities == {"MUG": 5}
    assert found.problems == []


def test_archived_products_are_left_out_of_a_full_read() -> None:
    """An archived product is not sold, whatever is still on the shelf; missing from all it becomes 0."""
    shop = Shop({("MUG", "main"): 5, ("OLD", "main"): 9})
    shop.world.write_product(shop.odoo.product("OLD"), active=False)
    found = shop.read()
    assert found.quantities == {"MUG": 5}
    assert found.last.complete


def test_products_of_one_article_are_unknown() -> None:
    """`default_code` is not unique. Which of the two is sold nobody knows; adding them would be a guess."""
    shop = Shop({("MUG", "main"): 5, ("TEA", "main"): 2})
    shop.world.add_product("MUG")
    found = shop.read()
    assert found.quantities == {"MUG": None, "TEA": 2}
    assert len(found.levels) == 2, "twins of one page are told once"
    assert {problem.place for problem in found.problems} == {"product.product 1", "product.product 3"}
    assert all("2 products have 'MUG' (ids 1, 3)" in problem.message for problem in found.problems)


def test_products_of_one_article_are_found_across_pages() -> None:
    """The second one may come a thousand pages later, when the first was told long ago."""
    shop = Shop({(f"SKU-{number}", "main"): number for number in range(1, 8)})
    shop.world.add_product("SKU-1")
    shop.renew(page_size=2)
    found = shop.read()
    assert [level.quantity for level in found.levels if level.sku == "SKU-1"] == [None, None]
    assert found.quantities["SKU-7"] == 7
    assert [len(reading.levels) for reading in found.readings] == [2, 2, 2, 2, 0]


@pytest.mark.parametrize("written", [" MUG", "MUG ", "MUG\t", "\u00a0MUG"])
def test_blanks_around_an_article_do_not_count(written: str) -> None:
    """Nobody sees them; and with them the same article may stand at two products, also across pages."""
    shop = Shop({("TEA", "main"): 1})
    shop.world.add_product(written)
    shop.renew(page_size=1)
    assert shop.read().quantities == {"TEA": 1, "MUG": 0}
    shop.odoo.set_level("MUG", 5)
    found = shop.read()
    assert [level.quantity for level in found.levels if level.sku == "MUG"] == [None, None]


def test_archived_twin_does_no_harm() -> None:
    """A product that was archived and made anew under its article is the common case, and no duplicate."""
    shop = Shop({("MUG", "main"): 5})
    shop.world.write_product(shop.odoo.product("MUG"), active=False)
    shop.odoo.set_level("MUG", 8)
    assert shop.read().quantities == {"MUG": 8}


def test_products_without_an_article_are_counted() -> None:
    """They are common and no error; how many there are is told once, with the reading's end."""
    shop = Shop({("MUG", "main"): 5})
    shop.world.add_product(None)
    shop.world.add_product("  ")
    found = shop.read()
    assert found.quantities == {"MUG": 5}
    (problem,) = found.problems
    assert problem.name == "default_code"
    assert problem.message.startswith("2 products have none")
    assert found.last.absent == "zero"


def test_barcode_may_be_the_article() -> None:
    """Variants are products of their own, each with its barcode."""
    shop = Shop({("MUG", "main"): 5, ("TEA", "main"): 2})
    shop.odoo.product("MUG").barcode = "4600000000017"
    shop.renew(sku_by="barcode")
    assert shop.read().quantities == {"4600000000017": 5}


def test_article_that_is_no_text_makes_what_is_missing_unknown() -> None:
    """A record that may be any product forbids to take what is missing for sold out."""
    rows = [
        {
            "id": 1,
            "default_code": "MUG",
            "type": "consu",
            "is_storable": True,
            "active": True,
            "free_qty": 5.0,
        },
        {"id": 2, "default_code": 17, "type": "consu", "is_storable": True, "active": True, "free_qty": 5.0},
    ]
    found = _answering(rows).read()
    assert found.quantities == {"MUG": 5}
    assert found.last.absent == "unknown"
    assert found.problems[0].message == "is 17 and not a text"


@pytest.mark.parametrize("value", [False, None, "5", float("nan"), 1e15])
def test_quantity_that_is_none_is_unknown(value: Any) -> None:
    """A number that cannot be read is told, and zeroes nothing."""
    row = {"id": 1, "default_code": "MUG", "type": "consu", "is_storable": True, "active": True}
    found = _answering([{**row, "free_qty": value}]).read()
    assert found.levels == [Level("MUG", "main", None)]
    assert found.problems[0].place == "product.product 1"


def test_no_goods_at_all_zero_nothing() -> None:
    """A user that lost its rights sees an empty shop, and no error."""
    shop = Shop({("MUG", "main"): 5})
    shop.odoo.product("MUG").active = False
    read = shop.read()
    assert (read.levels, read.last.complete, read.last.absent) == ([], True, "unknown")
    assert "no goods at all" in read.problems[0].message


def test_pages_go_on_after_the_last_id() -> None:
    """A product that is deleted while pages are read must not push another one out of sight."""
    shop = Shop({(f"SKU-{number}", "main"): number for number in range(1, 6)})
    shop.renew(page_size=2)
    original = shop.odoo.finish

    def losing(request: Any, answer: Any) -> Any:
        # After the first page has gone out, one of its products is deleted.
        if request.path.endswith("product.product/search_read"):
            shop.world.products.pop(1, None)
        return original(request, answer)

    shop.odoo.finish = losing  # type: ignore[method-assign]  # the double's own hook, for this one test
    assert shop.read().quantities.keys() >= {f"SKU-{number}" for number in range(2, 6)}
    assert all("offset" not in one for one in shop.asked("product.product"))
    assert {one["order"] for one in shop.asked("product.product")} == {"id"}


def test_each_page_is_as_of_its_own_request() -> None:
    """Pages take time: what was read later is true of later."""
    shop = Shop({(f"SKU-{number}", "main"): number for number in range(1, 5)})
    shop.renew(page_size=2, requests_per_second=0.5)
    moments = [reading.as_of for reading in shop.read().readings]
    assert moments == sorted(set(moments))


def test_endless_answer_is_noticed() -> None:
    """A server that ignores the domain would be read for ever."""
    row = {
        "id": 1,
        "default_code": "MUG",
        "type": "consu",
        "is_storable": True,
        "active": True,
        "free_qty": 5.0,
    }
    with pytest.raises(UnexpectedResponseError, match="not asked for: id 1 after"):
        _answering([row], page_size=1, honest=False).read()


# -- warehouses and companies --------------------------------------------------------------


@pytest.mark.parametrize("named", ["WH2", "Склад Москва", "2"])
def test_warehouse_is_named_by_code_name_or_id(named: str) -> None:
    """Only what the settings name is read, under the name that they give."""
    shop = Shop({("MUG", "WH1"): 5})
    shop.world.add_warehouse("WH2", "Склад Москва")
    shop.odoo.set_level("MUG", 3, "WH2")
    shop.renew(warehouses={named: "msk"})
    assert shop.read().by_key == {("MUG", "msk"): 3}


def test_warehouse_that_is_not_there_is_told_with_those_that_are() -> None:
    """Nothing is read, so nothing is zeroed by a misspelt name."""
    shop = Shop({("MUG", "main"): 5})
    shop.renew(warehouses={"MIAN": "main"})
    with pytest.raises(RejectedError, match=r"no warehouse 'MIAN'.*it sees 1 \(main, Warehouse main\)"):
        shop.read()


def test_two_names_for_one_warehouse_are_refused() -> None:
    """Its stock would be there twice."""
    shop = Shop({("MUG", "main"): 5})
    shop.renew(warehouses={"main": "a", "1": "b"})
    with pytest.raises(RejectedError, match="'a' and 'b' both are the warehouse 1"):
        shop.read()


def test_one_code_in_two_companies_has_to_be_told_apart() -> None:
    """Codes are unique within a company only."""
    shop = Shop({("MUG", "WH"): 5})
    other = shop.world.add_company("Other")
    shop.odoo.user.company_ids = [1, other.id]
    shop.world.add_warehouse("WH", "Second", other.id)
    with pytest.raises(RejectedError, match="2 warehouses have the code 'WH'"):
        shop.read()
    shop.renew(warehouses={"WH": "main"})
    with pytest.raises(RejectedError, match="'WH' may be any of"):
        shop.read()
    shop.renew(warehouses={"1": "main", "2": "second"})
    assert shop.read().by_key == {("MUG", "main"): 5, ("MUG", "second"): 0}


def test_no_warehouse_is_an_error_and_not_an_empty_stock() -> None:
    """The user was taken out of the company that has the warehouses."""
    shop = Shop()
    with pytest.raises(RejectedError, match="the user sees no warehouse"):
        shop.read()


def test_companies_of_the_settings_are_switched_on() -> None:
    """Only the warehouses of these companies are there, whatever else the user may see."""
    shop = Shop({("MUG", "main"): 5})
    other = shop.world.add_company("Other")
    shop.odoo.user.company_ids = [1, other.id]
    shop.world.add_warehouse("second", "Second", other.id)
    shop.odoo.set_level("MUG", 2, "second")
    assert shop.read().by_key == {("MUG", "main"): 5, ("MUG", "second"): 2}
    shop.renew(company_ids=(other.id,))
    assert shop.read().by_key == {("MUG", "second"): 2}
    shop.renew(company_ids=(7,))
    with pytest.raises(AuthenticationError, match="unauthorized or invalid companies"):
        shop.read()


def test_one_company_of_several_hides_the_products_of_the_others() -> None:
    """Each company has its own catalogue; the same article in another one is no duplicate then."""
    shop = Shop({("MUG", "main"): 5})
    other = shop.world.add_company("Other")
    shop.odoo.user.company_ids = [1, other.id]
    shop.world.add_product("MUG", company_id=other.id)
    assert shop.read().quantities == {"MUG": None}
    shop.renew(company_ids=(1,))
    assert shop.read().quantities == {"MUG": 5}


def test_warehouse_that_was_there_and_is_no_more_zeroes_nothing() -> None:
    """A user that loses a company loses its warehouse without an error; its numbers must not become 0."""
    shop = Shop({("MUG", "main"): 5})
    other = shop.world.add_company("Other")
    shop.odoo.user.company_ids = [1, other.id]
    shop.world.add_warehouse("second", "Second", other.id)
    cursor = shop.read().cursor
    shop.odoo.user.company_ids = [1]
    shop.later(hours=25)
    found = shop.read(cursor)
    assert (found.last.complete, found.last.absent) == (True, "unknown")
    assert "'second' was read before" in found.problems[-1].message
    shop.later(hours=25)
    assert shop.read(found.cursor).last.absent == "unknown"


def test_new_warehouse_is_read_with_everything() -> None:
    """An incremental read would tell of it only what moves."""
    shop = Shop({("MUG", "main"): 5})
    cursor = shop.read().cursor
    shop.later()
    shop.world.add_warehouse("new")
    found = shop.read(cursor)
    assert found.last.complete
    assert found.by_key == {("MUG", "main"): 5, ("MUG", "new"): 0}


def _answering(rows: list[dict[str, Any]], *, honest: bool = True, **changed: Any) -> Reader:
    """A source over a server that has these records of products, and one warehouse."""

    def products(body: dict[str, Any]) -> list[dict[str, Any]]:
        (field, word, wanted), *_ = [leaf for leaf in body["domain"] if isinstance(leaf, list)]
        if honest and (field, word) == ("id", ">"):
            return [row for row in rows if row["id"] > wanted][: body["limit"]]
        return rows if field == "id" else []

    told = ("free_qty", "qty_available", "type", "is_storable")
    return Reader(
        answered_by_method(
            {
                "context_get": {"uid": 2},
                "fields_get": {name: {"type": "float"} for name in told},
                "stock.warehouse/search_read": [
                    {"id": 1, "name": "Main", "code": "main", "company_id": [1, "My Company"]}
                ],
                "product.product/search_read": products,
            }
        ),
        **changed,
    )
