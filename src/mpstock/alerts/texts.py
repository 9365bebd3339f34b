"""From a kind and its data to words: plural forms, moments in the seller's time zone, lengths of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from string import Formatter
from typing import Any, Literal
from zoneinfo import ZoneInfo

from mpstock.alerts.catalogue import CATALOGUE
from mpstock.alerts.wording import Texts

__all__ = ["Language", "Words", "length", "plural", "words_of"]

Language = Literal["en", "ru"]

_UNITS: Mapping[Language, Sequence[tuple[int, str]]] = {
    "en": ((86_400, "d"), (3_600, "h"), (60, "min")),
    "ru": ((86_400, "д"), (3_600, "ч"), (60, "мин")),
}


_NAMES: Mapping[Language, Mapping[str, str]] = {
    "en": {},
    "ru": {"token": "токен", "API key": "ключ API", "password": "пароль"},
}
"""What adapters call their credentials, in the language of the reader."""


def plural(number: int, forms: Sequence[str], language: Language) -> str:
    """Return the form of a word that goes with a number: of two in English, of three in Russian."""
    if language == "en":
        return forms[0] if number == 1 else forms[1]
    tens, ones = number % 100, number % 10
    if ones == 1 and tens != 11:
        return forms[0]
    return forms[1] if 2 <= ones <= 4 and not 12 <= tens <= 14 else forms[2]


def length(value: timedelta, language: Language) -> str:
    """Return a length of time for people, its two largest units: `2 h 5 min`."""
    rest = int(value.total_seconds())
    parts: list[str] = []
    for seconds, unit in _UNITS[language]:
        count, rest = divmod(rest, seconds)
        if count or (seconds == 60 and not parts):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


class Words(Formatter):
    """Fills the catalogue's texts in one language; times are shown in one time zone.

    What is missing from the data shows as `?`: a text that is told badly is better than none.
    """

    def __init__(self, language: Language, zone: ZoneInfo) -> None:
        self.language: Language = language
        self.zone = zone

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Return what a placeholder stands for."""
        return kwargs.get(str(key), "?")

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return a value as its placeholder wants it."""
        if value == "?" or not format_spec:
            return str(value)
        if format_spec == "@":
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
            return self.moment(moment)
        if format_spec == "~":
            return length(timedelta(seconds=float(value)), self.language)
        if format_spec == "!":
            return _NAMES[self.language].get(str(value), str(value))
        if format_spec == ";":
            return "; ".join(map(str, value)) or "?"
        number = int(value)
        return f"{number} {plural(number, format_spec.split('|'), self.language)}"

    def moment(self, at: datetime) -> str:
        """Return a moment in the seller's time zone, to the minute."""
        here = at.astimezone(self.zone)
        return f"{here:%d.%m.%Y %H:%M}" if self.language == "ru" else f"{here:%Y-%m-%d %H:%M}"


def words_of(kind: str, data: Mapping[str, Any], words: Words) -> Texts:
    """Return the texts of a trouble; a kind that is not in the catalogue is told by its name."""
    texts = CATALOGUE[words.language].get(kind)
    if texts is None:
        return Texts(kind.replace("_", " "), ", ".join(f"{key}: {value}" for key, value in data.items()), "")
    return Texts(*(words.vformat(text, (), data) for text in (texts.title, texts.message, texts.mend)))
