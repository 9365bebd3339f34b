"""What goes wrong between an adapter and a vendor's double, by name."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from attrs import define, evolve, field

from mpstock.clock import Clock
from mpstock.simulation import Answer, Request, Simulator
from mpstock.testing import alterations

__all__ = ["AfterFirst", "FaultScript"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Match = Callable[[Request], bool]

_ABORT = "mpstock.abort"
_PAGE = (
    "<!DOCTYPE html><html><head><title>Технические работы</title></head>"
    "<body><h1>Технические работы</h1><p>Зайдите позже.</p></body></html>"
)


@define
class _Alteration:
    """A change of the double's own answer. With `cut` the connection breaks in the middle of it."""

    match: Match
    change: Callable[[Answer], Answer] = field(default=lambda answer: answer)
    times: int = -1
    cut: bool = False
    pause: float = 0.0


@define
class _Replay:
    """Keeps the last answer that went out whole, and gives it again instead of the work."""

    match: Match
    last: Answer | None = None


class FaultScript:
    """Stands before a double as an ASGI application, and lets go wrong what the script says.

    Give it to `adapter_context` or `serve` in the double's place. Each method adds one fault for the next
    `times` requests (-1 = from now on) that `match` lets through, leaving out the first `after` of them;
    `clear` takes all of them back. What `Simulator.add_fault` can do is done by it; what alters the double's
    own answer on its way (a byte order mark, half a body, a lie in a header) is done here. The `match` of
    such a fault sees a request without its body.
    """

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._alterations: list[_Alteration] = []
        self._replays: list[_Replay] = []

    @property
    def clock(self) -> Clock:
        """The double's own clock."""
        return self.simulator.clock

    def clear(self) -> None:
        """Let everything work again."""
        self.simulator.faults.clear()
        self._alterations.clear()
        self._replays.clear()

    # -- instead of the answer -----------------------------------------------------------

    def answer(
        self,
        status: int,
        body: bytes | str = b"",
        headers: Mapping[str, str] | None = None,
        *,
        after_commit: bool = False,
        times: int = -1,
        after: int = 0,
        match: Match | None = None,
    ) -> None:
        """Answer so; with `after_commit` the work is done first, and nobody is told."""
        self.simulator.add_fault(
            match=_from(after, match),
            status=status,
            body=body,
            headers=headers or {},
            after_commit=after_commit,
            times=times,
        )

    def html(self, status: int = 200, *, times: int = -1, after: int = 0, match: Match | None = None) -> None:
        """Answer with a page for people, as a login form or a web server's maintenance does."""
        self.answer(status, _PAGE, times=times, after=after, match=match)

    def deep_json(
        self, depth: int = 100_000, *, times: int = -1, after: int = 0, match: Match | None = None
    ) -> None:
        """Answer with lists within lists, deeper than any parser goes."""
        headers = {"content-type": "application/json"}
        self.answer(200, "[" * depth + "]" * depth, headers, times=times, after=after, match=match)

    def redirect(
        self,
        url: str,
        status: int = 302,
        *,
        times: int = -1,
        after: int = 0,
        match: Match | None = None,
    ) -> None:
        """Send the client to `url`."""
        self.answer(status, headers={"location": url}, times=times, after=after, match=match)

    def drop(
        self, *, after_commit: bool = False, times: int = -1, after: int = 0, match: Match | None = None
    ) -> None:
        """Close the connection without an answer, before the work or after it."""
        self.simulator.add_fault(match=_from(after, match), drop=True, after_commit=after_commit, times=times)

    def slow(
        self,
        seconds: float,
        *,
        after_commit: bool = False,
        times: int = -1,
        after: int = 0,
        match: Match | None = None,
    ) -> None:
        """Let an answer take so long, of the double's clock."""
        self.simulator.add_fault(
            match=_from(after, match), delay=seconds, after_commit=after_commit, times=times
        )

    def replay(self, *, match: Match | None = None) -> None:
        """From now on give the last answer again instead of doing the work, as a write that is lost.

        What has to be repeated must come first: the first request that `match` lets through is done.
        """
        self._replays.append(_Replay(_from(0, match)))

    # -- the double's own answer, altered ------------------------------------------------

    def alter(
        self,
        change: Callable[[Answer], Answer],
        *,
        times: int = -1,
        after: int = 0,
        match: Match | None = None,
    ) -> None:
        """Do the work and send what `change` makes of the answer; its body is not compressed."""
        self._alterations.append(_Alteration(_from(after, match), change, times))

    def slow_body(
        self, seconds: float, *, times: int = -1, after: int = 0, match: Match | None = None
    ) -> None:
        """Do the work, send half of the answer, and the rest so much later."""
        self._alterations.append(_Alteration(_from(after, match), times=times, pause=seconds))

    def cut_off(self, *, times: int = -1, after: int = 0, match: Match | None = None) -> None:
        """Do the work, and let the connection break in the middle of the answer."""
        self._alterations.append(_Alteration(_from(after, match), times=times, cut=True))

    def cut_text(self, *, times: int = -1, after: int = 0, match: Match | None = None) -> None:
        """Send half of the body as if it were all of it."""
        self.alter(alterations.half, times=times, after=after, match=match)

    def byte_order_mark(self, *, times: int = -1, after: int = 0, match: Match | None = None) -> None:
        """Send a byte order mark before the body, as 1C and spreadsheets do."""
        self.alter(alterations.marked, times=times, after=after, match=match)

    def header(
        self, name: str, value: str, *, times: int = -1, after: int = 0, match: Match | None = None
    ) -> None:
        """Send the right body with this header instead of the right one."""
        self.alter(
            lambda answer: alterations.with_header(answer, name, value), times=times, after=after, match=match
        )

    def date(self, skew: timedelta, *, times: int = -1, after: int = 0, match: Match | None = None) -> None:
        """Send a `Date` that is so far from the double's clock."""

        def skewed(answer: Answer) -> Answer:
            moment = format_datetime(self.clock.now() + skew, usegmt=True)
            return alterations.with_header(answer, "date", moment)

        self.alter(skewed, times=times, after=after, match=match)

    def lying_gzip(self, *, times: int = -1, after: int = 0, match: Match | None = None) -> None:
        """Call the body compressed, and send it plain."""
        self.header("content-encoding", "gzip", times=times, after=after, match=match)

    def broken_gzip(self, *, times: int = -1, after: int = 0, match: Match | None = None) -> None:
        """Send a compressed body without its end."""
        self.alter(alterations.broken_gzip, times=times, after=after, match=match)

    def text(
        self, old: str, new: str, *, times: int = -1, after: int = 0, match: Match | None = None
    ) -> None:
        """Send the body with `new` wherever it has `old`."""
        self.alter(
            lambda answer: alterations.replaced(answer, old, new), times=times, after=after, match=match
        )

    def missing_row(self, *, times: int = -1, after: int = 0, match: Match | None = None) -> None:
        """Leave the last row out of a JSON answer: that of its first list of several."""
        self.alter(alterations.without_row, times=times, after=after, match=match)

    def double_row(self, *, times: int = -1, after: int = 0, match: Match | None = None) -> None:
        """Tell the last row of a JSON answer twice."""
        self.alter(alterations.doubled_row, times=times, after=after, match=match)

    # -- ASGI ----------------------------------------------------------------------------

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Speak ASGI."""
        if scope["type"] != "http":
            await self.simulator(scope, receive, send)
            return
        request = _seen(scope)
        replay = next((one for one in self._replays if one.match(request)), None)
        found = next((one for one in self._alterations if one.times != 0 and one.match(request)), None)
        if found is None:
            found = None if replay is None else _Alteration(replay.match)
        elif found.times > 0:
            found.times -= 1
        if found is None:
            await self.simulator(scope, receive, send)
            return
        if replay is not None and replay.last is not None:
            answer = replay.last
        else:
            answer = await self._worked(scope, receive)
        if replay is not None:
            replay.last = answer
        await self._sent(found, answer, scope, receive, send)

    async def _worked(self, scope: Message, receive: Receive) -> Answer:
        """Let the double answer, and return what it would have sent, decompressed."""
        parts: list[bytes] = []
        start: Message = {"status": 500, "headers": []}

        async def gather(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self.simulator(scope, receive, gather)
        told = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
        told.pop("content-length", None)
        body = b"".join(parts)
        if told.get("content-encoding") == "gzip":
            del told["content-encoding"]
            body = gzip.decompress(body)
        return Answer(start["status"], body, told)

    async def _sent(
        self, found: _Alteration, answer: Answer, scope: Message, receive: Receive, send: Send
    ) -> None:
        answer = found.change(answer)
        headers = dict(answer.headers)
        if answer.status not in (204, 304):
            headers["content-length"] = str(len(answer.body))
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        half = len(answer.body) // 2
        if found.cut or found.pause > 0:
            await send({"type": "http.response.body", "body": answer.body[:half], "more_body": True})
        if found.cut:
            abort = (scope.get("extensions") or {}).get(_ABORT)
            if abort is not None:
                abort()
                while (await receive())["type"] != "http.disconnect":
                    pass
            return
        if found.pause > 0:
            await self.clock.sleep(found.pause)
            answer = evolve(answer, body=answer.body[half:])
        await send({"type": "http.response.body", "body": answer.body})


class AfterFirst(FaultScript):
    """Puts its faults into another script, each with so many requests that are left alone first."""

    def __init__(self, script: FaultScript, after: int) -> None:
        super().__init__(script.simulator)
        self._script = script
        self._after = after

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        if name.startswith("_") or name in ("clear", "replay", "simulator", "clock"):
            return found
        method = getattr(self._script, name)
        return lambda *args, **options: method(*args, **{"after": self._after, **options})


def _from(after: int, match: Match | None) -> Match:
    """Match what `match` does, but for the first `after` requests of it."""
    seen = 0

    def matches(request: Request) -> bool:
        nonlocal seen
        if match is not None and not match(request):
            return False
        seen += 1
        return seen > after

    return matches


def _seen(scope: Message) -> Request:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return Request(
        scope["method"], scope["path"], headers=headers, raw_query=scope["query_string"].decode("latin-1")
    )
