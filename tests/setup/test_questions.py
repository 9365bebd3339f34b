"""What is asked of a plugin follows from its settings class, and its help from the class's docstring."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from attrs import frozen

from mpstock import Secret, SinkSpec, SourceSpec
from mpstock.errors import PluginContractError
from mpstock.plugins import PluginRegistry
from mpstock.setup.questions import Question, hidden_keys, questions


@frozen
class ShelfSettings:
    """A shelf.

    `url`       where it is, and
                how it is called.
    `user`, `key`  who we are.
    `mode`      how it is read.

    This is no entry.
    """

    url: str
    user: str = ""
    key: Secret | None = None
    mode: Literal["a", "b"] = "a"
    size: int = 3


def spec(*asks: str) -> SinkSpec:
    def factory(_: Any, __: Any) -> Any:
        raise AssertionError

    return SinkSpec("shelf", "A shelf", ShelfSettings, factory, asks=asks)


def test_what_has_no_default_is_asked_for_and_what_the_plugin_names() -> None:
    """In the order of the class, with the help of its docstring; a secret is known by its type."""
    assert questions(spec("key", "mode")) == [
        Question("url", "where it is, and how it is called.", "a text in quotes"),
        Question("key", "who we are.", "a text in quotes", required=False, secret=True),
        Question("mode", "how it is read.", 'one of "a", "b"', required=False, choices=("a", "b")),
    ]


def test_a_key_that_is_not_there_is_the_plugin_s_fault() -> None:
    """The message names the key."""
    with pytest.raises(PluginContractError, match="'keys'"):
        questions(spec("keys"))


def test_keys_and_addresses_that_carry_keys_are_hidden() -> None:
    """A supplier's address with a query is as good as a password."""
    told = {"url": "https://a.example/list?key=1", "key": "k", "user": "u"}
    assert hidden_keys(ShelfSettings, told) == ["url", "key"]
    assert hidden_keys(ShelfSettings, {"url": "https://a.example/list"}) == []


def test_every_plugin_that_is_installed_can_be_asked_about() -> None:
    """Each question of each has its help: a person who sets it up has nothing else to go by."""
    registry = PluginRegistry()
    specs: list[SourceSpec | SinkSpec] = [*registry.sources().values(), *registry.sinks().values()]
    asked = {
        found.name: questions(found)
        for found in specs
        if (owner := registry.owner(found)) is not None and owner.name != "builtin"
    }
    assert {"onec", "moysklad", "odoo", "files", "ozon", "wb"} <= set(asked)
    assert [(name, one.key) for name, found in asked.items() for one in found if not one.help] == []
    assert [name for name, found in asked.items() if not found] == []
