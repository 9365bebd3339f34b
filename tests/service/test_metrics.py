"""What can be counted is: in a format that scrapers read, under documented names, with few labels."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as families

from mpstock.config import MonitoringSettings, ScheduleSettings
from mpstock.events import Pushed
from mpstock.inmemory import InMemorySink
from mpstock.interfaces import Rate
from mpstock.ledger import Ledger
from mpstock.model import Change, Outcome, OutcomeStatus
from mpstock.pacing import MemoryPaceStore, Pacer
from mpstock.service import create_app
from mpstock.service.monitoring.metrics import MOST_CODES, OTHER, Metrics
from mpstock.service.news import Event
from mpstock.testing import VirtualClock, run_virtual
from mpstock.transport import Exchange
from tests.docs.markdown import DOCS, read
from tests.service.scheduled import never, shop_of
from tests.service.test_health import AUTHORIZED, asking

NOW = datetime(2026, 3, 2, tzinfo=UTC)
OPEN = MonitoringSettings(open=True)


def _values(text: str) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels, in the order of the labels' names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families(text)
        for sample in family.samples
    }


def test_a_run_is_counted(tmp_path: Path) -> None:
    """The queue's seven metrics, outcomes, readings, jobs and doors, after a first sync by the schedule."""

    async def ask(client: httpx.AsyncClient, _service: Any) -> dict[tuple[str, ...], float]:
        await asyncio.sleep(90)
        await client.get("/healthz")
        return _values((await client.get("/metrics", headers=AUTHORIZED)).text)

    found = asking(tmp_path, ask, settings=ScheduleSettings())
    assert found["mpstock_queue_adds_total", "shop"] == 1
    assert found["mpstock_queue_duration_seconds_count", "shop"] == 1
    assert found["mpstock_queue_work_duration_seconds_count", "shop"] == 1
    assert found["mpstock_queue_unfinished_work_seconds", "shop"] == 0
    assert found["mpstock_queue_longest_running_seconds", "shop"] == 0
    assert ("mpstock_queue_depth", "raise", "shop") not in found
    assert found["mpstock_pushes_total", "shop"] == 1
    assert found["mpstock_outcomes_total", "", "ok", "shop"] == 1
    assert found["mpstock_jobs_total", "every", "done"] == 1
    assert found["mpstock_jobs_total", "orders", "done"] == 2
    assert found["mpstock_runs_total", "0", "sync", "done"] == 4
    assert found["mpstock_http_requests_total", "/healthz", "GET", "200"] == 1
    assert found["mpstock_reading_age_seconds", "source", "erp"] == 90
    assert found["mpstock_reading_age_seconds", "orders", "shop"] == 30
    assert found["mpstock_reading_failing", "source", "erp"] == 0
    assert found["mpstock_schedule_overdue_seconds", "full"] == 0
    assert found["mpstock_dirty_products", "due"] == 0
    assert found["mpstock_alerts_open", "critical"] == 0
    assert found["mpstock_ledger_bytes",] > 0


class _Stuck(InMemorySink):
    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        await asyncio.sleep(3600)
        return await super().push(changes)


def test_what_is_under_way_is_seen(tmp_path: Path) -> None:
    """A batch that a marketplace does not answer shows as unfinished work, and the job as running."""
    clock = VirtualClock()

    async def play() -> dict[tuple[str, ...], float]:
        shop = shop_of(tmp_path, never(every="1h"), clock, sink=_Stuck(["A"]))
        app = create_app(shop)
        async with app.state.service:
            await asyncio.sleep(20)
            gauges = app.state.service.metrics.registry
            collector = next(c for c in gauges._collector_to_names if type(c).__name__ == "Gauges")
            await collector.look()
            found = {
                (sample.name, *sample.labels.values()): sample.value
                for family in gauges.collect()
                for sample in family.samples
            }
            app.state.service.abandon()
        return found

    found = run_virtual(play, clock=clock)
    assert found["mpstock_queue_unfinished_work_seconds", "shop"] == 20
    assert found["mpstock_queue_longest_running_seconds", "shop"] == 20
    assert found["mpstock_queue_depth", "shop", "kept"] == 1
    assert found["mpstock_jobs_running", "every"] == 1


def _pushed(outcomes: Sequence[Outcome], waited: Sequence[float | None] = ()) -> Event:
    return Event("pushed", NOW, {"event": Pushed(1, NOW, "ozon", [], outcomes, 0.3, waited, [4.0])})


def _samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
    }


def test_outcomes_are_told_apart() -> None:
    """By status and code; what goes back to the queue is a retry, an accepted fall has a time to safe."""
    metrics = Metrics()
    metrics.hear(
        _pushed(
            [
                Outcome(OutcomeStatus.OK),
                Outcome(OutcomeStatus.ERROR, "SKU_NOT_FOUND"),
                Outcome(OutcomeStatus.BUSY, "STORE_BUSY"),
                Outcome(OutcomeStatus.DOUBT),
            ],
            [7.0, 8.0, None, 9.0],
        )
    )
    found = _samples(metrics)
    assert found["mpstock_outcomes_total", "ozon", "error", "SKU_NOT_FOUND"] == 1
    assert found["mpstock_outcomes_total", "ozon", "busy", "STORE_BUSY"] == 1
    assert found["mpstock_queue_retries_total", "ozon"] == 2
    assert found["mpstock_time_to_safe_seconds_count", "ozon"] == 1
    assert found["mpstock_time_to_safe_seconds_sum", "ozon"] == 7
    assert found["mpstock_queue_duration_seconds_sum", "ozon"] == 4


def test_a_vendor_cannot_make_the_labels_grow() -> None:
    """Codes beyond the first so many are `other`, and a long one is cut."""
    metrics = Metrics()
    for number in range(MOST_CODES + 30):
        metrics.hear(_pushed([Outcome(OutcomeStatus.ERROR, f"{number} " + "x" * 500)]))
    codes = {key[3] for key in _samples(metrics) if key[0] == "mpstock_outcomes_total"}
    assert len(codes) == MOST_CODES + 1
    assert OTHER in codes
    assert max(map(len, codes)) <= 60


def test_requests_of_adapters_are_counted() -> None:
    """By adapter and status; a 429 has a counter of its own, and no answer a name."""
    metrics = Metrics()
    for status in (200, 200, 429, None):
        metrics.exchanged(Exchange("ozon", status, 0.2))
    found = _samples(metrics)
    assert found["mpstock_requests_total", "ozon", "200"] == 2
    assert found["mpstock_requests_total", "ozon", "none"] == 1
    assert found["mpstock_rate_limited_total", "ozon"] == 1
    assert found["mpstock_request_duration_seconds_count", "ozon"] == 4


def test_what_is_left_of_a_limit_is_told() -> None:
    """Of 50 requests in a minute two are gone; the limits of all accounts are told."""
    clock = VirtualClock()

    async def play() -> list[Any]:
        pacer = Pacer(MemoryPaceStore(), clock)
        pacer.declare("ozon", [Rate("push", 50, 60.0)])
        pacer.declare("wb", [Rate("stocks", 300, 60.0)])
        for _ in range(2):
            slot = await pacer.acquire("ozon", ["push"])
            await slot.finish(200, {})
        return [(one.account, one.scope, one.free, one.limit) for one in await pacer.budgets()]

    assert run_virtual(play, clock=clock) == [("ozon", "push", 48, 50), ("wb", "stocks", 300, 300)]


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])
def test_scrapers_can_read_it(tmp_path: Path, accept: str) -> None:
    """What is answered is valid in the format that was asked for."""

    async def ask(client: httpx.AsyncClient, _service: Any) -> httpx.Response:
        await asyncio.sleep(1)
        return await client.get("/metrics", headers={"Accept": accept})

    answer = asking(tmp_path, ask, settings=never(every="1h"), monitoring=OPEN)
    parse = openmetrics if accept else families
    assert ("openmetrics" in answer.headers["content-type"]) == bool(accept)
    names = [family.name for family in parse(answer.text)]
    assert len(names) == len(set(names)) > 30


def test_only_those_see_it_who_may(tmp_path: Path) -> None:
    """Without credentials it is refused, and where there are none in the settings it says how to set them."""

    async def ask(client: httpx.AsyncClient, _service: Any) -> list[httpx.Response]:
        wrong = {"Authorization": "Bearer quite another token"}
        return [await client.get("/metrics"), await client.get("/metrics", headers=wrong)]

    for answer in asking(tmp_path, ask):
        assert answer.status_code == 401
        assert "Bearer" in answer.headers["www-authenticate"]
    for answer in asking(tmp_path, ask, monitoring=MonitoringSettings()):
        assert answer.status_code == 403
        assert "[service.monitoring]" in answer.json()["detail"]


def test_each_metric_is_documented(tmp_path: Path) -> None:
    """The reference has every metric with its labels, and none that is not there."""

    async def ask(_client: httpx.AsyncClient, service: Any) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for collector in list(service.metrics.registry._collector_to_names):
            for family in collector.collect():
                if family.name.startswith("mpstock_"):
                    name = f"{family.name}_total" if family.type == "counter" else family.name
                    labels: Any = getattr(collector, "_labelnames", ()) or getattr(family, "_labelnames", ())
                    found[name] = set(labels)
        return found

    there = asking(tmp_path, ask)
    rows = re.findall(r"^\| `(mpstock_\w+)` \|([^|]*)\|", read(DOCS / "reference/metrics.md"), re.MULTILINE)
    told = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    assert told == there


def _enlarge(ledger: Ledger, listings: int, waiting: int) -> None:
    """Give a ledger so many listings, of which so many wait to be sent."""
    with ledger.transaction():
        db = ledger.database
        db.execute(
            "INSERT INTO products (id, sku, first_seen_at) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL "
            "SELECT i + 1 FROM n WHERE i < ?) SELECT i, 'S' || i, '2026-01-01 00:00:00.000000' FROM n",
            (listings,),
        )
        db.execute(
            "INSERT INTO listings (id, product_id, marketplace, warehouse_code, external_id, skus, keys) "
            "SELECT id, id, 'shop', 'main', sku, '[]', '[]' FROM products"
        )
        db.execute(
            "INSERT INTO marketplace_stocks (id, product_id, marketplace, warehouse_code, listing_id, base, "
            "wanted, lane, ready) SELECT id, id, 'shop', 'main', id, 1, 2, CASE WHEN id <= ? THEN 2 END, "
            "CASE WHEN id <= ? THEN 1 ELSE 0 END "
            "FROM products",
            (waiting, waiting),
        )


@pytest.mark.slow
@pytest.mark.parametrize("waiting", [1_000, 100_000])
def test_a_scrape_of_a_large_shop_is_quick(tmp_path: Path, waiting: int) -> None:
    """100,000 listings, few or all of them waiting: the median of ten scrapes is below 50 ms of work."""

    async def ask(client: httpx.AsyncClient, service: Any) -> float:
        await asyncio.sleep(5)
        await service.engine.worker.run(_enlarge, service.engine.ledger, 100_000, waiting)
        found = _values((await client.get("/metrics")).text)
        assert found["mpstock_queue_depth", "raise", "shop"] == waiting
        took: list[float] = []
        for _ in range(10):
            # Of the processor, so that a machine that does other things as well makes no difference.
            begun = time.process_time()
            assert (await client.get("/metrics")).status_code == 200
            took.append(time.process_time() - begun)
        return sorted(took)[5]

    assert asking(tmp_path, ask, monitoring=OPEN) < 0.05
