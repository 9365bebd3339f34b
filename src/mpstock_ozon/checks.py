"""What `mpstock check` finds out about an Ozon account, without and with one write."""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from mpstock import AccountWarehouse, Context, Finding, Listing, Outcome, OutcomeStatus
from mpstock.errors import AuthenticationError, RejectedError, UnexpectedResponseError
from mpstock_ozon import answers, codes, orders, progress, wire
from mpstock_ozon.api import OzonApi
from mpstock_ozon.settings import OzonSettings

__all__ = ["account_warehouses", "check", "write_test"]

EXPIRES_SOON = timedelta(days=14)
"""How long before its end a key is told of: Ozon's keys live for months, a new one takes a minute."""

READINGS = 4
"""How often a write is looked for, 30 s apart: how late Ozon shows it is not documented."""

_NEEDED = (wire.STOCKS, wire.STOCKS_BY_OFFER, wire.STOCKS_OF_WAREHOUSE, wire.PRODUCTS)
_POSTINGS = (wire.UNFULFILLED, wire.POSTINGS)
_NEW_KEY = "make a key with the right to products and stock in the seller's cabinet (Settings → API keys)"
_NAMED = 10

# Ozon Seller API, /v2/warehouse/list does not list the values; these are the ones of its first version.
_ACTIVE = "created"
_INACTIVE = frozenset({"disabled", "blocked", "disabled_due_to_limit", "error"})


async def check(api: OzonApi, settings: OzonSettings, context: Context) -> AsyncIterator[Finding]:
    """Yield what there is to say of the key, the configured warehouses and the orders; change nothing.

    Raises:
        TransientError: Ozon could not be reached.
    """
    try:
        key = await api.key()
    except AuthenticationError as error:
        yield Finding("error", "API key", str(error), _NEW_KEY)
        return
    yield _expiry(key, context)
    yield _rights(key, settings, context)
    try:
        warehouses = await api.warehouses()
    except AuthenticationError as error:
        yield Finding("error", "warehouses", str(error), _NEW_KEY)
        return
    for finding in _warehouses(warehouses, context):
        yield finding
    yield Finding(
        "ok",
        "reserve",
        f'numbers are sent as reserve = "{settings.reserve}" says; '
        "`mpstock check --write-test SKU` proves it with one write",
        data={"reserve": settings.reserve},
    )
    yield await _orders(api, settings, context)


async def _orders(api: OzonApi, settings: OzonSettings, context: Context) -> Finding:
    """Say what is read of the orders; ask for one posting of each method, for /v1/roles may not list them."""
    data = {"orders": settings.orders}
    if settings.orders == "reserved":
        said = (
            "of the orders the sums that Ozon keeps in reserve are read, for every warehouse of the account"
        )
        return Finding("ok", "orders", f"{said}; no warehouse system can absorb these", data=data)
    if settings.orders == "none":
        said = "no orders are read: what the warehouse system has not booked yet may be sold twice"
        return Finding("warning", "orders", said, f'write orders = "postings" {_under(context)}', data)
    now = context.clock.now()
    try:
        await api.unfulfilled(now, "", now, limit=1)
        await api.changed(now - progress.OVERLAP, now, "", now, limit=1)
    except AuthenticationError as error:
        return Finding("error", "orders", str(error), _posting_mend(context), data)
    except (RejectedError, UnexpectedResponseError) as error:
        mend = f'until it is mended write orders = "reserved" {_under(context)}'
        return Finding("error", "orders", str(error), mend, data)
    said = "the postings of FBS and rFBS are read with their stages: the open ones, and what has changed"
    return Finding("ok", "orders", said, data=data)


def _under(context: Context) -> str:
    return f"under [sinks.{context.name}]"


def _posting_mend(context: Context) -> str:
    return (
        f"make a key that has the role {orders.POSTING_ROLE!r} too (Settings → API keys), "
        f'or write orders = "reserved" {_under(context)}'
    )


def _expiry(key: wire.Key, context: Context) -> Finding:
    if key.expires_at is None:
        return Finding("ok", "API key", "accepted; Ozon does not say until when it is valid")
    left = key.expires_at - context.clock.now()
    data = {"expires_at": key.expires_at.isoformat()}
    until = f"{key.expires_at:%Y-%m-%d %H:%M} UTC"
    if left <= timedelta(0):
        return Finding("error", "API key", f"expired on {until}", _NEW_KEY, data)
    if left < EXPIRES_SOON:
        days = "1 day" if left.days == 1 else f"{left.days} days"
        return Finding("warning", "API key", f"expires on {until}, in {days}", _NEW_KEY, data)
    return Finding("ok", "API key", f"accepted, valid until {until}", data=data)


def _rights(key: wire.Key, settings: OzonSettings, context: Context) -> Finding:
    data = {"roles": list(key.roles)}
    named = ", ".join(key.roles) or "none"
    roles = {role.strip().lower() for role in key.roles}
    needed = [*_NEEDED]
    if settings.orders == "postings" and orders.POSTING_ROLE.lower() not in roles:
        needed += _POSTINGS
    missing = [method for method in needed if method not in key.methods]
    if not missing:
        return Finding("ok", "roles", f"the key may do all that is needed (roles: {named})", data=data)
    if "admin" in roles:
        return Finding("ok", "roles", f"roles: {named}", data=data)
    said = f"the list of the key's methods lacks {', '.join(missing)} (roles: {named})"
    # Ozon's own example lists no whole method: only a list that names some of ours proves a lack.
    proven = len(missing) < len(needed)
    mend = _posting_mend(context) if set(missing) <= set(_POSTINGS) else _NEW_KEY
    return Finding("error" if proven else "warning", "roles", said, mend, data)


def _warehouses(found: Sequence[wire.Warehouse], context: Context) -> list[Finding]:
    by_code = {str(warehouse.warehouse_id): warehouse for warehouse in found}
    place = f"sinks.{context.name}.warehouses"
    valid = ", ".join(f"{code} ({warehouse.name})" for code, warehouse in list(by_code.items())[:_NAMED])
    if len(by_code) > _NAMED:
        valid += f" and {len(by_code) - _NAMED} more"
    valid = valid or "none; make one in the seller's cabinet"
    if not context.warehouses:
        return [Finding("error", place, "no warehouse is configured", f"the account has: {valid}")]
    findings: list[Finding] = []
    for code in context.warehouses:
        subject = f"{place}: {code}"
        warehouse = by_code.get(code)
        if warehouse is None:
            nearest = difflib.get_close_matches(code, by_code, n=1, cutoff=0.5)
            guess = f"did you mean {nearest[0]}? " if nearest else ""
            mend = f"{guess}the account has: {valid}"
            findings.append(Finding("error", subject, "no such warehouse in this account", mend))
        else:
            findings.append(_state(subject, warehouse))
    return findings


def account_warehouses(found: Sequence[wire.Warehouse]) -> list[AccountWarehouse]:
    """Return the account's warehouses as who sets mpstock up is to see them."""
    return [
        AccountWarehouse(
            str(one.warehouse_id),
            one.name,
            f"paused since {one.paused}" if one.paused else one.status,
            usable=one.status.strip().lower() not in _INACTIVE,
        )
        for one in found
    ]


def _state(subject: str, warehouse: wire.Warehouse) -> Finding:
    data = {"name": warehouse.name, "status": warehouse.status}
    status = warehouse.status.strip().lower()
    if status in _INACTIVE:
        said = f"{warehouse.name} is not active (status {warehouse.status}): Ozon refuses its stock"
        return Finding("error", subject, said, "activate it in the seller's cabinet", data)
    if warehouse.paused:
        said = f"{warehouse.name} is paused since {warehouse.paused}"
        return Finding("warning", subject, said, "end the pause in the seller's cabinet", data)
    if status != _ACTIVE:
        said = f"{warehouse.name} has the status {warehouse.status or 'unknown'}: Ozon may refuse its stock"
        return Finding("warning", subject, said, "look at it in the seller's cabinet", data)
    return Finding("ok", subject, f"{warehouse.name} is active", data=data)


async def write_test(
    api: OzonApi, settings: OzonSettings, context: Context, listing: Listing, quantity: int
) -> AsyncIterator[Finding]:
    """Write `quantity` as it is, wait out the pair's 30 s, read back, and compare with `reserve`.

    With R units in Ozon's reserve, a number that excludes them comes back as `free_stock`, and one that
    includes them as `present`. With R = 0 both are the same and nothing can be told.
    """
    if not 0 <= quantity <= wire.MAXIMUM:
        raise ValueError(f"Ozon takes a stock from 0 to {wire.MAXIMUM}, not {quantity}")
    subject = f"write test of {listing.external_id} in {listing.warehouse}"
    pair = (listing.external_id, int(listing.warehouse))
    before = (await api.stocks([pair[0]])).get(pair)
    outcome = await _write(api, pair, quantity)
    if outcome.status is OutcomeStatus.WAIT:
        await context.clock.sleep(codes.COOLDOWN)
        outcome = await _write(api, pair, quantity)
    if outcome.status is not OutcomeStatus.OK:
        yield Finding("error", subject, f"Ozon did not take the write: {outcome.message}")
        return
    known = before is not None and before.reserved is not None
    kept = f"{before.reserved} in reserve" if before is not None and known else "reserve unknown"
    yield Finding("ok", subject, f"wrote {quantity} ({kept} before)")
    after: wire.StockRow | None = None
    for _ in range(READINGS):
        await context.clock.sleep(codes.COOLDOWN)
        after = (await api.stocks([pair[0]])).get(pair)
        if after is not None and quantity in (after.free, after.present):
            break
    yield _judged(subject, settings, context, quantity, after)


async def _write(api: OzonApi, pair: tuple[str, int], quantity: int) -> Outcome:
    response = await api.write([(*pair, quantity)])
    matched = answers.match(wire.body_of(response.content), [pair])
    return matched[0] if matched else Outcome(OutcomeStatus.DOUBT, message="its answer has no list `result`")


def _judged(
    subject: str, settings: OzonSettings, context: Context, quantity: int, after: wire.StockRow | None
) -> Finding:
    if after is None or quantity not in (after.free, after.present):
        shown = "nothing" if after is None else f"present {after.present}, reserved {after.reserved}, "
        shown += "" if after is None else f"free {after.free}"
        said = f"{quantity} was accepted, but Ozon shows {shown}: an order came, or somebody else writes too"
        return Finding("warning", subject, said, "try again, with a product that sells slowly")
    data = {"present": after.present, "reserved": after.reserved, "free": after.free}
    if not after.reserved or after.free == after.present:
        said = f"Ozon shows {quantity}; it keeps none in reserve, so nothing can be told of `reserve`"
        return Finding("warning", subject, said, "try again with a product that has an open order", data)
    found = "exclude" if after.free == quantity else "include"
    said = (
        f"Ozon shows free {after.free}, reserved {after.reserved}, present {after.present}: "
        f"the number that is sent {found}s the reserve"
    )
    if found == settings.reserve:
        return Finding("ok", subject, f"{said}, as the setting says", data=data)
    mend = f'write `reserve = "{found}"` under [sinks.{context.name}]'
    return Finding("error", subject, f'{said}, but the setting is reserve = "{settings.reserve}"', mend, data)
