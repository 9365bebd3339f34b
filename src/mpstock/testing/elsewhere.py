"""Another host, to which nobody may take a secret."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mpstock.testing.bench import Bench

__all__ = ["Elsewhere"]

Message = MutableMapping[str, Any]


class Elsewhere:
    """An ASGI application that answers everything with an empty object and keeps what it got."""

    def __init__(self) -> None:
        self.got: list[str] = []

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Speak ASGI."""
        body = bytearray()
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        parts = [
            scope["path"].encode(),
            scope["query_string"],
            *(b": ".join(p) for p in scope["headers"]),
            body,
        ]
        self.got.append("\n".join(bytes(part).decode("utf-8", errors="replace") for part in parts))
        head = [(b"content-type", b"application/json"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b"{}"})

    def hold(self, bench: Bench[Any, Any]) -> None:
        """Fail if anything that came here tells a secret, or names the account by a header of its own."""
        for text in self.got:
            assert not bench.leaks(text), "a secret was taken to the host that a redirect named"
            names = [line.partition(":")[0].lower() for line in text.splitlines()]
            carried = [name for name in names if name in ("authorization", "api-key", "client-id", "cookie")]
            assert not carried, f"the headers {carried} were taken to the host that a redirect named"
