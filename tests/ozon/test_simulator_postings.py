"""Ozon's double: buyers and their postings, and the two methods that list these."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import Response

from mpstock.testing import VirtualClock
from mpstock_ozon.simulator import OzonSimulator
from tests.ozon.document import ozon_with_postings
from tests.simulation.client import call

MAIN, SPARE = "22142605386000", "1020003080073000"
OPEN = "/v4/posting/fbs/unfulfilled/list"
ALL = "/v4/posting/fbs/list"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def ozon(clock: VirtualClock) -> OzonSimulator:
    stock = {(f"A-{number}", code): 500 for number in range(1, 4) for code in (MAIN, SPARE)}
    return OzonSimulator([f"A-{number}" for number in range(1, 4)], clock=clock, stock=stock, limits=False)


def post(ozon: OzonSimulator, path: str, body: Any) -> Response:
    return call(ozon, "POST", path, json=body, headers={"Client-Id": ozon.client_id, "Api-Key": ozon.api_key})


def around(ozon: OzonSimulator, begin: str, end: str, days: float = 100) -> dict[str, str]:
    now = ozon.clock.now()
    return {
        begin: (now - timedelta(days=days)).isoformat(),
        end: (now + timedelta(days=days)).isoformat(),
    }


def opened(ozon: OzonSimulator, limit: int = 100, cursor: str = "", **wanted: Any) -> Response:
    period = around(ozon, "cutoff_from", "cutoff_to")
    return post(ozon, OPEN, {"filter": {**period, **wanted}, "limit": limit, "cursor": cursor})


def listed(ozon: OzonSimulator, limit: int = 100, cursor: str = "", **wanted: Any) -> Response:
    body = {"filter": {**around(ozon, "since", "to"), **wanted}, "limit": limit, "cursor": cursor}
    return post(ozon, ALL, body)


def numbers(answer: Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["posting_number"] for row in answer.json()["postings"]]


def statuses(answer: Response) -> dict[str, str]:
    return {row["posting_number"]: row["status"] for row in answer.json()["postings"]}


def stock(ozon: OzonSimulator, sku: str = "A-1") -> tuple[int, int]:
    found = ozon.account.stock(sku, int(MAIN))
    assert found is not None
    return found.free, found.reserved


def test_the_life_of_a_posting(ozon: OzonSimulator) -> None:
    """Bought, packed, handed over, delivered: status, reserve and lists at each stage."""
    (key,) = ozon.buy("A-1", MAIN, 3)
    number, _, offer = key.partition("/")
    assert offer == "A-1"
    assert stock(ozon) == (497, 3)
    assert statuses(opened(ozon)) == {number: "awaiting_packaging"}
    ozon.assemble(key)
    assert stock(ozon) == (497, 3)
    assert statuses(opened(ozon)) == {number: "awaiting_deliver"}
    ozon.ship(key)
    assert stock(ozon) == (497, 0)
    assert statuses(opened(ozon)) == {number: "delivering"}
    assert opened(ozon).json()["postings"][0]["delivering_date"] is not None
    ozon.posting_reading.delivering_is_unfulfilled = False
    assert statuses(opened(ozon)) == {}
    ozon.deliver(key)
    ozon.posting_reading.delivering_is_unfulfilled = True
    assert statuses(opened(ozon)) == {}
    assert statuses(listed(ozon)) == {number: "delivered"}


@pytest.mark.parametrize(
    ("meaning", "packed", "shipped", "flag"),
    [
        ("packing", False, False, False),
        ("packing", True, False, True),
        ("packing", True, True, True),
        ("handover", True, False, False),
        ("handover", True, True, True),
    ],
)
def test_a_cancel_leaves_the_open_list_and_returns_what_had_not_left(
    ozon: OzonSimulator, meaning: Any, packed: bool, shipped: bool, flag: bool
) -> None:
    """Before the handover the units go back on sale, after it they do not; the flag's meaning is a switch."""
    ozon.postings.after_ship_means = meaning
    (key,) = ozon.buy("A-1", MAIN, 3)
    if packed:
        ozon.assemble(key)
    if shipped:
        ozon.ship(key)
    ozon.cancel(key)
    assert stock(ozon) == (497 if shipped else 500, 0)
    assert numbers(opened(ozon)) == []
    (row,) = listed(ozon, statuses=["cancelled"]).json()["postings"]
    assert row["cancellation"]["cancelled_after_ship"] is flag
    with pytest.raises(ValueError, match="cancelled already"):
        ozon.cancel(key)


def test_a_cancel_that_returns_nothing(ozon: OzonSimulator) -> None:
    """With `cancel_returns` off the units leave the reserve and do not come back on sale."""
    ozon.account.cancel_returns = False
    (key,) = ozon.buy("A-1", MAIN, 3)
    ozon.cancel(key)
    assert stock(ozon) == (497, 0)


def test_what_is_not_there_cannot_be_bought(ozon: OzonSimulator) -> None:
    """More than is on sale, an archived offer, a warehouse without it: no order, and nothing reserved."""
    assert ozon.buy("A-1", MAIN, 501) == []
    assert ozon.buy_together({"A-1": 1, "A-2": 501}, MAIN) == []
    ozon.account.offers["A-1"].archived = True
    assert ozon.buy("A-1", MAIN) == []
    assert stock(ozon) == (500, 0)
    with pytest.raises(ValueError, match="1 or more"):
        ozon.buy("A-2", MAIN, 0)


def test_the_seller_s_mistakes_are_the_test_s(ozon: OzonSimulator) -> None:
    """What a cabinet would not offer raises in the test that does it."""
    (key,) = ozon.buy("A-1", MAIN)
    ozon.assemble(key)
    with pytest.raises(ValueError, match="packed already"):
        ozon.assemble(key)
    with pytest.raises(ValueError, match="not handed over"):
        ozon.deliver(key)
    ozon.ship(key)
    with pytest.raises(ValueError, match="handed over already"):
        ozon.ship(key)
    with pytest.raises(KeyError, match="no offer 'A-2'"):
        ozon.cancel(key.replace("A-1", "A-2"))


def test_offers_bought_together_share_a_posting(ozon: OzonSimulator) -> None:
    """One parcel, two keys: what happens to one offer of it happens to both."""
    first, second = ozon.buy_together({"A-1": 1, "A-2": 2}, MAIN)
    (row,) = opened(ozon).json()["postings"]
    assert [(one["offer_id"], one["quantity"]) for one in row["products"]] == [("A-1", 1), ("A-2", 2)]
    assert {first, second} == {f"{row['posting_number']}/A-1", f"{row['posting_number']}/A-2"}
    ozon.ship(first)
    assert (stock(ozon, "A-1"), stock(ozon, "A-2")) == ((499, 0), (498, 0))


def test_a_posting_can_be_split_and_cancelled_in_part(ozon: OzonSimulator) -> None:
    """Two parcels of one order; and an order of which some units are taken back."""
    (key,) = ozon.buy("A-1", MAIN, 5)
    ozon.postings.cancel_units(key, 1)
    assert stock(ozon) == (496, 4)
    part = ozon.postings.split(key)
    assert stock(ozon) == (496, 4)
    rows = opened(ozon).json()["postings"]
    assert [row["products"][0]["quantity"] for row in rows] == [2, 2]
    assert rows[1]["parent_posting_number"] == rows[0]["posting_number"]
    ozon.ship(part)
    ozon.cancel(key)
    assert stock(ozon) == (498, 0)
    with pytest.raises(ValueError, match="cannot be cancelled"):
        ozon.postings.cancel_units(ozon.buy("A-1", MAIN)[0], 1)


@pytest.mark.parametrize("read", [opened, listed])
def test_postings_are_paged_by_a_cursor_that_is_always_there(ozon: OzonSimulator, read: Any) -> None:
    """`has_next` alone says when to stop, as in the document's examples."""
    bought = [ozon.buy("A-1", MAIN)[0].partition("/")[0] for _ in range(5)]
    seen: list[str] = []
    cursor, sizes, more = "", [], True
    while more:
        answer = read(ozon, limit=2, cursor=cursor)
        page = numbers(answer)
        seen += page
        sizes.append(len(page))
        cursor, more = answer.json()["cursor"], answer.json()["has_next"]
        assert cursor
    assert (seen, sizes) == (bought, [2, 2, 1])
    assert numbers(read(ozon, limit=2, cursor=cursor)) == []


def test_pages_of_the_open_ones_follow_the_deadline(ozon: OzonSimulator) -> None:
    """A posting whose deadline moves to a page that was read already is in none of the pages."""
    keys = [ozon.buy("A-1", MAIN)[0] for _ in range(4)]
    first = opened(ozon, limit=2)
    ozon.postings.set_deadline(keys[3], ozon.clock.now())
    rest = opened(ozon, limit=2, cursor=first.json()["cursor"])
    assert numbers(first) + numbers(rest) == [key.partition("/")[0] for key in keys[:3]]


def test_the_other_way_round(ozon: OzonSimulator) -> None:
    """`sort_dir` in either case of letters, as schema and example have it; nothing else."""
    keys = [ozon.buy("A-1", MAIN)[0].partition("/")[0] for _ in range(3)]
    body = {"filter": around(ozon, "since", "to"), "limit": 2, "sort_dir": "desc"}
    first = post(ozon, ALL, body)
    rest = post(ozon, ALL, {**body, "cursor": first.json()["cursor"]})
    assert numbers(first) + numbers(rest) == keys[::-1]
    assert post(ozon, ALL, {**body, "sort_dir": "up"}).status_code == 400


@pytest.mark.parametrize("read", [opened, listed])
def test_the_filters(ozon: OzonSimulator, clock: VirtualClock, read: Any) -> None:
    """Warehouses (numbers as text), statuses, and the period of the last change of status."""
    (main,), (spare,) = ozon.buy("A-1", MAIN), ozon.buy("A-1", SPARE)
    clock.advance(3600)
    changed_at = clock.now()
    ozon.assemble(spare)
    names = [key.partition("/")[0] for key in (main, spare)]
    assert numbers(read(ozon)) == names
    assert numbers(read(ozon, warehouse_ids=[MAIN])) == names[:1]
    assert numbers(read(ozon, statuses=["awaiting_deliver"])) == names[1:]
    period = {"from": changed_at.isoformat(), "to": (changed_at + timedelta(hours=1)).isoformat()}
    assert numbers(read(ozon, last_changed_status_date=period)) == names[1:]
    assert read(ozon, statuses=["packed"]).status_code == 400


def test_a_change_may_be_listed_late(ozon: OzonSimulator, clock: VirtualClock) -> None:
    """With `list_lag` a change of status is found only after a while."""
    ozon.posting_reading.list_lag = 60
    ozon.buy("A-1", MAIN)
    period = around(ozon, "from", "to")
    assert numbers(listed(ozon, last_changed_status_date=period)) == []
    clock.advance(61)
    assert len(numbers(listed(ozon, last_changed_status_date=period))) == 1


def test_a_request_for_open_ones_names_one_kind_of_date(ozon: OzonSimulator) -> None:
    """Neither cutoff nor delivering_date, or both, is refused in the server's words; so is over a year."""
    cutoff = around(ozon, "cutoff_from", "cutoff_to")
    delivering = around(ozon, "delivering_date_from", "delivering_date_to")
    (key,) = ozon.buy("A-1", MAIN)
    ozon.buy("A-1", MAIN)
    ozon.ship(key)
    answer = post(ozon, OPEN, {"filter": delivering, "limit": 10})
    assert numbers(answer) == [key.partition("/")[0]]
    neither = post(ozon, OPEN, {"filter": {}, "limit": 10})
    assert neither.status_code == 400
    assert neither.json()["message"] == "either filter.cutoff or filter.delivering_date must be specified"
    assert post(ozon, OPEN, {"filter": {**cutoff, **delivering}, "limit": 10}).status_code == 400
    half = {"cutoff_from": cutoff["cutoff_from"]}
    assert post(ozon, OPEN, {"filter": half, "limit": 10}).status_code == 400
    long = around(ozon, "cutoff_from", "cutoff_to", days=200)
    assert post(ozon, OPEN, {"filter": long, "limit": 10}).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 10},
        {"limit": 10, "filter": {}},
        {"limit": 10, "filter": {"since": "2026-01-01T00:00:00Z"}},
        {"limit": 10, "filter": {"since": "yesterday", "to": "2026-01-01T00:00:00Z"}},
        {"limit": 10, "filter": {"since": "2026-01-01T00:00:00", "to": "2026-01-02T00:00:00"}},
        {"limit": 10, "filter": {"since": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}},
        {"limit": 10, "filter": {"since": "2024-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}},
    ],
)
def test_a_list_needs_a_period_of_at_most_a_year(ozon: OzonSimulator, body: Any) -> None:
    """`since` and `to` are required, in order, with their zone."""
    assert post(ozon, ALL, body).status_code == 400


@pytest.mark.parametrize("read", [opened, listed])
@pytest.mark.parametrize("limit", [0, 101, 1000, "10"])
def test_a_page_has_at_most_100_postings(ozon: OzonSimulator, read: Any, limit: Any) -> None:
    """What the third version took is refused."""
    assert read(ozon, limit=limit).status_code == 400
    assert read(ozon, cursor="c1").status_code == 400


@pytest.mark.parametrize("path", ["/v3/posting/fbs/list", "/v3/posting/fbs/unfulfilled/list"])
def test_the_third_version_is_gone(ozon: OzonSimulator, path: str) -> None:
    """Both were switched off in August 2026."""
    answer = post(ozon, path, {"filter": around(ozon, "cutoff_from", "cutoff_to"), "limit": 10})
    assert answer.status_code == 404
    assert "obsolete method" in answer.json()["message"]


def test_a_key_without_the_role_may_not_read_postings(ozon: OzonSimulator) -> None:
    """The right to stock is none to postings."""
    ozon.roles = {"Product": ["/v2/products/stocks"]}
    assert opened(ozon).status_code == 403
    assert "required role" in listed(ozon).json()["message"]


def test_answers_may_stand_under_result_and_without_has_next(ozon: OzonSimulator) -> None:
    """Both have been seen; the cursor is then empty on the last page."""
    ozon.buy("A-1", MAIN)
    ozon.posting_reading.under_result, ozon.posting_reading.says_has_next = True, False
    data = opened(ozon).json()["result"]
    assert (len(data["postings"]), data["cursor"], "has_next" in data) == (1, "", False)


def test_more_than_50_requests_a_second_are_too_many(clock: VirtualClock) -> None:
    """The methods of postings count with all others of the account."""
    ozon = OzonSimulator(["A-1"], clock=clock)
    answers = [opened(ozon).status_code for _ in range(51)]
    assert (answers[:50], answers[50]) == ([200] * 50, 429)


def test_lists_answer_as_the_document_says(ozon: OzonSimulator) -> None:
    """Good answers at every stage, and refusals, have the shapes of Ozon's OpenAPI document."""
    document = ozon_with_postings()
    keys = [ozon.buy_together({"A-1": 1, "A-2": 2}, MAIN)[0] for _ in range(5)]
    ozon.assemble(keys[1])
    ozon.ship(keys[2])
    ozon.cancel(keys[3])
    ozon.ship(keys[4])
    ozon.deliver(keys[4])
    now = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)
    form = "%Y-%m-%dT%H:%M:%S.000Z"
    begin, end = ((now + timedelta(days=days)).strftime(form) for days in (-30, 30))
    wanted = {
        OPEN: {"cutoff_from": begin, "cutoff_to": end},
        ALL: {"since": begin, "to": end, "last_changed_status_date": {"from": begin, "to": end}},
    }
    for path, count in ((OPEN, 3), (ALL, 5)):
        answer = post(ozon, path, {"filter": wanted[path], "limit": 100, "cursor": "", "sort_dir": "ASC"})
        assert len(numbers(answer)) == count
        document.check(answer)
        document.check_response(post(ozon, path, {"filter": {}, "limit": 100}))
