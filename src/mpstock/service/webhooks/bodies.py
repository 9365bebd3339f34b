"""The body of a request: read up to a size, within a time, and with a bound on what all of them take."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mpstock.service.webhooks.refusals import Refusal

if TYPE_CHECKING:
    from starlette.types import Receive

    from mpstock.clock import Clock

__all__ = ["Bodies", "check_content", "is_json"]

SECONDS = 30.0
"""How long a body may take to come in: who sends a byte a minute holds nothing up for longer."""

TOGETHER = 8
"""So many of the longest bodies may be under way at once; who comes then is asked to come again."""


class Bodies:
    """Reads bodies. What all that are under way take is bounded, whatever comes in.

    Args:
        most: bytes of one body at most.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    @asynccontextmanager
    async def read(self, headers: Mapping[str, str], receive: Receive, clock: Clock) -> AsyncIterator[bytes]:
        """Yield the body of a request; its room counts as taken until the block is left.

        Raises:
            Refusal: it is too long (413), too slow (408), cut off (400), or there is no room (503).
        """
        length = headers.get("content-length", "")
        if length.isdecimal() and (len(length) > 18 or int(length) > self._most):
            raise self._too_long()
        chunks: list[bytes] = []
        size = 0
        try:
            try:
                async with clock.timeout(SECONDS):
                    more = True
                    while more:
                        message = await receive()
                        if message["type"] != "http.request":
                            raise Refusal(400, "the connection was closed before the body had ended")
                        chunk = message.get("body", b"")
                        size += self._count(len(chunk), size)
                        chunks.append(chunk)
                        more = message.get("more_body", False)
            except TimeoutError:
                raise Refusal(
                    408, f"the body took longer than {SECONDS:.0f} s", headers={"Connection": "close"}
                ) from None
            body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            chunks.clear()
            yield body
        finally:
            self._taken -= size

    def _count(self, more: int, size: int) -> int:
        if size + more > self._most:
            raise self._too_long()
        if self._taken + more > TOGETHER * self._most:
            raise Refusal(503, "too much is being brought at once; come again", headers={"Retry-After": "1"})
        self._taken += more
        return more

    def _too_long(self) -> Refusal:
        # The rest is not read: the connection ends with the answer.
        return Refusal(
            413,
            f"the body is longer than {self._most} bytes; send it in parts, or raise max_body in "
            "[service.webhooks]",
            headers={"Connection": "close"},
        )


def check_content(headers: Mapping[str, str]) -> None:
    """Refuse a body that is not JSON as it stands.

    A type must be named: what a form of a foreign page can make a browser send has none, or another one.

    Raises:
        Refusal: it is compressed, or said to be something else (415).
    """
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise Refusal(
            415,
            f"Content-Encoding {encoding[:40]!r} is not taken; send the body as it is",
            headers={"Accept-Encoding": "identity"},
        )
    if not is_json(headers.get("content-type", "")):
        raise Refusal(
            415,
            f"Content-Type is {headers.get('content-type', '')[:80]!r}; send Content-Type: application/json",
            headers={"Accept": "application/json"},
        )


def is_json(content_type: str) -> bool:
    """Say whether a content type is one of JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
