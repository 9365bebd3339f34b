"""Processes that can die at any instant: of them only what the disk and the accounts hold is left.

A process is a shop of its own, on its own connection to the ledger. It passes a *point* at each commit and at
each request. Armed for one of these it dies there: from then on nothing that it does reaches the ledger or a
double, its open transaction is rolled back, and its connection is gone.

Everything runs on one loop in one thread, the ledger's work too, so that an example is the same whenever it
is run.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TypeVar, TypeVarTuple

from attrs import define, field
from sqlalchemy import event
from sqlalchemy.engine import Engine

from mpstock import AsyncShop
from mpstock.owners import unregister
from mpstock.testing.virtual import _VirtualLoop
from tests import ledgers
from tests.machine.counting import count
from tests.reconcile.shops import Killed

__all__ = ["AT_COMMITS", "CRASHES", "WHILE_READING", "WHILE_WRITING", "Loop", "Process", "Wired"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

REQUESTS = ("orders", "source", "listings", "observe")
AT_COMMITS = ("before a commit", "after a commit")
WHILE_READING = tuple(
    f"{when}: {name}" for when in ("before a request", "after an answer") for name in REQUESTS
)
WHILE_WRITING = (
    "before a request: push",
    "on the wire: push",
    "applied and not answered: push",
    "after an answer: push",
)
CRASHES = (*AT_COMMITS, *WHILE_READING, *WHILE_WRITING)
"""Where a process can die. What was on the wire arrives after its death."""


class Loop(_VirtualLoop):
    """A loop whose time jumps, and which does at once what others give to a thread."""

    def __init__(self) -> None:
        super().__init__(0.0)
        # What a process that died leaves behind complains to nobody.
        self.set_exception_handler(lambda _loop, _context: None)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except BaseException as error:
            future.set_exception(error)
        return future

    def elapse(self, seconds: float) -> None:
        """Let time pass."""
        self._jumping.elapsed += seconds

    def drive(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work to its end, and end whatever it has left running."""
        try:
            return self.run_until_complete(work)
        finally:
            while left := asyncio.all_tasks(self):
                for task in left:
                    task.cancel()
                self.run_until_complete(asyncio.gather(*left, return_exceptions=True))


@define
class Process:
    """One process at work on the ledger. `meanwhile` are things that happen at its requests' boundaries.

    `reading` counts the sources that it is reading.
    """

    name: str
    dead: bool = False
    reading: int = 0
    shop: AsyncShop | None = None
    meanwhile: list[tuple[int, Callable[[], Awaitable[None]]]] = field(
        factory=list[tuple[int, Callable[[], Awaitable[None]]]]
    )
    _armed: tuple[str, int] | None = None
    _wires: list[Wired] = field(factory=list["Wired"])

    def arm(self, crash: str, nth: int) -> None:
        """Let it die at the nth point of this kind."""
        self._armed = (crash, nth)

    def disarm(self) -> None:
        """Let it live, and forget what should have happened meanwhile."""
        self._armed = None
        self.meanwhile.clear()

    def point(self, crash: str) -> None:
        """Pass a point at which it may die; dead already, it gets no further."""
        self.alive()
        if self._armed is not None and self._armed[0] == crash:
            self._armed = (crash, self._armed[1] - 1)
            if not self._armed[1]:
                count(f"crash {crash}")
                self.dead = True
                raise Killed

    def alive(self) -> None:
        """Raise `Killed` if it is not."""
        if self.dead:
            raise Killed

    async def boundary(self, *, pushes: bool = False) -> None:
        """Let what should happen here happen: of what has a negative number only at a push."""
        if not self.meanwhile or self.dead:
            return
        counted = [(nth, action, 1 if nth > 0 else -1 if pushes else 0) for nth, action in self.meanwhile]
        due = [action for nth, action, step in counted if nth == step]
        self.meanwhile = [(nth - step, action) for nth, action, step in counted if nth != step]
        for action in due:
            # Each moment has one event: what came first is never in doubt.
            await asyncio.sleep(0.001)
            await action()
            await asyncio.sleep(0.001)

    async def open(self, make: Callable[[], AsyncShop]) -> AsyncShop:
        """Open its shop, unless it is open."""
        if self.shop is None:
            global _opening
            _opening = self
            try:
                with self._to_the_server():
                    self.shop = make()
                    await self.shop.build()
            finally:
                _opening = None
        return self.shop

    def _to_the_server(self) -> AbstractContextManager[None]:
        if not ledgers.ON_POSTGRES:
            return nullcontext()
        from tests.machine.server_wires import wired

        return wired(self, self._wires)

    async def close(self) -> None:
        """End it in good order."""
        if self.shop is not None:
            await self.shop.aclose()
            self.shop = None

    def bury(self, *, elsewhere: bool) -> None:
        """Take away what the operating system takes away: its connections, with what was not committed.

        Of one that ran elsewhere nobody here knows that it has ended.
        """
        self.dead = True
        engine = None if self.shop is None else self.shop._assembly._engine
        if engine is not None and not elsewhere:
            unregister(engine.leases.owner)
        for wire in self._wires:
            wire.cut()


class Wired(Protocol):
    """A process's connection to the ledger."""

    def cut(self) -> None:
        """Take it away: nobody has said goodbye."""


class Wire(sqlite3.Connection):
    """A process's connection to the file of the ledger."""

    process: Process

    def cut(self) -> None:
        super().close()

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        process = self.process
        process.alive()
        commits = sql == "COMMIT" or (
            not self.in_transaction and sql.startswith(("INSERT", "UPDATE", "DELETE"))
        )
        if not commits:
            return super().execute(sql, *parameters)
        process.point("before a commit")
        cursor = super().execute(sql, *parameters)
        process.point("after a commit")
        return cursor

    def executemany(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        self.process.alive()
        return super().executemany(sql, *parameters)

    def rollback(self) -> None:
        if not self.process.dead:
            super().rollback()

    def close(self) -> None:
        if not self.process.dead:
            super().close()


_opening: Process | None = None


@event.listens_for(Engine, "do_connect")
def _connect(_dialect: Any, _record: Any, _arguments: Any, keywords: dict[str, Any]) -> None:
    """Give the process that opens its ledger a wire of its own."""
    process = _opening
    if process is None:
        return

    def wire(*arguments: Any, **options: Any) -> Wire:
        made = Wire(*arguments, **options)
        made.process = process
        process._wires.append(made)
        return made

    keywords["factory"] = wire
