"""Time, injected: everything that waits or stamps takes a `Clock`."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "ScaledClock", "SystemClock"]


class Clock(Protocol):
    """What time it is, and how to wait."""

    def now(self) -> datetime:
        """The wall-clock time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean something."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds of this clock."""
        ...

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        """Cancel the body after so many seconds of this clock and raise `TimeoutError`."""
        ...


def _elapsed() -> float:
    """Seconds that go on while the machine sleeps: what was to take a minute is over when it wakes."""
    # Linux; on a Mac the clock of this name counts sleep already, and elsewhere `monotonic` does.
    which = getattr(time, "CLOCK_BOOTTIME", None)
    if which is None and sys.platform == "darwin":
        which = time.CLOCK_MONOTONIC
    return time.monotonic() if which is None else time.clock_gettime(which)


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return _elapsed()

    async def sleep(self, seconds: float) -> None:
        import asyncio

        await asyncio.sleep(max(seconds, 0.0))

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        import asyncio

        return asyncio.timeout(seconds)


class ScaledClock:
    """Runs `speed` times as fast as the machine's clock: for work against simulators.

    `anchor` is the moment from which time runs faster; every clock of one play must share it.
    A timeout never falls below `floor` real seconds: loopback and the processor do not scale.
    """

    def __init__(self, speed: float, *, anchor: datetime | None = None, floor: float = 20.0) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be above 0, not {speed!r}")
        self.speed = speed
        self.anchor = anchor or datetime.now(UTC)
        self._floor = floor

    def now(self) -> datetime:
        elapsed = (datetime.now(UTC) - self.anchor).total_seconds()
        return self.anchor + timedelta(seconds=elapsed * self.speed)

    def monotonic(self) -> float:
        return _elapsed() * self.speed

    async def sleep(self, seconds: float) -> None:
        import asyncio

        await asyncio.sleep(max(seconds, 0.0) / self.speed)

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        import asyncio

        return asyncio.timeout(None if seconds is None else max(seconds / self.speed, self._floor))
