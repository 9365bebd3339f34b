"""The double's error answers, in the three shapes that Wildberries has for them.

The marketplace methods answer an object (a stock write's 409 an array), the gate before all methods answers
problem+json, the content methods answer an envelope of their own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from mpstock.simulation import Answer

__all__ = ["content_error", "problem", "refusal"]


def refusal(status: int, code: str, message: str = "", data: Any = None) -> Answer:
    """An error of a marketplace method: an object with a code that says what to do."""
    body: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        body["data"] = data
    return Answer.json(body, status=status)


def content_error(status: int, text: str, additional: Any = None) -> Answer:
    """An error of a content method."""
    return Answer.json(
        {"data": None, "error": True, "errorText": text, "additionalErrors": additional}, status=status
    )


def problem(
    status: int,
    title: str,
    detail: str,
    now: datetime,
    headers: Mapping[str, str] | None = None,
    *,
    brief: bool = False,
) -> Answer:
    """An error of the gate. `brief` leaves out everything but title and detail, as 402 does."""
    body: dict[str, Any] = {"title": title, "detail": detail}
    if not brief:
        mark = hashlib.sha256(f"{now.isoformat()}{title}".encode()).hexdigest()
        body |= {
            "code": f"{mark[:8]}-{mark[8:20]}",
            "requestId": mark[20:52],
            "origin": "ag-simulator",
            "status": status,
            "statusText": HTTPStatus(status).phrase,
            "timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    return Answer(
        status=status,
        body=json.dumps(body, ensure_ascii=False).encode(),
        headers={"content-type": "application/problem+json", **(headers or {})},
    )
