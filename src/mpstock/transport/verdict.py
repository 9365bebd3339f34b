"""What became of a request: the answer for the adapter, or the exception that says what may be done next."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mpstock.errors import (
    AuthenticationError,
    ConfigurationError,
    InDoubtError,
    MpstockError,
    NotSentError,
    TransientError,
    UnexpectedResponseError,
)
from mpstock.pacing.hints import LIMIT_STATUSES
from mpstock.transport.bodies import BodyError, BrokenBodyError
from mpstock.transport.wire import BarredError
from mpstock.transport.words import place_of, vendor_words

if TYPE_CHECKING:
    import httpx

    from mpstock.pacing import Hints
    from mpstock.redaction import Redactor
    from mpstock.transport.message import Message
    from mpstock.transport.wire import Passage

__all__ = ["judge", "never_sent"]

REDIRECTS = frozenset({301, 302, 303, 307, 308})


def never_sent(passage: Passage) -> bool:
    """Whether the vendor surely got nothing of the request."""
    import httpx

    if passage.sent is not None:
        return not passage.sent
    return isinstance(
        passage.error,
        httpx.ConnectError
        | httpx.ConnectTimeout
        | httpx.PoolTimeout
        | httpx.ProxyError
        | httpx.UnsupportedProtocol,
    )


def judge(
    message: Message, passage: Passage, hints: Hints, adapter: str, redact: Redactor
) -> httpx.Response | MpstockError:
    """Return the answer, or the exception to raise.

    The exception stands alone: httpx's own carry the request with its headers, so they are told in words
    and not chained.
    """
    if passage.error is None and passage.response is not None and (passage.status or 0) < 300:
        # Nearly all: nothing needs to be told of it.
        return passage.response
    place = redact(place_of(message.method, message.url))
    if passage.status is not None:
        said = _words(message, passage) if passage.status >= 400 else ""
        refusal = _refused(message, passage.status, passage, place, said, hints, adapter, redact)
        if refusal is not None:
            return refusal
    if passage.error is None and passage.response is not None:
        return passage.response
    return _failed(message, passage, place, adapter, redact)


def _words(message: Message, passage: Passage) -> str:
    return "" if passage.response is None else vendor_words(passage.response, message.describe)


def _refused(
    message: Message,
    status: int,
    passage: Passage,
    place: str,
    said: str,
    hints: Hints,
    adapter: str,
    redact: Redactor,
) -> MpstockError | None:
    told = f": {said}" if said else ""
    if status in (401, 403):
        mend = f"Check the credentials that the settings have for {adapter or 'it'}, and their rights"
        text = redact(f"{place} was refused with {status}{told}. {mend}")
        return AuthenticationError(text, adapter=adapter)
    if status in LIMIT_STATUSES:
        text = redact(f"{place}: too many requests ({status}){told}")
        kind = NotSentError if message.push else TransientError
        return kind(text, adapter=adapter, retry_after=hints.retry_after)
    if status >= 500:
        text = redact(f"{place} answered {status}{told}")
        kind = InDoubtError if message.push else TransientError
        return kind(text, adapter=adapter, retry_after=hints.retry_after)
    location = (passage.headers or {}).get("location")
    if status in REDIRECTS and location:
        host = urlsplit(location).hostname or "the same host"
        text = (
            f"{place} answered {status} and sends us to {host}; redirects are not followed, so that no "
            "credentials go astray. If that is the right address, put it in the settings"
        )
        return UnexpectedResponseError(redact(text), adapter=adapter)
    return None


def _failed(message: Message, passage: Passage, place: str, adapter: str, redact: Redactor) -> MpstockError:
    import httpx

    error = passage.error
    why = redact(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return ConfigurationError(f"{adapter}: {redact(message.url)!r}: {why}", place="base_url")
    if not isinstance(error, httpx.HTTPError | BodyError | OSError):
        # A fault of ours or of a test's double, not of the network.
        raise error if error is not None else AssertionError("an exchange without an answer or an error")
    if never_sent(passage):
        text = f"{place}: no connection ({why})"
        if isinstance(error, BarredError):
            text = f"{place}: not sent: {error}"
        if "CERTIFICATE_VERIFY_FAILED" in text:
            text += "; if a company's own authority signs here, name its file in the setting `ca_file`"
        kind = NotSentError if message.push else TransientError
        return kind(text, adapter=adapter)
    if message.push:
        return InDoubtError(f"{place}: sent, but the answer is missing ({why})", adapter=adapter)
    if isinstance(error, BodyError) and not isinstance(error, BrokenBodyError):
        return UnexpectedResponseError(f"{place} answered {passage.status}: {error}", adapter=adapter)
    return TransientError(f"{place}: {why}", adapter=adapter)
