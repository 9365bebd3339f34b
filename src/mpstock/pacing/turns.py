"""Who of those that wait may go now, and when it is worth looking again. Pure, as the state is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from mpstock.interfaces import Rate
from mpstock.pacing.state import Flight, Ruling, ScopeState

if TYPE_CHECKING:
    import asyncio

__all__ = ["Granted", "Round", "Waiter", "take_turns"]

POLL = 0.25
"""Seconds between two looks at a state that another process may move."""

YIELD = 0.02
"""Seconds by which the process that went last lets another one go first."""


@define(eq=False)
class Waiter:
    """A request that waits for its place; `future` gets the slot.

    `planned` is the earliest that it may go, as far as is known: when it came, at first.
    """

    scopes: tuple[str, ...]
    items: int
    lease: float
    patience: float | None
    planned: float
    future: asyncio.Future[Any]


@frozen
class Granted:
    """The place of the waiter at that index: its key in the states, and what it did to each schedule."""

    waiter: int
    key: str
    start: float
    stamps: Mapping[str, tuple[float, float]]


@frozen
class Round:
    """Who may go, who is told to give up (after so many seconds at the least), when to look again.

    `awaits` says that an answer to a request under way may let someone go earlier.
    """

    granted: tuple[Granted, ...] = ()
    refused: Mapping[int, float] = field(factory=dict[int, float])
    wake: float | None = None
    awaits: bool = False


def take_turns(
    waiters: Sequence[Waiter],
    states: Mapping[str, ScopeState],
    rates: Mapping[str, Rate],
    now: float,
    owner: str,
    numbers: Iterator[int],
) -> tuple[Round, set[str]]:
    """Go through the waiters in their order and take a place for each who may go now.

    Who waits for a scope closes it to those behind (a large request would never get its items else);
    who waits for one scope lets pass whoever does not count in it.
    """
    granted: list[Granted] = []
    refused: dict[int, float] = {}
    closed: set[str] = set()
    touched: set[str] = set()
    wake: float | None = None
    awaits = False
    for index, waiter in enumerate(waiters):
        blocked = max(states[scope].blocked_until for scope in waiter.scopes) - now
        if waiter.patience is not None and blocked > waiter.patience:
            refused[index] = blocked
            continue
        if not closed.isdisjoint(waiter.scopes):
            continue
        rulings = {scope: states[scope].rule(rates[scope], now, waiter.items) for scope in waiter.scopes}
        waiting = [scope for scope, ruling in rulings.items() if ruling.at is None or ruling.at > now]
        if waiting:
            closed.update(waiting)
            awaits = awaits or any(rulings[scope].at is None for scope in waiting)
            # Kept, for when the time has come nothing in the states tells any more what it was.
            waiter.planned = max(waiter.planned, *(ruling.at or now for ruling in rulings.values()))
            mine = any(states[scope].last == owner for scope in waiting)
            foreign = any(one.owner != owner for scope in waiting for one in states[scope].open.values())
            look = _look_again(rulings.values(), now, mine=mine, foreign=foreign)
            wake = look if wake is None else min(wake, look)
            continue
        key = f"{owner}.{next(numbers)}"
        at = max(waiter.planned, *(ruling.at or now for ruling in rulings.values()))
        stamps = {
            scope: states[scope].grant(
                rates[scope], now, at, key, Flight(now, now + waiter.lease, waiter.items, owner)
            )
            for scope in waiter.scopes
        }
        touched.update(waiter.scopes)
        granted.append(Granted(index, key, now, stamps))
    return Round(tuple(granted), refused, wake, awaits), touched


def _look_again(rulings: Collection[Ruling], now: float, *, mine: bool, foreign: bool) -> float:
    """When to look again; an answer to one of our own requests makes us look at once anyway."""
    known = [ruling.at for ruling in rulings if ruling.at is not None]
    lapses = [ruling.again for ruling in rulings if ruling.at is None]
    if lapses:
        return max([min(lapses), *known] if not foreign else [now + POLL, *known])
    at = max(known, default=now)
    return at + (min(YIELD, (at - now) / 10) if mine else 0.0)
