"""What Wildberries admits, as data.

The numbers are the tables of the documents (Marketplace and Content categories, 2026-09); the scope
names are ours. The marketplace counts every answer of 4xx as ten requests. The groups of orders are
shared with whatever else works with them (supplies, passes, stickers), also programs of others.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from mpstock import Rate

__all__ = [
    "BATCH",
    "CARDS_PAGE",
    "MAXIMUM",
    "ORDERS_PAGE",
    "PRODUCTION",
    "SANDBOX",
    "STATUSES",
    "VISIBLE_AFTER",
    "RateTable",
]

BATCH = 1000
"""Most items of one PUT or POST of stocks."""

MAXIMUM = 100_000
"""The largest `amount`."""

VISIBLE_AFTER = 30.0
"""Seconds after which a write is sure to be read back. The documents name no time; 204 does not mean stored,
and a read-back of the same moment proves nothing either way."""

CARDS_PAGE = 100
"""Most cards of one page."""

ORDERS_PAGE = 1000
"""Most orders of one page of a list."""

STATUSES = 1000
"""Most ids of one request for statuses."""


@frozen
class RateTable:
    """The limits of one set of hosts, and the scopes in which each kind of request counts.

    `orders` are the scopes by group of methods (`Flow.group`).
    """

    rates: tuple[Rate, ...]
    stocks: tuple[str, ...]
    removals: tuple[str, ...]
    warehouses: tuple[str, ...]
    content: tuple[str, ...]
    orders: Mapping[str, tuple[str, ...]] = field(factory=dict[str, tuple[str, ...]])


_ORDER_GROUPS = ("orders", "dbs", "dbw", "click_collect", "click_collect_status")

_CONTENT = Rate("content", requests=100, period=60.0, spacing=0.6, burst=5)

PRODUCTION = RateTable(
    rates=(
        Rate("stocks", requests=300, period=60.0, spacing=0.2, burst=20, error_cost=10),
        Rate("stocks_delete", requests=10, period=60.0, spacing=6.0, burst=2, error_cost=10),
        Rate("warehouses", requests=300, period=60.0, spacing=0.2, burst=20, error_cost=10),
        # Assembly orders, supplies and passes of FBS; assembly orders of DBS; all of DBW; in-store pickup.
        *(
            Rate(group, requests=300, period=60.0, spacing=0.2, burst=20, error_cost=10)
            for group in ("orders", "dbs", "dbw", "click_collect")
        ),
        # POST /api/marketplace/v3/click-collect/orders/status/info has a limit of its own.
        Rate("click_collect_status", requests=1, period=1.0, spacing=1.0, burst=10, error_cost=10),
        _CONTENT,
    ),
    stocks=("stocks",),
    removals=("stocks_delete",),
    warehouses=("warehouses",),
    content=("content",),
    orders={group: (group,) for group in _ORDER_GROUPS},
)

SANDBOX = RateTable(
    # The documents do not say what an error costs in the sandbox; the dearer reading harms nobody there.
    rates=(Rate("marketplace", requests=1, period=1.0, spacing=1.0, error_cost=10), _CONTENT),
    stocks=("marketplace",),
    removals=("marketplace",),
    warehouses=("marketplace",),
    content=("content",),
    orders=dict.fromkeys(_ORDER_GROUPS, ("marketplace",)),
)
