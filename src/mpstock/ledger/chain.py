"""Holds the log against its seals: what was edited, removed, put in, moved or cut off, and where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attrs import asdict, define, field, frozen

from mpstock.errors import ConfigurationError, LedgerError
from mpstock.ledger.sealing import HEAD, TABLES, Seal, digest_of

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.ledger.sealing import Seals

__all__ = ["TIDIED", "LogBreak", "LogVerification", "verify"]

TIDIED = "tidy"
"""The action by which retention says up to which seal it let rows of the log go."""

SHORTEST_HEAD = 12
"""Characters of a noted head that are enough to know it by."""

LARGEST = 200_000
"""Rows that a seal may claim: no push is larger, and a forged one must not fill the memory."""


@frozen
class LogBreak:
    """A place where the chain does not hold: the seal, its run, its rows, and what is wrong there.

    `seal` is 0 for what is wrong with the chain as a whole.
    """

    seal: int
    run: int | None
    subject: str
    first: int
    last: int
    what: str

    def __str__(self) -> str:
        if not self.seal:
            return self.what
        run = f" of run {self.run}" if self.run is not None else ""
        table = "log" if self.subject == "log" else "actions"
        return f"batch {self.seal}{run}, rows {self.first} to {self.last} of the {table}: {self.what}"


@frozen
class LogVerification:
    """What came of holding the log against its seals.

    `head` is the digest of the last seal: noted elsewhere it proves, later, that nothing before it has
    changed. `rows` and `actions` were held against their seals; `pruned` seals have outlived their rows,
    which retention let go; `unsealed` rows are from before there were seals, and nothing is known of them.
    `breaks` has the first of `broken` places.
    """

    head: str
    seals: int
    rows: int
    actions: int
    pruned: int
    unsealed: int
    broken: int = 0
    breaks: tuple[LogBreak, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the chain is whole."""
        return not self.broken

    def as_dict(self) -> dict[str, Any]:
        """Return what was found as plain data."""
        return {**asdict(self), "holds": self.holds}

    def lines(self) -> list[str]:
        """Return what was found as text, a line each."""
        held = f"{self.rows} rows of the log and {self.actions} actions under {self.seals} seals"
        told = [f"the log is as it was written: {held}" if self.holds else f"the log was changed: {held}"]
        told += [str(place) for place in self.breaks]
        if self.broken > len(self.breaks):
            told.append(f"… and {self.broken - len(self.breaks)} places more")
        if self.pruned:
            told.append(f"the rows of {self.pruned} seals were let go by retention")
        if self.unsealed:
            told.append(f"{self.unsealed} rows are from before there were seals: nothing is known of them")
        return [*told, f"head {self.head}"]


@define
class _Walk:
    """One walk along the chain."""

    db: Database
    seals: Seals
    limit: int
    noted: str | None
    found: bool = False
    previous: str = ""
    next_id: int = 1
    tidied: int = 0
    next_row: dict[str, int] = field(factory=dict[str, int])
    counts: dict[str, int] = field(factory=lambda: {"log": 0, "actions": 0})
    pruned_rows: int = 0
    pruned: int = 0
    whole: bool = False
    broken: int = 0
    breaks: list[LogBreak] = field(factory=list[LogBreak])

    def walk(self) -> LogVerification:
        unsealed = self.seals.unsealed()
        self.previous = self.seals.beginning()
        self.next_row = {"log": unsealed + 1, "actions": 1}
        self.tidied = self._tidied()
        number = 0
        for seal, digest, pruned_at in self._seals():
            number += 1
            wrong = self._wrong(seal, digest, pruned=pruned_at is not None)
            if wrong:
                self._break(wrong, seal)
            self.previous, self.next_id = digest, seal.id + 1
            if seal.subject in self.next_row:
                self.next_row[seal.subject] = seal.last + 1
            self.found = self.found or (self.noted is not None and digest.startswith(self.noted))
        self._after(number)
        return LogVerification(
            self.previous if number else self.seals.beginning(), number, self.counts["log"],
            self.counts["actions"], self.pruned, self._count("stock_sync_log", "id <= ?", unsealed),
            self.broken, tuple(self.breaks),
        )  # fmt: skip

    def _seals(self) -> Iterator[tuple[Seal, str, str | None]]:
        for row in self.db.iterate(
            "SELECT id, subject, run_id, push_id, first_id, last_id, rows, sealed_at, previous, digest, "
            "pruned_at FROM log_seals ORDER BY id"
        ):
            yield Seal(*row[:9]), str(row[9]), row[10]

    def _tidied(self) -> int:
        scopes = self.db.query("SELECT scope FROM actions WHERE action = ?", (TIDIED,))
        return max((_seal_of(scope) for (scope,) in scopes), default=0)

    def _wrong(self, seal: Seal, digest: str, *, pruned: bool) -> str:
        """Say what is wrong with a seal and its rows; the first of all that is."""
        if seal.id != self.next_id:
            return f"{seal.id - self.next_id} batches before it are gone"
        if seal.previous != self.previous:
            return "it does not follow the batch before it: one of the two was put there later, or changed"
        if seal.subject not in self.next_row:
            return f"it is over {seal.subject!r}, which is nothing that is sealed"
        expected = self.next_row[seal.subject]
        if seal.first != expected:
            return f"it should begin at row {expected}"
        if not 0 < seal.rows <= LARGEST or seal.last - seal.first + 1 != seal.rows:
            return f"it says {seal.rows} rows, from {seal.first} to {seal.last}"
        if pruned:
            return self._wrong_when_pruned(seal)
        if seal.subject == "log":
            self.whole = True
        return self._wrong_rows(seal, digest)

    def _wrong_when_pruned(self, seal: Seal) -> str:
        self.pruned += 1
        self.pruned_rows += seal.rows
        if seal.id > self.tidied or self.whole or seal.subject != "log":
            return "its rows are gone, and no retention let them go"
        return ""

    def _wrong_rows(self, seal: Seal, digest: str) -> str:
        try:
            rows, told = self.seals.rows(seal), self.seals.run_told(seal)
        except LedgerError as error:
            return f"it cannot be read: {error}"
        self.counts[seal.subject] += len(rows)
        if len(rows) != seal.rows:
            return f"{len(rows)} of its {seal.rows} rows are there"
        if digest_of(seal, told, rows) != digest:
            return (
                "a row of it was changed, or who asked for its run, or why"
                if seal.subject == "log"
                else "it was changed"
            )
        return ""

    def _after(self, number: int) -> None:
        """Look at what is behind the last seal, and at the head."""
        for subject, table in TABLES.items():
            first = self.next_row[subject]
            if count := self._count(table, "id >= ?", first):
                self._tell_of_all(
                    f"{count} rows of {table}, from row {first} on, are under no seal: "
                    "something else put them there"
                )
        if number or self._kept(HEAD):
            self._compare_head()
        beginning = self.seals.beginning()
        if self.noted is not None and not self.found and not beginning.startswith(self.noted):
            self._tell_of_all(
                "the head that was noted is not in the chain: what it closed was written anew, or it is "
                "another ledger's"
            )

    def _compare_head(self) -> None:
        head, last = self.seals.head(), self.next_id - 1
        rows, actions = self.counts["log"] + self.pruned_rows, self.counts["actions"]
        if not self._kept(HEAD):
            self._tell_of_all("the head of the chain is gone: nobody can say where it ends")
        elif head.seal > last:
            self._tell_of_all(
                f"the chain ends at batch {last}, and its head is batch {head.seal}: the tail was cut off"
            )
        elif (head.seal, head.digest) != (last, self.previous):
            self._tell_of_all("the head of the chain is not its last batch: it was changed")
        elif not self.broken and (head.rows, head.actions) != (rows, actions):
            self._tell_of_all(
                f"the head counts {head.rows} rows and {head.actions} actions, the chain {rows} and {actions}"
            )

    def _kept(self, key: str) -> bool:
        return self.db.scalar("SELECT 1 FROM meta WHERE key = ?", (key,)) is not None

    def _count(self, table: str, condition: str, *parameters: Any) -> int:
        return int(self.db.scalar(f"SELECT count(*) FROM {table} WHERE {condition}", parameters))

    def _break(self, what: str, seal: Seal) -> None:
        self._tell(LogBreak(seal.id, seal.run, seal.subject, seal.first, seal.last, what))

    def _tell_of_all(self, what: str) -> None:
        self._tell(LogBreak(0, None, "", 0, 0, what))

    def _tell(self, found: LogBreak) -> None:
        self.broken += 1
        if len(self.breaks) < self.limit:
            self.breaks.append(found)


def _seal_of(scope: object) -> int:
    """Return up to which seal an action says that rows were let go; 0 where somebody wrote something else."""
    try:
        return int(json.loads(str(scope))["seal"])
    except (ValueError, TypeError, KeyError, OverflowError):
        return 0


def verify(database: Database, seals: Seals, *, noted: str | None = None, limit: int = 20) -> LogVerification:
    """Hold the whole log, and what people did, against the seals; batch by batch, whatever its length.

    `noted` is a head that was written down earlier, or the first `SHORTEST_HEAD` characters of it.

    Raises:
        ConfigurationError: `noted` is no head.
    """
    if noted is not None:
        noted = noted.strip().lower()
        if len(noted) < SHORTEST_HEAD or set(noted) - set("0123456789abcdef"):
            raise ConfigurationError(
                f"{noted!r} is no head of a log; it has 64 characters 0-9 and a-f, of which the first "
                f"{SHORTEST_HEAD} are enough: `mpstock log --verify` shows it",
                place="--head",
            )
    with database.snapshot():
        return _Walk(database, seals, limit, noted).walk()
