"""Which products may have changed since a moment.

Odoo has no time of change for a quantity. A product's `write_date` does not move with its stock; a quant that
came to zero is deleted, and one that was merged keeps its old date. So moves and their lines are asked as
well, and what they name is read anew. What none of them tells, the next full read finds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mpstock_odoo.catalogue import companies_context
from mpstock_odoo.kits import Kits, KitsHiddenError
from mpstock_odoo.wire import related_ids

if TYPE_CHECKING:
    from mpstock_odoo.client import OdooClient

__all__ = ["WITNESSES", "read_changed"]

WITNESSES = ("stock.move", "stock.move.line", "stock.quant")
"""The models that tell of changes, each by its `product_id`. The user must be able to read all of them."""


async def read_changed(client: OdooClient, kits: Kits, since: str) -> tuple[set[int], bool]:
    """Return the ids of products to read again, and whether kits could be told with them.

    `since` is UTC as Odoo writes it. New products and new articles are found by the product itself.
    """
    changed: set[int] = set()
    context = companies_context(client)
    for model in WITNESSES:
        domain = [["write_date", ">=", since]]
        async for page in client.pages(model, domain, ["product_id"], context=context):
            changed |= related_ids(page, "product_id")
    archived_too = {**context, "active_test": False}
    domain = [["write_date", ">=", since]]
    async for page in client.pages("product.product", domain, ["active"], context=archived_too):
        changed |= {row["id"] for row in page}
    try:
        return changed | await kits.changed_with(changed, since), True
    except KitsHiddenError:
        return changed, False
