"""What one of Ozon's postings is to the warehouse: its orders, their stage, and since when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mpstock import Order, OrderStage
from tests.ozon.account import MAIN, POSTINGS, UNFULFILLED, Account, collect, posting, postings

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PLACED_AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
HANDED_OVER = "2026-11-23T07:30:00.000Z"
PLANNED = "2026-11-24T07:30:00.000Z"


def told(*rows: dict[str, Any]) -> list[Order]:
    """Return the orders that these postings are told as, by the list of the open ones."""
    account = Account().on(UNFULFILLED, postings(*rows)).on(POSTINGS, postings())
    return [order for page in collect(account.sink().orders(None)) for order in page.orders]


def one(*, status: str = "awaiting_packaging", **other: Any) -> Order:
    (order,) = told(posting(status=status, **other))
    return order


def test_an_order_is_one_offer_of_a_posting() -> None:
    """Number, offer, units, warehouse and times of a posting, as they stand in it."""
    assert one(products=[("АРТ 5", 3)]) == Order(
        key="0208245774-0029-1/АРТ 5",
        external_id="АРТ 5",
        quantity=3,
        placed_at=PLACED_AT,
        warehouse=MAIN,
        stage=OrderStage.PLACED,
        stage_at=PLACED_AT,
        note="awaiting_packaging (posting_created)",
    )


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        ("awaiting_registration", "placed"),
        ("acceptance_in_progress", "placed"),
        ("awaiting_approve", "placed"),
        ("awaiting_packaging", "placed"),
        ("awaiting_verification", "placed"),
        ("awaiting_deliver", "assembled"),
        ("not_accepted", "assembled"),
        ("arbitration", "assembled"),
        ("client_arbitration", "shipped"),
        ("delivering", "shipped"),
        ("driver_pickup", "shipped"),
        ("sent_by_seller", "shipped"),
        ("delivered", "shipped"),
        ("cancelled", "cancelled"),
        ("cancelled_from_split_pending", "cancelled"),
    ],
)
def test_every_status_of_the_document_has_its_stage(status: str, stage: str) -> None:
    """Without a dated handover: on the safe side, a parcel that was not accepted is not gone."""
    order = one(status=status)
    assert order.stage == stage
    assert order.note == f"{status} (posting_created)"


@pytest.mark.parametrize(
    "status", ["not_accepted", "arbitration", "delivering", "delivered", "driver_pickup"]
)
def test_a_handover_that_ozon_has_dated_is_the_moment_of_shipping(status: str) -> None:
    """`delivering_date` in the past says that the parcel has left, and when."""
    order = one(status=status, delivering_date=HANDED_OVER)
    assert order.stage is OrderStage.SHIPPED
    assert order.stage_at == datetime(2026, 11, 23, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "stage"),
    [("not_accepted", "assembled"), ("delivering", "shipped"), ("cancelled", "cancelled")],
)
def test_a_planned_date_is_no_moment_reached(status: str, stage: str) -> None:
    """A `delivering_date` to come neither ships a parcel nor dates one that is shipped."""
    order = one(status=status, delivering_date=PLANNED)
    assert (order.stage, order.stage_at) == (stage, None)


def test_the_deadlines_date_no_stage() -> None:
    """`shipment_date` is until when to pack, also when it has passed: nobody says when it was packed."""
    assert one(status="awaiting_deliver", shipment_date=HANDED_OVER).stage_at is None


def test_a_waiting_posting_is_not_shipped_by_a_date() -> None:
    """A status that says "not packed yet" counts, whatever stands in `delivering_date`."""
    assert one(delivering_date=HANDED_OVER).stage is OrderStage.PLACED


@pytest.mark.parametrize(
    "late",
    [
        {"cancellation": {"cancel_reason": "", "cancelled_after_ship": True}},
        {"delivering_date": HANDED_OVER},
        {"substatus": "posting_returned_to_warehouse"},
    ],
)
def test_a_cancel_after_the_handover_frees_nothing(late: dict[str, Any]) -> None:
    """What is on its way, or may be, is not in the warehouse, although the posting is cancelled."""
    assert one(status="cancelled", **late).stage is OrderStage.SHIPPED


def test_a_cancel_before_the_handover_frees_the_units_and_says_why() -> None:
    """The units are free again; the buyer's reason stands in the note, in Ozon's words."""
    reason = {"cancel_reason": "Покупатель передумал", "cancelled_after_ship": False}
    order = one(status="cancelled", substatus="posting_canceled", cancellation=reason)
    assert (order.stage, order.stage_at) == (OrderStage.CANCELLED, None)
    assert order.note == "cancelled (posting_canceled): Покупатель передумал"


@pytest.mark.parametrize(
    ("status", "reason", "oversold"),
    [
        ("cancelled", 352, True),
        ("cancelled", "400", True),
        ("cancelled", 402, False),
        ("cancelled", None, False),
        # The field is there for every posting.
        ("awaiting_deliver", 352, False),
    ],
)
def test_a_cancel_for_lack_of_stock_is_told_as_one(status: str, reason: Any, oversold: bool) -> None:
    """The goods were out, or only faulty ones were left: each offer of the posting counts."""
    orders = told(
        posting(status=status, cancellation={"cancel_reason_id": reason}, products=[("A", 1), ("B", 1)])
    )
    assert [order.oversold for order in orders] == [oversold] * 2


@pytest.mark.parametrize(("date", "stage"), [(None, "placed"), (HANDED_OVER, "shipped"), (PLANNED, "placed")])
def test_a_status_that_is_new_to_us_keeps_its_units(date: str | None, stage: str) -> None:
    """Ozon adds statuses without notice: the units count as taken, and the note names the word."""
    order = one(status="awaiting_moon", delivering_date=date)
    assert order.stage == stage
    assert "'awaiting_moon' is new to mpstock-ozon" in order.note


def test_an_offer_that_stands_twice_is_one_order() -> None:
    """Rows of one offer are added up; 64-bit numbers may come as text."""
    orders = told(posting(products=[("A", 2), ("B", 1), ("A", "3")]))
    assert {order.key: order.quantity for order in orders} == {
        "0208245774-0029-1/A": 5,
        "0208245774-0029-1/B": 1,
    }


def test_a_product_without_an_article_is_told_by_ozon_s_own_id() -> None:
    """Its units are taken whether we know the article or not."""
    order = one(products=[("", 2)])
    assert (order.external_id, order.key, order.quantity) == (
        "sku:147035011",
        "0208245774-0029-1/sku:147035011",
        2,
    )


@pytest.mark.parametrize("method", [None, {}, {"warehouse_id": 0}, "x"])
def test_a_warehouse_that_ozon_does_not_name_is_unknown(method: Any) -> None:
    """None says that nobody knows which warehouse loses the units."""
    assert one(delivery_method=method).warehouse is None


@pytest.mark.parametrize("at", [None, "", "never", PLANNED])
def test_without_a_time_of_its_own_an_order_is_as_old_as_the_reading(at: Any) -> None:
    """A posting without `in_process_at` was placed at the latest when we asked; its stage has no time."""
    order = one(in_process_at=at)
    assert abs((order.placed_at - NOW).total_seconds()) < 1
    assert order.stage_at is None
