"""The ledger's one thread: who goes first, and that nothing is lost on the way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from itertools import pairwise
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
    done: list[str] = []

    async def play() -> None:
        worker = Worker()

        async def ask_again() -> None:
            while done.count("page") < 3:
                await worker.run(done.append, "short")

        try:
            asking = [asyncio.create_task(ask_again()) for _ in range(3)]
            await asyncio.gather(*(worker.run_page(done.append, "page") for _ in range(3)), *asking)
        finally:
            worker.close()

    asyncio.run(play())
    places = [number for number, what in enumerate(done) if what == "page"]
    # Those that were in line already when its turn came go first.
    assert all(after - before <= AHEAD + 6 for before, after in pairwise([0, *places]))


def test_a_page_that_is_given_up_keeps_nobody_waiting() -> None:
    """Whose caller is cancelled while it waits, or as its turn comes, is passed over; the next one goes."""

    async def play() -> list[str]:
        done: list[str] = []
        worker = Worker()
        busy, free = threading.Event(), threading.Event()

        def hold() -> None:
            busy.set()
            free.wait()

        try:

            async def first() -> None:
                await worker.run_page(hold)
                # The turn has passed to the second page, which has not gone on yet.
                pages[1].cancel()

            holding = asyncio.create_task(first())
            await asyncio.to_thread(busy.wait)
            pages = [asyncio.create_task(worker.run_page(done.append, f"page {n}")) for n in range(3)]
            await asyncio.sleep(0)
            pages[0].cancel()
            free.set()
            found = await asyncio.gather(*pages, return_exceptions=True)
            await holding
            assert [isinstance(one, asyncio.CancelledError) for one in found] == [True, True, False]
            await worker.run_page(done.append, "another")
        finally:
            free.set()
            worker.close()
        return done

    assert asyncio.run(play()) == ["page 2", "another"]


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
def test_what_has_begun_is_carried_through(way: Any) -> None:
    """Who is cancelled hears nothing any more, but a transaction is never left half-way."""
    done: list[str] = []

    async def play() -> None:
        worker = Worker()
        busy, free = threading.Event(), threading.Event()

        def write() -> None:
            busy.set()
            free.wait()
            done.append("written")

        try:
            asked = asyncio.create_task(way(worker, write))
            await asyncio.to_thread(busy.wait)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            free.set()
            await way(worker, done.append, "and more")
        finally:
            free.set()
            worker.close()

    asyncio.run(play())
    assert done == ["written", "and more"]


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
