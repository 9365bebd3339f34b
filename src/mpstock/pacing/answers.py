"""Answers that are not booked yet: they are written with the next place that their account gives out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock

from attrs import define, field, frozen

from mpstock.interfaces import Rate
from mpstock.pacing.hints import Hints
from mpstock.pacing.state import ScopeState

__all__ = ["Answer", "Answers"]


@frozen
class Answer:
    """What came of a request: `key` and `start` are its place's, `at` is when the answer was here."""

    scopes: Sequence[str]
    key: str
    start: float
    at: float
    items: int
    status: int | None
    hints: Hints

    @property
    def hurries(self) -> bool:
        """Whether it says more than that one place is used: every process has to hear of it at once."""
        slower = self.hints.retry_after is not None or self.hints.remaining == 0
        return slower or self.status is None or self.status >= 400

    def book(self, states: Mapping[str, ScopeState], rates: Mapping[str, Rate]) -> None:
        """Write it to the states of its scopes, which are settled."""
        for scope in self.scopes:
            states[scope].answered(
                rates[scope], self.at, self.key, self.start, self.items, self.status, self.hints
            )


@define(eq=False)
class Answers:
    """Those of one account, oldest first; they come in the event loop and are booked in a thread."""

    _waiting: list[Answer] = field(factory=list[Answer])
    _lock: Lock = field(factory=Lock)

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, answer: Answer) -> None:
        with self._lock:
            self._waiting.append(answer)

    def scopes(self) -> list[str]:
        """Return the scopes that they count in."""
        with self._lock:
            return [scope for answer in self._waiting for scope in answer.scopes]

    @contextmanager
    def booking(self, scopes: Collection[str]) -> Iterator[Taking]:
        """Yield what takes those that count in no other scopes; where the booking fails they wait again."""
        taking = Taking(self, frozenset(scopes))
        try:
            yield taking
        except BaseException:
            taking.leave()
            raise

    def _take(self, scopes: Collection[str]) -> list[Answer]:
        with self._lock:
            taken = [one for one in self._waiting if all(scope in scopes for scope in one.scopes)]
            self._waiting[:] = [one for one in self._waiting if one not in taken]
            return taken

    def _put_back(self, taken: Sequence[Answer]) -> None:
        with self._lock:
            self._waiting[:0] = taken


@define(eq=False)
class Taking:
    """The answers that one step of the store books; a step that is begun anew has them all again."""

    _answers: Answers
    _scopes: Collection[str]
    _taken: list[Answer] = field(factory=list[Answer])

    def book(self, states: Mapping[str, ScopeState], rates: Mapping[str, Rate]) -> set[str]:
        """Book what waits now; returns the scopes that it has changed."""
        self._taken += self._answers._take(self._scopes)
        for answer in self._taken:
            answer.book(states, rates)
        return {scope for answer in self._taken for scope in answer.scopes}

    def leave(self) -> None:
        """Let them wait on: nothing of the step is written."""
        self._answers._put_back(self._taken)
        self._taken.clear()
