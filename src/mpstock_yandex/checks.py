"""What `mpstock check` says of a cabinet: the token, the stores, the clock, the orders."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mpstock import AccountWarehouse, Context, Finding
from mpstock.errors import AuthenticationError, RejectedError, UnexpectedResponseError
from mpstock_yandex.calls import SKEW_ALLOWED
from mpstock_yandex.order_stages import OPEN
from mpstock_yandex.order_wire import Asked
from mpstock_yandex.stores import Stores

if TYPE_CHECKING:
    from mpstock_yandex.calls import Calls
    from mpstock_yandex.settings import YandexSettings
    from mpstock_yandex.wire import Campaign, WarehouseRow

__all__ = ["account_warehouses", "findings", "scope_findings", "store_findings"]

_REFUSED = (AuthenticationError, RejectedError, UnexpectedResponseError)

_NEW_TOKEN = (
    "make a token with the rights to manage goods and cards and to process orders in the seller's cabinet "
    "(Settings, API and modules)"
)
_ALL = "ALL_METHODS"
_WRITING = frozenset({_ALL, "OFFERS_AND_CARDS_MANAGEMENT"})
_ORDERS = frozenset(
    {
        _ALL,
        "ALL_METHODS_READ_ONLY",
        "INVENTORY_AND_ORDER_PROCESSING",
        "INVENTORY_AND_ORDER_PROCESSING_READ_ONLY",
    }
)
"""Warehouses are read with the rights to orders, too."""

_UNAVAILABLE: Mapping[str, str] = {
    "DISABLED_BY_INACTIVITY": "it has shown no goods for 90 days",
    "DISABLED_BY_NO_ACTIVE_CONTRACT": "it has no contract with the Market",
    "MANUALLY_DISABLED": "its integration is switched off in the cabinet",
    "DISABLED_BY_NO_PLACEMENT_TYPE": "it has no placement model",
}


async def findings(settings: YandexSettings, context: Context, calls: Calls) -> AsyncIterator[Finding]:
    """Yield everything there is to say. What cannot be reached is let through as `TransientError`."""
    try:
        scopes = await calls.scopes()
    except _REFUSED as error:
        yield Finding("error", "token", str(error), _NEW_TOKEN)
        return
    for finding in scope_findings(scopes):
        yield finding
    yield _clock_finding(settings, calls)
    try:
        campaigns = await calls.campaigns()
        rows = await calls.warehouses()
    except _REFUSED as error:
        yield Finding("error", "stores", str(error), _NEW_TOKEN)
        return
    for finding in store_findings(campaigns, rows, context.warehouses, settings.business_id, context.name):
        yield finding
    yield await _orders_finding(settings, context, calls)


def scope_findings(scopes: frozenset[str]) -> Iterator[Finding]:
    """Yield what the token may and may not do."""
    data = {"scopes": sorted(scopes)}
    good = True
    if not scopes & _WRITING:
        good = False
        told = "it may not manage goods and cards: stocks cannot be written"
        yield Finding("error", "token", told, _NEW_TOKEN, data)
    if not scopes & _ORDERS:
        good = False
        told = "it may not look at orders: neither these nor the warehouses can be read"
        yield Finding("error", "token", told, _NEW_TOKEN, data)
    if good:
        yield Finding("ok", "token", "it has the rights to write stocks and to read orders", data=data)


def _clock_finding(settings: YandexSettings, calls: Calls) -> Finding:
    if calls.skew is None:
        return Finding("ok", "clock", "the Market's answers do not tell its time")
    seconds = calls.skew.total_seconds()
    data = {"skew": seconds}
    if abs(calls.skew) <= SKEW_ALLOWED:
        return Finding("ok", "clock", "it goes as the Market's does", data=data)
    way = "behind" if seconds > 0 else "ahead of"
    told = f"it is {abs(seconds):.0f} s {way} the Market's"
    if settings.updated_at:
        told += ": numbers are sent without the moment at which they were computed"
    return Finding("warning", "clock", told, "let this machine's clock be set by NTP", data)


def store_findings(
    campaigns: Sequence[Campaign],
    rows: Sequence[WarehouseRow],
    configured: Sequence[str],
    business_id: int,
    sink: str,
) -> Iterator[Finding]:
    """Yield what there is to say of the cabinet, and one finding for each configured store."""
    businesses = sorted({one.business for one in campaigns if one.business is not None})
    if businesses and business_id not in businesses:
        yield Finding(
            "error", "cabinet", f"the token does not belong to cabinet {business_id}",
            f"write business_id = {businesses[0]} under [sinks.{sink}], or take that cabinet's token",
            {"businesses": businesses},
        )  # fmt: skip
    stores = Stores(tuple(rows), tuple(configured))
    by_code = {one.code: one for one in campaigns}
    has = ", ".join(f"{row.campaign} ({row.name})" for row in rows) or "none"
    if not configured:
        yield Finding(
            "error", "stores", f"no store is configured; the cabinet has: {has}",
            f'add [[sinks.{sink}.warehouses]] with code = "…"',
        )  # fmt: skip
    for code in configured:
        yield _store_finding(code, by_code.get(code), stores, has)


def _store_finding(code: str, campaign: Campaign | None, stores: Stores, has: str) -> Finding:
    subject = f"store {code}"
    problem = stores.problem(code)
    if campaign is not None and campaign.placement == "FBY":
        told = "it sells from the Market's warehouse (FBY), which counts its goods itself"
        return Finding("error", subject, told, f"take it out of the settings; there are: {has}")
    if problem:
        return Finding("error", subject, problem, f"the cabinet's stores with a warehouse are: {has}")
    row = next(row for row in stores.rows if row.campaign == code)
    data = {"warehouse": row.id, "name": row.name, "group": row.group}
    told = f"{row.name}, {_model(row, campaign)}"
    others = sorted(stores.sharing(code) - {code})
    if others:
        told += f"; its stock is that of group {row.group_name!r} too, with {', '.join(others)}"
    why = _UNAVAILABLE.get(campaign.availability) if campaign is not None else None
    if why is not None:
        mend = "mend that in the cabinet, or ask the Market's support for access to the API"
        return Finding("error", subject, f"{told}: the API does not serve it, for {why}", mend, data)
    if row.disabled:
        told += ": it is switched off by hand and sells nothing"
        return Finding("warning", subject, told, "switch it on in the cabinet", data)
    return Finding("ok", subject, told, data=data)


def _model(row: WarehouseRow, campaign: Campaign | None) -> str:
    if row.express:
        return "Express"
    return campaign.placement if campaign is not None and campaign.placement else "FBS"


async def _orders_finding(settings: YandexSettings, context: Context, calls: Calls) -> Finding:
    if not settings.orders:
        return Finding(
            "warning", "orders",
            "orders are not read: a sold unit comes off when the warehouse system books it",
            f"take `orders = false` out of [sinks.{context.name}]",
        )  # fmt: skip
    try:
        async for _, page in calls.orders(Asked(OPEN)):
            count = len(page.orders)
            more = " or more" if page.following else ""
            return Finding(
                "ok",
                "orders",
                f"they can be read; {count}{more} are open at the moment",
                data={"open": count},
            )
    except _REFUSED as error:
        return Finding("error", "orders", str(error), _NEW_TOKEN)
    return Finding("ok", "orders", "they can be read")


def account_warehouses(rows: Sequence[WarehouseRow]) -> list[AccountWarehouse]:
    """Return the cabinet's stores as who sets mpstock up is to see them: one of each group can be chosen."""
    leading: dict[int, str] = {}
    found: list[AccountWarehouse] = []
    for row in rows:
        first = row.campaign if row.group is None else leading.setdefault(row.group, row.campaign)
        notes = ["Express" if row.express else "FBS or DBS"]
        if row.group is not None:
            notes.append(f"group {row.group_name!r}")
        if first != row.campaign:
            notes.append(f"its stock is written through {first}")
        if row.disabled:
            notes.append("switched off by hand")
        found.append(AccountWarehouse(row.campaign, row.name, ", ".join(notes), usable=first == row.campaign))
    return found
