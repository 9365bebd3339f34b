"""Who wants a run asks for it: the most urgent goes first, and what waits already is not run twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from mpstock.errors import RejectedError
from mpstock.service.news import News
from mpstock.service.runner import HEARD, LATER, SOON, Job, Runner

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _runner(shop: Any = None) -> tuple[Runner, News]:
    news = News()
    return Runner(shop, news, lambda: NOW), news


def _job(name: str, done: list[str], urgency: int = LATER, gate: asyncio.Event | None = None) -> Job:
    async def work(_shop: Any, progress: Any) -> str:
        progress("read", "erp", 1, 2)
        if gate is not None:
            await gate.wait()
        done.append(name)
        return name

    return Job(name, work, urgency)


def test_the_most_urgent_goes_first_and_the_same_is_shared() -> None:
    """While one runs, what is asked for waits: the urgent before the others, each name once."""

    async def play() -> list[str]:
        runner, _ = _runner()
        done: list[str] = []
        gate = asyncio.Event()
        first = runner.ask(_job("full", done, gate=gate))
        task = asyncio.create_task(runner.run())
        await asyncio.sleep(0)
        later = runner.ask(_job("verify", done))
        assert runner.ask(_job("verify", done)) is later
        runner.ask(_job("orders", done, SOON))
        heard = runner.ask(_job("heard", done, HEARD))
        assert runner.waiting == ["heard", "orders", "verify"]
        assert runner.running is not None
        assert runner.running.progress == {("read", "erp"): (1, 2)}
        gate.set()
        assert await heard == "heard"
        assert await later == "verify"
        assert await first == "full"
        runner.close()
        await task
        return done

    assert asyncio.run(play()) == ["full", "heard", "orders", "verify"]


def test_what_waits_becomes_as_urgent_as_its_most_urgent_asker() -> None:
    """A run that waits for the schedule goes first once a webhook asks for the same."""

    async def play() -> list[str]:
        runner, _ = _runner()
        done: list[str] = []
        runner.ask(_job("a", done))
        runner.ask(_job("b", done))
        runner.ask(_job("b", done, HEARD))
        return list(runner.waiting)

    assert asyncio.run(play()) == ["b", "a"]


def test_a_job_that_fails_ends_nothing_but_itself(caplog: pytest.LogCaptureFixture) -> None:
    """The one who waits for it gets the error, the log has it, and the next job runs."""

    async def fail(_shop: Any, _progress: Any) -> None:
        raise RejectedError("the till is closed", adapter="erp")

    async def play() -> str:
        runner, _ = _runner()
        done: list[str] = []
        failing = runner.ask(Job("full", fail))
        following = runner.ask(_job("orders", done))
        task = asyncio.create_task(runner.run())
        with pytest.raises(RejectedError, match="the till is closed"):
            await failing
        result: str = await following
        runner.close()
        await task
        return result

    assert asyncio.run(play()) == "orders"
    assert "full: " in caplog.text
    assert "the till is closed" in caplog.text


def test_closing_cancels_what_waits_and_asks_what_runs_to_stop() -> None:
    """After closing nothing is taken any more, and the run under way is asked to stop, not killed."""

    class Shop:
        stops = 0

        def interrupt(self) -> None:
            self.stops += 1

    async def play() -> None:
        shop = Shop()
        runner, _ = _runner(shop)
        done: list[str] = []
        gate = asyncio.Event()
        running = runner.ask(_job("full", done, gate=gate))
        task = asyncio.create_task(runner.run())
        await asyncio.sleep(0)
        waiting = runner.ask(_job("verify", done))
        runner.close()
        assert waiting.cancelled()
        assert shop.stops == 1
        assert runner.ask(_job("orders", done)).cancelled()
        gate.set()
        await task
        assert await running == "full"
        assert done == ["full"]

    asyncio.run(play())


def test_listeners_hear_what_happens_and_a_slow_one_loses_only_what_is_old() -> None:
    """Each listener gets every event; where it does not keep up, the newest are the ones it keeps."""

    async def play() -> None:
        runner, news = _runner()
        done: list[str] = []
        with news.listen() as events, news.listen() as idle:
            task = asyncio.create_task(runner.run())
            await runner.ask(_job("full", done))
            for number in range(400):
                await runner.ask(_job(f"job {number}", done))
            runner.close()
            await task
            news.close()
            heard = [(event.kind, event.data["name"]) async for event in events]
            assert heard[-1] == ("job_finished", "job 399")
            assert len([event async for event in idle]) < 300

    asyncio.run(play())
