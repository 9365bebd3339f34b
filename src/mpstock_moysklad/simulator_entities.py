"""The lists of the МойСклад double: assortment, stores, bundles (JSON API 1.2, dictionaries)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from mpstock.simulation import Answer, Refusal, Request
from mpstock_moysklad.simulator_account import Account, Good, Store
from mpstock_moysklad.simulator_wire import date_of, dated, error, filters, listed, meta

__all__ = ["assortment", "bundles", "components", "one_bundle", "stores"]

_EXPANDED = 100
"""`expand` works on pages of so many rows, and is left out without a word on larger ones."""

# What the list without stock no longer takes (new assortment endpoint, differences).
_NOT_SUPPORTED = ("article", "stockMode", "quantityMode", "stockStore", "stockMoment", "minimumBalance")


def assortment(request: Request, account: Account, base: str) -> Answer:
    """Answer the list of goods, with stock or, by the header, without it."""
    without = request.headers.get("x-lognex-remap-beta-feature", "") == "assortmentWithoutStock"
    if without:
        for name, _, value in filters(request):
            if name in _NOT_SUPPORTED:
                raise Refusal(error(400, 1014, value, name))
    matches = _Filter(request)
    found = [good for good in account.goods.values() if matches(good)]
    page, about = listed(request, base, "/entity/assortment", "assortment", found)
    rows = [_good(good, account, base, stock=not without) for good in page]
    return _list(base, about, rows)


def stores(request: Request, account: Account, base: str) -> Answer:
    """Answer the list of stores."""
    matches = _Filter(request)
    found = [one for one in account.stores.values() if matches(one)]
    page, about = listed(request, base, "/entity/store", "store", found)
    return _list(base, about, [_store(store, base) for store in page])


def bundles(request: Request, account: Account, base: str, *, cut_at: int | None) -> Answer:
    """Answer the list of bundles. An expanded bundle shows at most `cut_at` components."""
    matches = _Filter(request)
    found = [good for good in account.goods.values() if good.kind == "bundle" and matches(good)]
    page, about = listed(request, base, "/entity/bundle", "bundle", found)
    expands = "components" in request.query.get("expand", "").split(",") and about["limit"] <= _EXPANDED
    rows = []
    for good in page:
        row = _good(good, account, base, stock=False)
        if expands:
            parts = _components(good, account, base)
            row["components"]["rows"] = parts if cut_at is None else parts[:cut_at]
        rows.append(row)
    return _list(base, about, rows)


def one_bundle(account: Account, base: str, bundle: str) -> Answer:
    """Answer one bundle."""
    return Answer.json(_good(_bundle(account, bundle), account, base, stock=False))


def components(request: Request, account: Account, base: str, bundle: str) -> Answer:
    """Answer what one bundle is made of."""
    rows = _components(_bundle(account, bundle), account, base)
    page, about = listed(request, base, f"/entity/bundle/{bundle}/components", "bundlecomponent", rows)
    return _list(base, about, list(page))


def _bundle(account: Account, bundle: str) -> Good:
    good = account.goods.get(bundle)
    if good is None or good.kind != "bundle":
        raise Refusal(error(404, 1021, "bundle", bundle))
    return good


_COMPARISONS: dict[str, Callable[[datetime, datetime], bool]] = {
    "=": lambda one, other: one == other,
    ">=": lambda one, other: one >= other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    "<": lambda one, other: one < other,
}


class _Filter:
    """`filter=` of a list: `archived` (false, if left out), `id`, `updated`; other names change nothing."""

    def __init__(self, request: Request) -> None:
        asked: dict[str, list[tuple[str, str]]] = {}
        for name, operator, value in filters(request):
            asked.setdefault(name, []).append((operator, value))
        self._states = {value == "true" for _, value in asked.get("archived", [("=", "false")])}
        self._ids = {value for operator, value in asked.get("id", []) if operator == "="}
        self._times: list[tuple[Callable[[datetime, datetime], bool], datetime]] = []
        for operator, value in asked.get("updated", []):
            compare = _COMPARISONS.get(operator)
            if compare is None:
                raise Refusal(error(400, 1014, value, "updated"))
            self._times.append((compare, date_of(value, "updated")))

    def __call__(self, one: Good | Store) -> bool:
        if one.archived not in self._states or (self._ids and one.id not in self._ids):
            return False
        # What is stored has whole seconds, as what is written.
        updated = one.updated.replace(microsecond=0)
        return all(compare(updated, moment) for compare, moment in self._times)


def _good(good: Good, account: Account, base: str, *, stock: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "meta": meta(base, f"/entity/{good.kind}/{good.id}", good.kind),
        "id": good.id,
        "updated": dated(good.updated),
        "name": good.name,
        "externalCode": good.external_code,
        "archived": good.archived,
        "pathName": "",
    }
    # Fields that are empty are left out.
    row |= {name: value for name, value in (("code", good.code), ("article", good.article)) if value}
    if good.barcodes:
        row["barcodes"] = good.barcodes
    if good.kind == "bundle":
        path = f"/entity/bundle/{good.id}/components"
        row["components"] = {
            "meta": {
                "href": f"{base}{path}",
                "type": "bundlecomponent",
                "mediaType": "application/json",
                "size": len(good.components),
                "limit": 1000,
                "offset": 0,
            }
        }
    if good.product is not None:
        row["product"] = {"meta": meta(base, f"/entity/product/{good.product}", "product")}
    if stock and good.kind in ("product", "variant"):
        own = [one for (id_, _), one in account.stock.items() if id_ == good.id]
        row |= {
            name: float(sum(one.of(name) for one in own))
            for name in ("stock", "reserve", "inTransit", "quantity")
        }
    return row


def _components(good: Good, account: Account, base: str) -> list[dict[str, Any]]:
    rows = []
    for number, (id_, each) in enumerate(good.components):
        kind = account.goods[id_].kind if id_ in account.goods else "product"
        path = f"/entity/bundle/{good.id}/components/{number}"
        rows.append(
            {
                "meta": {"href": f"{base}{path}", "type": "bundlecomponent", "mediaType": "application/json"},
                "id": f"{good.id[:-4]}{number:04d}",
                "assortment": {"meta": meta(base, f"/entity/{kind}/{id_}", kind)},
                "quantity": int(each) if each == int(each) else float(each),
            }
        )
    return rows


def _store(store: Store, base: str) -> dict[str, Any]:
    return {
        "meta": meta(base, f"/entity/store/{store.id}", "store"),
        "id": store.id,
        "updated": dated(store.updated),
        "name": store.name,
        "externalCode": store.id[:22],
        "archived": store.archived,
        "pathName": "",
    }


def _list(base: str, about: dict[str, Any], rows: list[Any]) -> Answer:
    context = {"employee": {"meta": meta(base, "/context/employee", "employee")}}
    return Answer.json({"context": context, "meta": about, "rows": rows})
