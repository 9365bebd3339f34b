"""`delete_when_refused`: what Wildberries will not even let show 0 is removed, and nothing else is."""

from __future__ import annotations

import httpx
import pytest

from mpstock import Change, Listing, OutcomeStatus, Secret
from mpstock.testing import VirtualClock, adapter_context, build_adapter, run_virtual
from mpstock_wb.plugin import mpstock_sinks
from mpstock_wb.settings import WbSettings
from mpstock_wb.simulator import WbSimulator
from tests import specs
from tests.wb.harness import Vendor, answer, change, push, sink, statuses

CODES = ("MGT", "SGT", "SGTKGTPlus", "KGTPlus")
GONE = httpx.Response(204)


def refused(code: str, *ids: int) -> httpx.Response:
    rows = [{"sku": "", "chrtId": chrt_id, "amount": 0} for chrt_id in ids]
    return answer(409, [{"code": code, "message": "другой тип груза", "data": rows}])


@pytest.mark.parametrize("kind", CODES)
def test_a_zero_that_the_cargo_type_forbids_is_removed(kind: str) -> None:
    """One DELETE with the ids of exactly these; they are accepted then, with the code beside it."""
    vendor = Vendor(refused(f"CargoWarehouseRestriction{kind}", 1, 3), GONE)
    wb = sink(vendor, delete_when_refused=True)
    outcomes = push(wb, change(1, 0), change(2, 5), change(3, 0))
    assert statuses(outcomes) == ["ok", "doubt", "ok"]
    assert vendor.lines == ["PUT /api/v3/stocks/1111", "DELETE /api/v3/stocks/1111"]
    assert vendor.body(1) == {"chrtIds": [1, 3]}
    assert outcomes[0].code == f"CargoWarehouseRestriction{kind}"


def test_without_the_setting_nothing_is_removed() -> None:
    """It is off unless somebody has read what it does."""
    vendor = Vendor(refused("CargoWarehouseRestrictionSGT", 1))
    assert statuses(push(sink(vendor), change(1, 0))) == ["error"]
    assert len(vendor.requests) == 1


@pytest.mark.parametrize(
    ("code", "amount"),
    [("CargoWarehouseRestrictionSGT", 1), ("NotFound", 0), ("DeliveryTypeRestriction", 0), ("New", 0)],
)
def test_nothing_else_is_removed(code: str, amount: int) -> None:
    """Neither a number above 0, nor what is refused for another reason."""
    vendor = Vendor(refused(code, 1))
    assert statuses(push(sink(vendor, delete_when_refused=True), change(1, amount))) == ["error"]
    assert len(vendor.requests) == 1


def test_a_removal_that_is_refused_leaves_the_refusal() -> None:
    """Both are told, in Wildberries' words; the fall stays the most urgent thing there is."""
    busy = answer(409, {"code": "StoreIsProcessing", "message": "The store is processing"})
    vendor = Vendor(refused("CargoWarehouseRestrictionSGT", 1), busy)
    (outcome,) = push(sink(vendor, delete_when_refused=True), change(1, 0))
    assert (outcome.status, outcome.code) == (OutcomeStatus.ERROR, "CargoWarehouseRestrictionSGT")
    assert "другой тип груза" in outcome.message
    assert "The store is processing" in outcome.message


def test_a_removal_without_an_answer_is_in_doubt() -> None:
    """The connection broke after it left: what the size shows is read back, nothing is taken for done."""

    def broken(_request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("gone")

    vendor = Vendor(refused("CargoWarehouseRestrictionSGT", 1), broken)
    outcomes = push(sink(vendor, delete_when_refused=True), change(1, 0), change(2, 0))
    assert statuses(outcomes) == ["doubt", "doubt"]


def test_the_request_is_what_the_document_describes() -> None:
    """Method, path and body hold against Wildberries' OpenAPI document, a thousand ids in one request."""
    spec = specs.load(specs.WB_STOCKS)
    ids = range(1, 1001)
    vendor = Vendor(refused("CargoWarehouseRestrictionSGT", *ids), GONE)
    push(sink(vendor, delete_when_refused=True), *(change(number, 0) for number in ids))
    spec.check_request(vendor.requests[1])
    assert vendor.body(1) == {"chrtIds": list(ids)}


def test_the_double_forgets_what_is_removed() -> None:
    """Refused at 0, removed, shown nowhere; a number for it is refused as before, until the type fits."""

    async def play() -> None:
        double = WbSimulator(["A", "B"], ["1111"], clock=VirtualClock())
        told = double.settings("http://double")
        settings = WbSettings(
            Secret(told["token"]), marketplace_url="http://double", content_url="http://double",
            delete_when_refused=True,
        )  # fmt: skip
        wb = build_adapter(
            mpstock_sinks()[0], settings, adapter_context(double, name="wb", warehouses=["1111"])
        )
        found: dict[str, Listing] = {
            one.skus[0]: one async for page in wb.listings(None) for one in page.listings
        }
        await wb.push([Change(found[sku], None, 5, "erp") for sku in "AB"])
        chrt_id = int(found["A"].external_id)
        double.refuse(chrt_id, "CargoWarehouseRestrictionSGT")
        (outcome,) = await wb.push([Change(found["A"], 5, 0, "erp")])
        assert outcome.status is OutcomeStatus.OK
        assert double.stocks.amount(1111, chrt_id) is None
        assert double.stocks.amount(1111, int(found["B"].external_id)) == 5
        seen = [o.quantity async for page in wb.observe([found["A"]]) for o in page]
        assert seen == [0]
        (again,) = await wb.push([Change(found["A"], 0, 5, "erp")])
        assert again.status is OutcomeStatus.ERROR

    run_virtual(play)
