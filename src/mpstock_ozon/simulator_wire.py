"""What Ozon's gateway does to every request: the error envelope, JSON and field checks, cursors."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mpstock.simulation import Answer, Refusal, Request

__all__ = [
    "OBSOLETE",
    "bad_request",
    "body_of",
    "cursor_for",
    "cursor_of",
    "field_of",
    "instant",
    "is_int",
    "limit_of",
    "strings_of",
    "trouble",
]

OBSOLETE = (
    "/v1/analytics/manage/stocks",
    "/v1/product/import/stocks",
    "/v1/product/info/stocks-by-warehouse/fbs",
    "/v1/warehouse/list",
    "/v2/product/info",
    "/v2/product/info/list",
    "/v2/product/list",
    "/v3/posting/fbs/list",
    "/v3/posting/fbs/unfulfilled/list",
    "/v3/product/info/stocks",
)
"""Methods that were switched off in 2025 and 2026 (Ozon's changelog)."""


def trouble(status: int, code: int, message: str, *, details: bool = True) -> Answer:
    """Return an error in the envelope `rpcStatus` (gRPC's codes)."""
    envelope: dict[str, Any] = {"code": code, "message": message}
    if details:
        envelope["details"] = []
    return Answer.json(envelope, status)


def bad_request(message: str) -> Refusal:
    """Return the 400 of a request that cannot be understood."""
    return Refusal(trouble(400, 3, message))


def body_of(request: Request, *, optional: bool = False) -> dict[str, Any]:
    """Return the request's body, an object."""
    if optional and not request.body:
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise bad_request(f"unsupported content type {kind!r}, application/json is expected")
    try:
        data = request.json()
    except ValueError:
        start = request.body[:20].decode("utf-8", "replace")
        raise bad_request(f"proto: syntax error (line 1:1): unexpected token {start}") from None
    if not isinstance(data, dict):
        raise _unexpected(request, data)
    return data


def _unexpected(request: Request, value: Any) -> Refusal:
    token = json.dumps(value, ensure_ascii=False)
    column = request.body.decode("utf-8", "replace").find(token) + 1
    return bad_request(f"proto: syntax error (line 1:{max(column, 1)}): unexpected token {token[:60]}")


def is_int(value: Any) -> bool:
    """Tell whether a JSON value is an int64 and no boolean."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def field_of(request: Request, data: dict[str, Any], name: str, kind: type, default: Any) -> Any:
    """Return one field of the body, its type checked as protobuf does."""
    value = data.get(name)
    if value is None:
        return default
    if not (is_int(value) if kind is int else isinstance(value, kind)):
        raise _unexpected(request, value)
    return value


def strings_of(
    request: Request, data: dict[str, Any], name: str, maximum: int, *, numbers: bool = False
) -> list[str]:
    """Return a field that is an array of strings (or, with `numbers`, of int64 written either way)."""
    values = field_of(request, data, name, list, [])
    if len(values) > maximum:
        raise bad_request(f"Request validation error: {name} must contain no more than {maximum} items")
    for value in values:
        right = is_int(value) or (isinstance(value, str) and value.lstrip("-").isdigit())
        if not (right if numbers else isinstance(value, str)):
            raise _unexpected(request, value)
    return [str(value) for value in values]


def limit_of(request: Request, data: dict[str, Any], maximum: int) -> int:
    """Return `limit`: required, 1 to `maximum`."""
    limit: int = field_of(request, data, "limit", int, 0)
    if not 1 <= limit <= maximum:
        raise bad_request(
            f"Request validation error: invalid Limit: value must be inside range [1, {maximum}]"
        )
    return limit


def cursor_for(parts: Sequence[int]) -> str:
    """Return numbers as an opaque cursor."""
    return base64.b64encode(json.dumps(list(parts), separators=(",", ":")).encode()).decode()


def cursor_of(cursor: str) -> int:
    """Return the first number of an opaque cursor, 0 for the empty one."""
    if not cursor:
        return 0
    try:
        return int(json.loads(base64.b64decode(cursor, validate=True))[0])
    except (binascii.Error, ValueError, TypeError, LookupError):
        raise bad_request("Request validation error: invalid cursor") from None


def instant(at: datetime) -> str:
    """Return a moment (UTC) as Ozon writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
