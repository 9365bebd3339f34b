"""The source against its double over real HTTP, and the double as a program of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

import mpstock
from mpstock import Level, Secret
from mpstock.simulation import serve
from mpstock_onec.simulator_odata import OdataSimulator
from tests.onec_odata.world import Source
from tests.programs import running, tables


class Fresh(httpx.AsyncBaseTransport):
    """A new connection for each request: the readings of a test have event loops of their own."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with httpx.AsyncHTTPTransport() as network:
            answer = await network.handle_async_request(request)
            body = b"".join([chunk async for chunk in answer.stream])  # type: ignore[union-attr]
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(body))


def source(told: dict[str, Any], **changed: Any) -> Source:
    assert told.pop("plugin") == "onec_odata"
    return Source(Fresh(), **{**told, "password": Secret(told["password"]), **changed})


def test_levels_come_over_a_real_connection() -> None:
    """Cyrillic addresses, compression, a change made from another thread: as in the process."""
    levels = {(f"Кружка № {number}", f"Склад {number % 3}"): number for number in range(1, 200)}
    with serve(base := OdataSimulator(levels)) as (url,):
        over = source(base.settings(f"{url}/торговля"), page_size=50)
        found = over.read()
        assert {(level.sku, level.warehouse): level.quantity for level in found.levels} == levels
        base.set_level("Кружка № 7", 1000, "Склад 1")
        assert Level("Кружка № 7", "Склад 1", 1000) in over.read().levels
        assert base.count("GET", "/торговля/odata/standard.odata/AccumulationRegister_", 200) == 2


def test_a_settings_file_syncs_from_it(tmp_path: Path) -> None:
    """From the file to the ledger: what is read, what is gone and so sold out, and what a check says."""
    levels = {(f"SKU-{number}", "main"): 5 for number in range(10)}
    with serve(base := OdataSimulator(levels, configuration="retail2")) as (url,):
        base.set_resource("SKU-1", "Резерв", 2)
        table = [
            f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in base.settings(url).items()
        ]
        sink = '[sinks.here]\nplugin = "memory"\n[[sinks.here.warehouses]]\ncode = "1"'
        config = tmp_path / "mpstock.toml"
        config.write_text("\n".join(["[sources.erp]", *table, sink]), encoding="utf-8")
        with mpstock.open(config) as shop:
            assert shop.sync().sources["erp"].rows == 10
            base.remove("SKU-0")
            second = shop.sync().sources["erp"]
            assert (second.rows, second.changed, second.complete, second.problems) == (9, 1, True, 0)


def test_it_runs_alone_and_says_how_to_reach_it() -> None:
    """`python -m mpstock_onec.simulator_odata` prints a table for mpstock.toml that reads it."""
    arguments = ("--products", "5", "--warehouse", "a", "--warehouse", "b", "--configuration", "unf")
    with running("mpstock_onec.simulator_odata", *arguments, until="preset") as printed:
        found = source(tables(printed)["sources"]["onec_odata"]).read()
        assert {(level.sku, level.warehouse) for level in found.levels} == {
            (f"SKU-0000{number}", where) for number in range(1, 6) for where in "ab"
        }
        assert Level("SKU-00002", "b", 74) in found.levels
