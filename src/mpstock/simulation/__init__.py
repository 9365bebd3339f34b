"""The base of the vendors' doubles: small ASGI applications that behave as a vendor's documents say.

A double keeps its own state, enforces its limits on an injectable clock and fails on demand. It is
mounted in tests (`httpx.ASGITransport`), served on loopback (`serve`) or run alone (`main`). This
package needs nothing but the core; serving needs the extra `mpstock[simulation]`.
"""

from mpstock.simulation.account import AccountOrder, AccountSimulator
from mpstock.simulation.application import Simulator, SinkSimulator, SourceSimulator
from mpstock.simulation.limiting import Cooldown, Limiter, Refused
from mpstock.simulation.market import Market, Oracle
from mpstock.simulation.market_demand import Buyer, Demand
from mpstock.simulation.market_sales import MarketReport, Outlet, Sale
from mpstock.simulation.market_watch import Exposure, Safety, Watch
from mpstock.simulation.messages import Answer, Fault, Recorded, Refusal, Request
from mpstock.simulation.rates import RateModel, RateWindow
from mpstock.simulation.serving import main, serve
from mpstock.simulation.stockroom import StockroomSimulator, StockRow

__all__ = [
    "AccountOrder",
    "AccountSimulator",
    "Answer",
    "Buyer",
    "Cooldown",
    "Demand",
    "Exposure",
    "Fault",
    "Limiter",
    "Market",
    "MarketReport",
    "Oracle",
    "Outlet",
    "RateModel",
    "RateWindow",
    "Recorded",
    "Refusal",
    "Refused",
    "Request",
    "Safety",
    "Sale",
    "Simulator",
    "SinkSimulator",
    "SourceSimulator",
    "StockRow",
    "StockroomSimulator",
    "Watch",
    "main",
    "serve",
]
