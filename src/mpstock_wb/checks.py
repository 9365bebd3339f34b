"""What `mpstock check` says of a Wildberries account: the token, the warehouses, their orders, the cards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mpstock import AccountWarehouse, Context, Finding
from mpstock.errors import AuthenticationError, RejectedError, UnexpectedResponseError
from mpstock_wb import wb_token
from mpstock_wb.cards import listings_of, several_sizes
from mpstock_wb.order_flows import FLOWS, Flow, flows_of
from mpstock_wb.settings import WbSettings
from mpstock_wb.wire import CardPage, WarehouseRow

if TYPE_CHECKING:
    from mpstock_wb.calls import Calls

__all__ = ["account_warehouses", "findings", "is_sandbox", "token_findings", "warehouse_findings"]

_WARN_BEFORE = timedelta(days=14)
_NEW_TOKEN = "make a new one in the seller's cabinet, Settings → API access"
_CARGO = {1: "small goods", 2: "oversized goods", 3: "bulky goods"}
_DELIVERY = {1: "FBS", 2: "DBS", 3: "DBW", 5: "click and collect", 6: "EDBS"}


def is_sandbox(url: str) -> bool:
    """Whether the host is one of Wildberries' sandboxes."""
    return "-sandbox." in _host(url)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _is_production(url: str) -> bool:
    return _host(url).endswith(".wildberries.ru") and not is_sandbox(url)


async def findings(settings: WbSettings, context: Context, calls: Calls) -> AsyncIterator[Finding]:
    """Yield everything there is to say. What cannot be reached is let through as `TransientError`."""
    for finding in token_findings(settings, context.clock.now()):
        yield finding
    rows: Sequence[WarehouseRow] = ()
    try:
        rows = await calls.warehouses()
    except (AuthenticationError, RejectedError, UnexpectedResponseError) as error:
        yield Finding("error", "warehouses", str(error), "the token needs the category Marketplace")
    else:
        for finding in warehouse_findings(rows, context.warehouses, context.name):
            yield finding
    if not settings.orders:
        yield Finding(
            "warning", "orders",
            "orders are not read: a sold unit comes off when the warehouse system books it",
            f"take `orders = false` out of [sinks.{context.name}]",
        )  # fmt: skip
    else:
        configured = set(context.warehouses)
        names = flows_of(row.delivery for row in rows if str(row.id) in configured)
        for flow in FLOWS:
            if rows and flow.name in names:
                yield await _order_finding(flow, calls)
    try:
        page = await calls.cards(None, None)
    except (AuthenticationError, RejectedError, UnexpectedResponseError) as error:
        yield Finding("error", "cards", str(error), "the token needs the category Content")
    else:
        for finding in _card_findings(page, settings, context.name):
            yield finding


async def _order_finding(flow: Flow, calls: Calls) -> Finding:
    subject = f"orders {flow.title}"
    try:
        new = await calls.new_orders(flow)
    except (AuthenticationError, RejectedError, UnexpectedResponseError) as error:
        return Finding("error", subject, str(error), "the token needs the category Marketplace")
    told = f"they can be read; {len(new)} new at the moment"
    if flow.lists_open:
        return Finding("ok", subject, told, data={"new": len(new)})
    return Finding(
        "warning", subject,
        f"{told}. Wildberries lists these orders only while they are new and after they have ended: one that "
        "is taken to assembly between two readings is not seen before its end",
        "let orders be read more often than they are taken to assembly (`[schedule]`, `orders`), or keep "
        "a buffer back",
        {"new": len(new)},
    )  # fmt: skip


def token_findings(settings: WbSettings, now: datetime) -> Iterator[Finding]:
    """Yield what the token says of itself; no request is made."""
    claims = wb_token.read_claims(settings.token.reveal())
    if claims is None:
        yield Finding(
            "warning", "token", "it is not of the usual form (JWT): its expiry and rights cannot be read"
        )
        return
    yield _expiry(claims.expires_at, now)
    yield from _rights(claims)
    urls = (settings.marketplace_url, settings.content_url)
    if claims.test is True and any(map(_is_production, urls)):
        yield Finding(
            "error", "token", "it is a test token, which production does not take",
            "make a token for production, or set `marketplace_url` and `content_url` to the sandbox hosts",
        )  # fmt: skip
    if claims.test is False and any(map(is_sandbox, urls)):
        yield Finding(
            "error", "token", "it is a production token, which the sandbox does not take",
            "make a test token (the box `Test environment` when it is created)",
        )  # fmt: skip
    if any(map(is_sandbox, urls)) and any(map(_is_production, urls)):
        yield Finding(
            "error", "hosts", "one host is the sandbox and the other is production, whose ids differ",
            "set `marketplace_url` and `content_url` to hosts of one kind",
        )  # fmt: skip


def _expiry(expires_at: datetime | None, now: datetime) -> Finding:
    if expires_at is None:
        return Finding("warning", "token", "it does not say when it expires")
    data = {"expires_at": expires_at.isoformat()}
    day = f"{expires_at:%Y-%m-%d %H:%M} UTC"
    if expires_at <= now:
        return Finding("error", "token", f"it expired at {day}", _NEW_TOKEN, data)
    left = expires_at - now
    if left < _WARN_BEFORE:
        return Finding("warning", "token", f"it expires in {left.days} days, at {day}", _NEW_TOKEN, data)
    return Finding("ok", "token", f"valid until {day}", data=data)


def _rights(claims: wb_token.Claims) -> Iterator[Finding]:
    if claims.rights is None:
        yield Finding("warning", "token", "it does not say which rights it has")
        return
    good = True
    if not claims.has(wb_token.MARKETPLACE):
        good = False
        yield Finding(
            "error",
            "token",
            "it lacks the category Marketplace: stocks cannot be written, nor orders read",
            _NEW_TOKEN,
        )
    if claims.has(wb_token.READ_ONLY):
        good = False
        yield Finding("error", "token", "it is for reading only: stocks cannot be written", _NEW_TOKEN)
    if not claims.has(wb_token.CONTENT) and not claims.has(wb_token.PROMOTION):
        good = False
        yield Finding(
            "error",
            "token",
            "it lacks the category Content: cards, and so chrtIds, cannot be read",
            _NEW_TOKEN,
        )
    if good:
        yield Finding("ok", "token", "it has the rights to read cards and orders and to write stocks")


def warehouse_findings(
    rows: Sequence[WarehouseRow], configured: Sequence[str], sink: str
) -> Iterator[Finding]:
    """Yield one finding for each configured warehouse."""
    known = {str(row.id): row for row in rows}
    has = ", ".join(f"{row.id} ({row.name})" for row in rows if not row.deleting) or "none"
    if not configured:
        yield Finding(
            "error", "warehouses", f"no warehouse is configured; the account has: {has}",
            f'add [[sinks.{sink}.warehouses]] with code = "…"',
        )  # fmt: skip
    for code in configured:
        row = known.get(code)
        if row is None:
            yield Finding("error", f"warehouse {code}", "the account has no such warehouse", f"it has: {has}")
            continue
        told = f"{row.name}, {_delivery(row)}, {_cargo(row)}"
        data = {"id": row.id, "name": row.name, "cargo": row.cargo, "delivery": row.delivery}
        if row.deleting:
            yield Finding(
                "error", f"warehouse {code}", f"{told}: it is being deleted", f"the account has: {has}", data
            )
        elif row.processing:
            yield Finding(
                "warning", f"warehouse {code}",
                f"{told}: Wildberries is updating it and takes no stocks for some minutes", data=data,
            )  # fmt: skip
        else:
            yield Finding("ok", f"warehouse {code}", told, data=data)


def account_warehouses(rows: Sequence[WarehouseRow]) -> list[AccountWarehouse]:
    """Return the seller's warehouses as who sets mpstock up is to see them."""
    return [
        AccountWarehouse(
            str(row.id),
            row.name,
            f"{_delivery(row)}, {_cargo(row)}" + (", being deleted" if row.deleting else ""),
            usable=not row.deleting,
        )
        for row in rows
    ]


def _delivery(row: WarehouseRow) -> str:
    return _DELIVERY.get(row.delivery or 0, f"delivery type {row.delivery}")


def _cargo(row: WarehouseRow) -> str:
    return _CARGO.get(row.cargo or 0, f"cargo type {row.cargo}")


def _card_findings(page: CardPage, settings: WbSettings, sink: str) -> Iterator[Finding]:
    several = several_sizes(page.cards)
    if several and settings.match_by == "vendor_code":
        yield Finding(
            "warning", "cards",
            f"{len(several)} of the first {len(page.cards)} cards have several sizes, which a vendor code "
            f"cannot tell apart: {_some([repr(card.vendor_code) for card in several])}; nothing is pushed "
            "for them",
            f'set match_by = "barcode" or "vendor_code_size", or map each size by the column {sink}.barcode '
            f"or {sink}.chrt_id of the products file",
            {"several_sizes": len(several), "cards": len(page.cards)},
        )  # fmt: skip
        return
    if settings.match_by == "vendor_code_size":
        made = [
            one
            for card in page.cards
            for one in listings_of(card, ("",), settings.match_by, sink, settings.sku_format)
        ]
        wrong = [one.problem for one in made if one.problem]
        if wrong:
            yield Finding(
                "warning", "cards",
                f"{len(wrong)} sizes of the first {len(page.cards)} cards have no article of their own: "
                f"{wrong[0]}",
                "look at `sku_format`, or map these sizes by the products file",
                {"sizes": len(wrong), "cards": len(page.cards)},
            )  # fmt: skip
            return
        names = _some([one.skus[0] for one in made])
        yield Finding(
            "ok", "cards", f"the list of cards can be read; sizes are the articles {names}",
            data={"cards": len(page.cards)},
        )  # fmt: skip
        return
    yield Finding("ok", "cards", "the list of cards can be read", data={"cards": len(page.cards)})


def _some(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more if names else "none"
