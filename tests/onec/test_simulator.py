"""The 1C double: the service's contract, and every habit that it can be given."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from mpstock.simulation import serve
from mpstock.testing import VirtualClock
from mpstock_onec.simulator import OnecSimulator, Style
from tests.simulation.client import call

LIST = "/hs/stocks/list"
START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def base(clock: VirtualClock) -> OnecSimulator:
    return OnecSimulator(
        {("MUG-1", "main"): 10, ("MUG-1", "msk-2"): "2.5", ("MUG-2", "main"): 0}, clock=clock
    )


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def ask(app: OnecSimulator, path: str = LIST, *, auth: str | None = None, **query: str) -> httpx.Response:
    """Ask as a well-behaved client does, for JSON."""
    path += "?" + urlencode({"format": "json", **query})
    headers = {"authorization": basic(app.user, app.password) if auth is None else auth}
    return call(app, "GET", path, headers=headers)


def rows(answer: httpx.Response) -> list[Any]:
    assert answer.status_code == 200, answer.text
    return json.loads(answer.content.decode("utf-8-sig"), parse_float=Decimal)["stocks"]


def test_a_plain_answer_is_what_the_contract_says(base: OnecSimulator) -> None:
    """Every row has sku, quantity and warehouse; zeros are rows; numbers are numbers."""
    answer = ask(base)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert rows(answer) == [
        {"sku": "MUG-1", "quantity": 10, "warehouse": "main"},
        {"sku": "MUG-1", "quantity": Decimal("2.5"), "warehouse": "msk-2"},
        {"sku": "MUG-2", "quantity": 0, "warehouse": "main"},
    ]


@pytest.mark.parametrize("prefix", ["", "/trade", "/1c/trade", "/erp/1c/trade"])
def test_a_publication_may_have_a_prefix(base: OnecSimulator, prefix: str) -> None:
    """The service lies under its publication, at the root or folders deep."""
    assert len(rows(ask(base, prefix + LIST))) == 3


def test_what_is_not_published_is_the_web_servers_404(base: OnecSimulator) -> None:
    """HTML, not JSON."""
    answer = ask(base, "/trade/hs/stock/list")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_a_cyrillic_user_signs_in_with_utf_8(base: OnecSimulator) -> None:
    """The default user and password are Cyrillic; another encoding of them is refused."""
    assert base.user == "Робот"
    assert ask(base).status_code == 200
    cp1251 = "Basic " + base64.b64encode(f"{base.user}:{base.password}".encode("cp1251")).decode()
    assert ask(base, auth=cp1251).status_code == 401


@pytest.mark.parametrize(
    "auth", ["", "Basic", "Basic !!!", "Bearer x", basic("Робот", "другой"), basic("x", "y")]
)
def test_bad_credentials_are_401_without_json(base: OnecSimulator, auth: str) -> None:
    """401 asks for Basic and has HTML in it."""
    answer = ask(base, auth=auth)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert answer.headers["content-type"].startswith("text/html")


def test_a_changed_password_shuts_out(base: OnecSimulator) -> None:
    """Somebody changes the password in 1C: who has the old one gets 401."""
    old = basic(base.user, base.password)
    base.password = "новый"
    assert ask(base, auth=old).status_code == 401
    assert ask(base).status_code == 200


def test_the_settings_open_the_service(base: OnecSimulator) -> None:
    """What `settings` gives is the connection; the password is in no record."""
    assert base.settings("http://localhost:8080/trade") == {
        "plugin": "onec",
        "base_url": "http://localhost:8080/trade",
        "user": "Робот",
        "password": base.password,
    }
    ask(base)
    assert base64.b64encode(f"{base.user}:{base.password}".encode()).decode() not in repr(base.requests)


def test_the_format_is_json_or_an_error(base: OnecSimulator) -> None:
    """Another format is 400 in plain Russian."""
    answer = ask(base, format="xml")
    assert answer.status_code == 400
    assert "format" in answer.text


def test_changed_after_gives_what_changed_since(base: OnecSimulator, clock: VirtualClock) -> None:
    """By the system's own change times; the same quantity again is no change."""
    assert rows(ask(base, changedAfter="2026-11-23T11:00:00Z")) == []
    clock.advance(60)
    base.set_level("MUG-2", 7)
    base.set_level("MUG-1", "10.0")
    clock.advance(60)
    base.set_level("NEW", -3, "msk-2")
    changed = [
        {"sku": "MUG-2", "quantity": 7, "warehouse": "main"},
        {"sku": "NEW", "quantity": -3, "warehouse": "msk-2"},
    ]
    assert rows(ask(base, changedAfter="2026-11-23T12:00:00Z")) == changed
    assert rows(ask(base, changedAfter="2026-11-23T12:01:00+00:00")) == changed[1:]
    assert rows(ask(base, changedAfter="2026-11-23T15:01:00+03:00")) == changed[1:]
    assert len(rows(ask(base))) == 4


def test_a_time_without_a_zone_is_the_servers(base: OnecSimulator, clock: VirtualClock) -> None:
    """1C knows local time only: Moscow's here."""
    clock.advance(60)
    base.set_level("MUG-2", 7)
    assert len(rows(ask(base, changedAfter="2026-11-23T15:00:30"))) == 1
    assert rows(ask(base, changedAfter="2026-11-23T15:01:00")) == []


def test_a_bad_changed_after_is_400(base: OnecSimulator) -> None:
    """Also an offset whose plus arrived as a blank."""
    for text in ("yesterday", "2026-11-23T12:00:00 03:00", ""):
        assert ask(base, changedAfter=text).status_code == 400


def test_a_service_may_ignore_changed_after(base: OnecSimulator) -> None:
    """Then every answer has everything."""
    base.ignores_changed_after = True
    assert len(rows(ask(base, changedAfter="2026-11-23T11:59:00Z"))) == 3


def test_what_is_removed_is_just_absent(base: OnecSimulator, clock: VirtualClock) -> None:
    """A removed row is in no answer, full or incremental."""
    clock.advance(60)
    base.remove("MUG-1", "msk-2")
    assert [(row["sku"], row["warehouse"]) for row in rows(ask(base))] == [
        ("MUG-1", "main"),
        ("MUG-2", "main"),
    ]
    assert rows(ask(base, changedAfter="2026-11-23T12:00:00Z")) == []
    base.remove("never", "there")
    assert set(base.levels) == {("MUG-1", "main"), ("MUG-2", "main")}


def test_where_zeros_are_omitted_nothing_tells_of_a_sell_out(
    base: OnecSimulator, clock: VirtualClock
) -> None:
    """Not in the full answer and not in the incremental one."""
    base.write(omits_zero=True)
    assert [row["sku"] for row in rows(ask(base))] == ["MUG-1", "MUG-1"]
    clock.advance(60)
    base.set_level("MUG-1", 0, "msk-2")
    assert rows(ask(base, changedAfter="2026-11-23T12:00:00Z")) == []
    assert [row["quantity"] for row in rows(ask(base))] == [10]


def test_reserves_are_told_where_there_are_some(base: OnecSimulator, clock: VirtualClock) -> None:
    """A reserve is a change of its row; None takes the field away."""
    clock.advance(60)
    base.reserve("MUG-1", 3)
    reserved = {"sku": "MUG-1", "quantity": 10, "warehouse": "main", "reserved": 3}
    assert rows(ask(base, changedAfter="2026-11-23T12:00:00Z")) == [reserved]
    base.set_level("MUG-1", 9)
    assert rows(ask(base))[-1] == reserved | {"quantity": 9}
    base.reserve("MUG-1", None)
    assert "reserved" not in rows(ask(base))[-1]


def test_a_body_may_begin_with_a_bom(base: OnecSimulator) -> None:
    """The three bytes stand before the brace, and the rest is right."""
    base.write(bom=True)
    answer = ask(base)
    assert answer.content.startswith(b"\xef\xbb\xbf{")
    assert len(rows(answer)) == 3


@pytest.mark.parametrize("separator", ["\u00a0", "\u202f", "\u2009", " "])
def test_numbers_may_be_text_as_1c_makes_it(clock: VirtualClock, separator: str) -> None:
    """Any kind of space between thousands, a decimal comma, a minus."""
    base = OnecSimulator(
        {("A", "main"): "1234567.5", ("B", "main"): -1234, ("C", "main"): 12},
        clock=clock,
        style=Style(numbers="grouped", separator=separator),
    )
    texts = [row["quantity"] for row in rows(ask(base))]
    assert texts == [f"1{separator}234{separator}567,5", f"-1{separator}234", "12"]


def test_numbers_may_be_strings(base: OnecSimulator) -> None:
    """Plain decimal text, never with an exponent."""
    base.set_level("MUG-1", Decimal("1E+3"))
    base.write(numbers="string")
    assert [row["quantity"] for row in rows(ask(base))] == ["2.5", "0", "1000"]
    base.write(numbers="number")
    assert rows(ask(base))[-1]["quantity"] == 1000


def test_a_bare_grouped_number_is_no_json(base: OnecSimulator) -> None:
    """A service that glues text together: the whole body cannot be read."""
    base.set_level("MUG-1", 1234)
    base.write(numbers="bare")
    with pytest.raises(ValueError, match="Expecting"):
        rows(ask(base))


def test_rows_may_be_split_and_sum_up(base: OnecSimulator) -> None:
    """Several rows of one product and warehouse: their sum is exact, the reserve is told once."""
    base.set_level("MUG-1", 7)
    base.reserve("MUG-1", 2)
    base.write(split_rows=3)
    mine = [row for row in rows(ask(base)) if (row["sku"], row["warehouse"]) == ("MUG-1", "main")]
    assert [row["quantity"] for row in mine] == [Decimal("2.333"), Decimal("2.333"), Decimal("2.334")]
    assert [row.get("reserved") for row in mine] == [2, None, None]
    sums: dict[tuple[str, str], Decimal] = {}
    for row in rows(ask(base)):
        key = row["sku"], row["warehouse"]
        sums[key] = sums.get(key, Decimal(0)) + row["quantity"]
    assert sums == base.levels


def test_articles_may_have_blanks_around(base: OnecSimulator) -> None:
    """Before and after; what is inside stays."""
    base.write(pad_sku=True)
    skus = {row["sku"] for row in rows(ask(base))}
    assert skus == {" MUG-1  ", " MUG-2  "}


def test_rows_may_be_silent_about_the_warehouse(base: OnecSimulator) -> None:
    """Then one product of two warehouses is two rows that look alike."""
    base.write(omits_warehouse=True)
    assert [set(row) for row in rows(ask(base))] == [{"sku", "quantity"}] * 3


def test_rows_may_tell_when_they_changed(base: OnecSimulator, clock: VirtualClock) -> None:
    """In local time without a zone, as 1C does, or in UTC."""
    clock.advance(60)
    base.set_level("MUG-2", 7)
    base.write(updated_at="local")
    assert rows(ask(base))[-1]["updated_at"] == "2026-11-23T15:01:00"
    base.write(updated_at="utc")
    assert rows(ask(base))[-1]["updated_at"] == "2026-11-23T12:01:00Z"


@pytest.mark.parametrize(
    ("trouble", "status", "kind", "part"),
    [
        ("html", 200, "text/html", "<!DOCTYPE html>"),
        ("error", 500, "text/plain", "Ошибка"),
        ("licence", 503, "text/plain", "лицензии"),
        ("unpublished", 404, "text/html", "404"),
        ("empty", 200, "application/json", ""),
        ("no_rows", 200, "application/json", '{"stocks":[]}'),
        ("no_stocks", 200, "application/json", "error"),
    ],
)
def test_troubles(base: OnecSimulator, trouble: Any, status: int, kind: str, part: str) -> None:
    """Each comes as often as told, then the service works again."""
    base.fail(trouble, times=2)
    for _ in range(2):
        answer = ask(base)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith(kind)
        assert part in answer.text
        assert bool(answer.content) is bool(part)
    assert len(rows(ask(base))) == 3


def test_a_trouble_lasts_until_recovery(base: OnecSimulator) -> None:
    """Without `times` it goes on; a name that does not exist is refused with those that do."""
    base.fail("error")
    assert [ask(base).status_code for _ in range(3)] == [500] * 3
    base.recover()
    assert len(rows(ask(base))) == 3
    with pytest.raises(ValueError, match="no_rows"):
        base.fail("nonsense")  # type: ignore[arg-type]


def test_a_body_may_be_cut_off(base: OnecSimulator) -> None:
    """200, and half of the bytes of the right answer."""
    whole = ask(base).content
    base.fail("cut", times=1)
    answer = ask(base)
    assert answer.status_code == 200
    assert answer.content == whole[: len(whole) // 2]
    assert ask(base).content == whole


def test_bad_rows_may_stand_among_good_ones(base: OnecSimulator) -> None:
    """At the place that was asked for, in full and incremental answers."""
    base.inject({"sku": "MUG-9", "quantity": None}, at=1)
    base.inject("not a row")
    found = rows(ask(base))
    assert found[1] == {"sku": "MUG-9", "quantity": None}
    assert found[-1] == "not a row"
    assert len(found) == 5
    assert "not a row" in rows(ask(base, changedAfter="2026-11-23T11:59:00Z"))
    base.recover()
    assert len(rows(ask(base))) == 3


def test_the_service_may_be_slow(base: OnecSimulator, clock: VirtualClock) -> None:
    """`delay` passes on the double's clock."""
    base.delay = 45
    ask(base)
    assert clock.monotonic() == 45


@pytest.mark.parametrize("quantity", ["many", "NaN", "Infinity"])
def test_a_level_is_a_number(base: OnecSimulator, quantity: str) -> None:
    """What 1C could not hold is refused where it is set."""
    with pytest.raises(ValueError, match=quantity):
        base.set_level("MUG-1", quantity)


def test_20_000_rows_are_quick(clock: VirtualClock) -> None:
    """The body is kept, and a change writes one row anew."""
    base = OnecSimulator({(f"SKU-{number}", "main"): number for number in range(20_000)}, clock=clock)
    assert len(rows(ask(base))) == 20_000
    began = time.perf_counter()
    for number in range(5):
        base.set_level(f"SKU-{number}", -1)
        assert ask(base).status_code == 200
    assert time.perf_counter() - began < 3
    found = {row["sku"]: row["quantity"] for row in rows(ask(base))}
    assert found["SKU-4"] == -1
    assert found["SKU-5"] == 5


def test_it_is_served_over_real_http() -> None:
    """On loopback, with changes made from the test's thread."""
    base = OnecSimulator({("Кружка", "main"): 3})
    with serve(base) as (url,), httpx.Client(base_url=url, auth=None) as http:
        headers = {"authorization": basic(base.user, base.password)}
        path = f"/trade{LIST}?format=json"
        assert http.get(path).status_code == 401
        assert rows(http.get(path, headers=headers))[0]["sku"] == "Кружка"
        base.call(base.set_level, "Кружка", 2)
        assert rows(http.get(path, headers=headers))[0]["quantity"] == 2
