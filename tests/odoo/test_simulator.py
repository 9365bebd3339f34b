"""The double itself, asked over HTTP as any client would: what it refuses, and what it keeps of stock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from mpstock.simulation import serve
from mpstock.testing import VirtualClock
from mpstock_odoo.simulator import OdooSimulator
from tests.odoo.shop import KEY


class Asker:
    """A client of both protocols that knows nothing of the adapter."""

    def __init__(self, odoo: OdooSimulator, client: httpx.Client) -> None:
        self.odoo = odoo
        self.client = client

    def json2(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        sent = {"authorization": f"bearer {KEY}", **headers}
        return self.client.post(f"/json/2/{path}", json=body or {}, headers=sent)

    def rpc(self, service: str, method: str, *args: Any) -> Any:
        params = {"service": service, "method": method, "args": args}
        answer = self.client.post("/jsonrpc", json={"jsonrpc": "2.0", "id": 7, "params": params})
        assert answer.status_code == 200
        return answer.json()

    def products(self, domain: Any, **named: Any) -> list[Any]:
        """The articles that a domain finds."""
        body = {"domain": domain, "fields": ["default_code"], "order": "id", **named}
        answer = self.json2("product.product/search_read", body)
        assert answer.status_code == 200, answer.text
        return [row["default_code"] for row in answer.json()]


@pytest.fixture
def asker() -> Iterator[Asker]:
    levels = {("MUG", "main"): 5.0, ("TEA", "main"): 2.0, ("Кружка", "msk"): 7.0}
    odoo = OdooSimulator(levels, key=KEY, clock=VirtualClock())
    with serve(odoo) as (url,), httpx.Client(base_url=url) as client:
        yield Asker(odoo, client)


@pytest.mark.parametrize(
    ("path", "body", "status", "name", "says"),
    [
        ("no.model/search", {"domain": []}, 404, "werkzeug.exceptions.NotFound", "'no.model' does not exist"),
        ("product.product/fly", {}, 404, "werkzeug.exceptions.NotFound", "'fly' does not exist"),
        ("product.product/_read", {}, 404, "werkzeug.exceptions.NotFound", "does not exist"),
        ("product.product/search", {}, 422, "werkzeug.exceptions.UnprocessableEntity", "'domain'"),
        ("product.product/read", {"ids": [1], "x": 1}, 422, "werkzeug.exceptions.UnprocessableEntity", "'x'"),
        ("product.product/search", {"ids": [1]}, 422, "werkzeug.exceptions.UnprocessableEntity", "with ids"),
        ("product.product/read", {"ids": [99]}, 404, "odoo.exceptions.MissingError", "does not exist"),
        ("product.product/search", {"domain": [["x", "=", 1]]}, 500, "builtins.ValueError", "Invalid field"),
        ("product.product/search", {"domain": [["id", "~", 1]]}, 500, "builtins.ValueError", "operator"),
        ("product.product/search", {"domain": ["|", ["id", "=", 1]]}, 500, "builtins.ValueError", "operands"),
        ("product.product/search", {"domain": [["id", "in", 1]]}, 500, "builtins.ValueError", "a list"),
        ("product.product/search", {"domain": ["id"]}, 500, "builtins.ValueError", "Invalid leaf"),
        ("product.product/read", {"ids": [1], "fields": ["x"]}, 500, "builtins.ValueError", "Invalid field"),
    ],
)
def test_json2_refuses_with_real_statuses(
    asker: Asker, path: str, body: Any, status: int, name: str, says: str
) -> None:
    """As the documents of JSON-2 say: status, and a body with name, message, arguments, context and debug."""
    answer = asker.json2(path, body)
    data = answer.json()
    assert (answer.status_code, data["name"]) == (status, name)
    assert says in data["message"]
    assert set(data) == {"name", "message", "arguments", "context", "debug"}
    assert "Traceback" in data["debug"]


def test_json2_wants_a_key_and_no_password(asker: Asker) -> None:
    """401 without a key, with a wrong one, with one that has ended, with a password."""
    assert asker.json2("res.users/context_get").json() == {"lang": "en_US", "tz": "UTC", "uid": 2}
    asker.odoo.user.password = "geheim"
    for header in ("", "bearer wrong", "bearer geheim", f"basic {KEY}"):
        answer = asker.json2("res.users/context_get", authorization=header)
        assert (answer.status_code, answer.json()["name"]) == (401, "werkzeug.exceptions.Unauthorized")
    asker.odoo.expire_key()
    assert asker.json2("res.users/context_get").status_code == 401


def test_jsonrpc_answers_200_to_everything(asker: Asker) -> None:
    """Errors are inside; a login that is refused is just false."""
    assert asker.rpc("common", "authenticate", "shop", "robot", KEY, {})["result"] == 2
    assert asker.rpc("common", "authenticate", "shop", "robot", "wrong", {})["result"] is False
    execute = ("object", "execute_kw", "shop", 2, KEY)
    assert asker.rpc(*execute, "product.product", "search_count", [[]], {})["result"] == 3
    assert asker.rpc(*execute, "product.product", "read", [[1], ["default_code"]])["result"] == [
        {"id": 1, "default_code": "MUG"}
    ]
    wrong: list[tuple[tuple[Any, ...], str]] = [
        (("shop", 2, "wrong", "product.product", "search", [[]]), "odoo.exceptions.AccessDenied"),
        (("sh0p", 2, KEY, "product.product", "search", [[]]), "psycopg2.OperationalError"),
        (("shop", 2, KEY, "no.model", "search", [[]]), "odoo.exceptions.UserError"),
        (("shop", 2, KEY, "product.product", "fly", []), "builtins.AttributeError"),
        (("shop", 2, KEY, "product.product", "search", []), "builtins.TypeError"),
    ]
    for args, name in wrong:
        error = asker.rpc("object", "execute_kw", *args)["error"]
        assert (error["code"], error["data"]["name"]) == (200, name)


def test_domains_are_evaluated_as_odoo_does(asker: Asker) -> None:
    """Polish notation, dotted paths, `false` for what is not set, patterns with and without wildcards."""
    asker.odoo.world.add_product(None, name="Nameless", active=False)
    everything = ["MUG", "TEA", "Кружка"]
    assert asker.products([]) == everything
    assert asker.products([["active", "=", False]]) == [False]
    assert asker.products([], context={"active_test": False}) == [*everything, False]
    assert asker.products([["default_code", "=", False], ["active", "in", [True, False]]]) == [False]
    assert asker.products(["|", ["default_code", "=", "MUG"], ["default_code", "=like", "T%"]]) == [
        "MUG",
        "TEA",
    ]
    assert asker.products(["!", ["default_code", "ilike", "u"]]) == ["TEA", "Кружка"]
    assert asker.products([["id", ">", 1]], limit=1) == ["TEA"]
    assert asker.products([["id", "in", [3, 1]]]) == ["MUG", "Кружка"]
    assert asker.products([["uom_id.name", "=", "Units"], ["default_code", "not in", ["MUG"]]]) == [
        "TEA",
        "Кружка",
    ]
    assert asker.products([], order="default_code desc") == ["Кружка", "TEA", "MUG"]
    bare = asker.json2("product.product/search_read", {"fields": ["default_code"]}).json()
    assert [row["default_code"] for row in bare] == ["MUG", "TEA", "Кружка"]
    quants = asker.json2("stock.quant/search", {"domain": [["location_id.usage", "=", "internal"]]}).json()
    assert len(quants) == 3


def test_times_are_compared_as_utc_text(asker: Asker) -> None:
    """ISO 8601 with an offset is no time for Odoo."""
    now = asker.odoo.world.now()
    asker.odoo.set_level("MUG", 9)
    domain = [["write_date", ">=", f"{now:%Y-%m-%d %H:%M:%S}"]]
    assert len(asker.json2("stock.move/search", {"domain": domain}).json()) == 1
    answer = asker.json2("stock.move/search", {"domain": [["write_date", ">=", f"{now.isoformat()}Z"]]})
    assert answer.json()["name"] == "builtins.ValueError"


@pytest.mark.parametrize(("version", "key"), [(17, "warehouse"), (19, "warehouse_id")])
def test_each_version_reads_its_own_context_key(version: int, key: str) -> None:
    """The other one is ignored, and then all warehouses count; a text is a part of a name."""
    odoo = OdooSimulator({("MUG", "main"): 5.0, ("MUG", "msk"): 3.0}, version=version, key=KEY)
    other = {"warehouse": "warehouse_id", "warehouse_id": "warehouse"}[key]
    with serve(odoo) as (url,), httpx.Client(base_url=url) as client:
        asker = Asker(odoo, client)

        def free(context: dict[str, Any]) -> float:
            named = {"fields": ["free_qty"], "context": context}
            args: tuple[Any, ...] = ("shop", 2, KEY, "product.product", "search_read", [[]], named)
            return float(asker.rpc("object", "execute_kw", *args)["result"][0]["free_qty"])

        assert free({}) == free({other: 2}) == 8.0
        assert free({key: 2}) == 3.0
        assert free({key: "Warehouse m"}) == 8.0


def test_quants_come_and_go_as_in_odoo(asker: Asker) -> None:
    """At zero they are deleted; merged ones keep their date; the other end of a move is a quant as well."""
    world, mug = asker.odoo.world, asker.odoo.product("MUG")
    place = asker.odoo.warehouse("main").lot_stock_id
    (old,) = world.quants_of(mug.id)
    written = old.write_date
    world.put(mug, place, 2.0, world.now())
    world.merge_quants(mug)
    assert [(one.quantity, one.write_date) for one in world.quants_of(mug.id)] == [(7.0, written)]
    before = mug.write_date
    asker.odoo.clock.advance(60)  # type: ignore[attr-defined]  # a VirtualClock, by the fixture
    asker.odoo.set_level("MUG", 0)
    assert [(one.location_id, one.quantity) for one in world.quants_of(mug.id)] == [(1, 7.0)]
    assert mug.write_date == before
    assert len(world.moves) == len(world.move_lines) == 1


def test_rights_make_numbers_smaller_without_an_error(asker: Asker) -> None:
    """Stock of a company that the user is not let into is not there; a model without rights is an error."""
    other = asker.odoo.world.add_company("Other")
    asker.odoo.user.company_ids = [1, other.id]
    asker.odoo.world.add_warehouse("far", "Far", other.id)
    asker.odoo.set_level("MUG", 100, "far")

    def free() -> float:
        body = {"domain": [["default_code", "=", "MUG"]], "fields": ["free_qty"]}
        return float(asker.json2("product.product/search_read", body).json()[0]["free_qty"])

    assert free() == 105.0
    asker.odoo.user.company_ids = [1]
    assert free() == 5.0
    asker.odoo.denied = {"stock.quant"}
    answer = asker.json2("stock.quant/search", {"domain": []})
    assert (answer.status_code, answer.json()["name"]) == (403, "odoo.exceptions.AccessError")


def test_several_databases_need_a_name() -> None:
    """Without one even the route is not there; with a wrong one neither."""
    odoo = OdooSimulator(databases=("shop", "test"), key=KEY)
    with serve(odoo) as (url,), httpx.Client(base_url=url) as client:
        asker = Asker(odoo, client)
        assert asker.json2("res.users/context_get").status_code == 404
        assert asker.json2("res.users/context_get", **{"x-odoo-database": "sh0p"}).status_code == 404
        assert asker.json2("res.users/context_get", **{"x-odoo-database": "shop"}).status_code == 200
        assert asker.rpc("db", "list")["result"] == ["shop", "test"]


def test_too_many_requests_are_refused() -> None:
    """Odoo Online asks for one a second."""
    odoo = OdooSimulator(key=KEY, requests_per_second=1, clock=VirtualClock())
    with serve(odoo) as (url,), httpx.Client(base_url=url) as client:
        asker = Asker(odoo, client)
        assert [asker.json2("res.users/context_get").status_code for _ in range(2)] == [200, 429]
        odoo.clock.advance(1.0)  # type: ignore[attr-defined]  # a VirtualClock
        assert asker.json2("res.users/context_get").status_code == 200


def test_versions_differ_in_what_they_have() -> None:
    """JSON-2 from 19 on, JSON-RPC up to 21, `is_storable` from 18 on, `is_kits` from 16 on."""

    def told(version: int) -> tuple[int, int, bool]:
        odoo = OdooSimulator({("MUG", "main"): 1.0}, version=version, key=KEY)
        with serve(odoo) as (url,), httpx.Client(base_url=url) as client:
            asker = Asker(odoo, client)
            rpc = client.post("/jsonrpc", json={"params": {"service": "common", "method": "version"}})
            json2 = asker.json2("product.product/fields_get")
            fields = odoo._models["product.product"].fields
            return rpc.status_code, json2.status_code, "is_storable" in fields

    assert told(15) == (200, 404, False)
    assert told(18) == (200, 404, True)
    assert told(19) == (200, 200, True)
    assert told(22) == (404, 200, True)


def test_remove_archives_what_is_nowhere_any_more() -> None:
    """A product belongs to no warehouse in Odoo: it can only be empty there, or archived as a whole."""
    odoo = OdooSimulator({("MUG", "main"): 5.0, ("MUG", "msk"): 3.0})
    odoo.remove("MUG", "main")
    product = odoo.product("MUG")
    assert product.active
    odoo.remove("MUG", "msk")
    assert not product.active
    odoo.set_level("MUG", 4)
    assert odoo.product("MUG") is not product


def test_keys_live_three_months() -> None:
    """No longer, however much one would like it."""
    odoo = OdooSimulator(clock=VirtualClock())
    assert odoo.key.expiration_date == odoo.world.now() + timedelta(days=90)
