"""An independent client of МойСклад (PyPI `moyskladapi`, MIT) reads our double without complaint.

It is no dependency of the project: these run where it is installed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from mpstock.simulation import serve
from mpstock_moysklad.simulator import MoyskladSimulator

pytestmark = pytest.mark.slow

if sys.version_info < (3, 12):
    pytest.skip("the independent client, moyskladapi, needs Python 3.12", allow_module_level=True)
moyskladapi: Any = pytest.importorskip(
    "moyskladapi", reason="the independent client is not installed: pip install moyskladapi"
)
LEVELS = {("A", "main"): 5, ("Кружка", "Юг"): "2.5", ("ZERO", "main"): 0}


@pytest.fixture
def double() -> Iterator[tuple[MoyskladSimulator, Any]]:
    simulator = MoyskladSimulator(LEVELS)
    with serve(simulator) as (url,):
        base = simulator.settings(url)["base_url"]

        def ask(method: str, **arguments: Any) -> Any:
            async def call() -> Any:
                async with moyskladapi.MoyskladAPI(simulator.gate.token, base=base) as api:
                    return await getattr(api, method)(**arguments)

            return asyncio.run(call())

        yield simulator, ask


def test_peer_reads_the_short_report(double: tuple[MoyskladSimulator, Any]) -> None:
    """With zeros, and by stock type."""
    simulator, ask = double
    ids = {good.id: good.article for good in simulator.account.goods.values()}
    rows = ask("get_stock_current", stock_type="freeStock", include="zeroLines")
    assert {ids[row.assortment_id]: row.free_stock for row in rows} == {"A": 5, "Кружка": 2.5, "ZERO": 0}


def test_peer_reads_what_changed(double: tuple[MoyskladSimulator, Any]) -> None:
    """In the double's Moscow time."""
    simulator, ask = double
    simulator.call(simulator.set_level, "A", 9)
    from mpstock_moysklad.simulator_wire import dated

    since = dated(simulator.clock.now().replace(microsecond=0))
    (row,) = ask("get_stock_current", changed_since=since, stock_type="stock")
    assert row.stock == 9


def test_peer_walks_over_the_goods(double: tuple[MoyskladSimulator, Any]) -> None:
    """All pages, by `nextHref`, into its own typed objects."""
    simulator, ask = double
    for number in range(1_100):
        simulator.account.good(f"N-{number}", simulator.clock.now())
    page = ask("get_assortment", limit=None)
    assert len(page.rows) == 1_103
    assert {row.article for row in page.rows} >= {"A", "Кружка", "N-1099"}


def test_peer_reads_stores_and_bundles(double: tuple[MoyskladSimulator, Any]) -> None:
    """With their components."""
    simulator, ask = double
    simulator.call(simulator.add_bundle, "SET", {"A": 2})
    assert {store.name for store in ask("get_stores").rows} == {"main", "Юг"}
    (bundle,) = ask("get_bundles", expand="components").rows
    components = bundle.components.rows if hasattr(bundle.components, "rows") else bundle.components
    assert [one.quantity for one in components] == [2]


def test_peer_reads_the_full_report(double: tuple[MoyskladSimulator, Any]) -> None:
    """`report/stock/all`."""
    _, ask = double
    found = ask("get_stock")
    assert {row.article: row.stock for row in found.rows} == {"A": 5, "Кружка": 2.5}


def test_peer_understands_our_errors(double: tuple[MoyskladSimulator, Any]) -> None:
    """Code and words."""
    simulator, ask = double
    simulator.gate.stock_right = False
    with pytest.raises(Exception, match="Остатки"):
        ask("get_stock_current")
