"""Reading an answer's body: whole, decompressed, and not larger than agreed."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

__all__ = ["BodyError", "BrokenBodyError", "read_answer"]


class BodyError(Exception):
    """The body cannot be used as it came."""


class BrokenBodyError(BodyError):
    """The body ended before its end."""


async def read_answer(response: httpx.Response, limit: int) -> httpx.Response:
    """Read the body of a streamed `response` and return an answer that holds it, decompressed.

    A compressed body must be complete: one that was cut off does not look so to httpx when the
    connection's end is the body's end.

    Raises:
        BrokenBodyError: it ended early or cannot be decompressed.
        BodyError: it is larger than `limit` bytes, or in a coding that was not asked for.
    """
    import httpx

    if response.is_stream_consumed:
        # A mock has read and decompressed its own body already.
        body = response.content
        if len(body) > limit:
            raise _too_large(limit)
    else:
        decoder = _decoder(response.headers.get("content-encoding", ""), limit)
        async for chunk in response.aiter_raw():
            decoder.feed(chunk)
        body = decoder.close()
    # The body is plain now, and the headers must not say otherwise. As bytes: one in Russian is no ASCII.
    headers = [
        (name, value)
        for name, value in response.headers.raw
        if name.lower() not in {b"content-encoding", b"content-length", b"transfer-encoding"}
    ]
    return httpx.Response(
        response.status_code,
        headers=headers,
        content=body,
        request=response.request,
        extensions={
            key: value
            for key, value in response.extensions.items()
            if key in {"http_version", "reason_phrase"}
        },
    )


class _Plain:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > self._limit:
            raise _too_large(self._limit)
        self._parts.append(chunk)

    def close(self) -> bytes:
        return b"".join(self._parts)


class _Inflating(_Plain):
    """Decompresses in steps, so that a small body cannot become a large one unnoticed."""

    STEP = 1 << 20

    def __init__(self, limit: int, window_bits: int) -> None:
        super().__init__(limit)
        self._window_bits = window_bits
        self._inflate = zlib.decompressobj(window_bits)
        self._empty = True

    def feed(self, chunk: bytes) -> None:
        data = chunk
        while data:
            if self._inflate.eof:
                # A gzip body may have several members; zeros after the last one are padding.
                if not data.strip(b"\0"):
                    return
                self._inflate = zlib.decompressobj(self._window_bits)
            try:
                plain = self._inflate.decompress(data, self.STEP)
            except zlib.error as error:
                if self._empty and self._window_bits == zlib.MAX_WBITS:
                    # "deflate" is zlib's format, but some servers send it without the frame.
                    self._window_bits = -zlib.MAX_WBITS
                    self._inflate = zlib.decompressobj(self._window_bits)
                    continue
                raise BrokenBodyError(f"its body cannot be decompressed ({error})") from None
            self._empty = False
            super().feed(plain)
            data = self._inflate.unconsumed_tail or self._inflate.unused_data

    def close(self) -> bytes:
        if not self._empty and not self._inflate.eof:
            raise BrokenBodyError("its compressed body ends before its end")
        return super().close()


def _decoder(coding: str, limit: int) -> _Plain:
    name = coding.strip().lower()
    if name in {"", "identity"}:
        return _Plain(limit)
    if name in {"gzip", "x-gzip"}:
        return _Inflating(limit, 16 + zlib.MAX_WBITS)
    if name == "deflate":
        return _Inflating(limit, zlib.MAX_WBITS)
    raise BodyError(f"its body is in the coding {name!r}; only gzip and deflate can be read")


def _too_large(limit: int) -> BodyError:
    return BodyError(
        f"its body is larger than {limit} bytes (the transport setting `max_body`); reading was given up"
    )
