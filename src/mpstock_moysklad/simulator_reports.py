"""The stock reports of the МойСклад double (JSON API 1.2, report «Остатки»)."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from mpstock.simulation import Answer, Refusal, Request
from mpstock_moysklad.simulator_account import Account, Good, Stock
from mpstock_moysklad.simulator_wire import date_of, error, filters, listed, meta

__all__ = ["current", "full_all", "full_bystore"]

_TYPES = ("stock", "freeStock", "quantity", "reserve", "inTransit")
_DAY = timedelta(hours=24)


def current(
    request: Request,
    account: Account,
    now: datetime,
    *,
    by_store: bool,
    more: Sequence[tuple[str, str, Any]] = (),
) -> Answer:
    """Answer the short report: a bare array, in no order, without pages.

    `more` are rows that no account has: good, store and whatever stands for a number.
    """
    stock_type = request.query.get("stockType", "stock")
    if stock_type not in _TYPES:
        raise Refusal(error(400, 1014, stock_type, "stockType"))
    since = None
    if "changedSince" in request.query:
        since = date_of(request.query["changedSince"], "changedSince")
        if since > now or now - since > _DAY:
            raise Refusal(error(400, 1014, request.query["changedSince"], "changedSince"))
    goods = _wanted(request, "assortmentId")
    stores = _wanted(request, "storeId")
    zeros = since is not None or request.query.get("include") == "zeroLines"
    nulls = by_store and request.query.get("withRecalculate") == "true"
    rows: list[dict[str, Any]] = []
    for place, number in _numbers(account, stock_type, since, by_store=by_store, stores=stores):
        good, store = place
        if (goods is not None and good not in goods) or (
            by_store and stores is not None and store not in stores
        ):
            continue
        row: dict[str, Any] = {"assortmentId": good}
        if by_store:
            row["storeId"] = store
        if good in account.recalculating:
            if not nulls:
                continue
            rows.append({**row, stock_type: None})
        elif number or zeros:
            rows.append({**row, stock_type: _plain(number)})
    rows += [{"assortmentId": good, "storeId": store, stock_type: number} for good, store, number in more]
    random.Random(len(rows)).shuffle(rows)
    return Answer.json(rows)


def _numbers(
    account: Account, stock_type: str, since: datetime | None, *, by_store: bool, stores: set[str] | None
) -> Iterator[tuple[tuple[str, str | None], Decimal]]:
    if by_store:
        for place, stock in account.stock.items():
            if not _archived(account, place) and (since is None or stock.changed_at >= since):
                yield place, stock.of(stock_type)
            elif since is not None and _archived(account, place) and stock.changed_at >= since:
                yield place, Decimal(0)
        if since is not None:
            yield from ((place, Decimal(0)) for place, at in account.gone.items() if at >= since)
        return
    sums: dict[str, Decimal] = {}
    changed: set[str] = set()
    for (good, store), stock in account.stock.items():
        if stores is not None and store not in stores:
            continue
        if since is not None and stock.changed_at >= since:
            changed.add(good)
        number = Decimal(0) if _archived(account, (good, store)) else stock.of(stock_type)
        if since is not None or good not in account.goods or not account.goods[good].archived:
            sums[good] = sums.get(good, Decimal(0)) + number
    if since is not None:
        for (good, _), at in account.gone.items():
            if at >= since:
                changed.add(good)
                sums.setdefault(good, Decimal(0))
    for good, number in sums.items():
        if since is None or good in changed:
            yield (good, None), number


def _archived(account: Account, place: tuple[str, str | None]) -> bool:
    good, store = place
    return account.goods[good].archived or (store is not None and account.stores[store].archived)


def _wanted(request: Request, name: str) -> set[str] | None:
    found = {value for field, operator, value in filters(request) if field == name and operator == "="}
    return found or None


def _plain(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


def full_all(request: Request, account: Account, base: str) -> Answer:
    """Answer the full report by good: pages, and everything about each good."""
    rows = []
    for good in _listed_goods(account):
        sums = [stock for (one, _), stock in account.stock.items() if one == good.id]
        if not any(stock.of("quantity") for stock in sums):
            continue
        rows.append(
            {
                "meta": _good_meta(base, good),
                **{
                    name: _plain(sum((s.of(name) for s in sums), Decimal(0)))
                    for name in _TYPES
                    if name != "freeStock"
                },
                "name": good.name,
                "code": good.code,
                **({"article": good.article} if good.article else {}),
                "price": 0.0,
                "salePrice": 0.0,
                "stockDays": 0,
                "externalCode": good.external_code,
            }
        )
    page, about = listed(request, base, "/report/stock/all", "stock", rows)
    return Answer.json({"context": _context(base), "meta": about, "rows": page})


def full_bystore(request: Request, account: Account, base: str) -> Answer:
    """Answer the full report by store: each good with every store of the account."""
    rows = []
    for good in _listed_goods(account):
        there = {store: account.stock.get((good.id, store)) for store in account.stores}
        if not any(stock and stock.stock for stock in there.values()):
            continue
        told = [
            {
                "meta": meta(base, f"/entity/store/{store}", "store"),
                "name": account.stores[store].name,
                **_of_store(stock),
            }
            for store, stock in there.items()
        ]
        rows.append({"meta": _good_meta(base, good), "stockByStore": told})
    page, about = listed(request, base, "/report/stock/bystore", "stockbystore", rows)
    return Answer.json({"context": _context(base), "meta": about, "rows": page})


def _of_store(stock: Stock | None) -> dict[str, int | float]:
    if stock is None:
        return {"stock": 0, "reserve": 0, "inTransit": 0}
    return {name: _plain(stock.of(name)) for name in ("stock", "reserve", "inTransit")}


def _listed_goods(account: Account) -> Iterator[Good]:
    kinds = ("product", "variant")
    return (good for good in account.goods.values() if good.kind in kinds and not good.archived)


def _good_meta(base: str, good: Good) -> dict[str, Any]:
    expand = "product.supplier" if good.kind == "variant" else "supplier"
    return meta(base, f"/entity/{good.kind}/{good.id}?expand={expand}", good.kind)


def _context(base: str) -> dict[str, Any]:
    return {"employee": meta(base, "/context/employee", "employee")}
