"""The vendor's own SDK (PyPI `moysklad-remap-12-sdk`) reads our double without complaint.

It is made from the vendor's OpenAPI document, and checks every field that it reads. It is no dependency of
the project: these run where it is installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta, timezone
from typing import Any

import pytest

from mpstock.simulation import serve
from mpstock_moysklad.simulator import MoyskladSimulator

pytestmark = pytest.mark.slow

sdk: Any = pytest.importorskip("moysklad_remap_12_sdk", reason="the vendor's SDK is not installed")

LEVELS: dict[tuple[str, str], int | str] = {("A", "main"): 5, ("Кружка", "Юг"): "2.5", ("ZERO", "main"): 0}
ASKED = {"accept_encoding": "gzip", "accept": "application/json;charset=utf-8"}
MOSCOW = timezone(timedelta(hours=3))


@pytest.fixture
def double() -> Iterator[tuple[MoyskladSimulator, Any]]:
    simulator = MoyskladSimulator(LEVELS)
    with serve(simulator) as (url,):
        host = simulator.settings(url)["base_url"]
        configuration = sdk.Configuration(host=host, access_token=simulator.gate.token)
        with sdk.ApiClient(configuration) as client:
            yield simulator, client


def test_the_sdk_reads_the_short_report(double: tuple[MoyskladSimulator, Any]) -> None:
    """All goods with their zeros, by free stock."""
    simulator, client = double
    ids = {str(good.id): good.article for good in simulator.account.goods.values()}
    api = sdk.ReportsStockCurrentApi(client)
    rows = api.get_stock_all_current(include="zeroLines", stock_type="freeStock", **ASKED)
    assert {ids[str(row.assortment_id)]: row.free_stock for row in rows} == {"A": 5, "Кружка": 2.5, "ZERO": 0}


def test_the_sdk_reads_what_changed_by_store(double: tuple[MoyskladSimulator, Any]) -> None:
    """In Moscow time; the store is named."""
    simulator, client = double
    simulator.call(simulator.set_level, "A", 9)
    since = simulator.clock.now().astimezone(MOSCOW).strftime("%Y-%m-%d %H:%M:%S")
    (row,) = sdk.ReportsStockCurrentApi(client).get_stock_by_store_current(changed_since=since, **ASKED)
    assert row.stock == 9
    assert str(row.store_id) in {str(store.id) for store in simulator.account.stores.values()}


def test_the_sdk_walks_over_the_goods(double: tuple[MoyskladSimulator, Any]) -> None:
    """Page by page, into its own typed objects."""
    simulator, client = double
    for number in range(1_100):
        simulator.account.good(f"N-{number}", simulator.clock.now())
    api = sdk.AssortmentApi(client)
    articles: list[str] = []
    for offset in (0, 1_000):
        page = api.get_assortment(limit=1_000, offset=offset, **ASKED)
        assert page.meta.size == 1_103
        articles += [row.article for row in page.rows]
    assert len(set(articles)) == 1_103
    assert {"A", "Кружка", "N-1099"} <= set(articles)


def test_the_sdk_understands_our_errors(double: tuple[MoyskladSimulator, Any]) -> None:
    """A refused right is told in the vendor's shape and words."""
    simulator, client = double
    simulator.gate.stock_right = False
    with pytest.raises(sdk.ApiException) as error:
        sdk.ReportsStockCurrentApi(client).get_stock_all_current(**ASKED)
    assert error.value.status == 403
    assert "Остатки" in str(error.value.body)
