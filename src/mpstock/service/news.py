"""What happens, told at once to whoever listens: pages that show it live, and tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from attrs import field, frozen

__all__ = ["Event", "News"]

_MOST = 256
"""Events that wait for a slow listener; what is older is dropped, for the newest says where things stand."""


@frozen
class Event:
    """Something has happened: `kind` is `job_started`, `progress`, `pushed`, `alert` and so on."""

    kind: str
    at: datetime
    data: Mapping[str, Any] = field(factory=dict[str, Any])


class News:
    """Hands each event to every listener of this process, on its event loop."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[Event | None]] = set()
        self._followers: list[Callable[[Event], None]] = []

    def tell(self, event: Event) -> None:
        """Hand an event on; nobody is waited for."""
        for follower in self._followers:
            follower(event)
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)

    def follow(self, follower: Callable[[Event], None]) -> None:
        """Tell somebody of every event at once, where it happens; it must be quick, and must not fail."""
        self._followers.append(follower)

    @contextmanager
    def listen(self) -> Iterator[AsyncIterator[Event]]:
        """Yield an asynchronous iterator of what happens from now on; it ends when the service stops."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue(_MOST)
        self._listeners.add(queue)
        try:
            yield _events(queue)
        finally:
            self._listeners.discard(queue)

    def close(self) -> None:
        """End every listener's iteration."""
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)


async def _events(queue: asyncio.Queue[Event | None]) -> AsyncIterator[Event]:
    while (event := await queue.get()) is not None:
        yield event
