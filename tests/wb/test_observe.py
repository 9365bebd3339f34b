"""Reading amounts back."""

from __future__ import annotations

import httpx
import pytest

from mpstock import Observation
from mpstock.errors import PluginContractError, RejectedError, UnexpectedResponseError
from tests import specs
from tests.wb.harness import Vendor, answer, listed, listing, sink


def rows(*pairs: tuple[int, int]) -> httpx.Response:
    return answer(200, {"stocks": [{"chrtId": number, "amount": amount} for number, amount in pairs]})


def test_a_size_left_out_of_the_answer_shows_zero() -> None:
    """Wildberries leaves out what has never been stored."""
    vendor = Vendor(rows((1, 5)))
    pages = listed(sink(vendor).observe([listing(1), listing(2)]))
    assert pages == [[Observation("1", "1111", 5), Observation("2", "1111", 0)]]
    assert vendor.lines == ["POST /api/v3/stocks/1111"]


def test_the_read_back_request_is_what_the_document_describes() -> None:
    """`chrtIds`, at most 1000 of them."""
    spec = specs.load(specs.WB_STOCKS)
    vendor = Vendor(rows())
    listed(sink(vendor).observe([listing(number) for number in range(1, 1001)]))
    spec.check_request(vendor.requests[0])


def test_one_request_for_a_thousand_ids_of_a_warehouse() -> None:
    """2,001 sizes of one warehouse and one of another are four requests."""
    vendor = Vendor(rows(), rows(), rows(), rows())
    asked = [listing(number) for number in range(1, 2002)] + [listing(1, warehouse="2222")]
    pages = listed(sink(vendor, ("1111", "2222")).observe(asked))
    assert [len(vendor.body(index)["chrtIds"]) for index in range(4)] == [1000, 1000, 1, 1]
    assert vendor.lines[3] == "POST /api/v3/stocks/2222"
    assert sum(map(len, pages)) == 2002


def test_a_stranger_in_the_answer_is_passed_over() -> None:
    """Only what was asked for is told."""
    assert listed(sink(Vendor(rows((1, 5), (9, 9)))).observe([listing(1)])) == [[Observation("1", "1111", 5)]]


@pytest.mark.parametrize("amount", [None, "5", True, 5.5, {}])
def test_an_amount_that_is_no_number_is_unknown_and_not_zero(amount: object) -> None:
    """The row's neighbours keep their numbers."""
    stocks = [{"chrtId": 1, "amount": amount}, {"chrtId": 2, "amount": 7}]
    pages = listed(sink(Vendor(answer(200, {"stocks": stocks}))).observe([listing(1), listing(2)]))
    assert pages == [[Observation("1", "1111", None), Observation("2", "1111", 7)]]


def test_one_size_with_two_numbers_is_unknown() -> None:
    """Which of them is shown cannot be told."""
    assert listed(sink(Vendor(rows((1, 5), (1, 6)))).observe([listing(1)])) == [
        [Observation("1", "1111", None)]
    ]


@pytest.mark.parametrize(
    "body", [b"", b"<html></html>", b"[]", b"{}", b'{"stocks": null}', b'{"stocks": [{"amount": 1}]}']
)
def test_an_answer_without_stocks_is_an_error_and_not_all_zeros(body: bytes) -> None:
    """Unknown is never zero: what cannot be read is not taken for an empty warehouse."""
    with pytest.raises(UnexpectedResponseError, match="warehouse 1111"):
        listed(sink(Vendor(httpx.Response(200, content=body))).observe([listing(1)]))


def test_a_refused_read_back_speaks_in_the_vendor_s_words() -> None:
    """The code of the answer is in the exception."""
    with pytest.raises(RejectedError, match="IncorrectParameter"):
        listed(
            sink(Vendor(answer(400, {"code": "IncorrectParameter", "message": "x"}))).observe([listing(1)])
        )


def test_an_id_that_is_no_number_is_told_as_unknown() -> None:
    """It is not asked for, and does not spoil the others."""
    vendor = Vendor(rows((1, 5)))
    pages = listed(sink(vendor).observe([listing("SKU"), listing(1)]))
    assert [one for page in pages for one in page] == [
        Observation("SKU", "1111", None),
        Observation("1", "1111", 5),
    ]
    assert vendor.body() == {"chrtIds": [1]}


def test_nothing_to_observe_asks_nothing_and_everything_cannot_be_asked() -> None:
    """Wildberries shows stocks by id alone."""
    vendor = Vendor()
    assert listed(sink(vendor).observe([])) == []
    with pytest.raises(PluginContractError, match="by id"):
        listed(sink(vendor).observe(None))
    assert vendor.requests == []
