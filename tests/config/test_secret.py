from __future__ import annotations

import copy
import json
import logging
import pickle

import attrs
import pytest

from mpstock import Secret
from mpstock.config import collect_secrets


def test_a_secret_shows_itself_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """Neither repr, str, format, a log record nor an attrs repr shows the text."""
    secret = Secret("kept-from-all-eyes")

    @attrs.frozen
    class Holder:
        key: Secret

    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("%s %r", secret, Holder(secret))
    shown = [repr(secret), str(secret), f"{secret:>30}", repr(Holder(secret)), caplog.text, repr([secret])]
    assert "kept" not in "".join(shown)
    assert repr(secret) == "***"


def test_a_secret_does_not_leave_by_serialising() -> None:
    """Pickle and JSON refuse it instead of writing it into a file."""
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret("kept"))
    with pytest.raises(TypeError):
        json.dumps(Secret("kept"))


def test_a_secret_is_a_value() -> None:
    """It compares, copies and is true as its text is, and gives it when asked."""
    assert Secret("a") == Secret(Secret("a")) != Secret("b")
    assert Secret("a") != "a"
    assert hash(Secret("a")) == hash(Secret("a"))
    assert copy.deepcopy(Secret("a")).reveal() == "a"
    assert not Secret("")
    with pytest.raises(TypeError, match="text, not int"):
        Secret(12345)  # type: ignore[arg-type]


def test_every_secret_is_found_however_deep() -> None:
    """Nested classes, lists and tables are searched; each text is told once and empty ones are not."""

    @attrs.frozen
    class Inner:
        token: Secret

    @attrs.frozen
    class Outer:
        inner: Inner
        many: dict[str, list[Secret]]
        name: str = "shown"

    settings = Outer(Inner(Secret("one")), {"x": [Secret("two"), Secret("one"), Secret("")]})
    assert collect_secrets(settings, None) == ("one", "two")
