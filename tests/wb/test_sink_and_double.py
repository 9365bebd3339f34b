"""The sink against Wildberries' double: limits on, time virtual, refusals answered as an engine would."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from attrs import fields_dict

from mpstock import Change, Listing, OutcomeStatus, Secret
from mpstock.testing import VirtualClock, adapter_context, build_adapter, run_virtual
from mpstock_wb.plugin import mpstock_sinks
from mpstock_wb.settings import WbSettings
from mpstock_wb.simulator import WbSimulator
from mpstock_wb.sink import WbSink

URL = "http://double"


def played(
    scenario: Callable[[WbSimulator, WbSink], Coroutine[Any, Any, None]],
    skus: Sequence[str],
    warehouses: Sequence[str] = ("1111",),
) -> WbSimulator:
    """Play a scenario on virtual time, the sink built from what the double says of itself."""
    double: list[WbSimulator] = []

    async def play() -> None:
        double.append(WbSimulator(skus, warehouses, clock=VirtualClock()))
        told = double[0].settings(URL)
        given = {key: value for key, value in told.items() if key in fields_dict(WbSettings)}
        settings = WbSettings(**{**given, "token": Secret(given["token"])})
        context = adapter_context(double[0], name="wb", warehouses=warehouses)
        await scenario(double[0], build_adapter(mpstock_sinks()[0], settings, context))

    run_virtual(play)
    return double[0]


async def listings(sink: WbSink) -> list[Listing]:
    return [one async for page in sink.listings(None) for one in page.listings]


async def settled(sink: WbSink, changes: Sequence[Change], clock: Any) -> tuple[dict[str, str], int]:
    """Push as the engine does; return the code of each refused id, and how many requests it took."""
    refused: dict[str, str] = {}
    queue = deque([list(changes)])
    pushes = 0
    while queue:
        batch = queue.popleft()
        outcomes = await sink.push(batch)
        pushes += 1
        assert pushes < 200, "it never ends"
        again, whole, pause = [], [], 0.0
        for change, outcome in zip(batch, outcomes, strict=True):
            if outcome.status is OutcomeStatus.ERROR:
                refused[change.listing.external_id] = outcome.code
            elif outcome.status is OutcomeStatus.WHOLE:
                whole.append(change)
            elif outcome.status is not OutcomeStatus.OK:
                again.append(change)
                pause = max(pause, outcome.retry_after or 0.0)
        await clock.sleep(pause)
        middle = (len(whole) + 1) // 2
        queue.extend(part for part in (again, whole[:middle], whole[middle:]) if part)
    return refused, pushes


def raised(found: Sequence[Listing], quantity: int = 5) -> list[Change]:
    return [Change(one, None, quantity, "1c") for one in found]


def test_what_is_pushed_is_what_buyers_see_in_every_warehouse() -> None:
    """Cards become listings, numbers arrive at their sizes, and the read-back says the same."""

    async def scenario(double: WbSimulator, sink: WbSink) -> None:
        found = await listings(sink)
        assert len(found) == 500
        wanted = {(one.skus[0], one.warehouse): index for index, one in enumerate(found)}
        for warehouse in ("1111", "2222"):
            part = [one for one in found if one.warehouse == warehouse]
            outcomes = await sink.push(
                [Change(one, None, wanted[one.skus[0], warehouse], "1c") for one in part]
            )
            assert {outcome.status for outcome in outcomes} == {OutcomeStatus.OK}
        assert double.shown() == wanted
        observed = [one async for page in sink.observe(found) for one in page]
        assert {(one.external_id, one.warehouse): one.quantity for one in observed} == {
            (one.external_id, one.warehouse): wanted[one.skus[0], one.warehouse] for one in found
        }

    double = played(scenario, [f"SKU-{number}" for number in range(250)], ("1111", "2222"))
    assert double.count("PUT", "/api/v3/stocks") == 2
    assert double.count("POST", "/content/v2/get/cards/list") == 3


def test_a_minute_of_pushes_uses_the_limit_and_gets_no_429() -> None:
    """600 requests to a double that counts 300 a minute, with warehouses and read-backs between them."""

    async def scenario(double: WbSimulator, sink: WbSink) -> None:
        found = await listings(sink)
        clock = double.clock
        started = clock.monotonic()
        for quantity in range(600):
            await sink.push(raised(found, quantity))
        assert clock.monotonic() - started <= 600 * 0.2 * 1.05

    double = played(scenario, ["A"])
    assert double.count("PUT", "/api/v3/stocks", 204) == 600
    assert double.count("PUT", "/api/v3/stocks", 429) == 0


def test_refused_items_are_found_by_their_barcode_and_the_rest_arrives() -> None:
    """Two requests: the batch, and the batch without the named."""

    async def scenario(double: WbSimulator, sink: WbSink) -> None:
        bad = double.chrt_id("SKU-7"), double.chrt_id("SKU-400")
        double.refuse(bad[0], "CargoWarehouseRestrictionSGT")
        double.refuse(bad[1], "NotFound")
        refused, pushes = await settled(sink, raised(await listings(sink)), double.clock)
        assert refused == {str(bad[0]): "CargoWarehouseRestrictionSGT", str(bad[1]): "NotFound"}
        assert pushes == 2

    double = played(scenario, [f"SKU-{number}" for number in range(500)])
    assert sorted(double.shown().values()) == [0, 0] + [5] * 498


def test_a_refusal_that_names_nobody_is_halved_down_to_the_culprit() -> None:
    """`ProductPropertyConflict` carries no data; one item fails, 63 arrive."""

    async def scenario(double: WbSimulator, sink: WbSink) -> None:
        bad = double.chrt_id("SKU-40")
        double.refuse(bad, "ProductPropertyConflict")
        refused, pushes = await settled(sink, raised(await listings(sink)), double.clock)
        assert refused == {str(bad): "ProductPropertyConflict"}
        assert pushes <= 2 * 6 + 1

    double = played(scenario, [f"SKU-{number}" for number in range(64)])
    assert sorted(double.shown().values()) == [0] + [5] * 63
    assert double.count("PUT", "/api/v3/stocks", 429) == 0


def test_a_warehouse_at_work_is_waited_for() -> None:
    """`StoreIsProcessing` and `WarehouseStocksUpdateBlock` pass; nothing is lost and nobody is to blame."""

    async def scenario(double: WbSimulator, sink: WbSink) -> None:
        found = await listings(sink)
        double.process_warehouse(1111, seconds=12)
        assert (await settled(sink, raised(found), double.clock))[0] == {}
        double.block_warehouse(1111, seconds=90)
        assert (await settled(sink, raised(found, 6), double.clock))[0] == {}

    double = played(scenario, ["A", "B"])
    assert set(double.shown().values()) == {6}


def test_sizes_of_one_card_are_served_each_by_its_barcode() -> None:
    """Matched by vendor code the card is a problem; each size's own barcode finds it."""

    async def scenario(double: WbSimulator, sink: WbSink) -> None:
        double.add_card("SHIRT", {"S": ["4600000000017"], "M": ["4600000000024"]})
        found = await listings(sink)
        assert [one.problem == "" for one in found] == [True, False, False]
        by_barcode = {one.keys["barcode"][0]: one for one in found}
        changes = [
            Change(by_barcode["4600000000017"], None, 3, "1c"),
            Change(by_barcode["4600000000024"], None, 4, "1c"),
        ]
        assert {outcome.status for outcome in await sink.push(changes)} == {OutcomeStatus.OK}

    double = played(scenario, ["A"])
    assert double.shown()["4600000000017", "1111"] == 3
    assert double.shown()["4600000000024", "1111"] == 4


def test_a_card_in_the_trash_is_gone_from_the_next_full_walk_alone() -> None:
    """The walk from the cursor tells what is new; what is gone it cannot tell."""

    async def scenario(double: WbSimulator, sink: WbSink) -> None:
        first = [page async for page in sink.listings(None)]
        double.trash_card("A")
        double.add_card("C")
        second = [page async for page in sink.listings(first[-1].cursor)]
        assert {one.skus for page in second for one in page.listings} >= {("C",)}
        assert not second[-1].complete
        await double.clock.sleep(24 * 3600)
        third = [page async for page in sink.listings(second[-1].cursor)]
        assert third[-1].complete
        assert {one.skus for page in third for one in page.listings} == {("B",), ("C",)}

    played(scenario, ["A", "B"])


def test_check_of_the_double_finds_nothing_to_mend() -> None:
    """Token, warehouses and cards of a double with default settings are well."""

    async def scenario(_: WbSimulator, sink: WbSink) -> None:
        assert {finding.level async for finding in sink.check()} == {"ok"}

    played(scenario, ["A"])
