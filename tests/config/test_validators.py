"""The validators that plugins hold their settings with: what each takes, refuses, and says."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import field, make_class

from mpstock.config import load
from mpstock.errors import ConfigurationError
from mpstock.plugins import PluginRegistry
from mpstock.validators import (
    Validator,
    above_zero,
    address,
    clean_text,
    not_negative,
    one_of,
    one_or_more,
    own_name,
    time_zone,
    without_colon,
)

EXAMPLE = "https://api.example/v1"
SECOND = timedelta(seconds=1)


def said(validator: Validator, value: Any) -> str:
    """Hold a value against a validator as attrs does; return the error's words, "" if there are none."""
    settings = make_class("Settings", {"key": field(validator=validator)})
    try:
        settings(value)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "value", ["http://erp", "https://erp.local:8443/trade/", "https://магазин.рф", EXAMPLE]
)
def test_an_address_is_taken(value: str) -> None:
    """HTTP or HTTPS with a host; a port and a path may be there."""
    assert said(address(EXAMPLE), value) == ""


@pytest.mark.parametrize(
    "value",
    [
        "",
        "erp",
        "ftp://erp",
        "https://",
        "https:///path",
        "https://a:0",
        "https://a:99999",
        "https://a:b",
        "https://[",
    ],
)
def test_what_is_no_address_is_refused(value: str) -> None:
    """The error names the key, what it should be, an example and the value."""
    told = said(address(EXAMPLE, of="the API"), value)
    assert told == f'key must be the address of the API, such as "{EXAMPLE}", not {value!r}'


@pytest.mark.parametrize("value", [" https://a", "https://a ", "https://a/?b=c", "https://a/#d"])
def test_blanks_and_a_query_are_refused(value: str) -> None:
    """A path is added to most addresses, so that nothing may follow theirs."""
    assert said(address(EXAMPLE), value) == f'key must be an address such as "{EXAMPLE}", not {value!r}'


def test_a_query_may_be_allowed() -> None:
    """The address of a file has its key in the query, say."""
    assert said(address(EXAMPLE, query=True), "https://a/list.csv?key=1#x") == ""
    assert said(address(EXAMPLE, query=True), "https://a/list.csv?key=1 ") != ""


def test_an_empty_address_may_be_allowed() -> None:
    """An empty text is taken where the address may be left out, and there alone."""
    assert said(address(EXAMPLE, empty=True), "") == ""
    assert said(address(EXAMPLE, empty=True), " ") != ""


@pytest.mark.parametrize(
    "value", ["https://u:hush@a", "https://u@a", "https://:hush@a", "ftp://u:hush@a", "//u:hush@a:b"]
)
@pytest.mark.parametrize("allowed", [{}, {"query": True}, {"shown": False}, {"empty": True}])
def test_a_password_in_an_address_is_refused_and_not_repeated(value: str, allowed: dict[str, Any]) -> None:
    """The keys where it belongs are said; the address is not, for the password is in it."""
    told = said(address(EXAMPLE, login="login", written_as="login and password", **allowed), value)
    assert told == "key must not carry a login or password; write them as login and password"


def test_an_address_that_cannot_be_divided_hides_its_password() -> None:
    """What urllib refuses to read may have a password in it all the same."""
    assert "hush" not in said(address(EXAMPLE), "https://u:hush@[")


def test_an_address_with_keys_is_not_repeated() -> None:
    """With `shown=False` the error tells the example alone."""
    told = said(address(EXAMPLE, query=True, shown=False), "htps://a/?key=hush")
    assert told == f'key must be an address such as "{EXAMPLE}"'


def test_above_zero() -> None:
    """0 and less are refused, with an example of a length of time."""
    assert said(above_zero(), timedelta(microseconds=1)) == ""
    for value in (timedelta(0), -SECOND):
        assert said(above_zero("15m"), value) == 'key must be above 0; write a length of time such as "15m"'


def test_not_negative() -> None:
    """0 is taken, less is not."""
    assert said(not_negative(), timedelta(0)) == said(not_negative(), SECOND) == ""
    assert (
        said(not_negative("6h"), -SECOND) == 'key must not be negative; write a length of time such as "6h"'
    )


def test_one_or_more() -> None:
    """1 and None are taken, 0 and less are not; the mend may be said."""
    assert said(one_or_more(), 1) == said(one_or_more(), None) == ""
    assert said(one_or_more(), 0) == "key must be 1 or more, not 0"
    assert said(one_or_more("leave it out for no limit"), -1) == (
        "key must be 1 or more, not -1; leave it out for no limit"
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [(("a",), '"a"'), (("a", "b"), '"a" or "b"'), (("a", "b", "c"), '"a", "b" or "c"')],
)
def test_one_of(words: tuple[str, ...], told: str) -> None:
    """Each of the words is taken, no other; all of them are said."""
    assert {said(one_of(*words), word) for word in words} == {""}
    assert said(one_of(*words), "A") == f"key must be {told}, not 'A'"


@pytest.mark.parametrize("value", [" main", "main ", "\tmain", "main\u00a0"])
def test_blanks_at_the_ends_are_refused(value: str) -> None:
    """They are not seen in the file, and make another name of it."""
    assert said(own_name(), value) == f"key must be a name without blanks at its ends, not {value!r}"
    assert said(clean_text(), value) == f"key must have no blanks at its ends, not {value!r}"


def test_a_name_may_be_empty_where_that_is_said() -> None:
    """Inner blanks are part of a name; an empty one is no name, but where it is allowed."""
    assert (
        said(own_name(), "Основной склад") == said(own_name(empty=True), "") == said(clean_text(), "") == ""
    )
    assert said(own_name(), "") == "key must be a name without blanks at its ends, not ''"


@pytest.mark.parametrize("value", ["", "Europe/Moscow", "Asia/Yekaterinburg", "UTC"])
def test_a_time_zone_is_taken(value: str) -> None:
    """A zone by its name, or none."""
    assert said(time_zone(), value) == ""


@pytest.mark.parametrize(
    "value", ["Moscow", "MSK+3", "../etc", "/etc/localtime", "Europe", "a\x00b", " Europe/Moscow"]
)
def test_what_is_no_time_zone_is_refused(value: str) -> None:
    """Neither an unknown name nor a path breaks it: each is the same error."""
    assert said(time_zone(), value) == f'key must be a zone such as "Europe/Moscow", not {value!r}'


def test_without_colon() -> None:
    """A colon would move the rest of the name into the password; the mend may be said."""
    assert said(without_colon(), "Робот") == said(without_colon(), "") == ""
    assert said(without_colon(), "a:b") == "key must not contain a colon"
    assert (
        said(without_colon("choose another user"), ":") == "key must not contain a colon; choose another user"
    )


def test_the_file_s_place_is_added(tmp_path: Path) -> None:
    """What a validator says of a key is shown with the table in which it stands."""
    path = tmp_path / "mpstock.toml"
    path.write_text('[sources.shop]\nplugin = "carts"\nttl = "0s"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(path, plugins=PluginRegistry(entry_points=[]))
    told = str(caught.value)
    assert told.endswith('[sources.shop] ttl: must be above 0; write a length of time such as "15m"')


def test_importing_them_is_light() -> None:
    """A plugin's settings import them when plugins are listed: not even attrs comes with them."""
    code = (
        "import sys; before = set(sys.modules); import mpstock.validators; "
        "heavy = {'attr', 'attrs', 'asyncio', 'cattrs', 'httpx', 'zoneinfo'}; "
        "print(sorted(heavy & set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
