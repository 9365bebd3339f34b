"""From a settings file to a shop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mpstock.facade.asynchronous import AsyncShop
from mpstock.facade.synchronous import Shop

if TYPE_CHECKING:
    from mpstock.clock import Clock
    from mpstock.plugins import PluginRegistry

__all__ = ["aopen", "open"]

T = TypeVar("T")


def open(  # noqa: A001  (mpstock.open, as gzip.open)
    path: str | Path = "mpstock.toml",
    *,
    plugins: PluginRegistry | None = None,
    clock: Clock | None = None,
) -> Shop:
    """Open the shop that a settings file describes.

    Raises:
        ConfigurationError: the file, the environment or the products file is wrong; all of it is named.
        PluginError: a plugin is missing or broken.
        LedgerError: the ledger cannot be opened.
    """
    from mpstock.config import load
    from mpstock.plugins import PluginRegistry

    # One registry for both: which plugin a setting belongs to is known by its descriptor.
    plugins = plugins if plugins is not None else PluginRegistry()
    shop = Shop(load(path, plugins=plugins), plugins=plugins, clock=clock)
    try:
        shop.build()
    except BaseException:
        shop.close()
        raise
    return shop


def aopen(
    path: str | Path = "mpstock.toml",
    *,
    plugins: PluginRegistry | None = None,
    clock: Clock | None = None,
) -> AsyncShop:
    """Open the shop that a settings file describes, for `async with`. Raises as `open`."""
    from mpstock.config import load
    from mpstock.plugins import PluginRegistry

    plugins = plugins if plugins is not None else PluginRegistry()
    return AsyncShop(load(path, plugins=plugins), plugins=plugins, clock=clock)
