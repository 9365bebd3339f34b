"""The library's front door: a shop, opened from a settings file or put together in code.

`AsyncShop` is the one implementation; `Shop` calls it on an event loop of its own in a thread of its own, so
that it works in scripts as well as inside a notebook's running loop.
"""

from __future__ import annotations

from mpstock.facade.asynchronous import AsyncShop
from mpstock.facade.opening import aopen, open  # noqa: A004  (mpstock.open, as gzip.open)
from mpstock.facade.synchronous import Shop

__all__ = ["AsyncShop", "Shop", "aopen", "open"]
