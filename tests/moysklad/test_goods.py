"""Which id is which article: the key, doubles, archives, renames."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.moysklad.account import Told, World, good, row, store

FIELDS = {
    "article": "AR",
    "code": "CO",
    "externalCode": "EX",
    "barcodes": [{"ean13": "4600"}, {"gtin": "4700"}],
}


@pytest.mark.parametrize(
    ("sku_by", "sku"), [("article", "AR"), ("code", "CO"), ("externalCode", "EX"), ("barcode", "4600")]
)
def test_article_is_the_field_of_the_setting(sku_by: str, sku: str) -> None:
    """Of several barcodes the first one counts: one stock is not told as two products."""
    told = Told([row("g1", 5)], [good("g1", None) | FIELDS], [store("s1", "main")], sku_by=sku_by)
    assert told.read().quantities == {sku: 5}


@pytest.mark.parametrize("kind", ["product", "variant"])
def test_products_and_variants_have_stock(kind: str) -> None:
    """Each under its own article."""
    assert Told([row("g1", 5)], [good("g1", "A", kind)], [store("s1", "main")]).read().quantities == {"A": 5}


@pytest.mark.parametrize("kind", ["service", "consignment", "something new"])
def test_what_has_no_stock_is_no_good(kind: str) -> None:
    """A service may have the code of a variant, in the vendor's own example it does: no double."""
    goods = [good("g1", "A"), good("x", "A", kind)]
    assert Told([row("g1", 5)], goods, [store("s1", "main")]).read().quantities == {"A": 5}


@pytest.mark.parametrize("article", [None, "", "  ", "\u200b", "a\nb", 5, ["A"]])
def test_good_without_an_article_is_left_out_and_told(article: Any) -> None:
    """No other field is taken instead: it might be another product's article."""
    goods = [good("g1", article, code="X", externalCode="Y"), good("g2", "B")]
    found = Told([row("g1", 5), row("g2", 4)], goods, [store("s1", "main")]).read()
    assert found.quantities == {"B": 4}
    assert "1 rows with stock are of goods without article" in found.problems[0].message


def test_user_who_may_not_see_goods_zeroes_nothing() -> None:
    """The report has stock, the list of goods does not have its goods: that is no sell-out."""
    rows = [row("g1", 5), row("g2", 4)]
    nothing = Told(rows, [], [store("s1", "main")]).read()
    assert (nothing.levels, nothing.last.absent) == ([], "unknown")
    # Series and deleted goods are in no list either; a few of them cast no doubt on all others.
    some = Told([*rows, row("g3", 1)], [good("g1", "A"), good("g2", "B")], [store("s1", "main")]).read()
    assert some.last.absent == "zero"


def test_double_that_a_broken_walk_brought_is_not_forgotten() -> None:
    """The first page told of it, the second one failed: the next read knows it."""
    world = World({("A", "main"): 5})
    cursor = world.read().cursor
    world.clock.advance(600)
    for number in range(1_000):
        world.double.add_good(
            "second" if number == 0 else f"more {number}", article="A" if number == 0 else None
        )
    world.double.set_level("LAST", 1)
    fault = world.double.add_fault(
        match=lambda request: "offset=1000" in request.raw_query, status=400, body=b"{}"
    )
    with pytest.raises(Exception, match="refused with 400"):
        world.read(cursor)
    assert fault.times == 0
    assert world.read(cursor).quantities == {"A": None, "LAST": 1}


def test_blanks_around_an_article_do_not_count() -> None:
    """Those that cannot be seen neither; case and inside are kept."""
    goods = [good("g1", "\u00a0Кружка  Синяя \u200b")]
    assert Told([row("g1", 5)], goods, [store("s1", "main")]).read().quantities == {"Кружка  Синяя": 5}


def test_article_of_two_goods_is_unknown() -> None:
    """Two variants with one article, as in the vendor's example: neither summed nor guessed, and told."""
    goods = [good("g1", "T01 (MO1)", "variant"), good("g2", "T01 (MO1)", "variant"), good("g3", "C")]
    found = Told([row("g1", 5), row("g2", 7), row("g3", 1)], goods, [store("s1", "main")]).read()
    assert found.quantities == {"T01 (MO1)": None, "C": 1}
    (problem,) = found.problems
    assert (problem.sku, problem.name) == ("T01 (MO1)", "article")
    assert "several goods (g1, g2)" in problem.message


def test_unknown_doubles_do_not_make_every_read_a_full_one() -> None:
    """Their number does not come by waiting."""
    goods = [good("g1", "A"), good("g2", "A")]
    assert '"again": false' in Told([row("g1", 5)], goods, [store("s1", "main")]).read().cursor


def test_archived_good_lends_its_article() -> None:
    """An old card in the archive, a new one with its article: the new one's number counts."""
    goods = [good("g1", "A", archived=True), good("g2", "A")]
    found = Told([row("g1", 9), row("g2", 4)], goods, [store("s1", "main")]).read()
    assert (found.quantities, found.problems) == ({"A": 4}, [])


def test_archived_good_is_sold_out() -> None:
    """МойСклад tells 0 of it for a day; a full read leaves it out, which is 0 as well."""
    world = World({("A", "main"): 5, ("B", "main"): 4})
    cursor = world.read().cursor
    world.clock.advance(60)
    world.double.archive("A")
    found = world.read(cursor)
    assert (found.quantities, found.last.complete, found.last.absent) == ({"B": 4}, True, "zero")


def test_good_that_comes_back_from_the_archive_is_told() -> None:
    """Its stock has not changed, its meaning has."""
    world = World({("A", "main"): 5, ("B", "main"): 4})
    world.double.archive("A")
    cursor = world.read().cursor
    world.clock.advance(600)
    world.double.archive("A", archived=False)
    assert world.read(cursor).quantities == {"A": 5, "B": 4}


def test_deleted_good_is_sold_out() -> None:
    """Its id can no longer be asked for; while the map is kept its 0 is still told."""
    world = World({("A", "main"): 5, ("B", "main"): 4})
    cursor = world.read().cursor
    world.clock.advance(60)
    world.double.delete("A")
    assert world.read(cursor).quantities == {"A": 0}
    assert world.another().read().quantities == {"B": 4}


def test_renamed_article_moves_its_stock() -> None:
    """A new article is no change of stock: everything is read, so that the old one is missing from it."""
    world = World({("OLD", "main"): 5, ("B", "main"): 4})
    cursor = world.read().cursor
    world.clock.advance(60)
    world.double.rename("OLD", "NEW")
    found = world.read(cursor)
    assert (found.quantities, found.last.complete) == ({"NEW": 5, "B": 4}, True)
    world.clock.advance(60)
    # The overlap shows the renamed good again; it means what it meant.
    assert not world.read(found.cursor).last.complete


def test_new_good_is_told_with_its_first_stock() -> None:
    """It needs no full read, unless it makes a double."""
    world = World({("A", "main"): 5})
    cursor = world.read().cursor
    world.clock.advance(60)
    world.double.set_level("NEW", 3)
    found = world.read(cursor)
    assert (found.quantities, found.last.complete) == ({"NEW": 3}, False)


def test_new_good_that_makes_a_double_makes_the_old_one_unknown() -> None:
    """Although the old one's stock has not changed."""
    world = World({("A", "main"): 5})
    cursor = world.read().cursor
    world.clock.advance(60)
    world.double.add_good("second", article="A", stock={"main": 2})
    found = world.read(cursor)
    assert (found.quantities, found.last.complete) == ({"A": None}, True)


def test_two_new_goods_with_one_article_are_a_double() -> None:
    """Also if both came since the last read."""
    world = World({("A", "main"): 5})
    cursor = world.read().cursor
    world.clock.advance(60)
    for name in ("one", "two"):
        world.double.add_good(name, article="N", stock={"main": 2})
    assert world.read(cursor).quantities == {"A": 5, "N": None}


def test_mended_double_is_told() -> None:
    """Archive the one that is not sold, and the other one's number is known."""
    world = World({("A", "main"): 5})
    second = world.double.add_good("second", article="A", stock={"main": 2})
    first = world.read()
    assert first.quantities == {"A": None}
    world.clock.advance(600)
    double = world.double.account.goods[second]
    double.archived, double.updated = True, world.clock.now()
    assert world.read(first.cursor).quantities == {"A": 5}


def test_double_that_was_mended_by_deleting_is_told_within_the_hour() -> None:
    """Deletions are in no list of changes: while there are doubles the list is read anew every hour."""
    world = World({("A", "main"): 5})
    second = world.double.add_good("second", article="A", stock={"main": 2})
    first = world.read()
    world.double.account.drop(second, world.clock.now())
    world.clock.advance(1800)
    half = world.read(first.cursor)
    assert half.quantities == {"A": None}
    world.clock.advance(1800)
    assert world.read(half.cursor).quantities == {"A": 5}


def test_list_of_goods_is_read_anew_once_a_day() -> None:
    """What was deleted is in no list of changes."""
    world = World({("A", "main"): 5}, goods_every=timedelta(hours=2))
    cursor = world.read().cursor
    walks = []
    for _ in range(4):
        world.clock.advance(3600)
        world.asked.clear()
        cursor = world.read(cursor).cursor
        walks.append(
            any(one == "entity/assortment filter=archived=false;archived=true" for one in world.asked)
        )
    assert walks == [False, True, False, True]
