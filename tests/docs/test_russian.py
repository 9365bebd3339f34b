"""docs/ru: the tutorial and the how-tos in Russian say what the English ones say.

Their code blocks are those of the English pages, so what is run there need not be run twice: it is enough to
hold here that they are the same.
"""

from __future__ import annotations

import importlib
import os
import re
from pathlib import Path

import pytest
from attrs import evolve

from tests.docs.markdown import (
    DOCS,
    Section,
    blocks,
    code_words,
    links,
    links_in,
    read,
    sections,
    tables,
    tables_in,
    uncommented,
)

RUSSIAN = DOCS / "ru"
ENGLISH_PAGES = sorted(page for folder in ("tutorial", "howto") for page in (DOCS / folder).glob("*.md"))
UNTRANSLATED: frozenset[str] = frozenset()
"""English pages, such as `howto/install.md`, whose Russian one is still to be written."""

_LANGUAGE = re.compile(r"\A# (?P<title>.+)\n\n(?P<line>(?:По-русски|In English): \[(?P<told>.+)\]\(\S+\))\n")
_WRAPPED = re.compile(r"\n(?! *(?:[-|]|\d+\. |\n|$)) *")
_NUMBERS = {
    "english": re.compile(r"(?<![\w.,-])(?:\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)*)(?![\w-])"),
    "russian": re.compile(r"(?<![\w.,-])(?:\d{1,3}(?: \d{3})+|\d+(?:[.,]\d+)*)(?![\w-])"),
}

each_pair = pytest.mark.parametrize(
    "english",
    [page for page in ENGLISH_PAGES if page.relative_to(DOCS).as_posix() not in UNTRANSLATED],
    ids=lambda page: page.relative_to(DOCS).as_posix(),
)


def twin(english: Path) -> Path:
    return RUSSIAN / english.relative_to(DOCS)


def told(page: Path) -> list[Section]:
    """Return a page's sections, one line a paragraph, without the line that leads to the other language."""
    first, *rest = sections(page)
    first = evolve(first, text=first.text.lstrip().partition("\n")[2])
    return [evolve(one, text=_WRAPPED.sub(" ", one.text.replace("\n\n", "\n \n"))) for one in (first, *rest)]


def pairs(english: Path) -> list[tuple[Section, Section]]:
    """Return the sections of both pages beside each other."""
    return list(zip(told(english), told(twin(english)), strict=True))


def aims(page: Path, text: str) -> set[str]:
    """Return where a text's links lead; a Russian page counts as the English one that it translates."""
    found = set()
    for target in links_in(text):
        path, mark, anchor = target.partition("#")
        if path.startswith(("https://", "http://")):
            found.add(target)
            continue
        aim = Path(os.path.normpath(page.parent / path)) if path else page
        if aim.is_relative_to(RUSSIAN):
            aim = DOCS / aim.relative_to(RUSSIAN)
        if {"tutorial", "howto"} & set(aim.relative_to(DOCS).parts):
            # The heading has another name in the other language; that there is one is held for all pages.
            anchor = ""
        found.add(f"{aim.relative_to(DOCS).as_posix()}{mark}{anchor}")
    return found


def numbers(text: str, language: str) -> set[str]:
    """Return the numbers in the prose: a limit that has moved has moved in both languages."""
    prose = re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "", text))
    prose = re.sub(r"^\d+\. ", "", prose, flags=re.MULTILINE)
    return {re.sub(r"[\s,.]", "", number) for number in _NUMBERS[language].findall(prose)}


def test_each_page_has_its_twin() -> None:
    """Every page of the tutorial and the how-tos is there in Russian, and no other one is."""
    english = {page.relative_to(DOCS).as_posix() for page in ENGLISH_PAGES}
    russian = {page.relative_to(RUSSIAN).as_posix() for page in RUSSIAN.rglob("*.md")} - {"index.md"}
    assert russian == english - UNTRANSLATED, "write docs/ru/…, or name the page in UNTRANSLATED"
    assert english >= UNTRANSLATED


def test_the_contents_are_in_the_same_order() -> None:
    """The Russian table of contents has the pages of the English one, in its order."""

    def listed(index: Path) -> list[str]:
        found = [line for block in blocks(index, "{toctree}") for line in block.text.splitlines()]
        return [line for line in found if line.startswith(("tutorial/", "howto/"))]

    assert listed(RUSSIAN / "index.md") == [
        page for page in listed(DOCS / "index.md") if f"{page}.md" not in UNTRANSLATED
    ]


@each_pair
def test_the_two_lead_to_each_other(english: Path) -> None:
    """Under its title each page links to the other one, by the title that it has there."""
    russian = twin(english)
    here, there = (_LANGUAGE.match(read(page)) for page in (english, russian))
    assert here, "a line that leads to the other language is missing"
    assert there, "a line that leads to the other language is missing"
    assert here["line"].startswith("По-русски: ")
    assert there["line"].startswith("In English: ")
    assert (here["told"], there["told"]) == (there["title"], here["title"])
    assert (english.parent / links(english)[0]).resolve() == russian
    assert (russian.parent / links(russian)[0]).resolve() == english


@each_pair
def test_the_headings_are_level(english: Path) -> None:
    """Both pages have as many headings, of the same levels in the same order."""
    assert [one.level for one in sections(english)] == [one.level for one in sections(twin(english))]


@each_pair
def test_the_code_is_the_same(english: Path) -> None:
    """Each code block is the same to the byte, but for what its comments say."""
    assert [uncommented(block) for block in blocks(english)] == [
        uncommented(block) for block in blocks(twin(english))
    ]


@each_pair
def test_each_section_names_the_same_things(english: Path) -> None:
    """Under each heading stand the same commands, keys and values, the same links and the same numbers."""
    for ours, theirs in pairs(english):
        assert code_words(f"{ours.title}\n{ours.text}") == code_words(f"{theirs.title}\n{theirs.text}"), (
            ours.title
        )
        assert aims(english, ours.text) == aims(twin(english), theirs.text), ours.title
        assert numbers(ours.text, "english") == numbers(theirs.text, "russian"), ours.title


@each_pair
def test_the_tables_and_lists_are_level(english: Path) -> None:
    """Each table has the same rows, told by what is code in them, and each list as many points."""
    for ours, theirs in pairs(english):
        rows, their_rows = (
            [[(len(row), code_words(" ".join(row))) for row in table] for table in tables_in(one.text)]
            for one in (ours, theirs)
        )
        assert rows == their_rows, ours.title
        points, their_points = (
            len(re.findall(r"^ *(?:-|\d+\.) ", one.text, re.MULTILINE)) for one in (ours, theirs)
        )
        assert points == their_points, ours.title


@each_pair
def test_nothing_was_left_in_english(english: Path) -> None:
    """Every paragraph, row and heading of a Russian page is Russian, as far as it is not code or a name."""
    for section in told(twin(english)):
        for line in [section.title, *section.text.splitlines()]:
            prose = re.sub(r"`[^`]*`|\]\([^)]*\)|\{class\}|https?://\S+|\*[^*]+\*", "", line)
            # Names begin with a capital letter, and are what they are.
            words = [word for word in re.findall(r"[^\W\d_]+", prose) if word[0].islower()]
            russian = [word for word in words if "а" <= word[0] <= "ё"]
            assert len(words) < 4 or len(russian) > len(words) / 2, line


@pytest.mark.parametrize(("folder", "language"), [(DOCS, "english"), (RUSSIAN, "russian")])
def test_the_pages_of_the_dashboard_are_called_as_they_call_themselves(folder: Path, language: str) -> None:
    """The page on the dashboard lists its pages by the words that are in its menu, in both languages."""
    texts = importlib.import_module(f"mpstock.service.dashboard.texts.{language}").TEXTS
    names = [
        "overview",
        "products",
        "log",
        "runs",
        "held",
        "failing",
        "alerts",
        "by_hand",
        "shadow",
        "orphans",
    ]
    ((_, *rows),) = tables(folder / "howto/dashboard.md")
    assert [row[0] for row in rows] == [texts[name] for name in names]
