"""An answer that is told once more as it was is not read again; nobody can tell the difference."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock_wb.retelling import MOST, Retelling

ANSWERS = st.lists(st.tuples(st.sampled_from(["new", "listed"]), st.sampled_from([b"[1]", b"[2]", b"[]"])))


@given(answers=ANSWERS)
def test_each_reader_gets_what_it_would_make_of_the_body(answers: list[tuple[str, bytes]]) -> None:
    """Whatever came before, and whichever reader has read the same bytes."""
    retelling, made = Retelling(), list[tuple[str, bytes]]()

    def reader(what: str) -> Any:
        def read(content: bytes) -> Any:
            made.append((what, content))
            return what, json.loads(content)

        return read

    for what, content in answers:
        assert retelling.read(what, content, reader(what)) == (what, json.loads(content))
    assert len(made) == len(set(answers))


def test_what_is_remembered_has_an_end() -> None:
    """What was told last stays, what was not told for longest goes; a body beyond all bounds is read too."""
    retelling, made = Retelling(), list[int]()

    def read(content: bytes) -> int:
        made.append(content[0])
        return content[0]

    def tell(number: int, size: int = MOST // 4) -> None:
        assert retelling.read("new", bytes([number]) * size, read) == number

    for number in (1, 2, 3, 4, 1, 5):
        tell(number)
    assert made == [1, 2, 3, 4, 5]
    tell(1)
    tell(2)
    assert made == [1, 2, 3, 4, 5, 2]
    tell(9, MOST + 1)
    tell(9, MOST + 1)
    assert made[-2:] == [9, 9]


def test_what_cannot_be_read_is_an_error_each_time() -> None:
    """Only what was read is remembered."""
    retelling = Retelling()
    for _ in range(2):
        with pytest.raises(ValueError, match="Expecting"):
            retelling.read("new", b"<html>", json.loads)
