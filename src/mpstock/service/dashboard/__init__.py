"""The dashboard: pages for people, who log in; buttons for those who may press them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mpstock.service.dashboard import acting, entering, pages, products, shadowing
from mpstock.service.dashboard.dashboard import Dashboard, keep_dashboard

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from mpstock.service.service import Service

__all__ = ["keep_dashboard", "routes"]


def routes(service: Service) -> Sequence[BaseRoute]:
    """Return what the dashboard answers to."""
    dashboard = Dashboard.of(service)
    return [
        dashboard.page("/", pages.overview),
        dashboard.page("/running", pages.running),
        dashboard.page("/runs", pages.runs),
        dashboard.page("/run", pages.run),
        dashboard.page("/log", products.log),
        dashboard.page("/products", products.products),
        dashboard.page("/product", products.product),
        dashboard.page("/held", pages.held),
        dashboard.page("/held/listings", pages.held_listings),
        dashboard.page("/failing", pages.failing),
        dashboard.page("/alerts", pages.alerts),
        dashboard.page("/by-hand", pages.by_hand),
        dashboard.page("/orphans", pages.orphans),
        dashboard.page("/shadow", shadowing.shadow),
        dashboard.page("/login", entering.log_in_form, anybody=True),
        dashboard.page("/look", entering.look, anybody=True),
        dashboard.page("/static/{name}", entering.static, anybody=True, always=True),
        dashboard.action("/login", entering.log_in, role=""),
        dashboard.action("/logout", entering.log_out, role="viewer"),
        dashboard.action("/sync", acting.sync),
        dashboard.action("/release", acting.release),
        dashboard.action("/retry", acting.retry),
        dashboard.action("/decide", acting.decide),
        dashboard.action("/resume", acting.resume),
        dashboard.action("/orphans", acting.orphans),
        dashboard.action("/silence", acting.silence),
        dashboard.action("/takeover-plan", shadowing.plan),
        dashboard.action("/mode", shadowing.mode),
    ]
