"""The doors for other systems: stock that is pushed, carts, and what vendors tell of their own accord."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Route

from mpstock.service.webhooks.carts import CartDoor
from mpstock.service.webhooks.doors import Door, Porter
from mpstock.service.webhooks.notices import NoticeDoor
from mpstock.service.webhooks.openapi import DocumentDoor
from mpstock.service.webhooks.stock import StockDoor

if TYPE_CHECKING:
    from mpstock.service.service import Service

__all__ = ["routes"]


def routes(service: Service) -> Sequence[BaseRoute]:
    """Return the doors for other systems."""
    porter = Porter(service)
    stock, notices, carts = StockDoor(porter), NoticeDoor(porter), CartDoor(porter)
    return [
        Route("/webhooks/{source}/stock", Door(porter, post=stock.post), name="webhooks-stock"),
        Route("/webhooks/{name}/notify", Door(porter, post=notices.post), name="webhooks-notify"),
        Route("/webhooks/{name}/notify/{token}", Door(porter, post=notices.post), name="webhooks-token"),
        Route("/openapi.json", Door(porter, get=DocumentDoor(porter).get), name="openapi"),
        Route("/carts/{key:path}", Door(porter, put=carts.put, delete=carts.delete), name="carts"),
    ]
