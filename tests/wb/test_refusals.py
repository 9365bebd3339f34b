"""What the answers of PUT /api/v3/stocks/{warehouseId} mean for each change, by code."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mpstock.errors import UnexpectedResponseError
from tests import specs
from tests.wb.harness import Vendor, answer, change, problem, push, sink, statuses

SHOWN_NOTHING: dict[str, Any] = {"stocks": []}


def element(code: str, *rows: dict[str, Any], message: str = "refused") -> dict[str, Any]:
    return {"code": code, "message": message, "data": list(rows) or None}


def test_409_names_items_by_barcode_only_and_the_map_finds_them() -> None:
    """The named fail with code and text; the rest is in doubt: that it was applied is not documented."""
    vendor = Vendor(
        answer(409, [element("NotFound", {"sku": "4600000000024", "amount": 10}, message="Не найдено")])
    )
    outcomes = push(sink(vendor), change(1, 5, "4600000000017"), change(2, 10, "4600000000024"), change(3, 7))
    assert statuses(outcomes) == ["doubt", "error", "doubt"]
    assert outcomes[1].code == "NotFound"
    assert outcomes[1].message.startswith("Не найдено")
    assert len(vendor.requests) == 1


def test_409_names_an_item_by_chrt_id_beside_an_empty_barcode() -> None:
    """`DeliveryTypeRestriction` comes with `sku` empty and `chrtId` set."""
    row = {"sku": "", "chrtId": 2, "amount": 10}
    vendor = Vendor(answer(409, [element("DeliveryTypeRestriction", row)]))
    outcomes = push(sink(vendor), change(1, 5, ""), change(2, 10))
    assert statuses(outcomes) == ["doubt", "error"]
    assert outcomes[1].code == "DeliveryTypeRestriction"


def test_409_with_several_codes_gives_each_item_its_own() -> None:
    """One array may hold elements of different codes."""
    vendor = Vendor(
        answer(
            409,
            [
                element("NotFound", {"sku": "b1"}),
                element("CargoWarehouseRestrictionSGT", {"sku": "b3", "amount": 0}),
            ],
        )
    )
    outcomes = push(sink(vendor), change(1, 1, "b1"), change(2, 2, "b2"), change(3, 0, "b3"))
    assert statuses(outcomes) == ["error", "doubt", "error"]
    assert [outcome.code for outcome in outcomes] == ["NotFound", "", "CargoWarehouseRestrictionSGT"]


def test_409_any_barcode_of_a_size_names_it() -> None:
    """A size has several barcodes; Wildberries answers with whichever it likes."""
    vendor = Vendor(answer(409, [element("NotFound", {"sku": "new"})]))
    assert statuses(push(sink(vendor), change(1, 1, "old", "new"), change(2, 2))) == ["error", "doubt"]


def test_store_is_processing_waits_a_few_seconds_for_the_whole_batch() -> None:
    """The warehouse is being updated: nothing was applied, nobody is to blame."""
    vendor = Vendor(answer(409, [{"code": "StoreIsProcessing", "message": "The store is processing"}]))
    outcomes = push(sink(vendor), change(1, 1), change(2, 2))
    assert statuses(outcomes) == ["busy", "busy"]
    assert {outcome.retry_after for outcome in outcomes} == {5.0}
    assert len(vendor.requests) == 1


def test_store_is_processing_as_a_bare_object_is_the_same() -> None:
    """DELETE's 409 is an object, not an array; a PUT that answers so is understood as well."""
    vendor = Vendor(answer(409, {"code": "StoreIsProcessing", "message": "The store is processing"}))
    assert statuses(push(sink(vendor), change(1, 1), change(2, 2))) == ["busy", "busy"]


def test_items_named_beside_store_is_processing_are_refused_and_the_rest_waits() -> None:
    """What is surely refused is not sent again with the batch that waits."""
    vendor = Vendor(answer(409, [element("NotFound", {"chrtId": 1}), element("StoreIsProcessing")]))
    assert statuses(push(sink(vendor), change(1, 1), change(2, 2))) == ["error", "busy"]


def test_406_by_code_block_waits_and_ban_does_not() -> None:
    """One status, two meanings: work at the warehouse passes, a blocked seller does not."""
    vendor = Vendor(
        answer(406, {"code": "WarehouseStocksUpdateBlock", "message": "На складе ведутся работы"}),
        answer(406, {"code": "StatusNotAcceptable", "message": "Обновление остатков заблокировано"}),
    )
    built = sink(vendor)
    waiting = push(built, change(1, 1), change(2, 2))
    assert statuses(waiting) == ["busy", "busy"]
    assert waiting[0].retry_after == 60.0
    banned = push(built, change(1, 1), change(2, 2))
    assert statuses(banned) == ["error", "error"]
    assert (banned[0].code, banned[0].retry_after) == ("StatusNotAcceptable", None)
    assert banned[0].message.startswith("Обновление остатков заблокировано")


def test_the_message_never_decides() -> None:
    """Wildberries' texts have contradicted its codes: only the code counts."""
    vendor = Vendor(answer(409, [element("NotFound", {"chrtId": 1}, message="The store is processing")]))
    assert statuses(push(sink(vendor), change(1, 1), change(2, 2))) == ["error", "doubt"]


def test_409_that_names_nobody_is_settled_by_read_back_and_then_halved() -> None:
    """What shows the wanted number is done; among the rest the culprit has to be looked for."""
    conflict = [{"code": "ProductPropertyConflict", "message": "Products are not allowed"}]
    shown = {"stocks": [{"chrtId": 1, "amount": 5}, {"chrtId": 2, "amount": 9}]}
    vendor = Vendor(answer(409, conflict), answer(200, shown))
    outcomes = push(sink(vendor), change(1, 5), change(2, 4), change(3, 0), change(4, 6))
    assert vendor.lines == ["PUT /api/v3/stocks/1111", "POST /api/v3/stocks/1111"]
    assert vendor.body(1) == {"chrtIds": [1, 2, 3, 4]}
    # 3 is left out by the read-back: nothing is stored, so it shows the 0 that is wanted.
    assert statuses(outcomes) == ["ok", "whole", "ok", "whole"]
    assert outcomes[1].code == "ProductPropertyConflict"


def test_409_that_names_nobody_about_one_change_is_that_change_s_error() -> None:
    """Halving ends here: alone it is the culprit."""
    vendor = Vendor(
        answer(409, [{"code": "ProductPropertyConflict", "message": "no"}]), answer(200, SHOWN_NOTHING)
    )
    outcomes = push(sink(vendor), change(1, 5))
    assert statuses(outcomes) == ["error"]
    assert outcomes[0].code == "ProductPropertyConflict"


def test_409_that_names_items_of_somebody_else_names_nobody() -> None:
    """A barcode that is not in the batch accuses none of it."""
    vendor = Vendor(answer(409, [element("NotFound", {"sku": "strange"})]), answer(200, SHOWN_NOTHING))
    outcomes = push(sink(vendor), change(1, 5, "b1"), change(2, 4, "b2"))
    assert statuses(outcomes) == ["whole", "whole"]
    assert len(vendor.requests) == 2


def test_a_barcode_of_two_sizes_of_the_batch_accuses_neither() -> None:
    """Guessing would leave the culprit in and an innocent out."""
    vendor = Vendor(answer(409, [element("NotFound", {"sku": "same"})]), answer(200, SHOWN_NOTHING))
    assert statuses(push(sink(vendor), change(1, 5, "same"), change(2, 4, "same"))) == ["whole", "whole"]


def test_a_failed_read_back_leaves_the_search_to_the_halves() -> None:
    """The refusal is known; that nobody could look is no reason to lose it."""
    vendor = Vendor(
        answer(409, [{"code": "ProductPropertyConflict", "message": "no"}]),
        answer(404, {"code": "NotFound", "message": "gone"}),
    )
    assert statuses(push(sink(vendor), change(1, 5), change(2, 4))) == ["whole", "whole"]


@pytest.mark.parametrize(
    "code", ["SKUUploadDisabled", "IncorrectRequest", "IncorrectRequestBody", "IncorrectParameter", "New"]
)
def test_400_is_halved_until_one_is_left(code: str) -> None:
    """One bad item spoils the request and is not named: halves find it, neighbours get through."""
    refusal = answer(400, {"code": code, "message": "Переданы некорректные данные"})
    built = sink(Vendor(refusal, refusal))
    assert statuses(push(built, change(1, 5), change(2, 4))) == ["whole", "whole"]
    alone = push(built, change(1, 5))
    assert statuses(alone) == ["error"]
    assert alone[0].code == code
    assert "Переданы некорректные данные" in alone[0].message


def test_404_is_the_warehouse_and_points_to_check() -> None:
    """`NotFound` as the whole answer is not about a size: no half of the batch fares better."""
    outcomes = push(
        sink(Vendor(answer(404, {"code": "NotFound", "message": "Not found"}))), change(1, 1), change(2, 2)
    )
    assert statuses(outcomes) == ["error", "error"]
    assert "mpstock check" in outcomes[0].message


def test_404_path_not_found_points_to_the_url() -> None:
    """A wrong host answers with a problem document whose code is a trace number."""
    outcomes = push(sink(Vendor(problem(404, "path not found", "no such path"))), change(1, 1), change(2, 2))
    assert statuses(outcomes) == ["error", "error"]
    assert "path not found" in outcomes[0].message
    assert "marketplace_url" in outcomes[0].message
    assert "UK-4dx7" not in outcomes[0].code


def test_413_is_split() -> None:
    """Too large a request, whoever in between says so, is sent in halves."""
    vendor = Vendor(httpx.Response(413, text="<html><title>413 Too Large</title></html>"))
    assert statuses(push(sink(vendor), change(1, 1), change(2, 2))) == ["whole", "whole"]


def test_402_is_an_error_for_all() -> None:
    """Nothing about the items will change it."""
    body = {"title": "payment required", "detail": "insufficient funds"}
    outcomes = push(sink(Vendor(answer(402, body))), change(1, 1), change(2, 2))
    assert statuses(outcomes) == ["error", "error"]
    assert "insufficient funds" in outcomes[0].message


@pytest.mark.parametrize(
    "given",
    [
        httpx.Response(200, json={"stocks": []}),
        httpx.Response(409, text="<html><title>Blocked</title></html>"),
        httpx.Response(409, json=[]),
        httpx.Response(409, json=["NotFound"]),
        httpx.Response(409, content=b'[{"code": "NotF'),
        httpx.Response(409, content=b"\xff\xfe\xfd"),
        httpx.Response(400),
    ],
    ids=["another 2xx", "html", "empty array", "no objects", "cut off", "no text", "empty"],
)
def test_an_answer_that_is_not_documented_is_doubt(given: httpx.Response) -> None:
    """Neither done nor refused is known of it: the base is void, and the numbers are sent anew."""
    assert statuses(push(sink(Vendor(given)), change(1, 1), change(2, 2))) == ["doubt", "doubt"]


def test_a_redirect_is_not_followed() -> None:
    """The token does not go along to a foreign host."""
    vendor = Vendor(httpx.Response(302, headers={"Location": "https://example.org/"}))
    with pytest.raises(UnexpectedResponseError, match=r"example\.org"):
        push(sink(vendor), change(1, 1))
    assert len(vendor.requests) == 1


def test_every_409_example_of_the_document_finds_its_item() -> None:
    """Each example names the item by its barcode or chrtId, names nobody, or says that the store is busy."""
    examples = specs.load(specs.WB_STOCKS).document["components"]["examples"]
    seen = set()
    for name, example in examples.items():
        if not isinstance(example["value"], list):
            continue
        seen.add(name)
        elements = example["value"]
        rows = [row for one in elements for row in one.get("data") or ()]
        barcode = rows[0]["sku"] if rows else "none"
        number = rows[0].get("chrtId", 2) if rows else 2
        vendor = Vendor(answer(409, elements), answer(200, SHOWN_NOTHING))
        outcomes = push(sink(vendor), change(1, 1, "other"), change(number, 2, barcode))
        if name.startswith("StoreIsProcessing"):
            assert statuses(outcomes) == ["busy", "busy"], name
        elif rows:
            assert statuses(outcomes) == ["doubt", "error"], name
            assert outcomes[1].code == elements[0]["code"]
        else:
            assert statuses(outcomes) == ["whole", "whole"], name
    assert {"UploadDataLimit", "ProductPropertyConflict", "DeliveryTypeRestriction"} <= seen


def test_every_code_of_the_document_is_in_the_tables() -> None:
    """No documented code of PUT is judged by its status alone."""
    from mpstock_wb import codes

    spec = specs.load(specs.WB_STOCKS)
    responses = spec.operation("PUT", "/api/v3/stocks/1")["responses"]
    examples = spec.document["components"]["examples"]
    for status, known in (("400", codes.REQUESTS), ("409", codes.ELEMENTS)):
        for reference in responses[status]["content"]["application/json"]["examples"].values():
            value = examples[reference["$ref"].rpartition("/")[2]]["value"]
            for one in value if isinstance(value, list) else [value]:
                assert one["code"] in known
