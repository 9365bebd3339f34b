"""The double's walk over the cards."""

from __future__ import annotations

import time
from typing import Any

import pytest

from mpstock.testing import VirtualClock
from mpstock_wb.simulator import WbSimulator
from tests.wb.simulator_kit import START, ask

LIST = "/content/v2/get/cards/list"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


def page(app: WbSimulator, cursor: dict[str, Any], *, ascending: bool = True, **chosen: Any) -> Any:
    settings = {"sort": {"ascending": ascending}, "cursor": cursor, "filter": {"withPhoto": -1, **chosen}}
    answer = ask(app, "POST", LIST, {"settings": settings})
    assert answer.status_code == 200, answer.text
    return answer.json()


def codes(answer: Any) -> list[str]:
    return [card["vendorCode"] for card in answer["cards"]]


def after(answer: Any) -> dict[str, Any]:
    """What the next request's cursor takes over from an answer."""
    return {key: answer["cursor"][key] for key in ("updatedAt", "nmID")}


def walk(app: WbSimulator, limit: int, *, ascending: bool = True) -> list[str]:
    """Go through all pages as the document says: until `total` is less than `limit`."""
    found: list[str] = []
    cursor: dict[str, Any] = {"limit": limit}
    while True:
        answer = page(app, cursor, ascending=ascending)
        found += codes(answer)
        if answer["cursor"]["total"] < limit:
            return found
        cursor = {"limit": limit, **after(answer)}


@pytest.mark.parametrize("ascending", [True, False])
def test_a_walk_meets_every_card_once(clock: VirtualClock, ascending: bool) -> None:
    """Also cards of one moment, across page borders; three cards share each moment here, pages hold seven."""
    skus = [f"S-{number}" for number in range(100)]
    shop = WbSimulator(skus, clock=clock, limits=False)
    moments = [card["updatedAt"] for card in page(shop, {"limit": 6})["cards"]]
    assert len(set(moments)) == 2
    assert walk(shop, 7, ascending=ascending) == (skus if ascending else skus[::-1])


def test_a_full_last_page_is_followed_by_an_empty_one(clock: VirtualClock) -> None:
    """Its cursor has nothing but `total`: the place must be kept from the page before."""
    shop = WbSimulator([f"S-{number}" for number in range(10)], clock=clock)
    first = page(shop, {"limit": 10})
    last = page(shop, {"limit": 10, **after(first)})
    assert last == {"cards": [], "cursor": {"total": 0}}


def test_only_what_changed_comes_after_the_cursor(clock: VirtualClock) -> None:
    """An edited, a new and a restored card come; a trashed one just leaves."""
    shop = WbSimulator(["A", "B", "C", "D"], clock=clock)
    cursor = {"limit": 100, **after(page(shop, {"limit": 100}))}
    assert codes(page(shop, cursor)) == []
    clock.advance(10)
    shop.touch_card("B")
    shop.trash_card("C")
    clock.advance(0.25)
    shop.add_card("E")
    answer = page(shop, cursor)
    assert codes(answer) == ["B", "E"]
    assert answer["cursor"]["updatedAt"] == "2026-11-23T12:00:10.25Z"
    clock.advance(1)
    shop.restore_card("C")
    assert codes(page(shop, cursor)) == ["B", "E", "C"]


def test_a_card_has_sizes_and_barcodes(clock: VirtualClock) -> None:
    """The id is spelt `chrtID` here, and vendor codes are per card; barcodes are distinct EAN-13."""
    shop = WbSimulator(["MUG"], clock=clock)
    shop.add_card("SHIRT", {"S": ["111", "112"], "M": ()})
    shop.add_card("SOCKS", ["39", "41"])
    mug, shirt, socks = page(shop, {"limit": 100})["cards"]
    assert [size["techSize"] for size in mug["sizes"]] == ["0"]
    assert mug["sizes"][0]["chrtID"] == shop.chrt_id("MUG")
    assert shirt["sizes"][0]["skus"] == ["111", "112"]
    assert shirt["sizes"][1]["chrtID"] == shop.chrt_id(shirt["sizes"][1]["skus"][0])
    made = [mug["sizes"][0]["skus"][0], *(size["skus"][0] for size in socks["sizes"])]
    assert len({*made}) == 3
    for barcode in made:
        digits = [int(digit) for digit in barcode]
        assert len(digits) == 13
        assert (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0


def test_equal_worlds_have_equal_ids(clock: VirtualClock) -> None:
    """Ids follow the order in which cards were added, nothing else."""
    first, second = (WbSimulator(["A", "B"], clock=clock) for _ in range(2))
    assert first.catalogue.sizes.keys() == second.catalogue.sizes.keys()
    assert first.chrt_id("B") == second.chrt_id("B") != first.chrt_id("A")


def test_the_default_page_is_ten_and_descending(clock: VirtualClock) -> None:
    """An empty request asks for ten cards, the latest first."""
    shop = WbSimulator([f"S-{number:02d}" for number in range(30)], clock=clock)
    answer = ask(shop, "POST", LIST, {}).json()
    assert codes(answer) == [f"S-{number:02d}" for number in range(29, 19, -1)]


@pytest.mark.parametrize(
    ("with_photo", "zero_is_any", "expected"),
    [
        (-1, True, ["BARE", "NICE"]),
        (-1, False, ["BARE", "NICE"]),
        (0, True, ["BARE", "NICE"]),
        (0, False, ["BARE"]),
        (1, True, ["NICE"]),
        (2, True, ["BARE"]),
        (None, False, ["BARE"]),
    ],
)
def test_photo_zero_changed_its_meaning(
    clock: VirtualClock, with_photo: int | None, zero_is_any: bool, expected: list[str]
) -> None:
    """The default 0 once meant "without a photo", now "any"; only -1 always means any."""
    shop = WbSimulator(clock=clock)
    shop.photo_zero_is_any = zero_is_any
    shop.add_card("BARE", photo=False)
    shop.add_card("NICE")
    chosen = {} if with_photo is None else {"filter": {"withPhoto": with_photo}}
    settings = {"sort": {"ascending": True}, **chosen}
    assert codes(ask(shop, "POST", LIST, {"settings": settings}).json()) == expected


def test_cards_are_searched_by_article_number_and_barcode(clock: VirtualClock) -> None:
    """`textSearch` finds by vendor code, by Wildberries' number and by barcode."""
    shop = WbSimulator(["A", "B"], clock=clock)
    card = shop.catalogue.cards["B"]
    for text in ("B", str(card.nm_id), card.sizes[0].barcodes[0]):
        assert codes(page(shop, {"limit": 100}, textSearch=text)) == ["B"]


@pytest.mark.parametrize(
    "settings",
    [
        {"cursor": {"limit": 101}},
        {"cursor": {"limit": 0}},
        {"cursor": {"limit": "100"}},
        {"cursor": {"updatedAt": "yesterday", "nmID": 1}},
        {"cursor": {"updatedAt": 5}},
        {"cursor": {"nmID": "5"}},
        {"filter": {"withPhoto": 3}},
        {"filter": {"textSearch": 5}},
        {"sort": {"ascending": "true"}},
        {"sort": []},
        [],
    ],
)
def test_a_wrong_request_is_400_in_the_content_envelope(clock: VirtualClock, settings: Any) -> None:
    """A page of more than 100, values of a wrong type: `error` is true and `errorText` says what."""
    answer = ask(WbSimulator(["A"], clock=clock), "POST", LIST, {"settings": settings})
    assert answer.status_code == 400
    assert answer.json()["error"] is True
    assert answer.json()["errorText"]


def test_a_body_that_is_no_json_is_400_in_plain_text(clock: VirtualClock) -> None:
    """The content methods say so without JSON."""
    answer = ask(WbSimulator(clock=clock), "POST", LIST, content=b"{")
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_walk_over_20_000_cards_is_quick(clock: VirtualClock) -> None:
    """Two hundred pages; the cost of a page does not grow with the catalogue."""
    shop = WbSimulator([f"S-{number}" for number in range(20_000)], clock=clock, limits=False)
    began = time.perf_counter()
    assert len(walk(shop, 100)) == 20_000
    assert time.perf_counter() - began < 10
