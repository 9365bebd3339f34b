"""How far a source has been read: the cursor's text, and whether an incremental read may go on from it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from attrs import frozen

__all__ = ["FURTHEST", "Position"]

FURTHEST = timedelta(hours=24)
"""How far back `changedSince` may ask (short report)."""

_MARGIN = timedelta(minutes=1)


@frozen
class Position:
    """Where the last read stood.

    `as_of` is when the request began whose answer is known, `full` when the last full read began. `again`
    says that some numbers were not known: МойСклад does not tell when it has reckoned them, so that the
    next read is a full one.
    """

    as_of: datetime
    full: datetime
    again: bool = False

    def text(self) -> str:
        """Write it as a cursor."""
        return json.dumps(
            {"as_of": self.as_of.isoformat(), "full": self.full.isoformat(), "again": self.again}
        )

    @classmethod
    def from_text(cls, text: str | None) -> Position | None:
        """Read a cursor; None where there is none, or none that can be read."""
        try:
            data = json.loads(text or "")
            as_of, full = (datetime.fromisoformat(data[name]).astimezone(UTC) for name in ("as_of", "full"))
            return cls(as_of, full, bool(data.get("again", False)))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            return None

    def since(self, now: datetime, overlap: timedelta, full_every: timedelta) -> datetime | None:
        """What to ask for: what has changed since then; None = everything has to be read.

        That is so when a full read is due, when the clock was set back, and beyond the vendor's 24 hours.
        """
        due = self.again or now - self.full >= full_every
        if due or self.as_of > now or self.full > now:
            return None
        since = (self.as_of - overlap).replace(microsecond=0)
        return since if now - since < FURTHEST - _MARGIN else None
