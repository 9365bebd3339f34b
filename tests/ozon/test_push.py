"""Writing stock: what goes on the wire, and what becomes of Ozon's answers."""

from __future__ import annotations

import logging

import httpx
import pytest

from mpstock import OutcomeStatus
from mpstock.errors import (
    AdapterError,
    AuthenticationError,
    InDoubtError,
    NotSentError,
    RejectedError,
)
from tests.ozon.account import (
    API_KEY,
    BY_OFFER,
    CLIENT_ID,
    MAIN,
    SPARE,
    WRITE,
    Account,
    change,
    everything_taken,
    push,
    refused,
    stored,
    taken,
)

OK, ERROR, WAIT, UNSENT, DOUBT, WHOLE = (
    OutcomeStatus.OK,
    OutcomeStatus.ERROR,
    OutcomeStatus.WAIT,
    OutcomeStatus.UNSENT,
    OutcomeStatus.DOUBT,
    OutcomeStatus.WHOLE,
)


def statuses(outcomes):
    return [outcome.status for outcome in outcomes]


def status(code: int, message: str, http: int = 400) -> httpx.Response:
    return httpx.Response(http, json={"code": code, "message": message, "details": []})


def test_the_serialised_body_has_offer_id_alone_and_an_integer_warehouse() -> None:
    """What is written is exactly offer_id, stock and warehouse_id, in UTF-8, and no product_id."""
    account = Account().on(WRITE, everything_taken)
    outcomes = push(account.sink(MAIN, SPARE), [change("Щит 2", 0), change("PH11042", 100, SPARE)])
    assert statuses(outcomes) == [OK, OK]
    (request,) = account.requests
    assert (
        request.content
        == (
            '{"stocks":[{"offer_id":"Щит 2","stock":0,"warehouse_id":22142605386000},'
            '{"offer_id":"PH11042","stock":100,"warehouse_id":1020003080073000}]}'
        ).encode()
    )
    assert request.method == "POST"
    assert str(request.url) == "https://api-seller.ozon.ru/v2/products/stocks"
    assert request.headers["client-id"] == CLIENT_ID
    assert request.headers["api-key"] == API_KEY
    assert request.headers["content-type"] == "application/json"


def test_a_push_of_a_hundred_is_one_request() -> None:
    """A full batch costs one request and nothing else is sent."""
    account = Account().on(WRITE, everything_taken)
    outcomes = push(account.sink(), [change(f"A{n}", n) for n in range(100)])
    assert statuses(outcomes) == [OK] * 100
    assert len(account.requests) == 1


def test_more_than_a_hundred_are_refused_before_the_network() -> None:
    """Ozon takes 100 pairs: a larger push is the caller's mistake and is said so."""
    account = Account().on(WRITE, everything_taken)
    with pytest.raises(ValueError, match="100 changes in one push, not 101"):
        push(account.sink(), [change(f"A{n}", n) for n in range(101)])
    assert account.requests == []


def test_a_pair_twice_in_one_push_is_refused_before_the_network() -> None:
    """The second of two writes of a pair would break the 30 s rule, so none is sent."""
    account = Account().on(WRITE, everything_taken)
    with pytest.raises(ValueError, match=r"two changes of one listing.*'A1'"):
        push(account.sink(), [change("A1", 1), change("A2", 1), change("A1", 2)])
    assert account.requests == []


def test_one_offer_in_two_warehouses_is_two_pairs() -> None:
    """The same article in two warehouses gets two outcomes, told apart by the warehouse."""
    account = Account().on(
        WRITE, {"result": [refused("A1", "WAREHOUSE_NOT_FOUND", "", SPARE), taken("A1", MAIN)]}
    )
    outcomes = push(account.sink(MAIN, SPARE), [change("A1", 1), change("A1", 1, SPARE)])
    assert statuses(outcomes) == [OK, ERROR]


def test_item_errors_come_with_http_200() -> None:
    """A refused row is an error of that row, with the vendor's code and words and what to do."""
    said = "Товар в архиве"
    account = Account().on(WRITE, {"result": [taken("A1"), refused("A2", "PRODUCT_IS_ARCHIVED", said)]})
    good, bad = push(account.sink(), [change("A1", 1), change("A2", 2)])
    assert good.status is OK
    assert (bad.status, bad.code) == (ERROR, "PRODUCT_IS_ARCHIVED")
    assert bad.message.startswith(said)
    assert "restore it in the seller's cabinet" in bad.message


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("TOO_MANY_REQUESTS", "Stock is updated too frequently"),
        ("TOO_MANY_REQUESTS", ""),
        ("Stock is updated too frequently", ""),
        ("", "Stock is updated too frequently"),
        ("", "TOO_MANY_REQUESTS"),
    ],
)
def test_too_often_is_waited_out_whether_it_is_code_or_message(code: str, message: str) -> None:
    """A pair written less than 30 s ago waits and does not fail, wherever the text stands."""
    account = Account().on(WRITE, {"result": [refused("A1", code, message)]})
    (outcome,) = push(account.sink(), [change("A1", 1)])
    assert (outcome.status, outcome.retry_after) == (WAIT, 30.0)


def test_too_often_beside_another_error_is_an_error() -> None:
    """Waiting does not mend the other error, so the row does not count as waiting."""
    row = refused("A1", "TOO_MANY_REQUESTS", "often")
    row["errors"].append({"code": "PRODUCT_IS_ARCHIVED", "message": "archived"})
    (outcome,) = push(Account().on(WRITE, {"result": [row]}).sink(), [change("A1", 1)])
    assert (outcome.status, outcome.code) == (ERROR, "PRODUCT_IS_ARCHIVED")
    assert "often" in outcome.message


@pytest.mark.parametrize(
    "code", ["PRODUCT_HAS_NOT_BEEN_TAGGED_YET", "product_is_not_created", "PRICE_IS_NOT_SENT"]
)
def test_what_passes_within_hours_is_left_to_the_next_run(code: str) -> None:
    """A product that is not ready yet fails this run, and its message says that it is tried again."""
    account = Account().on(WRITE, {"result": [refused("A1", code, "слова")]})
    (outcome,) = push(account.sink(), [change("A1", 1)])
    assert (outcome.status, outcome.code, outcome.retry_after) == (ERROR, code, None)
    assert outcome.message.startswith("слова (")
    assert "tried again at every run" in outcome.message


def test_an_unknown_code_is_told_in_the_vendor_s_words() -> None:
    """A code that nobody has documented is an error, word for word."""
    account = Account().on(WRITE, {"result": [refused("A1", "BRAND_NEW", "Что-то новое")]})
    (outcome,) = push(account.sink(), [change("A1", 1)])
    assert (outcome.status, outcome.code, outcome.message) == (ERROR, "BRAND_NEW", "Что-то новое")


def test_not_updated_and_no_errors_is_no_success() -> None:
    """`updated: false` without a reason is an error."""
    account = Account().on(WRITE, {"result": [taken("A1", updated=False)]})
    (outcome,) = push(account.sink(), [change("A1", 1)])
    assert outcome.status is ERROR
    assert "says not why" in outcome.message


def test_a_pair_that_the_answer_leaves_out_is_an_error() -> None:
    """Silence about a pair is not taken for success."""
    account = Account().on(WRITE, {"result": [taken("A2")]})
    missing, good = push(account.sink(), [change("A1", 1), change("A2", 2)])
    assert (missing.status, good.status) == (ERROR, OK)
    assert "leaves this pair" in missing.message


def test_int64_may_come_as_text_and_the_answer_s_product_id_is_ignored() -> None:
    """warehouse_id as a string and a foreign product_id do not spoil the matching."""
    row = taken("A1", warehouse_id=MAIN, product_id=0)
    (outcome,) = push(Account().on(WRITE, {"result": [row]}).sink(), [change("A1", 1)])
    assert outcome.status is OK


@pytest.mark.parametrize("quantity", [-1, 1_000_000])
def test_a_number_that_ozon_refuses_never_spoils_its_neighbours(quantity: int) -> None:
    """Outside 0..999,999 a change is refused here, and the others are sent without it."""
    account = Account().on(WRITE, everything_taken)
    bad, good = push(account.sink(), [change("A1", quantity), change("A2", 999_999)])
    assert (bad.status, good.status) == (ERROR, OK)
    assert f"from 0 to 999999, not {quantity}" in bad.message
    assert account.sent(WRITE) == [
        {"stocks": [{"offer_id": "A2", "stock": 999_999, "warehouse_id": int(MAIN)}]}
    ]


def test_nothing_to_send_sends_nothing() -> None:
    """A push of nothing, or of nothing that may be sent, costs no request."""
    account = Account()
    assert push(account.sink(), []) == []
    assert statuses(push(account.sink(), [change("", 1)])) == [ERROR]
    assert account.requests == []


def test_a_malformed_row_fails_alone_and_the_rest_is_unsent() -> None:
    """A 400 that names `Stocks[1]` is that row's error; the others were surely not applied."""
    said = (
        "Request validation error: invalid ProductsStocksRequest.Stocks[1]: "
        "embedded message failed validation"
    )
    outcomes = push(
        Account().on(WRITE, status(3, said)).sink(), [change(offer, 1) for offer in ("A0", "A1", "A2")]
    )
    assert statuses(outcomes) == [UNSENT, ERROR, UNSENT]
    assert outcomes[1].message == said


def test_the_index_of_a_400_counts_the_rows_that_were_sent() -> None:
    """With a change refused before the network, the vendor's index still finds its own row."""
    outcomes = push(
        Account().on(WRITE, status(3, "invalid ProductsStocksRequest.Stocks[1]: bad")).sink(),
        [change("A0", -5), change("A1", 1), change("A2", 1)],
    )
    assert statuses(outcomes) == [ERROR, UNSENT, ERROR]
    assert "Stocks[1]" in outcomes[2].message


@pytest.mark.parametrize("said", ["invalid request", "invalid ProductsStocksRequest.Stocks[7]: bad"])
def test_a_400_that_names_no_row_of_ours_is_for_the_whole(said: str) -> None:
    """Without a usable index the engine is told to halve; a single change is its own culprit."""
    account = Account().on(WRITE, status(3, said))
    assert statuses(push(account.sink(), [change("A0", 1), change("A1", 1)])) == [WHOLE, WHOLE]
    assert statuses(push(account.sink(), [change("A0", 1)])) == [ERROR]


def test_the_old_shape_of_an_error_is_understood() -> None:
    """`{"error": {"code", "message"}}`, as older methods answer, is told in its words."""
    old = httpx.Response(400, json={"error": {"code": "BAD_REQUEST", "message": "Неверно", "data": []}})
    (outcome,) = push(Account().on(WRITE, old).sink(), [change("A0", 1)])
    assert (outcome.status, outcome.message) == (ERROR, "BAD_REQUEST: Неверно")


@pytest.mark.parametrize("http", [404, 410])
def test_an_obsolete_method_says_to_upgrade(http: int) -> None:
    """A version that Ozon has switched off is an error that names the mend."""
    account = Account().on(WRITE, status(5, "obsolete method cannot be used", http))
    with pytest.raises(RejectedError, match=r"obsolete method cannot be used.*upgrade mpstock-ozon"):
        push(account.sink(), [change("A0", 1)])


@pytest.mark.parametrize(
    ("headers", "said"),
    [({"location": "https://evil.example/"}, "evil.example"), ({}, "check base_url")],
)
def test_a_redirect_is_not_followed_with_the_key(headers: dict[str, str], said: str) -> None:
    """A redirect is an error that says where it leads, and nothing goes to the other address."""
    account = Account().on(WRITE, httpx.Response(302, headers=headers))
    with pytest.raises(AdapterError, match=said):
        push(account.sink(), [change("A0", 1)])
    assert len(account.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>ok</html>"),
        httpx.Response(200, json={"results": []}),
        httpx.Response(200, json={"result": None}),
        httpx.Response(200, json=[]),
        httpx.Response(204),
    ],
    ids=["html", "no result", "null", "list", "empty"],
)
def test_a_malformed_200_leaves_all_in_doubt(answer: httpx.Response) -> None:
    """Where a success cannot be read nobody knows what was applied."""
    outcomes = push(Account().on(WRITE, answer).sink(), [change("A0", 1), change("A1", 1)])
    assert statuses(outcomes) == [DOUBT, DOUBT]
    assert "not known" in outcomes[0].message


@pytest.mark.parametrize(
    ("code", "message", "seconds"),
    [
        (14, "Circle is open", 300.0),
        (8, "You have reached request rate limit per second", 1.0),
        (8, "limit", 60.0),
    ],
)
def test_a_closed_circle_is_not_sent_and_waits(code: int, message: str, seconds: float) -> None:
    """A refusal of everything for a while is no error of the changes, and says for how long."""
    with pytest.raises(NotSentError, match=message) as caught:
        push(Account().on(WRITE, status(code, message, 409)).sink(), [change("A0", 1)])
    assert caught.value.retry_after == seconds


def test_an_internal_error_in_a_4xx_is_in_doubt() -> None:
    """gRPC 13 says nothing of what was applied, whatever the HTTP status is."""
    with pytest.raises(InDoubtError, match="Internal error"):
        push(Account().on(WRITE, status(13, "Internal error", 409)).sink(), [change("A0", 1)])


@pytest.mark.parametrize("http", [401, 403, 409])
def test_a_refused_key_is_told_in_ozon_s_words_and_without_the_key(http: int) -> None:
    """Bad credentials raise with the vendor's text, the key itself blanked."""
    said = f"Invalid Api-Key {API_KEY}, please contact support"
    with pytest.raises(AuthenticationError, match=r"Invalid Api-Key \*\*\*, please contact") as caught:
        push(Account().on(WRITE, status(7, said, http)).sink(), [change("A0", 1)])
    assert API_KEY not in repr(caught.value)


def test_a_5xx_page_is_in_doubt_and_told_short() -> None:
    """nginx's HTML becomes a few words, and the write may have been applied."""
    page = httpx.Response(502, text="<html><head><title>502 Bad Gateway</title></head><hr>nginx</html>")
    account = Account().on(WRITE, page)
    with pytest.raises(InDoubtError, match="502 Bad Gateway nginx"):
        push(account.sink(), [change("A0", 1)])
    assert len(account.requests) == 1


def test_a_429_of_a_push_was_not_sent() -> None:
    """The limiter's refusal leaves the change as it was, with Ozon's pause."""
    answer = httpx.Response(429, headers={"Retry-After": "7"}, json={"code": 8, "message": "slow down"})
    with pytest.raises(NotSentError) as caught:
        push(Account().on(WRITE, answer).sink(), [change("A0", 1)])
    assert caught.value.retry_after == 7


def test_reserve_exclude_reads_nothing_before_the_write() -> None:
    """By Ozon's document the number is the free quantity: it goes out as it is."""
    account = Account().on(WRITE, everything_taken)
    push(account.sink(reserve="exclude"), [change("A1", 5)])
    assert [request.url.path for request in account.requests] == [WRITE]


def test_reserve_include_adds_what_ozon_keeps_of_this_pair() -> None:
    """The wire number is the advertised one plus the pair's own reserve, capped at what Ozon takes."""
    rows = [
        stored("A1", 3, 4),
        stored("A1", 0, 50, SPARE),
        stored("A3", 0, 10),
    ]
    account = Account().on(WRITE, everything_taken)
    account.on(BY_OFFER, {"products": rows, "cursor": "", "has_next": False})
    changes = [change("A1", 5), change("A2", 6), change("A3", 999_995)]
    push(account.sink(reserve="include"), changes)
    assert [row["stock"] for row in account.sent(WRITE)[0]["stocks"]] == [9, 6, 999_999]
    (asked,) = account.sent(BY_OFFER)
    assert asked == {"cursor": "", "limit": 1000, "offer_id": ["A1", "A2", "A3"]}


@pytest.mark.parametrize(
    "answer", [httpx.Response(200, text="?"), status(14, "Circle is open", 409)], ids=["garbage", "closed"]
)
def test_reserve_include_sends_nothing_when_the_reserve_is_unknown(answer: httpx.Response) -> None:
    """Without the reserve there is no number to send: the changes surely did not leave."""
    account = Account().on(BY_OFFER, answer).on(WRITE, everything_taken)
    with pytest.raises(NotSentError, match="reserve could not be read"):
        push(account.sink(reserve="include"), [change("A1", 5)])
    assert account.sent(WRITE) == []


def test_reserve_include_halves_what_the_reading_refuses() -> None:
    """An offer that spoils the reading of reserves is found as one that spoils the write is."""
    account = Account().on(BY_OFFER, status(3, "bad offer_id"))
    sink = account.sink(reserve="include")
    assert statuses(push(sink, [change("A1", 5), change("A2", 5)])) == [WHOLE, WHOLE]
    assert statuses(push(sink, [change("A1", 5)])) == [ERROR]


def test_the_key_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing that is logged while writing carries the key."""
    caplog.set_level(logging.DEBUG)
    push(Account().on(WRITE, everything_taken).sink(), [change("A1", 5)])
    assert API_KEY not in caplog.text


def test_limits_are_ozon_s() -> None:
    """The account's limits are stated as data: batch, range, both rates and the pair's 30 s.

    What is observed is `free_stock`, which falls when an order moves its units to the reserve.
    """
    limits = Account().sink(writes_per_minute=40).limits
    assert limits.account == f"ozon:{CLIENT_ID}"
    assert (limits.batch, limits.maximum, limits.pair_cooldown) == (100, 999_999, 30.0)
    assert {rate.scope: (rate.requests, rate.period) for rate in limits.rates} == {
        "account": (50, 1.0),
        "stocks": (40, 60.0),
    }
    assert set(limits.push_scopes) == {"account", "stocks"}
    assert (limits.observe_whole, limits.observe_batch, limits.by_warehouse) == (True, 1000, False)
    assert limits.self_decrements == "yes"
