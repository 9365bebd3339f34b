"""What a call of a model's method does in Odoo's double: `search_read`, `read` and their like."""

from __future__ import annotations

import inspect
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from mpstock_odoo.simulator_domain import compiled, conjuncts
from mpstock_odoo.simulator_errors import OdooError, access_error
from mpstock_odoo.simulator_models import Field, Model
from mpstock_odoo.simulator_tables import Location, User
from mpstock_odoo.simulator_world import World

__all__ = ["API_MODEL", "Environment", "method_of"]

API_MODEL = frozenset({"search", "search_read", "search_count", "fields_get", "context_get"})
"""Methods decorated with `@api.model`: they take no ids."""


class Environment:
    """One call's user, context and database. `warehouse_key` is the context key that this version reads."""

    def __init__(
        self,
        world: World,
        models: Mapping[str, Model],
        user: User,
        context: Mapping[str, Any],
        *,
        warehouse_key: str,
        denied: Iterable[str] = (),
        dust: float = 0.0,
        sees_all_companies: bool = False,
    ) -> None:
        self.world = world
        self._models = models
        self.user = user
        self._context = context
        self._warehouse_key = warehouse_key
        self._denied = frozenset(denied)
        self._dust = dust
        self._sees_all_companies = sees_all_companies
        allowed = context.get("allowed_company_ids") or []
        if set(allowed) - set(user.company_ids):
            raise OdooError(
                "odoo.exceptions.AccessError", "Access to unauthorized or invalid companies.", 403
            )
        self.companies: list[int] = list(allowed) or list(user.company_ids)
        self.company_id: int = allowed[0] if allowed else user.company_id
        self._locations: set[int] | None = None

    # -- methods that can be called ------------------------------------------------------

    def search_read(
        self,
        model: Model,
        ids: Sequence[int],
        domain: Sequence[Any] | None = None,
        fields: Sequence[str] | None = None,
        offset: int = 0,
        limit: int | None = None,
        order: str | None = None,
    ) -> list[dict[str, Any]]:
        """`search_read`: find records and read them."""
        found = self._found(model, domain or [], offset, limit, order)
        return self._read(model, found, fields)

    def search(
        self,
        model: Model,
        ids: Sequence[int],
        domain: Sequence[Any],
        offset: int = 0,
        limit: int | None = None,
        order: str | None = None,
    ) -> list[int]:
        """`search`: a recordset, which travels as its ids."""
        return [record.id for record in self._found(model, domain, offset, limit, order)]

    def search_count(
        self, model: Model, ids: Sequence[int], domain: Sequence[Any], limit: int | None = None
    ) -> int:
        """`search_count`."""
        return len(self._found(model, domain, 0, limit, None))

    def read(
        self,
        model: Model,
        ids: Sequence[int],
        fields: Sequence[str] | None = None,
        load: str = "_classic_read",
    ) -> list[dict[str, Any]]:
        """`read` of the records with `ids`."""
        self._allowed(model)
        missing = [one for one in ids if one not in model.rows]
        if missing:
            raise OdooError(
                "odoo.exceptions.MissingError",
                f"Record does not exist or has been deleted.\n(Record: {model.name}({missing[0]},), "
                f"User: {self.user.id})",
                404,
            )
        return self._read(model, [model.rows[one] for one in ids], fields, named=load == "_classic_read")

    def fields_get(
        self,
        model: Model,
        ids: Sequence[int],
        allfields: Sequence[str] | None = None,
        attributes: Sequence[str] | None = None,
    ) -> dict[str, dict[str, Any]]:
        """`fields_get`: names that the model does not have are left out without a word."""
        told: dict[str, dict[str, Any]] = {}
        for name, field in model.fields.items():
            if allfields and name not in allfields:
                continue
            whole = {"type": field.type, "string": name, "store": field.stored, "readonly": True}
            if field.comodel:
                whole["relation"] = field.comodel
            told[name] = {key: value for key, value in whole.items() if not attributes or key in attributes}
        return told

    def context_get(self, model: Model, ids: Sequence[int]) -> dict[str, Any]:
        """`res.users/context_get`."""
        return {"lang": self.user.lang, "tz": "UTC", "uid": self.user.id}

    # -- what models compute from --------------------------------------------------------

    def quantities(self, product: Any) -> tuple[float, float]:
        """`qty_available` and `free_qty` in the scope that the context names."""
        return self.world.quantities(product, self._scope(), self.company_id, self._dust)

    def display(self, model: str, record_id: int) -> str:
        """The name of a record for people."""
        if model == "product.template":
            return f"Template {record_id}"
        found = self._models[model]
        return found.display(self.world, found.rows[record_id])

    def _scope(self) -> set[int]:
        """The locations that count: of one warehouse, or of all (`_get_domain_locations`)."""
        if self._locations is None:
            named = self._context.get(self._warehouse_key)
            chosen = named if isinstance(named, list) else [named] if named else []
            roots: set[int] = set()
            for warehouse in self.world.warehouses.values():
                texts = [one for one in chosen if isinstance(one, str)]
                by_name = any(text.lower() in warehouse.name.lower() for text in texts)
                visible = warehouse.active and warehouse.company_id in self.companies
                if warehouse.id in chosen or by_name or (not chosen and visible):
                    roots.add(warehouse.view_location_id)
            self._locations = self.world.locations_under(roots, self._sees_location)
        return self._locations

    def _sees_location(self, location: Location) -> bool:
        return location.company_id is None or location.company_id in self.companies

    # -- finding and writing down --------------------------------------------------------

    def _allowed(self, model: Model) -> None:
        if model.name in self._denied:
            raise access_error(model.name, model.title)

    def _found(
        self, model: Model, domain: Sequence[Any], offset: int, limit: int | None, order: str | None
    ) -> list[Any]:
        self._allowed(model)
        test = compiled(domain, lambda record, path: self._value(model, record, path))
        leaves = conjuncts(domain)
        asks_active = any(isinstance(item, (list, tuple)) and item[:1] == ["active"] for item in domain)
        hides = "active" in model.fields and self._context.get("active_test", True) and not asks_active

        everywhere = self._sees_all_companies and model.name == "res.company"

        def good(record: Any) -> bool:
            company = model.company(self.world, record)
            return (
                (company is None or company in self.companies or everywhere)
                and not (hides and not record.active)
                and test(record)
            )

        rows = model.rows
        candidates = (rows[one] for one in _candidates(model, leaves) if one in rows)
        keys = [part.split() for part in (order or model.order).split(",")]
        if [key[0] for key in keys] == ["id"] and keys[0][1:] in ([], ["asc"]):
            # Ids come in their order already: as a database does, stop at the last one that is wanted.
            end = None if limit is None else offset + limit
            found: list[Any] = []
            for record in candidates:
                if good(record):
                    found.append(record)
                    if len(found) == end:
                        break
            return found[offset:]
        found = [record for record in candidates if good(record)]
        for name, *way in reversed(keys):
            if name not in model.fields:
                raise OdooError("builtins.ValueError", f"Invalid field {name!r} on model {model.name!r}")
            found = self._sorted(model, found, name, backwards=way[:1] == ["desc"])
        return found[offset : None if limit is None else offset + limit]

    def _sorted(self, model: Model, records: list[Any], name: str, *, backwards: bool) -> list[Any]:
        return sorted(
            records, key=lambda record: _sortable(self._value(model, record, name)), reverse=backwards
        )

    def _value(self, model: Model, record: Any, path: str) -> Any:
        name, _, rest = path.partition(".")
        field = model.fields.get(name)
        if field is None:
            raise OdooError("builtins.ValueError", f"Invalid field {model.name}.{name} in condition {path!r}")
        value = field.compute(self, record) if field.compute else getattr(record, name)
        if not rest:
            return value
        comodel = self._models[field.comodel]
        return None if value is None else self._value(comodel, comodel.rows[value], rest)

    def _read(
        self, model: Model, records: Iterable[Any], fields: Sequence[str] | None, *, named: bool = True
    ) -> list[dict[str, Any]]:
        wanted = {name: model.fields[name] for name in fields or model.fields if name in model.fields}
        unknown = [name for name in fields or () if name not in model.fields]
        if unknown:
            raise OdooError("builtins.ValueError", f"Invalid field {unknown[0]!r} on {model.name!r}")
        return [
            {"id": record.id}
            | {name: self._written(record, name, field, named=named) for name, field in wanted.items()}
            for record in records
        ]

    def _written(self, record: Any, name: str, field: Field, *, named: bool) -> Any:
        value = field.compute(self, record) if field.compute else getattr(record, name)
        if field.type == "many2one":
            return [value, self.display(field.comodel, value)] if value and named else value or False
        if isinstance(value, datetime):
            return f"{value:%Y-%m-%d %H:%M:%S}"
        return False if value is None else value


def _candidates(model: Model, leaves: Sequence[tuple[str, str, Any]]) -> Iterator[int]:
    """The ids that may match, in rising order: by an index where a leaf allows it."""
    for name, word, wanted in leaves:
        if word == "in" and name == "id":
            return iter(sorted(set(wanted)))
        if word == "in" and name in model.index:
            index = model.index[name]
            return iter(sorted({one for value in wanted for one in index.get(value, ())}))
    after = max((wanted for name, word, wanted in leaves if (name, word) == ("id", ">")), default=0)
    ids = list(model.rows)
    # New rows get higher ids than all before: a table is in the order of its ids.
    return iter(ids[bisect_right(ids, after) :])


def _sortable(value: Any) -> tuple[bool, Any]:
    return (value is None or value is False, "" if value is None or value is False else value)


def method_of(name: str) -> Callable[..., Any]:
    """Return the method of that name.

    Raises:
        AttributeError: models have no such method, or none that may be called from outside.
    """
    method = None if name.startswith("_") else inspect.getattr_static(Environment, name, None)
    if method is None or name not in {*API_MODEL, "read"}:
        raise AttributeError(f"The method {name!r} does not exist on the model")
    found: Callable[..., Any] = getattr(Environment, name)
    return found
