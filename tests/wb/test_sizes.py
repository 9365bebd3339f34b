"""Sizes matched by vendor code and size together: an article of each, or the reason why there is none."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import fields_dict

from mpstock import Change, Listing, OutcomeStatus, Secret
from mpstock.testing import VirtualClock, adapter_context, build_adapter, run_virtual
from mpstock_wb.plugin import mpstock_sinks
from mpstock_wb.settings import WbSettings
from mpstock_wb.simulator import WbSimulator
from tests.wb.harness import Vendor, answer, listed, sink


def sizes(*given: tuple[str, str], vendor_code: Any = "SHIRT", nm_id: int = 7) -> dict[str, Any]:
    """Return a card; each size has a techSize and a wbSize, and the chrtIDs count from 1."""
    rows: list[dict[str, Any]] = [
        {"chrtID": number, "techSize": tech, "wbSize": wb, "skus": [f"46{number}"]}
        for number, (tech, wb) in enumerate(given, 1)
    ]
    return {"nmID": nm_id, "vendorCode": vendor_code, "sizes": rows}


def found(card: dict[str, Any], match_by: str = "vendor_code_size", **settings: Any) -> list[Listing]:
    page = answer(200, {"cards": [card], "cursor": {"total": 1}})
    built = sink(Vendor(page), match_by=match_by, **settings)
    return [one for part in listed(built.listings(None)) for one in part.listings]


def skus(listings: list[Listing]) -> list[tuple[str, ...]]:
    return [one.skus for one in listings]


def test_each_size_has_an_article_of_its_own() -> None:
    """A 1C characteristic that is part of the article leads to the size's chrtId."""
    listings = found(sizes(("M", "46"), ("L", "48")))
    assert skus(listings) == [("SHIRT-M",), ("SHIRT-L",)]
    assert [one.external_id for one in listings] == ["1", "2"]
    assert [one.problem for one in listings] == ["", ""]


@pytest.mark.parametrize(
    ("template", "sku"),
    [
        ("{vendor_code}-{size}", "SHIRT-M"),
        ("{vendor_code}/{wb_size}", "SHIRT/46"),
        ("{nm_id}_{size}", "7_M"),
        ("Рубашка {vendor_code}, {size} ({wb_size})", "Рубашка SHIRT, M (46)"),
        ("{{{vendor_code}}}{size}", "{SHIRT}M"),
    ],
)
def test_the_article_is_made_after_the_template(template: str, sku: str) -> None:
    """Whatever the warehouse system puts between them."""
    assert skus(found(sizes(("M", "46"), ("L", "48")), sku_format=template))[0] == (sku,)


def test_a_card_without_sizes_goes_by_its_vendor_code() -> None:
    """`techSize` 0 is nobody's article."""
    assert skus(found(sizes(("0", "")))) == [("SHIRT",)]
    assert skus(found(sizes(("", "")))) == [("SHIRT",)]


def test_the_only_size_of_a_card_may_be_either() -> None:
    """The article with the size first: the core takes the one that it knows."""
    assert skus(found(sizes(("M", "46")))) == [("SHIRT-M", "SHIRT")]


def test_two_sizes_that_make_one_article_are_a_problem_of_both() -> None:
    """Each would be given the whole stock. The third one is served."""
    listings = found(sizes(("M", "46"), ("M tall", "46"), ("L", "48")), sku_format="{vendor_code}-{wb_size}")
    assert [bool(one.problem) for one in listings] == [True, True, False]
    assert "'SHIRT-46'" in listings[0].problem
    assert "wb.chrt_id" in listings[0].problem


def test_a_size_that_lacks_what_the_template_names_is_a_problem() -> None:
    """It names the template; the other sizes are served."""
    listings = found(sizes(("M", ""), ("L", "48")), sku_format="{vendor_code}-{wb_size}")
    assert skus(listings) == [(), ("SHIRT-48",)]
    assert "sku_format" in listings[0].problem
    assert listings[1].problem == ""


def test_a_card_without_a_vendor_code_is_a_problem_unless_the_template_does_without() -> None:
    """The nmID will do."""
    card = sizes(("M", "46"), ("L", "48"), vendor_code="")
    assert all("no vendor code" in one.problem for one in found(card))
    listings = found(card, sku_format="{nm_id}-{size}")
    assert skus(listings) == [("7-M",), ("7-L",)]
    assert [one.problem for one in listings] == ["", ""]


def test_the_other_ways_to_match_are_as_they_were() -> None:
    """A vendor code names the card, and a barcode the size."""
    card = sizes(("M", "46"), ("L", "48"))
    by_code = found(card, "vendor_code")
    assert skus(by_code) == [("SHIRT",), ("SHIRT",)]
    assert all("2 sizes" in one.problem for one in by_code)
    by_barcode = found(card, "barcode")
    assert skus(by_barcode) == [("461",), ("462",)]
    assert [one.keys for one in by_barcode] == [one.keys for one in by_code]


def test_another_template_starts_the_walk_over_the_cards_anew() -> None:
    """The listings that are kept were made by the old one."""
    pages = [answer(200, {"cards": [], "cursor": {"total": 0, "updatedAt": "2026-11-01T00:00:00Z"}})] * 2
    cursor = listed(sink(Vendor(pages[0]), match_by="vendor_code_size").listings(None))[-1].cursor
    other = Vendor(pages[1])
    [page] = listed(
        sink(other, match_by="vendor_code_size", sku_format="{vendor_code}_{size}").listings(cursor)
    )
    assert page.complete
    assert "updatedAt" not in other.body()["settings"]["cursor"]


def test_sizes_sell_by_themselves() -> None:
    """Against the double: each size gets the number of its article, and an order tells the size."""

    async def play() -> None:
        double = WbSimulator((), clock=VirtualClock())
        card = double.add_card("SHIRT", {"M": ["4601"], "L": ["4602"]})
        told = double.settings("http://double")
        given = {key: value for key, value in told.items() if key in fields_dict(WbSettings)}
        settings = WbSettings(**{**given, "token": Secret(given["token"]), "match_by": "vendor_code_size"})
        context = adapter_context(double, name="wb", warehouses=("1111",))
        built = build_adapter(mpstock_sinks()[0], settings, context)
        by_sku = {one.skus[0]: one async for page in built.listings(None) for one in page.listings}
        stock = {"SHIRT-M": 3, "SHIRT-L": 4}
        outcomes = await built.push([Change(by_sku[sku], None, stock[sku], "1c") for sku in stock])
        assert {one.status for one in outcomes} == {OutcomeStatus.OK}
        assert double.shown() == {("4601", "1111"): 3, ("4602", "1111"): 4}
        [key] = double.buy("4602", "1111")
        orders = {one.key: one async for page in built.orders(None) for one in page.orders}
        assert orders[key].external_id == str(card.sizes[1].chrt_id) == by_sku["SHIRT-L"].external_id

    run_virtual(play)
