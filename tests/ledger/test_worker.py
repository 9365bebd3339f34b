"""The ledger's one thread: who goes first, and that nothing is lost on the way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from mpstock.ledger.worker import AHEAD, Worker


def order_of(
    ask: Callable[[Worker, Callable[[str], None]], list[Coroutine[Any, Any, None]]],
) -> list[str]:
    """Return in which order a worker does what it is asked while its thread is busy."""
    done: list[str] = []
    busy, free = threading.Event(), threading.Event()

    def hold() -> None:
        busy.set()
        free.wait()

    async def play() -> None:
        worker = Worker()
        try:
            holding = asyncio.create_task(worker.run(hold))
            await asyncio.to_thread(busy.wait)
            asked = [asyncio.create_task(work) for work in ask(worker, done.append)]
            await asyncio.sleep(0)
            free.set()
            await asyncio.gather(holding, *asked)
        finally:
            free.set()
            worker.close()

    asyncio.run(play())
    return done


def test_what_is_short_goes_before_pages_of_long_work() -> None:
    """A webhook that comes while pages wait goes before them; among themselves all keep their order."""

    def ask(worker: Worker, note: Callable[[str], None]) -> list[Coroutine[Any, Any, None]]:
        pages = [worker.run_page(note, f"page {number}") for number in range(3)]
        return [*pages, worker.run(note, "webhook"), worker.run(note, "outcome")]

    assert order_of(ask) == ["webhook", "outcome", "page 0", "page 1", "page 2"]


def test_a_page_has_its_turn_however_much_is_short() -> None:
    """Who asks without end keeps no reading from ending: after so many calls one page goes."""

    def ask(worker: Worker, note: Callable[[str], None]) -> list[Coroutine[Any, Any, None]]:
        short = [worker.run(note, "short") for _ in range(3 * AHEAD)]
        return [*(worker.run_page(note, "page") for _ in range(2)), *short]

    found = order_of(ask)
    places = [number for number, what in enumerate(found) if what == "page"]
    assert len(found) == 3 * AHEAD + 2
    # The call that kept the thread busy was one of the first row.
    assert places == [AHEAD - 1, 2 * AHEAD]


@pytest.mark.parametrize("way", [Worker.run, Worker.run_page])
def test_what_is_raised_comes_to_who_asked(way: Any) -> None:
    """An error is the asker's alone; the thread goes on."""

    async def play() -> int:
        worker = Worker()
        try:
            with pytest.raises(ZeroDivisionError):
                await way(worker, divmod, 1, 0)
            return int(await way(worker, int, "7"))
        finally:
            worker.close()

    assert asyncio.run(play()) == 7


@pytest.mark.parametrize("way", [Worker.run, Worker.run_page])
def test_what_was_asked_for_is_carried_through(way: Any) -> None:
    """Who is cancelled while it waits hears nothing any more, but a transaction is never left half-way."""
    done: list[str] = []

    async def play() -> None:
        worker = Worker()
        busy, free = threading.Event(), threading.Event()

        def hold() -> None:
            busy.set()
            free.wait()

        try:
            holding = asyncio.create_task(worker.run(hold))
            await asyncio.to_thread(busy.wait)
            asked = asyncio.create_task(way(worker, done.append, "written"))
            await asyncio.sleep(0)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            free.set()
            await holding
        finally:
            free.set()
            worker.close()

    asyncio.run(play())
    assert done == ["written"]


def test_a_worker_that_is_closed_takes_nothing_more() -> None:
    """What comes after the end is refused at once, and does not wait for ever."""

    async def play() -> None:
        worker = Worker()
        assert await worker.run(int, "1") == 1
        worker.close()
        for way in (worker.run, worker.run_page):
            with pytest.raises(RuntimeError):
                await way(int, "2")

    asyncio.run(play())
