"""Secrets leave on the wire only: no log record, exception or repr holds one, in any form."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import traceback
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import httpx
import pytest

from mpstock import Secret
from mpstock.errors import MpstockError
from mpstock.redaction import Redactor, redacting_logger
from mpstock.testing import adapter_context, run_virtual
from tests.transport.wires import Hurried, answering, raw_server, transport_over

KEY = "k3y/with+odd=chars&ü"
PASSWORD = "пароль 1С"
HEADER_KEY = "0f3c-plain-key-77"
BASIC = base64.b64encode(f"Робот:{PASSWORD}".encode()).decode()
FORMS = [
    KEY,
    quote(KEY, safe=""),
    quote_plus(KEY),
    json.dumps(KEY)[1:-1],
    base64.b64encode(KEY.encode()).decode(),
    PASSWORD,
    quote(PASSWORD),
    quote_plus(PASSWORD),
    json.dumps(PASSWORD)[1:-1],
    repr(PASSWORD.encode())[2:-1],
    BASIC,
    HEADER_KEY,
]


def assert_clean(text: str) -> None:
    for form in FORMS:
        assert form not in text


@pytest.fixture
def everything() -> Iterator[list[str]]:
    """All that is logged by anyone, at DEBUG, formatted as a handler would."""
    lines: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    root, handler = logging.getLogger(), Keeping(0)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    level = root.level
    root.addHandler(handler)
    root.setLevel(0)
    yield lines
    root.removeHandler(handler)
    root.setLevel(level)


def test_every_form_of_a_secret_is_masked():
    """Plain, percent-encoded, JSON-escaped, as bytes, in base64 and within Basic credentials."""
    redact = Redactor([KEY, PASSWORD, HEADER_KEY])
    for form in FORMS:
        masked = redact(f"before {form} after")
        assert_clean(masked)
        assert masked.startswith("before ")
        assert masked.endswith(" after")


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "Администратор"])
def test_password_within_basic_credentials_is_masked_without_their_name(user: str):
    """Whatever the user's name is, the password's part of `user:password` in base64 cannot be read back."""
    encoded = base64.b64encode(f"{user}:correct-horse-battery".encode()).decode()
    masked = Redactor(["correct-horse-battery"])(f"token={encoded}")
    kept = masked.removeprefix("token=").split("***")[0]
    assert b"correct" not in base64.b64decode(kept[: len(kept) // 4 * 4] or b"")
    assert "***" in masked


def test_credentials_are_masked_even_when_nobody_declared_them():
    """`Basic` and `Bearer` credentials never pass, known or not; the words around them do."""
    redact = Redactor()
    assert redact("Authorization: Bearer eyJhbGciOi.J9.x-y_z, retry") == "Authorization: Bearer ***, retry"
    assert redact("[(b'authorization', b'Basic dXNlcjpw')]") == "[(b'authorization', b'Basic ***')]"
    assert redact("a basic explanation") == "a basic explanation"


def test_short_secret_does_not_tear_words_apart():
    """A password of two letters is masked where it stands alone and nowhere else; an empty one nowhere."""
    redact = Redactor(["ab", "", "  "])
    assert redact("password ab, table, 'ab'") == "password ***, table, '***'"


def test_longer_secret_is_masked_whole():
    """Where one secret is the beginning of another, the longer one leaves no end behind."""
    assert Redactor(["token", "token-and-more"])("x token-and-more y") == "x *** y"


def test_adapters_logger_masks_messages_arguments_and_tracebacks(everything: list[str]):
    """What an adapter logs, with its arguments and with an exception, is free of its secrets."""
    logger = adapter_context(
        httpx.MockTransport(lambda request: httpx.Response(200)),
        name="logged",
        secrets=[Secret(KEY), PASSWORD],
    ).logger
    logger.warning("asked with %s and %r", KEY, {"password": PASSWORD})
    try:
        raise ValueError(f"bad {KEY}")
    except ValueError:
        logger.exception("failed with %s", PASSWORD)
    text = "\n".join(everything)
    assert "asked with ***" in text
    assert "ValueError: bad ***" in text
    assert_clean(text)


def test_logger_asked_for_again_knows_the_secrets_of_both():
    """Two adapters of one name mask each other's secrets too."""
    redacting_logger("mpstock.adapters.twice", ["first-secret"])
    logger = redacting_logger("mpstock.adapters.twice", ["second-secret"])
    record = logger.makeRecord(logger.name, 30, "", 0, "%s %s", ("first-secret", "second-secret"), None)
    assert logger.filter(record)
    assert record.getMessage() == "*** ***"


def leak_everywhere(*, status: int, body: bytes, everything: list[str]) -> None:
    """Let a vendor echo every secret, over a real wire, and look at all that is said of it."""
    raw = (
        f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nX-Echo: {HEADER_KEY}\r\n"
        f"Set-Cookie: session={HEADER_KEY}\r\n\r\n"
    ).encode() + body

    async def main() -> None:
        async with raw_server(answering(raw)) as url:
            transport = transport_over(
                clock=Hurried(), rates=(), attempts=2, secrets=[KEY, Secret(PASSWORD), HEADER_KEY]
            )
            everything.append(repr(transport))
            try:
                await transport.request(
                    "GET",
                    f"{url}/path/{quote(KEY, safe='')}",
                    scopes=(),
                    params={"token": KEY},
                    headers={"Api-Key": HEADER_KEY, "Authorization": f"Basic {BASIC}"},
                )
            except MpstockError as error:
                everything.append("".join(traceback.format_exception(error)))
                everything.append(repr(error))
                for other in (error.__cause__, error.__context__):
                    assert not isinstance(other, httpx.HTTPError)
            await transport.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("status", [200, 401, 429, 500])
def test_nothing_that_is_logged_or_raised_holds_a_secret(status: int, everything: list[str]):
    """With everything logged at DEBUG, and a vendor that echoes each secret, none is to be found."""
    body = json.dumps({"message": f"bad key {KEY} and {PASSWORD} in {HEADER_KEY}, Basic {BASIC}"}).encode()
    leak_everywhere(status=status, body=body, everything=everything)
    text = "\n".join(everything)
    assert "httpx HTTP Request: GET" in text
    assert "httpcore.http11 send_request_headers.started" in text
    assert "mpstock.transport.ozon" in text
    assert ("attempt 1 failed" in text) == (status in (429, 500))
    assert_clean(text)


def test_nothing_about_a_broken_connection_holds_a_secret(everything: list[str]):
    """Nor when the answer breaks off, where httpx's own exception carries the request."""
    leak_everywhere(status=200, body=b"", everything=everything)
    everything.clear()

    async def main() -> None:
        async with raw_server(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab")) as url:
            transport = transport_over(attempts=1, secrets=[HEADER_KEY])
            with pytest.raises(MpstockError) as raised:
                await transport.request("GET", url, scopes=("s",), headers={"Api-Key": HEADER_KEY})
            assert raised.value.__cause__ is None
            assert raised.value.__context__ is None
            everything.append("".join(traceback.format_exception(raised.value)))
            await transport.aclose()

    asyncio.run(main())
    assert_clean("\n".join(everything))


def test_url_that_holds_a_key_is_told_without_it():
    """A base URL with a key in its path, wrong in its scheme, is told without the key."""

    async def main() -> None:
        transport = transport_over(lambda request: httpx.Response(500), secrets=["path-key-9"], attempts=1)
        with pytest.raises(MpstockError) as raised:
            await transport.request("GET", "https://hook.test/path-key-9/x?a=path-key-9", scopes=("s",))
        assert "GET hook.test/***/x" in str(raised.value)
        assert "path-key-9" not in str(raised.value)

    run_virtual(main)


def test_masking_in_the_clients_logs_ends_with_the_transport(everything: list[str]):
    """The secrets of a transport that is no more are not kept for ever."""
    import gc

    transport = transport_over(lambda request: httpx.Response(200), secrets=["short-lived-secret"])
    logging.getLogger("httpx").info("one short-lived-secret")
    del transport
    gc.collect()
    logging.getLogger("httpx").info("two short-lived-secret")
    assert everything[-2:] == ["httpx one ***", "httpx two short-lived-secret"]
