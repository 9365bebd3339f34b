"""The list of alerts as people read it: each trouble with its words."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from mpstock.alerts.texts import Words, words_of
from mpstock.errors import ConfigurationError
from mpstock.ledger.troubles import Trouble
from mpstock.nearest import nearest

if TYPE_CHECKING:
    from mpstock.alerts.texts import Language
    from mpstock.reconcile.engine import Engine

__all__ = ["ToldTrouble", "silence", "told"]


@frozen
class ToldTrouble:
    """A trouble with what people call it, what is the matter, and what to do about it."""

    trouble: Trouble
    title: str
    message: str
    mend: str


def told(engine: Engine, over: bool = False, language: Language | None = None) -> list[ToldTrouble]:
    """Return what stands, the worst first, and with `over` what is over; runs in the ledger's thread.

    In the language of `[alerts]`, or in this one.
    """
    words = Words(language or engine.config.alerts.language, engine.config.schedule.timezone)
    return [_told(one, words) for one in engine.ledger.troubles.rows(over=over)]


def silence(engine: Engine, subject: str, length: timedelta, actor: str) -> ToldTrouble:
    """Silence a subject for so long, or with no length tell of it again; runs in the ledger's thread.

    Raises:
        ConfigurationError: there is no such alert.
    """
    troubles = engine.ledger.troubles
    until = engine.clock.now() + length if length else None
    found = troubles.silence(subject, until, actor)
    if found is None:
        meant = nearest(subject, [one.subject for one in troubles.rows(over=True)])
        hint = f"did you mean {meant}?" if meant else "mpstock alerts --all has them"
        raise ConfigurationError(f"there is no alert {subject!r}; {hint}", place="subject")
    return _told(found, Words(engine.config.alerts.language, engine.config.schedule.timezone))


def _told(one: Trouble, words: Words) -> ToldTrouble:
    data = {**one.data, "source": one.source, "sink": one.sink, "sku": one.sku}
    texts = words_of(one.kind, data, words)
    return ToldTrouble(one, texts.title, texts.message, texts.mend)
