"""The doors for other systems: stock that is pushed, carts, and what vendors tell of their own accord."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Route

from mpstock.service.webhooks.doors import Door, Porter
from mpstock.service.webhooks.stock import StockDoor

if TYPE_CHECKING:
    from mpstock.service.service import Service

__all__ = ["routes"]


def routes(service: Service) -> Sequence[BaseRoute]:
    """Return the doors for other systems."""
    porter = Porter(service)
    stock = StockDoor(porter)
    return [Route("/webhooks/{source}/stock", Door(porter, post=stock.post), name="webhooks-stock")]
