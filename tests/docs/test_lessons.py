"""The page of lessons: each has its link and the tests that hold it, and they are there."""

from __future__ import annotations

import ast
import os
import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.markdown import DOCS, ROOT, code_words, read, tables

PAGE = DOCS / "explanation/lessons.md"
THREADS = [str(number) for number in range(1, 38)]
"""The threads that the project began with; each stays on the page for good."""


def rows() -> list[list[str]]:
    """Return the rows of the page's tables: number, lesson, link, what is done, tests."""
    return [row for table in tables(PAGE) for row in table[1:]]


@cache
def defined(path: Path) -> frozenset[str]:
    """Return the names of the tests that a file defines, those of its classes too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")
    )


def test_every_lesson_has_its_row() -> None:
    """The threads, the defects and the designs are on the page, each once, in their order."""
    numbers = [row[0] for row in rows()]
    rest = numbers[len(THREADS) :]
    assert numbers[: len(THREADS)] == THREADS
    expected = [f"b{n}" for n in range(1, 9)] + [f"c{n}" for n in range(1, len(rest) - 7)]
    assert (rest, len(rest) > 8) == (expected, True)


def test_every_test_that_is_named_exists() -> None:
    """A test that was renamed or taken away is missed here, and not by the next reader."""
    missing = []
    for number, *_, tests in rows():
        named = [word for word in code_words(tests) if "::" in word]
        if not named:
            missing.append(f"{number}: no test is named")
        for word in named:
            place, name = word.split("::")
            path = ROOT / place
            if not path.is_file() or name not in defined(path):
                missing.append(f"{number}: {word}")
    assert missing == []


def test_every_lesson_says_what_is_done_about_it() -> None:
    """No cell is empty: what happened, where it was told, what is done."""
    assert [row for row in rows() if len(row) != 5 or not all(cell.strip() for cell in row)] == []


def test_the_links_are_well_formed() -> None:
    """Each leads to a public page over https; every thread has one."""
    for number, _, told, *_ in rows():
        links = re.findall(r"\]\(([^)]*)\)", told)
        assert links or number not in THREADS, number
        for link in links:
            parts = urlsplit(link)
            assert parts.scheme == "https", link
            assert re.fullmatch(r"[a-z0-9.-]+\.[a-z]{2,}", parts.netloc), link
            assert not re.search(r"\s", link), link


def test_the_page_misses_no_lesson_of_the_collection() -> None:
    """Where the collection is at hand: each of its threads and of its defects has a row with its links."""
    collection = Path(os.environ.get("MPSTOCK_SHARED", ROOT.parent / "shared")) / "facts/lessons.md"
    if not collection.is_file():
        pytest.skip("the collection of facts is not at hand")
    text = read(collection)
    threads = text.split("### 3a.", 1)[1].split("### 3b.", 1)
    told = {row[0]: row[2] for row in rows()}
    for number, body in re.findall(r"^(\d+)\. (.*)$", threads[0], re.MULTILINE):
        links = re.findall(r"\]\((https://[^)]*)\)", body)
        assert [link for link in links if link not in told[number]] == [], number
    defects = re.findall(r"^- ", threads[1].split("\n---", 1)[0], re.MULTILINE)
    assert len(defects) == len([number for number in told if number.startswith("b")])
