"""The settings, as a settings file gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mpstock
from mpstock.errors import ConfigurationError
from mpstock_onec.odata_presets import PRESETS
from mpstock_onec.odata_settings import OdataSettings
from tests.onec_odata.world import SPEC, settings

TOML = """
[sources.erp]
plugin = "onec_odata"
base_url = "http://erp.local/trade"
{more}

[sinks.shop]
plugin = "memory"

[[sinks.shop.warehouses]]
code = "1"
"""


def opened(tmp_path: Path, more: str) -> None:
    path = tmp_path / "mpstock.toml"
    path.write_text(TOML.format(more=more), encoding="utf-8")
    with mpstock.open(path):
        pass


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_enough(preset: str) -> None:
    """A preset names register, quantity, dimensions and catalogues."""
    names = settings(preset=preset).names
    assert names.register
    assert names.quantity_resource
    assert names.product_dimension == "Номенклатура"


def test_each_name_may_be_set_by_itself() -> None:
    """One name of the preset is changed, the others stay; an empty text takes one away."""
    changed = settings(
        preset="retail2", quantity_resource="Остаток", reserved_resource="", subtract_resources=("Б",)
    )
    assert changed.names.register == "ТоварыНаСкладах"
    assert changed.names.quantity_resource == "Остаток"
    assert changed.names.reserved_resource == ""
    assert changed.names.subtract_resources == ("Б",)


@pytest.mark.parametrize(
    ("changed", "tells"),
    [
        ({"preset": "ut11"}, False),
        ({"preset": "retail2"}, True),
        ({"preset": "ut11_free"}, True),
        ({"preset": "retail2", "reserved_resource": ""}, False),
        ({"preset": "unf", "reserved_resource": "Резерв"}, True),
    ],
)
def test_the_descriptor_says_whether_a_reserve_is_told(changed: dict[str, Any], tells: bool) -> None:
    """It is told if a resource of reserves is read."""
    assert SPEC.tells_reserved is not None
    assert SPEC.tells_reserved(settings(**changed)) is tells


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"preset": "ut12"}, 'preset must be one of "ut11"'),
        ({"preset": ""}, 'register is missing; write preset = one of "ut11"'),
        ({"preset": "", "register": "Р"}, "quantity_resource is missing"),
        ({"register": "AccumulationRegister_Р"}, "register must be the name"),
        ({"register": "Товары на складах"}, "one word"),
        ({"subtract_resources": ("КОтгрузке Balance",)}, "subtract_resources must be the name"),
        ({"product_dimension": ""}, "product_dimension must not be empty"),
        ({"base_url": "http://u:p@erp/trade"}, "must not carry"),
        ({"base_url": "erp/trade"}, "must be the address"),
        ({"base_url": "http://erp/trade/odata/standard.odata"}, "ends where the publication ends"),
        ({"user": "a:b"}, "colon"),
        ({"user": ""}, "password is given without user"),
        ({"sku": "{articul}"}, "sku must be a template"),
        ({"sku": "{characteristic}", "characteristic_dimension": ""}, "sku names a characteristic"),
        ({"sku": "{barcode}", "barcode_register": ""}, "sku names a barcode"),
        ({"article_property": ""}, "sku names the article"),
        ({"warehouses": {"Склад": " main"}}, "warehouses must have lines"),
        ({"warehouses": {"Склад": ""}}, "warehouses must have lines"),
        ({"split": "product"}, 'split must be "none" or "warehouse"'),
        ({"duplicates": "first"}, 'duplicates must be "unknown" or "sum"'),
        ({"unknown_products": "zero"}, "unknown_products must be"),
        ({"balance_at": "yesterday"}, "balance_at must be"),
        ({"balance_at": "now"}, "timezone is missing"),
        ({"timezone": "Moscow/Europe"}, "timezone must be a zone"),
        ({"page_size": 0}, "page_size must be 1 or more"),
        ({"requests_per_minute": 0}, "requests_per_minute must be 1 or more"),
    ],
)
def test_a_wrong_setting_is_named_with_its_mend(changed: dict[str, Any], says: str) -> None:
    """The first word of the error is the key."""
    with pytest.raises(ValueError, match=says) as caught:
        settings(**changed)
    assert "p@erp" not in str(caught.value)


def test_a_settings_file_opens(tmp_path: Path) -> None:
    """Every kind of value comes through TOML."""
    opened(
        tmp_path,
        'preset = "ut11"\nsubtract_resources = []\nwarehouses = { "Основной склад" = "main" }\n'
        'catalogue_every = "1h"\nquantity = "free"\nsku = "{article}[-{characteristic}]"\n',
    )


def test_free_with_a_reserve_of_its_own_is_refused_at_the_start(tmp_path: Path) -> None:
    """What is free already has no reserve to take off: it would be taken off twice."""
    with pytest.raises(ConfigurationError, match="quantity"):
        opened(tmp_path, 'preset = "retail2"\nquantity = "free"\n')


def test_an_error_in_the_file_names_the_key_and_its_table(tmp_path: Path) -> None:
    """The place is told as in every plugin."""
    with pytest.raises(ConfigurationError, match=r"\[sources.erp\] preset.*ut11"):
        opened(tmp_path, 'preset = "ut12"\n')
    with pytest.raises(ConfigurationError, match=r"\[sources.erp\].*register"):
        opened(tmp_path, "")


def test_the_password_is_in_no_repr() -> None:
    """A secret stays one."""
    assert "Пароль" not in repr(settings())
    assert "Пароль" not in repr(OdataSettings)
