"""A whole shop before its doubles, without a network: settings as users write them, time that jumps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpstock.errors import ConfigurationError

if TYPE_CHECKING:
    from mpstock.clock import Clock
    from mpstock.facade.asynchronous import AsyncShop
    from mpstock.plugins import PluginRegistry

__all__ = ["shop_in_process"]


def shop_in_process(
    path: str | Path,
    doubles: Mapping[str, Any],
    clock: Clock,
    *,
    plugins: PluginRegistry | None = None,
) -> AsyncShop:
    """Open the shop of a settings file so that each adapter talks to a double in this process.

    `doubles` are ASGI applications or httpx transports by `sources.NAME` or `sinks.NAME`. All else is the
    real thing: settings, limits, retries, ledger. With a `VirtualClock`, inside `run_virtual`, a day of it
    takes seconds.

    Raises:
        ConfigurationError: the settings are wrong, or a double is for none of their adapters.
    """
    import httpx

    from mpstock.facade.opening import aopen
    from mpstock.testing.context import app_transport

    shop = aopen(path, plugins=plugins, clock=clock)
    known = {*(f"sources.{name}" for name in shop.config.sources), *(f"sinks.{n}" for n in shop.config.sinks)}
    for name, double in doubles.items():
        if name not in known:
            raise ConfigurationError(
                f"there is no {name} in the settings; there are {', '.join(sorted(known))}", place="doubles"
            )
        way = double if isinstance(double, httpx.AsyncBaseTransport) else app_transport(double)
        shop._assembly.network[name] = way
    return shop
