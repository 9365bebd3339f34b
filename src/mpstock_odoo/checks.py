"""What `mpstock check` finds out about an Odoo database."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mpstock import Clock, Finding
from mpstock.errors import AdapterError, AuthenticationError, RejectedError, TransientError
from mpstock_odoo.catalogue import companies_context, read_places, read_shape
from mpstock_odoo.changes import WITNESSES
from mpstock_odoo.kits import Kits
from mpstock_odoo.products import Page, Products
from mpstock_odoo.warehouses import Place
from mpstock_odoo.wire import Shape

if TYPE_CHECKING:
    from mpstock_odoo.client import OdooClient

__all__ = ["check"]

_SOON = timedelta(days=14)


async def check(client: OdooClient, clock: Clock) -> AsyncIterator[Finding]:
    """Yield what there is to say; every product is read once, and nothing is changed."""
    try:
        caller = await client.connect()
    except AdapterError as error:
        yield _failure(error)
        return
    yield _protocol(client, caller.label, await client.version())
    async for finding in _key(client, clock):
        yield finding
    try:
        shape = await read_shape(client)
        places = await read_places(client)
    except AdapterError as error:
        yield Finding("error", "warehouses", str(error), "compare the settings with Inventory, Configuration")
        return
    yield _warehouses(client, places)
    async for finding in _companies(client, places):
        yield finding
    async for finding in _rights(client):
        yield finding
    yield await _kits(client, shape)
    async for finding in _products(client, shape, places, clock):
        yield finding


def _failure(error: AdapterError) -> Finding:
    if isinstance(error, AuthenticationError):
        return Finding("error", "credentials", str(error), "look at api_key, user and database")
    if isinstance(error, TransientError):
        return Finding("error", "server", str(error), "is the server up, and is base_url right?")
    return Finding("error", "server", str(error), "look at base_url, database and protocol")


def _protocol(client: OdooClient, label: str, version: str) -> Finding:
    shown = f"Odoo {version}" if version else "Odoo of an unknown version"
    message = f"{client.settings.base_url} is {shown}, asked over {label}"
    number = re.search(r"\d+", version)
    if label == "JSON-RPC" and number and int(number[0]) >= 19:
        return Finding(
            "warning",
            "server",
            f"{message}, which ends with Odoo 22",
            'set protocol = "json2", with an API key as api_key',
            {"version": version, "protocol": label},
        )
    return Finding("ok", "server", message, data={"version": version, "protocol": label})


async def _key(client: OdooClient, clock: Clock) -> AsyncIterator[Finding]:
    """Tell of keys of the user that end soon. Which of them is ours, Odoo does not say."""
    try:
        rows = await client.rows("res.users.apikeys", [["expiration_date", "!=", False]],
                                 ["name", "expiration_date"])  # fmt: skip
    except AdapterError:
        # Before Odoo 18 keys have no end, before 14 there are none.
        return
    now = clock.now()
    for row in rows:
        try:
            ends = datetime.strptime(str(row.get("expiration_date")), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            continue
        if now < ends < now + _SOON:
            yield Finding(
                "warning",
                "credentials",
                f"the user's API key {row.get('name')!r} ends on {ends:%Y-%m-%d}",
                "if it is this one, make a new one in Odoo (Preferences, Account Security) before that day",
            )


def _warehouses(client: OdooClient, places: Sequence[Place]) -> Finding:
    told = ", ".join(place.name for place in places[:20])
    more = ", and more" if len(places) > 20 else ""
    return Finding(
        "ok",
        "warehouses",
        f"{client.settings.field} is read in {len(places)}: {told}{more}",
        data={"warehouses": [place.name for place in places]},
    )


async def _companies(client: OdooClient, places: Sequence[Place]) -> AsyncIterator[Finding]:
    """Warn of what record rules hide: numbers of a company that the user is not let into are just smaller."""
    subject = "companies"
    try:
        uid = (await client.call("res.users", "context_get", {})).get("uid")
        users = await client.call("res.users", "read", {"fields": ["company_ids"]}, ids=[uid])
        mine = set(users[0]["company_ids"])
        there = {row["id"]: row.get("name") for row in await client.rows("res.company", [], ["name"])}
    except (AdapterError, AttributeError, IndexError, KeyError, TypeError):
        yield Finding(
            "warning",
            subject,
            "the user's companies cannot be seen; stock of a company that it is not let into counts as none",
            "look in Odoo under Settings, Users, at the allowed companies of the user",
        )
        return
    closed = sorted(set(there) - mine)
    unread = sorted(mine - {place.company for place in places})
    if foreign := sorted(set(client.settings.company_ids) - mine):
        yield Finding(
            "error",
            subject,
            f"company_ids names {foreign}, and the user is let into {sorted(mine)} only",
            "add them to the user's allowed companies in Odoo, or take them out of company_ids",
        )
    elif closed:
        names = ", ".join(f"{one} ({there[one]})" for one in closed)
        yield Finding(
            "warning",
            subject,
            f"the user is not let into every company: {names}; it shows nothing of their stock",
            "add them to the user's allowed companies in Odoo, if their stock is sold online",
        )
    elif unread:
        names = ", ".join(f"{one} ({there.get(one)})" for one in unread)
        yield Finding("ok", subject, f"no warehouse is read of {names}")
    else:
        yield Finding("ok", subject, f"the user sees all {len(there)}" if len(there) > 1 else "there is one")


async def _rights(client: OdooClient) -> AsyncIterator[Finding]:
    """Ask each model by which changes are found for one record."""
    refused: list[str] = []
    for model in WITNESSES:
        try:
            await client.rows(model, [], ["product_id"], context=companies_context(client), limit=1)
        except (AuthenticationError, RejectedError) as error:
            refused.append(model)
            yield Finding(
                "error",
                "rights",
                f"changes cannot be found without {model}: {error}",
                "give the user the role Inventory / User",
            )
    if not refused:
        yield Finding("ok", "rights", f"the user reads {', '.join(WITNESSES)}")


async def _kits(client: OdooClient, shape: Shape) -> Finding:
    subject = "kits"
    if not shape.mrp:
        return Finding("ok", subject, "there are none: the Manufacturing app is not installed")
    try:
        rows = await client.rows(
            "mrp.bom", [["type", "=", "phantom"]], ["type"], context=companies_context(client), limit=10_000
        )
        await client.rows("mrp.bom.line", [], ["bom_id"], context=companies_context(client), limit=1)
    except (AuthenticationError, RejectedError) as error:
        if shape.is_kits:
            message = (
                "bills of materials are hidden from the user; all kits are read again when anything moved"
            )
        else:
            message = "kits are hidden from the user; they are right only after a full read"
        mend = "let the user read bills of materials (Manufacturing / User)"
        return Finding("warning", subject, f"{message}: {error}", mend)
    return Finding("ok", subject, f"{len(rows):,} are read by their parts", data={"kits": len(rows)})


async def _products(
    client: OdooClient, shape: Shape, places: Sequence[Place], clock: Clock
) -> AsyncIterator[Finding]:
    products = Products(client, shape, places, Kits(client, shape, places), clock)
    total = Page(clock.now())
    levels = unknown = negative = last = 0
    while True:
        try:
            page = await products.after(last)
        except AdapterError as error:
            yield Finding("error", "products", str(error), "let the user read products and stock")
            return
        levels += len(page.levels)
        unknown += sum(level.quantity is None for level in page.levels)
        negative += sum(level.quantity is not None and level.quantity < 0 for level in page.levels)
        total.rows += page.rows
        total.nameless += page.nameless
        total.untracked += page.untracked
        total.twins += page.twins
        total.odd += page.odd
        total.problems = (total.problems + page.problems)[:5]
        if page.rows < client.settings.page_size:
            break
        last = page.last or last
    yield Finding(
        "ok" if levels else "warning",
        "products",
        f"goods: {total.rows:,}; products × warehouses: {levels:,}",
        "" if levels else "does the user see the goods, and have they an article?",
        {"goods": total.rows, "levels": levels, "unknown": unknown, "twins": total.twins},
    )
    for finding in _remarks(client.settings.sku_by, total, unknown, negative):
        yield finding


def _remarks(sku_by: str, total: Page, unknown: int, negative: int) -> Iterator[Finding]:
    examples = "; ".join(f"{one.place}, {one.name}: {one.message}" for one in total.problems[:3])
    if total.twins:
        yield Finding(
            "warning",
            "duplicates",
            f"{total.twins:,} products share their {sku_by} with another, and are unknown. {examples}",
            f"give each product a {sku_by} of its own, or archive those that are not sold",
        )
    elif unknown:
        yield Finding(
            "warning",
            "unknown quantities",
            f"{unknown:,} quantities are unknown: nothing is raised or zeroed by them. {examples}",
            "look at the products that are named",
        )
    if total.nameless:
        yield Finding(
            "warning",
            "products without an article",
            f"{total.nameless:,} have no {sku_by} and are left out",
            f"give those that are sold online a {sku_by}",
        )
    if total.untracked:
        yield Finding(
            "ok",
            "goods that nobody counts",
            f"{total.untracked:,} are neither tracked by quantity nor kits, and are left out",
        )
    if negative:
        yield Finding(
            "warning",
            "negative numbers",
            f"{negative:,} are below zero; they count as they are, and take away from other warehouses",
            "look in Odoo for goods that were shipped before they were received",
        )
    if total.odd:
        yield Finding(
            "warning",
            "fractions",
            f"{total.odd:,} numbers are not whole, and are rounded down",
            "give goods that are kept by weight or length a unit of measure in which they are sold",
        )
