"""What the database has: the shape of its products, and the warehouses to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mpstock.errors import RejectedError, UnexpectedResponseError
from mpstock_odoo.warehouses import Place, UnknownWarehouseError, places_of
from mpstock_odoo.wire import FIELDS_TO_KNOW, Shape

if TYPE_CHECKING:
    from mpstock_odoo.client import OdooClient

__all__ = ["companies_context", "read_places", "read_shape"]


def companies_context(client: OdooClient) -> dict[str, list[int]]:
    """The context of questions that are about no warehouse."""
    companies = client.settings.company_ids
    return {"allowed_company_ids": list(companies)} if companies else {}


async def read_shape(client: OdooClient) -> Shape:
    """Ask which fields products have; one request.

    Raises:
        RejectedError: products have no stock here.
    """
    told = await client.call(
        "product.product",
        "fields_get",
        {"allfields": list(FIELDS_TO_KNOW), "attributes": ["type"]},
        context=companies_context(client),
    )
    name = client.connection.name
    if not isinstance(told, dict):
        raise UnexpectedResponseError("product.product.fields_get answered no list of fields", adapter=name)
    shape = Shape.of(told)
    missing = sorted(set(client.settings.fields) - shape.fields)
    if missing:
        raise RejectedError(
            f"products have no {missing[0]} here; is the Inventory app installed, is this Odoo 13 or later, "
            "and may the user see it?",
            adapter=name,
        )
    return shape


async def read_places(client: OdooClient) -> list[Place]:
    """Ask for the warehouses and return those to read, in the order of their ids; one request.

    Raises:
        RejectedError: one of the settings is not there or cannot be told, or there is none at all.
    """
    settings = client.settings
    rows = await client.rows(
        "stock.warehouse", [], ["name", "code", "company_id"], context=companies_context(client)
    )
    try:
        places = places_of(rows, settings.warehouses, settings.company_ids)
    except UnknownWarehouseError as error:
        raise RejectedError(f"warehouses: {error}", adapter=client.connection.name) from None
    if not places:
        raise RejectedError(
            "the user sees no warehouse; let it read stock (Inventory / User) in the company that has one",
            adapter=client.connection.name,
        )
    return places
