"""Kits: products that are sold as their parts (`mrp.bom` of type `phantom`), and have the stock of these.

The number itself is Odoo's (`free_qty` of the kit). Asked here is only which products are kits, and which of
them changed when a part did: a kit has no quants of its own, and none of its fields is ever written.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from mpstock.errors import AuthenticationError, RejectedError
from mpstock_odoo.catalogue import companies_context
from mpstock_odoo.client import chunks
from mpstock_odoo.wire import Shape, related, related_ids

if TYPE_CHECKING:
    from mpstock_odoo.client import OdooClient
    from mpstock_odoo.warehouses import Place
    from mpstock_odoo.wire import Goods

__all__ = ["Kits", "KitsHiddenError"]

_PHANTOM = ["type", "=", "phantom"]


class KitsHiddenError(Exception):
    """The user may not read bills of materials, and products do not tell whether they are kits."""


class Kits:
    """Asks about kits, in a database that has or has not the addon for them."""

    def __init__(self, client: OdooClient, shape: Shape, places: Sequence[Place]) -> None:
        self._client = client
        self._shape = shape
        self._context = companies_context(client)
        # A product tells whether it is a kit for the first company of the context alone.
        self._companies = list(dict.fromkeys(place.companies for place in places))

    async def among(self, goods: Collection[Goods]) -> set[int]:
        """Return the ids of those that are kits; one request, or none where there are no kits.

        Raises:
            KitsHiddenError: it cannot be told.
        """
        if not self._shape.mrp or not goods:
            return set()
        templates = sorted({one.template for one in goods if one.template is not None})
        try:
            boms = await self._client.rows(
                "mrp.bom",
                [_PHANTOM, ["product_tmpl_id", "in", templates]],
                ["product_id", "product_tmpl_id"],
                context=self._context,
            )
        except (AuthenticationError, RejectedError):
            return await self._by_their_own_word(goods)
        variants = related_ids(boms, "product_id")
        whole = {
            related(bom.get("product_tmpl_id")) for bom in boms if related(bom.get("product_id")) is None
        }
        return {one.id for one in goods if one.id in variants or one.template in whole}

    async def changed_with(self, products: Collection[int], since: str) -> set[int]:
        """Return the kits whose parts are among `products`, or whose own bill was written since.

        Raises:
            KitsHiddenError: it cannot be told.
        """
        if not self._shape.mrp:
            return set()
        try:
            found = await self._by_bills(products, since)
        except (AuthenticationError, RejectedError):
            if not self._shape.is_kits:
                raise KitsHiddenError from None
            # Which parts they have is hidden; so all of them are looked at, if anything has moved at all.
            found = await self._all() if products else set()
        return found

    async def _by_bills(self, products: Collection[int], since: str) -> set[int]:
        written: list[Any] = ["write_date", ">=", since]
        bills = {row["id"] for row in await self._every("mrp.bom", [written], ["type"], archived=True)}
        bills |= related_ids(await self._every("mrp.bom.line", [written], ["bom_id"]), "bom_id")
        # What was a kit and is one no longer has to be read again as well.
        kits = await self._products_of(bills, [], archived=True)
        new = {*products, *kits}
        seen = set(new)
        while new:
            above: set[int] = set()
            for chunk in chunks(new, self._client.settings.page_size):
                lines = await self._every("mrp.bom.line", [["product_id", "in", chunk]], ["bom_id"])
                above |= related_ids(lines, "bom_id")
            # A kit may be part of another one.
            found = await self._products_of(above, [_PHANTOM])
            kits |= found
            new = found - seen
            seen |= new
        return kits

    async def _products_of(
        self, bills: Collection[int], domain: Sequence[Any], *, archived: bool = False
    ) -> set[int]:
        products: set[int] = set()
        templates: set[int] = set()
        for chunk in chunks(bills, self._client.settings.page_size):
            rows = await self._every(
                "mrp.bom",
                [["id", "in", chunk], *domain],
                ["product_id", "product_tmpl_id"],
                archived=archived,
            )
            products |= related_ids(rows, "product_id")
            templates |= related_ids(
                [row for row in rows if related(row.get("product_id")) is None], "product_tmpl_id"
            )
        for chunk in chunks(templates, self._client.settings.page_size):
            rows = await self._every("product.product", [["product_tmpl_id", "in", chunk]], ["active"])
            products |= {row["id"] for row in rows}
        return products

    async def _by_their_own_word(self, goods: Collection[Goods]) -> set[int]:
        if not self._shape.is_kits:
            raise KitsHiddenError
        ids, found = sorted(one.id for one in goods), set[int]()
        for companies in self._companies:
            context = {**_switched_on(companies), "active_test": False}
            rows = await self._client.rows(
                "product.product", [["id", "in", ids]], ["is_kits"], context=context
            )
            found |= {row["id"] for row in rows if row.get("is_kits") is True}
        return found

    async def _all(self) -> set[int]:
        found: set[int] = set()
        for companies in self._companies:
            pages = self._client.pages(
                "product.product", [["is_kits", "=", True]], ["active"], context=_switched_on(companies)
            )
            async for page in pages:
                found |= {row["id"] for row in page}
        return found

    async def _every(
        self, model: str, domain: Sequence[Any], fields: Sequence[str], *, archived: bool = False
    ) -> list[dict[str, Any]]:
        context = {**self._context, "active_test": False} if archived else self._context
        pages = self._client.pages(model, domain, fields, context=context)
        return [row async for page in pages for row in page]


def _switched_on(companies: Sequence[int]) -> dict[str, Any]:
    return {"allowed_company_ids": list(companies)} if companies else {}
