"""Reading the account's orders: which pages are asked for, in what order, and what is made of bad ones."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from mpstock import OrderPage, OrderStage
from mpstock.errors import AuthenticationError, RejectedError, TransientError, UnexpectedResponseError
from tests.ozon.account import (
    API_KEY,
    MAIN,
    OF_WAREHOUSE,
    POSTINGS,
    SPARE,
    UNFULFILLED,
    WAREHOUSES,
    Account,
    collect,
    paged,
    posting,
    postings,
    stored,
)

OBSOLETE = {"code": 5, "message": "obsolete method cannot be used"}


def quiet() -> Account:
    """An account without orders."""
    return Account().on(UNFULFILLED, postings()).on(POSTINGS, postings())


def keys(pages: list[OrderPage]) -> list[str]:
    return [order.key for page in pages for order in page.orders]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


# --- postings


def test_a_quiet_account_costs_two_requests_and_is_told_whole() -> None:
    """One page of each method; the empty reading is complete and says where the next one starts."""
    account = quiet()
    pages = collect(account.sink().orders(None))
    assert keys(pages) == []
    assert [page.complete for page in pages] == [False, True]
    assert pages[-1].cursor is not None
    assert [request.url.path for request in account.requests] == [UNFULFILLED, POSTINGS]


def test_the_open_ones_are_asked_for_by_deadline_within_a_year() -> None:
    """The server refuses a request without `cutoff` or `delivering_date`, with both, or over a year."""
    account = quiet()
    collect(account.sink().orders(None))
    (body,) = account.sent(UNFULFILLED)
    assert set(body) == {"cursor", "filter", "limit"}
    assert set(body["filter"]) == {"cutoff_from", "cutoff_to"}
    begin, end = at(body["filter"]["cutoff_from"]), at(body["filter"]["cutoff_to"])
    assert begin < account.clock.at - timedelta(days=90)
    assert end > account.clock.at + timedelta(days=90)
    assert end - begin <= timedelta(days=365)
    assert (body["cursor"], body["limit"]) == ("", 100)


@pytest.mark.parametrize("under_result", [False, True])
def test_pages_follow_the_cursor_at_the_top_or_under_result(under_result: bool) -> None:
    """Ozon's document and a real server disagree on where the page stands: both are read."""

    def shaped(page: dict[str, Any]) -> dict[str, Any]:
        return {"result": page} if under_result else page

    account = (
        Account()
        .on(
            UNFULFILLED,
            paged(
                shaped(postings(posting("1-1-1"), cursor="c1", more=True)),
                shaped(postings(posting("1-2-1"), cursor="c2")),
            ),
        )
        .on(
            POSTINGS,
            shaped(postings(posting("1-3-1", "delivering"), cursor="d1", more=True)),
            shaped(postings(posting("1-4-1", "cancelled"), cursor="d2")),
        )
    )
    pages = collect(account.sink().orders(None))
    assert keys(pages) == [*["1-1-1/A", "1-2-1/A"] * 2, "1-3-1/A", "1-4-1/A"]
    assert [page.complete for page in pages] == [False] * 5 + [True]
    assert [page.cursor is None for page in pages] == [True] * 5 + [False]
    assert [body["cursor"] for body in account.sent(UNFULFILLED)] == ["", "c1"] * 2
    assert [body["cursor"] for body in account.sent(POSTINGS)] == ["", "d1"]
    for path in (UNFULFILLED, POSTINGS):
        assert len({json.dumps(body["filter"]) for body in account.sent(path)}) == 1


def test_as_of_is_the_moment_before_each_request() -> None:
    """A page is as old as its question: orders placed while the answer was on its way are not in it."""
    account = Account()

    def slow(body: dict[str, Any]) -> dict[str, Any]:
        account.clock.passed += 7.0
        return postings(posting("1-1-1"))

    account.on(UNFULFILLED, slow).on(POSTINGS, postings())
    first, second = collect(account.sink().orders(None))
    assert first.as_of == account.clock.at
    assert second.as_of >= first.as_of + timedelta(seconds=7)


def test_the_first_reading_looks_back_three_days() -> None:
    """Without a cursor what ended long ago is not dug up."""
    account = quiet()
    collect(account.sink().orders(None))
    (body,) = account.sent(POSTINGS)
    changed = body["filter"]["last_changed_status_date"]
    assert at(changed["from"]) == account.clock.at - timedelta(days=3)
    assert at(changed["to"]) >= account.clock.at
    placed = at(body["filter"]["to"]) - at(body["filter"]["since"])
    assert timedelta(days=90) < placed <= timedelta(days=365)


def test_the_next_reading_starts_a_quarter_of_an_hour_before_the_last() -> None:
    """How late Ozon lists a change is not documented: the readings overlap."""
    account = quiet()
    sink = account.sink()
    began = account.clock.now()
    cursor = collect(sink.orders(None))[-1].cursor
    account.clock.passed += 60
    collect(sink.orders(cursor))
    changed = account.sent(POSTINGS)[-1]["filter"]["last_changed_status_date"]
    assert abs(at(changed["from"]) - (began - timedelta(minutes=15))) < timedelta(seconds=1)


@pytest.mark.parametrize(("days", "back"), [(2, 2), (29, 29), (400, 30)])
def test_after_a_long_pause_the_look_back_is_limited(days: int, back: int) -> None:
    """A cursor of last year does not ask for a year of postings."""
    account = quiet()
    sink = account.sink()
    cursor = collect(sink.orders(None))[-1].cursor
    account.clock.passed += timedelta(days=days).total_seconds()
    now = account.clock.now()
    collect(sink.orders(cursor))
    changed = account.sent(POSTINGS)[-1]["filter"]["last_changed_status_date"]
    assert abs(now - at(changed["from"]) - timedelta(days=back)) <= timedelta(minutes=16)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "[]",
        "null",
        '{"changes_since": 5}',
        '{"changes_since": "", "apart": {}, "whole_at": null}',
        '{"walked_at": "x"}',
    ],
)
def test_a_cursor_that_is_none_of_ours_counts_as_none(cursor: str) -> None:
    """After a change of version or of the setting the reading starts as the first one does."""
    account = quiet()
    assert collect(account.sink().orders(cursor))[-1].complete
    changed = account.sent(POSTINGS)[0]["filter"]["last_changed_status_date"]
    assert at(changed["from"]) == account.clock.at - timedelta(days=3)


def test_a_clock_that_was_set_back_asks_for_no_future() -> None:
    """A cursor from the future is cut to now."""
    account = quiet()
    sink = account.sink()
    cursor = collect(sink.orders(None))[-1].cursor
    account.clock.passed -= 86400
    now = account.clock.now()
    collect(sink.orders(cursor))
    changed = account.sent(POSTINGS)[-1]["filter"]["last_changed_status_date"]
    assert abs(now - timedelta(minutes=15) - at(changed["from"])) < timedelta(seconds=1)


def test_several_pages_are_complete_only_when_they_were_read_twice() -> None:
    """A posting may fall between two pages when its deadline moves; once an hour this is made sure of."""
    two = paged(postings(posting("1-1-1"), cursor="c1", more=True), postings(posting("1-2-1")))
    account = quiet().on(UNFULFILLED, two)
    sink = account.sink()
    seen: list[tuple[bool, int]] = []
    cursor = None
    for minutes in (0, 1, 58, 1, 1):
        account.clock.passed += minutes * 60
        before = len(account.sent(UNFULFILLED))
        last = collect(sink.orders(cursor))[-1]
        cursor = last.cursor
        seen.append((last.complete, len(account.sent(UNFULFILLED)) - before))
    assert seen == [(True, 4), (False, 2), (False, 2), (True, 4), (False, 2)]


def test_what_falls_between_two_pages_is_told_by_the_second_reading() -> None:
    """A deadline that moves to a page that is read already: the reading is complete, and tells it."""
    account = quiet().on(
        UNFULFILLED,
        postings(posting("1-1-1"), cursor="c1", more=True),
        postings(posting("1-3-1")),
        postings(posting("1-2-1"), posting("1-1-1"), cursor="c1", more=True),
        postings(posting("1-3-1")),
    )
    pages = collect(account.sink().orders(None))
    assert pages[-1].complete
    assert set(keys(pages)) == {"1-1-1/A", "1-2-1/A", "1-3-1/A"}


def test_no_order_ends_while_a_posting_is_open_by_one_method_and_missing_in_the_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Told as open by its change, absent from the open ones: no reading is complete until that is settled."""
    account = quiet().on(POSTINGS, postings(posting("1-1-1")))
    sink = account.sink()
    first = collect(sink.orders(None))
    # It may have been placed between the two requests: told, and nothing to warn of.
    assert keys(first) == ["1-1-1/A"]
    assert first[-1].complete
    account.on(POSTINGS, postings())
    with caplog.at_level(logging.WARNING):
        second = collect(sink.orders(first[-1].cursor))
    assert not second[-1].complete
    assert "leaves out 1-1-1" in caplog.text
    third = collect(sink.orders(second[-1].cursor))
    assert not third[-1].complete
    account.on(POSTINGS, postings(posting("1-1-1", "delivering")))
    fourth = collect(sink.orders(third[-1].cursor))
    assert fourth[-1].complete
    account.on(POSTINGS, postings())
    assert collect(sink.orders(fourth[-1].cursor))[-1].complete


def test_a_posting_that_turns_up_among_the_open_ones_is_settled() -> None:
    """Placed while the last reading was made, it stands among the open ones at the next."""
    account = quiet().on(POSTINGS, postings(posting("1-1-1")))
    sink = account.sink()
    cursor = collect(sink.orders(None))[-1].cursor
    account.on(UNFULFILLED, postings(posting("1-1-1")))
    last = collect(sink.orders(cursor))[-1]
    assert last.complete
    assert last.cursor is not None
    assert "1-1-1" not in last.cursor


def test_a_posting_that_nobody_tells_any_more_is_given_up_after_a_month() -> None:
    """What never turns up again does not keep the readings incomplete for ever."""
    account = quiet().on(POSTINGS, postings(posting("1-1-1")))
    sink = account.sink()
    cursor = collect(sink.orders(None))[-1].cursor
    account.on(POSTINGS, postings())
    complete: list[bool] = []
    for _ in range(3):
        account.clock.passed += timedelta(days=14).total_seconds()
        last = collect(sink.orders(cursor))[-1]
        cursor = last.cursor
        complete.append(last.complete)
    assert complete == [False, False, True]


def test_what_is_shipped_while_the_open_ones_are_read_ends_as_shipped() -> None:
    """A posting that moves on between the pages is told by both methods, the newer word last."""
    account = Account().on(UNFULFILLED, postings(posting("1-1-1", "awaiting_deliver")))
    account.on(POSTINGS, postings(posting("1-1-1", "delivering")))
    pages = collect(account.sink().orders(None))
    assert [order.stage for page in pages for order in page.orders] == [
        OrderStage.ASSEMBLED,
        OrderStage.SHIPPED,
    ]


def test_orders_of_other_warehouses_are_told_too() -> None:
    """A sink warehouse that is not configured may be served from the same shelf."""
    other = posting("1-1-1", delivery_method={"warehouse_id": int(SPARE)})
    account = Account().on(UNFULFILLED, postings(other)).on(POSTINGS, postings())
    (order,) = [order for page in collect(account.sink(MAIN).orders(None)) for order in page.orders]
    assert order.warehouse == SPARE


@pytest.mark.parametrize("path", [UNFULFILLED, POSTINGS])
@pytest.mark.parametrize(
    "pages",
    [
        pytest.param([postings(posting("1-1-1"), cursor="", more=True)], id="no cursor"),
        pytest.param(
            [postings(posting(f"1-{n}-1"), cursor="c", more=True) for n in range(3)], id="it stands"
        ),
        pytest.param(
            [postings(posting(f"1-{n}-1"), cursor=f"c{n % 2}", more=True) for n in range(4)], id="to and fro"
        ),
        pytest.param(
            [postings(posting("1-1-1"), cursor=f"c{n}", more=True) for n in range(4)], id="repeated"
        ),
        pytest.param([postings(cursor=f"c{n}", more=True) for n in range(4)], id="empty"),
    ],
)
def test_pages_that_lead_nowhere_are_an_error(path: str, pages: list[dict[str, Any]]) -> None:
    """A cursor that stands still or runs in circles, or a page that repeats, ends the reading at once."""
    account = quiet().on(path, *pages)
    with pytest.raises(UnexpectedResponseError, match=f"{path} says that there is more"):
        collect(account.sink().orders(None))
    assert len(account.sent(path)) <= 4


def test_a_full_page_that_does_not_say_whether_it_is_the_last_is_not_taken_for_it() -> None:
    """Without `has_next` a full page leads on by its cursor; without a cursor either, it is an error."""
    full = [posting(f"{n}-1-1") for n in range(100)]
    rest = {"postings": [posting("200-1-1")]}
    account = quiet().on(UNFULFILLED, paged({"postings": full, "cursor": "c1"}, rest))
    assert len(set(keys(collect(account.sink().orders(None))))) == 101
    account = quiet().on(UNFULFILLED, {"postings": full})
    with pytest.raises(UnexpectedResponseError, match="has_next is missing on a full page"):
        collect(account.sink().orders(None))


BROKEN = [
    pytest.param({"posting_number": ""}, "posting_number is missing", id="no number"),
    pytest.param({"products": None}, "products of posting 1-2-1 is missing", id="no products"),
    pytest.param({"products": [{"quantity": 1}]}, "neither offer_id nor sku", id="no ids"),
    pytest.param({"products": [{"offer_id": "A"}]}, "quantity None", id="no quantity"),
    pytest.param({"products": [{"offer_id": "A", "quantity": "много"}]}, "quantity 'много'", id="words"),
    pytest.param({"products": [{"offer_id": "A", "quantity": -1}]}, "quantity -1", id="negative"),
]


@pytest.mark.parametrize(("wrong", "said"), BROKEN)
def test_an_open_posting_that_cannot_be_read_leaves_the_reading_incomplete(
    wrong: dict[str, Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are told; nothing ends for being missing; the place and the mend are in the log."""
    account = quiet().on(UNFULFILLED, postings(posting("1-1-1"), {**posting("1-2-1"), **wrong}))
    with caplog.at_level(logging.WARNING):
        pages = collect(account.sink().orders(None))
    assert keys(pages) == ["1-1-1/A"]
    assert not any(page.complete for page in pages)
    assert pages[-1].cursor is not None
    assert said in caplog.text
    assert "postings[1]" in caplog.text
    assert "report it" in caplog.text


def test_a_change_that_cannot_be_read_is_asked_for_again(caplog: pytest.LogCaptureFixture) -> None:
    """The next reading starts where this one did; the open ones were all told."""
    account = quiet()
    sink = account.sink()
    began = account.clock.now()
    cursor = collect(sink.orders(None))[-1].cursor
    account.clock.passed += 3600
    broken = {**posting("1-2-1", "delivering"), "products": None}
    account.on(POSTINGS, postings(broken, posting("1-3-1", "delivering")))
    with caplog.at_level(logging.WARNING):
        pages = collect(sink.orders(cursor))
    assert keys(pages) == ["1-3-1/A"]
    assert pages[-1].complete
    account.clock.passed += 3600
    collect(sink.orders(pages[-1].cursor))
    changed = account.sent(POSTINGS)[-1]["filter"]["last_changed_status_date"]
    assert abs(at(changed["from"]) - (began - timedelta(minutes=15))) < timedelta(seconds=1)
    assert "postings[0].products of posting 1-2-1 is missing" in caplog.text


def test_a_change_that_can_never_be_read_is_given_up_after_a_day() -> None:
    """Each reading would cost more than the last; the cursor is kept from the first one on."""
    account = quiet().on(POSTINGS, postings({**posting("1-2-1", "delivering"), "products": None}))
    sink = account.sink()
    cursor = None
    for _ in range(4):
        cursor = collect(sink.orders(cursor))[-1].cursor
        assert cursor is not None
        account.clock.passed += timedelta(hours=20).total_seconds()
    now = account.clock.now()
    collect(sink.orders(cursor))
    changed = account.sent(POSTINGS)[-1]["filter"]["last_changed_status_date"]
    assert timedelta(hours=43) < now - at(changed["from"]) < timedelta(hours=45)


def test_a_posting_without_units_is_no_order() -> None:
    """A product of which nothing is left holds nothing; what was told of it before ends."""
    account = quiet().on(UNFULFILLED, postings(posting("1-1-1", products=[("A", 0), ("B", 2)])))
    pages = collect(account.sink().orders(None))
    assert keys(pages) == ["1-1-1/B"]
    assert pages[-1].complete


@pytest.mark.parametrize("path", [UNFULFILLED, POSTINGS])
@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (httpx.Response(200, text="<html>Ведутся работы</html>"), UnexpectedResponseError, "not JSON"),
        (httpx.Response(200, text='{"postings": [{"posting_num'), UnexpectedResponseError, "not JSON"),
        (httpx.Response(200, json=[]), UnexpectedResponseError, "not a JSON object"),
        (httpx.Response(200, json={"has_next": False}), UnexpectedResponseError, "postings is missing"),
        (httpx.Response(200, json={"result": {"count": 0}}), UnexpectedResponseError, "postings is missing"),
        (
            httpx.Response(200, json={"postings": {}, "has_next": False}),
            UnexpectedResponseError,
            "not a list",
        ),
        (httpx.Response(404, json=OBSOLETE), RejectedError, "upgrade mpstock-ozon"),
        (httpx.Response(502, text="<html>nginx</html>"), TransientError, "nginx"),
        (
            httpx.Response(409, json={"code": 14, "message": "Circle is open"}),
            TransientError,
            "Circle is open",
        ),
        (
            httpx.Response(400, json={"code": 3, "message": "either filter.cutoff or …"}),
            RejectedError,
            "either filter.cutoff",
        ),
    ],
)
def test_an_answer_that_is_no_list_of_postings_is_no_account_without_orders(
    path: str, answer: httpx.Response, error: type[Exception], said: str
) -> None:
    """HTML, cut-off and foreign answers raise, in Ozon's words; no reading is complete by mistake."""
    account = quiet().on(path, answer)
    pages: list[OrderPage] = []

    async def read() -> None:
        async for page in account.sink().orders(None):
            pages.append(page)

    with pytest.raises(error, match=said):
        asyncio.run(read())
    assert not any(page.complete or page.cursor for page in pages)


@pytest.mark.parametrize("path", [UNFULFILLED, POSTINGS])
def test_a_key_without_the_role_is_told_which_and_what_does_without(path: str) -> None:
    """403 names the role that postings take, and the two settings that need none. The key is not told."""
    words = f"Api-Key {API_KEY} is missing a required role for a method"
    account = quiet().on(path, httpx.Response(403, json={"code": 7, "message": words}))
    with pytest.raises(AuthenticationError) as caught:
        collect(account.sink().orders(None))
    told = str(caught.value)
    assert "missing a required role" in told
    assert "'Posting FBS'" in told
    assert 'orders = "reserved" or "none" under [sinks.ozon]' in told
    assert API_KEY not in told
    assert caught.value.adapter == "ozon"


# --- the reserve


def warehouses(*codes: str) -> dict[str, Any]:
    rows = [{"warehouse_id": int(code), "name": code, "status": "created"} for code in codes]
    return {"warehouses": rows, "cursor": "", "has_next": False}


def of_warehouse(*rows: dict[str, Any], cursor: str = "", more: bool = False) -> dict[str, Any]:
    return {"stocks": list(rows), "cursor": cursor, "has_next": more}


def test_the_reserve_is_one_order_for_each_offer_and_warehouse() -> None:
    """Every warehouse of the account is read; what has no reserve is no order."""
    account = Account().on(WAREHOUSES, warehouses(MAIN, SPARE))

    def stock(body: dict[str, Any]) -> dict[str, Any]:
        code = str(body["warehouse_id"])
        if code == SPARE:
            return of_warehouse(stored("A", 0, 5, SPARE))
        if not body["cursor"]:
            return of_warehouse(stored("A", 4, 2), stored("B", 9, 0), cursor="7", more=True)
        return of_warehouse(stored("C / 1", 0, 1))

    account.on(OF_WAREHOUSE, stock)
    pages = collect(account.sink(MAIN, orders="reserved").orders(None))
    told = {
        order.key: (order.external_id, order.warehouse, order.quantity) for p in pages for order in p.orders
    }
    assert told == {
        f"reserved/A/{MAIN}": ("A", MAIN, 2),
        f"reserved/C / 1/{MAIN}": ("C / 1", MAIN, 1),
        f"reserved/A/{SPARE}": ("A", SPARE, 5),
    }
    assert [page.complete for page in pages] == [False, False, True]
    for page in pages:
        for order in page.orders:
            assert (order.placed_at, order.stage, order.stage_at) == (page.as_of, OrderStage.PLACED, None)


def test_a_configured_warehouse_that_the_account_does_not_list_is_read_all_the_same() -> None:
    """A list that came empty does not end all the reserves that were told."""
    account = Account().on(WAREHOUSES, warehouses())
    account.on(OF_WAREHOUSE, of_warehouse(stored("A", 4, 2)))
    assert keys(collect(account.sink(MAIN, orders="reserved").orders(None))) == [f"reserved/A/{MAIN}"]


def test_a_reserve_that_is_not_said_is_reckoned_or_unknown_but_never_zero(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """`present − free_stock` where Ozon gives both; else the reading is incomplete, so that nothing ends."""
    rows = [{**stored("A", 4, 2), "reserved": None}, {**stored("B", 4, 2), "reserved": None, "present": None}]
    account = Account().on(WAREHOUSES, warehouses(MAIN)).on(OF_WAREHOUSE, of_warehouse(*rows))
    with caplog.at_level(logging.WARNING):
        (page,) = collect(account.sink(orders="reserved").orders(None))
    assert [(order.key, order.quantity) for order in page.orders] == [(f"reserved/A/{MAIN}", 2)]
    assert not page.complete
    assert "in reserve of B" in caplog.text


def test_a_free_stock_that_is_not_said_is_unknown_without_the_reserve() -> None:
    """`present` alone is no upper bound to promise: it may all be reserved."""
    row = {**stored("A", 4, 2), "reserved": None, "free_stock": None}
    account = Account().on(OF_WAREHOUSE, of_warehouse(row))
    ((observed,),) = collect(account.sink().observe(None))
    assert observed.quantity is None


def test_with_none_nothing_is_asked() -> None:
    """The iterator is real and empty."""
    account = Account()
    assert collect(account.sink(orders="none").orders(None)) == []
    assert account.requests == []


@pytest.mark.parametrize(("setting", "said"), [("postings", "each"), ("reserved", "total"), ("none", "none")])
def test_the_limits_say_what_is_told(setting: str, said: str) -> None:
    """The engine sees by the limits whether orders can be absorbed."""
    assert Account().sink(orders=setting).limits.orders == said


def test_another_word_is_refused_with_those_that_there_are() -> None:
    """A misspelt setting names its key and the three values."""
    with pytest.raises(ValueError, match='orders must be "postings", "reserved" or "none", not \'each\''):
        Account().sink(orders="each")
