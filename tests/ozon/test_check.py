"""`mpstock check` for an Ozon account, and the test by one write."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest

from mpstock import CheckedAdapter, WriteTestable
from mpstock.errors import ConfigurationError
from tests.ozon.account import (
    BY_OFFER,
    MAIN,
    POSTINGS,
    ROLES,
    SPARE,
    UNFULFILLED,
    WAREHOUSES,
    WRITE,
    Account,
    collect,
    everything_taken,
    listing,
    postings,
    refused,
    stored,
)

NEEDED = [
    "/v2/products/stocks",
    "/v2/product/info/stocks-by-warehouse/fbs",
    "/v1/product/info/warehouse/stocks",
    "/v3/product/list",
    "/v4/posting/fbs/unfulfilled/list",
    "/v4/posting/fbs/list",
]


def warehouse(code: str, status: str = "created", **other: object) -> dict[str, object]:
    return {"warehouse_id": int(code), "name": f"Склад {code[:3]}", "status": status, **other}


def warehouses(*rows: dict[str, object]) -> dict[str, object]:
    return {"warehouses": list(rows), "cursor": "", "has_next": False}


def key(account: Account, *, days: float = 90, methods: list[str] | None = None, role: str = "Stock"):
    ends = account.clock.now() + timedelta(days=days)
    roles = [{"name": role, "methods": NEEDED if methods is None else methods}]
    return {"expires_at": ends.strftime("%Y-%m-%dT%H:%M:%S.296Z"), "roles": roles}


def checked(account: Account, *codes: str, **settings):
    return {finding.subject: finding for finding in collect(account.sink(*codes, **settings).check())}


def good(**options) -> Account:
    account = Account()
    account.on(ROLES, key(account, **options))
    account.on(UNFULFILLED, postings()).on(POSTINGS, postings())
    return account.on(WAREHOUSES, warehouses(warehouse(MAIN), warehouse(SPARE)))


def test_a_good_account_has_only_good_findings() -> None:
    """Key, rights and warehouses in order: nothing to mend, and nothing is changed."""
    account = good()
    findings = checked(account)
    assert {finding.level for finding in findings.values()} == {"ok"}
    assert findings["API key"].data["expires_at"].startswith("2027-02-21T09:00:00")
    assert {request.url.path for request in account.requests} == {ROLES, WAREHOUSES, UNFULFILLED, POSTINGS}
    assert [body["limit"] for path in (UNFULFILLED, POSTINGS) for body in account.sent(path)] == [1, 1]


def test_the_sink_tells_until_when_its_key_is_good() -> None:
    """By one question to Ozon."""
    account = Account()
    account.on(ROLES, key(account, days=10))
    (told,) = asyncio.run(account.sink(MAIN).credentials())
    assert told.name == "API key"
    assert told.expires_at is not None
    assert timedelta(days=9) < told.expires_at - account.clock.now() < timedelta(days=11)
    assert [request.url.path for request in account.requests] == [ROLES]


@pytest.mark.parametrize(
    ("days", "level", "said"),
    [
        (14.1, "ok", "valid until"),
        (13.9, "warning", "in 13 days"),
        (1.5, "warning", "in 1 day"),
        (-1, "error", "expired"),
    ],
)
def test_a_key_that_ends_soon_is_told_in_time(days: float, level: str, said: str) -> None:
    """Keys live for months only: two weeks before the end it is a warning, after it an error."""
    finding = checked(good(days=days))["API key"]
    assert finding.level == level
    assert said in finding.message


def test_a_key_without_a_date_is_no_alarm() -> None:
    """Where Ozon does not say until when, the key counts as accepted."""
    account = good().on(ROLES, {"roles": []})
    assert checked(account)["API key"].level == "ok"


def test_a_refused_key_ends_the_check_in_ozon_s_words() -> None:
    """A bad key is one finding with the vendor's text and the mend; nothing else is asked."""
    account = good().on(ROLES, httpx.Response(403, json={"code": 7, "message": "Api-key is deactivated"}))
    (finding,) = checked(account).values()
    assert finding.level == "error"
    assert "Api-key is deactivated" in finding.message
    assert "seller's cabinet" in finding.mend


@pytest.mark.parametrize(
    ("methods", "role", "level"),
    [
        (NEEDED[1:], "Content", "error"),
        (["/v1/posting"], "Posting FBS", "warning"),
        (["/v1/actions"], "Admin", "ok"),
    ],
    ids=["names ours but the write", "names none of ours", "admin"],
)
def test_a_key_that_may_not_write_stock_is_found(methods: list[str], role: str, level: str) -> None:
    """Only a list that names some of our methods proves that the write is not among them."""
    finding = checked(good(methods=methods, role=role))["roles"]
    assert finding.level == level
    assert level == "ok" or "/v2/products/stocks" in finding.message


@pytest.mark.parametrize(
    ("methods", "role", "level"),
    [
        (NEEDED[:4], "Stock", "error"),
        (NEEDED[:5], "Stock", "error"),
        ([*NEEDED[:4], "/v1/posting"], "Posting FBS", "ok"),
        (NEEDED, "Stock", "ok"),
    ],
)
def test_a_key_that_may_not_read_postings_is_found(methods: list[str], role: str, level: str) -> None:
    """The mend names the role that is missing and the settings that do without it."""
    finding = checked(good(methods=methods, role=role))["roles"]
    assert finding.level == level
    if level == "error":
        assert POSTINGS in finding.message
        assert "'Posting FBS'" in finding.mend
        assert 'orders = "reserved" under [sinks.ozon]' in finding.mend


@pytest.mark.parametrize(("orders", "level"), [("reserved", "ok"), ("none", "warning")])
def test_who_reads_no_postings_needs_no_right_to_them(orders: str, level: str) -> None:
    """Without postings the key needs no role for them, none are asked for, and what is read is said."""
    account = good(methods=NEEDED[:4])
    findings = checked(account, orders=orders)
    assert findings["roles"].level == "ok"
    assert (findings["orders"].level, findings["orders"].data) == (level, {"orders": orders})
    assert {request.url.path for request in account.requests} == {ROLES, WAREHOUSES}


@pytest.mark.parametrize(
    ("answer", "said", "mend"),
    [
        (
            httpx.Response(
                403, json={"code": 7, "message": "Api-Key is missing a required role for a method"}
            ),
            "missing a required role",
            "'Posting FBS'",
        ),
        (
            httpx.Response(404, json={"code": 5, "message": "obsolete method cannot be used"}),
            "upgrade mpstock-ozon",
            'orders = "reserved"',
        ),
        (httpx.Response(200, text="<html>Ведутся работы</html>"), "not JSON", 'orders = "reserved"'),
    ],
)
@pytest.mark.parametrize("path", [UNFULFILLED, POSTINGS])
def test_postings_that_cannot_be_read_are_a_finding(
    path: str, answer: httpx.Response, said: str, mend: str
) -> None:
    """/v1/roles may list no whole method, so one posting is asked for: what comes instead is told."""
    finding = checked(good(role="Admin").on(path, answer))["orders"]
    assert finding.level == "error"
    assert said in finding.message
    assert mend in finding.mend


def test_an_unknown_warehouse_names_the_nearest_and_all() -> None:
    """A mistyped code is an error that names the one that was meant and all that there are."""
    typed = MAIN[:-1] + "9"
    finding = checked(good(), typed)[f"sinks.ozon.warehouses: {typed}"]
    assert finding.level == "error"
    assert f"did you mean {MAIN}?" in finding.mend
    assert SPARE in finding.mend


@pytest.mark.parametrize(
    ("row", "level"),
    [
        (warehouse(MAIN, "disabled"), "error"),
        (warehouse(MAIN, "disabled_due_to_limit"), "error"),
        (warehouse(MAIN, "new"), "warning"),
        (warehouse(MAIN, "SOMETHING_NEW"), "warning"),
        (warehouse(MAIN, "created", pause_at="2026-11-01T00:00:00Z"), "warning"),
        (warehouse(MAIN, "created", pause_at=None), "ok"),
        ({**warehouse(MAIN), "warehouse_id": MAIN}, "ok"),
    ],
)
def test_a_warehouse_that_does_not_sell_is_told(row: dict[str, object], level: str) -> None:
    """Inactive is an error, paused or not known a warning, and a code given as text is found as well."""
    account = good().on(WAREHOUSES, warehouses(row))
    assert checked(account)[f"sinks.ozon.warehouses: {MAIN}"].level == level


def test_warehouses_are_read_over_all_pages() -> None:
    """A warehouse on the second page exists as well."""
    account = good().on(
        WAREHOUSES,
        {"warehouses": [warehouse(SPARE)], "cursor": "n", "has_next": True},
        warehouses(warehouse(MAIN)),
    )
    assert checked(account)[f"sinks.ozon.warehouses: {MAIN}"].level == "ok"
    assert account.sent(WAREHOUSES) == [{"cursor": "", "limit": 200}, {"cursor": "n", "limit": 200}]


@pytest.mark.parametrize("code", ["main", "", "0", "-5", "022142605386000", " 1", "1.0", "٣", str(2**63)])
def test_a_code_that_is_no_number_is_an_error_of_configuration(code: str) -> None:
    """What cannot be a warehouse_id is refused when the sink is built, with its place."""
    with pytest.raises(ConfigurationError, match=r"sinks\.ozon\.warehouses.*is no Ozon warehouse"):
        Account().sink(code)


def test_the_sink_can_be_checked_and_write_tested() -> None:
    """The core finds both abilities by their protocols."""
    sink = Account().sink()
    assert isinstance(sink, CheckedAdapter)
    assert isinstance(sink, WriteTestable)


# --- by one write


def cabinet(*, excludes: bool, reserved: int, show_after: int = 1, sold: int = 0) -> Account:
    """An account that understands the number in one of the two ways, and shows it after some readings."""
    account = Account()
    state = {"free": 2, "reserved": reserved}
    pending: list[int] = []
    reads = iter(range(100))

    def write(body):
        (row,) = body["stocks"]
        pending.append(row["stock"])
        return everything_taken(body)

    def read(body):
        if pending and next(reads) >= show_after - 1:
            free = pending[-1] if excludes else pending[-1] - state["reserved"]
            state.update(free=free - sold, reserved=state["reserved"] + sold)
            pending.clear()
        return {"products": [stored("A", state["free"], state["reserved"])], "cursor": "", "has_next": False}

    return account.on(WRITE, write).on(BY_OFFER, read)


def one_write(account: Account, quantity: int = 7, **settings):
    return collect(account.sink(**settings).write_test(listing("A"), quantity))


@pytest.mark.parametrize("excludes", [True, False])
@pytest.mark.parametrize("setting", ["exclude", "include"])
def test_one_write_tells_whether_the_number_excludes_the_reserve(excludes: bool, setting: str) -> None:
    """free = written means exclude, present = written means include; a wrong setting is an error."""
    account = cabinet(excludes=excludes, reserved=3)
    findings = one_write(account, reserve=setting)
    truth = "exclude" if excludes else "include"
    assert f"the number that is sent {truth}s the reserve" in findings[-1].message
    assert findings[-1].level == ("ok" if truth == setting else "error")
    if truth != setting:
        assert f'reserve = "{truth}"' in findings[-1].mend
    # The number goes out as it is: with the reserve added, a wrong setting would oversell by it.
    assert [row["stock"] for body in account.sent(WRITE) for row in body["stocks"]] == [7]
    assert account.clock.waits.count(30.0) == 1


def test_without_a_reserve_nothing_can_be_told() -> None:
    """With nothing in reserve both ways look the same, and the finding says so."""
    findings = one_write(cabinet(excludes=True, reserved=0))
    assert findings[-1].level == "warning"
    assert "keeps none in reserve" in findings[-1].message


def test_a_late_read_back_is_waited_for() -> None:
    """Ozon may show the number late: it is looked for more than once."""
    account = cabinet(excludes=True, reserved=3, show_after=3)
    assert one_write(account)[-1].level == "ok"
    assert account.clock.waits.count(30.0) == 3


def test_an_order_in_between_is_not_taken_for_an_answer() -> None:
    """When neither number comes back the finding is open, not a guess."""
    findings = one_write(cabinet(excludes=True, reserved=3, sold=1))
    assert findings[-1].level == "warning"
    assert "somebody else writes too" in findings[-1].message


def test_a_pair_written_just_before_is_waited_for_once() -> None:
    """TOO_MANY_REQUESTS of the test's own write is waited out, then the write is repeated."""
    account = cabinet(excludes=True, reserved=3)
    write = account.answers[WRITE]
    account.on(WRITE, {"result": [refused("A", "TOO_MANY_REQUESTS")]}, write)
    assert one_write(account)[-1].level == "ok"
    assert account.clock.waits.count(30.0) == 2


def test_a_refused_write_ends_the_test() -> None:
    """A refusal is told in Ozon's words and nothing is read back."""
    account = cabinet(excludes=True, reserved=3).on(
        WRITE, {"result": [refused("A", "PRODUCT_IS_ARCHIVED", "Товар в архиве")]}
    )
    (finding,) = one_write(account)
    assert finding.level == "error"
    assert "Товар в архиве" in finding.message


def test_a_write_test_out_of_range_is_not_sent() -> None:
    """The number is checked before the network."""
    account = cabinet(excludes=True, reserved=3)
    with pytest.raises(ValueError, match="from 0 to 999999"):
        one_write(account, quantity=1_000_000)
    assert account.requests == []
