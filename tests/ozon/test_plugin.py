"""The descriptor and the settings."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest

from mpstock import Secret
from mpstock_ozon import plugin
from mpstock_ozon.settings import OzonSettings
from tests.ozon.account import API_KEY, CLIENT_ID, Account

SRC = Path(plugin.__file__).resolve().parents[1]


def settings(**other) -> OzonSettings:
    return OzonSettings(**{"client_id": CLIENT_ID, "api_key": Secret(API_KEY), **other})


def test_the_descriptor_builds_the_sink() -> None:
    """The hook returns one sink, `ozon`, whose factory builds it from settings and a context."""
    (spec,) = plugin.mpstock_sinks()
    context = Account().sink().context
    sink = spec.factory(settings(), context)
    assert (spec.name, spec.settings) == ("ozon", OzonSettings)
    assert sink.limits.account == f"ozon:{CLIENT_ID}"
    assert spec.mapping_keys == ("offer_id", "product_id")


def test_the_descriptor_imports_nothing_heavy() -> None:
    """Listing plugins does not cost the import of what only a running sink needs."""
    heavy = ["httpx", "sqlalchemy", "cattrs", "asyncio", "mpstock_ozon.sink", "mpstock_ozon.simulator"]
    code = f"import sys; import mpstock_ozon.plugin; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SRC, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_the_entry_point_is_the_plugin_module() -> None:
    """What pyproject.toml names under the group `mpstock` is a module with the hook."""
    import tomllib

    file = Path(__file__).parents[2] / "src/mpstock_ozon/pyproject.toml"
    project = tomllib.loads(file.read_text(encoding="utf-8"))
    module = import_module(project["project"]["entry-points"]["mpstock"]["ozon"])
    assert module is plugin


def test_defaults_are_the_safe_ones() -> None:
    """Left out: Ozon's own address, the reserve excluded, a walk every six hours, Ozon's full rate."""
    given = settings()
    assert given.base_url == "https://api-seller.ozon.ru"
    assert given.reserve == "exclude"
    assert given.listings_max_age == timedelta(hours=6)
    assert given.writes_per_minute == 80


def test_the_key_is_not_in_the_repr() -> None:
    """Settings can be printed and logged."""
    assert API_KEY not in repr(settings())


def test_a_slash_at_the_end_of_base_url_does_no_harm() -> None:
    """Paths begin with a slash, so base_url must not end with one."""
    assert settings(base_url="http://localhost:8081/").base_url == "http://localhost:8081"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"client_id": ""}, "client_id is empty"),
        ({"client_id": "12 345"}, "client_id has spaces"),
        ({"api_key": ""}, "api_key is empty"),
        ({"api_key": f"{API_KEY}\n"}, "api_key has spaces, line breaks"),
        ({"api_key": "ключ"}, "api_key has spaces, line breaks or letters"),
        ({"base_url": "api-seller.ozon.ru"}, "base_url must look like"),
        ({"base_url": "ftp://api-seller.ozon.ru"}, "base_url must look like"),
        ({"base_url": "https://u:p@api-seller.ozon.ru"}, "must not carry"),
        ({"reserve": "maybe"}, 'reserve must be "exclude" or "include"'),
        ({"listings_max_age": timedelta(seconds=-1)}, "listings_max_age must not be negative"),
        ({"writes_per_minute": 0}, "from 1 to 80"),
        ({"writes_per_minute": 81}, "from 1 to 80"),
    ],
)
def test_wrong_settings_name_the_key_and_the_mend(wrong: dict[str, object], said: str) -> None:
    """Each wrong setting is refused with its name, and the API key is never told."""
    with pytest.raises(ValueError, match=said) as caught:
        settings(**wrong)
    assert API_KEY not in str(caught.value)
