"""Time that jumps: a simulated day takes seconds.

`run_virtual` runs a coroutine on an event loop of its own whose time stands still while anything can run
and jumps to the next timer when nothing can. `asyncio.sleep`, `asyncio.timeout` and every `VirtualClock`
go by that time. Work handed to threads by `run_in_executor` or `asyncio.to_thread` takes no virtual time:
the loop waits for it really. Network sockets are not for this loop (an answer under way would look like
idleness): serve doubles in the process, by `httpx.ASGITransport`.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, TypeVarTuple

__all__ = ["VirtualClock", "run_virtual"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

START = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)


class _StuckError(RuntimeError):
    """Everything waits, and nothing would ever wake it."""


class _JumpingSelector(selectors.BaseSelector):
    """Instead of waiting moves the time of the loop."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.elapsed = 0.0
        self.jobs = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self.jobs:
            return self._real.select(None)
        if timeout is None:
            raise _StuckError("everything waits, and no timer and no thread would ever wake it")
        self.elapsed += timeout
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def close(self) -> None:
        self._real.close()

    def get_map(self) -> Any:
        return self._real.get_map()


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, elapsed: float, *, threads: bool = True) -> None:
        self._jumping = _JumpingSelector()
        self._jumping.elapsed = elapsed
        self._threads = threads
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.elapsed

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        if not self._threads:
            return self._done(func, *args)
        future = super().run_in_executor(executor, func, *args)
        self._jumping.jobs += 1
        future.add_done_callback(self._job_done)
        return future

    def _done(self, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done

    async def shutdown_default_executor(self, *args: Any) -> None:
        # asyncio waits for its threads in a thread that it does not tell of.
        self._jumping.jobs += 1
        try:
            await super().shutdown_default_executor(*args)
        finally:
            self._jumping.jobs -= 1

    def _job_done(self, _: object) -> None:
        self._jumping.jobs -= 1


class VirtualClock:
    """A clock that goes by the time of `run_virtual`'s loop.

    All such clocks of one loop agree. Outside of `run_virtual` there is no time to go by; there a sleep
    passes at once and moves this clock by its length, so that a test on `asyncio.run` never waits (a
    timeout is then in real seconds). `start` is the wall-clock time at 0.
    """

    def __init__(self, start: datetime = START) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be timezone-aware")
        self._start = start
        self._loop: _VirtualLoop | None = None
        self._moved = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        loop = self._bind()
        return self._moved if loop is None else loop.time()

    async def sleep(self, seconds: float) -> None:
        seconds = max(seconds, 0.0)
        if self._bind() is None:
            await asyncio.sleep(0)
            self._moved += seconds
        else:
            await asyncio.sleep(seconds)

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(seconds)

    def advance(self, seconds: float) -> None:
        """Move a clock that is not on a virtual loop forward, or with a negative number set it back."""
        if self._bind() is not None:
            raise RuntimeError("on a virtual loop time moves by sleeping")
        self._moved += seconds

    def _bind(self) -> _VirtualLoop | None:
        """The loop that this clock goes by. From another thread it is the one that was seen last."""
        # Where none is running it says so without an exception: a double that is filled asks for each row.
        running = asyncio._get_running_loop()
        if running is not None and running is self._loop:
            return self._loop
        if isinstance(running, _VirtualLoop):
            self._loop = running
        elif running is not None or (self._loop is not None and self._loop.is_closed()):
            if self._loop is not None:
                self._moved = max(self._moved, self._loop.time())
            self._loop = None
        return self._loop


def run_virtual(
    main: Callable[[], Coroutine[Any, Any, T]],
    *,
    clock: VirtualClock | None = None,
    threads: bool = True,
    debug: bool = False,
) -> T:
    """Run `main()` to its end on a loop whose time jumps, and return its result.

    With `clock` time goes on from where that clock stands: the next process after a crash, say. Without
    `threads` what is handed to a thread is done at once where it stands, which is some times as fast: for
    work that waits for nothing but itself, as the ledger's does.

    Where a loop runs already, as in a notebook, it is done in a thread of its own, and waited for.

    Raises:
        RuntimeError: everything waits, and nothing would ever wake it.
    """
    if asyncio._get_running_loop() is not None:
        with ThreadPoolExecutor(1, thread_name_prefix="mpstock-virtual") as apart:
            return apart.submit(lambda: run_virtual(main, clock=clock, threads=threads, debug=debug)).result()
    elapsed = 0.0 if clock is None else clock.monotonic()
    with asyncio.Runner(loop_factory=lambda: _VirtualLoop(elapsed, threads=threads), debug=debug) as runner:
        return runner.run(main())
