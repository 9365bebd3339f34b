"""How far the readings of postings have come: what one has come across, and where the next one goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from attrs import define, field, frozen

from mpstock import OrderStage, Problem
from mpstock_ozon import wire
from mpstock_ozon.postings import PostingPage

__all__ = ["AHEAD", "OVERLAP", "Cursor", "Walked"]

OVERLAP = timedelta(minutes=15)
"""How much of the last reading's time is read again: how late Ozon lists a change is not documented."""

AHEAD = timedelta(days=1)
"""How far Ozon's clock may be ahead of ours, so that what it dates is asked for: a machine that is set to
another zone's time included.

An open posting that was cancelled is in none of the open ones. Were its change left out as well, it would
count as handed over, and its units stay hidden until the warehouse system is thought to have booked them.
"""

WHOLE_EVERY = timedelta(hours=1)
"""How often open postings of several pages are read twice, to be sure that none was left out."""

OPEN_EVERY = timedelta(minutes=5)
"""How often open postings of several pages are read; in between the changes tell what is new.

Shorter than `OVERLAP`: what changed since the last such reading is told once more at the next.
"""

LISTED_WITHIN = timedelta(seconds=30)
"""How much later than among the open ones a new posting may be told as a change."""

DOUBTED_FOR = timedelta(days=1)
"""For how long the open ones are read every time after the changes have left out a new posting."""

FIRST_LOOK_BACK = timedelta(days=3)
"""How far back the first reading looks for what has changed."""

LONGEST_LOOK_BACK = timedelta(days=30)
"""How far back a reading looks after a long pause; what ended before that has just vanished."""

ASKED_AGAIN = timedelta(days=1)
"""For how long a change that cannot be read is asked for again, at the cost of all that changed meanwhile."""

_GOING = (OrderStage.PLACED, OrderStage.ASSEMBLED)


@define
class Walked:
    """What one reading has come across, by posting number.

    `apart` begins with what was remembered; what has turned up since is taken out of it. `pages` are those
    of the open ones, none if they were left out. `untold` are those that were placed between `since` and
    `told_by`, and no change has told yet.
    """

    apart: set[str]
    since: datetime
    told_by: datetime
    pages: int = 0
    open: set[str] = field(factory=set[str])
    untold: set[str] = field(factory=set[str])
    late: set[str] = field(factory=set[str])
    unread_open: list[Problem] = field(factory=list[Problem])
    unread_changes: list[Problem] = field(factory=list[Problem])

    def take_open(self, page: PostingPage) -> None:
        """Take in a page of the open postings."""
        self.pages += 1
        self.open.update(page.numbers)
        self.apart.difference_update(page.numbers)
        self.unread_open.extend(page.problems)
        self.untold.update(
            order.key.partition("/")[0]
            for order in page.orders
            if self.since <= order.placed_at <= self.told_by
        )

    def take_changed(self, page: PostingPage) -> None:
        """Take in a page of the postings that have changed; read after the open ones."""
        self.unread_changes.extend(page.problems)
        going = {order.key.partition("/")[0] for order in page.orders if order.stage in _GOING}
        self.untold.difference_update(page.numbers)
        if self.pages:
            self.late.update(going - self.open)
        ended = set(page.numbers) - going
        self.apart -= ended
        self.late -= ended


@frozen
class Cursor:
    """Where the next reading goes on.

    `changes_since` is when the last one began, None before the first. `whole_at` is when the open postings
    were last read completely. `open_at` is when they last filled several pages, and `doubted_at` when the
    changes left out a new one of them. `apart` are postings that were told as open, but not among the open
    ones, with the time since when.
    """

    changes_since: datetime | None = None
    whole_at: datetime | None = None
    open_at: datetime | None = None
    doubted_at: datetime | None = None
    apart: Mapping[str, datetime] = field(factory=dict[str, datetime])

    @classmethod
    def read(cls, text: str | None, now: datetime) -> Cursor:
        """Read a cursor; one that is none of ours counts as none, and a time to come as now."""
        try:
            data = json.loads(text or "")
            since = wire.moment(data["changes_since"])
            apart = {str(number): wire.moment(at) or now for number, at in dict(data["apart"]).items()}
            whole_at, open_at, doubted_at = (
                None if (at := wire.moment(data.get(name))) is None else min(at, now)
                for name in ("whole_at", "open_at", "doubted_at")
            )
        except (ValueError, TypeError, KeyError):
            return cls()
        if since is None:
            return cls()
        return cls(
            min(since, now),
            whole_at,
            open_at,
            doubted_at,
            {number: at for number, at in apart.items() if now - at < LONGEST_LOOK_BACK},
        )

    def text(self) -> str:
        """Return the cursor as it is kept."""
        moments = {
            "changes_since": self.changes_since,
            "whole_at": self.whole_at,
            "open_at": self.open_at,
            "doubted_at": self.doubted_at,
        }
        return json.dumps(
            {
                **{name: None if at is None else at.isoformat() for name, at in moments.items()},
                "apart": {number: at.isoformat() for number, at in sorted(self.apart.items())},
            }
        )

    def since(self, now: datetime) -> datetime:
        """Return from when on changes are asked for."""
        if self.changes_since is None:
            return now - FIRST_LOOK_BACK
        return max(self.changes_since - OVERLAP, now - LONGEST_LOOK_BACK)

    def is_due(self, now: datetime) -> bool:
        """Tell whether several pages are worth reading twice."""
        return self.whole_at is None or now - self.whole_at >= WHOLE_EVERY

    def doubts(self, now: datetime) -> bool:
        """Tell whether the changes were lately seen to leave out what is new."""
        return self.doubted_at is not None and now - self.doubted_at < DOUBTED_FOR

    def leaves_open_out(self, now: datetime) -> bool:
        """Tell whether the changes are enough: the open ones fill several pages, and were just read."""
        return self.open_at is not None and now - self.open_at < OPEN_EVERY and not self.doubts(now)

    def walk(self, started: datetime) -> Walked:
        """Return what a reading that begins now fills."""
        return Walked(set(self.apart), self.since(started) + LISTED_WITHIN, started - LISTED_WITHIN)

    def after(self, started: datetime, walked: Walked, *, complete: bool) -> Cursor:
        """Return the cursor after a reading. A change that could not be read is asked for again."""
        again = max(self.since(started) + OVERLAP, started - ASKED_AGAIN)
        open_at = self.open_at if not walked.pages else started if walked.pages > 1 else None
        return Cursor(
            again if walked.unread_changes else started,
            started if complete else self.whole_at,
            None if walked.unread_changes else open_at,
            started if walked.untold and open_at is not None else self.doubted_at,
            {number: self.apart.get(number, started) for number in walked.apart | walked.late},
        )
