"""Mutants of the engine that the machine must not let live: each a rule that is broken in one place.

    MPSTOCK_MUTANT=NAME python -m tests.machine.running      the machine against one of them
    python -m tests.machine.mutants [EXAMPLES [NAME …]]      each of them, until it is killed

They are put in from outside, never into the product.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve

from mpstock.errors import InDoubtError, NotSentError
from mpstock.ledger.database import ids
from mpstock.ledger.holds import HoldReading, Holds
from mpstock.ledger.levels import Heard, Levels
from mpstock.ledger.observing import Observing
from mpstock.ledger.orders import OrderReading, Orders
from mpstock.ledger.pushes import Pushes
from mpstock.ledger.recovering import Recovery
from mpstock.ledger.slices import Slices
from mpstock.ledger.stocks import relane
from mpstock.model import OutcomeStatus

__all__ = ["MUTANTS", "put_in"]

Patch = Callable[[], None]
MUTANTS: dict[str, Patch] = {}
BROKEN: list[str] = []
"""What a mutant met that does not fit the engine any more: it breaks no rule, it breaks."""


def mutant(patch: Patch) -> Patch:
    """List a mutant under the name of what it does."""
    MUTANTS[patch.__name__.replace("_", "-")] = patch
    return patch


def _around(owner: Any, name: str, change: Callable[..., Any]) -> None:
    """Let `change` be called with the original first, in its place."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def changed(*arguments: Any, **keywords: Any) -> Any:
        try:
            return change(original, *arguments, **keywords)
        except (TypeError, AttributeError, LookupError, sqlite3.Error) as error:
            # The engine would tell of it as of a failure, and the machine take that for a rule that broke.
            BROKEN.append(f"{name}: {error!r}")
            raise

    setattr(owner, name, changed)


def _in_ledger(self: Any, sql: str, chosen: Sequence[int]) -> None:
    self.db.execute(f"{sql} WHERE id IN (SELECT value FROM json_each(?))", (ids(chosen),))


# ------------------------------------------------------------------ the base


@mutant
def base_kept_after_a_timeout() -> None:
    """What was sent in doubt is taken as if it had not arrived."""

    def settle(original: Any, self: Any, push: int, status: OutcomeStatus, *rest: Any) -> None:
        if status in (OutcomeStatus.DOUBT, OutcomeStatus.WHOLE):
            status = OutcomeStatus.UNSENT
        original(self, push, status, *rest)

    _around(Pushes, "_settle_group", settle)


@mutant
def a_refused_write_is_confirmed() -> None:
    """What was attempted counts as delivered."""

    def settle(original: Any, self: Any, push: int, status: OutcomeStatus, *rest: Any) -> None:
        original(self, push, OutcomeStatus.OK if status is OutcomeStatus.ERROR else status, *rest)

    _around(Pushes, "_settle_group", settle)


@mutant
def an_intent_is_forgotten_at_restart() -> None:
    """What a process that died had on the wire is taken as never sent."""

    def recover(_original: Any, self: Any, *_rest: Any) -> int:
        flying = [row[0] for row in self.db.query("SELECT id FROM marketplace_stocks WHERE in_flight > 0")]
        _in_ledger(self, "UPDATE marketplace_stocks SET in_flight = NULL", flying)
        _in_ledger(self, f"UPDATE marketplace_stocks SET {relane()}", flying)
        self.db.execute("UPDATE pushes SET finished_at = started_at WHERE finished_at IS NULL")
        return len(flying)

    _around(Recovery, "recover", recover)


@mutant
def verify_restores_confirmed() -> None:
    """What is read back otherwise is set back to what was confirmed."""

    def record(original: Any, self: Any, found: Sequence[Any], *rest: Any) -> None:
        original(self, found, *rest)
        db = self.observations.db
        rows = ids(seen.id for seen in found if seen.quantity != seen.base)
        where = "synced_quantity IS NOT NULL AND in_flight IS NULL AND id IN (SELECT value FROM json_each(?))"
        db.execute(
            "UPDATE marketplace_stocks SET wanted = synced_quantity, ready = 1, "
            "lane = CASE WHEN synced_quantity = base THEN NULL WHEN synced_quantity = 0 THEN 0 "
            f"WHEN synced_quantity < base THEN 1 ELSE 2 END WHERE {where}",
            (rows,),
        )
        db.execute(
            "DELETE FROM dirty WHERE product_id IN "
            f"(SELECT product_id FROM marketplace_stocks WHERE {where})",
            (rows,),
        )

    _around(Observing, "_record", record)


@mutant
def an_order_leaves_the_base() -> None:
    """After an order or a cancel a listing is taken to show what was confirmed."""
    _around(Orders, "void_bases", lambda _original, _self, _sink, _pairs: 0)


# ------------------------------------------------------------------ sending


@mutant
def a_retry_sends_the_same_body() -> None:
    """What was not taken in is sent again as it was, a little later."""
    from mpstock.reconcile.pushing import Pusher

    class Retrying:
        def __init__(self, sink: Any) -> None:
            self.sink = sink

        def __getattr__(self, name: str) -> Any:
            return getattr(self.sink, name)

        async def push(self, changes: Any) -> Any:
            for _ in range(2):
                try:
                    return await self.sink.push(changes)
                except (NotSentError, InDoubtError):
                    await asyncio.sleep(1)
            return await self.sink.push(changes)

    def begin(original: Any, self: Any) -> None:
        self.built = evolve(self.built, sink=Retrying(self.built.sink))
        original(self)

    _around(Pusher, "__attrs_post_init__", begin)


@mutant
def cooldown_forgotten_at_restart() -> None:
    """A new process may write at once what the last one wrote a moment ago."""
    from mpstock.assembling import Assembly

    async def build(original: Any, self: Any) -> Any:
        engine = await original(self)
        engine.ledger.database.execute("UPDATE marketplace_stocks SET not_before = NULL")
        return engine

    _around(Assembly, "_build", build)


@mutant
def a_plan_is_no_bound() -> None:
    """A saved plan sends what is wanted now, also where that is more."""

    def compose(original: Any, self: Any, *rest: Any, at_most: Any = None, **keywords: Any) -> Any:
        bound = None if at_most is None else dict.fromkeys(at_most, 10**6)
        return original(self, *rest, at_most=bound, **keywords)

    _around(Pushes, "compose", compose)


# ------------------------------------------------------------------ what makes dirty


@mutant
def expiry_does_not_mark_dirty() -> None:
    """What a cart has held stays hidden when it expires."""
    _around(Holds, "mark_expired", lambda _original, _self, _now: 0)


@mutant
def drift_does_not_mark_dirty() -> None:
    """What is read back otherwise is noted, and nothing follows."""

    def record(original: Any, self: Any, found: Sequence[Any], *rest: Any) -> None:
        dirt = self.observations.dirt
        mark = dirt.mark
        dirt.mark = lambda *_rest, **_keywords: None
        try:
            original(self, found, *rest)
            _in_ledger(
                self.observations,
                "UPDATE marketplace_stocks SET lane = NULL, ready = 0",
                [seen.id for seen in found if seen.base is not None and seen.quantity != seen.base],
            )
        finally:
            dirt.mark = mark

    _around(Observing, "_record", record)


# ------------------------------------------------------------------ guards


@mutant
def a_guard_counts_all_listings() -> None:
    """The share of zeros is of all listings, not of those that show something."""

    def showing(original: Any, self: Any, sink: str, warehouse: str) -> Any:
        every = self.db.scalar(
            "SELECT count(*) FROM marketplace_stocks WHERE marketplace = ? AND warehouse_code = ?",
            (sink, warehouse),
        )
        return evolve(original(self, sink, warehouse), listings=every)

    _around(Slices, "showing", showing)


# ------------------------------------------------------------------ holds


@mutant
def absorption_without_lag() -> None:
    """A source has booked an order the moment it has come to its stage."""
    import mpstock.reconcile.availability as availability

    def booked(original: Any, hold: Any, books: Any, *rest: Any) -> bool:
        from mpstock.reconcile.absorbing import AT_THE_END

        at_once = {hold.origin: evolve(books.get(hold.origin, AT_THE_END), lag=timedelta(0))}
        return bool(original(hold, at_once, *rest))

    _around(availability, "booked", booked)


@mutant
def a_packs_hold_counts_1() -> None:
    """An order of a pack holds one unit."""

    def takes(original: Any, self: Any, sink: str, rows: Any) -> dict[str, dict[int, int]]:
        return {key: dict.fromkeys(parts, 1) for key, parts in original(self, sink, rows).items()}

    _around(Orders, "_takes", takes)


@mutant
def an_order_that_is_gone_holds_nothing() -> None:
    """An order that is told no longer lets its units go at once."""

    def settle(original: Any, self: Any, as_of: datetime, now: datetime) -> int:
        gone = int(original(self, as_of, now))
        self.orders.db.execute("DELETE FROM holds WHERE shipped_at = ?", (_text(as_of),))
        return gone

    _around(OrderReading, "settle_absent", settle)


@mutant
def a_cart_that_is_left_is_kept() -> None:
    """A cart that is told no longer holds its units until it expires."""
    _around(HoldReading, "settle_absent", lambda _original, _self, _as_of, _now: 0)


@mutant
def a_cancel_on_the_way_frees() -> None:
    """A parcel that is cancelled on its way is taken to be in the warehouse."""
    import mpstock.ledger.orders as orders

    def merged(original: Any, known: Any, told: Any) -> Any:
        if known.shipped_at is not None and told.cancelled_at is not None:
            return evolve(known, stage=told.stage, shipped_at=None, cancelled_at=told.cancelled_at)
        return original(known, told)

    _around(orders, "merged", merged)


@mutant
def orders_read_after_sources() -> None:
    """Sources first, then the orders."""
    from mpstock.reconcile.engine import Engine

    class Late:
        def __init__(self, watcher: Any) -> None:
            self.watcher = watcher

        def __getattr__(self, name: str) -> Any:
            return getattr(self.watcher, name)

        async def orders(self, *_rest: Any) -> None:
            """Not yet."""

    async def read(original: Any, self: Any, run: Any, watcher: Any, *rest: Any, **keywords: Any) -> None:
        await original(self, run, Late(watcher), *rest, **keywords)
        await watcher.orders(run, lambda *_rest: None)

    _around(Engine, "_read", read)


# ------------------------------------------------------------------ what is known


@mutant
def a_stale_source_raises() -> None:
    """What a source said last counts as long as nothing newer is there."""
    import mpstock.reconcile.rules as rules

    def of_sources(original: Any, *rest: Any) -> Any:
        return {name: evolve(rule, trusted=True) for name, rule in original(*rest).items()}

    _around(rules, "_source_rules", of_sources)


@mutant
def unknown_is_zero() -> None:
    """A quantity that the source does not know is none."""
    from mpstock.ledger.readings import ReadSession

    def ingest(original: Any, self: Any, reading: Any, now: datetime) -> None:
        levels = [evolve(level, quantity=level.quantity or 0) for level in reading.levels]
        original(self, evolve(reading, levels=levels), now)

    _around(ReadSession, "ingest", ingest)


@mutant
def half_an_answer_is_all() -> None:
    """What an answer that doubts itself leaves out is gone."""
    from mpstock.ledger.readings import ReadSession

    def settle(
        original: Any, self: Any, as_of: datetime, now: datetime, _why: str | None, after: int = 0
    ) -> int | None:
        found: int | None = original(self, as_of, now, None, after)
        return found

    _around(ReadSession, "settle_absent", settle)


@mutant
def an_older_statement_replaces_a_newer() -> None:
    """Whatever comes last counts."""
    import mpstock.ledger.readings as readings

    def replaces(
        _original: Any, level: Any, _as_of: str, quantity: Any, reserved: int, *_: Any, **__: Any
    ) -> bool:
        return level.quantity is not None and (level.quantity, level.reserved) != (quantity, reserved)

    _around(readings, "_replaces", replaces)


@mutant
def a_pushed_row_without_a_time_raises() -> None:
    """A row that may be late or doubled counts as if it were of now."""

    def hear(_original: Any, self: Any, source: str, levels: Any, now: datetime) -> Heard:
        from mpstock.model import Reading

        session = self.begin_pushed(source)
        session.ingest(Reading([evolve(level, updated_at=now) for level in levels], now), now)
        return Heard(session.changed, 0)

    _around(Levels, "hear", hear)


@mutant
def a_late_row_undoes_a_reading() -> None:
    """What a reading has left as it was counts as of when it was written, not as of that reading."""
    _around(Levels, "begin_pushed", lambda _original, self, source, **_rest: self.begin_read(source))


@mutant
def what_was_booked_is_subtracted_again() -> None:
    """Of a quantity that became unknown it is forgotten as of when it was confirmed last."""
    import mpstock.reconcile.components as components

    def net(original: Any, levels: Any, *rest: Any) -> Any:
        return original([evolve(level, confirmed_at=None) for level in levels], *rest)

    _around(components, "net", net)


@mutant
def an_answer_of_before_a_write_is_believed() -> None:
    """What an account tells late takes the place of what was written."""
    _around(Observing, "_late", lambda _original, _self, *_rest: set())


@mutant
def a_zero_by_hand_waits_for_the_next_run() -> None:
    """A run under way goes on as it has planned, whatever people decide."""
    from mpstock.reconcile.planning import Planner

    _around(Planner, "heed", lambda _original, _self, *_rest: 0)
    _around(Planner, "_read_hands", lambda _original, _self: None)


@mutant
def a_shortage_is_forgotten() -> None:
    """Each own warehouse is clamped at zero before they are added up."""
    import mpstock.reconcile.components as components

    def pools(original: Any, *rest: Any) -> Any:
        return {w: evolve(pool, amount=max(pool.amount, 0)) for w, pool in original(*rest).items()}

    _around(components, "pools", pools)


@mutant
def a_raise_does_not_wait_for_its_neighbour() -> None:
    """What one listing gives up is shown by another before it has given it up."""
    import mpstock.reconcile.neighbours as neighbours

    _around(neighbours, "after_neighbours", lambda _original, mine, *_rest: mine)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


# ------------------------------------------------------------------ hunting them


def put_in(name: str) -> None:
    """Put one of them in, for the rest of this process."""
    MUTANTS[name]()


def _hunt(name: str, examples: int) -> tuple[int | None, str]:
    """Let the machine loose on a mutant: after how many examples it fell, None if it lives, and by what."""
    from tests.machine.on_purpose import Machine
    from tests.machine.running import play

    put_in(name)
    with contextlib.redirect_stdout(sys.stderr):
        try:
            play(examples, 50, 7, shrink=False)
        except BaseException as error:
            # The one that failed was run once more, to be told.
            return Machine.examples - 1, f"{type(error).__name__}: {error}".splitlines()[0]
    return None, ""


def main(arguments: list[str]) -> int:
    """Hunt every mutant, or those that are named; 1 if one lives."""
    if arguments[:1] == ["one"]:
        after, by = _hunt(arguments[1], int(arguments[2]))
        told = "LIVES" if after is None else f"killed by example {after}: {by[:110]}"
        print(f"{arguments[1]:42} {f'BROKEN: {BROKEN[0][:110]}' if BROKEN else told}")
        return int(after is None or bool(BROKEN))
    examples = int(arguments[0]) if arguments else 400
    waiting = list(arguments[1:] or MUTANTS)
    hunts: list[subprocess.Popen[bytes]] = []
    failed = 0
    while waiting or hunts:
        while waiting and len(hunts) < (os.cpu_count() or 1):
            command = [sys.executable, "-m", "tests.machine.mutants", "one", waiting.pop(0), str(examples)]
            hunts.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        time.sleep(0.2)
        failed += sum(hunt.returncode for hunt in hunts if hunt.poll() is not None)
        hunts = [hunt for hunt in hunts if hunt.returncode is None]
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
