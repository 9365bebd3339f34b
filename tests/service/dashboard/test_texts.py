"""Both catalogues have every text of the pages, and the same values in each."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import mpstock.service.dashboard as package
from mpstock.service.dashboard.texts import CATALOGUES, LANGUAGES, language_of, text

PACKAGE = Path(package.__file__).parent


def _values(told: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(told) if name}


def test_both_languages_have_the_same_texts() -> None:
    """No text is missing in either language, or empty."""
    assert set(LANGUAGES) == set(CATALOGUES) == {language_of(name) for name in CATALOGUES}
    english, russian = CATALOGUES["en"], CATALOGUES["ru"]
    assert set(english) == set(russian)
    assert [
        key for catalogue in CATALOGUES.values() for key, told in catalogue.items() if not told.strip()
    ] == []


def test_a_text_says_the_same_in_each_language() -> None:
    """It has the same values in each of its forms, and as many forms as its language needs."""
    wrong = []
    for key in CATALOGUES["en"]:
        english, russian = (CATALOGUES[language][key].split("|") for language in ("en", "ru"))
        values = {frozenset(_values(form)) for form in (*english, *russian)}
        if len(values) != 1 or (len(english), len(russian)) not in ((1, 1), (2, 3)):
            wrong.append(key)
    assert wrong == []


def test_every_text_that_a_page_asks_for_is_there() -> None:
    """What templates and code name is in the catalogue, and nothing in it is for nobody."""
    sources = [
        path.read_text(encoding="utf-8")
        for path in (*PACKAGE.glob("templates/*.html"), *PACKAGE.glob("*.py"))
    ]
    asked = {key for source in sources for key in re.findall(r"\bt\(\"([a-z_]+)\"", source)}
    assert len(asked) > 80
    # `t("state_" ~ name)`: one of several.
    assert {key for key in asked if not key.endswith("_")} <= set(CATALOGUES["en"])
    begun = {key for key in asked if key.endswith("_")}
    begun |= {word for source in sources for word in re.findall(r"text\(f['\"]([a-z]+_)\{", source)}
    for key in begun:
        assert [told for told in CATALOGUES["en"] if told.startswith(key)], key
    words = {word for source in sources for word in re.findall(r"[\"']([a-z_]+)[\"']", source)}
    lost = [
        key
        for key in CATALOGUES["en"]
        if key not in words and key.removesuffix("_title") not in words and not key.startswith(tuple(begun))
    ]
    assert lost == []


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (1, "1 час"),
        (2, "2 часа"),
        (5, "5 часов"),
        (11, "11 часов"),
        (21, "21 час"),
        (24, "24 часа"),
        (112, "112 часов"),
    ],
)
def test_russian_numbers_take_their_forms(number: int, told: str) -> None:
    """One, few and many, with the teens apart."""
    assert text("ru", "hours", n=number) == told
