"""The double's methods that list postings: `/v4/posting/fbs/unfulfilled/list` and `/v4/posting/fbs/list`."""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from mpstock.simulation import Answer, Request
from mpstock_ozon.simulator_account import Account
from mpstock_ozon.simulator_postings import STATUSES, Posting, Postings
from mpstock_ozon.simulator_wire import bad_request, body_of, field_of, instant, limit_of, strings_of

__all__ = ["PostingReading"]

YEAR = timedelta(days=366)
LISTED_STATUSES = frozenset(STATUSES) - {"awaiting_verification"}
UNFULFILLED_STATUSES = LISTED_STATUSES - {"cancelled", "delivered", "sent_by_seller"}
"""What the filter `statuses` of each method takes."""

Key = tuple[datetime | int, ...]
"""What postings are sorted by: moments, and the id last."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class PostingReading:
    """Answers what postings there are. What the documents leave open is a switch.

    `delivering_is_unfulfilled`  the open ones include what is on its way (seen so on a real server).
    `under_result`               answers stand under `result` (seen so on a real server).
    `says_has_next`              answers carry `has_next`.
    `list_lag`                   seconds by which a change of status is listed late in `/v4/posting/fbs/list`.
    """

    def __init__(self, account: Account, postings: Postings) -> None:
        self.account = account
        self.postings = postings
        self.delivering_is_unfulfilled = True
        self.under_result = False
        self.says_has_next = True
        self.list_lag = 0.0
        # Most postings are read many times as they are: each is written once for every state of it.
        self._written: dict[str, tuple[tuple[object, ...], str]] = {}
        # A walk over the open ones asks for one page after the other of the same postings.
        self._walked: tuple[object, list[Posting]] = None, []

    async def unfulfilled(self, request: Request) -> Answer:
        """Answer `/v4/posting/fbs/unfulfilled/list`: in the order of the deadlines."""
        body = body_of(request)
        limit = limit_of(request, body, 100)
        wanted = field_of(request, body, "filter", dict, {})
        cutoff = _period(request, wanted, "cutoff_from", "cutoff_to")
        delivering = _period(request, wanted, "delivering_date_from", "delivering_date_to")
        if cutoff is None and delivering is None:
            raise bad_request("either filter.cutoff or filter.delivering_date must be specified")
        if cutoff is not None and delivering is not None:
            raise bad_request("only one of filter.cutoff and filter.delivering_date may be specified")
        matches = self._matching(request, wanted, UNFULFILLED_STATUSES)

        ended = {"cancelled", "delivered", "sent_by_seller"}
        if not self.delivering_is_unfulfilled:
            ended.add("delivering")

        def open_now(one: Posting) -> bool:
            if not one.units or not matches(one):
                return False
            if cutoff is not None:
                return cutoff[0] <= one.cutoff <= cutoff[1]
            return (
                delivering is not None
                and one.delivering_date is not None
                and delivering[0] <= one.delivering_date <= delivering[1]
            )

        # What has changed lately is another question a moment later.
        moment = self.account.clock.now() if "last_changed_status_date" in wanted else None
        walk = self.postings.version, moment, sorted(ended), _json(wanted)
        if self._walked[0] != walk:
            self._walked = walk, list(filter(open_now, self.postings.but(ended)))
        found = self._walked[1]
        rows, more, cursor = self._page(request, body, limit, found, ("cutoff", "in_process_at", "id"))
        return self._answer(rows, more, cursor, count=len(rows))

    async def listed(self, request: Request) -> Answer:
        """Answer `/v4/posting/fbs/list`: in the order in which they were placed."""
        body = body_of(request)
        limit = limit_of(request, body, 100)
        wanted = field_of(request, body, "filter", dict, {})
        period = _period(request, wanted, "since", "to")
        if period is None:
            raise bad_request("Request validation error: invalid PostingFbsListRequest.Filter: since, to")
        matches = self._matching(request, wanted, LISTED_STATUSES)

        def placed_then(one: Posting) -> bool:
            return period[0] <= one.in_process_at <= period[1] and matches(one)

        found = list(filter(placed_then, self.postings.by_number.values()))
        return self._answer(*self._page(request, body, limit, found, ("in_process_at", "id")))

    def _matching(
        self, request: Request, wanted: dict[str, Any], known: frozenset[str]
    ) -> Callable[[Posting], bool]:
        statuses = strings_of(request, wanted, "statuses", 1000)
        for status in statuses:
            if status not in known:
                raise bad_request(f"Request validation error: invalid Filter.Statuses: {status!r}")
        warehouses = {int(one) for one in strings_of(request, wanted, "warehouse_ids", 1000, numbers=True)}
        inner = field_of(request, wanted, "last_changed_status_date", dict, {})
        changed = _period(request, inner, "from", "to")
        visible = self.account.clock.now() - timedelta(seconds=self.list_lag)

        def matches(one: Posting) -> bool:
            if statuses and one.status not in statuses:
                return False
            if warehouses and one.warehouse_id not in warehouses:
                return False
            return changed is None or (
                changed[0] <= one.changed_at <= changed[1] and one.changed_at <= visible
            )

        return matches

    def _page(
        self,
        request: Request,
        body: dict[str, Any],
        limit: int,
        found: list[Posting],
        order: tuple[str, ...],
    ) -> tuple[list[str], bool, str]:
        """Return a page's texts, whether more follow, and its cursor; `order` are the fields to sort by.

        The list is left sorted: to sort it once more costs nothing.
        """
        key: Callable[[Posting], Key] = attrgetter(*order)
        direction = field_of(request, body, "sort_dir", str, "ASC") or "ASC"
        if direction.upper() not in ("ASC", "DESC"):
            raise bad_request(f"proto: invalid value for enum type: {direction!r}")
        down = direction.upper() == "DESC"
        after = _decoded(field_of(request, body, "cursor", str, ""), len(order))
        found.sort(key=key, reverse=down)
        if after is not None and not down:
            found = found[bisect_right(found, after, key=key) :]
        elif after is not None:
            found = [one for one in found if key(one) < after]
        page = found[:limit]
        # As in the document's examples the cursor is there on the last page as well.
        cursor = _encoded(key(page[-1])) if page else ""
        return [self._text(one) for one in page], len(found) > limit, cursor

    def _answer(self, rows: list[str], more: bool, cursor: str, *, count: int | None = None) -> Answer:
        data: dict[str, Any] = {"cursor": cursor}
        if count is not None:
            data["count"] = count
        if self.says_has_next:
            data["has_next"] = more
        elif not more:
            data["cursor"] = ""
        text = f'{{"postings":[{",".join(rows)}],{_json(data)[1:]}'
        if self.under_result:
            text = f'{{"result":{text}}}'
        return Answer(200, text.encode(), {"content-type": "application/json"})

    def _text(self, one: Posting) -> str:
        state = (
            one.status, one.substatus, one.cutoff, one.delivering_date, one.cancel_reason,
            one.cancelled_after_ship, one.warehouse_id, tuple(_rows(one)),
        )  # fmt: skip
        before, text = self._written.get(one.number, ((), ""))
        if before != state:
            text = _json(self._row(one))
            self._written[one.number] = state, text
        return text

    def _row(self, one: Posting) -> dict[str, Any]:
        warehouse = self.account.warehouses[one.warehouse_id]
        order_number = one.number.rpartition("-")[0]
        return {
            "posting_number": one.number,
            "order_id": 30_000_000_000 + one.id,
            "order_number": order_number,
            "parent_posting_number": "" if one.number.endswith("-1") else f"{order_number}-1",
            "status": one.status,
            "substatus": one.substatus,
            "delivery_method": {
                "id": one.warehouse_id + 1000,
                "name": f"Доставка Ozon, {warehouse.name}",
                "warehouse_id": one.warehouse_id,
                "warehouse": warehouse.name,
                "tpl_provider_id": 24,
                "tpl_provider": "Доставка Ozon",
            },
            "delivery_schema": "rfbs" if warehouse.is_rfbs else "fbs",
            "tracking_number": "",
            "tpl_integration_type": "ozon",
            "in_process_at": instant(one.in_process_at),
            "shipment_date": instant(one.cutoff),
            "delivering_date": None if one.delivering_date is None else instant(one.delivering_date),
            "cancellation": {
                "cancel_reason_id": 0 if one.status != "cancelled" else 501,
                "cancel_reason": one.cancel_reason,
                "cancellation_type": "" if one.status != "cancelled" else "client",
                "cancelled_after_ship": one.cancelled_after_ship,
                "affect_cancellation_rating": False,
                "cancellation_initiator": "" if one.status != "cancelled" else "Покупатель",
            },
            "products": [self._product(offer_id, units) for offer_id, units in _rows(one)],
            "is_express": False,
        }

    def _product(self, offer_id: str, quantity: int) -> dict[str, Any]:
        offer = self.account.offers.get(offer_id)
        return {
            "offer_id": offer_id,
            "name": f"Товар {offer_id}",
            "sku": offer.sku if offer is not None else 0,
            "quantity": quantity,
            "price": {"amount": "300.00", "currency": "RUB"},
        }


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _rows(one: Posting) -> Iterable[tuple[str, int]]:
    return one.rows if one.rows is not None else one.units.items()


def _period(
    request: Request, wanted: dict[str, Any], begin: str, end: str
) -> tuple[datetime, datetime] | None:
    """Return a period of the filter, None where neither end is set; at most a year."""
    given = [field_of(request, wanted, name, str, "") for name in (begin, end)]
    if not any(given):
        return None
    ends: list[datetime] = []
    for name, value in zip((begin, end), given, strict=True):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            raise bad_request(f"parsing time {value!r} of {name}: cannot parse") from None
        if at.tzinfo is None:
            raise bad_request(f"parsing time {value!r} of {name}: cannot parse")
        ends.append(at.astimezone(UTC))
    if ends[0] > ends[1] or ends[1] - ends[0] > YEAR:
        raise bad_request(f"{begin}, {end}: the period must not be longer than one year")
    return ends[0], ends[1]


def _encoded(key: Key) -> str:
    fields = [part if isinstance(part, int) else (part - EPOCH) // MICROSECOND for part in key]
    return base64.b64encode(json.dumps({"fields": fields}).encode()).decode()


def _decoded(cursor: str, length: int) -> Key | None:
    if not cursor:
        return None
    try:
        *moments, number = map(int, json.loads(base64.b64decode(cursor, validate=True))["fields"])
        key: Key = (*(EPOCH + part * MICROSECOND for part in moments), number)
    except (binascii.Error, ValueError, TypeError, LookupError, OverflowError):
        raise bad_request("Request validation error: invalid cursor") from None
    if len(key) != length:
        raise bad_request("Request validation error: invalid cursor")
    return key
