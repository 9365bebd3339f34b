from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock.errors import (
    AdapterError,
    AuthenticationError,
    RejectedError,
    TransientError,
    UnexpectedResponseError,
)
from tests.onec.service import NBSP, PASSWORD, URL, Reader, body, page, row
from tests.reading import Read

GOOD = body(row("Болт М6", 5), row("B", "1 234,5"), row("C", 7.25, name='кавычка " и \\ косая'))


def read(answer: Any, **changed: Any) -> Read:
    return Reader(answer, **changed).read()


def refused(answer: Any, **changed: Any) -> str:
    """What the error says about an answer that is not stock."""
    with pytest.raises(UnexpectedResponseError) as caught:
        read(answer, **changed)
    assert str(caught.value).startswith("erp: ")
    return str(caught.value)


def response(content: bytes, content_type: str, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=content, headers={"content-type": content_type})


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf", b"\r\n "])
def test_byte_order_mark_before_the_body(mark: bytes) -> None:
    """1C begins a body with a byte order mark unless told otherwise, and sometimes with two."""
    assert read(mark + GOOD + b"\r\n").quantities == {"Болт М6": 5, "B": 1234, "C": 7}


def test_bodies_of_other_charsets_that_name_themselves() -> None:
    """windows-1251 is read where Content-Type says so, UTF-16 by its mark."""
    text = GOOD.decode()
    named = response(text.encode("windows-1251"), "application/json; charset=windows-1251")
    assert read(named).quantities == {"Болт М6": 5, "B": 1234, "C": 7}
    assert read(text.encode("utf-16")).quantities == {"Болт М6": 5, "B": 1234, "C": 7}


def test_utf8_that_is_called_windows_1251_is_utf8() -> None:
    """What a web server says of the charset does not spoil a body that is UTF-8."""
    wrong = response(GOOD, "application/json; charset=windows-1251")
    assert set(read(wrong).quantities) == {"Болт М6", "B", "C"}


def test_windows_1251_that_does_not_say_so_is_told() -> None:
    """The message names the first byte that is no UTF-8, what it may be, and the mend."""
    message = refused(GOOD.decode().encode("windows-1251"))
    assert "byte 0xC1 at position" in message
    assert "windows-1251" in message
    assert "КодировкаТекста.UTF8" in message


def test_page_instead_of_json_is_told_by_its_title() -> None:
    """HTML with status 200 (a login page, the web server's own) is no stock."""
    message = refused(page("1С:Предприятие &mdash; вход"))
    assert "a page instead of JSON" in message
    assert "1С:Предприятие — вход" in message


def test_page_without_a_title_is_told_by_its_first_words() -> None:
    """A page that has no title is quoted."""
    bare = b"<html><style>p {}</style><body><p>Service   <b>Unavailable</b></p></body></html>"
    assert "'Service Unavailable'" in refused(response(bare, "text/html"))


@given(st.integers(min_value=1, max_value=len(GOOD) - 1))
def test_body_cut_off_anywhere_is_not_used(length: int) -> None:
    """Wherever the end is missing, the answer is refused as a whole and called cut off."""
    message = refused(GOOD[:length])
    assert "ends in the middle" in message
    assert "nothing of it is used" in message


@pytest.mark.parametrize(
    "word", ["true", "false", "null", "-12.5e+3", '"\\u0416"', "NaN", "-Infinity", "[{}]"]
)
def test_body_cut_off_within_a_word_is_called_so(word: str) -> None:
    """A word or number cut in two is no typing error of the service."""
    start = '{"stocks": [{"sku": "A-1", "quantity": '
    for length in range(1, len(word) + 1):
        assert "ends in the middle in row 1 (stocks[0])" in refused((start + word[:length]).encode())


def test_cut_off_body_of_many_rows_yields_no_reading() -> None:
    """Twelve thousand rows of a body that ends too early bring not one of them."""
    reader = Reader(body(*(row(f"S-{number}") for number in range(12_000)))[:-10])
    seen: list[Any] = []

    async def walk() -> None:
        async for reading in reader.source.read(None):
            seen.append(reading)

    import asyncio

    with pytest.raises(UnexpectedResponseError, match="in the middle"):
        asyncio.run(walk())
    assert seen == []


def test_bare_number_for_people_is_told_with_its_place() -> None:
    """`1 234,5` without quotes is no JSON: the line, the column, what stands around it and the mend."""
    rows = f'{{"sku": "A-1", "quantity": 5}},\n  {{"sku": "Б-2", "quantity": 1{NBSP}234,5}}'
    message = refused(f'{{"stocks": [\n  {rows}\n]}}'.encode())
    assert "line 3, column 31 in row 2 (stocks[1])" in message
    assert "Б-2" in message
    assert "1\\xa0234,5" in message
    assert "ЗаписатьJSON()" in message


def test_bare_decimal_comma_is_told() -> None:
    """`12,5` without quotes reads as two things; the mend is named all the same."""
    assert "ЗаписатьJSON()" in refused(b'{"stocks": [{"sku": "A-1", "quantity": 12,5}]}')


@pytest.mark.parametrize(
    "text",
    [
        '{"stocks": [{"sku": "Болт "М6"", "quantity": 5}]}',
        '{"stocks": [{"sku": "A-1", "quantity": 5},]}',
        '{"stocks": [{"sku": "A-1", "quantity": 5} {"sku": "B"}]}',
        '{"stocks": [{"sku": "A-1", "quantity": 5}}]',
        "{'stocks': []}",
        '{"stocks" []}',
        '{"stocks": []} {"stocks": []}',
        '{"stocks": []}{',
        '{"stocks": [], }',
        '{"stocks": [' + "[" * 100_000 + "]" * 100_000 + "]}",
        "Ошибка: нет прав",
    ],
)
def test_body_that_is_no_json_is_told_with_its_place(text: str) -> None:
    """A defect of the whole body names its line and column."""
    assert re.search(r"line 1, column \d+", refused(text.encode()))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the body is empty"),
        (" \r\n", "the body is empty"),
        ("{}", "none at all"),
        ('{"result": false, "error": "Нет прав на чтение"}', "'result', 'error': 'Нет прав на чтение'"),
        ('{"Stocks": []}', "'Stocks'"),
        ('{"stocks": null}', '"stocks" is null and not a list'),
        ('{"stocks": {"A-1": 5}}', '"stocks" is an object and not a list'),
        ('{"stocks": "[]"}', '"stocks" is a text and not a list'),
        ("[]", "the body is a list and not an object"),
        ('"stocks"', "the body is a text and not an object"),
        ("12", "the body is a number and not an object"),
        ('{"stocks": [], "stocks": []}', "stands twice"),
    ],
)
def test_body_without_stocks_names_what_is_there(text: str, says: str) -> None:
    """No list `stocks` in the body is an error that says what was found, in the service's own words."""
    assert says in refused(text.encode())


def test_other_keys_beside_stocks_do_no_harm() -> None:
    """A service may tell more than the rows, before and after them."""
    text = (
        '{"date": "2026-01-12", "total": {"rows": [1, 2]}, "stocks" : [ {"sku":"A","quantity":5} ], "ok": 1}'
    )
    assert read(text.encode()).quantities == {"A": 5}


def test_line_break_within_a_text_does_no_harm() -> None:
    """1C writes line breaks of a comment into a text as they are, which JSON forbids."""
    assert read(b'{"stocks": [{"sku": "A-1", "quantity": 5, "note": "a\r\n\tb"}]}').quantities == {"A-1": 5}


def test_publication_that_is_off_is_told() -> None:
    """404 is the web server's: no publication, or no service at that path. It is not `no rows`."""
    message = refused(page("404 - Файл или каталог не найден", 404))
    assert "answered 404, nothing is at http://erp.local/trade/hs/stocks/list" in message
    assert "404 - Файл или каталог не найден" in message
    assert "published" in message


def test_error_page_in_windows_1251_keeps_its_russian() -> None:
    """Error pages of Russian web servers that name no charset come through unharmed."""
    content = "<title>Не найдено</title>".encode("windows-1251")
    assert "Не найдено" in refused(response(content, "text/html", 404))


def test_redirection_is_not_followed() -> None:
    """The password goes to no other address."""
    reader = Reader(page("Moved", 301, location="https://erp.example/trade/hs/stocks/list"))
    with pytest.raises(AdapterError, match=r"301.*erp\.example"):
        reader.read()
    assert len(reader.requests) == 1


@pytest.mark.parametrize("status", [201, 202, 204, 409, 418])
def test_other_statuses_are_no_stock(status: int) -> None:
    """Only 200 brings stock, whatever the body is."""
    assert f"answered {status} instead of" in refused(response(GOOD, "application/json", status))


def test_refused_question_is_told_in_the_services_words() -> None:
    """400 is the service's own answer to what was asked."""
    reader = Reader(response("Параметр changedAfter: не дата".encode(), "text/plain", 400))
    with pytest.raises(RejectedError, match="answered 400: Параметр changedAfter: не дата") as caught:
        reader.read()
    assert caught.value.code == "400"


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_told_without_the_password(status: int) -> None:
    """401 and 403 say what the web server said, and not the password that was sent."""
    reader = Reader(page("Доступ запрещён", status))
    with pytest.raises(AuthenticationError) as caught:
        reader.read()
    assert "Доступ запрещён" in str(caught.value)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("status", [200, 400, 404])
def test_page_that_repeats_the_password_is_told_without_it(status: int) -> None:
    """An answer is quoted, the secret in it is not."""
    with pytest.raises(AdapterError, match=r"\*\*\*") as caught:
        read(page(f"Debug: {PASSWORD}", status))
    assert PASSWORD not in str(caught.value)


def test_error_of_1c_is_told_in_russian() -> None:
    """The plain text of a 500 (an exception in the service's module) passes unharmed."""
    text = "{HTTPСервис.stocks.Модуль(12)}: Поле объекта не обнаружено (Остаток)"
    with pytest.raises(TransientError, match="Поле объекта не обнаружено"):
        Reader(response(text.encode(), "text/plain", 500)).read()


def test_no_connection_is_transient() -> None:
    """A server that is down is no empty stock."""
    with pytest.raises(TransientError):
        Reader(httpx.ConnectError("connection refused")).read()


def test_page_of_errors_does_not_flood_the_message() -> None:
    """A long answer is quoted by its beginning."""
    assert len(refused(response(b"<p>" + b"word " * 10_000, "text/html"))) < 700


def test_address_in_messages_is_the_one_of_the_settings() -> None:
    """What is not found is named by the address that was asked."""
    assert f"{URL}/hs/other/list" in refused(page("?", 404), path="/hs/other/list")
