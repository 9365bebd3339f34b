"""A process that traces gets spans of what a run does, and none of its secrets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mpstock.errors import TransientError
from mpstock.inmemory import InMemorySource
from mpstock.service import create_app
from mpstock.testing import VirtualClock
from mpstock.tracing import span
from tests.service.scheduled import never, shop_of

EXPORTER = InMemorySpanExporter()


@pytest.fixture(scope="module", autouse=True)
def _provider() -> None:
    """A provider may be set once in a process."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(EXPORTER))
    trace.set_tracer_provider(provider)


@pytest.fixture(autouse=True)
def _cleared() -> Iterator[None]:
    EXPORTER.clear()
    yield
    EXPORTER.clear()


def _sync(tmp_path: Path, source: Any = None) -> list[ReadableSpan]:
    async def play() -> None:
        shop = shop_of(tmp_path, never(), VirtualClock(), source=source)
        await shop.sync()
        await shop.aclose()

    asyncio.run(play())
    return list(EXPORTER.get_finished_spans())


def test_a_run_is_a_trace(tmp_path: Path) -> None:
    """Reading, planning and each batch are spans within that of the run, with the adapter's name."""
    spans = _sync(tmp_path)
    found = {one.name: dict(one.attributes or {}) for one in spans}
    assert found["mpstock.run"] == {
        "mpstock.read": "everything",
        "mpstock.full": False,
        "mpstock.dry_run": False,
        "mpstock.cause": "manual",
    }
    assert found["mpstock.read"]["mpstock.built"] == "erp"
    assert found["mpstock.orders"]["mpstock.built"] == "shop"
    assert found["mpstock.push"] == {"mpstock.built": "shop", "mpstock.changes": 1}
    assert {"mpstock.plan", "mpstock.observe", "mpstock.listings"} <= set(found)
    (run,) = [one for one in spans if one.name == "mpstock.run"]
    assert {one.context.trace_id for one in spans if one.context} == {run.context.trace_id}
    assert [one.name for one in spans if one.parent is None] == ["mpstock.run"]


def test_of_an_error_only_its_kind_is_told() -> None:
    """What an exception says may be anything, also a secret: no span repeats it."""
    with pytest.raises(TransientError), span("mpstock.read"):
        raise TransientError("https://erp?token=hunter2hunter2", adapter="erp")
    (one,) = EXPORTER.get_finished_spans()
    assert dict(one.attributes or {}) == {"error.type": "TransientError"}
    assert not one.status.is_ok
    assert not one.events
    assert "hunter2" not in one.to_json()


def test_a_source_that_fails_spoils_no_trace(tmp_path: Path) -> None:
    """The run goes on, and so does its trace."""
    source = InMemorySource({"A": 5})
    source.fail(TransientError("down", adapter="erp"))
    names = [one.name for one in _sync(tmp_path, source)]
    assert {"mpstock.run", "mpstock.read", "mpstock.plan"} <= set(names)


def test_a_request_belongs_to_the_trace_of_whoever_sends_it(tmp_path: Path) -> None:
    """`traceparent` is heeded; the span has the address as it is documented, and the answer's status."""

    async def play() -> None:
        app = create_app(shop_of(tmp_path, never(), VirtualClock()), schedule=False)
        async with (
            app.state.service,
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client,
        ):
            parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            await client.get("/healthz?token=secret", headers={"traceparent": parent})

    asyncio.run(play())
    (one,) = [one for one in EXPORTER.get_finished_spans() if one.name == "mpstock.request"]
    assert one.context is not None
    assert f"{one.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert dict(one.attributes or {}) == {"mpstock.door": "/healthz", "http.response.status_code": 200}
