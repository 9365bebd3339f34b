"""Which of Odoo's warehouses are read, and what they are called here. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from mpstock_odoo.wire import related

__all__ = ["Place", "UnknownWarehouseError", "places_of"]


class UnknownWarehouseError(ValueError):
    """A warehouse cannot be told. The text says which, and which there are."""


@frozen
class Place:
    """One warehouse that is read: Odoo's id of it, its company, and our name.

    `context` is what its quantities are asked with. Both keys are sent, as whole numbers: Odoo up to 17 reads
    `warehouse` and takes a text for a part of a name, later ones read `warehouse_id`. Its own company stands
    first, for kits are taken apart by the bill of materials of the first one.
    """

    id: int
    name: str
    company: int | None
    companies: tuple[int, ...]

    @property
    def context(self) -> dict[str, Any]:
        context: dict[str, Any] = {"warehouse": self.id, "warehouse_id": self.id}
        if self.companies:
            context["allowed_company_ids"] = list(self.companies)
        return context


def places_of(
    rows: Sequence[Mapping[str, Any]], wanted: Mapping[str, str], company_ids: Sequence[int]
) -> list[Place]:
    """Return the warehouses to read, in the order of their ids.

    `rows` are records of `stock.warehouse` that the user sees, with `name`, `code` and `company_id`; `wanted`
    is the setting `warehouses`.

    Raises:
        UnknownWarehouseError: one is not there or could be several, or two have one name.
    """
    names = _by_settings(rows, wanted) if wanted else _by_code(rows)
    companies = {row["id"]: related(row.get("company_id")) for row in rows}
    all_of_them = tuple(company_ids) or tuple({one: None for one in companies.values() if one is not None})
    several = len(all_of_them) > 1 or bool(company_ids)
    places: list[Place] = []
    for warehouse_id, name in sorted(names.items()):
        company = companies[warehouse_id]
        first = (company,) if company is not None and company in all_of_them else ()
        allowed = tuple(dict.fromkeys((*first, *all_of_them))) if several else ()
        places.append(Place(warehouse_id, name, company, allowed))
    return places


def _by_code(rows: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    names: dict[int, str] = {}
    for row in rows:
        code = str(row.get("code") or "").strip()
        if not code:
            raise UnknownWarehouseError(
                f"the warehouse {_shown(row)} has no code; name it in warehouses, by id"
            )
        names[row["id"]] = code
    for code in names.values():
        same = [row for row in rows if names[row["id"]] == code]
        if len(same) > 1:
            raise UnknownWarehouseError(
                f"{len(same)} warehouses have the code {code!r}: {_listed(same)}. Say by warehouses which "
                f'are read and what they are called, such as warehouses = {{ "{same[0]["id"]}" = "main" }}'
            )
    return names


def _by_settings(rows: Sequence[Mapping[str, Any]], wanted: Mapping[str, str]) -> dict[int, str]:
    names: dict[int, str] = {}
    for theirs, own in wanted.items():
        found: list[Mapping[str, Any]] = []
        for field in ("code", "name", "id"):
            found = [row for row in rows if str(row.get(field) or "").strip() == theirs]
            if found:
                break
        if not found:
            raise UnknownWarehouseError(
                f"there is no warehouse {theirs!r} that the user sees, by code, name or id; it sees "
                f"{_listed(rows) or 'none'}"
            )
        if len(found) > 1:
            raise UnknownWarehouseError(
                f"{theirs!r} may be any of {_listed(found)}; name it in warehouses by its id"
            )
        warehouse_id = found[0]["id"]
        if warehouse_id in names:
            raise UnknownWarehouseError(
                f"{names[warehouse_id]!r} and {own!r} both are the warehouse {_shown(found[0])}; name it once"
            )
        names[warehouse_id] = own
    return names


def _listed(rows: Sequence[Mapping[str, Any]]) -> str:
    told = "; ".join(_shown(row) for row in rows[:10])
    return f"{told}; and more" if len(rows) > 10 else told


def _shown(row: Mapping[str, Any]) -> str:
    return f"{row['id']} ({row.get('code')!s}, {row.get('name')!s})"
