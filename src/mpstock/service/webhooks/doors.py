"""What every door has in common: who is let in, how often, what is read, and how errors are answered."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

from attrs import define, frozen

from mpstock.errors import LedgerError
from mpstock.ledger.receipts import Receipt
from mpstock.service.webhooks.bodies import Bodies
from mpstock.service.webhooks.clients import COST_OF_A_GUESS, Clients
from mpstock.service.webhooks.credentials import Credentials
from mpstock.service.webhooks.intake import Intake
from mpstock.service.webhooks.refusals import PROBLEM, Refusal

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from starlette.types import Receive, Scope, Send

    from mpstock.service.service import Service

__all__ = ["SIGNED", "Answer", "Call", "Door", "Porter"]

SIGNED = "signature"
"""The sender of receipts that are signatures: a signed request counts once."""

LONGEST_KEY = 200
"""Characters of a key that a sender gives."""

_logger = logging.getLogger("mpstock.service.webhooks")


@frozen
class Answer:
    """What is answered: JSON as text."""

    body: str
    status: int = 200


@define
class Call:
    """One request: `path` has what stands in its address."""

    method: str
    path: Mapping[str, str]
    query: bytes
    headers: Mapping[str, str]
    client: str
    receive: Receive


Handler = Callable[[Call], Awaitable[Answer]]


class Porter:
    """Lets requests in, or not; one for all doors of a service."""

    def __init__(self, service: Service) -> None:
        settings = service.settings.webhooks
        self.service = service
        self.settings = settings
        self.credentials = Credentials(settings)
        self.intake = Intake(service)
        self._bodies = Bodies(settings.max_body)
        self._clients = Clients(settings.rate, lambda: service.engine.clock.monotonic())

    def count(self, call: Call) -> None:
        """Count a request of its client; raises a `Refusal` where it comes too often."""
        self._clients.count(call.client)

    def body(self, call: Call) -> AbstractAsyncContextManager[bytes]:
        """Read the body of a request; see `Bodies.read`."""
        return self._bodies.read(call.headers, call.receive, self.service.engine.clock)

    def let_in(self, call: Call, body: bytes, *said: str) -> list[Receipt]:
        """Check the credentials of a request; return the receipts under which it is known.

        `said` is what its address says beside the body, where a signature is to cover that too.

        Raises:
            Refusal: it is not let in (401, 403), or its `Idempotency-Key` is none (400).
        """
        now = self.service.engine.clock.now()
        signed = [*(part.encode("utf-8", "replace") for part in said), body]
        try:
            signature = self.credentials.check(call.headers, signed, now)
        except Refusal:
            self._clients.count(call.client, COST_OF_A_GUESS)
            raise
        key = call.headers.get("idempotency-key", "").strip()
        if not key and signature is None:
            return []
        where = " ".join([call.method, *call.path.values()])
        digest = sha256(where.encode("utf-8", "replace") + b"\n" + body).hexdigest()
        receipts: list[Receipt] = []
        if key:
            if len(key) > LONGEST_KEY or not key.isprintable():
                raise Refusal(
                    400, f"Idempotency-Key has at most {LONGEST_KEY} characters, all of them printable"
                )
            receipts.append(Receipt("key", key, digest))
        if signature is not None:
            receipts.append(Receipt(SIGNED, signature, digest))
        return receipts

    def guessed(self, call: Call) -> None:
        """Count a request with a wrong token, which costs its client more."""
        self._clients.count(call.client, COST_OF_A_GUESS)


class Door:
    """One address as an ASGI application: a handler for each method, JSON in and out.

    Everything else, also an error of ours, is answered with a problem document.
    """

    def __init__(self, porter: Porter, **handlers: Handler) -> None:
        self._porter = porter
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        client = scope.get("client")
        call = Call(
            scope["method"],
            scope.get("path_params", {}),
            scope["query_string"],
            {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            client[0] if client else "",
            receive,
        )
        try:
            answer = await self._answer(call)
            status, kind, body = answer.status, b"application/json", answer.body.encode("utf-8", "replace")
            headers: Mapping[str, str] = {}
        except Refusal as refusal:
            status, kind, body, headers = refusal.status, PROBLEM.encode(), refusal.body(), refusal.headers
        sent = [
            (b"content-type", kind),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
        ]
        sent += [
            (name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()
        ]
        await send({"type": "http.response.start", "status": status, "headers": sent})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, call: Call) -> Answer:
        self._porter.count(call)
        handler = self._handlers.get(call.method.lower())
        if handler is None:
            allowed = ", ".join(sorted(name.upper() for name in self._handlers))
            raise Refusal(405, f"{call.method} does nothing here; use {allowed}", headers={"Allow": allowed})
        try:
            return await handler(call)
        except Refusal:
            raise
        except LedgerError as error:
            _logger.error("%s could not be taken: %s", call.method, error)
            raise Refusal(
                503, "the ledger cannot be written now; come again", headers={"Retry-After": "5"}
            ) from error
        except Exception as error:
            _logger.exception("a request could not be answered")
            raise Refusal(500, "an error of ours, which is in the log; nothing was taken") from error
