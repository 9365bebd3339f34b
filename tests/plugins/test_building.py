from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import pytest
from attrs import frozen

from mpstock import (
    Change,
    Context,
    Limits,
    Listing,
    Outcome,
    Reading,
    Secret,
    SinkSpec,
    SourceSpec,
    SystemClock,
    Transport,
    hookimpl,
)
from mpstock.config import SinkConfig, SourceConfig
from mpstock.errors import ConfigurationError, PluginContractError, PluginError
from mpstock.plugins import PluginRegistry


@frozen
class Settings:
    key: Secret


class GoodSource:
    rates = ()

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        yield Reading((), SystemClock().now(), complete=True)


class GoodSink:
    limits = Limits("kiosk", batch=10, maximum=5, rates=(), push_scopes=())

    async def listings(self, cursor: str | None) -> AsyncIterator[Any]:
        yield ()

    def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Any]:
        return self.listings(None)

    def orders(self, cursor: str | None) -> AsyncIterator[Any]:
        return self.listings(None)

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        return ()


class CoroutineRead(GoodSource):
    async def read(self, cursor: str | None) -> Any:  # type: ignore[override]
        return [Reading((), SystemClock().now())]


class NoObserve(GoodSink):
    observe = property()


class PlainPush(GoodSink):
    def push(self, changes: Sequence[Change]) -> Any:
        return ()


class BadLimits(GoodSink):
    limits = {"batch": 5}  # type: ignore[assignment]  # noqa: RUF012


def context(name: str = "k") -> Context:
    return Context(name, cast("Transport", None), SystemClock(), logging.getLogger("test"), ("1",))


def build(adapter: Any, kind: str) -> Any:
    """Build what `adapter(settings, context)` makes, through a registered plugin."""

    class Plugin:
        @hookimpl
        def mpstock_sources(self) -> list[SourceSpec]:
            return [SourceSpec("kiosk", "", Settings, adapter)]

        @hookimpl
        def mpstock_sinks(self) -> list[SinkSpec]:
            return [SinkSpec("kiosk", "", Settings, adapter)]

    registry = PluginRegistry(entry_points=[])
    registry.register(Plugin(), "stall")
    settings = Settings(Secret("kept-from-all-eyes"))
    if kind == "source":
        return registry.build_source(SourceConfig("k", registry.source("kiosk"), settings), context())
    return registry.build_sink(SinkConfig("k", registry.sink("kiosk"), settings), context())


def test_an_adapter_is_built_from_its_settings_and_context() -> None:
    """The factory gets what was configured, and what it returns is the adapter."""
    given: list[Any] = []

    def factory(settings: Settings, context: Context) -> GoodSource:
        given.extend((settings.key.reveal(), context.name, context.warehouses))
        return GoodSource()

    assert isinstance(build(factory, "source"), GoodSource)
    assert given == ["kept-from-all-eyes", "k", ("1",)]
    assert isinstance(build(lambda settings, context: GoodSink(), "sink"), GoodSink)


def test_a_factory_that_fails_is_named_without_the_secret() -> None:
    """Adapter, plugin and reason are told; the secret is in neither the message nor the traceback."""

    def factory(settings: Settings, context: Context) -> Any:
        raise RuntimeError(f"нет доступа с {settings.key.reveal()}")

    with pytest.raises(
        PluginError, match=r"k: the plugin stall could not build it: RuntimeError: нет доступа"
    ) as error:
        build(factory, "source")
    text = "".join(traceback.format_exception(error.value))
    assert "kept-from" not in text
    assert error.value.__context__ is None


def test_a_plugin_may_refuse_its_settings() -> None:
    """A ConfigurationError of the factory stays one, with the adapter's table, and is redacted too."""

    def factory(settings: Settings, context: Context) -> Any:
        raise ConfigurationError(f"key {settings.key.reveal()} and url do not go together")

    with pytest.raises(ConfigurationError, match=r"\[sinks\.k\]: key \*\*\* and url"):
        build(factory, "sink")


@pytest.mark.parametrize(
    ("made", "kind", "reason"),
    [
        (object, "source", "object is no Source: it has no rates, read"),
        (CoroutineRead, "source", "CoroutineRead.read is a coroutine"),
        (object, "sink", "object is no Sink: it has no limits, listings, observe, orders, push"),
        (NoObserve, "sink", "it has no observe"),
        (PlainPush, "sink", "push must be an `async def`"),
        (BadLimits, "sink", r"limits is dict, not mpstock\.Limits"),
    ],
)
def test_what_has_not_the_shape_of_an_adapter_is_refused(made: Any, kind: str, reason: str) -> None:
    """A factory that returns something else is found out before the run, and named."""
    with pytest.raises(PluginContractError, match=f"k, plugin stall: .*{reason}"):
        build(lambda settings, context: made(), kind)


def test_the_adapters_in_memory_are_built_like_all_others() -> None:
    """`plugin = "memory"` goes through the registry and works."""
    registry = PluginRegistry(entry_points=[])
    spec = registry.source("memory")
    source = registry.build_source(SourceConfig("m", spec, spec.settings(levels={"A": 3})), context())

    async def read() -> list[Reading]:
        return [reading async for reading in source.read(None)]

    assert [(level.sku, level.quantity) for reading in asyncio.run(read()) for level in reading.levels] == [
        ("A", 3)
    ]
    sink_spec = registry.sink("memory")
    sink = registry.build_sink(
        SinkConfig("m", sink_spec, sink_spec.settings(skus=("A",), batch=7)), context("m")
    )
    assert (sink.limits.batch, sink.limits.account) == (7, "memory:m")


def test_what_was_made_in_code_has_no_plugin_to_build_it() -> None:
    """A config without a descriptor is a mistake of the caller, said plainly."""
    with pytest.raises(ValueError, match="made in code"):
        PluginRegistry(entry_points=[]).build_source(SourceConfig("erp"), context())
