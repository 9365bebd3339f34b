"""What Wildberries admits, as data.

The numbers are the tables of the documents (Marketplace and Content categories, 2026-09); the scope
names are ours. The marketplace counts every answer of 4xx as ten requests.
"""

from __future__ import annotations

from attrs import frozen

from mpstock import Rate

__all__ = ["BATCH", "CARDS_PAGE", "MAXIMUM", "PRODUCTION", "SANDBOX", "RateTable"]

BATCH = 1000
"""Most items of one PUT or POST of stocks."""

MAXIMUM = 100_000
"""The largest `amount`."""

CARDS_PAGE = 100
"""Most cards of one page."""


@frozen
class RateTable:
    """The limits of one set of hosts, and the scopes in which each kind of request counts."""

    rates: tuple[Rate, ...]
    stocks: tuple[str, ...]
    warehouses: tuple[str, ...]
    content: tuple[str, ...]


_CONTENT = Rate("content", requests=100, period=60.0, spacing=0.6, burst=5)

PRODUCTION = RateTable(
    rates=(
        Rate("stocks", requests=300, period=60.0, spacing=0.2, burst=20, error_cost=10),
        Rate("warehouses", requests=300, period=60.0, spacing=0.2, burst=20, error_cost=10),
        _CONTENT,
    ),
    stocks=("stocks",),
    warehouses=("warehouses",),
    content=("content",),
)

SANDBOX = RateTable(
    # The documents do not say what an error costs in the sandbox; the dearer reading harms nobody there.
    rates=(Rate("marketplace", requests=1, period=1.0, spacing=1.0, error_cost=10), _CONTENT),
    stocks=("marketplace",),
    warehouses=("marketplace",),
    content=("content",),
)
