"""Clients that other people wrote against real Odoo servers read our double without complaint.

They are no dependency of the project: `pip install odoorpc odooly` brings them, else these are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mpstock.simulation import serve
from mpstock_odoo.simulator import OdooSimulator

pytestmark = [
    pytest.mark.slow,
    # What the clients' own code is warned of is not ours to mend.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(params=[17, 19])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[OdooSimulator, str]]:
    """A double of either age, over HTTP."""
    odoo = OdooSimulator({("MUG", "main"): 5.0, ("TEA", "msk"): 2.0}, version=request.param)
    odoo.world.reserve(odoo.product("MUG"), odoo.warehouse("main").lot_stock_id, 2)
    with serve(odoo) as (url,):
        yield odoo, url


def test_odoorpc_reads_products_over_jsonrpc(served: tuple[OdooSimulator, str]) -> None:
    """It logs in, finds the database, and reads quantities and a many2one in a warehouse's context."""
    odoorpc: Any = pytest.importorskip("odoorpc", reason="the client odoorpc is not installed")
    odoo, url = served
    host, _, port = url.removeprefix("http://").partition(":")
    client = odoorpc.ODOO(host, port=int(port))
    assert client.version == f"{odoo.version}.0"
    assert client.db.list() == ["shop"]
    client.login("shop", "robot", odoo.key.key)
    products = client.env["product.product"]
    found = products.search([("type", "!=", "service"), ("default_code", "in", ["MUG", "TEA"])], order="id")
    context = {"warehouse": 1, "warehouse_id": 1}
    read = {
        one.default_code: (one.qty_available, one.free_qty, one.uom_id.name)
        for one in products.with_context(**context).browse(found)
    }
    assert read == {"MUG": (5.0, 3.0, "Units"), "TEA": (0.0, 0.0, "Units")}
    with pytest.raises(odoorpc.error.RPCError, match="doesn't exist"):
        client.env["no.model"].search([])
    client.logout()
    with pytest.raises(odoorpc.error.RPCError):
        client.login("shop", "robot", "wrong")


def test_odooly_reads_products_over_json2(served: tuple[OdooSimulator, str]) -> None:
    """It takes JSON-2 where the server is young enough for it."""
    odooly: Any = pytest.importorskip("odooly", reason="the client odooly is not installed")
    odoo, url = served
    if odoo.version < 19:
        pytest.skip("to older servers odooly speaks over the web client's own routes, which no double has")
    client = odooly.Client(url, "shop", "robot", odoo.key.key)
    products = client.env["product.product"].search([], order="id")
    assert products.read("default_code free_qty") == [
        {"id": 1, "default_code": "MUG", "free_qty": 3.0},
        {"id": 2, "default_code": "TEA", "free_qty": 2.0},
    ]
    assert odoo.count("POST", "/json/2/product.product", 200) >= 2
