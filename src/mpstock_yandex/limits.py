"""What the Market admits, as data.

The numbers stand at each method of the documents (Partner API, 2026-11); the scope names are ours. A scope is
counted per store or per cabinet there, and for all stores of the cabinet together here.
"""

from __future__ import annotations

from mpstock import Rate

__all__ = [
    "BATCH",
    "CAMPAIGNS",
    "CAMPAIGNS_PAGE",
    "LONGEST_BODY",
    "MAXIMUM",
    "OFFERS",
    "OFFERS_PAGE",
    "ORDERS",
    "ORDERS_ASKED",
    "ORDERS_PAGE",
    "RATES",
    "STOCKS",
    "STOCKS_ASKED",
    "STOCKS_PAGE",
    "STOCKS_READ",
    "TOKEN",
    "VISIBLE_AFTER",
    "WAREHOUSES",
    "WAREHOUSES_PAGE",
]

BATCH = 2000
"""Most SKUs of one write."""

MAXIMUM = 2_000_000_000
"""The largest `count`."""

LONGEST_BODY = 500_000
"""Bytes of one request; at 512 KB it is refused as a whole."""

VISIBLE_AFTER = 900.0
"""Seconds until a write is sure to be seen: "up to a few minutes" (the method), "up to 15" (the help)."""

OFFERS_PAGE = 100
STOCKS_PAGE = 200
STOCKS_ASKED = 500
"""Most SKUs that stocks are asked for by name."""

WAREHOUSES_PAGE = 25
CAMPAIGNS_PAGE = 100
ORDERS_PAGE = 50
ORDERS_ASKED = 50
"""Most orders that are asked for by number."""

# Four requests under way for one store, four for the cabinet. How many in a minute is not limited as such:
# the number is above what four connections manage.
_STORE = Rate("store", requests=3000, period=60.0, spacing=0.0, parallel=4)
_CABINET = Rate("cabinet", requests=3000, period=60.0, spacing=0.0, parallel=4)

RATES = (
    _STORE,
    _CABINET,
    # 100,000 SKUs a minute, whatever the number of requests.
    Rate("stocks", requests=100_000, period=60.0, spacing=0.0, items=100_000),
    Rate("stocks_read", requests=100_000, period=60.0, spacing=0.0, items=100_000),
    Rate("offers", requests=600, period=60.0, spacing=0.0),
    # By the hour in the documents; in shorter periods here, so that one refusal does not rest for an hour.
    Rate("orders", requests=160, period=60.0, spacing=0.0),
    Rate("warehouses", requests=25, period=900.0, spacing=0.0),
    Rate("campaigns", requests=250, period=900.0, spacing=0.0),
    Rate("token", requests=25, period=900.0, spacing=0.0),
)

STOCKS = ("store", "stocks")
STOCKS_READ = ("store", "stocks_read")
OFFERS = ("cabinet", "offers")
ORDERS = ("cabinet", "orders")
WAREHOUSES = ("cabinet", "warehouses")
CAMPAIGNS = ("cabinet", "campaigns")
TOKEN = ("cabinet", "token")
