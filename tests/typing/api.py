"""The public names as a type checker sees them. mypy and pyright read this file; nothing runs it.

What a plugin's author and a program write must pass as it stands here, without a cast or an ignore.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import assert_type

from attrs import frozen

import mpstock
from mpstock import (
    Alert,
    BufferPolicy,
    BufferPolicySpec,
    Change,
    CheckedAdapter,
    Clock,
    Context,
    Explanation,
    Finding,
    Level,
    Limits,
    Listing,
    ListingPage,
    Observation,
    OrderPage,
    Outcome,
    OutcomeStatus,
    Plan,
    Rate,
    Reading,
    Report,
    ScaledClock,
    Secret,
    Sink,
    SinkSpec,
    Source,
    SourceSpec,
    SystemClock,
    WhyNot,
    hookimpl,
)
from mpstock.errors import AdapterError, MpstockError, TransientError


@frozen
class Settings:
    url: str
    key: Secret


class ShelfSource:
    """An asynchronous generator is a source's `read`; a class attribute is its `rates`."""

    rates: Sequence[Rate] = ()

    def __init__(self, context: Context) -> None:
        self._context = context

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        yield Reading([Level("SKU-1", "main", None)], self._context.clock.now(), complete=True)


class KioskSink:
    def __init__(self, context: Context) -> None:
        self._context = context
        self.limits = Limits(
            account="kiosk", batch=10, maximum=99, rates=[Rate("write", 60, 60.0)], push_scopes=("write",)
        )

    async def listings(self, cursor: str | None) -> AsyncIterator[ListingPage]:
        yield ListingPage([Listing("1", "shelf", ("SKU-1",))], complete=True)

    async def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        yield [Observation("1", "shelf", None)]

    async def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        yield OrderPage([], self._context.clock.now())

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        answer = await self._context.transport.request(
            "PUT", "https://kiosk.example/goods", scopes=["write"], push=True, json={}
        )
        assert_type(answer.status_code, int)
        return [Outcome(OutcomeStatus.OK) for _ in changes]

    async def check(self) -> AsyncIterator[Finding]:
        yield Finding("ok", "account", "it answers")


@frozen
class Half:
    def advertise(self, available: int) -> int:
        return max(available // 2, 0)


def source(settings: Settings, context: Context) -> Source:
    assert_type(settings.key.reveal(), str)
    return ShelfSource(context)


def sink(settings: Settings, context: Context) -> Sink:
    return KioskSink(context)


def policy(settings: Half) -> BufferPolicy:
    return settings


@hookimpl
def mpstock_sources() -> list[SourceSpec]:
    return [SourceSpec("shelf", "a shelf", Settings, source)]


@hookimpl
def mpstock_sinks() -> list[SinkSpec]:
    return [SinkSpec("kiosk", "a kiosk", Settings, sink)]


@hookimpl
def mpstock_buffer_policies() -> list[BufferPolicySpec]:
    return [BufferPolicySpec("half", "half of it", Half, policy)]


@hookimpl
def mpstock_alert(event: Alert) -> None:
    assert_type(event.message, str)


def optional_abilities(sink: Sink) -> bool:
    return isinstance(sink, CheckedAdapter)


clocks: list[Clock] = [SystemClock(), ScaledClock(50)]


def a_script() -> None:
    with mpstock.open("mpstock.toml") as shop:
        assert_type(shop, mpstock.Shop)
        plan = shop.plan()
        assert_type(plan, Plan)
        report = shop.apply(Plan.load(plan.save("p.json")))
        assert_type(report, Report)
        assert_type(shop.sync(), Report)
        assert_type(report.exit_code, int)
        assert_type(shop.explain("SKU-1"), Explanation)
        assert_type(shop.explain("SKU-1", run=1).why_not(5, sink="ozon"), Sequence[WhyNot])


def functions() -> None:
    @mpstock.source
    def shelf() -> dict[str, int]:
        return {"A-1": 5}

    @mpstock.sink(batch=100, per_minute=60, sells=shelf)
    def kiosk(changes: list[Change]) -> None: ...

    @kiosk.shows
    def shown() -> dict[str, int]:
        return {}

    assert_type(shelf, mpstock.FunctionSource)
    assert_type(kiosk, mpstock.FunctionSink)
    assert_type(shown(), dict[str, int])
    with mpstock.Shop(sources={"shelf": shelf}, sinks={"kiosk": kiosk}) as shop:
        assert_type(shop.sync().pushed, int)


async def a_service() -> None:
    async with mpstock.aopen("mpstock.toml") as shop:
        assert_type(shop, mpstock.AsyncShop)
        assert_type(await shop.plan(), Plan)
        assert_type(await shop.sync(), Report)
        assert_type(await shop.explain("SKU-1"), Explanation)


def errors() -> float | None:
    try:
        a_script()
    except TransientError as error:
        return error.retry_after
    except AdapterError as error:
        assert_type(error.adapter, str)
    except MpstockError:
        raise
    return None
