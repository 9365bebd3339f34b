from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock_onec.commerceml import Offer
from mpstock_onec.commerceml_index import Names, NamesIndex
from mpstock_onec.commerceml_names import SkuTemplate, UnnamedError
from mpstock_onec.commerceml_settings import CommerceMLSettings
from tests.onec_commerceml.exchange import (
    Exchange,
    catalogue,
    named_stores,
    offer,
    package,
    rest,
    store,
    total,
)

FULL = Offer(1, "p1#c1", article="A-1", barcode="460", characteristic="42, красный")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{article}", "A-1"),
        ("{article}-{characteristic}", "A-1-42, красный"),
        ("{article}/{characteristic_id}", "A-1/c1"),
        ("{barcode}", "460"),
        ("{id}", "p1#c1"),
        ("x{product_id}y", "xp1y"),
    ],
)
def test_article_is_built_by_the_template(template: str, expected: str) -> None:
    """Each part of the template is what the files call the offer."""
    assert SkuTemplate(template)(FULL, lambda _: None) == expected


def test_product_without_characteristics_has_no_separator() -> None:
    """`{article}-{characteristic}` of a product that has none is its article."""
    assert SkuTemplate("{article}-{characteristic}")(Offer(1, "p1", article="A-1"), lambda _: None) == "A-1"


def test_missing_name_is_not_made_up() -> None:
    """An offer with a characteristic whose name nobody tells is no product."""
    with pytest.raises(UnnamedError, match="ХарактеристикиТовара"):
        SkuTemplate("{article}-{characteristic}")(Offer(1, "p1#c1", article="A-1"), lambda _: None)


@pytest.mark.parametrize("template", ["", "A", "{sku}", "{article", "{article!r:>{id}}", "{}"])
def test_template_that_is_none_is_refused_with_its_mend(template: str) -> None:
    """A settings file with a wrong `sku` says what it may be built of."""
    with pytest.raises(ValueError, match=r"sku .*braces|sku .*may be built of"):
        CommerceMLSettings(path=Path("exchange"), sku=template)


def test_article_of_rests_comes_from_the_catalogue(tmp_path: Path) -> None:
    """An offer of rests.xml has nothing but its Ид; import.xml says whose it is, blanks do not count."""
    exchange = Exchange(tmp_path)
    exchange.put("import0_1.xml", catalogue(("p1", " A-1 ")))
    exchange.put("rests.xml", package(offer("p1#c1", rest("3"), article=None)))
    assert exchange.read().quantities == {"A-1": 3}


def test_characteristic_of_rests_comes_from_offers(tmp_path: Path) -> None:
    """The variant is described in offers.xml, its article in import.xml, its number in rests.xml."""
    exchange = Exchange(tmp_path, sku="{article}-{characteristic}")
    exchange.put("import.xml", catalogue(("p1", "A-1")))
    size = (
        "<ХарактеристикиТовара><ХарактеристикаТовара><Наименование>Размер</Наименование>"
        "<Значение>42</Значение></ХарактеристикаТовара></ХарактеристикиТовара>"
    )
    exchange.put("offers.xml", package(offer("p1#c1", size, article=None)))
    exchange.put("rests.xml", package(offer("p1#c1", rest("3"), article=None), changes=True))
    assert exchange.read().quantities == {"A-1-42": 3}


def test_offer_without_an_article_makes_absence_unknown(tmp_path: Path) -> None:
    """It may be any product: what is missing from the package keeps its number."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", package(offer(inside=total("5")), offer("p9", total("5"), article=None)))
    found = exchange.read()
    assert found.quantities == {"A-1": 5}
    assert (found.last.complete, found.last.absent) == (True, "unknown")
    assert "import*.xml" in found.problems[0].message


def test_goods_without_an_article_may_be_ignored(tmp_path: Path) -> None:
    """By setting they are goods that are not sold online."""
    exchange = Exchange(tmp_path, rows_without_sku="ignore")
    exchange.put("offers.xml", package(offer(inside=total("5")), offer("p9", total("5"), article=None)))
    assert exchange.read().last.absent == "zero"


def test_article_that_comes_later_is_not_lost(tmp_path: Path) -> None:
    """Rests that came before their import.xml are read again when it is there."""
    exchange = Exchange(tmp_path)
    exchange.put("rests.xml", package(offer("p1", rest("3"), article=None), changes=True))
    first = exchange.read()
    assert first.levels == []
    exchange.clock.advance(60)
    exchange.put("import.xml", catalogue(("p1", "A-1")))
    second = exchange.read(first.cursor)
    assert second.quantities == {"A-1": 3}
    assert exchange.read(second.cursor).levels == []


def test_a_thousand_nameless_offers_are_told_in_a_hundred_lines(tmp_path: Path) -> None:
    """Problems do not grow with the catalogue; the rest is counted."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", package(*[offer(f"p{n}", total("1"), article=None) for n in range(1000)]))
    problems = exchange.read().problems
    assert len(problems) == 101
    assert "900 more" in problems[-1].message


def test_goods_deleted_in_the_catalogue_are_sold_out(tmp_path: Path) -> None:
    """1C tells a deletion by import.xml alone; the last rest would stay for ever."""
    exchange = Exchange(tmp_path)
    exchange.put("import.xml", catalogue(("p1", "A-1"), ("p2", "B")))
    exchange.put("rests.xml", package(offer("p1", rest("3", "s1"), None), offer("p2", rest("4", "s1"), None)))
    cursor = exchange.read().cursor
    exchange.clock.advance(60)
    exchange.put("new/import.xml", catalogue(("p2", "B"), status="Удален", changes=True))
    found = exchange.read(cursor)
    assert found.by_key == {("B", "s1"): 0}
    assert not found.last.complete


def test_stores_are_called_as_the_files_call_them(tmp_path: Path) -> None:
    """Names come from Склады, wherever they stand in the folder, or from the setting."""
    exchange = Exchange(tmp_path, warehouses={"s2": "msk"})
    head = named_stores(s1="Основной  склад", s2="Москва", s3="Пусто")
    exchange.put("offers.xml", package(offer(), head=head))
    exchange.put("rests.xml", package(offer("p1", rest("1", "s1")), offer("p2", rest("2", "s2"), "B")))
    assert exchange.read().by_key == {("A-1", "Основной склад"): 1, ("B", "msk"): 2}


def test_two_stores_may_be_one_warehouse(tmp_path: Path) -> None:
    """Stores that the settings call the same are added up."""
    exchange = Exchange(tmp_path, warehouses={"s1": "main", "s2": "main"})
    exchange.put("offers.xml", package(offer(inside=store("s1", "3") + store("s2", "4"))))
    assert exchange.read().by_key == {("A-1", "main"): 7}


def test_store_that_is_renamed_stays_the_same_warehouse(tmp_path: Path) -> None:
    """A new name in 1C would be a second warehouse with the same units in it."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", package(offer(inside=store("s1", "3")), head=named_stores(s1="Старый")))
    cursor = exchange.read().cursor
    exchange.clock.advance(60)
    exchange.put(
        "b/offers.xml", package(offer(inside=store("s1", "2")), head=named_stores(s1="Новый"), changes=True)
    )
    assert exchange.read(cursor).by_key == {("A-1", "Старый"): 2}


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=200))
def test_index_is_a_dict(rows: list[tuple[str, str]]) -> None:
    """The packed table answers as a dict does, through its growth."""
    index, expected = NamesIndex(), dict[str, Names]()
    for key, article in rows:
        try:
            (key + article).encode()
        except UnicodeEncodeError:
            continue
        names = Names(article.replace("\x1f", " "), "", "", len(article) % 2 == 0)
        index.put(key, names)
        expected[key] = names
    assert len(index) == len(expected)
    assert {key: index.get(key) for key in expected} == expected
    assert index.get("no such Ид") is None


def test_index_grows_past_its_first_table() -> None:
    """Five thousand entries, each found again."""
    index = NamesIndex()
    for number in range(5_000):
        index.put(f"id-{number}", Names(f"A-{number}"))
    assert all(index.get(f"id-{number}") == Names(f"A-{number}") for number in range(5_000))
