"""Ozon's double: `/v2/products/stocks`, pair by pair and as a whole."""

from __future__ import annotations

from typing import Any

import pytest
from httpx import Response

from mpstock.simulation import RateModel
from mpstock.testing import VirtualClock
from mpstock_ozon.simulator import OzonSimulator
from tests import specs
from tests.simulation.client import call

MAIN, SPARE = "22142605386000", "1020003080073000"
PATH = "/v2/products/stocks"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def ozon(clock: VirtualClock) -> OzonSimulator:
    return OzonSimulator([f"A-{number}" for number in range(1, 151)], clock=clock)


def headers(ozon: OzonSimulator) -> dict[str, str]:
    return {"Client-Id": ozon.client_id, "Api-Key": ozon.api_key}


def row(offer_id: Any = "A-1", stock: Any = 5, warehouse: Any = int(MAIN), **more: Any) -> dict[str, Any]:
    return {"offer_id": offer_id, "stock": stock, "warehouse_id": warehouse, **more}


def write(ozon: OzonSimulator, *rows: Any) -> Response:
    return call(ozon, "POST", PATH, json={"stocks": list(rows)}, headers=headers(ozon))


def errors(answer: Response) -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    return [[error["code"] for error in item["errors"]] for item in answer.json()["result"]]


def test_a_write_sets_what_is_shown(ozon: OzonSimulator) -> None:
    """The number is absolute, per pair, and answered with the pair's own ids."""
    answer = write(ozon, row(stock=5), row(stock=7, warehouse=int(SPARE)))
    assert [item["updated"] for item in answer.json()["result"]] == [True, True]
    assert answer.json()["result"][1]["warehouse_id"] == int(SPARE)
    assert answer.json()["result"][0]["product_id"] == ozon.account.offers["A-1"].product_id
    assert (ozon.shown()["A-1", MAIN], ozon.shown()["A-1", SPARE], ozon.shown()["A-2", MAIN]) == (5, 7, 0)


def test_writes_and_their_errors_answer_as_the_document_says(ozon: OzonSimulator) -> None:
    """Success, item errors and refused requests have the shapes of Ozon's OpenAPI document."""
    spec = specs.ozon()
    good = write(ozon, row(), row("unknown"))
    spec.check(good)
    spec.check_response(write(ozon, {"offer_id": "A-1", "stock": 1}))
    spec.check_response(call(ozon, "POST", PATH, json={}, headers={"client-id": "1", "api-key": "wrong"}))
    spec.check_response(call(ozon, "POST", PATH, json={}), as_status=403)
    while (limited := write(ozon, row("A-2"))).status_code == 200:
        pass
    spec.check_response(limited, as_status=403)


def test_item_errors_come_with_http_200_and_product_id_0(ozon: OzonSimulator) -> None:
    """A refused pair says so by `updated: false` and its code; its neighbours are written."""
    ozon.account.offers["A-3"].archived = True
    ozon.account.offers["A-4"].price_sent = False
    ozon.account.add_warehouse("33333333333333").status = "disabled"
    ozon.refuse("A-5", MAIN, code="NON_KGT_ON_KGT_WAREHOUSE")
    answer = write(
        ozon,
        row("nobody"),
        row("A-1", warehouse=1),
        row("A-1", warehouse=33333333333333),
        row("A-2", stock=1_000_000),
        row("A-3"),
        row("A-4"),
        row("A-5"),
        row("A-5", warehouse=int(SPARE)),
        row("A-6", stock=999_999),
    )
    assert errors(answer) == [
        ["NOT_FOUND_ERROR"],
        ["WAREHOUSE_NOT_FOUND"],
        ["WAREHOUSE_NOT_FOUND"],
        ["STOCK_TOO_BIG"],
        ["PRODUCT_IS_ARCHIVED"],
        ["PRICE_IS_NOT_SENT"],
        ["NON_KGT_ON_KGT_WAREHOUSE"],
        [],
        [],
    ]
    result = answer.json()["result"]
    assert [item["updated"] for item in result] == [False] * 7 + [True] * 2
    assert [item["product_id"] for item in result[:7]] == [0] * 7
    assert result[0]["offer_id"] == "nobody"
    assert ozon.shown()["A-6", MAIN] == 999_999


def test_the_code_of_an_unknown_offer_is_a_switch(ozon: OzonSimulator) -> None:
    """Ozon's documents name two codes for an offer that is not there; either can be answered."""
    ozon.unknown_offer = ("offer_id_not_found", "offer not found")
    assert errors(write(ozon, row("nobody"))) == [["offer_id_not_found"]]


def test_an_injected_error_ends_after_so_many_times(ozon: OzonSimulator, clock: VirtualClock) -> None:
    """An error that passes by itself, as while a product is being created."""
    ozon.refuse("A-1", code="product_is_not_created", times=2)
    assert [errors(write(ozon, row())) for _ in range(3)] == [
        [["product_is_not_created"]],
        [["product_is_not_created"]],
        [[]],
    ]


def test_offer_id_wins_over_product_id(ozon: OzonSimulator) -> None:
    """With both given the change goes to the product of `offer_id`; `product_id` alone works as well."""
    other = ozon.account.offers["A-2"].product_id
    write(ozon, row("A-1", 5, product_id=other))
    assert (ozon.shown()["A-1", MAIN], ozon.shown()["A-2", MAIN]) == (5, 0)
    answer = write(ozon, {"product_id": other, "stock": 6, "warehouse_id": int(MAIN)})
    assert answer.json()["result"][0]["offer_id"] == "A-2"
    assert ozon.shown()["A-2", MAIN] == 6


@pytest.mark.parametrize(
    "bad",
    [
        {"offer_id": "A-2", "stock": 5},
        {"offer_id": "A-2", "warehouse_id": int(MAIN)},
        {"stock": 5, "warehouse_id": int(MAIN)},
        row(stock=-1),
        row(stock="5"),
        row(stock=5.0),
        row(stock=True),
        row(stock=2**63),
        row(stock=None),
        row(warehouse=MAIN),
        row(warehouse=0),
        row(offer_id=17),
        row(product_id="17"),
        [],
        "A-2",
    ],
    ids=str,
)
def test_one_malformed_row_fails_the_whole_request_with_its_index(ozon: OzonSimulator, bad: Any) -> None:
    """Nothing of a request with a malformed row is written, and the message names the row."""
    answer = write(ozon, row("A-1"), bad, row("A-3"))
    assert answer.status_code == 400
    assert answer.json() == {
        "code": 3,
        "message": "Request validation error: invalid ProductsStocksRequest.Stocks[1]: "
        "embedded message failed validation",
        "details": [],
    }
    assert set(ozon.shown().values()) == {0}


@pytest.mark.parametrize("count", [0, 101])
def test_a_request_has_1_to_100_pairs(ozon: OzonSimulator, count: int) -> None:
    """The 101st pair spoils the request; 100 are taken."""
    assert write(ozon, *(row(f"A-{number}") for number in range(1, count + 1))).status_code == 400
    assert set(ozon.shown().values()) == {0}
    assert write(ozon, *(row(f"A-{number}") for number in range(1, 101))).status_code == 200


def test_a_pair_written_again_within_30_s_waits(ozon: OzonSimulator, clock: VirtualClock) -> None:
    """The cooldown is per pair and comes as an item's error with HTTP 200."""
    write(ozon, row(stock=5))
    clock.advance(29.9)
    answer = write(ozon, row(stock=6), row(stock=6, warehouse=int(SPARE)), row("A-2", 6))
    assert errors(answer) == [["TOO_MANY_REQUESTS"], [], []]
    assert ozon.shown()["A-1", MAIN] == 5
    clock.advance(0.1)
    assert errors(write(ozon, row(stock=6))) == [[]]
    assert ozon.shown()["A-1", MAIN] == 6


def test_a_pair_twice_in_one_request_breaks_the_cooldown(ozon: OzonSimulator) -> None:
    """The second of two rows for one pair is refused, and the first one stands."""
    assert errors(write(ozon, row(stock=5), row(stock=6))) == [[], ["TOO_MANY_REQUESTS"]]
    assert ozon.shown()["A-1", MAIN] == 5


@pytest.mark.parametrize(("counted_from", "last"), [("accepted", []), ("attempt", ["TOO_MANY_REQUESTS"])])
def test_the_cooldown_starts_with_the_accepted_write_or_with_any_attempt(
    clock: VirtualClock, counted_from: Any, last: list[str]
) -> None:
    """Whether a refused attempt starts the 30 s anew is not documented: both can be played."""
    ozon = OzonSimulator(["A-1"], clock=clock, cooldown_from=counted_from)
    write(ozon, row(stock=5))
    clock.advance(20)
    assert errors(write(ozon, row(stock=6))) == [["TOO_MANY_REQUESTS"]]
    clock.advance(10)
    assert errors(write(ozon, row(stock=6))) == [last]


def test_a_refused_pair_has_no_cooldown_by_default(ozon: OzonSimulator) -> None:
    """A write that was never accepted does not block the next one."""
    ozon.refuse("A-1", code="unknown", times=1)
    assert errors(write(ozon, row())) == [["unknown"]]
    assert errors(write(ozon, row())) == [[]]


@pytest.mark.parametrize(("reserve", "free", "present"), [("exclude", 10, 13), ("include", 7, 10)])
def test_the_number_excludes_or_includes_the_reserve(
    clock: VirtualClock, reserve: Any, free: int, present: int
) -> None:
    """10 sent with 3 reserved: on sale are 10 or 7, by the switch."""
    ozon = OzonSimulator(["A-1"], clock=clock, reserve=reserve, stock={("A-1", MAIN): 5})
    assert ozon.reserve("A-1", MAIN, 3)
    assert ozon.shown()["A-1", MAIN] == 2
    write(ozon, row(stock=10))
    assert ozon.shown()["A-1", MAIN] == free
    read = call(
        ozon, "POST", "/v1/product/info/warehouse/stocks",
        json={"warehouse_id": int(MAIN), "limit": 10}, headers=headers(ozon),
    ).json()["stocks"][0]  # fmt: skip
    assert (read["free_stock"], read["reserved"], read["present"]) == (free, 3, present)


def test_including_less_than_the_reserve_leaves_nothing_on_sale(clock: VirtualClock) -> None:
    """A total below what is reserved never makes the free stock negative."""
    ozon = OzonSimulator(["A-1"], clock=clock, reserve="include", stock={("A-1", MAIN): 5})
    ozon.reserve("A-1", MAIN, 5)
    write(ozon, row(stock=2))
    assert ozon.shown()["A-1", MAIN] == 0


def test_orders_reserve_ship_and_come_back(ozon: OzonSimulator) -> None:
    """An order moves units from free to reserved; shipping takes them away, a cancel brings them back."""
    ozon.set_shown("A-1", MAIN, 5)
    first, second = ozon.reserve("A-1", MAIN, 2), ozon.reserve("A-1", MAIN, 3)
    assert ozon.reserve("A-1", MAIN) is None
    assert first is not None
    assert second is not None
    ozon.ship(first)
    assert ozon.shown()["A-1", MAIN] == 0
    ozon.cancel(second)
    assert ozon.shown()["A-1", MAIN] == 3
    with pytest.raises(ValueError, match="cancelled already"):
        ozon.ship(second)
    ozon.account.cancel_returns = False
    third = ozon.reserve("A-1", MAIN, 3)
    assert third is not None
    ozon.cancel(third)
    assert ozon.shown()["A-1", MAIN] == 0
    stock = ozon.account.stock("A-1", int(MAIN))
    assert stock is not None
    assert stock.reserved == 0


def test_unknown_names_in_the_cabinet_are_the_tests_mistake(ozon: OzonSimulator) -> None:
    """Setting or selling what the account does not have raises in the test that does it."""
    with pytest.raises(KeyError, match="nobody"):
        ozon.set_shown("nobody", MAIN, 1)
    with pytest.raises(KeyError, match="99"):
        ozon.reserve("A-1", "99")


def test_a_pair_can_be_left_out_of_the_answer(ozon: OzonSimulator) -> None:
    """An answer without a pair says nothing of it; whether it was applied is a switch."""
    ozon.omitted = {("A-1", MAIN)}
    answer = write(ozon, row("A-1"), row("A-2"))
    assert [item["offer_id"] for item in answer.json()["result"]] == ["A-2"]
    assert ozon.shown()["A-1", MAIN] == 0
    ozon.omitted_are_applied = True
    write(ozon, row("A-1"), row("A-3"))
    assert ozon.shown()["A-1", MAIN] == 5


def test_the_answer_can_come_in_another_order(ozon: OzonSimulator) -> None:
    """Who matches answers by position instead of by pair is found out."""
    rows = [row(f"A-{number}") for number in range(1, 21)]
    sent = [one["offer_id"] for one in rows]
    ozon.answer_order = "reversed"
    answered = [item["offer_id"] for item in write(ozon, *rows).json()["result"]]
    assert answered == sent[::-1]
    ozon.answer_order = "shuffled"
    answered = [item["offer_id"] for item in write(ozon, *rows).json()["result"]]
    assert answered != sent
    assert sorted(answered) == sorted(sent)


@pytest.mark.parametrize(("model", "free_after"), [("fixed", 20.0), ("sliding", 60.0), ("leaky", 0.75)])
def test_80_writes_a_minute(clock: VirtualClock, model: RateModel, free_after: float) -> None:
    """The limit of writes answers 429 in the error envelope, on each model of counting."""
    ozon = OzonSimulator(["A-1"], clock=clock, rate_model=model, requests_per_second=None)
    clock.advance(40.0)
    admitted = 0
    while (answer := write(ozon, row())).status_code == 200:
        admitted += 1
    assert admitted == (6 if model == "leaky" else 80)
    assert answer.status_code == 429
    assert answer.json()["code"] == 8
    assert "retry-after" not in answer.headers
    clock.advance(free_after - 0.01)
    assert write(ozon, row()).status_code == 429
    clock.advance(0.01)
    assert write(ozon, row()).status_code == 200


def test_a_retry_header_is_a_switch(clock: VirtualClock) -> None:
    """Ozon's 429 tells no time; a double that does lets both be tried."""
    ozon = OzonSimulator(["A-1"], clock=clock, writes_per_minute=1)
    ozon.retry_after_header = True
    write(ozon, row())
    clock.advance(0.5)
    assert write(ozon, row()).headers["retry-after"] == "60"


def test_refused_requests_count_in_the_limit_where_told(clock: VirtualClock) -> None:
    """A refused request can prolong the wait, as on servers that count everything."""
    ozon = OzonSimulator(["A-1"], clock=clock, writes_per_minute=1, count_refused=True)
    write(ozon, row())
    clock.advance(59)
    assert write(ozon, row()).status_code == 429
    clock.advance(2)
    assert write(ozon, row()).status_code == 429


def test_limits_can_be_off(clock: VirtualClock) -> None:
    """For a test of something else every limit can be off, the cooldown of pairs too."""
    ozon = OzonSimulator(["A-1"], clock=clock, limits=False)
    assert [errors(write(ozon, row(stock=number))) for number in range(120)] == [[[]]] * 120


def test_an_accepted_write_can_take_effect_late(ozon: OzonSimulator, clock: VirtualClock) -> None:
    """Ozon does not say when a write is applied: it can be accepted now and seen later."""
    ozon.account.apply_delay = 20.0
    assert errors(write(ozon, row(stock=5))) == [[]]
    clock.advance(19.9)
    assert ozon.shown()["A-1", MAIN] == 0
    clock.advance(0.1)
    assert ozon.shown()["A-1", MAIN] == 5


def test_a_write_that_commits_without_an_answer_is_applied(ozon: OzonSimulator) -> None:
    """The base's faults work here: an error after the commit leaves the number on the marketplace."""
    ozon.add_fault(path=PATH, status=500, body={"code": 13, "message": "Internal error"}, after_commit=True)
    assert write(ozon, row(stock=5)).status_code == 500
    assert ozon.shown()["A-1", MAIN] == 5
