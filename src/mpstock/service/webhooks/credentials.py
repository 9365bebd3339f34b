"""Who may bring something: who signs it, has a token, or a name and a password. Compared in constant time."""

from __future__ import annotations

import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from mpstock.service.webhooks.refusals import Refusal

if TYPE_CHECKING:
    from mpstock.config import WebhookSettings

__all__ = ["SIGNATURE", "TIMESTAMP", "Credentials"]

SIGNATURE, TIMESTAMP = "mpstock-signature", "mpstock-timestamp"
"""The headers of a signed request."""

_SCHEME = "v1="
_MOST = 8
"""Signatures in one header: one for each secret that a sender has while it is being changed."""


class Credentials:
    """Checks requests against the secrets of the settings."""

    def __init__(self, settings: WebhookSettings) -> None:
        self._secrets = [secret.reveal().encode() for secret in settings.secrets]
        self._tokens = [token.reveal().encode() for token in settings.tokens]
        self._users = [(name.encode(), secret.reveal().encode()) for name, secret in settings.users.items()]
        self._notify = [token.reveal().encode() for token in settings.notify_tokens]
        self._window = settings.replay_window

    @property
    def any(self) -> bool:
        """Whether anybody can bring stock at all."""
        return bool(self._secrets or self._tokens or self._users)

    def check(self, headers: Mapping[str, str], signed: Iterable[bytes], now: datetime) -> str | None:
        """Let a request in; returns its signature if it has one, by which it is known when it comes again.

        `signed` is what a signature is of, after the timestamp and a point.

        Raises:
            Refusal: it has no credentials, or wrong ones (401), or there are none in the settings (403).
        """
        if not self.any:
            raise Refusal(
                403,
                "nobody may bring anything here: set secrets, tokens or users in [service.webhooks], and "
                "start the service again",
            )
        given = headers.get(SIGNATURE)
        if given is not None:
            return self._signature(given, headers.get(TIMESTAMP, ""), signed, now)
        scheme, _, value = headers.get("authorization", "").strip().partition(" ")
        if scheme.lower() == "bearer" and _any_of(value.strip().encode("utf-8", "replace"), self._tokens):
            return None
        if self.user(headers) is not None:
            return None
        raise self._refused("the credentials are wrong" if scheme else "there are no credentials")

    def user(self, headers: Mapping[str, str]) -> str | None:
        """Return whose name and password a request has; None where it has none, or wrong ones."""
        scheme, _, value = headers.get("authorization", "").strip().partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            pair = b64decode(value.strip(), validate=True)
        except (Base64Error, ValueError):
            return None
        offered = [pair]
        with suppress(UnicodeDecodeError):
            # Names and passwords in Cyrillic come in either.
            offered.append(pair.decode("windows-1251").encode())
        found: str | None = None
        for name, password in self._users:
            if sum(_any_of(offer, [name + b":" + password]) for offer in offered):
                found = name.decode()
        return found

    def may_notify(self, token: str) -> bool:
        """Say whether a token in an address lets a vendor say that something has happened."""
        return _any_of(token.encode("utf-8", "replace"), self._notify)

    def _signature(self, given: str, timestamp: str, signed: Iterable[bytes], now: datetime) -> str:
        stamp = timestamp.strip()
        if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 15):
            raise self._refused(f"{TIMESTAMP} must be the time of sending in seconds since 1970")
        text = b".".join([stamp.encode(), *signed])
        digests = [hmac.digest(secret, text, "sha256").hex().encode() for secret in self._secrets]
        offered = [part.strip() for part in given.split(",")][:_MOST]
        found = b""
        for part in offered:
            if part.startswith(_SCHEME):
                offer = part.removeprefix(_SCHEME).lower().encode("utf-8", "replace")
                found = offer if _any_of(offer, digests) else found
        if not found:
            raise self._refused(
                f"{SIGNATURE} is wrong: it is {_SCHEME} and the HMAC-SHA256, in hexadecimal, of the "
                "timestamp, a point and the body as it is sent"
            )
        # Told only to who knows the secret: the time that a server has is nobody else's business.
        away = abs(now.timestamp() - int(stamp))
        if away > self._window.total_seconds():
            raise self._refused(
                f"{TIMESTAMP} is {away:.0f} s away from our time; set the clock, or sign anew"
            )
        return found.decode()

    def _refused(self, why: str) -> Refusal:
        schemes = [
            *(["Mpstock-Signature"] if self._secrets else []),
            *(['Bearer realm="mpstock"'] if self._tokens else []),
            *(['Basic realm="mpstock", charset="UTF-8"'] if self._users else []),
        ]
        return Refusal(401, why, headers={"WWW-Authenticate": ", ".join(schemes)})


def _any_of(offered: bytes, known: Iterable[bytes]) -> bool:
    """Compare with all of them, whatever the first ones say: the time it takes tells nothing."""
    found = False
    for one in known:
        found |= hmac.compare_digest(offered, one)
    return found
