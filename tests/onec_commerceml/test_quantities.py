from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock.rows import add, number
from mpstock_onec.commerceml_spool import Spool, whole
from tests.onec_commerceml.exchange import Exchange, named_stores, offer, package, rest, store, total
from tests.reading import Read
from tests.specs import shared


def read(folder: Path, content: str | bytes, name: str = "offers.xml", **changed: object) -> Read:
    exchange = Exchange(folder, **changed)
    exchange.put(name, content)
    return exchange.read()


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        (rest("7", "s1"), {("A-1", "s1"): 7}),
        (rest("7"), {("A-1", "main"): 7}),
        (store("s1", "7"), {("A-1", "s1"): 7}),
        (store("s1", "7", tag="Склады"), {("A-1", "s1"): 7}),
        (total("7"), {("A-1", "main"): 7}),
        (rest("7", "s1") + store("s1", "9") + total("11"), {("A-1", "s1"): 7}),
        (rest("7") + total("11"), {("A-1", "main"): 7}),
        (store("s1", "7") + store("s2", "4") + total("11"), {("A-1", "s1"): 7, ("A-1", "s2"): 4}),
    ],
)
def test_the_forms_of_a_quantity_are_read_in_their_order(
    tmp_path: Path, inside: str, expected: dict[tuple[str, str], int]
) -> None:
    """Rests by store, rests, stores by attribute, total: the first that is there counts, nothing is added."""
    assert read(tmp_path, package(offer(inside=inside))).by_key == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("26", 26),
        ("1.0", 1),
        ("123,45", 123),
        ("-2", -2),
        ("0", 0),
        (" 5 ", 5),
        ("1 234,5", 1234),
        ("17.9999999", 18),
        ("-1.5", -2),
        ("много", None),
        ("1e3", None),
    ],
)
def test_numbers_as_1c_writes_them(tmp_path: Path, said: str, expected: int | None) -> None:
    """Decimal point or comma, negatives; rounded down without dust; what is no number is unknown."""
    found = read(tmp_path, package(offer(inside=total(said))))
    assert found.quantities == {"A-1": expected}
    if expected is None:
        assert found.problems[0].place == "offers.xml, offer 1"
        assert found.problems[0].sku == "A-1"


def test_empty_store_is_unknown_in_a_full_package(tmp_path: Path) -> None:
    """КоличествоНаСкладе="" says nothing: it is not zero."""
    found = read(tmp_path, package(offer(inside=store("s1", "") + store("s2", "2") + total("2"))))
    assert found.by_key == {("A-1", "s1"): None, ("A-1", "s2"): 2}


def test_empty_store_is_no_change_in_a_package_of_changes(tmp_path: Path) -> None:
    """A store without a number beside one with a number is not spoken of."""
    found = read(tmp_path, package(offer(inside=store("s1", "") + store("s2", "2")), changes=True))
    assert found.by_key == {("A-1", "s2"): 2}


def test_empty_stores_beside_a_total_do_not_count_twice(tmp_path: Path) -> None:
    """Where only the total is known, what the stores said before is unknown from now on."""
    found = read(tmp_path, package(offer(inside=store("s1", "") + total("5")), changes=True))
    assert found.by_key == {("A-1", "main"): 5, ("A-1", "s1"): None}


def test_empty_store_may_be_zero_by_setting(tmp_path: Path) -> None:
    """A 1C that writes nothing for none can be told so."""
    found = read(tmp_path, package(offer(inside=store("s1", "") + store("s2", "2"))), empty="zero")
    assert found.by_key == {("A-1", "s1"): 0, ("A-1", "s2"): 2}


def test_offer_without_a_quantity_is_unknown_beside_others(tmp_path: Path) -> None:
    """1,455 offers of which 81 carry a number: the others are there, and nobody said how many."""
    found = read(tmp_path, package(offer(inside=store("s1", "5")), offer("p2", article="B")))
    assert found.by_key == {("A-1", "s1"): 5, ("B", "s1"): None}
    assert found.last.complete


def test_file_without_any_quantity_says_nothing(tmp_path: Path) -> None:
    """An offers.xml of scheme 2.08 is full and has no numbers: it zeroes nothing and knows nothing."""
    found = read(tmp_path, package(offer(), offer("p2", article="B")))
    assert (found.levels, found.last.complete) == ([], False)


def test_offers_beside_rests_are_names_alone(tmp_path: Path) -> None:
    """A total in offers.xml and the same units in rests.xml are not two stocks."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", package(offer(inside=total("5"))))
    exchange.put("rests.xml", package(offer(inside=rest("5", "s1"), article=None)))
    assert exchange.read().by_key == {("A-1", "s1"): 5}


@pytest.mark.parametrize(
    ("attributes", "inside"),
    [
        (' Статус="Удален"', ""),
        ("", "<Статус>Удален</Статус>"),
        ("", "<ПометкаУдаления>true</ПометкаУдаления>"),
    ],
)
def test_deleted_is_sold_out(tmp_path: Path, attributes: str, inside: str) -> None:
    """What is deleted in 1C is not for sale, whatever number stands beside it."""
    deleted = offer("p2", store("s1", "8") + inside, "B", attributes)
    found = read(tmp_path, package(offer(inside=store("s1", "5")), deleted, changes=True))
    assert found.by_key == {("A-1", "s1"): 5, ("B", "s1"): 0}


def test_deleted_is_sold_out_where_totals_are_told(tmp_path: Path) -> None:
    """A change that brings nothing but a deletion empties the warehouse that the totals were told for."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", package(offer(inside=total("5")), head=named_stores(s1="Склад")))
    cursor = exchange.read().cursor
    exchange.clock.advance(60)
    exchange.put(
        "offers-2.xml", package(offer(inside=total("5"), attributes=' Статус="Удален"'), changes=True)
    )
    assert exchange.read(cursor).by_key == {("A-1", "main"): 0}


def test_rows_of_one_article_are_added_up_in_a_full_package(tmp_path: Path) -> None:
    """Characteristics of one article are one product, exactly added and then rounded."""
    found = read(tmp_path, package(offer("p1#a", total("1.5")), offer("p1#b", total("2.5"))))
    assert found.quantities == {"A-1": 4}


def test_one_of_several_characteristics_is_not_the_product(tmp_path: Path) -> None:
    """A package of changes with one size of three cannot be added up: unknown, and the mend is told."""
    found = read(tmp_path, package(offer("p1#a", total("1")), changes=True))
    assert found.quantities == {"A-1": None}
    assert "{characteristic}" in found.problems[0].message


def test_negative_number_is_told(tmp_path: Path) -> None:
    """Below zero is kept with its sign and reported."""
    found = read(tmp_path, package(offer(inside=total("-2"))))
    assert found.quantities == {"A-1": -2}
    assert "below zero" in found.problems[0].message


@pytest.mark.parametrize(
    ("name", "template", "expected"),
    [
        (
            "offers_207_by_store_empty_attr.xml",
            "{barcode}",
            {
                ("2000000036489", "03ce4b6e-3ff7-11e0-af05-0015e9b8c48d"): None,
                ("2000000036489", "4609c9f9-32c2-11e0-aef8-0015e9b8c48d"): 2,
                ("2000000036489", "3f86a8a6-4a24-11e0-af0f-0015e9b8c48d"): 30,
                ("2000000036489", "08305acc-7303-11df-b338-0011955cba6b"): 1,
                ("2000000036489", "6f87e83f-722c-11df-b336-0011955cba6b"): 31,
            },
        ),
        (
            "offers_207_utf8_bom.xml",
            "{article}",
            {("Б-130001", 'Магазин "Обувь"'): 39, ("Б- 130005", 'Магазин "Обувь"'): 180},
        ),
        (
            "rests_208_by_store.xml",
            "{id}",
            {
                ("cbcf4968-55bc-11d9-848a-00112f43529a", "03ce4b6e-3ff7-11e0-af05-0015e9b8c48d"): 0,
                ("cbcf4968-55bc-11d9-848a-00112f43529a", "08305acc-7303-11df-b338-0011955cba6b"): 201,
                ("cbcf4968-55bc-11d9-848a-00112f43529a", "a4212b46-730a-11df-b338-0011955cba6b"): 423,
            },
        ),
        ("rests_208_total.xml", "{id}", {("cbcf4968-55bc-11d9-848a-00112f43529a", "main"): 765}),
    ],
)
def test_real_files_are_read_rightly(
    tmp_path: Path, name: str, template: str, expected: dict[tuple[str, str], int | None]
) -> None:
    """Files that real exchanges wrote, read in place."""
    exchange = Exchange(tmp_path, path=shared() / "samples/onec/commerceml" / name, sku=template)
    found = exchange.read()
    assert found.by_key == expected
    assert found.last.complete is not name.startswith("rests")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["A", "Б-1", "В 2"]),
            st.sampled_from(["main", "s2"]),
            st.none() | st.integers(-5, 1000) | st.decimals(-5, 1000, places=3),
        ),
        max_size=30,
    )
)
def test_packed_rows_come_out_as_they_went_in(rows: list[tuple[str, str, object]]) -> None:
    """Each product of each warehouse once, added up; unknown if any of its rows is."""
    spool = Spool()
    expected: dict[tuple[str, str], int | Decimal | None] = {}
    for sku, warehouse, quantity in rows:
        exact = None if quantity is None else number(quantity)
        spool.put(sku, warehouse, exact)
        before = expected.get((sku, warehouse), 0)
        expected[sku, warehouse] = None if exact is None or before is None else add(before, exact)
    found = list(spool.rows())
    assert len(found) == len(expected)
    assert {(sku, warehouse): quantity for sku, warehouse, quantity in found} == expected


@given(st.decimals(-1000, 1000, places=4))
def test_whole_units_are_never_more_than_there_are(value: object) -> None:
    """Rounding down takes less than one unit away and adds no more than dust."""
    exact = number(value)
    assert exact - 1 < whole(exact) <= float(exact) + 0.000001
