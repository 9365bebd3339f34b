from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from mpstock import Secret
from mpstock.config.structuring import structure_settings
from mpstock_odoo.settings import OdooSettings
from tests.docs.markdown import DOCS, code_words, read, tables
from tests.odoo.shop import KEY, SPEC, settings

README = Path(__file__).resolve().parents[2] / "src/mpstock_odoo/README.md"


@pytest.mark.parametrize(
    "url", ["odoo.local", "ftp://odoo.local", "http://", "http://odoo.local?db=x", " http://odoo.local", ""]
)
def test_address_that_is_none_is_refused(url: str) -> None:
    """The message names the setting, shows what an address looks like and what was written."""
    with pytest.raises(ValueError, match=r"^base_url must be the address") as caught:
        settings(base_url=url)
    assert repr(url) in str(caught.value)


def test_credentials_in_the_address_are_refused_and_not_repeated() -> None:
    """A key has its own setting, and the message does not show it."""
    with pytest.raises(ValueError, match=r"^base_url must not carry") as caught:
        settings(base_url="http://robot:hunter2@odoo.local")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("path", ["/jsonrpc", "/json/2", "/web", "/odoo/inventory", "/xmlrpc/2"])
def test_address_of_a_page_instead_of_the_server_is_told(path: str) -> None:
    """Who pastes what the browser shows is told which part of it to leave out."""
    with pytest.raises(ValueError, match="leave out what begins with"):
        settings(base_url=f"https://shop.odoo.com{path}")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"api_key": Secret(" ")}, "^api_key is empty"),
        ({"protocol": "xmlrpc"}, '^protocol must be "auto", "json2" or "jsonrpc"'),
        ({"protocol": "jsonrpc", "user": ""}, '^protocol "jsonrpc" needs the login'),
        ({"field": "virtual_available"}, '^field must be "free_qty" or "qty_available"'),
        ({"tell_reserved": True}, '^tell_reserved needs field = "qty_available"'),
        ({"sku_by": "name"}, '^sku_by must be "default_code" or "barcode"'),
        ({"warehouses": {"WH": ""}}, "^warehouses must name warehouses"),
        ({"warehouses": {"WH": "main", "MSK": "main"}}, "^warehouses: 'WH' and 'MSK' both are 'main'"),
        ({"company_ids": (1, 1)}, "^company_ids must be the ids"),
        ({"company_ids": (0,)}, "^company_ids must be the ids"),
        ({"page_size": 0}, "^page_size must be between 1 and"),
        ({"page_size": 20_000}, "^page_size must be between 1 and"),
        ({"overlap": timedelta(seconds=-1)}, "^overlap must not be negative"),
        ({"full_every": timedelta(seconds=-1)}, "^full_every must not be negative"),
        ({"timeout": timedelta(0)}, "^timeout must be above 0"),
        ({"requests_per_second": 0.0}, "^requests_per_second must be above 0"),
        ({"database": "shop "}, "^database must have no blanks"),
    ],
)
def test_setting_that_is_wrong_is_named(changed: dict[str, Any], says: str) -> None:
    """Each message begins with the setting's name and says what it has to be."""
    with pytest.raises(ValueError, match=says):
        settings(**changed)


def test_the_forecast_can_never_be_chosen() -> None:
    """`virtual_available` counts what is only planned to come; no setting leads to it."""
    choices = str(attrs.fields(OdooSettings).field.type)
    assert "qty_available" in choices
    assert "virtual" not in choices


def test_what_is_on_hand_must_not_pass_for_free() -> None:
    """The quantity is free by default; with `qty_available` the core has to be told that it is on hand."""
    assert SPEC.quantity == "free"
    assert SPEC.tells_reserved is not None
    assert not SPEC.tells_reserved(settings())
    assert SPEC.tells_reserved(settings(field="qty_available"))
    assert SPEC.tells_reserved(settings(field="qty_available", tell_reserved=True))


def test_an_incremental_read_is_only_advice() -> None:
    """Deleted and merged quants leave no time of change, so a row is as fresh as the last full read."""
    assert SPEC.incremental == "advisory"


def test_the_key_is_not_shown() -> None:
    """The settings can be printed."""
    assert KEY not in repr(settings())


@pytest.mark.parametrize("page", [DOCS / "howto/odoo.md", README], ids=lambda page: page.name)
def test_every_setting_is_on_the_plugins_pages(page: Path) -> None:
    """Both pages have a table with every key of the settings, and with no key that is not there."""
    (table,) = [table for table in tables(page) if table[0][0] == "key"]
    told = {key for row in table[1:] for key in code_words(row[0])}
    assert told == {field.name for field in attrs.fields(OdooSettings)}
    assert "virtual_available" in read(page)


def test_the_settings_are_structured_from_toml() -> None:
    """A table as it stands in the file makes settings, the warehouses' table included."""
    table = tomllib.loads(
        'base_url = "https://shop.odoo.com"\napi_key = "k"\nrequests_per_second = 1\ncompany_ids = [1, 3]\n'
        'warehouses = { WH = "main", "Склад Москва" = "msk", "7" = "spb" }\n'
    )
    found = structure_settings(OdooSettings, table, "[sources.erp]")
    assert dict(found.warehouses) == {"WH": "main", "Склад Москва": "msk", "7": "spb"}
    assert found.company_ids == (1, 3)
    assert found.requests_per_second == 1.0
    assert found.fields == ("free_qty",)
