"""The transport that adapters are given: paces, sends, retries reads, and says what became of a request."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from attrs import define, frozen

from mpstock.carrying import carried_through
from mpstock.errors import NotSentError, PluginContractError, TransientError
from mpstock.gate import Gate
from mpstock.interfaces import Rate
from mpstock.pacing.hints import Hints, read_hints
from mpstock.redaction import Redactor, redact_wire_logs, redacting_logger
from mpstock.transport.client import build_client
from mpstock.transport.message import Message, build_message
from mpstock.transport.verdict import judge, never_sent
from mpstock.transport.wire import Passage, exchange
from mpstock.transport.words import place_of

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState

    from mpstock.clock import Clock
    from mpstock.pacing import Pacer, Slot
    from mpstock.transport.settings import TransportSettings

__all__ = ["HttpTransport"]


FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0

GRACE = 60.0
"""Seconds that a place may be held beside the attempt itself: for computing what to send."""


@define(eq=False)
class _Held:
    owner: HttpTransport
    scopes: frozenset[str]
    slot: Slot
    may_go: Callable[[], bool] | None = None
    used: bool = False


_held: ContextVar[_Held | None] = ContextVar("mpstock_held_slot", default=None)


@define(eq=False)
class _Call:
    """One `request` of an adapter: how long it may go on. Waiting for the limiter stops its watch."""

    clock: Clock
    deadline: float
    attempts: int
    started: float
    paced: float = 0.0

    def left(self) -> float:
        return self.deadline - (self.clock.monotonic() - self.started - self.paced)

    def pause(self, state: RetryCallState) -> float:
        outcome = state.outcome
        error = outcome.exception() if outcome is not None else None
        if isinstance(error, TransientError) and error.retry_after is not None:
            return error.retry_after
        longest = min(FIRST_PAUSE * 2.0 ** (state.attempt_number - 1), LONGEST_PAUSE)
        return longest * random.uniform(0.5, 1.0)

    def over(self, state: RetryCallState) -> bool:
        return state.attempt_number >= self.attempts or state.upcoming_sleep >= self.left()


@frozen
class Exchange:
    """One request: whose, its answer's status (None = none came), and how long that took in seconds."""

    adapter: str
    status: int | None
    seconds: float


class HttpTransport:
    """One adapter's way out; implements `mpstock.interfaces.Transport`.

    `secrets` (texts, or `mpstock.Secret`) appear in nothing that it says. `client_transport` replaces
    the network: `httpx.MockTransport`, `httpx.ASGITransport`. The client is made at the first request
    and belongs to the event loop of that request. While `gate` is shut no push leaves, whoever asks for it.
    """

    def __init__(
        self,
        name: str,
        *,
        pacer: Pacer,
        clock: Clock,
        settings: TransportSettings,
        secrets: Sequence[Any] = (),
        client_transport: httpx.AsyncBaseTransport | None = None,
        gate: Gate | None = None,
    ) -> None:
        self._name = name
        self._gate = gate or Gate(name)
        self._pacer = pacer
        self._clock = clock
        self._settings = settings
        self._client_transport = client_transport
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._account = name
        self.heard: Callable[[Exchange], None] | None = None
        """Told of each request that went out, or was to."""
        self._scopes: dict[str, Rate] = {}
        hidden = [*secrets, *([settings.proxy] if settings.proxy else [])]
        self._redact = Redactor(hidden)
        self._logger = redacting_logger(f"mpstock.transport.{name}", hidden)
        redact_wire_logs(self._redact)

    def __repr__(self) -> str:
        return f"<HttpTransport of {self._name!r}, account {self._account!r}>"

    def declare(self, account: str, rates: Sequence[Rate]) -> None:
        """Make the limits of `account` known, under which this transport's requests go out."""
        self._account = account
        self._scopes = {rate.scope: rate for rate in rates}
        self._pacer.declare(account, rates)

    def slot(
        self, scopes: Sequence[str], items: int = 1, *, may_go: Callable[[], bool] | None = None
    ) -> AbstractAsyncContextManager[None]:
        """Take a place under the limits now, for the first push inside that names the same scopes.

        So that what is pushed can be computed when its turn has come, and not before it. Further
        requests inside wait for places of their own; a place that was not used is given back. `may_go` is
        asked when a push inside is about to leave, on a connection that stands; if it says no, it does not.

        Raises:
            NotSentError: the vendor wants no request for longer than a call may last.
        """
        return self._slot(tuple(scopes), items, may_go)

    @asynccontextmanager
    async def _slot(
        self, scopes: tuple[str, ...], items: int, may_go: Callable[[], bool] | None
    ) -> AsyncIterator[None]:
        self._check_scopes(scopes)
        slot = await self._acquire(scopes, items, self._settings.timeout, self._settings.deadline, push=True)
        if slot is None:
            yield
            return
        held = _Held(self, frozenset(scopes), slot, may_go)
        token = _held.set(held)
        try:
            yield
        finally:
            _held.reset(token)
            if not held.used:
                await carried_through(slot.cancel())

    async def request(
        self,
        method: str,
        url: str,
        *,
        scopes: Sequence[str],
        push: bool = False,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        timeout: float | None = None,
        items: int = 1,
        describe: Callable[[httpx.Response], str] | None = None,
    ) -> httpx.Response:
        """Send one request; see `mpstock.interfaces.Transport.request`."""
        self._check_scopes(tuple(scopes))
        if push:
            self._gate.check()
        message = build_message(
            method,
            url,
            headers=headers,
            params=params,
            json=json,
            content=content,
            push=push,
            scopes=tuple(scopes),
            items=items,
            timeout=self._settings.timeout if timeout is None else timeout,
            describe=describe,
        )
        call = _Call(
            clock=self._clock,
            deadline=self._settings.deadline,
            attempts=1 if push else self._settings.attempts,
            started=self._clock.monotonic(),
        )
        return await (self._attempt(message, call) if push else self._read(message, call))

    async def aclose(self) -> None:
        """Close the connections. The transport can be used again; it then opens new ones."""
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.aclose()

    def _check_scopes(self, scopes: tuple[str, ...]) -> None:
        declared = ", ".join(sorted(self._scopes)) or "none"
        for scope in scopes:
            if scope not in self._scopes:
                raise PluginContractError(
                    f"{self._name}: a request names the rate scope {scope!r}, which is not declared "
                    f"(declared: {declared}); add it to `Limits.rates` or `Source.rates`"
                )
        if self._scopes and not scopes:
            raise PluginContractError(
                f"{self._name}: a request names no rate scope, though the adapter declares limits "
                f"({declared}); say which of them it counts in"
            )

    async def _read(self, message: Message, call: _Call) -> httpx.Response:
        try:
            return await self._attempt(message, call)
        except TransientError as error:
            failed = error
        return await self._retry(message, call, failed)

    async def _retry(self, message: Message, call: _Call, failed: TransientError) -> httpx.Response:
        """Read again after a first attempt that failed: what went well is none of tenacity's."""
        from tenacity import AsyncRetrying, retry_if_exception_type

        before = [failed]

        async def attempt() -> httpx.Response:
            if before:
                raise before.pop()
            return await self._attempt(message, call)

        retrying = AsyncRetrying(
            sleep=self._clock.sleep,
            wait=call.pause,
            stop=call.over,
            retry=retry_if_exception_type(TransientError),
            before_sleep=self._tell_retry,
            reraise=True,
        )
        try:
            return await retrying(attempt)
        except TransientError as error:
            tries = retrying.statistics.get("attempt_number", 1)
            if tries == 1:
                raise
            last = TransientError(f"{error}; given up after {tries} attempts", retry_after=error.retry_after)
            last.adapter = self._name
        raise last

    def _tell_retry(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        self._logger.info(
            "attempt %d failed, next in %.1f s: %s", state.attempt_number, state.upcoming_sleep, error
        )

    async def _attempt(self, message: Message, call: _Call) -> httpx.Response:
        slot = self._take_held(message)
        if slot is None:
            before = self._clock.monotonic()
            slot = await self._acquire(
                message.scopes, message.items, message.timeout, call.left(), push=message.push
            )
            call.paced += self._clock.monotonic() - before
        passage = Passage()
        begun = self._clock.monotonic()
        try:
            client = self._get_client()
            await exchange(
                client,
                message,
                passage,
                clock=self._clock,
                timeout=max(min(message.timeout, call.left()), 0.001),
                connect_timeout=self._settings.connect_timeout,
                max_body=self._settings.max_body,
                traced=self._client_transport is None,
                may_go=self._leave(message),
            )
        finally:
            if self.heard is not None:
                self.heard(Exchange(self._name, passage.status, self._clock.monotonic() - begun))
            hints = await self._settle(slot, message, passage)
        verdict = judge(message, passage, hints, self._name, self._redact)
        if isinstance(verdict, Exception):
            self._logger.debug("%s", verdict)
            raise verdict
        if self._logger.isEnabledFor(logging.DEBUG):
            self._logger.debug("%s: %d", place_of(message.method, message.url), verdict.status_code)
        return verdict

    def _get_client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client = build_client(self._settings, self._client_transport)
            self._loop = loop
        return self._client

    def _leave(self, message: Message) -> Callable[[], bool] | None:
        """Return what every push is asked of as it leaves, also one that waited for its own place."""
        if not message.push:
            return None
        held, gate = _held.get(), self._gate
        may_go = held.may_go if held is not None and held.owner is self else None
        return lambda: not gate.shut and (may_go is None or may_go())

    def _take_held(self, message: Message) -> Slot | None:
        held = _held.get()
        if (
            held is None
            or held.used
            or not message.push
            or held.owner is not self
            or held.scopes != frozenset(message.scopes)
        ):
            return None
        held.used = True
        return held.slot

    async def _acquire(
        self, scopes: Sequence[str], items: int, timeout: float, patience: float, *, push: bool
    ) -> Slot | None:
        if not scopes:
            return None
        try:
            return await self._pacer.acquire(
                self._account, scopes, items=items, lease=timeout + GRACE, patience=patience
            )
        except TransientError as error:
            kind = NotSentError if push else TransientError
            raise kind(str(error), adapter=self._name, retry_after=error.retry_after) from None

    async def _settle(self, slot: Slot | None, message: Message, passage: Passage) -> Hints:
        """Give the place back if nothing left, else book the answer, or that there was none."""
        if slot is None:
            return read_hints(passage.headers or {}, self._clock.now(), passage.status)
        # Carried through: a lost place would slow everyone.
        if never_sent(passage):
            await carried_through(slot.cancel())
            return Hints()
        return await carried_through(slot.finish(passage.status, passage.headers, message.items))
