"""What each pair of Wildberries' two statuses means, and orders of which something is missing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from mpstock import Order
from mpstock.errors import UnexpectedResponseError
from tests.wb.harness import NOW, StillClock, Vendors, answer, listed, sink

CARDS = "/content/v2/get/cards/list"
PATHS = {
    1: ("/api/v3/orders", "/api/v3/orders/status"),
    2: ("/api/v3/dbs/orders", "/api/marketplace/v3/dbs/orders/status/info"),
    3: ("/api/v3/dbw/orders", "/api/v3/dbw/orders/status"),
    5: ("/api/v3/click-collect/orders", "/api/marketplace/v3/click-collect/orders/status/info"),
}


def order(number: int = 7, **fields: Any) -> dict[str, Any]:
    good = {
        "id": number,
        "chrtId": 310,
        "warehouseId": 1111,
        "createdAt": "2026-11-23T11:59:00Z",
        "skus": ["2000000000015"],
        "article": "MUG",
        "nmId": 150,
        "deliveryType": "fbs",
        "options": {"isB2B": False},
        "isZeroOrder": False,
    }
    return {**good, **fields}


def account(
    orders: Sequence[Any],
    statuses: Sequence[tuple[str, str] | None],
    kind: int = 1,
    cards: httpx.Response | None = None,
) -> Vendors:
    """Return the script of an account with one warehouse, these new orders and these statuses."""
    prefix, status = PATHS[kind]
    name = "orderId" if "/info" in status else "id"

    def told(request: httpx.Request) -> httpx.Response:
        asked = next(iter(json.loads(request.content).values()))
        rows = [
            {name: number, "supplierStatus": pair[0], "wbStatus": pair[1]}
            for number, pair in zip(asked, statuses, strict=True)
            if pair is not None
        ]
        return answer(200, {"orders": rows})

    return Vendors(
        {
            "/api/v3/warehouses": answer(200, [{"id": 1111, "name": "x", "deliveryType": kind}]),
            f"{prefix}/new": answer(200, {"orders": list(orders)}),
            prefix: answer(200, {"next": 0, "orders": []}),
            status: told,
            CARDS: cards or answer(200, {"cards": [], "cursor": {"total": 0}}),
        }
    )


def read(vendor: Vendors, cursor: str | None = None, clock: StillClock | None = None) -> list[Order]:
    pages = listed(sink(vendor, clock=clock or StillClock()).orders(cursor))
    return [one for page in pages for one in page.orders]


TAKEN = "waiting ready_for_pickup postponed_delivery"
GONE = "canceled canceled_by_client declined_by_client defect canceled_by_carrier canceled_by_missed_call"
AWAY = "sorted sold accepted_by_carrier sent_to_carrier"
TABLE = [
    *[(1, "new", wb, "placed") for wb in TAKEN.split()],
    *[(1, "confirm", wb, "assembled") for wb in TAKEN.split()],
    *[(5, "prepare", wb, "assembled") for wb in TAKEN.split()],
    *[(1, supplier, wb, "cancelled") for supplier in ("new", "confirm") for wb in GONE.split()],
    *[(1, supplier, wb, "shipped") for supplier in ("new", "confirm") for wb in AWAY.split()],
    *[(1, "complete", wb, "shipped") for wb in (TAKEN + " " + GONE + " " + AWAY).split()],
    *[(kind, "receive", "sold", "shipped") for kind in (2, 3, 5)],
    *[(2, "deliver", wb, "shipped") for wb in (TAKEN + " " + GONE).split()],
    (1, "cancel", "canceled", "cancelled"),
    (1, "cancel_carrier", "canceled_by_carrier", "cancelled"),
    (2, "cancel_missed_call", "canceled_by_missed_call", "cancelled"),
    (5, "cancel_shelf_life", "canceled", "cancelled"),
    # The seller has cancelled what somebody else has already received: it is not in the warehouse.
    (1, "cancel", "sold", "shipped"),
    (2, "reject", "canceled_by_client", "shipped"),
    (3, "reject", "canceled_by_client", "shipped"),
    (5, "reject", "canceled_by_client", "cancelled"),
]


@pytest.mark.parametrize(("kind", "supplier", "wb", "stage"), TABLE)
def test_each_pair_of_statuses_has_its_stage(kind: int, supplier: str, wb: str, stage: str) -> None:
    """The words of the documents of all four kinds; both are told to people as they are."""
    [found] = read(account([order()], [(supplier, wb)], kind))
    assert found.stage.value == stage
    assert f"{supplier} / {wb}" in found.note
    assert "does not know" not in found.note


@pytest.mark.parametrize(
    ("supplier", "wb", "stage"),
    [
        ("teleported", "waiting", "placed"),
        ("teleported", "canceled", "placed"),
        ("confirm", "lost_in_space", "assembled"),
        ("new", "отменён", "placed"),
        ("", "canceled", "placed"),
    ],
)
def test_a_status_that_nobody_knows_keeps_the_unit_taken(supplier: str, wb: str, stage: str) -> None:
    """Descriptions and enumerations disagree, and words are added: a new one never frees a unit."""
    [found] = read(account([order()], [(supplier, wb)]))
    assert found.stage.value == stage
    assert "a status that mpstock does not know" in found.note
    assert wb in found.note


def test_an_unknown_status_leaves_an_assembled_order_assembled() -> None:
    """The stage that was told before stays."""
    clock = StillClock()
    first = listed(sink(account([order()], [("confirm", "waiting")]), clock=clock).orders(None))
    vendor = account([], [("teleported", "waiting")])
    [found] = read(vendor, first[-1].cursor, clock)
    assert found.stage.value == "assembled"


@pytest.mark.parametrize("kind", [1, 2])
def test_an_order_without_a_status_stays_taken_and_is_asked_for_again(kind: int) -> None:
    """The status method may lag behind, or say that it knows no such order."""
    clock = StillClock()
    vendor = account([order()], [None], kind)
    pages = listed(sink(vendor, clock=clock).orders(None))
    assert [one.stage.value for one in pages[0].orders] == ["placed"]
    assert "does not tell its status" in pages[0].orders[0].note
    [found] = read(account([], [("confirm", "waiting")], kind), pages[-1].cursor, clock)
    assert found.stage.value == "assembled"


def test_an_order_that_is_in_the_archive_ends_as_handed_over() -> None:
    """After three months without a status: that never puts a unit back on sale by itself."""
    clock = StillClock()
    first = listed(sink(account([order()], [("confirm", "waiting")]), clock=clock).orders(None))
    clock.at += timedelta(days=89)
    second = listed(sink(account([], [None]), clock=clock).orders(first[-1].cursor))
    assert [one.stage.value for one in second[0].orders] == ["assembled"]
    clock.at += timedelta(days=2)
    third = listed(sink(account([], [None]), clock=clock).orders(second[-1].cursor))
    assert [one.stage.value for one in third[0].orders] == ["shipped"]
    assert read(account([], []), third[-1].cursor, clock) == []


# ----------------------------------------------------------- what of an order is missing


def found_cards(*sizes: tuple[int, list[str]]) -> httpx.Response:
    rows = [{"chrtID": number, "techSize": "0", "skus": codes} for number, codes in sizes]
    cards = [{"nmID": 150, "vendorCode": "MUG", "sizes": rows}]
    return answer(200, {"cards": cards, "cursor": {"total": 1}})


@pytest.mark.parametrize("missing", [0, None, "", -5])
def test_an_order_without_chrtid_is_found_by_its_barcode(missing: Any) -> None:
    """One look into the cards for each barcode; later readings know it."""
    vendor = account(
        [order(7, chrtId=missing), order(8, chrtId=missing)],
        [("new", "waiting")] * 2,
        cards=found_cards((310, ["2000000000015"]), (311, ["2000000000022"])),
    )
    clock = StillClock()
    built = sink(vendor, clock=clock)
    pages = listed(built.orders(None))
    assert [one.external_id for one in pages[0].orders] == ["310", "310"]
    asked = [json.loads(one.content) for one in vendor.requests if one.url.path == CARDS]
    assert [one["settings"]["filter"] for one in asked] == [{"withPhoto": -1, "textSearch": "2000000000015"}]
    again = [one for page in listed(built.orders(pages[-1].cursor)) for one in page.orders]
    assert [one.external_id for one in again] == ["310", "310"]
    assert vendor.lines.count(f"POST {CARDS}") == 1


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"chrtId": 0}, "barcode:2000000000015"),
        ({"chrtId": 0, "skus": []}, "article:MUG"),
        ({"chrtId": 0, "skus": None, "article": "Кружка 5"}, "article:Кружка 5"),
        ({"chrtId": 0, "skus": [None], "article": ""}, "nmID:150"),
        ({"chrtId": 0, "skus": [], "article": "", "nmId": 0}, "unknown"),
    ],
)
def test_an_order_that_names_no_size_is_told_with_what_there_is(fields: dict[str, Any], told: str) -> None:
    """It is never dropped: a unit is sold, and somebody has to say which."""
    [found] = read(account([order(**fields)], [("new", "waiting")]))
    assert (found.external_id, found.key, found.quantity) == (told, "7", 1)


def test_a_barcode_of_two_sizes_names_neither() -> None:
    """It is told as it is, and not guessed."""
    cards = found_cards((310, ["2000000000015"]), (311, ["2000000000015"]))
    [found] = read(account([order(chrtId=0)], [("new", "waiting")], cards=cards))
    assert found.external_id == "barcode:2000000000015"


def test_cards_that_cannot_be_read_do_not_keep_the_orders_back() -> None:
    """The token may lack the category Content: the order is told all the same, and looked up next time."""
    clock = StillClock()
    denied = account([order(chrtId=0)], [("new", "waiting")], cards=answer(403, {"title": "no"}))
    built = sink(denied, clock=clock)
    pages = listed(built.orders(None))
    assert pages[0].orders[0].external_id == "barcode:2000000000015"
    denied.by_path[CARDS] = found_cards((310, ["2000000000015"]))
    again = listed(built.orders(pages[-1].cursor))
    assert again[0].orders[0].external_id == "310"


def test_ten_barcodes_a_reading_are_looked_up_and_the_others_later() -> None:
    """Each look-up is a request of its own to the cards, whose limit is a hundred a minute."""
    strange = [order(number, chrtId=0, skus=[str(number)]) for number in range(1, 26)]
    vendor = account(strange, [("new", "waiting")] * 25)
    built = sink(vendor)
    cursor = None
    for looked in (10, 20, 25, 25):
        cursor = listed(built.orders(cursor))[-1].cursor
        assert vendor.lines.count(f"POST {CARDS}") == looked


@pytest.mark.parametrize(
    ("created", "placed"),
    [
        ("2026-11-23T11:59:00Z", datetime(2026, 11, 23, 11, 59, tzinfo=UTC)),
        ("2026-11-23T14:59:00+03:00", datetime(2026, 11, 23, 11, 59, tzinfo=UTC)),
        ("2026-11-23T11:59:00.5Z", datetime(2026, 11, 23, 11, 59, tzinfo=UTC)),
        ("2026-11-23T11:59:00", datetime(2026, 11, 23, 11, 59, tzinfo=UTC)),
        ("yesterday", NOW),
        (None, NOW),
        (5, NOW),
    ],
)
def test_when_an_order_was_placed(created: Any, placed: datetime) -> None:
    """UTC, with or without its mark; what cannot be read is taken as now, and the order is told."""
    [found] = read(account([order(createdAt=created)], [("new", "waiting")]))
    assert found.placed_at == placed


def test_an_order_without_a_warehouse_says_so() -> None:
    """Which warehouse loses the unit is then not known."""
    [found] = read(account([order(warehouseId=0)], [("new", "waiting")]))
    assert found.warehouse is None


@pytest.mark.parametrize(
    "body",
    [
        {"orders": [{"chrtId": 5}]},
        {"orders": ["x"]},
        {"orders": None},
        {"orders": {}},
        [],
        "orders",
        {},
    ],
)
def test_orders_that_cannot_be_told_apart_fail_the_reading(body: Any) -> None:
    """Passed over they would be units that are sold and still for sale."""
    vendor = account([], [])
    vendor.by_path["/api/v3/orders/new"] = answer(200, body)
    with pytest.raises(UnexpectedResponseError, match="the new FBS orders"):
        read(vendor)


@pytest.mark.parametrize("body", [{"orders": [{"supplierStatus": "new"}]}, {"orders": [5]}, {}])
def test_statuses_that_cannot_be_told_apart_fail_the_reading(body: Any) -> None:
    """Whose status it is decides what is for sale."""
    vendor = account([order()], [])
    vendor.by_path["/api/v3/orders/status"] = answer(200, body)
    with pytest.raises(UnexpectedResponseError, match="the statuses of FBS orders"):
        read(vendor)


def test_a_list_that_stands_still_is_an_error() -> None:
    """The same `next` again and again would be read for ever."""
    vendor = account([], [])
    vendor.by_path["/api/v3/orders"] = answer(200, {"next": 7, "orders": [order()]})
    with pytest.raises(UnexpectedResponseError, match="stands still"):
        read(vendor)


def test_a_page_that_is_not_full_is_not_taken_for_the_last_one() -> None:
    """The documents do not say that it is; what ends a list is a `next` of 0, or an empty page."""
    pages = [
        answer(200, {"next": 7, "orders": [order(7)]}),
        answer(200, {"next": 8, "orders": [order(8)]}),
        answer(200, {"next": 8, "orders": []}),
    ]
    vendor = account([], [("confirm", "waiting")] * 2)
    vendor.by_path["/api/v3/orders"] = lambda _: pages.pop(0)
    assert [one.key for one in read(vendor)] == ["7", "8"]
    queries = [one.url.params["next"] for one in vendor.requests if one.url.path == "/api/v3/orders"]
    assert queries == ["0", "7", "8"]
