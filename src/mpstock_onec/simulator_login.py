"""How the 1C doubles know who asks: HTTP Basic, as the web server in front of 1C takes it."""

from __future__ import annotations

import base64
import binascii

__all__ = ["is_login"]


def is_login(header: str, user: str, password: str) -> bool:
    """Whether an `Authorization` header names this user with this password."""
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return False
    try:
        given = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return given == f"{user}:{password}"
