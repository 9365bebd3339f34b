"""What Ozon and Wildberries do to those who write stock, and what a sync makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.play import OZON_CODE, WB_CODE, Play, shop, skus, standard

LEVELS = {"SKU-A": 10, "SKU-B": 20, "SKU-C": 30}
WANTED = {"SKU-A": 8, "SKU-B": 18, "SKU-C": 28}


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    with shop(tmp_path, LEVELS) as stage:
        yield stage


def test_a_pair_that_was_just_written_waits_and_does_not_fail(tmp_path: Path) -> None:
    """Two runs within Ozon's thirty seconds: the second waits for the pair, and no item is refused."""
    with shop(tmp_path, LEVELS, limits=True) as play:
        for quantity in (50, 40, 60):
            play.set_levels({"SKU-A": quantity})
            play.run("sync").ok()
            assert play.shown("ozon")["SKU-A"] == quantity - 2
        log = play.json("log", "--sku", "SKU-A", "--sink", "ozon")["log"]
        assert [(line["old"], line["new"], line["status"]) for line in log] == [
            (38, 58, "ok"), (48, 38, "ok"), (0, 48, "ok"),
        ]  # fmt: skip
        assert play.refused() == 0


def test_a_pair_that_somebody_else_has_just_written_is_waited_for(tmp_path: Path) -> None:
    """`TOO_MANY_REQUESTS` of an item, caused by another program, is waited out within the run."""
    with shop(tmp_path, LEVELS, limits=True) as play:
        play.run("plan").ok()
        row = {"offer_id": "SKU-B", "stock": 1, "warehouse_id": int(OZON_CODE)}
        headers = {"Client-Id": play.ozon.client_id, "Api-Key": play.ozon.api_key}
        url = f"{play.urls[1]}/v2/products/stocks"
        assert httpx.post(url, json={"stocks": [row]}, headers=headers).json()["result"][0]["updated"]
        play.run("sync").ok()
        assert play.shown("ozon") == WANTED


def test_a_pair_that_ozon_leaves_out_of_its_answer_is_no_success(play: Play) -> None:
    """A pair without an outcome is not recorded as pushed, and the next run sends it."""
    play.ozon.omitted = {("SKU-B", OZON_CODE)}
    assert play.run("sync").code == 1
    assert play.shown("ozon") == {**WANTED, "SKU-B": 0}
    assert play.recorded("ozon").get("SKU-B") != 18
    play.ozon.omitted = set()
    play.run("sync").ok()
    assert play.shown("ozon") == WANTED


def test_a_429_that_came_all_the_same_is_waited_out(play: Play) -> None:
    """Someone else used up the limit: 429 with `X-Ratelimit-Retry` or without is no failure of the run."""
    play.wb.add_fault(
        path="/api/v3/stocks", method="PUT", status=429, headers={"x-ratelimit-retry": "2"}, body="{}"
    )
    play.ozon.add_fault(path="/v2/products/stocks", status=429, body='{"code": 8, "message": "limit"}')
    play.run("sync").ok()
    assert play.shown("ozon") == play.shown("wb") == WANTED


def test_a_warehouse_of_wildberries_that_is_busy_is_waited_for(play: Play) -> None:
    """409 `StoreIsProcessing` and 406 `WarehouseStocksUpdateBlock` are waited out within the run."""
    play.wb.call(lambda: play.wb.process_warehouse(int(WB_CODE), writes=1))
    play.run("sync").ok()
    assert play.shown("wb") == WANTED
    play.set_levels({"SKU-A": 12})
    play.wb.call(lambda: play.wb.block_warehouse(int(WB_CODE), writes=1))
    play.run("sync").ok()
    assert play.shown("wb") == {**WANTED, "SKU-A": 10}


def test_a_seller_who_is_blocked_is_told_so(play: Play) -> None:
    """406 `StatusNotAcceptable` is permanent: told with its code, once, and Ozon is served all the same."""
    play.wb.banned = True
    result = play.run("sync")
    assert result.code != 0
    assert "StatusNotAcceptable" in result.stdout
    assert play.shown("ozon") == WANTED


def test_in_a_large_batch_a_few_refused_sizes_cost_one_more_request(tmp_path: Path) -> None:
    """Three refused sizes of a thousand: the other 997 are shown, and the rest is sent again once."""
    levels = {sku: 10 + number % 50 for number, sku in enumerate(skus(1_000))}
    bad = skus(1_000)[10:13]
    with shop(tmp_path, levels) as play:
        for sku in bad:
            play.wb.call(lambda sku=sku: play.wb.refuse(play.wb.chrt_id(sku), "CargoWarehouseRestrictionSGT"))
        report = play.json("sync", code=1)
        assert report["sinks"]["wb"]["failed"] == 3
        assert play.shown("wb") == {
            sku: 0 if sku in bad else standard(quantity) for sku, quantity in levels.items()
        }
        assert play.pushes("wb") == 2
        assert play.wb.count("DELETE", "/") == 0


def test_an_own_sale_of_wildberries_is_refilled(play: Play) -> None:
    """Cap 5 of 10: two are bought and Wildberries lowers itself to 3; a full sync shows 5 again."""
    play.sink("wb")["buffer"] = {"cap": 5}
    play.write()
    play.run("sync").ok()
    play.wb.call(lambda: play.wb.sell(play.wb.chrt_id("SKU-A"), int(WB_CODE), 2))
    assert play.shown("wb")["SKU-A"] == 3
    play.run("sync", "--full").ok()
    assert play.shown("wb")["SKU-A"] == 5


def test_a_card_in_the_trash_disturbs_nobody(play: Play) -> None:
    """A card that is gone since is refused alone, or not written; the others get their numbers."""
    play.run("sync").ok()
    play.wb.call(play.wb.trash_card, "SKU-B")
    play.set_levels({"SKU-A": 50, "SKU-B": 60, "SKU-C": 70})
    play.run("sync")
    assert play.shown("wb") == {"SKU-A": 48, "SKU-C": 68}
    play.run("sync", "--full").ok()
    assert play.shown("wb") == {"SKU-A": 48, "SKU-C": 68}
