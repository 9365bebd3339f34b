"""The vendor's own payloads, read in place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from mpstock.errors import TransientError
from mpstock_moysklad import wire
from mpstock_moysklad.refusals import read_refusals
from tests.moysklad.account import Told, good, store
from tests.reading import Read
from tests.specs import shared

GOODS = [
    good("12345678-5838-aaeb-0a80-003a003ef439", "ONE"),
    good("12345678-279c-aaeb-0a80-00d6001f847c", "TWO"),
    good("12345678-2346-aaeb-0a80-003a003ef439", "THREE"),
    good("12345678-279c-aaeb-0a80-00d6001f1981", "ZERO"),
    good("12345678-279c-aaeb-0a80-00d6001f3215", "NULL"),
]
STORES = [
    store("12345678-b123-aaee-0a80-012b0001bb10", "ten"),
    store("12345678-b123-aaee-0a80-012b0001bb12", "twelve"),
]


def sample(name: str) -> bytes:
    path: Path = shared() / "samples" / "moysklad" / name
    if not path.is_file():
        pytest.skip(f"the vendor's sample is missing: {path}")
    return path.read_bytes()


def read(name: str, **changed: Any) -> Read:
    # Whatever the report leaves out is asked for by store.
    told = Told(sample(name), GOODS, STORES, **changed)
    if changed.get("report") == "all":
        told.routes["/report/stock/bystore/current"] = []
    return told.read()


def test_every_sample_is_read_here() -> None:
    """A new sample wants a test."""
    folder = shared() / "samples" / "moysklad"
    text = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in folder.glob("*") if path.name not in text] == []


def test_current_all_stock() -> None:
    """`current_all_stock.json`: a bare array, halves too; what it leaves out has no stock."""
    found = read("current_all_stock.json", report="all", stock_type="stock")
    assert found.quantities == {"ONE": 11, "TWO": 46, "THREE": 0, "ZERO": 0, "NULL": 0}


def test_current_all_with_zero_lines() -> None:
    """`current_all_quantity_zeroLines.json`: for stock the number may be called `quantity`."""
    found = read("current_all_quantity_zeroLines.json", report="all", stock_type="stock")
    assert {sku: found.quantities[sku] for sku in ("ONE", "ZERO", "TWO", "NULL")} == {
        "ONE": 11,
        "ZERO": 0,
        "TWO": 46,
        "NULL": 0,
    }


def test_quantity_is_not_taken_for_free_stock() -> None:
    """`current_all_quantity_zeroLines.json` again: goods in transit are in it."""
    found = read("current_all_quantity_zeroLines.json", report="all")
    assert found.quantities["ONE"] is None


def test_current_all_changed_since() -> None:
    """`current_all_changedSince.json`: the vendor's example writes `quantity` where `stock` was asked for."""
    found = read("current_all_changedSince.json", report="all", stock_type="stock")
    assert (found.quantities["ONE"], found.quantities["TWO"]) == (1, 4)


def test_current_by_store_filtered() -> None:
    """`current_bystore_filtered.json`."""
    assert read("current_bystore_filtered.json", stock_type="stock").by_key == {
        ("ONE", "ten"): 1,
        ("TWO", "ten"): 3,
    }


def test_current_by_store_free_stock() -> None:
    """`current_bystore_freeStock_nullStore.json`: orders without a store take five of TWO."""
    found = read("current_bystore_freeStock_nullStore.json")
    assert found.by_key == {("ONE", "ten"): 4, ("ONE", "twelve"): 7, ("TWO", "ten"): 46}
    assert found.holds == {"TWO": 5}
    named = read("current_bystore_freeStock_nullStore.json", unassigned_store="ten")
    assert named.by_key["TWO", "ten"] == 41


def test_current_by_store_reserve() -> None:
    """`current_bystore_reserve.json`: what `reserve = true` reads beside the stock."""

    def report(request: httpx.Request) -> Any:
        reserve = request.url.params["stockType"] == "reserve"
        return sample("current_bystore_reserve.json" if reserve else "current_bystore_filtered.json")

    found = Told(report, GOODS, STORES, stock_type="stock", reserve=True).read()
    assert {(level.sku, level.warehouse): (level.quantity, level.reserved) for level in found.levels} == {
        ("ONE", "ten"): (1, 3),
        ("TWO", "ten"): (3, 40),
        ("ONE", "twelve"): (0, 4),
    }
    assert found.holds == {"TWO": 5}


def test_current_by_store_with_recalculation() -> None:
    """`current_bystore_withRecalculate_null.json`: null is unknown."""
    found = read("current_bystore_withRecalculate_null.json", stock_type="stock")
    assert found.by_key == {("ONE", "ten"): 1, ("THREE", "ten"): None, ("TWO", "ten"): 3}


def test_current_by_store_in_transit_is_not_stock() -> None:
    """`current_bystore_inTransit.json`: it has no number that was asked for, so nothing is known."""
    found = read("current_bystore_inTransit.json")
    assert set(found.by_key.values()) == {None}


def test_current_by_slot_is_not_read_as_stock_of_a_store() -> None:
    """`current_byslot.json`: two cells of one store are two rows; one of them is not the store's number."""
    found = read("current_byslot.json", stock_type="stock")
    assert found.by_key == {("ONE", "ten"): 1, ("TWO", "ten"): None}


def test_assortment() -> None:
    """`assortment_list_withoutStock.json`: two variants share an article, a service has a variant's code."""
    data = json.loads(sample("assortment_list_withoutStock.json"))
    ids = {row["code"] + row["meta"]["type"]: row["id"] for row in data["rows"]}
    rows = [{"assortmentId": id_, "storeId": STORES[0]["id"], "freeStock": 2} for id_ in ids.values()]
    told = Told(rows, [], STORES)
    told.routes["/entity/assortment"] = data
    told.routes["/entity/bundle"] = {
        "meta": {"size": 1},
        "rows": [
            {
                "id": ids["00003bundle"],
                "components": {
                    "meta": {"size": 1},
                    "rows": [
                        {
                            "quantity": 2,
                            "assortment": {
                                "meta": {
                                    "type": "product",
                                    "href": f"https://x/product/{ids['00004product']}",
                                }
                            },
                        }
                    ],
                },
            }
        ],
    }
    assert told.read().by_key == {
        ("100000000", "ten"): 2,
        ("2000000000000", "ten"): 2,
        ("T01 (MO1)", "ten"): None,
        ("50000000", "ten"): 1,
    }
    by_code = Told(rows, [], STORES, sku_by="code", bundles=False)
    by_code.routes["/entity/assortment"] = data
    # The bundle's code is a variant's too.
    assert by_code.read().by_key == {
        ("00001", "ten"): 2,
        ("00002", "ten"): 2,
        ("00003", "ten"): None,
        ("00004", "ten"): 2,
    }


def test_error_of_the_limiter() -> None:
    """`error_429.json`: code and words."""
    (found,) = read_refusals(sample("error_429.json"))
    assert found.code == 1049
    assert "Превышено ограничение" in found.words
    with pytest.raises(TransientError, match="Превышено ограничение"):
        Told(httpx.Response(429, content=sample("error_429.json"))).read()


@pytest.mark.parametrize(
    ("name", "size", "ids"),
    [
        ("report_stock_all.json", 26, "c02e3a5c-007e-11e6-9464-e4de00000006"),
        ("report_stock_bystore.json", 225, "c02e3a5c-007e-11e6-9464-e4de00000006"),
        ("webhookstock_01.json", 3, "aec51463-bbd2-11e6-8a84-bae500000003"),
    ],
)
def test_other_lists_are_pages_too(name: str, size: int, ids: str) -> None:
    """The full reports and the list of webhooks are not asked for, but their pages are read as any other."""
    page = wire.page(wire.decoded(sample(name)))
    assert page.size == size
    assert wire.href_id(page.rows[0]) == ids
    assert (page.next_href is None) == (name == "webhookstock_01.json")


def test_full_report_is_not_taken_for_the_short_one() -> None:
    """A base_url that leads elsewhere brings no numbers."""
    with pytest.raises(Exception, match="not an array"):
        Told(sample("report_stock_all.json"), GOODS, STORES).read()


def test_single_webhook_is_no_list() -> None:
    """`webhookstock_02.json` and `webhookstock_notification.json` are objects without rows."""
    for name in ("webhookstock_02.json", "webhookstock_notification.json"):
        with pytest.raises(wire.MalformedError, match="no meta and rows"):
            wire.page(wire.decoded(sample(name)))


def test_link_of_a_notification_leads_to_the_api_alone() -> None:
    """`webhookstock_notification.json` has a raw blank in its link; a token goes to the own host only."""
    url = json.loads(sample("webhookstock_notification.json"))["reportUrl"]
    followed = wire.same_place(url, "https://api.moysklad.ru/api/remap/1.2")
    assert followed is not None
    assert followed.endswith("changedSince=2022-09-24%2019:14:32")
    assert wire.same_place(url, "https://api.example/api/remap/1.2") is None
