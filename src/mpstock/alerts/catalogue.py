"""The texts of every kind of trouble by language: what is the matter, and how to mend it.

Placeholders: `{count:listing|listings}` counts with the right form of the word (three forms in Russian),
`{since:@}` is a moment in the seller's time zone, `{longest:~}` a length of time, `{first:;}` a list,
`{name:!}` a word of an adapter's.
"""

from __future__ import annotations

from collections.abc import Mapping

from mpstock.alerts.english import ENGLISH
from mpstock.alerts.russian import RUSSIAN
from mpstock.alerts.wording import Texts

__all__ = ["CATALOGUE"]

CATALOGUE: Mapping[str, Mapping[str, Texts]] = {"en": ENGLISH, "ru": RUSSIAN}
"""By language and kind."""
