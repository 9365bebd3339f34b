"""From settings, or from objects that a program made, to a running engine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpstock.errors import ConfigurationError, LedgerError, MpstockError, PluginError

if TYPE_CHECKING:
    from httpx import AsyncBaseTransport

    from mpstock.alerts.desk import Desk
    from mpstock.clock import Clock
    from mpstock.config import Configuration, SinkConfig, SourceConfig
    from mpstock.gate import Gate
    from mpstock.interfaces import Context, Sink, Source
    from mpstock.ledger import Ledger
    from mpstock.ledger.worker import Worker
    from mpstock.pacing import Pacer, PaceStore
    from mpstock.pacing.slots import Slots
    from mpstock.plugins import PluginRegistry
    from mpstock.reconcile.adapters import BuiltSink, BuiltSource
    from mpstock.reconcile.engine import Engine
    from mpstock.transport import HttpTransport

__all__ = ["Assembly"]


class Assembly:
    """Builds the parts of one shop, holds them, and closes them in the right order.

    `broken` has, by `sources.NAME` or `sinks.NAME`, the adapters that could not be built; they are collected
    only when started with `tolerant`, for `check`. `network` has, by the same names, what stands in for the
    network: doubles in the process. `pace_store` is where the limiters' state is kept; None = in the ledger.
    """

    def __init__(
        self,
        config: Configuration | None,
        *,
        sources: Mapping[str, Source] | None,
        sinks: Mapping[str, Sink | tuple[Sink, SinkConfig]] | None,
        ledger: str | Path | None,
        plugins: PluginRegistry | None,
        clock: Clock | None,
    ) -> None:
        from mpstock.plugins import PluginRegistry

        if config is not None and (sources or sinks or ledger):
            raise ConfigurationError("give either settings, or sources, sinks and a ledger, not both")
        self.plugins = plugins if plugins is not None else PluginRegistry()
        self._objects: dict[str, Any] = {}
        self.config = config if config is not None else self._in_code(sources or {}, sinks or {}, ledger)
        self.broken: dict[str, MpstockError] = {}
        self.network: dict[str, AsyncBaseTransport] = {}
        self.transports: list[HttpTransport] = []
        self.pacer: Pacer | None = None
        self.pace_store: PaceStore | None = None
        self.stop = asyncio.Event()
        self.desk: Desk
        self._given_clock = clock
        self._worker: Worker | None = None
        self._ledger: Ledger | None = None
        self._engine: Engine | None = None
        self._starting = asyncio.Lock()

    async def start(self, *, tolerant: bool = False) -> Engine:
        """Open the ledger and build the adapters, once.

        Raises:
            LedgerError: the ledger cannot be opened.
            PluginError: an adapter cannot be built (kept in `broken` instead when `tolerant`).
        """
        async with self._starting:
            if self._engine is None:
                self._engine = await self._build()
            if self.broken and not tolerant:
                raise next(iter(self.broken.values()))
            return self._engine

    async def _build(self) -> Engine:
        from mpstock.alerts.desk import Desk
        from mpstock.buffers import BufferResolver
        from mpstock.ledger import Ledger
        from mpstock.ledger.pace import LedgerPaceStore
        from mpstock.ledger.worker import Worker
        from mpstock.pacing import Pacer
        from mpstock.reconcile.engine import Engine

        products = self.config.read_products(self.plugins)
        resolver = BufferResolver(self.config.sinks, products, self.plugins)
        resolver.validate()
        if self._worker is None:
            self._worker = Worker()
        if self._ledger is None:
            self._ledger = await self._worker.run(Ledger, self.config.ledger.url, self.config.ledger.tenant)
        clock = self._given_clock
        if clock is None:
            clock = await self._worker.run(_make_clock, self.config, self._ledger)
        store = self.pace_store or LedgerPaceStore(self._worker, self._ledger.database)
        self.pacer = pacer = Pacer(store, clock)
        built_sources: list[BuiltSource] = []
        for source_config in self.config.sources.values():
            built_source = self._source(source_config, pacer, clock)
            if built_source is not None:
                built_sources.append(built_source)
        built_sinks: list[BuiltSink] = []
        for sink_config in self.config.sinks.values():
            built_sink = self._sink(sink_config, pacer, clock)
            if built_sink is not None:
                await self._worker.run(built_sink.shut_or_open, self._ledger)
                built_sinks.append(built_sink)
        built_sinks.sort(key=lambda built: built.config.priority)
        _check_absorption(built_sources, built_sinks)
        self.desk = Desk(self.plugins.tell)
        return Engine(
            self.config,
            self._ledger,
            self._worker,
            clock,
            built_sources,
            built_sinks,
            resolver,
            products,
            self.desk.hear,
            self.stop,
        )

    async def close(self) -> None:
        """Close connections first, then the ledger, then its thread; a second call does nothing."""
        for transport in self.transports:
            await transport.aclose()
        self.transports.clear()
        if self.pacer is not None:
            # An answer that cannot be written any more counts as under way until its place lapses.
            with suppress(LedgerError):
                await self.pacer.aclose()
            self.pacer = None
        if self._engine is not None:
            self._engine.leases.close()
            self._engine = None
        if self._worker is not None:
            if self._ledger is not None:
                await self._worker.run(self._ledger.close)
                self._ledger = None
            self._worker.close()
            self._worker = None

    def _source(self, config: SourceConfig, pacer: Pacer, clock: Clock) -> BuiltSource | None:
        from mpstock.reconcile.adapters import BuiltSource

        if config.spec is None:
            return BuiltSource(config, self._objects[f"sources.{config.name}"])
        context, transport = self._context("sources", config, pacer, clock, ())
        try:
            source = self.plugins.build_source(config, context)
        except (PluginError, ConfigurationError) as error:
            self.broken[f"sources.{config.name}"] = error
            return None
        transport.declare(config.name, source.rates)
        return BuiltSource(config, source)

    def _sink(self, config: SinkConfig, pacer: Pacer, clock: Clock) -> BuiltSink | None:
        from mpstock.gate import Gate
        from mpstock.reconcile.adapters import BuiltSink

        # Shut until the ledger was asked: an adapter may do anything while it is built.
        gate = Gate(config.name, shut=True)
        if config.spec is None:
            made = self._objects[f"sinks.{config.name}"]
            return BuiltSink(config, made, _slots_of(made, pacer), gate=gate)
        context, transport = self._context("sinks", config, pacer, clock, config.codes, gate)
        try:
            sink = self.plugins.build_sink(config, context)
        except (PluginError, ConfigurationError) as error:
            self.broken[f"sinks.{config.name}"] = error
            return None
        transport.declare(sink.limits.account, sink.limits.rates)
        return BuiltSink(config, sink, transport if sink.limits.rates else None, gate)

    def _context(
        self,
        kind: str,
        config: SourceConfig | SinkConfig,
        pacer: Pacer,
        clock: Clock,
        warehouses: tuple[str, ...],
        gate: Gate | None = None,
    ) -> tuple[Context, HttpTransport]:
        from mpstock.interfaces import Context
        from mpstock.redaction import redacting_logger
        from mpstock.transport import HttpTransport, TransportSettings

        transport = HttpTransport(
            config.name,
            pacer=pacer,
            clock=clock,
            settings=config.transport or TransportSettings(),
            secrets=config.secrets,
            gate=gate,
            **self._way_out(f"{kind}.{config.name}"),
        )
        self.transports.append(transport)
        logger = redacting_logger(f"mpstock.adapters.{config.name}", config.secrets)
        return Context(config.name, transport, clock, logger, warehouses), transport

    def _way_out(self, place: str) -> dict[str, Any]:
        """Return how an adapter gets out, where that is not the network."""
        return {"client_transport": self.network[place]} if place in self.network else {}

    def _in_code(
        self,
        sources: Mapping[str, Source],
        sinks: Mapping[str, Sink | tuple[Sink, SinkConfig]],
        ledger: str | Path | None,
    ) -> Configuration:
        from attrs import evolve

        from mpstock.config import Configuration, LedgerSettings, SinkConfig, SinkWarehouse, SourceConfig

        source_configs = {}
        for name, source in sources.items():
            self._objects[f"sources.{name}"] = source
            source_configs[name] = SourceConfig(name)
        sink_configs = {}
        for name, given in sinks.items():
            sink, config = given if isinstance(given, tuple) else (given, None)
            self._objects[f"sinks.{name}"] = sink
            codes = getattr(sink, "warehouses", None) or ("main",)
            config = config or SinkConfig(name)
            sink_configs[name] = evolve(
                config,
                name=name,
                warehouses=config.warehouses or tuple(SinkWarehouse(str(code)) for code in codes),
                buffer=config.buffer or _buffer_of(sink),
            )
        url = "sqlite://" if ledger is None else str(ledger)
        if "://" not in url:
            url = f"sqlite:///{url}"
        return Configuration(ledger=LedgerSettings(url), sources=source_configs, sinks=sink_configs)


def _slots_of(sink: Any, pacer: Pacer) -> Slots | None:
    """Return the places under the limits of a sink made of a function: no transport keeps to them."""
    from mpstock.functions import FunctionSink

    if not isinstance(sink, FunctionSink) or not sink.limits.rates:
        return None
    from mpstock.pacing.slots import Slots

    pacer.declare(sink.limits.account, sink.limits.rates)
    return Slots(pacer, sink.limits.account)


def _buffer_of(sink: Any) -> Mapping[str, Any]:
    """Return the buffer that a sink made of a function was given with it."""
    from mpstock.functions import FunctionSink

    return sink.buffer if isinstance(sink, FunctionSink) else {}


def _check_absorption(sources: list[BuiltSource], sinks: list[BuiltSink]) -> None:
    """Refuse to start where a source is said to book orders of which only their total is told."""
    tells = {built.name: built.sink.limits.orders for built in sinks}
    for source in sources:
        for sink, booking in source.config.absorbs.items():
            if tells.get(sink) == "total" and booking.books_at != "shipment":
                raise ConfigurationError(
                    f"{sink} tells its reserve as a number, and nobody can say which orders in it "
                    f"{source.name} has booked; let {sink} tell its orders one by one (its page says how), "
                    "or take the key out: then they are subtracted until they are shipped",
                    place=f"[sources.{source.name}.absorbs] {sink}",
                )


def _make_clock(config: Configuration, ledger: Ledger) -> Clock:
    from mpstock.clock import ScaledClock, SystemClock

    clock = SystemClock()
    if config.clock_speed == 1:
        return clock
    if config.clock_anchor is not None:
        return ScaledClock(config.clock_speed, anchor=config.clock_anchor)
    # Every command on this ledger shares the anchor: its time goes on where the last one's was.
    anchor = ledger.runs.recall("clock anchor") or clock.now().isoformat()
    ledger.runs.remember("clock anchor", anchor)
    return ScaledClock(config.clock_speed, anchor=datetime.fromisoformat(anchor))
