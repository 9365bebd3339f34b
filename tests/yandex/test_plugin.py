"""The descriptor, the settings, and the Market's notifications."""

from __future__ import annotations

import json
import tomllib
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from mpstock import Notification, Secret
from mpstock.errors import ConfigurationError, RejectedError
from mpstock.testing import adapter_context
from mpstock_yandex import plugin
from mpstock_yandex.notices import notified
from mpstock_yandex.settings import YandexSettings
from tests.yandex.cabinet import BUSINESS, KEY, SPEC, cabinet, settings, sink_of


def test_the_descriptor_builds_the_sink() -> None:
    """The hook returns one sink, `yandex`, whose limits are those of the cabinet."""
    sink = sink_of(cabinet())
    assert (SPEC.name, SPEC.settings, SPEC.match_by) == ("yandex", YandexSettings, "match_by")
    assert (sink.limits.account, sink.limits.batch) == (f"yandex:{BUSINESS}", 2000)
    assert sink.limits.self_decrements == "yes"


def test_the_entry_point_is_the_plugin_module() -> None:
    """What pyproject.toml names under the group `mpstock` is a module with the hook."""
    file = Path(__file__).parents[2] / "src/mpstock_yandex/pyproject.toml"
    project = tomllib.loads(file.read_text(encoding="utf-8"))
    assert import_module(project["project"]["entry-points"]["mpstock"]["yandex"]) is plugin


def test_defaults_are_the_safe_ones() -> None:
    """Left out: the Market's own address, the SKU as article, orders read, moments sent."""
    given = settings()
    assert given.base_url == "https://api.partner.market.yandex.ru"
    assert (given.match_by, given.orders, given.updated_at) == ("offer_id", True, True)
    assert (given.listings_max_age, given.orders_lookback) == (timedelta(hours=6), timedelta(days=60))
    assert KEY not in repr(given)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"api_key": ""}, "api_key is empty"),
        ({"api_key": Secret("Bearer abc")}, "without `Bearer`"),
        ({"api_key": f"{KEY}\n"}, "api_key has spaces, line breaks"),
        ({"api_key": "ключ"}, "api_key has spaces, line breaks or letters"),
        ({"business_id": 0}, "business_id must be 1 or more"),
        ({"base_url": "api.partner.market.yandex.ru"}, "base_url must be an address"),
        ({"match_by": "name"}, 'match_by must be "offer_id"'),
        ({"listings_max_age": timedelta(seconds=-1)}, "listings_max_age must not be negative"),
        ({"orders_lookback": timedelta(0)}, "orders_lookback must be above 0"),
        ({"orders_lookback": timedelta(days=181)}, "at most 180d"),
    ],
)
def test_wrong_settings_name_the_key_and_the_mend(wrong: dict[str, Any], said: str) -> None:
    """Each wrong setting is refused with its name, and the key is never told."""
    with pytest.raises(ValueError, match=said) as caught:
        settings(**wrong)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("code", ["Главный", "0042", "-1", "", "12.5"])
def test_a_code_that_is_no_store_is_refused_with_its_place(code: str) -> None:
    """The code of a sink warehouse is the number of a campaign."""
    with pytest.raises(ConfigurationError, match=r"sinks\.yandex\.warehouses"):
        SPEC.factory(settings(), adapter_context(cabinet(), name="yandex", warehouses=[code]))


def told(data: Any) -> Any:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return notified(settings(), Notification(body))


@pytest.mark.parametrize(
    ("kind", "look"),
    [
        ("PING", False),
        ("ORDER_CREATED", True),
        ("ORDER_CANCELLED", True),
        ("ORDER_STATUS_UPDATED", True),
        ("GOODS_FEEDBACK_CREATED", False),
        ("CHAT_MESSAGE_SENT", False),
    ],
)
def test_a_notification_of_an_order_has_the_orders_read(kind: str, look: bool) -> None:
    """Others are answered alone, all in the shape that the Market asks for."""
    moment = "2026-11-27T12:00:00Z"
    found = told({"notificationType": kind, "time": moment, "campaignId": 2101, "orderId": 1})
    assert (found.look, found.answer) == (look, {"version": "1.0.0", "name": "mpstock", "time": moment})


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"{}", b'{"notificationType": 5}', b"[" * 9999])
def test_what_is_no_notification_is_refused(body: bytes) -> None:
    """Anyone can send anything to that address."""
    with pytest.raises(RejectedError):
        told(body)
