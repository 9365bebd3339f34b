from __future__ import annotations

import asyncio
import base64
import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from mpstock import Secret
from mpstock.config.structuring import structure_settings
from mpstock.errors import (
    AuthenticationError,
    ConfigurationError,
    RejectedError,
    TransientError,
    UnexpectedResponseError,
)
from mpstock.testing import VirtualClock, adapter_context, build_adapter
from mpstock_files.settings import Columns, FilesSettings
from tests.files.supplier import SPEC, START, Supplier
from tests.reading import Read, walk

LIST = "Артикул;Остаток\r\nA;5\r\n".encode()
MODIFIED = "Mon, 12 Jan 2026 06:00:00 GMT"
URL = "https://supplier.example/b2b/stock.csv?key=s3cret"


class Server:
    """A source that asks a server which answers as it is told; the last answer repeats."""

    def __init__(self, *answers: httpx.Response, **changed: Any) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.clock = VirtualClock()
        context = adapter_context(httpx.MockTransport(self._answer), "supplier", self.clock)
        self.source = build_adapter(SPEC, FilesSettings(**{"url": URL, **changed}), context)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def read(self, cursor: str | None = None) -> Read:
        return walk(self.source, cursor)


def ok(content: bytes = LIST, /, **headers: str) -> httpx.Response:
    return httpx.Response(
        200, content=content, headers={key.replace("_", "-"): value for key, value in headers.items()}
    )


def test_what_the_server_said_is_sent_back() -> None:
    """ETag and Last-Modified live in the cursor; 304 is nothing new, and no error."""
    server = Server(ok(etag='"v1"', last_modified=MODIFIED), httpx.Response(304))
    first = server.read()
    assert (first.quantities, first.last.complete) == ({"A": 5}, True)
    assert "if-none-match" not in server.requests[0].headers
    second = server.read(first.cursor)
    assert (second.levels, second.problems, second.last.complete) == ([], [], False)
    assert server.requests[1].headers["if-none-match"] == '"v1"'
    assert server.requests[1].headers["if-modified-since"] == MODIFIED
    assert second.cursor == first.cursor


def test_list_is_as_old_as_the_server_says() -> None:
    """Last-Modified tells a list that is not written any more, also when it is confirmed by 304."""
    server = Server(ok(last_modified=MODIFIED), httpx.Response(304))
    first = server.read()
    assert first.last.as_of == datetime(2026, 1, 12, 6, tzinfo=UTC)
    server.clock.advance(3600)
    assert server.read(first.cursor).last.as_of == datetime(2026, 1, 12, 6, tzinfo=UTC)


def test_list_may_be_as_old_as_the_question() -> None:
    """A supplier who writes only when something has moved: what the server confirms now is of now."""
    server = Server(ok(last_modified=MODIFIED), httpx.Response(304), dated_by="request")
    first = server.read()
    assert first.last.as_of == START
    server.clock.advance(3600)
    assert server.read(first.cursor).last.as_of == START + timedelta(hours=1)


@pytest.mark.parametrize("modified", ["", "yesterday", "Tue, 13 Jan 2099 06:00:00 GMT"])
def test_without_a_usable_date_it_is_of_the_question(modified: str) -> None:
    """No date, one that is none, one from the future: the moment when the question began."""
    dated = {"last_modified": modified} if modified else {}
    server = Server(ok(LIST, etag='"1"', **dated), httpx.Response(304))
    first = server.read()
    assert first.last.as_of == START
    server.clock.advance(60)
    assert server.read(first.cursor).last.as_of == START + timedelta(seconds=60)


def test_cursor_of_another_address_is_not_sent() -> None:
    """An ETag of another list would hide the new one."""
    cursor = Server(ok(etag='"v1"')).read().cursor
    server = Server(ok(), url="https://other.example/stock.csv")
    assert server.read(cursor).quantities == {"A": 5}
    assert "if-none-match" not in server.requests[0].headers


@pytest.mark.parametrize("cursor", ["", "x", "[]", "{}", '{"of": 1}', "[" * 100_000])
def test_cursor_that_cannot_be_read_asks_for_everything(cursor: str) -> None:
    """A damaged cursor loses nothing."""
    server = Server(ok())
    assert server.read(cursor).last.complete


def test_redirect_is_an_error_that_names_the_host() -> None:
    """Credentials do not follow; the user puts the new address into the settings."""
    server = Server(httpx.Response(302, headers={"location": "https://new.example/stock.csv"}))
    with pytest.raises(UnexpectedResponseError, match=r"new\.example"):
        server.read()
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (httpx.Response(404), UnexpectedResponseError, "no list is at this address"),
        (httpx.Response(410), UnexpectedResponseError, "no list is at this address"),
        (httpx.Response(400), RejectedError, "answered 400"),
        (httpx.Response(401), AuthenticationError, "401"),
        (httpx.Response(503), TransientError, "503"),
        (httpx.Response(204), UnexpectedResponseError, "204 instead of a list"),
        (httpx.Response(304), UnexpectedResponseError, "304 instead of a list"),
        (ok(b""), UnexpectedResponseError, r"stock\.csv: it is empty"),
        (ok(b"<html><title>Login</title></html>"), UnexpectedResponseError, "web page, 'Login'"),
        (ok(gzip.compress(LIST)[:-9]), UnexpectedResponseError, "cut off"),
    ],
)
def test_every_trouble_is_a_clear_error(answer: httpx.Response, error: type[Exception], says: str) -> None:
    """Whatever fails, it is an error, no empty stock, and tells no key of the address."""
    with pytest.raises(error, match=says) as caught:
        Server(answer).read()
    assert "s3cret" not in str(caught.value)


def test_credentials_are_sent_as_basic() -> None:
    """User and password as UTF-8, and in no message."""
    server = Server(ok(), user="Магазин", password=Secret("пароль"))
    server.read()
    encoded = server.requests[0].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(encoded).decode() == "Магазин:пароль"
    assert "пароль" not in server.read().cursor


def test_packed_body_of_a_packed_file() -> None:
    """`stock.csv.gz` that the server packs once more."""
    server = Server(ok(gzip.compress(LIST)))
    assert server.read().quantities == {"A": 5}


def test_path_that_has_not_changed_is_nothing_new(tmp_path: Path) -> None:
    """A file is read once; nothing new says how old it is."""
    supplier = Supplier(tmp_path)
    supplier.put(LIST, age=7200)
    first = supplier.read()
    assert (first.last.complete, first.last.as_of) == (True, START - timedelta(hours=2))
    supplier.clock.advance(600)
    second = supplier.read(first.cursor)
    assert (second.levels, second.last.as_of) == ([], START - timedelta(hours=2))
    supplier.put(LIST.replace(b"5", b"6"))
    assert supplier.read(second.cursor).quantities == {"A": 6}


def test_older_list_than_before_is_told(tmp_path: Path) -> None:
    """A list that was put back keeps its old time: the core takes the newer numbers, and a person is told."""
    supplier = Supplier(tmp_path)
    supplier.put(LIST, age=60)
    cursor = supplier.read().cursor
    supplier.put(LIST.replace(b"5", b"6"), age=3600)
    found = supplier.read(cursor)
    assert found.last.as_of == START - timedelta(hours=1)
    assert "save it anew" in found.problems[0].message


def test_file_from_the_future_is_of_now(tmp_path: Path) -> None:
    """A file server whose clock runs ahead does not hold off later readings."""
    supplier = Supplier(tmp_path)
    supplier.put(LIST, age=-3600)
    assert supplier.read().last.as_of == START


def test_newest_of_a_pattern_counts(tmp_path: Path) -> None:
    """A list that comes each day under a new name."""
    supplier = Supplier(tmp_path, "stock-*.csv")
    supplier.put(LIST, "stock-11.csv", age=86_400)
    supplier.put(LIST.replace(b"A", b"B"), "stock-12.csv", age=60)
    assert supplier.read().quantities == {"B": 5}


def test_all_of_a_pattern_are_one_list(tmp_path: Path) -> None:
    """Parts of one list are as old as the oldest of them, and one broken part spoils all."""
    supplier = Supplier(tmp_path, "*.csv", files="all", duplicates="sum")
    supplier.put(LIST, "chairs.csv", age=3600)
    supplier.put(LIST + b"B;1\r\n", "tables.csv")
    found = supplier.read()
    assert (found.quantities, found.last.as_of) == ({"A": 10, "B": 1}, START - timedelta(hours=1))
    supplier.put('Артикул;Остаток\r\nA;"'.encode(), "tables.csv")
    with pytest.raises(UnexpectedResponseError, match=r"tables\.csv"):
        supplier.read()


def test_name_with_brackets_is_a_name(tmp_path: Path) -> None:
    """A file that is there by its very name is no pattern."""
    supplier = Supplier(tmp_path, "[1] stock.csv")
    supplier.put(LIST)
    assert supplier.read().quantities == {"A": 5}


@pytest.mark.parametrize("name", ["stock.csv", "in/*.csv", "*.xlsx"])
def test_list_that_is_not_there_may_pass(tmp_path: Path, name: str) -> None:
    """A supplier that has sent nothing yet."""
    with pytest.raises(TransientError, match="has the supplier sent it yet"):
        Supplier(tmp_path, name).read()


def test_folder_is_no_list(tmp_path: Path) -> None:
    """It is told how to write a pattern."""
    (tmp_path / "in").mkdir()
    with pytest.raises(UnexpectedResponseError, match=r"in/\*\.csv"):
        Supplier(tmp_path, "in").read()


def test_file_that_is_written_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """Half old and half new is no list."""
    supplier = Supplier(tmp_path)
    path = supplier.put("Артикул;Остаток\n".encode() + b"".join(b"A-%d;1\n" % n for n in range(6_000)))

    async def interfered() -> None:
        reading = supplier.source.read(None)

        async def other() -> None:
            path.write_bytes(LIST)

        task = asyncio.create_task(other())
        try:
            async for _ in reading:
                pass
        finally:
            await task

    with pytest.raises(UnexpectedResponseError, match=r"written to while|cut off|never closed|empty"):
        asyncio.run(interfered())


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({}, "path and url: give one of them"),
        ({"path": Path("a.csv"), "url": "https://a.example"}, "path and url: give one of them"),
        ({"url": "http://a.example/x.csv"}, "allow_http = true"),
        ({"url": "https://u:p@a.example"}, "url must not carry"),
        ({"url": "ftp://a.example"}, "url must be an address"),
        ({"url": "https://a.example", "password": Secret("x")}, "password is given without user"),
        ({"url": "https://a.example", "user": "a:b"}, "user must not contain a colon"),
        ({"path": Path("a"), "separator": ";;"}, "separator must be one character"),
        ({"path": Path("a"), "encoding": "cp-1251x"}, "encoding must be such as"),
        ({"path": Path("a"), "words": {"есть": -1}}, "words must say how many"),
        ({"path": Path("a"), "words": {"есть": "x"}}, "words must say how many"),
        ({"path": Path("a"), "header_row": -1}, "header_row must be the number"),
        ({"path": Path("a"), "empty": "none"}, "empty must be"),
        ({"path": Path("a"), "warehouses": {"x": ""}}, "warehouses must name"),
        ({"path": Path("a"), "yml_sku": "sku"}, "yml_sku must be"),
        ({"path": Path("a"), "timeout": timedelta(0)}, "timeout must be above 0"),
    ],
)
def test_bad_settings_name_key_and_mend(changed: dict[str, Any], says: str) -> None:
    """A wrong setting says which key it is and what to write, and no password."""
    with pytest.raises(ValueError, match=says) as caught:
        FilesSettings(**changed)
    assert "u:p" not in str(caught.value)


def test_settings_come_from_a_file(tmp_path: Path) -> None:
    """The table of mpstock.toml, with its inner tables, makes the settings; a wrong key is named."""
    told = {
        "path": "in/stock.csv",
        "columns": {"sku": "Код", "quantity": 3},
        "words": {">10": 10, "есть": "unknown"},
        "sheet": 2,
    }
    made = structure_settings(FilesSettings, told, "[sources.supplier]", base=tmp_path)
    assert made.path == tmp_path / "in/stock.csv"
    assert made.columns == Columns("Код", 3)
    assert made.words == {">10": 10, "есть": "unknown"}
    with pytest.raises(ConfigurationError, match="quantiy"):
        structure_settings(FilesSettings, {**told, "columns": {"quantiy": "x"}}, "[sources.supplier]")
