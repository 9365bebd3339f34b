"""The walk over the cards, and what becomes of a card."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from mpstock import ListingPage, Secret
from mpstock.errors import AuthenticationError, RejectedError, UnexpectedResponseError
from tests import specs
from tests.wb.harness import StillClock, Vendor, answer, listed, sink, token


def card(nm_id: int, vendor_code: Any, *sizes: tuple[int, list[Any]]) -> dict[str, Any]:
    return {
        "nmID": nm_id,
        "vendorCode": vendor_code,
        "sizes": [{"chrtID": number, "techSize": str(number), "skus": codes} for number, codes in sizes],
    }


def page(
    *cards: dict[str, Any], at: str = "2026-11-01T00:00:00Z", nm_id: int = 1, total: int | None = None
) -> httpx.Response:
    cursor = {"updatedAt": at, "nmID": nm_id, "total": len(cards) if total is None else total}
    return answer(200, {"cards": list(cards), "cursor": cursor})


def full_page(first: int, at: str) -> httpx.Response:
    cards = [card(n, f"SKU-{n}", (n, [])) for n in range(first, first + 100)]
    return page(*cards, at=at, nm_id=first + 99)


def keys(found: list[ListingPage]) -> list[tuple[str, str]]:
    return [(one.external_id, one.warehouse) for part in found for one in part.listings]


def test_the_request_asks_for_every_card_oldest_change_first() -> None:
    """`withPhoto: -1` is always said: its default has changed its meaning."""
    vendor = Vendor(page())
    listed(sink(vendor).listings(None))
    assert vendor.lines == ["POST /content/v2/get/cards/list"]
    assert vendor.requests[0].url.host == "content-api.wildberries.ru"
    assert vendor.body() == {
        "settings": {"sort": {"ascending": True}, "cursor": {"limit": 100}, "filter": {"withPhoto": -1}}
    }


def test_the_requests_are_what_the_document_describes() -> None:
    """The first page's request and the next one's hold against Wildberries' OpenAPI document."""
    spec = specs.load(specs.WB_STOCKS)
    vendor = Vendor(full_page(1, "2026-11-01T00:00:00.123456Z"), page())
    listed(sink(vendor).listings(None))
    for request in vendor.requests:
        spec.check_request(request)


def test_the_walk_copies_the_cursor_and_stops_at_a_page_that_is_not_full() -> None:
    """`updatedAt` and `nmID` come from the answer as they are; the last page completes a full walk."""
    vendor = Vendor(
        full_page(1, "2026-11-01T10:00:00.00001Z"),
        full_page(101, "2026-11-02T10:00:00Z"),
        page(card(201, "SKU-201", (201, []))),
    )
    found = listed(sink(vendor).listings(None))
    assert [vendor.body(index)["settings"]["cursor"] for index in (1, 2)] == [
        {"limit": 100, "updatedAt": "2026-11-01T10:00:00.00001Z", "nmID": 100},
        {"limit": 100, "updatedAt": "2026-11-02T10:00:00Z", "nmID": 200},
    ]
    assert [part.complete for part in found] == [False, False, True]
    assert len(keys(found)) == 201


def test_a_full_last_page_is_followed_by_an_empty_one() -> None:
    """100 cards are two requests: that there are no more is said by the page after them."""
    empty = answer(200, {"cards": [], "cursor": {"total": 0}})
    vendor = Vendor(full_page(1, "2026-11-01T00:00:00Z"), empty)
    found = listed(sink(vendor).listings(None))
    assert [part.complete for part in found] == [False, True]
    assert json.loads(found[-1].cursor or "")["nmID"] == 100


def test_the_next_walk_goes_on_from_the_cursor_and_is_not_complete() -> None:
    """Only what changed is read: cards that are not repeated are still there."""
    clock = StillClock()
    vendor = Vendor(
        page(card(1, "A", (11, [])), at="2026-11-20T00:00:00Z", nm_id=7),
        page(card(2, "B", (12, [])), at="2026-11-21T00:00:00Z", nm_id=8),
        page(),
    )
    built = sink(vendor, clock=clock)
    first = listed(built.listings(None))
    clock.at += timedelta(hours=5)
    second = listed(built.listings(first[-1].cursor))
    assert vendor.body(1)["settings"]["cursor"] == {
        "limit": 100,
        "updatedAt": "2026-11-20T00:00:00Z",
        "nmID": 7,
    }
    assert (first[-1].complete, second[-1].complete) == (True, False)
    clock.at += timedelta(hours=5)
    listed(built.listings(second[-1].cursor))
    assert vendor.body(2)["settings"]["cursor"]["nmID"] == 8


def test_a_day_after_the_last_full_walk_everything_is_read_again() -> None:
    """Only a full walk notices cards in the trash, and walks in between do not put it off."""
    clock = StillClock()
    vendor = Vendor(page(card(1, "A", (11, []))), page(), page(card(2, "B", (12, []))))
    built = sink(vendor, clock=clock)
    cursor = listed(built.listings(None))[-1].cursor
    clock.at += timedelta(hours=13)
    cursor = listed(built.listings(cursor))[-1].cursor
    clock.at += timedelta(hours=11)
    again = listed(built.listings(cursor))
    assert vendor.body(2)["settings"]["cursor"] == {"limit": 100}
    assert again[-1].complete


@pytest.mark.parametrize(
    ("warehouses", "settings"),
    [
        (("1111", "2222"), {}),
        (("1111",), {"match_by": "barcode"}),
        (("1111",), {"token": Secret(token(oid=99))}),
        (("1111",), {"content_url": "https://content-api-sandbox.wildberries.ru"}),
    ],
    ids=["a warehouse more", "matching", "another seller", "another host"],
)
def test_changed_settings_start_a_full_walk(warehouses: tuple[str, ...], settings: dict[str, Any]) -> None:
    """A new warehouse would have no listings until tomorrow if the walk went on from the cursor."""
    vendor = Vendor(page(card(1, "A", (11, []))), page(card(1, "A", (11, ["b"]))))
    cursor = listed(sink(vendor).listings(None))[-1].cursor
    found = listed(sink(vendor, warehouses, **settings).listings(cursor))
    assert vendor.body(1)["settings"]["cursor"] == {"limit": 100}
    assert found[-1].complete
    assert keys(found) == [("11", warehouse) for warehouse in warehouses]


@pytest.mark.parametrize("cursor", ["", "nonsense", "[]", "{}", '{"full_at": 5}', "null"])
def test_a_cursor_that_cannot_be_read_starts_a_full_walk(cursor: str) -> None:
    """What another version kept is no reason to fail."""
    assert listed(sink(Vendor(page())).listings(cursor))[-1].complete


def test_the_cursor_holds_no_secret() -> None:
    """It is kept in the ledger in the clear."""
    text = token()
    found = listed(sink(Vendor(page()), token=Secret(text)).listings(None))
    assert text not in (found[-1].cursor or "")


def test_a_walk_that_stands_still_is_an_error_and_not_an_endless_loop() -> None:
    """Full pages with the same cursor again and again end the walk, with nothing taken as complete."""
    vendor = Vendor(full_page(1, "2026-11-01T00:00:00Z"), full_page(1, "2026-11-01T00:00:00Z"))
    with pytest.raises(UnexpectedResponseError, match="stands still"):
        listed(sink(vendor).listings(None))


def test_each_size_in_each_warehouse_is_a_listing() -> None:
    """Stock belongs to a size, and each warehouse is a target of its own."""
    vendor = Vendor(page(card(5, "SHIRT", (11, ["460"]), (12, ["461", "462"]))))
    found = listed(sink(vendor, ("1111", "2222"), match_by="barcode").listings(None))[0].listings
    assert [(one.external_id, one.warehouse, one.skus, one.problem) for one in found] == [
        ("11", "1111", ("460",), ""),
        ("11", "2222", ("460",), ""),
        ("12", "1111", ("461", "462"), ""),
        ("12", "2222", ("461", "462"), ""),
    ]
    assert found[2].keys["barcode"] == ("461", "462")
    assert (found[0].keys["chrt_id"], found[0].keys["nm_id"]) == (("11",), ("5",))


def test_a_card_of_one_size_is_matched_by_its_vendor_code() -> None:
    """The default: the seller's own article is the card's vendor code."""
    one = listed(sink(Vendor(page(card(5, "МОЛОТОК-1", (11, ["460"]))))).listings(None))[0].listings[0]
    assert (one.skus, one.problem) == (("МОЛОТОК-1",), "")
    assert one.keys["vendor_code"] == ("МОЛОТОК-1",)


def test_several_sizes_by_vendor_code_are_a_mapping_error_that_says_what_to_do() -> None:
    """One article cannot name three sizes: each of them would be given the whole stock."""
    vendor = Vendor(page(card(5, "SHIRT", (11, ["460"]), (12, []), (13, []))))
    found = listed(sink(vendor).listings(None))[0].listings
    assert len(found) == 3
    for one in found:
        for word in ("'SHIRT'", "3 sizes", 'match_by = "barcode"', "wb.barcode", "wb.chrt_id", "nmID 5"):
            assert word in one.problem
        # Mapped by vendor code in the products file, it would be just as wrong.
        assert "vendor_code" not in one.keys


def test_a_size_without_barcode_matched_by_barcode_says_so() -> None:
    """It is listed with its problem, not lost."""
    one = listed(sink(Vendor(page(card(5, "A", (11, [])))), match_by="barcode").listings(None))[0].listings[0]
    assert (one.skus, "no barcode" in one.problem) == ((), True)


def test_a_card_without_vendor_code_says_so() -> None:
    """It is listed with its problem, and by chrtId it can still be mapped."""
    one = listed(sink(Vendor(page(card(5, "", (11, []))))).listings(None))[0].listings[0]
    assert (one.skus, "no vendor code" in one.problem) == ((), True)
    assert one.keys["chrt_id"] == ("11",)


def test_a_number_as_vendor_code_or_barcode_is_taken_as_text() -> None:
    """Some clients create cards with numbers; blanks around an article are no part of it."""
    cards = [card(5, 1234, (11, [460, "460", " 461 ", "", None]))]
    one = listed(sink(Vendor(page(*cards))).listings(None))[0].listings[0]
    assert one.skus == ("1234",)
    assert one.keys["barcode"] == ("460", "461")


@pytest.mark.parametrize(
    "bad",
    [
        {"nmID": 1, "vendorCode": "X"},
        {"nmID": 1, "vendorCode": "X", "sizes": None},
        {"nmID": 1, "vendorCode": "X", "sizes": [{"techSize": "S"}, "S", {"chrtID": "x"}]},
        "card",
    ],
)
def test_a_card_that_cannot_have_stock_is_skipped_and_spoils_nothing(bad: Any) -> None:
    """Its neighbours are listed."""
    found = listed(sink(Vendor(page(bad, card(2, "B", (12, []))))).listings(None))
    assert keys(found) == [("12", "1111")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b"[]",
        b'{"cursor": {"total": 0}}',
        b'{"cards": [], "cursor": null}',
        b'{"cards": [], "cursor": {}}',
        b'{"cards": null, "cursor": {"total": 0}}',
    ],
)
def test_an_answer_without_cards_is_an_error_and_not_an_empty_account(body: bytes) -> None:
    """Taken for a complete walk over nothing it would drop every listing."""
    with pytest.raises(UnexpectedResponseError, match="list of cards"):
        listed(sink(Vendor(httpx.Response(200, content=body))).listings(None))


def test_the_content_host_s_errors_are_told_in_its_words() -> None:
    """It speaks another dialect: `error`, `errorText`, `additionalErrors`; also with status 200."""
    refusal = {"data": None, "error": True, "errorText": "Ошибка курсора", "additionalErrors": {"a": "b"}}
    with pytest.raises(RejectedError, match="Ошибка курсора"):
        listed(sink(Vendor(answer(400, refusal))).listings(None))
    with pytest.raises(UnexpectedResponseError, match="Ошибка курсора"):
        listed(sink(Vendor(answer(200, refusal))).listings(None))
    denied = {"data": None, "error": True, "errorText": "Access denied", "additionalErrors": "Access denied"}
    with pytest.raises(AuthenticationError, match="Access denied"):
        listed(sink(Vendor(answer(403, denied))).listings(None))
