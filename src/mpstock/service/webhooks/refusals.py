"""What is answered to a request that is not taken: a problem document (RFC 9457) that says why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

__all__ = ["PROBLEM", "Refusal"]

PROBLEM = "application/problem+json"
"""The content type of every answer that is an error."""


class Refusal(Exception):  # noqa: N818  (it is an answer, not an error of ours)
    """A request is not taken. `detail` says why and how to mend it; `more` is beside it in the answer."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}
        self.more = more or {}

    def body(self) -> bytes:
        """Return the document."""
        title = HTTPStatus(self.status).phrase
        document = {"title": title, "status": self.status, "detail": self.detail, **self.more}
        return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
