"""The sink and the whole shop before the double, which enforces the Market's limits and sells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from mpstock import OutcomeStatus
from mpstock.errors import InDoubtError, NotSentError
from mpstock.plugins import PluginRegistry
from mpstock.testing import VirtualClock, run_virtual, shop_in_process
from mpstock_yandex import plugin
from mpstock_yandex.simulator import YandexSimulator
from tests.yandex.cabinet import MAIN, SPARE, cabinet, change, play, shown, sink_of

STOCKS = "/v2/campaigns/2101/offers/stocks"

SETTINGS = """
[sources.list]
plugin = "memory"
[sources.list.levels]
{levels}

[sinks.yandex]
plugin = "yandex"
api_key = "ACMA:double-4hKq:9f31c7d2"
business_id = 88001
{warehouses}
[sinks.yandex.buffer]
policy = "all"
"""


# ------------------------------------------------------------------------ limits


@pytest.mark.slow
@pytest.mark.parametrize("model", ["fixed", "sliding", "leaky"])
def test_150_000_numbers_go_as_fast_as_the_market_takes_them(model: Any) -> None:
    """75 full requests, four at once: nothing is refused with 420, and only the limit takes its time."""
    double = cabinet(*(f"S-{n}" for n in range(2000)), limit_model=model)
    double.write_time = 0.3

    full = [change(f"S-{n}", n) for n in range(2000)]

    async def story() -> float:
        sink = sink_of(double)
        began = double.clock.monotonic()
        work = [sink.push(full) for _ in range(75)]
        for outcomes in await asyncio.gather(*work):
            assert {one.status for one in outcomes} == {OutcomeStatus.OK}
        return float(double.clock.monotonic() - began)

    took = play(double, story)
    assert double.gate.refused == 0
    assert took <= 74 * 1.2 * 1.02 + 1.0


def test_what_others_use_up_is_waited_for() -> None:
    """Another program has taken the whole minute: the write says when, and goes through then."""
    double = cabinet("A")

    async def story() -> None:
        sink = sink_of(double)
        double.gate.count("campaignId 2101", "updateStocks", 100_000)
        with pytest.raises(NotSentError) as caught:
            await sink.push([change("A", 5)])
        assert 0 < (caught.value.retry_after or 0) <= 61
        await double.clock.sleep(caught.value.retry_after or 0)
        (outcome,) = await sink.push([change("A", 5)])
        assert outcome.status is OutcomeStatus.OK

    play(double, story)


# --------------------------------------------------------------------- updatedAt


def test_a_write_that_arrives_late_does_not_replace_a_newer_one() -> None:
    """10 is sent and lost on its way, 7 is sent after it, then the 10 arrives: 7 stays."""
    double = cabinet("A")
    double.add_fault(path=STOCKS, method="PUT", delay=100.0, times=1)

    async def story() -> None:
        sink = sink_of(double)
        with pytest.raises(InDoubtError):
            await sink.push([change("A", 10)])
        (outcome,) = await sink.push([change("A", 7)])
        assert outcome.status is OutcomeStatus.OK
        await double.clock.sleep(200)
        assert [one.status for one in double.requests if one.method == "PUT"] == [200, 200]
        assert double.showing("A", MAIN) == 7

    play(double, story)


def test_without_the_moment_the_late_write_would_win() -> None:
    """The same with `updated_at = false`: what the setting is for."""
    double = cabinet("A")
    double.add_fault(path=STOCKS, method="PUT", delay=100.0, times=1)

    async def story() -> None:
        sink = sink_of(double, updated_at=False)
        with pytest.raises(InDoubtError):
            await sink.push([change("A", 10)])
        await sink.push([change("A", 7)])
        await double.clock.sleep(200)
        assert double.showing("A", MAIN) == 10

    play(double, story)


# ------------------------------------------------------------------ a whole shop


def shop(
    tmp_path: Path,
    double: YandexSimulator,
    levels: dict[str, int],
    day: Callable[[Any], Coroutine[Any, Any, None]],
    codes: tuple[str, ...] = (MAIN,),
) -> None:
    """Let `day` have the shop of these levels before the double."""
    file = tmp_path / "mpstock.toml"
    told = "\n".join(f'"{sku}" = {quantity}' for sku, quantity in levels.items())
    stores = "\n".join(f'[[sinks.yandex.warehouses]]\ncode = "{code}"' for code in codes)
    file.write_text(SETTINGS.format(levels=told, warehouses=stores), encoding="utf-8")
    registry = PluginRegistry(entry_points=[])
    registry.register(plugin, "yandex")

    async def story() -> None:
        async with shop_in_process(file, {"sinks.yandex": double}, double.clock, plugins=registry) as opened:
            await day(opened)

    assert isinstance(double.clock, VirtualClock)
    run_virtual(story, clock=double.clock, threads=False)


def test_a_shop_shows_what_it_has_in_no_more_requests_than_it_takes(tmp_path: Path) -> None:
    """300 changes are one request, and a second run sends nothing."""
    levels = {f"S-{n}": n % 50 + 1 for n in range(300)}
    double = cabinet(*levels)

    async def day(opened: Any) -> None:
        assert (await opened.sync()).pushed == 300
        assert (await opened.sync()).pushed == 0

    shop(tmp_path, double, levels, day)
    assert {sku: count for (sku, _), count in double.shown().items()} == levels
    assert double.count("PUT", STOCKS) == 1
    assert double.gate.refused == 0


def test_what_is_sold_is_not_offered_again(tmp_path: Path) -> None:
    """An order is subtracted as long as the source has not booked it, and a cancel frees it."""
    double = cabinet("A")

    async def day(opened: Any) -> None:
        await opened.sync()
        (key,) = double.buy("A", MAIN, 3)
        await double.clock.sleep(60)
        await opened.sync()
        assert double.showing("A", MAIN) == 7
        double.cancel(key)
        await double.clock.sleep(60)
        await opened.sync()
        assert double.showing("A", MAIN) == 10

    shop(tmp_path, double, {"A": 10}, day)


def test_two_stores_of_a_group_are_one_stock(tmp_path: Path) -> None:
    """Both configured, ten units: ten are shown, written once, and not twenty."""
    double = cabinet("A", stores=(2101, 2102))
    double.cabinet.join(50, "Общий", 2101, 2102)

    async def day(opened: Any) -> None:
        await opened.sync()

    shop(tmp_path, double, {"A": 10}, day, (MAIN, SPARE))
    assert (double.showing("A", MAIN), double.showing("A", SPARE)) == (10, 10)
    assert double.count("PUT", STOCKS) == 1
    assert double.count("PUT", f"/v2/campaigns/{SPARE}") == 0


@pytest.mark.parametrize("words", ["SKU 'S-3' is in quarantine", "Something is wrong with the request"])
def test_one_bad_offer_harms_no_neighbour(tmp_path: Path, words: str) -> None:
    """Named or not, it fails alone; all others are shown by the same run."""
    levels = {f"S-{n}": 5 for n in range(16)}
    double = cabinet(*levels)
    double.refusals["S-3"] = words

    async def day(opened: Any) -> None:
        await opened.sync()

    shop(tmp_path, double, levels, day)
    assert {sku: count for (sku, _), count in double.shown().items()} == {**levels, "S-3": 0}


def test_a_420_within_a_run_is_waited_out(tmp_path: Path) -> None:
    """Others used the limit up, for reading and for writing: the run takes longer, and nothing fails."""
    double = cabinet("A")
    body = {"status": "ERROR", "errors": [{"code": "X", "message": "Hit rate limit of 4 parallel requests"}]}
    double.add_fault(path="/v2/businesses/88001/offer-mappings", status=420, body=body, times=2)
    double.add_fault(path=STOCKS, method="PUT", status=420, body=body, times=1)

    async def day(opened: Any) -> None:
        report = await opened.sync()
        assert report.pushed == 1

    shop(tmp_path, double, {"A": 5}, day)
    assert double.showing("A", MAIN) == 5


def test_what_somebody_changes_in_the_cabinet_is_found_out(tmp_path: Path) -> None:
    """Verifying reads back what may be ordered, and says that another has written it."""
    double = cabinet("A")

    async def day(opened: Any) -> None:
        await opened.sync()
        double.set_shown("A", MAIN, 99)
        await double.clock.sleep(2000)
        found = await opened.verify()
        assert found.sinks["yandex"].drifts == {"another_writer": 1}

    shop(tmp_path, double, {"A": 5}, day)


def test_the_double_s_switch_for_unknown_skus() -> None:
    """Refused by name, refused without, or taken and dropped: the documents leave it open."""
    for unknown in ("named", "whole", "ignored"):
        double = cabinet("A", unknown=unknown)
        sink = sink_of(double)
        outcomes = play(double, lambda: sink.push([change("A", 1), change("Z", 1)]))  # noqa: B023
        statuses = [one.status.value for one in outcomes]
        assert (
            statuses
            == {
                "named": ["unsent", "error"],
                "whole": ["whole", "whole"],
                "ignored": ["ok", "ok"],
            }[unknown]
        )
        assert play(double, lambda: shown(sink)).get("A", 0) == (unknown == "ignored")  # noqa: B023
