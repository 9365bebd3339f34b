"""What a Wildberries token says of itself, read without a request and without checking its signature.

The payload's `exp`, `s` (bit mask of rights), `oid` (the seller) and `t` (sandbox) are public fields.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

__all__ = ["CONTENT", "MARKETPLACE", "PROMOTION", "READ_ONLY", "Claims", "account_of", "read_claims"]

CONTENT = 1
MARKETPLACE = 4
PROMOTION = 6
READ_ONLY = 30


@frozen
class Claims:
    """The fields that matter here; None where the token does not carry one in a usable form."""

    expires_at: datetime | None
    rights: int | None
    seller: str | None
    test: bool | None

    def has(self, bit: int) -> bool | None:
        """Whether the right is there; None if the token does not say."""
        return None if self.rights is None else bool(self.rights & (1 << bit))


def read_claims(token: str) -> Claims | None:
    """Return the claims, or None if the token is no JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        # urlsafe_b64decode drops what is no base64 at all; json then refuses the rest.
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(payload, dict):
        return None
    test = payload.get("t")
    return Claims(
        expires_at=_moment(payload.get("exp")),
        rights=_int(payload.get("s")),
        seller=_seller(payload.get("oid")),
        test=test if isinstance(test, bool) else None,
    )


def account_of(token: str, *, sandbox: bool = False) -> str:
    """Name the account that the token belongs to, so that all its tokens share one limiter.

    The seller's number where the token tells it, else a digest of the token: never the token.
    """
    claims = read_claims(token)
    seller = claims.seller if claims else None
    name = seller or hashlib.sha256(token.encode()).hexdigest()[:12]
    return f"wb:sandbox:{name}" if sandbox else f"wb:{name}"


def _int(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _moment(value: Any) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _seller(value: Any) -> str | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return value
    return str(number) if (number := _int(value)) else None
