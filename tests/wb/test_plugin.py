"""The descriptor, and settings that no account can have."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pluggy
import pytest
from attrs import fields_dict

from mpstock import Secret, SinkSpec
from mpstock.errors import ConfigurationError
from mpstock_wb import plugin
from mpstock_wb.settings import WbSettings
from mpstock_wb.sink import WbSink
from tests.wb.harness import Vendor, context, sink, token


def spec() -> SinkSpec:
    manager = pluggy.PluginManager("mpstock")
    manager.register(plugin)
    [[found]] = manager.hook.mpstock_sinks()
    assert isinstance(found, SinkSpec)
    return found


def test_the_plugin_offers_one_sink_through_the_hook() -> None:
    """Name, settings and the ways to map are in the descriptor; the factory builds the sink."""
    found = spec()
    assert (found.name, found.settings) == ("wb", WbSettings)
    assert found.mapping_keys == ("chrt_id", "barcode", "vendor_code")
    assert isinstance(found.factory(WbSettings(token=Secret(token())), context(Vendor())), WbSink)


def test_defaults_are_production() -> None:
    """Only the token has to be said."""
    settings = WbSettings(token=Secret("x"))
    assert settings.marketplace_url == "https://marketplace-api.wildberries.ru"
    assert settings.content_url == "https://content-api.wildberries.ru"
    assert (settings.match_by, settings.full_walk) == ("vendor_code", timedelta(hours=24))
    assert (settings.orders, settings.orders_lookback) == (True, timedelta(days=14))
    assert settings.delete_when_refused is False
    assert settings.sku_format == "{vendor_code}-{size}"
    assert set(fields_dict(WbSettings)) == {
        "token",
        "match_by",
        "marketplace_url",
        "content_url",
        "full_walk",
        "orders",
        "orders_lookback",
        "sku_format",
        "delete_when_refused",
    }


def test_the_settings_keep_the_token_to_themselves() -> None:
    """Neither repr shows it."""
    assert "secret-token" not in repr(WbSettings(token=Secret("secret-token")))


@pytest.mark.parametrize("code", ["", "main", "11.5", "-1", "0", "0111", " 1111", "1111 ", "１１１１"])
def test_a_warehouse_code_that_is_no_number_is_an_error_of_configuration(code: str) -> None:
    """It would become part of a path; the message names the place."""
    with pytest.raises(ConfigurationError, match=r"sinks\.wb\.warehouses") as caught:
        sink(Vendor(), ("1111", code))
    assert repr(code) in str(caught.value)


@pytest.mark.parametrize("text", ["", "Bearer abc", "bearer abc", "abc\n", "a b", "токен"])
def test_a_token_that_cannot_be_sent_is_an_error_that_does_not_show_it(text: str) -> None:
    """A line break would break the header, and `Bearer` does not belong there."""
    with pytest.raises(ConfigurationError, match=r"sinks\.wb\.token") as caught:
        sink(Vendor(), token=Secret(text))
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("marketplace_url", "marketplace-api.wildberries.ru"),
        ("content_url", "ftp://content"),
        ("content_url", ""),
        ("full_walk", timedelta(seconds=-1)),
        ("orders_lookback", timedelta(0)),
        ("orders_lookback", timedelta(days=91)),
        ("sku_format", "{vendor_code}"),
        ("sku_format", "{vendor_code}-{size"),
        ("sku_format", "{vendor_code}-{colour}"),
        ("sku_format", "{vendor_code}-{size!r}"),
        ("sku_format", "{vendor_code}-{size:>5}"),
        ("sku_format", "{vendor_code}-{size.__class__}"),
        ("sku_format", "{}-{size}"),
    ],
)
def test_a_setting_that_no_account_can_have_is_named(key: str, value: Any) -> None:
    """The message names the key and its table."""
    with pytest.raises(ConfigurationError, match=rf"sinks\.wb\.{key}"):
        sink(Vendor(), **{key: value})


def test_whether_orders_are_told_follows_the_setting() -> None:
    """Each order with its stage, or nothing at all; whether the number falls by itself nobody says."""
    assert sink(Vendor()).limits.orders == "each"
    assert sink(Vendor(), orders=False).limits.orders == "none"
    assert sink(Vendor()).limits.self_decrements == "unknown"
