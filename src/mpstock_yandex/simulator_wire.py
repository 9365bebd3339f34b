"""What the Market's gateway does to every request: the envelope of answers, JSON and field checks, pages.

Written from "Response format", "Types of errors" and the parameters of the methods (Partner API, 2026-11).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

from mpstock.simulation import Answer, Refusal, Request

__all__ = [
    "LONGEST_BODY",
    "MOSCOW",
    "bad_request",
    "body_of",
    "good",
    "instant",
    "integers_of",
    "is_int",
    "moment_of",
    "page_of",
    "skus_of",
    "trouble",
]

T = TypeVar("T")

LONGEST_BODY = 512 * 1024

MOSCOW = timezone(timedelta(hours=3))

_SKU = re.compile(r"^(?=.*\S.*)[^\x00-\x08\x0A-\x1f\x7f]{1,255}$")


def trouble(status: int, code: str, *messages: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an error: `{"status": "ERROR", "errors": [{"code", "message"}]}`."""
    errors = [{"code": code, "message": message} for message in messages]
    return Answer.json({"status": "ERROR", "errors": errors}, status, headers)


def good(result: Any = None, **other: Any) -> Answer:
    """Return an answer of 200, with a result where the method has one."""
    return Answer.json({"status": "OK", **({} if result is None else {"result": result}), **other})


def bad_request(*messages: str, code: str = "BAD_REQUEST") -> Refusal:
    """Return the 400 of a request that says something wrong."""
    return Refusal(trouble(400, code, *messages))


def body_of(request: Request, *, optional: bool = False) -> dict[str, Any]:
    """Return the request's body, an object."""
    if len(request.body) > LONGEST_BODY:
        raise bad_request(f"The request is too big: {len(request.body)}")
    if optional and not request.body:
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(trouble(415, "UNSUPPORTED_MEDIA_TYPE", f"Content type '{kind}' not supported"))
    try:
        data = request.json()
    except ValueError:
        raise bad_request("JSON: Unexpected character") from None
    if not isinstance(data, dict):
        raise bad_request("JSON: Cannot deserialize value of an object")
    return data


def is_int(value: Any) -> bool:
    """Tell whether a JSON value is an int64 and no boolean."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def skus_of(data: Mapping[str, Any], name: str, most: int) -> list[str] | None:
    """Return a list of SKUs, trimmed; None where it is left out."""
    values = data.get(name)
    if values is None:
        return None
    if not isinstance(values, list) or not 1 <= len(values) <= most:
        raise bad_request(f"Value / length of field ({name}) must be between 1 and {most}")
    for value in values:
        if not isinstance(value, str) or not _SKU.match(value):
            raise bad_request(f"Value of {name} must match the pattern: '{_SKU.pattern}'")
    trimmed = [value.strip() for value in values]
    if len(set(trimmed)) != len(trimmed):
        raise bad_request(f"Value of {name} must be unique")
    return trimmed


def integers_of(data: Mapping[str, Any], name: str, most: int) -> list[int] | None:
    """Return a list of numbers; None where it is left out."""
    values = data.get(name)
    if values is None:
        return None
    if not isinstance(values, list) or not 1 <= len(values) <= most or not all(is_int(one) for one in values):
        raise bad_request(f"Value / length of field ({name}) must be between 1 and {most}")
    return values


def page_of(request: Request, rows: Sequence[T], most: int) -> tuple[list[T], dict[str, str]]:
    """Return one page of the rows, by `limit` and `page_token`, and the `paging` that leads on."""
    text = request.query.get("limit", str(most))
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise bad_request("Limit exceeded")
    start = 0
    token = request.query.get("page_token")
    if token is not None:
        try:
            start = int(json.loads(base64.urlsafe_b64decode(token.encode()))["start"])
        except (binascii.Error, ValueError, KeyError, TypeError):
            raise bad_request("Invalid page token") from None
    stop = start + int(text)
    if stop >= len(rows):
        return list(rows[start:]), {}
    following = base64.urlsafe_b64encode(json.dumps({"start": stop}).encode()).decode()
    return list(rows[start:stop]), {"nextPageToken": following}


def instant(at: datetime) -> str:
    """Return a moment as the Market writes it: by Moscow's clock, to the second."""
    return at.astimezone(MOSCOW).isoformat(timespec="seconds")


def moment_of(value: Any, name: str) -> datetime:
    """Return a moment with an offset."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise bad_request(f"Value of {name} must match the pattern: ISO 8601") from None
    if moment.tzinfo is None:
        raise bad_request(f"Value of {name} must have an offset from UTC")
    return moment
