"""The ways by which notices leave: Apprise, with what its URLs hold kept out of every text."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen

from mpstock.errors import ConfigurationError
from mpstock.redaction import Redactor

if TYPE_CHECKING:
    from mpstock.alerts.messages import Message
    from mpstock.secret import Secret

__all__ = ["AppriseWay", "Way", "ways_of"]

_LOGGERS = ("apprise", "requests", "urllib3.connectionpool")
"""Who may say what stands in a URL: Apprise, and what it sends with."""


class Way(Protocol):
    """Takes a message to people. `name` tells it from the others and holds no secret."""

    @property
    def name(self) -> str:
        """What the ledger calls it."""
        ...

    def send(self, message: Message) -> str:
        """Send, and return why that failed, "" if it did not. Blocks; runs in a thread of its own."""
        ...


@frozen
class AppriseWay:
    """One URL of Apprise. It sends by its own client: where it leads, only the settings file says."""

    url: Secret = field(repr=False)

    @property
    def name(self) -> str:
        """Its kind and a digest: `tgram-3f9a01c2`."""
        text = self.url.reveal()
        return f"{_scheme(text)}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def send(self, message: Message) -> str:
        """Send by Apprise; see `Way.send`."""
        import apprise

        redact = Redactor(_secrets(self.url.reveal()))
        said = _Said(redact)
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(said)
        try:
            one = apprise.Apprise()
            if not one.add(self.url.reveal()):
                return "Apprise does not know this kind of URL, or something in it is missing"
            kind = "failure" if message.severity == "critical" else "warning"
            sent = one.notify(
                body=message.body,
                title=message.title,
                notify_type=apprise.NotifyType(kind),
                body_format=apprise.NotifyFormat.TEXT,
            )
        except Exception as error:
            # A plugin of Apprise may raise anything; whatever it is, the notice is sent again later.
            return redact(f"{type(error).__name__}: {error}")
        finally:
            for name in _LOGGERS:
                logging.getLogger(name).removeFilter(said)
        return "" if sent else said.last or "it was not taken"


def ways_of(urls: Sequence[Secret]) -> list[Way]:
    """Return the ways of these URLs.

    Raises:
        ConfigurationError: there are some, and Apprise is not installed.
    """
    if not urls:
        return []
    try:
        import apprise  # noqa: F401
    except ImportError:
        raise ConfigurationError(
            "needs Apprise: pip install 'mpstock[notify]'", place="[alerts] urls"
        ) from None
    return [AppriseWay(url) for url in dict.fromkeys(urls)]


class _Said(logging.Filter):
    """Takes the secrets out of what Apprise logs, and keeps the last complaint."""

    def __init__(self, redact: Redactor) -> None:
        super().__init__()
        self._redact = redact
        self.last = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, redacted."""
        text = self._redact(record.getMessage())
        record.msg, record.args = text, ()
        if record.levelno >= logging.WARNING:
            self.last = text
        return True


def _scheme(url: str) -> str:
    scheme, found, _ = url.partition("://")
    return scheme.lower() if found and scheme.isalnum() and len(scheme) <= 20 else "url"


def _secrets(url: str) -> list[str]:
    """Return a URL and the parts of it that may be its secrets: all but what is short."""
    from urllib.parse import unquote

    parts: list[Any] = [url]
    for separator in "/:@?&=":
        parts = [piece for part in parts for piece in part.split(separator)]
    return list(
        dict.fromkeys(text for part in (url, *parts) for text in (part, unquote(part)) if len(text) > 5)
    )
