"""What Odoo's answers say, in both protocols: results, and errors in Odoo's own words. Pure.

An error carries a `debug` with the server's traceback; nothing here reads it.
"""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

from attrs import frozen

__all__ = ["Said", "envelope", "json_of", "refusal_of", "said_by", "words_of_page"]

_LONGEST = 300


@frozen
class Said:
    """One error of Odoo. `name` is its class in Python, `message` what it says; `code` JSON-RPC's own."""

    name: str
    message: str
    code: int = 0

    @property
    def is_about_rights(self) -> bool:
        """The user is known, and may not do this."""
        return self.name == "odoo.exceptions.AccessError"

    @property
    def is_about_credentials(self) -> bool:
        """Login, password, key or session were refused."""
        return self.code == 100 or self.name in (
            "odoo.exceptions.AccessDenied",
            "odoo.http.SessionExpiredException",
            "werkzeug.exceptions.Unauthorized",
        )

    @property
    def is_about_the_route(self) -> bool:
        """JSON-RPC is served no longer, or was switched off (Odoo 19: `rpc.use_deprecated_services`)."""
        return self.code == 404 or self.name == "werkzeug.exceptions.NotFound"

    @property
    def may_pass(self) -> bool:
        """The server's database had a moment of weakness: no connection, a lock, a conflict."""
        return self.name.startswith("psycopg2.") and not self.name.endswith(
            ("ProgrammingError", "UndefinedColumn", "UndefinedTable")
        )


def json_of(body: bytes) -> Any:
    """Return a body as JSON.

    Raises:
        ValueError: it is something else; the text says what, for people.
    """
    try:
        return json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        page = words_of_page(body)
        raise ValueError(f"a page instead of JSON: {page!r}" if page else "an empty body") from None


def refusal_of(body: bytes) -> Said | None:
    """Return what the body of a JSON-2 error says; None where it is not one of Odoo's.

    The shape is `{"name", "message", "arguments", "context", "debug"}` (Odoo 19, External JSON-2 API).
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(data, dict) and isinstance(data.get("name"), str) and "message" in data:
        return Said(data["name"], _line(data["message"]))
    return None


def envelope(data: Any) -> tuple[Any, Said | None]:
    """Return the result of a JSON-RPC answer, or the error that came inside of HTTP 200.

    The shapes are `{"result": …}` and `{"error": {"code": 200, "message", "data": {"name", "message", …}}}`
    (Odoo, External RPC API).

    Raises:
        ValueError: it is neither.
    """
    if not isinstance(data, dict):
        raise ValueError("an answer that is no JSON-RPC")
    error = data.get("error")
    if error is not None:
        return None, said_by(error)
    if "result" not in data:
        # `null` is a result, left out is none.
        raise ValueError("an answer of JSON-RPC with neither a result nor an error")
    return data["result"], None


def said_by(error: Any) -> Said:
    """Return what a JSON-RPC error says: the inner message, for the outer one is the same for all."""
    if not isinstance(error, dict):
        return Said("", _line(error))
    inner = error.get("data")
    inner = inner if isinstance(inner, dict) else {}
    code = error.get("code")
    message = _line(inner.get("message")) or _line(error.get("message"))
    name = inner.get("name")
    return Said(name if isinstance(name, str) else "", message, code if type(code) is int else 0)


def words_of_page(body: bytes) -> str:
    """What a page or a plain text says to a person, in one short line."""
    text = body[:20_000].decode("utf-8", errors="replace")
    title = re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL)
    if title and title[1].strip():
        return _line(unescape(title[1]))
    bare = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>|<!--.*?-->", " ", text)
    return _line(unescape(re.sub(r"<[^>]*>", " ", bare)))


def _line(text: Any) -> str:
    line = " ".join(str(text or "").split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
