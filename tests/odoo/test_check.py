from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from mpstock import Finding, Secret
from tests.odoo.shop import VERSIONS, Shop

LEVELS = {("MUG", "main"): 5.0, ("TEA", "msk"): 2.0}


def found(shop: Shop) -> dict[str, Finding]:
    """The findings by their subject; of several about one the worst."""
    order = ["ok", "warning", "error"]
    worst: dict[str, Finding] = {}
    for finding in sorted(shop.check(), key=lambda finding: order.index(finding.level)):
        worst[finding.subject] = finding
    return worst


@pytest.mark.parametrize("version", VERSIONS)
def test_good_shop_is_told_as_good(version: int) -> None:
    """Which Odoo it is, which protocol, which warehouses, and how much there is."""
    findings = Shop(LEVELS, version=version).check()
    assert {finding.level for finding in findings} == {"ok"}
    told = {finding.subject: finding.message for finding in findings}
    label = "JSON-2" if version >= 19 else "JSON-RPC"
    assert told["server"] == f"http://odoo.local is Odoo {version}.0, asked over {label}"
    assert told["warehouses"] == "free_qty is read in 2: main, msk"
    assert told["products"] == "goods: 2; products × warehouses: 4"
    assert told["companies"] == "there is one"


def test_jsonrpc_on_a_new_odoo_is_warned_of() -> None:
    """It works today, and ends with Odoo 22."""
    shop = Shop(LEVELS)
    shop.renew(protocol="jsonrpc")
    finding = found(shop)["server"]
    assert (finding.level, finding.mend) == ("warning", 'set protocol = "json2", with an API key as api_key')


@pytest.mark.parametrize(
    ("changed", "subject", "says"),
    [
        ({"api_key": Secret("wrong")}, "credentials", "Invalid apikey"),
        ({"database": "other"}, "server", "does not exist"),
        ({"warehouses": {"WH": "main"}}, "warehouses", "no warehouse 'WH'"),
    ],
)
def test_settings_that_are_wrong_are_errors(changed: dict[str, Any], subject: str, says: str) -> None:
    """One error that says what to do, and no more questions after it."""
    shop = Shop(LEVELS, double={"databases": ("shop", "test")})
    shop.renew(**changed)
    finding = shop.check()[-1]
    assert (finding.level, finding.subject) == ("error", subject)
    assert says in finding.message
    assert finding.mend


def test_key_that_ends_soon_is_warned_of() -> None:
    """Two weeks before: after that nothing is read any more."""
    shop = Shop(LEVELS)
    assert "credentials" not in found(shop)
    shop.odoo.key.expiration_date = shop.world.now() + timedelta(days=10)
    assert found(shop)["credentials"].message == "the user's API key 'mpstock' ends on 2026-01-22"


def test_companies_that_the_user_does_not_see_are_warned_of() -> None:
    """Their stock is simply not counted: Odoo gives a smaller number, and no error."""
    shop = Shop(LEVELS)
    other = shop.world.add_company("ООО Ромашка")
    shop.odoo.user.company_ids = [1, other.id]
    shop.odoo.user.company_id = 1
    assert found(shop)["companies"].message == f"no warehouse is read of {other.id} (ООО Ромашка)"
    shop.renew(company_ids=(1, 99))
    assert found(shop)["warehouses"].level == "error"


def test_administrator_who_is_not_let_into_a_company_is_warned() -> None:
    """An administrator sees the company itself, and none of its stock."""
    shop = Shop(LEVELS)
    other = shop.world.add_company("Other")
    shop.odoo.sees_all_companies = True
    finding = found(shop)["companies"]
    assert finding.level == "warning"
    assert f"not let into every company: {other.id} (Other)" in finding.message


def test_rights_that_are_missing_are_named_model_by_model() -> None:
    """Without moves a sell-out would be missed in silence."""
    shop = Shop(LEVELS)
    shop.odoo.denied = {"stock.move", "res.company"}
    findings = found(shop)
    assert findings["rights"].level == "error"
    assert "stock.move:" in findings["rights"].message
    assert findings["companies"].level == "warning"


@pytest.mark.parametrize(
    ("version", "says"), [(13, "only after a full read"), (19, "all kits are read again")]
)
def test_hidden_kits_are_warned_of(version: int, says: str) -> None:
    """And whether they can be lived without."""
    shop = Shop(LEVELS, version=version)
    shop.odoo.denied = {"mrp.bom"}
    assert says in found(shop)["kits"].message


def test_kits_are_counted_or_said_not_to_be() -> None:
    """So that who sells kits sees that they are known."""
    shop = Shop(LEVELS)
    shop.world.add_bom(shop.world.add_product("SET", is_storable=False), [(shop.odoo.product("MUG"), 1)])
    assert found(shop)["kits"].message == "1 are read by their parts"
    shop = Shop(LEVELS, double={"mrp": False})
    assert "not installed" in found(shop)["kits"].message


def test_what_is_wrong_with_products_is_counted_with_examples() -> None:
    """Duplicates, products without an article, goods that nobody counts, fractions, numbers below zero."""
    shop = Shop({**LEVELS, ("OIL", "main"): 2.5, ("BOX", "main"): -4.0})
    shop.world.add_product("MUG")
    shop.world.add_product(None)
    shop.world.add_product("BAG", is_storable=False)
    shop.renew(page_size=2)
    findings = found(shop)
    assert findings["duplicates"].message.startswith("2 products share their default_code")
    assert "ids 1, 5" in findings["duplicates"].message
    assert findings["products without an article"].message.startswith("1 have no default_code")
    assert findings["goods that nobody counts"].message.startswith("1 are neither")
    assert findings["fractions"].message.startswith("1 numbers are not whole")
    assert findings["negative numbers"].message.startswith("1 are below zero")
    assert findings["products"].data == {"goods": 7, "levels": 10, "unknown": 4, "twins": 2}
