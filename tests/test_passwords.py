"""Passwords of the settings: hashes that are whole, and what matches them."""

from __future__ import annotations

import pytest

from mpstock.passwords import hashed, is_hash, matches, parse


def test_a_hash_matches_its_password_alone() -> None:
    """It is another one each time, names no password, and is matched by it alone."""
    one = hashed("correct horse")
    assert is_hash(one)
    assert "correct" not in one
    assert matches("correct horse", one)
    assert not matches("correct horsE", one)
    assert one != hashed("correct horse")


@pytest.mark.parametrize(("password", "same"), [("пароль", True), ("парол", False), ("", False)])
def test_a_password_matches_itself_alone(password: str, same: bool) -> None:
    """The settings may have the password itself, in any script."""
    assert matches(password, "пароль") is same


@pytest.mark.parametrize(
    "text",
    [
        "scrypt:",
        "scrypt:32768:8:3:AAAA",
        "scrypt:32767:8:3:AAAAAAAAAAAAAAAAAAAAAA==:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt:32768:8:3:AAAAAAAAAAAAAAAAAAAAAA==:AAAA",
        "scrypt:32768:8:3:AAAAAAAAAAAAAAAAAAAAA!==:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt:16777216:64:1:AAAAAAAAAAAAAAAAAAAAAA==:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ],
)
def test_a_hash_that_is_not_whole_is_refused(text: str) -> None:
    """Cut off, mistyped, or one that would take more memory than there is."""
    with pytest.raises(ValueError, match="mpstock password"):
        parse(text)
