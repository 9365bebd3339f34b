from __future__ import annotations

import copy
import json
import pickle

import pytest

from mpstock.phrases import Phrase, joined, phrase, translated, word

RUSSIAN = {"{units} of {sku}": "{units} шт. {sku}", "takes {what}": "берёт {what}", "unknown": "неизвестно"}


def test_a_phrase_is_its_text() -> None:
    """It equals the plain text, and is written as that: nobody who takes a text need know of phrases."""
    told = phrase("takes {what}", what=joined(", ", [phrase("{units} of {sku}", units=2, sku="A"), "B"]))
    assert told == "takes 2 of A, B"
    assert json.loads(json.dumps({"told": told})) == {"told": "takes 2 of A, B"}
    assert {"takes 2 of A, B": 1}[told] == 1


def test_a_phrase_is_said_in_another_language_with_all_that_is_in_it() -> None:
    """Phrases among its values and its parts are said in that language too."""
    told = phrase("takes {what}", what=joined(", ", [phrase("{units} of {sku}", units=2, sku="A"), "B"]))
    assert translated(told, RUSSIAN) == "берёт 2 шт. A, B"


def test_without_other_forms_it_stays_as_it_is() -> None:
    """A form that has no translation is said as it is; so is what is no phrase."""
    told = joined("; ", [phrase("kept {value}", value=phrase("unknown")), phrase(""), joined("", [])])
    assert translated(told, {}) == told == "kept unknown; ; "
    assert translated(told, RUSSIAN) == "kept неизвестно; ; "
    assert translated("unknown", RUSSIAN) == "unknown"
    assert translated(7, RUSSIAN) == "7"


@pytest.mark.parametrize("value", ["unknown", "{units}", "{0.__class__}", "takes {what}"])
def test_a_value_is_never_taken_for_a_form(value: str) -> None:
    """An article that looks like a form, or is called like a word of ours, is left alone."""
    assert translated(phrase("takes {what}", what=value), RUSSIAN) == f"берёт {value}"


def test_words_of_two_sorts_may_be_called_otherwise() -> None:
    """A stage and a decision of one name are two words."""
    forms = {"stage: stop": "остановлено", "decision: stop": "стоп"}
    assert translated(word("stage", "stop"), forms) == "остановлено"
    assert translated(word("decision", "stop"), forms) == "стоп"
    assert translated(word("node", "stop"), forms) == word("node", "stop") == "stop"


def test_nothing_to_say_is_false() -> None:
    """Where nothing was joined there is nothing: `joined(…) or phrase(…)` says the other."""
    assert not joined("; ", [])
    assert not phrase("")


def test_a_form_with_a_value_that_is_not_given_is_a_mistake() -> None:
    """It is found where the phrase is made, not on the page."""
    with pytest.raises(KeyError):
        phrase("{units} of {sku}", units=2)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_remembers_what_it_was_made_of(again: object) -> None:
    """A phrase that is copied or handed to another process can still be translated."""
    told: Phrase = again(joined(" ", [phrase("unknown")]))  # type: ignore[operator]
    assert translated(told, RUSSIAN) == "неизвестно"
