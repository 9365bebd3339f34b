"""What `mpstock check` says of an infobase."""

from __future__ import annotations

from typing import Any

import pytest

from mpstock import Finding, Secret
from tests.onec_odata.world import EMPTY_REF, NO_SUCH_REF, World


def by_level(findings: list[Finding], level: str) -> dict[str, str]:
    """The last message of each subject."""
    return {found.subject: found.message for found in findings if found.level == level}


def test_a_good_infobase_has_nothing_to_mend() -> None:
    """Address, register, products, warehouses and rows are told; nothing is wrong."""
    findings = World({("MUG", "main"): 4, ("LID", "Склад № 2"): 2}).check()
    assert {found.level for found in findings} == {"ok"}
    told = by_level(findings, "ok")
    assert told["register"] == "AccumulationRegister_ТоварыНаСкладах: ВНаличииBalance − КОтгрузкеBalance"
    assert told["products"] == "2 products, 0 of them marked for deletion"
    assert sorted(told["warehouses"].split(", ")) == ["main → main", "Склад № 2 → Склад № 2"]
    assert told["balance"] == "2 rows, products × warehouses: 2"


def test_the_document_is_read_once_and_nothing_is_changed() -> None:
    """A check costs what one reading costs, and sends nothing but GET."""
    world = World({("MUG", "main"): 4})
    world.check()
    assert len(world.asked("$metadata")) == 1
    assert {seen.method for seen in world.base.requests} == {"GET"}


@pytest.mark.parametrize(
    ("change", "subject", "mend"),
    [
        ({"password": Secret("wrong")}, "credentials", "user and password"),
        ({"base_url": "http://erp.local/a/b/c/d/e"}, "service", "browser"),
        ({"register": "Товары"}, "register", "REST-сервиса"),
        ({"quantity_resource": "Остаток"}, "quantity_resource", "setting quantity_resource"),
        ({"warehouses": {"Склад": "main"}}, "catalogue", "browser"),
        ({"condition": "плохое"}, "balance", "browser"),
    ],
)
def test_what_is_wrong_is_an_error_with_a_mend(change: dict[str, Any], subject: str, mend: str) -> None:
    """The first thing that is wrong is told, and the check ends there."""
    findings = World({("MUG", "main"): 4}, **change).check()
    assert [found.level for found in findings][-1] == "error"
    assert findings[-1].subject == subject
    assert mend in findings[-1].mend


def test_a_server_that_is_down_is_told() -> None:
    """What may pass by itself is told as that."""
    world = World({("MUG", "main"): 4})
    world.base.fail("licence")
    (found,) = world.check()
    assert (found.level, found.subject) == ("error", "service")
    assert "licence of 1C" in found.mend


def test_all_that_is_doubtful_is_a_warning() -> None:
    """Products without a sku, duplicates, strangers, numbers below zero and fractions."""
    world = World({("MUG", "main"): 4, ("LID", "main"): -2, ("BOX", "main"): "1.5"})
    world.infobase.add_product("", name="screw")
    world.infobase.add_product("MUG", name="another mug")
    world.infobase.add_product("OLD", DeletionMark=True)
    record = world.infobase.record(NO_SUCH_REF, EMPTY_REF, world.base.warehouse("main"))
    record.resources["ВНаличии"] += 1
    findings = world.check()
    told = by_level(findings, "warning")
    assert "1 skus have several products, their quantity is unknown: 'MUG'" in told["products"]
    assert "do not become 0" not in told["rows"]
    assert "does not become 0" in told["rows"]
    assert "1 numbers are below zero" in told["negative numbers"]
    assert "1 numbers are not whole" in told["fractions"]
    assert any("1 products have no sku" in found.message for found in findings)
    products = next(found for found in findings if found.subject == "products" and found.level == "ok")
    assert products.data == {"products": 6, "nameless": 1, "deleted": 1}
    assert not by_level(findings, "error")


def test_strangers_that_are_ignored_are_no_warning() -> None:
    """By the setting they are none that are sold."""
    world = World({("MUG", "main"): 4}, unknown_products="ignore")
    world.infobase.record(NO_SUCH_REF, EMPTY_REF, world.base.warehouse("main")).resources["ВНаличии"] += 1
    assert "left out" in by_level(world.check(), "ok")["rows"]


def test_an_infobase_that_shows_nothing_is_told() -> None:
    """No products and no warehouses are an error; an empty balance is a warning."""
    findings = World().check()
    assert set(by_level(findings, "error")) == {"products", "warehouses"}
    assert set(by_level(findings, "warning")) == {"balance"}


def test_warehouses_that_are_not_read_are_named() -> None:
    """What the setting leaves out is told; so are two of one name."""
    levels: dict[Any, Any] = {("MUG", "main"): 4, ("MUG", "Брак"): 2}
    assert "Брак" in by_level(World(levels, warehouses={"main": "main"}).check(), "ok")["warehouses"]
    world = World(levels)
    world.infobase.warehouses[world.base.warehouse("Брак")]["Description"] = "main"
    assert "added up: main" in by_level(world.check(), "warning")["warehouses"]
