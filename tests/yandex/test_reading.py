"""Reading: the catalogue with its archive, the stores and their groups, what is shown."""

from __future__ import annotations

from typing import Any

import pytest

from mpstock.errors import RejectedError, TransientError, UnexpectedResponseError
from mpstock.testing import run_virtual
from mpstock_yandex.simulator import YandexSimulator
from tests.yandex.cabinet import (
    MAIN,
    SPARE,
    WAREHOUSE,
    Script,
    answer,
    cabinet,
    everything,
    listing,
    play,
    refusal,
    shown,
    sink_of,
    warehouses,
)


def listed(sink: Any, cursor: str | None = None) -> list[Any]:
    return [one for page in run_virtual(lambda: everything(sink.listings(cursor))) for one in page.listings]


def stocks(*rows: dict[str, Any]) -> Any:
    return answer({"status": "OK", "result": {"warehouses": list(rows)}})


def row(sku: str, **counts: Any) -> dict[str, Any]:
    return {"offerId": sku, "stocks": [{"type": kind, "count": count} for kind, count in counts.items()]}


# ------------------------------------------------------------------- catalogue


def test_the_catalogue_is_walked_in_pages_and_listed_for_each_store_that_has_the_offer() -> None:
    """250 offers in pages of 100; one that a store does not have is no listing of it."""
    double = cabinet(*(f"S-{n}" for n in range(250)), stores=(2101, 2102))
    double.cabinet.offers["S-7"].stores = {2102}
    found = listed(sink_of(double, (MAIN, SPARE)))
    assert len(found) == 2 * 250 - 1
    assert {one.warehouse for one in found if one.external_id == "S-7"} == {SPARE}
    assert double.count("POST", "/v2/businesses/88001/offer-mappings") == 3 + 1


def test_an_archived_offer_is_named_and_a_hidden_one_is_served() -> None:
    """What is hidden shows its number as soon as it is shown again; what is archived cannot be sold."""
    double = cabinet("A", "B", "C")
    double.cabinet.offers["B"].archived = True
    double.cabinet.offers["C"].hidden = {2101}
    problems = {one.external_id: one.problem for one in listed(sink_of(double))}
    assert "archive" in problems.pop("B")
    assert problems == {"A": "", "C": ""}


def test_an_offer_goes_by_what_match_by_says() -> None:
    """SKU, barcode or the maker's article; one that has none of it is named, and all are keys to map by."""
    double = cabinet("A", "B")
    double.cabinet.offers["A"].barcodes = ["4601", "4602"]
    double.cabinet.offers["B"].vendor_code = ""
    by_sku, by_barcode = listed(sink_of(double)), listed(sink_of(double, match_by="barcode"))
    by_vendor_code = listed(sink_of(double, match_by="vendor_code"))
    assert [one.skus for one in by_sku] == [("A",), ("B",)]
    assert by_barcode[0].skus == ("4601", "4602")
    assert [one.skus for one in by_vendor_code] == [("V-1",), ()]
    assert "vendor_code" in by_vendor_code[1].problem
    assert by_sku[0].keys == {"offer_id": ["A"], "barcode": ["4601", "4602"], "vendor_code": ["V-1"]}


def test_a_young_walk_is_not_repeated_and_other_settings_start_a_new_one() -> None:
    """Within six hours nothing is yielded; another store or another `match_by` is another walk."""
    double = cabinet("A", stores=(2101, 2102))
    *_, page = run_virtual(lambda: everything(sink_of(double).listings(None)))
    assert page.complete
    assert listed(sink_of(double), page.cursor) == []
    assert len(listed(sink_of(double, (MAIN, SPARE)), page.cursor)) == 2
    assert len(listed(sink_of(double, match_by="barcode"), page.cursor)) == 1


def test_a_catalogue_that_does_not_lead_on_is_an_error() -> None:
    """The same page token twice would be a walk without an end."""
    page = answer({"result": {"offerMappings": [], "paging": {"nextPageToken": "x"}}})
    script = Script(warehouses(), page, page)
    with pytest.raises(UnexpectedResponseError, match="does not lead on"):
        run_virtual(lambda: everything(script.sink().listings(None)), clock=script.clock)


# ---------------------------------------------------------------------- groups


def grouped() -> YandexSimulator:
    double = cabinet("A", "B", stores=(2101, 2102, 2103))
    double.cabinet.join(50, "Общий", 2101, 2102)
    return double


def test_a_group_is_written_to_once() -> None:
    """Of two configured stores of one group the first is served, and the other is named with the way out."""
    found = listed(sink_of(grouped(), (MAIN, SPARE, "2103")))
    assert {one.warehouse for one in found if not one.problem} == {MAIN, "2103"}
    (problem,) = {one.problem for one in found if one.warehouse == SPARE}
    assert f"shares its stock with store {MAIN}" in problem


def test_an_offer_of_another_store_of_the_group_is_served_through_the_configured_one() -> None:
    """The group has one stock: an offer that only the other store places is sold from it too."""
    double = grouped()
    double.cabinet.offers["B"].stores = {2102}
    assert {one.external_id for one in listed(sink_of(double))} == {"A", "B"}


def test_a_store_of_the_market_s_own_warehouse_is_named() -> None:
    """FBY counts its goods itself: nothing is written to it."""
    double = cabinet("A")
    double.cabinet.add_store(2109, placement="FBY")
    found = listed(sink_of(double, (MAIN, "2109")))
    assert {one.warehouse: bool(one.problem) for one in found} == {MAIN: False, "2109": True}


# --------------------------------------------------------------------- observe


def test_what_may_be_ordered_is_told_apart_from_what_is_kept_for_orders() -> None:
    """AVAILABLE is the quantity, FREEZE the reserve; an order moves its units from the one to the other."""
    double = cabinet("A", "B")
    double.set_shown("A", MAIN, 10)
    double.buy("A", MAIN, 3)

    async def story() -> Any:
        return await everything(sink_of(double).observe([listing("A"), listing("B")]))

    (page,) = run_virtual(story)
    assert [(one.external_id, one.quantity, one.reserved) for one in page] == [("A", 7, 3), ("B", 0, 0)]


@pytest.mark.parametrize(
    ("counts", "quantity"),
    [
        ({"AVAILABLE": 7, "FIT": 10, "FREEZE": 3}, 7),
        ({"FIT": 10, "FREEZE": 3}, 7),
        ({"FIT": 10}, 10),
        ({"FIT": 2, "FREEZE": 3}, 0),
        ({"FREEZE": 3}, 0),
        ({"DEFECT": 4, "QUARANTINE": 2}, 0),
        ({"AVAILABLE": -2}, 0),
        ({"AVAILABLE": "7"}, 7),
        ({"AVAILABLE": None}, None),
        ({"AVAILABLE": 7.5}, None),
        ({"AVAILABLE": True}, None),
        ({"FIT": 10, "FREEZE": "many"}, None),
    ],
)
def test_each_way_to_tell_stock_is_read(counts: dict[str, Any], quantity: int | None) -> None:
    """AVAILABLE, else FIT less FREEZE; what is no number is not known, and nothing is below 0."""
    script = Script(warehouses(), stocks({"warehouseId": WAREHOUSE, "offers": [row("A", **counts)]}))
    assert run_virtual(lambda: shown(script.sink(), listing("A")), clock=script.clock) == {"A": quantity}


def test_the_market_s_warehouse_of_returns_is_not_counted() -> None:
    """What lies at the Market's point of returns is told in the same answer, and sells nothing of ours."""
    double = cabinet("A")
    double.set_shown("A", MAIN, 4)
    double.cabinet.returned[2101, "A"] = 9
    assert run_virtual(lambda: shown(sink_of(double), listing("A"))) == {"A": 4}
    assert run_virtual(lambda: shown(sink_of(double))) == {"A": 4}


def test_500_offers_are_asked_for_at_once_and_a_text_that_is_no_sku_by_nobody() -> None:
    """One request for each 500, each SKU once in it; an impossible one would spoil it, and is not known."""
    double = cabinet(*(f"S-{n}" for n in range(700)))
    double.set_shown("S-699", MAIN, 5)
    asked = [*(listing(f"S-{n}") for n in range(700)), listing("x" * 300)]
    told = run_virtual(lambda: shown(sink_of(double), *asked))
    assert (told["S-699"], told["S-0"], told["x" * 300]) == (5, 0, None)
    assert double.count("POST", "/v2/campaigns/2101/offers/stocks") == 2


def test_a_whole_store_is_read_in_pages() -> None:
    """450 offers of each of two stores come in pages of 200, each offer once."""
    double = cabinet(*(f"S-{n}" for n in range(450)), stores=(2101, 2102))
    for number in range(450):
        double.set_shown(f"S-{number}", MAIN, number)
        double.set_shown(f"S-{number}", SPARE, 1)

    async def story() -> Any:
        return await everything(sink_of(double, (MAIN, SPARE)).observe(None))

    rows = [(one.external_id, one.warehouse, one.quantity) for page in run_virtual(story) for one in page]
    assert len(rows) == len(set(rows)) == 900
    assert ("S-449", MAIN, 449) in rows
    assert double.count("POST", "/v2/campaigns") == 6


# ---------------------------------------------------------------------- errors


def test_a_read_that_met_420_is_asked_again_after_the_pause() -> None:
    """Too many requests: it is waited out, as long as the Market says."""
    script = Script(
        refusal(420, "Hit rate limit of 4 parallel requests"),
        refusal(420, "limit for resource", x_ratelimit_resource_until="Mon, 12 Jan 2026 09:00:40 GMT"),
        warehouses(),
        stocks(),
    )
    assert run_virtual(lambda: shown(script.sink(), listing("A")), clock=script.clock) == {"A": 0}
    assert script.clock.monotonic() >= 39.0


def test_a_420_that_goes_on_is_an_error_that_passes() -> None:
    """It is given up, with the Market's words and the time after which it may pass."""
    until = "Mon, 12 Jan 2026 10:00:00 GMT"
    words = "Hit rate limit of 100 requests per 3600 seconds for resource getPagedWarehouses"
    script = Script(refusal(420, words, x_ratelimit_resource_until=until))
    with pytest.raises(TransientError, match="getPagedWarehouses") as caught:
        run_virtual(lambda: shown(script.sink(), listing("A")), clock=script.clock)
    assert caught.value.retry_after == pytest.approx(3600, abs=60)


def test_a_locked_store_and_a_refusal_are_told_in_the_market_s_words() -> None:
    """423 passes by itself; 404 does not. Both say what the Market said."""
    script = Script(warehouses(), refusal(423, "Business is in migration", "LOCKED"))
    with pytest.raises(TransientError, match="Business is in migration"):
        run_virtual(lambda: shown(script.sink(), listing("A")), clock=script.clock)
    script = Script(warehouses(), refusal(404, "Campaign not found: '2101'", "NOT_FOUND"))
    with pytest.raises(RejectedError, match="Campaign not found"):
        run_virtual(lambda: shown(script.sink(), listing("A")), clock=script.clock)
    script = Script(warehouses(), answer({"status": "ERROR", "errors": [{"code": "X", "message": "wrong"}]}))
    with pytest.raises(RejectedError, match="X: wrong"):
        run_virtual(lambda: shown(script.sink(), listing("A")), clock=script.clock)


def test_the_list_of_warehouses_is_read_once_an_hour_and_an_old_one_is_better_than_none() -> None:
    """Every reading needs it: it is remembered, and stands when it cannot be read anew."""
    double = cabinet("A")
    path = "/v2/businesses/88001/warehouses"

    async def story() -> None:
        sink = sink_of(double)
        for _ in range(3):
            await shown(sink, listing("A"))
        assert double.count("POST", path) == 1
        await double.clock.sleep(3601)
        double.add_fault(path=path, status=500, times=-1)
        assert await shown(sink, listing("A")) == {"A": 0}
        double.faults.clear()
        await shown(sink, listing("A"))
        assert double.count("POST", path, 200) == 2

    play(double, story)
