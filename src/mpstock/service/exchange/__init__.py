"""1C's standard exchange with a site, with us as the site: what it sends is read by a source of the shop."""

from mpstock.service.exchange.routes import routes

__all__ = ["routes"]
