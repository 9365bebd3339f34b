"""A plugin with settings of every kind, and tables that use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Literal

from attrs import field, frozen
from attrs.validators import ge

from mpstock import Secret, SinkSpec, SourceSpec, hookimpl
from mpstock.config import Configuration


@frozen
class Nested:
    """A table within a plugin's own settings."""

    token: Secret
    depth: int = 1


@frozen
class ShopSettings:
    """The settings of a plugin with a bit of everything."""

    base_url: str
    api_key: Secret
    batch: int = field(default=100, validator=ge(1))
    mode: Literal["fast", "slow"] = "fast"
    overlap: timedelta = timedelta(minutes=5)
    names: tuple[str, ...] = ()
    nested: Nested | None = None
    file: Path | None = None


class ShopPlugin:
    """Brings the source and the sink `shop`."""

    @hookimpl
    def mpstock_sources(self) -> Iterable[SourceSpec]:
        return [
            SourceSpec(
                name="shop",
                summary="",
                settings=ShopSettings,
                factory=lambda settings, context: settings,
                aliases=("store",),
                quantity="free",
            )
        ]

    @hookimpl
    def mpstock_sinks(self) -> Iterable[SinkSpec]:
        return [
            SinkSpec(
                name="shop",
                summary="",
                settings=ShopSettings,
                factory=lambda settings, context: settings,
                mapping_keys=("offer_id", "barcode"),
            )
        ]


SINK = """
[sinks.shop]
plugin = "shop"
base_url = "https://shop.example"
api_key = "kept-from-all-eyes"
[[sinks.shop.warehouses]]
code = "1"
"""
SOURCE = """
[sources.erp]
plugin = "shop"
base_url = "https://erp.example"
api_key = "kept-from-all-eyes"
"""

Load = Callable[..., Configuration]
