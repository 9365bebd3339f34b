"""Who is logged in, and who has tried too often. Kept in memory alone: a restart logs everybody out."""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from collections.abc import Callable

from attrs import define, field

__all__ = ["Attempts", "Notice", "Session", "Sessions"]

IDLE = 12 * 3600.0
"""Seconds without a page after which one has to log in again."""

LONGEST = 7 * 24 * 3600.0
"""Seconds after which one has to in any case."""

MOST = 1_000
"""Sessions at a time; whoever has been idle longest makes room."""

WINDOW = 15 * 60.0
"""Seconds for which a wrong password counts."""

OF_ADDRESS, OF_USER = 10, 50
"""Wrong passwords within that time after which an address, or a user, has to wait. A user's limit is wider:
nobody else shall be able to lock somebody out with a few requests."""


@define
class Notice:
    """What came of something that somebody did, shown once: the key of a text, and what it says."""

    kind: str
    key: str
    values: dict[str, object] = field(factory=dict[str, object])


@define
class Session:
    """Somebody who is logged in. `csrf` has to come with everything that they do."""

    user: str
    begun: float
    seen: float
    csrf: str = field(factory=lambda: secrets.token_urlsafe(32))
    notices: list[Notice] = field(factory=list[Notice])


class Sessions:
    """The sessions by their tokens; only digests of those are kept."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._sessions: dict[str, Session] = {}

    def begin(self, user: str) -> str:
        """Log somebody in; returns the token of the session."""
        now = self._now()
        for key in [key for key, one in self._sessions.items() if self._over(one)]:
            del self._sessions[key]
        if len(self._sessions) >= MOST:
            del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].seen)]
        token = secrets.token_urlsafe(32)
        self._sessions[_digest(token)] = Session(user, now, now)
        return token

    def find(self, token: str, *, touch: bool = True) -> Session | None:
        """Return the session of a token; without `touch` it goes on being idle."""
        session = self._sessions.get(_digest(token))
        if session is None or self._over(session):
            return None
        if touch:
            session.seen = self._now()
        return session

    def end(self, token: str) -> None:
        """Log somebody out."""
        self._sessions.pop(_digest(token), None)

    def _over(self, session: Session) -> bool:
        now = self._now()
        return now - session.seen > IDLE or now - session.begun > LONGEST


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Attempts:
    """Wrong passwords of late, by address and by user."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._failed: dict[tuple[str, str], deque[float]] = {}

    def wait(self, address: str, user: str) -> float:
        """Return for how many seconds nobody may try; 0: now."""
        return max(self._wait(("address", address), OF_ADDRESS), self._wait(("user", user), OF_USER))

    def failed(self, address: str, user: str) -> None:
        """Note a wrong password."""
        for key, most in ((("address", address), OF_ADDRESS), (("user", user), OF_USER)):
            self._failed.setdefault(key, deque(maxlen=most)).append(self._now())
        if len(self._failed) > MOST * 10:
            for key in [key for key, times in self._failed.items() if self._now() - times[-1] > WINDOW]:
                del self._failed[key]

    def succeeded(self, address: str) -> None:
        """Forget what an address got wrong."""
        self._failed.pop(("address", address), None)

    def _wait(self, key: tuple[str, str], most: int) -> float:
        times = self._failed.get(key, deque())
        if len(times) < most:
            return 0.0
        return max(times[0] + WINDOW - self._now(), 0.0)
