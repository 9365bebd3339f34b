"""The double as an ASGI application: routes, limits, faults, the record of what came."""

from __future__ import annotations

import asyncio
import gzip
import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from mpstock.clock import Clock, SystemClock
from mpstock.simulation.limiting import Limiter, Refused
from mpstock.simulation.messages import Answer, Fault, Recorded, Refusal, Request
from mpstock.simulation.routing import Handler, Route, Router

__all__ = ["Handler", "Simulator", "SinkSimulator", "SourceSimulator"]

T = TypeVar("T")
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

ABORT = "mpstock.abort"
"""The ASGI extension by which `serve` lets a fault close the connection under a request."""

_SECRET_HEADERS = frozenset(
    ("authorization", "proxy-authorization", "cookie", "api-key", "x-api-key", "x-auth-token")
)


class Simulator:
    """A vendor's double. Subclasses add routes and say how their vendor refuses.

    What is its own business has names that no subclass can meet by chance: whatever yours are called is free.

    All state lives in one event loop; what looks at it or changes it from another thread goes through
    `call` (the methods of `SourceSimulator` and `SinkSimulator` do so by themselves where it matters).

    `requests`   everything that came, in the order of the answers.
    `faults`     what goes wrong; the first that matches and is not used up is taken.
    `compress`   answer with gzip where the client accepts it.
    `max_body`   the most bytes of a request's body; more is answered by `too_large`.
    `limits`     a `Limiter`: what requests to routes with scopes count in; more is answered by `too_many`.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        self.clock: Clock = clock if clock is not None else SystemClock()
        self.requests: list[Recorded] = []
        self.faults: list[Fault] = []
        self.compress = True
        self.max_body = 10 * 2**20
        self.limits: Limiter | None = None
        self.__router = Router()
        self.__loop: asyncio.AbstractEventLoop | None = None
        self.__thread = 0
        self.__running: set[asyncio.Task[Answer | None]] = set()

    # -- for subclasses ------------------------------------------------------------------

    def route(
        self,
        method: str,
        pattern: str,
        handler: Handler,
        *,
        scopes: Sequence[str] = (),
        items: Callable[[Request], int] | None = None,
    ) -> None:
        """Let `handler` answer `method` at `pattern`, in which `{name}` is one segment of the path.

        The handler is given the request, and each such segment, decoded, by its name:
        `/depots/{depot}/stock` is answered by `async def stock(self, request, depot)`.

        Where the double has `limits`, a request counts in these scopes, after `guard` has let it in; `items`
        says how many items it has, for a limit that counts them.
        """
        self.__router.add(method, pattern, Route(handler, tuple(scopes), items))

    async def guard(self, request: Request) -> Answer | None:
        """Return an answer that stands before every route (credentials, an overall limit), or None."""
        return None

    async def not_found(self, request: Request) -> Answer:
        """Answer a path that has no route. Vendors do it differently."""
        return Answer.json({"message": f"no such path: {request.path}"}, 404)

    async def wrong_method(self, request: Request, allowed: Sequence[str]) -> Answer:
        """Answer a path that has a route, but not for this method."""
        answer = Answer.json({"message": f"{request.method} is not allowed here"}, 405)
        return Answer(answer.status, answer.body, {**answer.headers, "allow": ", ".join(allowed)})

    def too_many(self, request: Request, refused: Refused) -> Answer:
        """Answer a request that is over one of `limits`."""
        wait = {} if math.isinf(refused.wait) else {"retry-after": str(math.ceil(refused.wait))}
        return Answer.json({"message": f"too many {refused.by} in {refused.scope}"}, 429, wait)

    def too_large(self) -> Answer:
        """Answer a body of more than `max_body` bytes."""
        return Answer.json({"message": f"the body is larger than {self.max_body} bytes"}, 413)

    def finish(self, request: Request, answer: Answer) -> Answer:
        """Return the answer that goes out: the place to charge errors and to add limit headers."""
        return answer

    # -- for tests and the demo ----------------------------------------------------------

    def add_fault(
        self,
        *,
        match: Callable[[Request], bool] | None = None,
        path: str | None = None,
        method: str | None = None,
        **kwargs: Any,
    ) -> Fault:
        """Add a `Fault` and return it.

        Beside the fault's own fields: `path` (the path begins with it) and `method` narrow what is matched.
        """

        def matches(request: Request) -> bool:
            return (
                (path is None or request.path.startswith(path))
                and (method is None or request.method == method.upper())
                and (match is None or match(request))
            )

        fault = Fault(match=matches, **kwargs)
        self.faults.append(fault)
        return fault

    def count(self, method: str, path_prefix: str, status: int | None = None) -> int:
        """Return how many requests of `method` came to paths that begin so, with `status` if given."""
        return sum(
            1
            for seen in self.requests
            if seen.method == method.upper()
            and seen.path.startswith(path_prefix)
            and (status is None or seen.status == status)
        )

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Call `function` where the double's state lives and return its result.

        While `serve` runs the double in its thread this hands the call over; else it is made at once.
        """
        loop = self.__loop
        if loop is None or threading.get_ident() == self.__thread or not loop.is_running():
            return function(*args)
        result: Future[T] = Future()

        def run() -> None:
            try:
                result.set_result(function(*args))
            except BaseException as error:
                result.set_exception(error)

        loop.call_soon_threadsafe(run)
        return result.result(timeout=60)

    @property
    def under_way(self) -> int:
        """How many requests came and are not answered yet; a client that is gone stops none of them."""
        return len(self.__running)

    # -- ASGI ----------------------------------------------------------------------------

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Speak ASGI: `http` and `lifespan`."""
        if scope["type"] == "lifespan":
            await self.__lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise NotImplementedError(f"a simulator speaks http only, not {scope['type']}")
        self.__loop, self.__thread = asyncio.get_running_loop(), threading.get_ident()
        at = self.clock.monotonic()
        request = await self.__read(scope, receive)
        if isinstance(request, Answer):
            refused, request = request, Request(scope["method"], scope["path"])
            self.__record(at, request, refused.status)
            await self.__send(request, refused, send)
            return
        # As on a real server, a client that goes away does not stop what it has set going.
        task = asyncio.ensure_future(self.__answer(request))
        self.__running.add(task)
        task.add_done_callback(self.__running.discard)
        task.add_done_callback(lambda done: self.__record_done(at, request, done))
        answer = await asyncio.shield(task)
        if answer is None:
            await self.__drop(scope, receive)
        else:
            await self.__send(request, answer, send)

    async def __lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return

    async def __read(self, scope: Message, receive: Receive) -> Request | Answer:
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self.max_body:
                return self.too_large()
            if not message.get("more_body", False):
                break
        raw = scope["query_string"].decode("latin-1")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = dict(parse_qsl(raw, keep_blank_values=True))
        return Request(scope["method"], scope["path"], query, headers, bytes(body), raw)

    async def __answer(self, request: Request) -> Answer | None:
        """Return the answer, None where the connection is to be closed without one."""
        route, _ = self.__router.of(request)
        if self.limits is None or route is None or not route.scopes:
            return await self.__answer_or_fail(request, None)
        with self.limits.under_way(route.scopes) as crowded:
            return await self.__answer_or_fail(request, crowded)

    async def __answer_or_fail(self, request: Request, crowded: Refused | None) -> Answer | None:
        fault = next((one for one in self.faults if one.times != 0 and one.match(request)), None)
        if fault is None:
            return await self.__work(request, crowded)
        if fault.times > 0:
            fault.times -= 1
        done = await self.__work(request, crowded) if fault.after_commit else None
        if fault.delay > 0:
            await self.clock.sleep(fault.delay)
        if fault.drop:
            return None
        return fault.answer() or done or await self.__work(request, crowded)

    async def __work(self, request: Request, crowded: Refused | None) -> Answer:
        try:
            answer = await self.guard(request) or await self.__routed(request, crowded)
        except Refusal as refusal:
            answer = refusal.answer
        return self.finish(request, answer)

    async def __routed(self, request: Request, crowded: Refused | None) -> Answer:
        route, parts = self.__router.of(request)
        if route is not None:
            return await self.__let_in(route, request, parts, crowded)
        if allowed := self.__router.methods(request.path):
            return await self.wrong_method(request, allowed)
        return await self.not_found(request)

    async def __let_in(
        self, route: Route, request: Request, parts: Mapping[str, str], crowded: Refused | None
    ) -> Answer:
        """Let the handler answer, if the limits have room for the request."""
        if self.limits is None:
            return await route.handler(request, **parts)
        refused = crowded or self.limits.admit(route.scopes, route.count(request))
        if refused is not None:
            return self.too_many(request, refused)
        try:
            answer = await route.handler(request, **parts)
        except Refusal as refusal:
            answer = refusal.answer
        self.limits.answered(route.scopes, answer.status)
        return answer

    def __record_done(self, at: float, request: Request, task: asyncio.Task[Answer | None]) -> None:
        if task.cancelled() or task.exception() is not None:
            return
        answer = task.result()
        self.__record(at, request, 0 if answer is None else answer.status)

    def __record(self, at: float, request: Request, status: int) -> None:
        headers = {name: "***" if name in _SECRET_HEADERS else text for name, text in request.headers.items()}
        self.requests.append(
            Recorded(
                at,
                self.clock.monotonic(),
                request.method,
                request.path,
                request.query,
                request.body,
                status,
                headers,
            )
        )

    async def __drop(self, scope: Message, receive: Receive) -> None:
        abort = (scope.get("extensions") or {}).get(ABORT)
        if abort is None:
            # Inside one process there is no connection to close: raise what httpx raises for a lost one.
            import httpx

            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        abort()
        while (await receive())["type"] != "http.disconnect":
            pass

    async def __send(self, request: Request, answer: Answer, send: Send) -> None:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        body = answer.body
        accepted = request.headers.get("accept-encoding", "")
        if self.compress and len(body) >= 500 and "gzip" in accepted and "content-encoding" not in headers:
            body = gzip.compress(body, compresslevel=1)
            headers |= {"content-encoding": "gzip", "vary": "accept-encoding"}
        if answer.status >= 200 and answer.status not in (204, 304):
            headers.setdefault("content-length", str(len(body)))
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})


class SourceSimulator(Simulator, ABC):
    """The double of a warehouse system."""

    @abstractmethod
    def set_level(self, sku: str, quantity: Any, warehouse: str = "main") -> None:
        """Let the system have `quantity` of `sku` in `warehouse`."""

    @abstractmethod
    def remove(self, sku: str, warehouse: str = "main") -> None:
        """Let the system know `sku` in `warehouse` no longer."""

    @abstractmethod
    def settings(self, url: str) -> dict[str, Any]:
        """Return the table `[sources.<name>]` of mpstock.toml that reads this double at `url`."""


class SinkSimulator(Simulator, ABC):
    """The double of a marketplace."""

    @abstractmethod
    def shown(self) -> Mapping[tuple[str, str], int]:
        """Return what buyers may buy now, by the seller's article and the sink warehouse's code."""

    def showing(self, sku: str, warehouse_code: str) -> int:
        """Return what buyers may buy of one article in one warehouse; a double that can looks at no other."""
        return self.shown().get((sku, warehouse_code), 0)

    @abstractmethod
    def set_shown(self, sku: str, warehouse_code: str, quantity: int) -> None:
        """Change what is shown, as somebody in the marketplace's cabinet does."""

    @abstractmethod
    def settings(self, url: str) -> dict[str, Any]:
        """Return the table `[sinks.<name>]` of mpstock.toml that writes to this double at `url`.

        Its warehouses are apart: `warehouse_codes`.
        """

    def warehouse_codes(self) -> Sequence[str]:
        """Return the codes of the account's warehouses, for `[[sinks.<name>.warehouses]]`."""
        return sorted({code for _, code in self.shown()})

    # What buyers and the seller do; a double of a marketplace without orders leaves these out.

    def buy(self, sku: str, warehouse_code: str, quantity: int = 1) -> list[str]:
        """Let a buyer order; return the orders' keys as `Sink.orders` tells them, empty if not so much is
        shown. A marketplace whose order is always one unit makes `quantity` orders.
        """
        raise NotImplementedError(f"{type(self).__name__} has no buyers")

    def assemble(self, key: str) -> None:
        """Let the seller set an order aside."""
        raise NotImplementedError(f"{type(self).__name__} has no orders")

    def ship(self, key: str) -> None:
        """Hand an order over: its units leave the seller's warehouse."""
        raise NotImplementedError(f"{type(self).__name__} has no orders")

    def cancel(self, key: str) -> None:
        """Let a buyer cancel an order, before it is handed over or after."""
        raise NotImplementedError(f"{type(self).__name__} has no orders")
