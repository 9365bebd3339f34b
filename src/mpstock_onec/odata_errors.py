"""What 1C's OData says when it refuses: JSON, XML whatever was asked for, or a page of the web server. Pure.

The codes are those of 1C:Enterprise 8.3.27, 17.4.10; a code comes as text, `"-1"` with status 500.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from attrs import frozen

from mpstock.rows import words

__all__ = ["Said", "is_too_long", "read_error", "read_json_error"]

_PAGE_BYTES = 100_000
_LONGEST = 170

HINTS = {
    "-1": "1C failed inside: журнал регистрации and технологический журнал say why",
    "20": ("the user may not read this, or not all of it (RLS): give the rights, or set allowed_only = true"),
    "8": "publish it in 1C: Настройка автоматического REST-сервиса",
}


@frozen
class Said:
    """What an error answer says. `code` is 1C's own, empty where the web server or a text answered."""

    code: str = ""
    text: str = ""

    @property
    def hint(self) -> str:
        """What to do about it, where the code or the words tell."""
        if "лицензи" in self.text.lower():
            return "no licence of 1C is free: free one, or let sessions be reused (reuseSessions)"
        return HINTS.get(self.code, "")

    def __str__(self) -> str:
        """In one line, fit for an exception: 1C's own words cut before ours."""
        text = self.text if len(self.text) <= _LONGEST else f"{self.text[: _LONGEST - 1]}…"
        code = f" (1C code {self.code})" if self.code else ""
        return f"{text}{code}{f'; {self.hint}' if self.hint else ''}"


def read_error(body: bytes, content_type: str = "") -> Said:
    """Read the body of an error answer; it never fails."""
    head = body[:_PAGE_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"{"):
        try:
            data = json.loads(body.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            data = None
        if isinstance(data, dict) and "odata.error" in data:
            return read_json_error(data["odata.error"])
    if head.startswith(b"<") and b"error" in head[:1000].lower() and b"<html" not in head[:1000].lower():
        said = _read_xml(head)
        if said is not None:
            return said
    return Said(text=words(_decoded(body[:_PAGE_BYTES], content_type)))


def read_json_error(error: object) -> Said:
    """Read what stands under `odata.error`: `{"code": "8", "message": {"lang": "ru", "value": "…"}}`."""
    if not isinstance(error, Mapping):
        return Said(text=str(error))
    message: Any = error.get("message")
    if isinstance(message, Mapping):
        message = message.get("value")
    code = error.get("code")
    return Said("" if code is None else str(code).strip(), " ".join(str(message or "").split()))


def is_too_long(status: int, body: bytes) -> bool:
    """Whether the web server refused the address for its length: 414, or IIS's own 404.14 and 404.15."""
    return status == 414 or (
        status == 404 and any(mark in body[:_PAGE_BYTES] for mark in (b"404.15", b"404.14"))
    )


def _read_xml(body: bytes) -> Said | None:
    etree: Any = import_module("lxml.etree")  # lxml brings no types
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    found = {
        etree.QName(child).localname: " ".join("".join(child.itertext()).split())
        for child in root.iter()
        if isinstance(child.tag, str)
    }
    if etree.QName(root).localname != "error":
        return None
    return Said(found.get("code", ""), found.get("message", ""))


def _decoded(body: bytes, content_type: str) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        # The Russian error pages of web servers on Windows often name no charset.
        return body.decode("utf-8" if "utf-8" in content_type.lower() else "windows-1251", errors="replace")
