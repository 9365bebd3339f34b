"""The double's stock methods: what is stored, what is silently not, what is refused and how."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from mpstock.testing import VirtualClock, run_virtual
from mpstock_wb.simulator import WbSimulator
from tests.wb.simulator_kit import START, amounts, ask, put, row

STOCKS = "/api/v3/stocks/1111"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def shop(clock: VirtualClock) -> WbSimulator:
    return WbSimulator(["MUG-1", "MUG-2", "MUG-3"], warehouses=(1111, 2222), clock=clock, limits=False)


def test_a_write_is_204_without_a_body_and_is_read_back(shop: WbSimulator) -> None:
    """An amount is stored absolutely, per warehouse, and omitted sizes keep theirs."""
    answer = put(shop, [row(shop, "MUG-1", 10), row(shop, "MUG-2", 5)])
    assert (answer.status_code, answer.content) == (204, b"")
    put(shop, [row(shop, "MUG-1", 7)])
    one, two, three = (shop.chrt_id(sku) for sku in ("MUG-1", "MUG-2", "MUG-3"))
    assert amounts(shop, one, two, three) == {one: 7, two: 5}
    assert amounts(shop, one, warehouse=2222) == {}
    assert shop.shown()["MUG-1", "1111"] == 7
    assert shop.shown()["MUG-1", "2222"] == 0


@pytest.mark.parametrize(
    "spelling",
    [
        lambda chrt: {"stocks": [{"chrtID": chrt, "amount": 9}]},
        lambda chrt: {"stocks": [{"chrt_id": chrt, "amount": 9}]},
        lambda chrt: {"stocks": [{"chrtId": chrt, "quantity": 9}]},
        lambda chrt: {"stock": [{"chrtId": chrt, "amount": 9}]},
        lambda chrt: {"Stocks": [{"chrtId": chrt, "amount": 9}]},
    ],
)
def test_misspelt_names_get_204_and_store_nothing(shop: WbSimulator, spelling: Any) -> None:
    """The names of parameters are not validated: 204 does not mean stored."""
    chrt = shop.chrt_id("MUG-1")
    put(shop, [row(shop, "MUG-1", 3)])
    assert ask(shop, "PUT", STOCKS, spelling(chrt)).status_code == 204
    assert amounts(shop, chrt) == {chrt: 3}


def test_a_misspelt_row_does_not_stop_its_neighbours(shop: WbSimulator) -> None:
    """Rows with the right names are stored beside one with wrong ones."""
    answer = put(shop, [{"chrtID": shop.chrt_id("MUG-1"), "amount": 9}, row(shop, "MUG-2", 4)])
    assert answer.status_code == 204
    assert amounts(shop, shop.chrt_id("MUG-1"), shop.chrt_id("MUG-2")) == {shop.chrt_id("MUG-2"): 4}


@pytest.mark.parametrize("with_chrt", [False, True])
def test_the_barcode_key_is_refused(shop: WbSimulator, with_chrt: bool) -> None:
    """`sku` in a row is refused by its own code and nothing of the request is stored."""
    retired: dict[str, Any] = {"sku": "2000000000015", "amount": 1}
    if with_chrt:
        retired["chrtId"] = shop.chrt_id("MUG-1")
    answer = put(shop, [row(shop, "MUG-2", 4), retired])
    assert answer.status_code == 400
    assert answer.json()["code"] == "SKUUploadDisabled"
    assert amounts(shop, shop.chrt_id("MUG-2")) == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"stocks":[]}',
        b'{"stocks":null}',
        b'{"stocks":[5]}',
        b'{"stocks":[{"chrtId":"310000001","amount":1}]}',
        b'{"stocks":[{"chrtId":310000001,"amount":"1"}]}',
        b'{"stocks":[{"chrtId":310000001,"amount":1.5}]}',
        b'{"stocks":[{"chrtId":310000001,"amount":true}]}',
        b'{"stocks":[{"chrtId":310000001,"amount":NaN}]}',
    ],
)
def test_a_body_of_the_wrong_shape_is_400(shop: WbSimulator, body: bytes) -> None:
    """Not JSON, an empty list, or values of a wrong type: IncorrectRequestBody."""
    answer = ask(shop, "PUT", STOCKS, content=body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "IncorrectRequestBody"


def test_a_negative_amount_is_400(shop: WbSimulator) -> None:
    """Below zero is refused as a whole."""
    answer = put(shop, [row(shop, "MUG-2", 4), row(shop, "MUG-1", -1)])
    assert answer.status_code == 400
    assert answer.json()["code"] == "IncorrectRequest"
    assert shop.shown()["MUG-2", "1111"] == 0


def test_more_than_a_thousand_rows_are_413(shop: WbSimulator) -> None:
    """1,000 rows are taken, 1,001 are not; the same for a read-back."""
    codes = [f"S-{number}" for number in range(1001)]
    for code in codes:
        shop.add_card(code)
    rows = [row(shop, code, 1) for code in codes]
    assert put(shop, rows).status_code == 413
    assert put(shop, rows[:1000]).status_code == 204
    ids = [one["chrtId"] for one in rows]
    assert ask(shop, "POST", STOCKS, {"chrtIds": ids}).status_code == 413
    assert len(amounts(shop, *ids[:1000])) == 1000


def test_an_unknown_warehouse_is_404(shop: WbSimulator) -> None:
    """404 with an object, for writes and reads; a warehouse that is no number is 400."""
    answer = put(shop, [row(shop, "MUG-1", 1)], warehouse=9999)
    assert (answer.status_code, answer.json()["code"]) == (404, "NotFound")
    assert ask(shop, "POST", "/api/v3/stocks/9999", {"chrtIds": []}).status_code == 404
    answer = ask(shop, "PUT", "/api/v3/stocks/main", {"stocks": [row(shop, "MUG-1", 1)]})
    assert (answer.status_code, answer.json()["code"]) == (400, "IncorrectParameter")


def test_the_path_of_old_rumour_is_not_found(shop: WbSimulator) -> None:
    """`/api/v3/warehouses/{id}/stocks` does not exist: the gate says so in problem+json."""
    answer = ask(shop, "PUT", "/api/v3/warehouses/1111/stocks", {"stocks": [row(shop, "MUG-1", 1)]})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "path not found"


def test_a_409_names_rows_by_barcode_alone(shop: WbSimulator) -> None:
    """The array has one element a code; rows are named by barcode although the request had ids."""
    barcode = shop.catalogue.cards["MUG-1"].sizes[0].barcodes[0]
    shop.refuse(shop.chrt_id("MUG-1"), "CargoWarehouseRestrictionSGT")
    answer = put(shop, [row(shop, "MUG-1", 0), row(shop, "MUG-2", 100_001), row(shop, "MUG-3", 3)])
    assert answer.status_code == 409
    first, second = answer.json()
    assert first["code"] == "CargoWarehouseRestrictionSGT"
    assert first["data"] == [{"sku": barcode, "amount": 0}]
    assert second["code"] == "UploadDataLimit"
    assert second["data"][0]["amount"] == 100_001
    assert shop.shown()["MUG-3", "1111"] == 0


def test_100_000_is_the_most(shop: WbSimulator) -> None:
    """The largest amount is taken, one more is not."""
    assert put(shop, [row(shop, "MUG-1", 100_000)]).status_code == 204
    assert put(shop, [row(shop, "MUG-1", 100_001)]).status_code == 409


def test_an_unknown_size_is_named_by_its_id(shop: WbSimulator) -> None:
    """Where there is no barcode the row has `sku: ""` and the id; a trashed card's barcode is known."""
    shop.trash_card("MUG-1")
    barcode = shop.catalogue.cards["MUG-1"].sizes[0].barcodes[0]
    answer = put(shop, [{"chrtId": 5, "amount": 1}, row(shop, "MUG-1", 2)])
    (element,) = answer.json()
    assert element["code"] == "NotFound"
    assert element["data"] == [{"sku": "", "chrtId": 5, "amount": 1}, {"sku": barcode, "amount": 2}]


def test_a_delivery_type_restriction_names_the_id_with_an_empty_barcode(shop: WbSimulator) -> None:
    """DeliveryTypeRestriction has `sku: ""` and `chrtId`, whatever the other codes have."""
    chrt = shop.chrt_id("MUG-1")
    shop.refuse(chrt, "DeliveryTypeRestriction", warehouse=2222)
    assert put(shop, [row(shop, "MUG-1", 1)]).status_code == 204
    answer = put(shop, [row(shop, "MUG-1", 1)], warehouse=2222)
    assert answer.json()[0]["data"] == [{"sku": "", "chrtId": chrt, "amount": 1}]


def test_wholesale_goods_conflict_without_naming_anybody(shop: WbSimulator) -> None:
    """A card for companies is refused outside DBS warehouses by an element without data."""
    card = shop.add_card("BOX", wholesale=True)
    shop.add_warehouse(3333, delivery_type=2)
    rows = [{"chrtId": card.sizes[0].chrt_id, "amount": 1}]
    (element,) = put(shop, rows).json()
    assert element["code"] == "ProductPropertyConflict"
    assert "data" not in element
    assert put(shop, rows, warehouse=3333).status_code == 204


@pytest.mark.parametrize(
    ("named_by", "expected"),
    [
        ("both", {"sku", "chrtId", "amount"}),
        ("chrt_id", {"sku", "chrtId", "amount"}),
        ("barcode", {"sku", "amount"}),
    ],
)
def test_what_names_a_row_is_a_switch(shop: WbSimulator, named_by: Any, expected: set[str]) -> None:
    """The documents show both ways of naming; `chrt_id` leaves the barcode empty."""
    shop.stocks.conflict_rows = named_by
    shop.refuse(shop.chrt_id("MUG-1"), "NotFound")
    (named,) = put(shop, [row(shop, "MUG-1", 1)]).json()[0]["data"]
    assert set(named) == expected
    assert bool(named["sku"]) is (named_by != "chrt_id")


def test_a_409_may_name_nobody(shop: WbSimulator) -> None:
    """With `conflict_rows="none"` no element has data."""
    shop.stocks.conflict_rows = "none"
    shop.refuse(shop.chrt_id("MUG-1"), "CargoWarehouseRestrictionMGT")
    (element,) = put(shop, [row(shop, "MUG-1", 1), row(shop, "MUG-2", 1)]).json()
    assert set(element) == {"code", "message"}


@pytest.mark.parametrize("applies", [False, True])
def test_whether_the_rest_of_a_409_is_applied_is_a_switch(shop: WbSimulator, applies: bool) -> None:
    """Not documented: by default the unlisted rows are not applied."""
    shop.stocks.applies_rest = applies
    shop.refuse(shop.chrt_id("MUG-1"), "NotFound")
    put(shop, [row(shop, "MUG-1", 1), row(shop, "MUG-2", 2)])
    assert shop.shown()["MUG-2", "1111"] == (2 if applies else 0)
    assert shop.shown()["MUG-1", "1111"] == 0


def test_a_refusal_lasts_as_often_as_told(shop: WbSimulator) -> None:
    """`times=1` refuses once; `accept` takes a lasting refusal back."""
    shop.refuse(shop.chrt_id("MUG-1"), "NotFound", times=1)
    shop.refuse(shop.chrt_id("MUG-2"), "NotFound")
    rows = [row(shop, "MUG-1", 1)]
    assert [put(shop, rows).status_code for _ in range(2)] == [409, 204]
    rows = [row(shop, "MUG-2", 1)]
    assert [put(shop, rows).status_code for _ in range(2)] == [409, 409]
    shop.accept(shop.chrt_id("MUG-2"))
    assert put(shop, rows).status_code == 204


def test_a_processing_warehouse_takes_nothing_for_so_many_writes(shop: WbSimulator) -> None:
    """StoreIsProcessing: 409, an array, no data, nothing stored; other warehouses are free; reads go on."""
    shop.process_warehouse(1111, writes=2)
    listed = {one["id"]: one["isProcessing"] for one in ask(shop, "GET", "/api/v3/warehouses").json()}
    assert listed == {1111: True, 2222: False}
    rows = [row(shop, "MUG-1", 1)]
    answer = put(shop, rows)
    assert (answer.status_code, set(answer.json()[0])) == (409, {"code", "message"})
    assert answer.json()[0]["code"] == "StoreIsProcessing"
    assert put(shop, rows, warehouse=2222).status_code == 204
    assert amounts(shop, shop.chrt_id("MUG-1")) == {}
    assert [put(shop, rows).status_code for _ in range(2)] == [409, 204]


def test_a_processing_warehouse_is_free_again_in_time(shop: WbSimulator, clock: VirtualClock) -> None:
    """The clock ends it, and the list of warehouses says so."""
    shop.process_warehouse(1111, seconds=90)
    assert put(shop, [row(shop, "MUG-1", 1)]).status_code == 409
    clock.advance(90)
    assert ask(shop, "GET", "/api/v3/warehouses").json()[0]["isProcessing"] is False
    assert put(shop, [row(shop, "MUG-1", 1)]).status_code == 204


def test_writes_that_overlap_in_one_warehouse_may_collide(shop: WbSimulator, clock: VirtualClock) -> None:
    """With `busy_on_overlap` the second of two simultaneous writes is refused, in the same warehouse only."""
    shop.write_time = 0.5

    def together(*writes: tuple[int, str]) -> list[int]:
        async def send() -> list[int]:
            transport = httpx.ASGITransport(app=shop)
            headers = {"authorization": shop.token}
            async with httpx.AsyncClient(
                transport=transport, base_url="http://double", headers=headers
            ) as http:
                answers = await asyncio.gather(
                    *(
                        http.put(f"/api/v3/stocks/{warehouse}", json={"stocks": [row(shop, sku, 1)]})
                        for warehouse, sku in writes
                    )
                )
            return [answer.status_code for answer in answers]

        return run_virtual(send, clock=clock)

    writes = [(1111, "MUG-1"), (1111, "MUG-2"), (2222, "MUG-1")]
    assert together(*writes) == [204, 204, 204]
    shop.busy_on_overlap = True
    assert together(*writes) == [204, 409, 204]
    assert together(writes[0]) == [204]
    assert clock.monotonic() == 1.5


@pytest.mark.parametrize(
    ("code", "prepare"),
    [
        ("StatusNotAcceptable", lambda shop: setattr(shop, "banned", True)),
        ("WarehouseStocksUpdateBlock", lambda shop: shop.block_warehouse(1111, writes=1)),
    ],
)
def test_406_has_two_meanings_told_by_code(shop: WbSimulator, code: str, prepare: Any) -> None:
    """A banned seller is 406 for ever, works at a warehouse 406 for a while; nothing is stored."""
    prepare(shop)
    answer = put(shop, [row(shop, "MUG-1", 1)])
    assert (answer.status_code, answer.json()["code"]) == (406, code)
    assert put(shop, [row(shop, "MUG-1", 1)]).status_code == (406 if code == "StatusNotAcceptable" else 204)


def test_works_at_a_warehouse_end_in_time(shop: WbSimulator, clock: VirtualClock) -> None:
    """`block_warehouse(seconds=…)` ends by the clock."""
    shop.block_warehouse(1111, seconds=30)
    clock.advance(29)
    assert put(shop, [row(shop, "MUG-1", 1)]).status_code == 406
    clock.advance(1)
    assert put(shop, [row(shop, "MUG-1", 1)]).status_code == 204


def test_delete_removes_the_record(shop: WbSimulator) -> None:
    """After DELETE the size is as if never set; an unknown one is 404, an empty list 400."""
    chrt = shop.chrt_id("MUG-1")
    put(shop, [row(shop, "MUG-1", 0)])
    assert amounts(shop, chrt) == {chrt: 0}
    assert ask(shop, "DELETE", STOCKS, {"chrtIds": [chrt]}).status_code == 204
    assert amounts(shop, chrt) == {}
    assert ask(shop, "DELETE", STOCKS, {"chrtIds": [5]}).json() == {
        "code": "NotFound",
        "message": "",
        "data": {"5": ""},
    }
    assert ask(shop, "DELETE", STOCKS, {"chrtIds": []}).status_code == 400


def test_delete_of_a_processing_warehouse_is_an_object(shop: WbSimulator) -> None:
    """DELETE's 409 is an object, unlike PUT's."""
    shop.process_warehouse(1111, writes=1)
    answer = ask(shop, "DELETE", STOCKS, {"chrtIds": [shop.chrt_id("MUG-1")]})
    assert (answer.status_code, answer.json()["code"]) == (409, "StoreIsProcessing")


@pytest.mark.parametrize(("decrements", "left"), [(True, 6), (False, 10)])
def test_whether_an_order_lowers_the_amount_is_a_switch(
    shop: WbSimulator, decrements: bool, left: int
) -> None:
    """Buyers get one order a unit and no more than is shown; the amount follows by itself, or not."""
    shop.stocks.self_decrements = decrements
    chrt = shop.chrt_id("MUG-1")
    put(shop, [row(shop, "MUG-1", 10)])
    orders = shop.sell(chrt, 1111, 4)
    assert len({order.id for order in orders}) == 4
    assert amounts(shop, chrt) == {chrt: left}
    assert len(shop.sell(chrt, 1111, 50)) == left
    assert shop.sell(shop.chrt_id("MUG-2"), 1111) == []


@pytest.mark.parametrize(("raises", "after"), [(False, 6), (True, 8)])
def test_whether_a_cancel_gives_back_is_a_switch(shop: WbSimulator, raises: bool, after: int) -> None:
    """Two of four orders are cancelled, one of them twice."""
    shop.stocks.cancel_raises = raises
    put(shop, [row(shop, "MUG-1", 10)])
    first, second, *_ = shop.buy("MUG-1", "1111", 4)
    for key in (first, second, first):
        shop.cancel(key)
    assert shop.shown()["MUG-1", "1111"] == after


def test_writes_may_hold_late(shop: WbSimulator, clock: VirtualClock) -> None:
    """With `apply_after` the answer comes first and the amount later, in the order of the writes."""
    shop.stocks.apply_after = 5
    chrt = shop.chrt_id("MUG-1")
    put(shop, [row(shop, "MUG-1", 3)])
    clock.advance(1)
    put(shop, [row(shop, "MUG-1", 8)])
    assert amounts(shop, chrt) == {}
    assert shop.sell(chrt, 1111) == []
    clock.advance(4)
    assert amounts(shop, chrt) == {chrt: 3}
    clock.advance(1)
    assert amounts(shop, chrt) == {chrt: 8}


def test_reads_may_be_behind(shop: WbSimulator, clock: VirtualClock) -> None:
    """With `stale_reads` a read shows what was so many seconds ago; buyers see what is."""
    shop.stocks.stale_reads = 10
    chrt = shop.chrt_id("MUG-1")
    put(shop, [row(shop, "MUG-1", 3)])
    clock.advance(6)
    put(shop, [row(shop, "MUG-1", 8)])
    clock.advance(1)
    shop.sell(chrt, 1111, 1)
    assert shop.shown()["MUG-1", "1111"] == 7
    assert amounts(shop, chrt) == {}
    clock.advance(3)
    assert amounts(shop, chrt) == {chrt: 3}
    clock.advance(6)
    assert amounts(shop, chrt) == {chrt: 8}
    clock.advance(1)
    assert amounts(shop, chrt) == {chrt: 7}


def test_somebody_in_the_cabinet_changes_a_number(shop: WbSimulator) -> None:
    """`set_shown` works by the seller's article and the warehouse's code."""
    shop.set_shown("MUG-2", "2222", 44)
    assert shop.shown()["MUG-2", "2222"] == 44
    assert amounts(shop, shop.chrt_id("MUG-2"), warehouse=2222) == {shop.chrt_id("MUG-2"): 44}


def test_a_card_with_sizes_shows_each_by_its_barcode(shop: WbSimulator) -> None:
    """A vendor code is not unique per size, so the sizes go by their first barcodes."""
    card = shop.add_card("SHIRT", {"S": ["111", "112"], "M": ["222"]})
    put(
        shop, [{"chrtId": card.sizes[0].chrt_id, "amount": 1}, {"chrtId": card.sizes[1].chrt_id, "amount": 2}]
    )
    shown = shop.shown()
    assert (shown["111", "1111"], shown["222", "1111"]) == (1, 2)
    assert ("SHIRT", "1111") not in shown
    with pytest.raises(ValueError, match="SHIRT"):
        shop.add_card("SHIRT")


def test_the_warehouses_come_as_a_bare_array(shop: WbSimulator) -> None:
    """No envelope, no paging, both flags and both types."""
    shop.add_warehouse(3333, cargo_type=3, delivery_type=2)
    listed = ask(shop, "GET", "/api/v3/warehouses").json()
    assert [one["id"] for one in listed] == [1111, 2222, 3333]
    assert (listed[2]["cargoType"], listed[2]["deliveryType"]) == (3, 2)
    assert {one["isDeleting"] for one in listed} == {False}


def test_20_000_items_are_quick(clock: VirtualClock) -> None:
    """Twenty full writes and their read-backs take a fraction of a second each."""
    shop = WbSimulator([f"S-{number}" for number in range(20_000)], clock=clock, limits=False)
    ids = sorted(shop.catalogue.sizes)
    began = time.perf_counter()
    for start in range(0, len(ids), 1000):
        page = ids[start : start + 1000]
        assert put(shop, [{"chrtId": one, "amount": 5} for one in page]).status_code == 204
        assert len(amounts(shop, *page)) == 1000
    assert sum(shop.shown().values()) == 100_000
    assert time.perf_counter() - began < 8
