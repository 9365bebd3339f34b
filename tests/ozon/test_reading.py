"""Reading the account: listings, and what is shown."""

from __future__ import annotations

import json
from datetime import timedelta

import httpx
import pytest

from mpstock import Listing, Observation
from mpstock.errors import (
    AuthenticationError,
    RejectedError,
    TransientError,
    UnexpectedResponseError,
)
from tests.ozon.account import (
    BY_OFFER,
    MAIN,
    OF_WAREHOUSE,
    PRODUCTS,
    SPARE,
    Account,
    collect,
    listing,
    stored,
)


def product(offer: str, product_id: object = 1, **other: object) -> dict[str, object]:
    return {"product_id": product_id, "offer_id": offer, "archived": False, "quants": [], **other}


def page(offers: list[str], last_id: str, **other: object) -> dict[str, object]:
    items = [product(offer, n) for n, offer in enumerate(offers)]
    return {"result": {"items": items, "last_id": last_id, **other}}


def stock_page(rows: list[dict[str, object]], *, key: str = "stocks", cursor: str = "", more: object = False):
    return {key: rows, "cursor": cursor, "has_next": more}


def externals(pages) -> list[str]:
    return [one.external_id for page in pages for one in page.listings]


# --- listings


def test_a_listing_is_an_offer_in_each_configured_warehouse() -> None:
    """Each product becomes one listing per configured warehouse, its article being the offer_id."""
    account = Account().on(PRODUCTS, {"result": {"items": [product(" Щит 2", "99")], "last_id": ""}})
    (one,) = collect(account.sink(MAIN, SPARE).listings(None))
    assert one.complete
    assert list(one.listings) == [
        Listing(" Щит 2", code, (" Щит 2",), {"offer_id": [" Щит 2"], "product_id": ["99"]})
        for code in (MAIN, SPARE)
    ]


def test_the_walk_goes_on_by_last_id_and_does_not_believe_total() -> None:
    """Pages are asked for until one is empty, although `total` says that there was nothing more."""
    account = Account().on(
        PRODUCTS, page(["A", "B"], "x1", total=1), page(["C"], "x2", total=1), page([], "", total=1)
    )
    pages = collect(account.sink().listings(None))
    assert externals(pages) == ["A", "B", "C"]
    assert [one.complete for one in pages] == [False, False, True]
    assert [one.cursor is not None for one in pages] == [False, False, True]
    assert [body["last_id"] for body in account.sent(PRODUCTS)] == ["", "x1", "x2"]
    assert account.sent(PRODUCTS)[0] == {"filter": {"visibility": "ALL"}, "last_id": "", "limit": 1000}


def test_a_short_page_is_not_the_end_of_the_walk() -> None:
    """A server that has lowered its limit answers short pages; the products after them are not lost."""
    pages = [page([f"{n}"], f"x{n}") for n in range(5)]
    account = Account().on(PRODUCTS, *pages, page([], "x4"))
    assert externals(collect(account.sink().listings(None))) == ["0", "1", "2", "3", "4"]


def test_a_full_page_without_last_id_is_the_last() -> None:
    """An empty last_id ends the walk even on a full page."""
    account = Account().on(PRODUCTS, page([f"A{n}" for n in range(1000)], ""))
    pages = collect(account.sink().listings(None))
    assert len(externals(pages)) == 1000
    assert pages[-1].complete
    assert len(account.requests) == 1


def test_a_last_id_that_stands_still_ends_a_short_walk_without_doubles() -> None:
    """A server that repeats its last page is not asked for ever, and lists nothing twice."""
    account = Account().on(PRODUCTS, page(["A"], "same"))
    pages = collect(account.sink().listings(None))
    assert externals(pages) == ["A"]
    assert pages[-1].complete


def test_a_last_id_that_stands_still_on_full_pages_is_an_error() -> None:
    """A walk that cannot go on must not pass for complete."""
    account = Account().on(PRODUCTS, page([f"A{n}" for n in range(1000)], "same"))
    with pytest.raises(UnexpectedResponseError, match="does not lead on"):
        collect(account.sink().listings(None))


def test_an_archived_product_is_a_listing_with_a_problem() -> None:
    """The archive takes no stock, so the listing says why it cannot be served."""
    account = Account().on(
        PRODUCTS, {"result": {"items": [product("A", archived=True), product("B")], "last_id": ""}}
    )
    (one,) = collect(account.sink().listings(None))
    assert ["archive" in listing.problem for listing in one.listings] == [True, False]


def test_a_product_without_an_article_is_passed_over() -> None:
    """One strange row spoils none of its neighbours."""
    account = Account().on(PRODUCTS, {"result": {"items": [product(""), product("B")], "last_id": ""}})
    assert externals(collect(account.sink().listings(None))) == ["B"]


def test_a_young_walk_is_not_repeated_and_an_old_one_is() -> None:
    """With a cursor younger than listings_max_age nothing is asked; from that age on all is."""
    account = Account().on(PRODUCTS, page(["A"], ""))
    sink = account.sink(listings_max_age=timedelta(hours=6))
    cursor = collect(sink.listings(None))[-1].cursor
    account.clock.passed += 6 * 3600 - 60
    assert collect(sink.listings(cursor)) == []
    assert len(account.requests) == 1
    account.clock.passed += 60
    assert externals(collect(sink.listings(cursor))) == ["A"]


def test_a_new_warehouse_is_not_hidden_by_a_young_walk() -> None:
    """The last walk knows nothing of a warehouse configured since: everything is read again."""
    account = Account().on(PRODUCTS, page(["A"], ""))
    cursor = collect(account.sink(MAIN).listings(None))[-1].cursor
    assert externals(collect(account.sink(MAIN, SPARE).listings(cursor))) == ["A", "A"]


@pytest.mark.parametrize("cursor", ["", "{", "[]", '{"walked_at": 5}', '{"walked_at": "2999-01-01"}'])
def test_a_cursor_that_makes_no_sense_is_a_full_walk(cursor: str) -> None:
    """A broken or foreign cursor costs a walk and breaks nothing."""
    account = Account().on(PRODUCTS, page(["A"], ""))
    assert externals(collect(account.sink().listings(cursor))) == ["A"]


def test_a_walk_from_the_future_is_repeated() -> None:
    """A clock that was set back does not keep the listings old for ever."""
    account = Account().on(PRODUCTS, page(["A"], ""))
    sink = account.sink()
    cursor = collect(sink.listings(None))[-1].cursor
    account.clock.passed -= 3600
    assert externals(collect(sink.listings(cursor))) == ["A"]


# --- what is shown


def test_the_whole_warehouse_is_read_until_has_next_is_false() -> None:
    """The cursor is there on the last page too: only has_next ends the reading."""
    account = Account().on(
        OF_WAREHOUSE,
        stock_page([stored("A", 5, 2)], cursor="c1", more=True),
        stock_page([stored("B", 0, 1)], cursor="c2", more=False),
    )
    pages = collect(account.sink().observe(None))
    assert [one for page in pages for one in page] == [
        Observation("A", MAIN, 5, 2),
        Observation("B", MAIN, 0, 1),
    ]
    assert account.sent(OF_WAREHOUSE) == [
        {"cursor": "", "limit": 1000, "warehouse_id": int(MAIN)},
        {"cursor": "c1", "limit": 1000, "warehouse_id": int(MAIN)},
    ]


def test_every_configured_warehouse_is_read_and_no_other() -> None:
    """Rows of other warehouses are passed over, wherever they turn up."""

    def answer(body):
        warehouse = str(body["warehouse_id"])
        return stock_page([stored("A", 1, warehouse=warehouse), stored("A", 77, warehouse="99")])

    account = Account().on(OF_WAREHOUSE, answer)
    pages = collect(account.sink(MAIN, SPARE).observe(None))
    assert [one for page in pages for one in page] == [
        Observation("A", MAIN, 1),
        Observation("A", SPARE, 1),
    ]


def test_a_cursor_that_does_not_lead_on_is_an_error_and_no_endless_loop() -> None:
    """`has_next` with the same cursor again ends in a clear error."""
    account = Account().on(OF_WAREHOUSE, stock_page([stored("A", 1)], cursor="c1", more=True))
    with pytest.raises(UnexpectedResponseError, match="does not lead on from cursor 'c1'"):
        collect(account.sink().observe(None))
    assert len(account.requests) == 2


def test_chosen_listings_are_read_by_offer_id() -> None:
    """Rows of other warehouses are passed over, and a listing left out of the answer shows 0."""
    rows = [stored("A", 5, 1), stored("A", 9, warehouse=SPARE), stored("Z", 4)]
    account = Account().on(BY_OFFER, stock_page(rows, key="products"))
    (observed,) = collect(
        account.sink(MAIN, SPARE).observe([listing("A"), listing("B"), listing("B", SPARE)])
    )
    assert list(observed) == [
        Observation("A", MAIN, 5, 1),
        Observation("B", MAIN, 0),
        Observation("B", SPARE, 0),
    ]
    # An array, never a single text, and each offer once: Ozon refuses the one, and the other is waste.
    assert account.sent(BY_OFFER) == [{"cursor": "", "limit": 1000, "offer_id": ["A", "B"]}]


def test_many_warehouses_make_chosen_listings_page() -> None:
    """One offer has a row per warehouse, so the answer pages although the ids fit in one request."""
    account = Account().on(
        BY_OFFER,
        stock_page([stored("A", 5, warehouse=SPARE)], key="products", cursor="n", more="true"),
        stock_page([stored("A", 3)], key="products"),
    )
    (observed,) = collect(account.sink().observe([listing("A")]))
    assert list(observed) == [Observation("A", MAIN, 3)]
    assert [body["cursor"] for body in account.sent(BY_OFFER)] == ["", "n"]


def test_more_than_a_thousand_listings_are_asked_in_parts() -> None:
    """No request names more than 1,000 offers."""
    account = Account().on(BY_OFFER, stock_page([], key="products"))
    pages = collect(account.sink().observe([listing(f"A{n}") for n in range(1001)]))
    assert [len(page) for page in pages] == [1000, 1]
    assert [len(body["offer_id"]) for body in account.sent(BY_OFFER)] == [1000, 1]


@pytest.mark.parametrize(
    ("fields", "quantity", "reserved"),
    [
        ({"present": "12", "reserved": "5", "free_stock": "7"}, 7, 5),
        ({"present": 12, "reserved": 5}, 7, 5),
        ({"present": 3, "reserved": 5}, 0, 5),
        ({"present": 3, "reserved": 5, "free_stock": -2}, 0, 5),
        ({"reserved": 5}, None, 5),
        ({"present": "many", "free_stock": None}, None, 0),
    ],
    ids=["text", "no free_stock", "more kept than there", "below zero", "no present", "garbage"],
)
def test_free_stock_is_what_is_shown(fields, quantity, reserved) -> None:
    """int64 as text, no free_stock, strange numbers: computed, clamped or unknown, never guessed."""
    row = {"offer_id": "A", "warehouse_id": MAIN, **fields}
    account = Account().on(OF_WAREHOUSE, stock_page([row]))
    ((observed,),) = collect(account.sink().observe(None))
    assert observed == Observation("A", MAIN, quantity, reserved)


def test_a_row_that_does_not_say_whose_it_is_spoils_the_reading() -> None:
    """Without its offer_id the row could be any listing's, which would then pass for showing 0."""
    account = Account().on(BY_OFFER, stock_page([{"present": 5}], key="products"))
    with pytest.raises(UnexpectedResponseError, match=r"products\[0\] does not say"):
        collect(account.sink().observe([listing("A")]))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(200, text="<html>maintenance</html>"), "not JSON"),
        (httpx.Response(200, json=[]), "not a JSON object"),
        (httpx.Response(200, json={}), "stocks is missing"),
        (httpx.Response(200, json={"stocks": {}}), "stocks is not a list"),
        (httpx.Response(200, json={"stocks": [5]}), r"stocks\[0\] is not a JSON object"),
    ],
)
def test_an_answer_that_is_not_stock_is_a_clear_error(answer: httpx.Response, said: str) -> None:
    """What was answered is told with its place, and nothing is taken for an empty warehouse."""
    account = Account().on(OF_WAREHOUSE, answer)
    with pytest.raises(UnexpectedResponseError, match=said) as caught:
        collect(account.sink().observe(None))
    assert "ozon" in str(caught.value)
    assert OF_WAREHOUSE in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(404, json={"code": 5, "message": "obsolete method cannot be used"}), RejectedError),
        (httpx.Response(400, json={"code": 3, "message": "limit"}), RejectedError),
        (httpx.Response(409, json={"code": 14, "message": "Circle is open"}), TransientError),
        (httpx.Response(403, json={"code": 7, "message": "Api-key is deactivated"}), AuthenticationError),
    ],
)
def test_a_refused_reading_raises_by_what_it_means(answer: httpx.Response, error: type[Exception]) -> None:
    """Dead methods, bad requests, pauses and bad keys of readings are told apart, in Ozon's words."""
    account = Account().on(PRODUCTS, answer)
    with pytest.raises(error, match=json.loads(answer.content)["message"]):
        collect(account.sink().listings(None))
