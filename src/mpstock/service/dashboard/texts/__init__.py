"""Every text of the pages, in each of their languages."""

from __future__ import annotations

from collections.abc import Mapping

from mpstock.alerts.texts import Language, plural
from mpstock.service.dashboard.texts.english import TEXTS as ENGLISH
from mpstock.service.dashboard.texts.explained import FORMS
from mpstock.service.dashboard.texts.russian import TEXTS as RUSSIAN

__all__ = ["CATALOGUES", "EXPLAINED", "LANGUAGES", "language_of", "text"]

CATALOGUES: Mapping[Language, Mapping[str, str]] = {"en": ENGLISH, "ru": RUSSIAN}

_STAGE = "stage_"

EXPLAINED: Mapping[Language, Mapping[str, str]] = {
    "en": {},
    "ru": {
        **FORMS,
        **{
            f"stage: {key.removeprefix(_STAGE)}": told
            for key, told in RUSSIAN.items()
            if key.startswith(_STAGE)
        },
    },
}
"""The sentences of an explanation, by the form that they have in the core; stages are called as elsewhere."""

LANGUAGES: tuple[Language, ...] = ("en", "ru")
"""The languages that there are; the first one is for whoever reads none of them."""


def language_of(name: str) -> Language | None:
    """Return the language of a name, if it is one of ours."""
    match name:
        case "en" | "ru":
            return name
        case _:
            return None


def text(language: Language, key: str, **values: object) -> str:
    """Return a text with its values put in.

    What has several forms, apart by `|`, takes that of the number `n`: one and many in English; one, few and
    many in Russian.
    """
    told = CATALOGUES[language][key]
    if "|" in told:
        number = values.get("n")
        told = plural(number if isinstance(number, int) else 0, told.split("|"), language)
    return told.format(**values)
