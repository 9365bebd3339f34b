"""How far a source has been read: the cursor's text, and what to ask for next."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from attrs import frozen

from mpstock_onec.settings import OnecSettings

__all__ = ["Position", "fingerprint"]


@frozen
class Position:
    """Where the last read stood.

    `as_of` is when the request began whose answer is known to the row, `full` when the last full
    read began, `of` the fingerprint of the settings that it was read with.
    """

    as_of: datetime
    full: datetime
    of: str

    def text(self) -> str:
        """Write it as a cursor."""
        return json.dumps({"as_of": self.as_of.isoformat(), "full": self.full.isoformat(), "of": self.of})

    @classmethod
    def from_text(cls, text: str | None) -> Position | None:
        """Read a cursor; None where there is none, or none that can be read."""
        try:
            data = json.loads(text or "")
            as_of, full = (datetime.fromisoformat(data[name]).astimezone(UTC) for name in ("as_of", "full"))
            return cls(as_of, full, str(data["of"]))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None

    def usable(self, now: datetime, full_every: timedelta, of: str) -> bool:
        """Whether an incremental read may go on from here.

        It may not from a moment to come (the clock was set back), after other settings (another
        infobase, other rights, another meaning of its rows), or when a full read is due.
        """
        return self.of == of and self.as_of <= now and self.full <= now and now - self.full < full_every

    def changed_after(self, overlap: timedelta) -> datetime:
        """Return what to ask for: a little further back than we know, to the second."""
        try:
            return (self.as_of - overlap).replace(microsecond=0)
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)


def fingerprint(settings: OnecSettings) -> str:
    """Tell settings apart that read other rows, or mean other things by the same rows."""
    parts = [settings.url, settings.user, settings.warehouse, settings.trust_updated_at, settings.timezone]
    return sha256(json.dumps(parts).encode()).hexdigest()[:16]
