"""Wildberries' JSON of orders to values and back; pure.

One order (сборочное задание) is one unit. FBS, DBS, DBW and in-store pickup answer with the same fields;
only `isB2B` (FBS) is `isB2b` elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from attrs import field, frozen

from mpstock_wb.order_flows import Flow
from mpstock_wb.wire import as_id
from mpstock_wb.words import as_text

__all__ = ["OrderRow", "Status", "list_params", "read_list", "read_new", "read_statuses", "status_body"]


@frozen
class OrderRow:
    """One order as it is listed, which is without its status.

    Most of those that are listed are known already, so what else is told of one is read when it is asked for.
    """

    id: int
    told: Mapping[str, Any] = field(repr=False)

    @property
    def chrt_id(self) -> int | None:
        """What it is of."""
        return as_id(self.told.get("chrtId"))

    @property
    def created(self) -> datetime | None:
        """When it was placed; None where that is unreadable."""
        return _moment(self.told.get("createdAt"))

    @property
    def warehouse(self) -> int | None:
        return as_id(self.told.get("warehouseId"))

    @property
    def barcodes(self) -> tuple[str, ...]:
        barcodes = self.told.get("skus")
        return tuple(filter(None, map(as_text, barcodes if isinstance(barcodes, list) else ())))

    @property
    def article(self) -> str:
        return as_text(self.told.get("article"))

    @property
    def nm_id(self) -> int | None:
        return as_id(self.told.get("nmId"))

    @property
    def delivery(self) -> str:
        return as_text(self.told.get("deliveryType"))

    @property
    def b2b(self) -> bool:
        options = self.told.get("options")
        return isinstance(options, Mapping) and (options.get("isB2B") is True or options.get("isB2b") is True)

    @property
    def zero(self) -> bool:
        """Whether it was ordered at a stock of zero."""
        return self.told.get("isZeroOrder") is True


@frozen
class Status:
    """The two statuses of one order, in Wildberries' words."""

    supplier: str
    wb: str


def list_params(start: datetime, end: datetime, limit: int, after: int) -> dict[str, str]:
    """Return the query of a page of orders created between two moments (Unix seconds, UTC).

    `limit` and `next` are required, and `next` is 0 in the first request.
    """
    return {
        "limit": str(limit),
        "next": str(after),
        "dateFrom": str(int(start.timestamp())),
        "dateTo": str(int(end.timestamp())),
    }


def status_body(flow: Flow, ids: Sequence[int]) -> dict[str, Any]:
    """Return the body that asks for the statuses of at most 1,000 orders."""
    return {flow.asks_by: list(ids)}


def read_new(data: Any) -> list[OrderRow]:
    """Return the new orders, of an answer to GET …/orders/new.

    Raises:
        ValueError: it is not such an answer; says what is wrong.
    """
    return [_row(index, row) for index, row in enumerate(_rows(data))]


def read_list(data: Any) -> tuple[list[OrderRow], int]:
    """Return one page of orders and the number of the next one (0 = there is none), of GET …/orders.

    Raises:
        ValueError: it is not such an answer; says what is wrong.
    """
    rows = read_new(data)
    after = data.get("next", 0)
    if after is None:
        return rows, 0
    if not isinstance(after, int) or isinstance(after, bool):
        raise ValueError(f"its `next` is {after!r}, which is no number")
    return rows, max(after, 0)


def read_statuses(data: Any, flow: Flow) -> dict[int, Status]:
    """Return statuses by id. An order that is told with an error, or without statuses, is left out.

    Raises:
        ValueError: it is not such an answer; says what is wrong.
    """
    found: dict[int, Status] = {}
    for index, row in enumerate(_rows(data)):
        number = as_id(row.get(flow.id_key)) if isinstance(row, dict) else None
        if number is None:
            raise ValueError(f"row {index} of `orders` has no usable `{flow.id_key}`")
        supplier, wb = row.get("supplierStatus"), row.get("wbStatus")
        status = _status(
            supplier if type(supplier) is str else as_text(supplier), wb if type(wb) is str else as_text(wb)
        )
        if status.supplier or status.wb:
            found[number] = status
    return found


@lru_cache(maxsize=256)
def _status(supplier: str, wb: str) -> Status:
    # There are a few pairs of words for all orders: each is cleaned once.
    return Status(as_text(supplier), as_text(wb))


def _rows(data: Any) -> list[Any]:
    rows = data.get("orders") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise ValueError("the answer has no list `orders`")
    return rows


def _row(index: int, row: Any) -> OrderRow:
    number = as_id(row.get("id")) if isinstance(row, dict) else None
    if number is None:
        # Passed over it would be a unit that is sold and still for sale.
        raise ValueError(f"row {index} of `orders` has no usable `id`")
    return OrderRow(number, row)


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
