"""What goes on the wire: intents before, outcomes after, one transaction a batch, and the sync log."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mpstock.ledger.batches import Batch, Grounds, Item, Queue, Waiting
from mpstock.ledger.database import as_datetime, as_text, ids
from mpstock.ledger.listing_rows import listings_of
from mpstock.ledger.recovering import LATE, SETTLES
from mpstock.ledger.stocks import LONGEST_REST, relane
from mpstock.model import Change, OutcomeStatus

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.ledger.dirt import Dirt, Mark
    from mpstock.ledger.log import SyncLog
    from mpstock.ledger.quarantine import Quarantine, Rest
    from mpstock.ledger.recovering import Recovery
    from mpstock.model import Outcome

__all__ = ["Pushes"]

_APPLIED = {OutcomeStatus.OK, OutcomeStatus.ERROR, OutcomeStatus.DOUBT}
"""The outcomes that the sync log tells of: the others left everything as it was."""

LONGEST_REST_OF_A_FALL = timedelta(seconds=60)
"""A refused fall is the most urgent thing there is: it is tried again within this time."""

REST_OF_A_FALL = timedelta(seconds=15)
"""When a sink refuses a fall and does not say when to come again, this is when."""

_OF_THIS_RUN = "(s.sync_status <> 'error' OR s.lane = 2)"
"""Of what rests: a refused raise that is ready was refused in an earlier run, a refused fall in this one."""

_UNTOUCHED = {OutcomeStatus.UNSENT, OutcomeStatus.BUSY}


class Pushes:
    """The batches on their way, and what came of them."""

    def __init__(
        self, database: Database, dirt: Dirt, log: SyncLog, recovery: Recovery, quarantine: Quarantine
    ) -> None:
        self.db = database
        self._dirt = dirt
        self._log = log
        self._recovery = recovery
        self._quarantine = quarantine

    def queue(
        self, sink: str, warehouse: str | None, now: datetime, batch: int, cooldown: timedelta,
        only: Collection[int] | None = None,
    ) -> Queue:  # fmt: skip
        """Return what waits for a sink or, if given, for one of its warehouses, or of some states.

        What rests is counted only where what may go does not fill a batch: the cost follows the
        batch, not the queue.
        """
        where, parameters = _where(sink, warehouse, only)
        moment = as_text(now)
        eligible, first = self.db.one(
            "SELECT count(*), coalesce(min(lane), 2) FROM (SELECT s.lane FROM marketplace_stocks AS s "
            f"WHERE {where} AND (s.not_before IS NULL OR s.not_before <= ?) "
            "ORDER BY s.lane, s.id LIMIT ?) AS first",
            (*parameters, moment, batch),
        )
        if eligible >= batch:
            return Queue(eligible, first == 0, first < 2, 0, None)
        soon, next_at = self.db.one(
            "SELECT count(CASE WHEN s.not_before <= ? THEN 1 END), min(s.not_before) "
            f"FROM marketplace_stocks AS s WHERE {where} AND s.not_before > ? AND {_OF_THIS_RUN}",
            (as_text(now + cooldown), *parameters, moment),
        )
        return Queue(eligible, first == 0, first < 2, soon, as_datetime(next_at))

    def fronts(
        self, sink: str, now: datetime, *, by_warehouse: bool, only: Collection[int] | None = None
    ) -> dict[str | None, int | None]:
        """Return the lane of the first change that may go now, by sink warehouse, or of all of them (None).

        Nothing, or None, is told of those of which nothing may. One question for all of them, for it is asked
        before each batch: it costs a look at each that has something ready, however much that is.
        """
        where, parameters = _where(sink, None, only)
        may_go, moment = "(s.not_before IS NULL OR s.not_before <= ?)", as_text(now)
        if not by_warehouse:
            first = f"SELECT min(s.lane) FROM marketplace_stocks AS s WHERE {where} AND {may_go}"
            return {None: self.db.scalar(first, (*parameters, moment))}
        if only is not None:
            return dict(
                self.db.query(
                    f"SELECT s.warehouse_code, min(s.lane) FROM marketplace_stocks AS s WHERE {where} "
                    f"AND {may_go} GROUP BY s.warehouse_code",
                    (*parameters, moment),
                )
            )
        next_code = f"SELECT min(s.warehouse_code) FROM marketplace_stocks AS s WHERE {where}"
        return dict(
            self.db.query(
                # From warehouse to warehouse through the index, not through all that is ready.
                f"WITH RECURSIVE codes(code) AS ({next_code} UNION ALL "
                f"SELECT ({next_code} AND s.warehouse_code > codes.code) FROM codes WHERE code IS NOT NULL) "
                f"SELECT code, (SELECT min(s.lane) FROM marketplace_stocks AS s WHERE {where} "
                f"AND s.warehouse_code = codes.code AND {may_go}) FROM codes WHERE code IS NOT NULL",
                (*parameters, *parameters, *parameters, moment),
            )
        )

    def first_rested(
        self,
        sink: str,
        now: datetime,
        *,
        warehouses: Collection[str | None] | None = None,
        only: Collection[int] | None = None,
    ) -> datetime | None:
        """Return when the first change may go that rests now, of a sink or of some of its warehouses."""
        where, parameters = _where(sink, None, only)
        if warehouses is not None:
            where, parameters = f"{where} AND s.warehouse_code IN texts(?)", (*parameters, ids(warehouses))
        return as_datetime(
            self.db.scalar(
                f"SELECT min(s.not_before) FROM marketplace_stocks AS s WHERE {where} AND s.not_before > ? "
                f"AND {_OF_THIS_RUN}",
                (*parameters, as_text(now)),
            )
        )

    def compose(
        self,
        sink: str,
        warehouse: str | None,
        limit: int,
        now: datetime,
        *,
        run: int,
        cooldown: timedelta,
        replan: Callable[[Sequence[Mark]], int],
        grounds: Grounds | None = None,
        group: Iterable[int] | None = None,
        at_most: Mapping[int, int] | None = None,
        only: Collection[int] | None = None,
    ) -> Batch | None:
        """Take up to `limit` changes that may go now, zeros first, and record the intent to send them.

        The quantities are computed here, at the moment of sending: products that were marked since they
        were planned are planned anew by `replan` (given their marks, it returns how many it planned) before
        anything is taken; what may have moved unmarked is reckoned once more by `grounds`.
        `group` names parked states to take instead of what is ready, `at_most` bounds the quantities (a plan
        that was made before); what is not in it stays for another run. Of what is ready only the states in
        `only` are taken, if given.
        Returns None when nothing may go.
        """
        with self.db.transaction():
            while True:
                rows = self._eligible(sink, warehouse, limit, now, group, only)
                if at_most is not None and (foreign := [row[0] for row in rows if row[0] not in at_most]):
                    self.park(foreign)
                    continue
                marks = self._dirt.among({row[1] for row in rows})
                if marks and replan(marks):
                    continue
                waiting = [] if grounds is None else _waiting(rows, all_of_them=grounds.wary)
                if grounds is None or not waiting or not grounds.renew(waiting):
                    break
            if not rows:
                return None
            moment = as_text(now)
            push = self.db.insert(
                "INSERT INTO pushes (run_id, marketplace, size, started_at) VALUES (?, ?, ?, ?)",
                (run, sink, len(rows), moment),
            )
            explained: Mapping[int, int] = {}
            if grounds is not None and (open_ := [one for one in waiting if not one.explained]):
                explained = grounds.keep(open_)
            items = _items(rows, at_most, explained, now)
            self.db.execute(
                "UPDATE marketplace_stocks SET in_flight = ?, sent = wanted, ready = 0, "
                "sync_status = 'pending', doubtful = 0, attempted_at = ?, not_before = ? WHERE id IN ids(?)",
                (push, moment, as_text(now + cooldown), ids(item.id for item in items)),
            )
            if at_most is not None:
                self.db.executemany(
                    "UPDATE marketplace_stocks SET sent = ? WHERE id = ?",
                    [
                        (item.change.new, item.id)
                        for item, row in zip(items, rows, strict=True)
                        if item.change.new != row[4]
                    ],
                )
            return Batch(push, sink, items)

    def settle(
        self, batch: Batch, outcomes: Sequence[Outcome], now: datetime, *, run: int, cooldown: timedelta,
        causes: Mapping[str, str], rest: Rest,
    ) -> None:  # fmt: skip
        """Record what the sink answered, and log it, in one transaction; `rest` is for what was refused.

        What another process has taken over meanwhile is not confirmed by a late answer, but doubtful.
        """
        moment = as_text(now)
        rested = as_text(now + cooldown)
        groups: dict[OutcomeStatus, list[tuple[Item, Outcome]]] = {}
        with self.db.transaction():
            answered = list(zip(batch.items, outcomes, strict=True))
            late = self._recovery.take_late(batch.id, answered, now, cooldown)
            for item, outcome in answered:
                if item.id not in late:
                    groups.setdefault(outcome.status, []).append((item, outcome))
            for status, members in groups.items():
                self._settle_group(batch.id, status, members, moment, rested, now, cooldown, rest)
            self._log.add(
                run,
                batch.id,
                batch.sink,
                [
                    (
                        item.product_id, item.change.listing.warehouse, item.change.old, item.change.new,
                        causes.get(item.change.cause, item.change.cause), outcome.status.value,
                        _words(outcome.code), _words(outcome.message), item.explanation,
                    )
                    for item, told in answered
                    if (outcome := late.get(item.id, told)).status in _APPLIED
                ],
                now,
            )  # fmt: skip
            counts = {status.value: len(members) for status, members in groups.items()}
            if late:
                counts[LATE] = len(late)
            self.db.execute(
                "UPDATE pushes SET finished_at = ?, outcomes = ? WHERE id = ?",
                (moment, json.dumps(counts), batch.id),
            )

    def _settle_group(
        self, push: int, status: OutcomeStatus, members: Sequence[tuple[Item, Outcome]], moment: str,
        rested: str, now: datetime, cooldown: timedelta, rest: Rest,
    ) -> None:  # fmt: skip
        chosen = ids(item.id for item, _ in members)
        base, doubtful, told, values = "base", "doubtful", "", list[str]()
        if status is OutcomeStatus.OK:
            # What was told while this was on the wire (an order, a late answer) came before it or after it:
            # nobody knows, and it is looked at.
            base = "CASE WHEN doubtful = 1 THEN NULL ELSE sent END"
            told = (
                "replaced = coalesce(base, expected), synced_quantity = sent, last_synced_at = ?, "
                "error_code = NULL, error_message = NULL, expected = sent, failures = 0, "
                "rests_until = NULL, "
            )
            values = [moment]
        elif status in (OutcomeStatus.DOUBT, OutcomeStatus.WHOLE):
            base, doubtful, told = "NULL", "1", "doubtful = 1, "
            if status is OutcomeStatus.DOUBT:
                rested = as_text(now + max(cooldown, SETTLES))
        self.db.execute(
            f"UPDATE marketplace_stocks SET {told}attempted_at = ?, not_before = ?, "
            f"{relane(base, landed=True, doubtful=doubtful)} WHERE id IN ids(?) AND in_flight = ?",
            (*values, moment, rested, chosen, push),
        )
        if status is OutcomeStatus.OK:
            return
        self.db.executemany(
            "UPDATE marketplace_stocks SET error_code = ?, error_message = ? WHERE id = ?",
            [(outcome.code or None, outcome.message or None, item.id) for item, outcome in members],
        )
        if status is OutcomeStatus.DOUBT:
            # A zero is looked at as soon as it may be written.
            zeros = [(as_text(now + cooldown), item.id) for item, _ in members if item.change.new == 0]
            self.db.executemany("UPDATE marketplace_stocks SET not_before = ? WHERE id = ?", zeros)
        # What surely never reached the listing did not start its cooldown either.
        least = timedelta() if status in _UNTOUCHED else cooldown
        pauses = [
            (as_text(now + max(least, _pause(item, outcome.retry_after))), item.id)
            for item, outcome in members
            if outcome.retry_after is not None
        ]
        self.db.executemany("UPDATE marketplace_stocks SET not_before = ? WHERE id = ?", pauses)
        if status is OutcomeStatus.WHOLE:
            # Its parts are sent apart, each by name.
            self.park(item.id for item, _ in members)
        if status is OutcomeStatus.ERROR:
            self._quarantine.refused([item.id for item, _ in members], rest, now)
            # A fall that is refused goes on as soon as it may, a raise waits for the next run at least.
            self.db.execute(
                "UPDATE marketplace_stocks SET sync_status = 'error', "
                "ready = CASE WHEN lane < 2 THEN ready ELSE 0 END, not_before = "
                "CASE WHEN lane < 2 THEN greatest(coalesce(not_before, ''), ?) ELSE not_before END "
                "WHERE lane IS NOT NULL AND id IN ids(?)",
                (as_text(now + REST_OF_A_FALL), chosen),
            )

    def park(self, state_ids: Iterable[int]) -> None:
        """Leave these changes to the next run; they stay pending."""
        self.db.execute(
            "UPDATE marketplace_stocks SET ready = 0 WHERE id IN ids(?)",
            (ids(state_ids),),
        )

    def park_all_but(self, sink: str, state_ids: Iterable[int]) -> None:
        """Leave everything of a sink but these changes to the next run."""
        self.db.execute(
            "UPDATE marketplace_stocks SET ready = 0 WHERE marketplace = ? AND ready = 1 "
            "AND id NOT IN ids(?)",
            (sink, ids(state_ids)),
        )

    def park_unknown(self, sink: str) -> int:
        """Leave what a sink shows nobody knows to the next run, but for zeros: nothing is lower than these.

        Returns how many changes that is.
        """
        return self.db.affected(
            "UPDATE marketplace_stocks SET ready = 0 WHERE marketplace = ? AND ready = 1 AND base IS NULL "
            "AND lane > 0",
            (sink,),
        )

    def void(self, state_ids: Iterable[int], now: datetime, cooldown: timedelta) -> None:
        """Forget what these listings show: something was written to them outside a run."""
        chosen = ids(state_ids)
        with self.db.transaction():
            self.db.execute(
                "UPDATE marketplace_stocks SET base = NULL, doubtful = 1, attempted_at = ?, not_before = ? "
                "WHERE id IN ids(?)",
                (as_text(now), as_text(now + cooldown), chosen),
            )
            self.db.execute(
                f"UPDATE marketplace_stocks SET {relane()} WHERE id IN ids(?)",
                (chosen,),
            )

    def _eligible(
        self, sink: str, warehouse: str | None, limit: int, now: datetime, group: Iterable[int] | None,
        only: Collection[int] | None,
    ) -> list[Any]:  # fmt: skip
        where, parameters = _where(sink, warehouse, only)
        if group is not None:
            where = (
                "s.marketplace = ? AND s.lane IS NOT NULL AND s.held IS NULL AND s.stopped IS NULL "
                "AND s.in_flight IS NULL AND s.id IN ids(?)"
            )
            parameters = (sink, ids(group))
        return self.db.query(
            "SELECT s.id, s.product_id, s.lane, s.base, s.wanted, s.cause, l.external_id, l.warehouse_code, "
            "l.skus, l.keys, s.explanation_id, s.lowered_at FROM marketplace_stocks AS s "
            "JOIN listings AS l ON l.id = s.listing_id "
            f"WHERE {where} AND (s.not_before IS NULL OR s.not_before <= ?) "
            "ORDER BY s.lane, s.id LIMIT ?",
            (*parameters, as_text(now), limit),
        )


def _pause(item: Item, seconds: float) -> timedelta:
    """What the sink asks for, within reason: a fall that is not sent sells what is not there."""
    longest = LONGEST_REST if item.lane == 2 else LONGEST_REST_OF_A_FALL
    return min(timedelta(seconds=min(max(seconds, 0.0), LONGEST_REST.total_seconds())), longest)


def _words(value: object) -> str | None:
    """What a sink says is text, whatever its plugin makes of it."""
    return str(value) if value else None


def _where(sink: str, warehouse: str | None, only: Collection[int] | None) -> tuple[str, tuple[Any, ...]]:
    where = "s.marketplace = ? AND s.ready = 1"
    parameters: tuple[Any, ...] = (sink,)
    if warehouse is not None:
        where, parameters = f"{where} AND s.warehouse_code = ?", (*parameters, warehouse)
    if only is not None:
        where, parameters = f"{where} AND s.id IN ids(?)", (*parameters, ids(only))
    return where, parameters


def _waiting(rows: Sequence[Any], *, all_of_them: bool) -> list[Waiting]:
    return [
        Waiting(row[0], row[1], row[3], row[4], row[5], explained=row[10] is not None)
        for row in rows
        if all_of_them or row[10] is None
    ]


def _items(
    rows: Sequence[Any], at_most: Mapping[int, int] | None, explained: Mapping[int, int], now: datetime
) -> list[Item]:
    items = []
    for row, listing in zip(rows, listings_of([row[6:10] for row in rows]), strict=True):
        state, product_id, lane, base, wanted, cause, _, _, _, _, explanation, lowered_at = row
        new = wanted if at_most is None else min(wanted, at_most[state])
        if explanation is None:
            explanation = explained.get(product_id)
        since = as_datetime(lowered_at)
        waited = None if since is None else max((now - since).total_seconds(), 0.0)
        items.append(Item(state, product_id, lane, Change(listing, base, new, cause), explanation, waited))
    return items
