"""A shop that somebody made up: what it has, what it shows, and the real engine between."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from mpstock.clock import Clock
    from mpstock.facade.asynchronous import AsyncShop
    from mpstock.inmemory import InMemorySink, InMemorySource

__all__ = ["MadeUpShop", "OpenShop"]


@frozen(eq=False)
class OpenShop:
    """A made-up shop that was opened: the shop, its source, and its sinks by name."""

    shop: AsyncShop
    source: InMemorySource
    sinks: Mapping[str, InMemorySink]


@frozen
class MadeUpShop:
    """What a shop is made of.

    `stock` is what the warehouses have, by article and warehouse (None: not known); `shown` what each sink
    sells, and shows now, by article and the code of its warehouse; `buffers` the buffer table of each sink.
    """

    stock: Mapping[tuple[str, str], int | None]
    shown: Mapping[str, Mapping[tuple[str, str], int]]
    buffers: Mapping[str, Mapping[str, Any]] = field(factory=dict[str, Mapping[str, Any]])

    def available(self, sku: str) -> int | None:
        """Return what there is of an article in all warehouses; None if that of one of them is not known."""
        found = [quantity for (article, _), quantity in self.stock.items() if article == sku]
        return None if any(one is None for one in found) else sum(one for one in found if one is not None)

    def open(self, ledger: str | Path = ":memory:", *, clock: Clock | None = None) -> OpenShop:
        """Open it over adapters in memory and a ledger at this path; use `.shop` as a context manager.

        Only what mpstock brings itself is there: what is installed beside it is not looked for.
        """
        from mpstock.config import SinkConfig, SinkWarehouse
        from mpstock.facade.asynchronous import AsyncShop
        from mpstock.inmemory import InMemorySink, InMemorySource
        from mpstock.plugins import PluginRegistry

        source = InMemorySource(dict(self.stock), clock=clock)
        sinks: dict[str, InMemorySink] = {}
        given: dict[str, tuple[InMemorySink, SinkConfig]] = {}
        for name, shown in self.shown.items():
            codes = sorted({code for _, code in shown}) or ["1"]
            sink = InMemorySink(
                sorted({sku for sku, _ in shown}), warehouses=codes, shown=shown, clock=clock, account=name
            )
            config = SinkConfig(
                name,
                warehouses=tuple(SinkWarehouse(code) for code in codes),
                buffer=self.buffers.get(name, {"policy": "all"}),
            )
            sinks[name], given[name] = sink, (sink, config)
        shop = AsyncShop(
            sources={"stock": source},
            sinks=given,
            ledger="sqlite://" if str(ledger) == ":memory:" else ledger,
            plugins=PluginRegistry(entry_points=[]),
            clock=clock,
        )
        return OpenShop(shop, source, sinks)
