"""Sentences that remember how they were made, so that a page can say them in its reader's language.

The core speaks English. What it tells people in an explanation is made of a form and of values. As text it is
English; whoever has the form in another language can put the same values into that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Phrase", "joined", "phrase", "translated", "word"]


class Phrase(str):
    """A text in English with the `form` and the `values` that it was made of, or with its `parts`.

    Make it with `phrase` or `joined`. It equals the plain text, and is stored and printed as that. `parts`
    are joined by `form`.
    """

    form: str
    values: Mapping[str, object]
    parts: Sequence[object]

    def __new__(
        cls,
        text: str,
        form: str = "",
        values: Mapping[str, object] | None = None,
        parts: Sequence[object] = (),
    ) -> Phrase:
        """Return the text; nothing of what it was made of is looked at."""
        made = super().__new__(cls, text)
        made.form, made.values, made.parts = form, values or {}, parts
        return made


def phrase(form: str, **values: object) -> Phrase:
    """Return a form with its values put in; a value may be a phrase itself.

    Raises:
        KeyError: the form names a value that is not given.
    """
    return Phrase(form.format_map(values), form, values)


def word(sort: str, text: str) -> Phrase:
    """Return one of a sort of words, such as the name of a stage; its form is `stage: holds`.

    So a word of another sort that is spelled alike may be called otherwise.
    """
    return Phrase(text, f"{sort}: {text}")


def joined(separator: str, parts: Iterable[object]) -> Phrase:
    """Return the parts with the separator, which no language changes, between them."""
    kept = tuple(parts)
    return Phrase(separator.join(map(str, kept)), separator, parts=kept)


def translated(text: object, forms: Mapping[str, str]) -> str:
    """Return a text with other forms, by the English one; what has none, or is no phrase, stays as it is.

    What people or marketplaces have written stays in their own words, for it is a value and no form.
    """
    if not isinstance(text, Phrase):
        return str(text)
    if text.parts:
        return text.form.join(translated(part, forms) for part in text.parts)
    form = forms.get(text.form)
    if not text.values:
        return str(text) if form is None else form
    values = {name: translated(value, forms) for name, value in text.values.items()}
    return (text.form if form is None else form).format_map(values)
