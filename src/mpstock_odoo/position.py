"""How far a source has been read: the cursor's text, and what to ask for next."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from attrs import evolve, frozen

from mpstock_odoo.settings import OdooSettings

__all__ = ["Position", "fingerprint"]

_MOST = 1000


@frozen
class Position:
    """Where the last read stood.

    `as_of` is when it began, by our clock or the server's, whichever is behind; `full` when the last full
    read began; `of` the fingerprint of the settings. `warehouses` are all names that were read with them.
    `again` are products whose quantity was unknown: they are looked at each time, for what makes them known
    (their twin gets another article) may be written at another product.
    """

    as_of: datetime
    full: datetime
    of: str
    warehouses: tuple[str, ...] = ()
    again: tuple[int, ...] = ()

    def looking_again(self, ids: Collection[int]) -> Position:
        """Return it with these products to look at again, the first thousand of them."""
        return evolve(self, again=tuple(sorted(ids)[:_MOST]))

    def text(self) -> str:
        """Write it as a cursor."""
        data = {
            "as_of": self.as_of.isoformat(),
            "full": self.full.isoformat(),
            "of": self.of,
            "warehouses": self.warehouses,
            "again": self.again,
        }
        return json.dumps(data, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str | None) -> Position | None:
        """Read a cursor; None where there is none, or none that can be read."""
        try:
            data = json.loads(text or "")
            as_of, full = (datetime.fromisoformat(data[name]).astimezone(UTC) for name in ("as_of", "full"))
            names, again = tuple(map(str, data["warehouses"])), tuple(map(int, data["again"]))
            return cls(as_of, full, str(data["of"]), names, again)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None

    def usable(self, now: datetime, full_every: timedelta) -> bool:
        """Whether an incremental read may go on from here.

        It may not from a moment to come (the clock was set back), or when a full read is due.
        """
        return self.as_of <= now and self.full <= now and now - self.full < full_every

    def changed_after(self, overlap: timedelta) -> datetime:
        """Return what to ask for: a little further back than we know."""
        try:
            return self.as_of - overlap
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)


def fingerprint(settings: OdooSettings) -> str:
    """Tell settings apart that read other rows, or mean other things by the same rows."""
    parts = [
        settings.base_url.rstrip("/"),
        settings.database,
        settings.user,
        settings.field,
        settings.tell_reserved,
        settings.sku_by,
        sorted(settings.warehouses.items()),
        sorted(settings.company_ids),
    ]
    return sha256(json.dumps(parts).encode()).hexdigest()[:16]
