"""Secrets leave this process on the wire only: never in a log record, an exception or a repr."""

from __future__ import annotations

import base64
import json
import logging
import re
import weakref
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

__all__ = ["Redactor", "redact_wire_logs", "redacting_logger", "reveal"]

MASK = "***"

SHORT = 4
"""A secret shorter than this is masked only where it stands alone, or it would tear words apart."""

WIRE_LOGGERS = (
    "httpx",
    "httpcore",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)

_TOKEN = r"[A-Za-z0-9+/=._~-]"
# What follows must look like credentials, and not like the next word of a sentence.
_CREDENTIALS = re.compile(rf"\b((?i:basic|bearer))(\s+){_TOKEN}(?={_TOKEN}*[A-Z0-9=+/]){_TOKEN}+")
_format = logging.Formatter()


def reveal(secret: object) -> str:
    """The text of a secret that may be wrapped (`mpstock.Secret`) or plain."""
    unwrap = getattr(secret, "reveal", None)
    return str(unwrap()) if callable(unwrap) else str(secret)


class Redactor:
    """Replaces known secrets, in every form they may take on the way, by `***`."""

    def __init__(self, secrets: Iterable[object] = ()) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(secrets)

    def __repr__(self) -> str:
        return f"<Redactor of {len(self._secrets)} secrets>"

    def add(self, secrets: Iterable[object]) -> None:
        """Make more secrets known."""
        self._secrets.update(text for text in map(reveal, secrets) if text.strip())
        forms = {form for secret in self._secrets for form in _forms(secret)}
        if forms:
            self._pattern = re.compile("|".join(map(_alternative, sorted(forms, key=len, reverse=True))))

    def __call__(self, text: str) -> str:
        """Return `text` without the secrets, and without any `Basic` or `Bearer` credentials."""
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        return _CREDENTIALS.sub(rf"\1\2{MASK}", text)


def _forms(secret: str) -> Iterable[str]:
    raw = secret.encode()
    yield secret
    yield quote(secret, safe="")
    yield quote(secret)
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
    yield repr(raw)[2:-1]
    for form in (base64.b64encode(raw), base64.urlsafe_b64encode(raw)):
        yield form.decode()
        yield form.decode().rstrip("=")
    yield from _inside_base64(raw)


def _inside_base64(raw: bytes) -> Iterable[str]:
    """How the secret looks within a longer base64 text, such as that of `user:secret`.

    What depends on its neighbours is left off; what is then too short to be told apart is not masked.
    """
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        first = (0, 2, 3)[shift]
        end = (shift + len(raw)) * 8 // 6
        core = encoded[first:end]
        if len(core) >= 6:
            yield core
            yield core.replace("+", "-").replace("/", "_")


def _alternative(form: str) -> str:
    escaped = re.escape(form)
    return escaped if len(form) >= SHORT else rf"(?<!\w){escaped}(?!\w)"


class _RecordFilter(logging.Filter):
    def redact(self, text: str) -> str:
        raise NotImplementedError

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = self.redact(record.getMessage())
        record.args = ()
        if record.exc_info and not record.exc_text:
            record.exc_text = _format.formatException(record.exc_info)
        # A handler that formats the exception itself would show what the text no longer does.
        record.exc_info = None
        if record.exc_text:
            record.exc_text = self.redact(record.exc_text)
        if record.stack_info:
            record.stack_info = self.redact(record.stack_info)
        return True


class _OwnFilter(_RecordFilter):
    def __init__(self) -> None:
        super().__init__()
        self.redactor = Redactor()

    def redact(self, text: str) -> str:
        return self.redactor(text)


class _WireFilter(_RecordFilter):
    """For the loggers of the HTTP client, which all adapters share: masks the secrets of all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.redactors: weakref.WeakSet[Redactor] = weakref.WeakSet()

    def redact(self, text: str) -> str:
        for redactor in list(self.redactors):
            text = redactor(text)
        return text


_wire_filter = _WireFilter()


def redact_wire_logs(redactor: Redactor) -> None:
    """Let `redactor` mask the log records of httpx and httpcore for as long as it lives."""
    _wire_filter.redactors.add(redactor)
    for name in WIRE_LOGGERS:
        logging.getLogger(name).addFilter(_wire_filter)


def redacting_logger(name: str, secrets: Iterable[Any] = ()) -> logging.Logger:
    """Return the logger of that name; its records, exceptions included, go out without `secrets`.

    Called again for the same name it makes more secrets known.
    """
    logger = logging.getLogger(name)
    own = next((one for one in logger.filters if isinstance(one, _OwnFilter)), None)
    if own is None:
        own = _OwnFilter()
        logger.addFilter(own)
    own.redactor.add(secrets)
    return logger
