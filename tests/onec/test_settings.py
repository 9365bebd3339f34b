from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from mpstock import Secret
from tests.onec.service import SPEC, settings


@pytest.mark.parametrize(
    "url",
    [
        "erp.local/trade",
        "ftp://erp.local/trade",
        "http://",
        "http://erp.local/trade?x=1",
        "http://erp.local/trade#x",
        " http://erp.local/trade",
        "http://[::1/trade",
        "http://erp.local:port/trade",
        "",
    ],
)
def test_address_that_is_none_is_refused(url: str) -> None:
    """The message names the setting, shows what an address looks like and what was written."""
    with pytest.raises(ValueError, match=r'^base_url must be .*"http://erp\.local/trade", not ') as caught:
        settings(base_url=url)
    assert repr(url) in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://robot:hunter2@erp.local/trade", "http://robot@erp.local/", "http://a:hunter2@[x"]
)
def test_credentials_in_the_address_are_refused_and_not_repeated(url: str) -> None:
    """A password has its own setting, and the message does not show it."""
    with pytest.raises(ValueError, match=r"^base_url must not carry a user name or password") as caught:
        settings(base_url=url)
    assert "hunter2" not in str(caught.value)


def test_address_of_the_service_instead_of_the_publication_is_told() -> None:
    """Who pastes the whole address is told which part of it belongs where."""
    with pytest.raises(ValueError, match='leave out what begins with "/hs"'):
        settings(base_url="http://erp.local/trade/hs/stocks/list")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"path": "hs/stocks/list"}, "^path must begin with"),
        ({"path": "/hs/stocks/list?format=json"}, "^path must begin with"),
        ({"user": "a:b"}, "^user must not contain a colon"),
        ({"user": ""}, "^password is given without user"),
        ({"warehouse": ""}, "^warehouse must be a name"),
        ({"warehouse": " main"}, "^warehouse must be a name"),
        ({"overlap": timedelta(seconds=-1)}, "^overlap must not be negative"),
        ({"full_every": timedelta(seconds=-1)}, "^full_every must not be negative"),
        ({"timeout": timedelta(0)}, "^timeout must be above 0"),
        ({"requests_per_minute": 0}, "^requests_per_minute must be 1 or more"),
        ({"rows_without_sku": "drop"}, "^rows_without_sku must be"),
        ({"timezone": "Moscow"}, "^timezone must be a zone"),
        ({"timezone": "../etc"}, "^timezone must be a zone"),
    ],
)
def test_setting_that_is_wrong_is_named(changed: dict[str, Any], says: str) -> None:
    """Each message begins with the setting's name and says what it has to be."""
    with pytest.raises(ValueError, match=says):
        settings(**changed)


def test_defaults() -> None:
    """What the plugin's page promises."""
    found = settings()
    assert found.url == "http://erp.local/trade/hs/stocks/list"
    assert (found.warehouse, found.trust_updated_at, found.requests_per_minute) == ("main", False, None)
    assert (found.overlap, found.full_every, found.timeout) == (
        timedelta(minutes=5),
        timedelta(hours=24),
        timedelta(seconds=60),
    )


def test_password_is_not_shown() -> None:
    """The settings can be printed."""
    assert "hunter2" not in repr(settings(password=Secret("hunter2")))


def test_settings_leave_the_words_of_the_core_to_the_core() -> None:
    """What every source has in common is no setting of this one."""
    names = {field.name for field in SPEC.settings.__attrs_attrs__}  # type: ignore[attr-defined]
    assert not names & {"plugin", "quantity", "max_age", "group", "rule", "absorbs"}


def test_descriptor() -> None:
    """The plugin is found as `onec` and as `1c`."""
    assert (SPEC.name, SPEC.aliases) == ("onec", ("1c",))


def test_plugin_imports_nothing_heavy() -> None:
    """A shop without 1C pays nothing for this plugin, and one with it pays when it reads."""
    code = "import sys, json, mpstock_onec.plugin; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    loaded = set(json.loads(done.stdout))
    assert not loaded & {
        "httpx",
        "sqlalchemy",
        "cattrs",
        "asyncio",
        "mpstock_onec.source",
        "mpstock_onec.simulator",
    }
