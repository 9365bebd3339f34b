"""Passwords of people: as they are kept in the settings, and whether one is right.

A hash is `scrypt:N:r:p:SALT:HASH` with N, r and p as RFC 7914 has them, salt and hash in base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from attrs import frozen

__all__ = ["hashed", "is_hash", "matches", "parse"]

_PREFIX = "scrypt:"
_COST, _BLOCK, _PARALLEL = 2**15, 8, 3
_SALT, _LENGTH = 16, 32
_MOST_MEMORY = 256 * 1024 * 1024


@frozen
class _Hash:
    cost: int
    block: int
    parallel: int
    salt: bytes
    digest: bytes


def is_hash(text: str) -> bool:
    """Tell whether a text of the settings is meant as a hash."""
    return text.startswith(_PREFIX)


def hashed(password: str) -> str:
    """Return what the settings may keep instead of a password."""
    salt = secrets.token_bytes(_SALT)
    digest = _scrypt(password, salt, _COST, _BLOCK, _PARALLEL, _LENGTH)
    told = (base64.b64encode(part).decode() for part in (salt, digest))
    return f"{_PREFIX}{_COST}:{_BLOCK}:{_PARALLEL}:{':'.join(told)}"


def parse(text: str) -> _Hash:
    """Read a hash.

    Raises:
        ValueError: it is none, was cut off, or would take more than 256 MiB to check.
    """
    parts = text.removeprefix(_PREFIX).split(":")
    try:
        if not is_hash(text) or len(parts) != 5:
            raise ValueError
        cost, block, parallel = (int(part) for part in parts[:3])
        salt, digest = (base64.b64decode(part, validate=True) for part in parts[3:])
        if (
            cost < 2 or cost & (cost - 1) or not 0 < block <= 64 or not 0 < parallel <= 64
            or len(salt) < 8 or len(digest) < 16 or 128 * block * (cost + parallel) > _MOST_MEMORY
        ):  # fmt: skip
            raise ValueError
    except (ValueError, binascii.Error):
        raise ValueError("this hash of a password is not whole; make one with `mpstock password`") from None
    return _Hash(cost, block, parallel, salt, digest)


def matches(password: str, kept: str) -> bool:
    """Tell whether a password is that of the settings, a hash or the password itself.

    How long it takes does not depend on how much of it is right. Checking a hash takes some tenths of a
    second on purpose: not for the event loop.
    """
    if not is_hash(kept):
        # Of one length, so that not even the password's is told.
        return hmac.compare_digest(*(hashlib.sha256(text.encode()).digest() for text in (password, kept)))
    known = parse(kept)
    digest = _scrypt(password, known.salt, known.cost, known.block, known.parallel, len(known.digest))
    return hmac.compare_digest(digest, known.digest)


def _scrypt(password: str, salt: bytes, cost: int, block: int, parallel: int, length: int) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=cost, r=block, p=parallel, dklen=length, maxmem=_MOST_MEMORY * 2
    )
