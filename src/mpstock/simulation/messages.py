"""What a double receives, answers, remembers and is told to do wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Self

from attrs import define, field, frozen

__all__ = ["Answer", "Fault", "Recorded", "Refusal", "Request"]


_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


@frozen
class Request:
    """One HTTP request. `path` is decoded and without the query; header names are lower-case.

    `query` keeps the last value of a repeated name, decoded as a form (`+` is a space);
    `raw_query` is what stood on the wire.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(factory=dict[str, str])
    headers: Mapping[str, str] = field(factory=dict[str, str])
    body: bytes = b""
    raw_query: str = ""

    def json(self) -> Any:
        """Return the body as JSON (UTF-8, without NaN and Infinity).

        Raises:
            ValueError: the body is something else.
        """
        return json.loads(self.body.decode("utf-8"), parse_constant=_no_constant)


@frozen
class Answer:
    """One HTTP answer. The length and, where the client accepts it, gzip are added on the way out."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(factory=dict[str, str])

    @classmethod
    def json(cls, data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        """Return `data` as compact JSON in UTF-8; `headers` may name another content type."""
        return cls(status, _compact(data).encode(), {"content-type": "application/json", **(headers or {})})


class Refusal(Exception):  # noqa: N818  (an answer on its way out, not a mistake)
    """Raised by a handler to answer at once with `answer`."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"answered with {answer.status}")
        self.answer = answer


@frozen
class Recorded:
    """One request that a double got, and what it answered.

    `at` and `answered_at` are on the double's monotonic clock. `status` is 0 where the connection was
    closed without an answer. The values of headers that carry credentials are blanked.
    """

    at: float
    answered_at: float
    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    status: int
    headers: Mapping[str, str]

    def json(self) -> Any:
        """Return the request's body as JSON."""
        return json.loads(self.body)


def _as_body(value: bytes | str | Mapping[str, Any] | list[Any]) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    return json.dumps(value, ensure_ascii=False).encode()


def _everything(_: Request) -> bool:
    return True


@define
class Fault:
    """Something that goes wrong with the requests it matches, `times` times (-1 = always).

    `status` answers with that status, `body` and `headers`. `drop` closes the connection without an
    answer. `delay` waits so many seconds of the double's clock first. With `after_commit` the work is
    done before the delay and the answer, as by a server whose answer got lost; without it a faulty
    answer stands instead of the work. A delay alone only makes a request slow: the work is done after
    it, also when the client is gone by then.
    """

    match: Callable[[Request], bool] = _everything
    times: int = 1
    status: int | None = None
    body: bytes = field(default=b"", converter=_as_body)
    headers: Mapping[str, str] = field(factory=dict[str, str])
    drop: bool = False
    delay: float = 0.0
    after_commit: bool = False

    def __attrs_post_init__(self) -> None:
        if self.status is None and not self.drop and self.delay <= 0:
            raise ValueError("a fault does something: give it status, drop=True or delay (seconds)")

    def answer(self) -> Answer | None:
        """Return the faulty answer, None where the fault brings none of its own."""
        if self.status is None:
            return None
        kind = "application/json" if self.body[:1] in (b"{", b"[") else "text/html; charset=utf-8"
        described = {"content-type": kind} if self.body else {}
        return Answer(self.status, self.body, {**described, **self.headers})
