"""Every text of the pages, in each of their languages."""

from __future__ import annotations

from collections.abc import Mapping

from mpstock.service.dashboard.texts.english import TEXTS as ENGLISH
from mpstock.service.dashboard.texts.russian import TEXTS as RUSSIAN

__all__ = ["CATALOGUES", "LANGUAGES", "text"]

CATALOGUES: Mapping[str, Mapping[str, str]] = {"en": ENGLISH, "ru": RUSSIAN}

LANGUAGES = tuple(CATALOGUES)
"""The languages that there are; the first one is for whoever reads none of them."""


def text(language: str, key: str, **values: object) -> str:
    """Return a text with its values put in.

    What has several forms, apart by `|`, takes that of the number `n`: one and many in English; one, few and
    many in Russian.
    """
    told = CATALOGUES[language][key]
    if "|" in told:
        forms = told.split("|")
        number = values.get("n")
        told = forms[_form(language, abs(number) if isinstance(number, int) else 0)]
    return told.format(**values)


def _form(language: str, number: int) -> int:
    if language == "ru":
        if number % 10 == 1 and number % 100 != 11:
            return 0
        return 1 if 2 <= number % 10 <= 4 and not 12 <= number % 100 <= 14 else 2
    return 0 if number == 1 else 1
