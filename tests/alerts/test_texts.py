"""The words: every kind in both languages, alike in what they say, and Russian in its forms."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

from mpstock.alerts.catalogue import CATALOGUE
from mpstock.alerts.found import MOMENTARY
from mpstock.alerts.texts import Words, length, plural, words_of
from mpstock.alerts.wording import Texts

ROOT = Path(__file__).parents[2]
KINDS = sorted(CATALOGUE["en"])
MOSCOW = ZoneInfo("Europe/Moscow")


def _placeholders(texts: Texts) -> dict[str, str]:
    found = {}
    for text in (texts.title, texts.message, texts.mend):
        for _, name, spec, _ in Formatter().parse(text):
            if name is not None:
                found[name] = "words" if spec and "|" in spec else str(spec)
    return found


def _told_kinds() -> set[str]:
    """The kinds that conditions and the engine make, as they stand in their source."""
    found = set()
    for path in (ROOT / "src/mpstock").rglob("*.py"):
        if path.parent.name in ("alerts", "reconcile"):
            found |= set(re.findall(r'f?"([a-z_]+):\{', path.read_text(encoding="utf-8")))
    return found & set(KINDS)


def test_each_kind_is_there_in_both_languages() -> None:
    """None is told in one language only, and what the code tells is in the catalogue."""
    assert set(CATALOGUE["en"]) == set(CATALOGUE["ru"])
    assert set(KINDS) >= MOMENTARY
    assert {"shows_zero", "refused", "fall_refused", "another_writer", "oversold"} <= _told_kinds()


@pytest.mark.parametrize("kind", KINDS)
def test_both_languages_say_the_same(kind: str) -> None:
    """They use the same facts, each in the same way; and each has a title, a sentence and a mend."""
    english, russian = CATALOGUE["en"][kind], CATALOGUE["ru"][kind]
    assert _placeholders(english) == _placeholders(russian)
    assert all((text.title and text.message and text.mend) for text in (english, russian))
    assert re.search("[а-яё]", russian.title + russian.message)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "ru"])
def test_words_that_are_counted_have_every_form(kind: str, language: str) -> None:
    """Two forms in English, three in Russian, and none of them empty."""
    texts = CATALOGUE[language][kind]
    for text in (texts.title, texts.message, texts.mend):
        for _, name, spec, _ in Formatter().parse(text):
            if name is not None and spec and "|" in spec:
                forms = spec.split("|")
                assert len(forms) == (2 if language == "en" else 3)
                assert all(forms)


def test_russian_numbers_take_the_right_form() -> None:
    """1 строка, 2 строки, 5 строк; 11 to 14 are like 5, whatever they end with; 21 and 101 like 1."""
    forms = ("строка", "строки", "строк")
    assert [plural(n, forms, "ru") for n in (1, 21, 101, 1001)] == ["строка"] * 4
    assert [plural(n, forms, "ru") for n in (2, 3, 4, 22, 104)] == ["строки"] * 5
    assert [plural(n, forms, "ru") for n in (0, 5, 10, 11, 12, 14, 19, 111, 112, 1000)] == ["строк"] * 10
    assert [plural(n, ("row", "rows"), "en") for n in (1, 0, 2, 21)] == ["row", "rows", "rows", "rows"]


def test_times_are_the_seller_s_own() -> None:
    """A moment is shown in their time zone, a length of time by its two largest units."""
    russian = Words("ru", MOSCOW)
    at = datetime(2026, 11, 26, 21, 30, tzinfo=UTC)
    assert russian.vformat("{at:@}", (), {"at": at.isoformat()}) == "27.11.2026 00:30"
    assert Words("en", MOSCOW).vformat("{at:@}", (), {"at": at}) == "2026-11-27 00:30"
    assert length(timedelta(days=1, hours=2, minutes=3), "ru") == "1 д 2 ч"
    assert length(timedelta(minutes=5), "en") == "5 min"
    assert length(timedelta(0), "en") == "0 min"


def test_what_is_missing_does_not_keep_a_notice_back() -> None:
    """A fact that an older version did not keep shows as a question mark; an unknown kind by its name."""
    texts = words_of("stale", {"source": "erp"}, Words("en", MOSCOW))
    assert texts.message.startswith("erp was last read at ?")
    assert words_of("from_the_future", {"a": 1}, Words("ru", MOSCOW)).title == "from the future"


def test_a_whole_text_in_russian() -> None:
    """As it arrives: forms, names of credentials, lists."""
    data = {
        "sink": "wb",
        "count": 3,
        "units": 21,
        "since": "2026-11-26T09:00:00+00:00",
        "first": ["A: 0 → 7"],
    }
    texts = words_of("shows_zero", data, Words("ru", MOSCOW))
    assert texts.title == "wb: 3 позиции без остатка, хотя товар есть"
    assert texts.message == (
        "3 позиции на wb показывают 0 (первая с 26.11.2026 12:00), а должны показывать 21 штуку: A: 0 → 7"
    )
    data = {"adapter": "wb", "name": "token", "at": "2026-12-01T00:00:00+00:00"}
    assert words_of("credential_ends", data, Words("ru", MOSCOW)).title == "wb: скоро кончится токен"


def test_each_kind_stands_in_the_reference() -> None:
    """The list of alerts has a line for each kind, and none for another."""
    page = (ROOT / "docs/reference/alerts.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE) == list(CATALOGUE["en"])
