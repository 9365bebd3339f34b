"""What `mpstock check` finds out about a МойСклад account."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mpstock import Context, Finding
from mpstock.errors import AdapterError, AuthenticationError, ConfigurationError, TransientError
from mpstock_moysklad.settings import BASKET
from mpstock_moysklad.snapshot import Snapshot, Taker
from mpstock_moysklad.weights import AS_OF, next_step, weight_of

if TYPE_CHECKING:
    from mpstock_moysklad.api import MoyskladApi
    from mpstock_moysklad.settings import MoyskladSettings

__all__ = ["check"]

_SOON = timedelta(days=30)
_OLD = timedelta(days=180)
_NAMED = 5


async def check(settings: MoyskladSettings, context: Context, api: MoyskladApi) -> AsyncIterator[Finding]:
    """Yield what there is to say; reads everything once and what changed once, and changes nothing."""
    taker = Taker(settings, context, api)
    try:
        snapshot = await taker.everything()
    except (AdapterError, ConfigurationError) as error:
        yield _failure(error)
        return
    how = "the token" if settings.token is not None else "login and password"
    yield Finding("ok", "credentials", f"{how} may read the report, stores and goods")
    for finding in _report(snapshot, settings):
        yield finding
    for finding in _stores(snapshot, settings):
        yield finding
    for finding in _goods(snapshot, settings):
        yield finding
    yield await _changes(api, settings, context.clock.now())
    yield _weight(settings, context.clock.now())


def _failure(error: AdapterError | ConfigurationError) -> Finding:
    if isinstance(error, ConfigurationError):
        return Finding("error", "stores", str(error), "mend the name, or write the store's id")
    if isinstance(error, AuthenticationError):
        mend = (
            "look at token (or login and password), and at the user's rights: goods, stores, «Остатки». A "
            "token dies when its user asks for a new one"
        )
        return Finding("error", "credentials", str(error), mend)
    if isinstance(error, TransientError):
        return Finding(
            "error", "service", str(error), "is МойСклад up, and reached from here? Try again later"
        )
    return Finding("error", "service", str(error), "look at base_url and at what the message says")


def _report(snapshot: Snapshot, settings: MoyskladSettings) -> Iterator[Finding]:
    rows, told = snapshot.stock.rows, sum(1 for _ in snapshot.levels())
    data = {"rows": rows, "levels": told, "unknown": snapshot.stock.unknown}
    if rows:
        message = f"report/stock/{settings.report}/current answers: {rows:,} rows, levels: {told:,}"
        yield Finding("ok", "report", message, data=data)
    else:
        yield Finding(
            "warning",
            "report",
            "the report is empty; an empty report zeroes nothing",
            mend="does this user see goods, stores and documents?",
            data=data,
        )
    if snapshot.unknown:
        yield Finding(
            "ok",
            "recalculation",
            f"{snapshot.unknown:,} rows have no number now: МойСклад reckons them anew, or they cannot be "
            "read; they are unknown, which is not 0, and everything is read again until they are there",
        )
    for problem in [*snapshot.stock.summary(), *snapshot.remarks.problems()]:
        yield Finding("warning", problem.name, problem.message)
    if settings.stock_type == "stock" and not settings.reserve:
        yield Finding(
            "warning",
            "reserve",
            'stock_type = "stock" without reserve = true: what МойСклад keeps for its orders is sold again',
            mend='write reserve = true, or stock_type = "freeStock"',
        )


def _stores(snapshot: Snapshot, settings: MoyskladSettings) -> Iterator[Finding]:
    if settings.report == "all":
        yield Finding("ok", "stores", f"all stores together are the warehouse {settings.warehouse!r}")
        return
    stores = snapshot.stores
    names = {store.id: store.name for store in stores.known.values() if not store.archived}
    told = [
        f"{name!r} → {stores.warehouses[id_]!r}" for id_, name in names.items() if id_ in stores.warehouses
    ]
    left = [repr(name) for id_, name in names.items() if id_ in stores.ignored]
    message = f"{len(told)} stores: {', '.join(told) or 'none'}"
    yield Finding(
        "ok" if told else "error", "stores", message + (f"; left out: {', '.join(left)}" if left else "")
    )
    double = [name for name, count in Counter(names.values()).items() if count > 1]
    if double:
        yield Finding(
            "warning",
            "stores",
            f"several stores are called {', '.join(map(repr, double))}; their stock is added up",
            mend="give them warehouses by their ids in stores",
        )
    taken = stores.unassigned()
    rows = len(snapshot.holds)
    if taken is None and rows:
        yield Finding(
            "warning",
            "unassigned_store",
            f"orders without a store have reserved {rows:,} goods, and nobody knows which warehouse will "
            "lose them; they count against every one",
            mend="name the warehouse that such orders are taken from as unassigned_store",
            data={"goods": rows},
        )
    elif taken is not None:
        yield Finding("ok", "unassigned_store", f"orders without a store are taken from {taken!r}")


def _goods(snapshot: Snapshot, settings: MoyskladSettings) -> Iterator[Finding]:
    goods, key = snapshot.goods, settings.sku_by
    data = {"goods": len(goods), "without": goods.keyless, "twice": len(goods.twice)}
    yield Finding("ok", "goods", f"{len(goods):,} goods for sale; {key} is the article", data=data)
    if goods.keyless:
        yield Finding(
            "warning",
            "goods without article",
            f"{goods.keyless:,} goods have no {key}; they are left out, {snapshot.stock.keyless:,} rows of "
            "stock with them",
            mend=f"fill in {key} where they are sold online, or choose another sku_by",
        )
    if goods.twice:
        some = ", ".join(map(repr, list(goods.twice)[:_NAMED]))
        yield Finding(
            "error",
            "articles that stand twice",
            f"{len(goods.twice):,} articles are the {key} of several goods ({some}): unknown quantities",
            mend="give each good its own, archive what is not sold, or choose another sku_by",
        )
    troubled = snapshot.bundles.problems(goods)
    if len(snapshot.bundles):
        yield Finding(
            "warning" if troubled else "ok",
            "bundles",
            f"{len(snapshot.bundles):,} bundles are reckoned from their components, and share their stock"
            + (f"; of {len(troubled):,} it cannot be told" if troubled else ""),
            mend=f"{troubled[0].sku}: {troubled[0].message}" if troubled else "",
        )


async def _changes(api: MoyskladApi, settings: MoyskladSettings, now: datetime) -> Finding:
    try:
        await api.current(settings.stock_type, since=now - timedelta(minutes=1))
    except AdapterError as error:
        mend = (
            "look at the clock of this machine: it must not be ahead. Everything is read every time instead"
        )
        return Finding("warning", "changedSince", f"what changed is not told: {error}", mend)
    return Finding("ok", "changedSince", "what changed can be asked for")


def _weight(settings: MoyskladSettings, now: datetime) -> Finding:
    weight, step = weight_of(settings, now), next_step(settings, now)
    whose = "by the setting weight" if settings.weight else f'with token_kind = "{settings.token_kind}"'
    message = f"a request costs {weight} of {BASKET} units {whose}, {BASKET // weight} requests in 3 s"
    data = {"weight": weight}
    if step is not None and step[0] - now <= _SOON:
        message += f"; from {step[0]:%Y-%m-%d} on it costs {step[1]}"
        return Finding(
            "warning", "weight", message, "nothing to do: mpstock knows; reading gets slower", data
        )
    if settings.weight is None and now - AS_OF > _OLD:
        mend = "see whether МойСклад has changed its limits; if so, write weight"
        return Finding("warning", "weight", f"{message}, as documented on {AS_OF:%Y-%m-%d}", mend, data)
    return Finding("ok", "weight", message, data=data)
