"""Access tokens of the double: made, read and judged as Wildberries does at its gate.

A Wildberries token is a JWT. Its claims `exp` (unix seconds), `s` (bits of the categories), `oid` (the
seller's number), `sid` (the seller's UUID) and `t` (a token for the sandbox) can be read without the key.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

__all__ = ["CONTENT", "MARKETPLACE", "READ_ONLY", "claims_of", "has_scope", "make_token"]

CONTENT = 1
MARKETPLACE = 4
READ_ONLY = 30

_SELLER = "6c1f1c5e-3b0a-4f6e-9a57-0d3a5a0f2b11"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _part(value: dict[str, Any]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def make_token(
    exp: datetime | int,
    scopes: Iterable[int] = (CONTENT, MARKETPLACE),
    test: bool = False,
    *,
    oid: int = 100500,
    sid: str = _SELLER,
) -> str:
    """Return a token that ends at `exp` and opens the categories whose bit numbers are `scopes`.

    Bit 1 is content, 4 marketplace, 30 read-only. The signature has the right length and no meaning.
    The same arguments give the same token.
    """
    ends = int(exp.timestamp()) if isinstance(exp, datetime) else exp
    mask = 0
    for bit in scopes:
        mask |= 1 << bit
    head = _part({"alg": "ES256", "kid": "20240826v1", "typ": "JWT"})
    claims = _part({"ent": 1, "exp": ends, "oid": oid, "s": mask, "sid": sid, "t": test, "uid": oid})
    signature = _encoded(hashlib.sha512(f"{head}.{claims}".encode()).digest())
    return f"{head}.{claims}.{signature}"


def claims_of(token: str) -> dict[str, Any] | None:
    """Return the claims of a token, or None if it is no JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    return claims if isinstance(claims, dict) else None


def has_scope(claims: dict[str, Any] | None, bit: int) -> bool:
    """Return whether the claims open a category; a token that is no JWT opens everything but `READ_ONLY`."""
    if claims is None:
        return bit != READ_ONLY
    return bool(int(claims.get("s", 0)) >> bit & 1)
