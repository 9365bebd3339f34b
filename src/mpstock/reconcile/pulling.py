"""What the sources say and the sinks sell, on its way into the ledger, page by page."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from mpstock.errors import ConfigurationError, LedgerError, PluginContractError
from mpstock.ledger.readings import PORTION, portions
from mpstock.reconcile.adapters import BuiltSink, BuiltSource, Failure, fingerprint
from mpstock.reconcile.report import HeldSlice, SourceReport
from mpstock.reconcile.rules import keep_recipes
from mpstock.reconcile.suspicion import SHRUNKEN, judge_absent, judge_blanked, judge_unreadable
from mpstock.reconcile.tasks import together
from mpstock.tracing import traced

if TYPE_CHECKING:
    from datetime import datetime

    from mpstock.clock import Clock
    from mpstock.config import GuardSettings
    from mpstock.ledger import Ledger
    from mpstock.ledger.holds import HoldReading
    from mpstock.ledger.listings import Walk
    from mpstock.ledger.readings import ReadSession
    from mpstock.ledger.worker import Worker
    from mpstock.model import Listing, Problem, Reading
    from mpstock.products_file import ProductsFile
    from mpstock.reconcile.recording import RunRecord
    from mpstock.reconcile.watching import Progress
    from mpstock.tapes import Tape

__all__ = ["Puller"]

_TOLD = 10
_MISSING = "missing from a complete read, with too many others"
_UNREADABLE = "missing from a read in which some rows could not be told apart"


@frozen
class Puller:
    """Takes readings and listings into the ledger. A failure keeps the cursor, and what was read."""

    ledger: Ledger
    worker: Worker
    clock: Clock
    guards: GuardSettings

    async def pull_all(
        self,
        run: RunRecord,
        sources: Sequence[BuiltSource],
        sinks: Sequence[BuiltSink],
        products: ProductsFile,
        *,
        full: bool,
        released: Collection[str],
        progress: Progress,
    ) -> None:
        """Read every source and what every sink sells, side by side, and tie the listings to products."""

        async def pull(built: BuiltSource) -> None:
            progress("read", built.name, 0, None)
            report, held, failure = await self.pull(built, full=full, released=released, tape=run.tape)
            run.sources[built.name] = report
            run.readings.extend(one for one in held if one.guard not in released)
            run.let_go.update(one.source for one in held if one.guard in released)
            if failure is not None:
                run.failures[f"sources.{built.name}"] = failure
                run.untrusted.add(built.name)
            progress("read", built.name, report.rows, report.rows)

        async def walk(built: BuiltSink) -> None:
            progress("listings", built.name, 0, None)
            failure = await self.walk(built, full=full)
            if failure is not None:
                run.failures[f"sinks.{built.name}"] = failure
            progress("listings", built.name, 1, 1)

        await together([*(pull(s) for s in sources), *(walk(s) for s in sinks)])
        await self.worker.run(keep_recipes, self.ledger, products, self.clock.now())
        mappings = {built.name: products.mapping(built.name) for built in sinks}
        await self.match(mappings)

    @traced("mpstock.read", "built", "full")
    async def pull(
        self, built: BuiltSource, *, full: bool, released: Collection[str], tape: Tape | None = None
    ) -> tuple[SourceReport, list[HeldSlice], Failure | None]:
        """Read one source, from its cursor or everything.

        Returns what is suspicious about the reading as well, also what of it was released.
        """
        name = f"source:{built.name}"
        settings = built.fingerprint()
        try:
            cursor = await self._cursor(name, settings, full=full)
            return (*await self._read(built, name, cursor, settings, released, tape), None)
        except LedgerError:
            raise
        except Exception as error:
            failure = await self._failed(name, built, error)
            return (
                SourceReport(built.name, error=failure.message, error_kind=failure.kind),
                [],
                failure,
            )

    async def _cursor(self, name: str, settings: str, *, full: bool) -> str | None:
        """Where to go on from; None = from the beginning, as after other settings."""
        state = await self.worker.run(self.ledger.runs.cursor, name)
        return None if full or state is None or state.settings != settings else state.cursor

    async def _failed(self, name: str, built: BuiltSource | BuiltSink, error: Exception) -> Failure:
        failure = Failure.of(error, built.config)
        await self.worker.run(self.ledger.runs.fail_cursor, name, failure.message, self.clock.now())
        return failure

    async def _read(
        self, built: BuiltSource, name: str, cursor: str | None, settings: str, released: Collection[str],
        tape: Tape | None,
    ) -> tuple[SourceReport, list[HeldSlice]]:  # fmt: skip
        advisory = built.config.incremental == "advisory"
        session = self.ledger.levels.begin_read(built.name, advisory=advisory, whole=cursor is None)
        holds = self.ledger.holds.begin_reading(built.name)
        started = self.clock.now()
        problems: list[Problem] = []
        held: list[HeldSlice] = []
        last: Reading | None = None
        first: datetime | None = None
        async for reading in built.source.read(cursor):
            _check(built, reading)
            if tape is not None:
                tape.read(built.name, reading, self.clock.now())
            problems.extend(reading.problems)
            first = reading.as_of if first is None else min(first, reading.as_of)
            if last is not None:
                await self._take(session, holds, portions(last))
            last = reading
        complete = last is not None and last.complete
        # What an early page said is no newer than its own request.
        as_of = first if first is not None else started
        *portioned, rest = [None] if last is None else portions(last)
        await self._take(session, holds, portioned)

        def close() -> None:
            with self.ledger.transaction(at_once=True):
                if rest is not None:
                    self._ingest(session, holds, rest)
                    if rest.holds_complete:
                        holds.settle_absent(as_of, self.clock.now())

        def finish() -> None:
            with self.ledger.transaction(at_once=True):
                if not complete:
                    close()
                new = last.cursor if last is not None and last.cursor is not None else cursor
                if session.overtaken or session.doubtful:
                    # Something was passed over (a newer statement was there, or the clock was set back), or
                    # left out without being believed: read everything next time.
                    new = None
                if complete or cursor is None or not advisory:
                    self.ledger.levels.forget_heard(built.name, as_of, self.clock.now())
                self.ledger.runs.move_cursor(
                    name, new, as_of,
                    settings=settings, rows=session.rows, complete=_is_all(last, session),
                    now=self.clock.now(), problems=problems,
                )  # fmt: skip

        if last is not None and complete:
            await self.worker.run_page(close)
            held += await self._settle_absent(session, last, as_of, len(problems), released)
        await self.worker.run_page(finish)
        blanked = judge_blanked(built.name, session.blanked, session.rows, self.guards)
        if blanked is not None:
            held.append(blanked)
        told = [f"{p.place}, {p.name}: {p.message}" for p in problems[:_TOLD]]
        report = SourceReport(
            built.name,
            session.rows,
            session.changed,
            _is_all(last, session),
            len(problems),
            told,
            session.unknown,
        )
        return report, held

    async def _take(
        self, session: ReadSession, holds: HoldReading, portioned: Sequence[Reading | None]
    ) -> None:
        for portion in portioned:
            if portion is not None:
                await self.worker.run_page(self._ingest, session, holds, portion)

    def _ingest(self, session: ReadSession, holds: HoldReading, reading: Reading) -> None:
        with self.ledger.transaction(at_once=True):
            session.ingest(reading, self.clock.now())
            holds.ingest(reading.holds, self.clock.now())

    async def _settle_absent(
        self, session: ReadSession, reading: Reading, as_of: datetime, problems: int,
        released: Collection[str],
    ) -> list[HeldSlice]:  # fmt: skip
        """Judge what a complete reading left out, and take it as zero or as unknown."""
        after: int | None = 0
        while after is not None:
            after = await self.worker.run_page(session.count_absent, after)
        why = None
        if reading.absent == "unknown":
            why = _UNREADABLE
            verdict = judge_unreadable(session.source, session.absent, problems, session.rows)
        else:
            before = await self.worker.run(self.ledger.runs.cursor, f"source:{session.source}")
            rows_before = None if before is None else before.rows
            verdict = judge_absent(session.source, session.absent, session.rows, rows_before, self.guards)
            why = _MISSING if verdict and SHRUNKEN not in released else None

        def settle(after: int) -> int | None:
            with self.ledger.transaction(at_once=True):
                return session.settle_absent(as_of, self.clock.now(), why, after)

        after = 0
        while after is not None:
            after = await self.worker.run_page(settle, after)
        return [] if verdict is None else [verdict]

    @traced("mpstock.listings", "built", "full")
    async def walk(self, built: BuiltSink, *, full: bool) -> Failure | None:
        """Take in what one sink sells, from its cursor or everything."""
        name = f"listings:{built.name}"
        settings = built.fingerprint()
        try:
            cursor = await self._cursor(name, settings, full=full)
            await self._walk(built, name, cursor, settings)
        except LedgerError:
            raise
        except Exception as error:
            return await self._failed(name, built, error)
        return None

    async def _walk(self, built: BuiltSink, name: str, cursor: str | None, settings: str) -> None:
        walk = self.ledger.listings.begin_walk(built.name)
        started = self.clock.now()
        codes = set(built.config.codes)
        complete = False
        met = False
        async for page in built.sink.listings(cursor):
            met = True
            foreign = {listing.warehouse for listing in page.listings} - codes
            if foreign and codes:
                raise PluginContractError(
                    f"{built.name}: the sink yields listings of warehouses that are not configured: "
                    f"{', '.join(sorted(foreign))}"
                )
            for start in range(0, len(page.listings), PORTION):
                portion = page.listings[start : start + PORTION]
                await self.worker.run_page(self._take_page, walk, portion)
            complete = page.complete
            cursor = page.cursor if page.cursor is not None else cursor
        after: int | None = 0
        while complete and after is not None:
            after = await self.worker.run_page(self._set_aside, walk, codes, after)
        await self.worker.run_page(self._finish_walk, walk, name, cursor, started, settings, complete, met)

    def _take_page(self, walk: Walk, listings: Sequence[Listing]) -> None:
        with self.ledger.transaction():
            walk.ingest(listings)

    def _set_aside(self, walk: Walk, served: Collection[str], after: int) -> int | None:
        with self.ledger.transaction(at_once=True):
            return walk.settle_absent(self.clock.now(), served, after)

    def _finish_walk(
        self, walk: Walk, name: str, cursor: str | None, started: datetime, settings: str,
        complete: bool, met: bool,
    ) -> None:  # fmt: skip
        with self.ledger.transaction(at_once=True):
            if met:
                self.ledger.runs.move_cursor(
                    name, cursor, started, settings=settings, rows=walk.rows, complete=complete,
                    now=self.clock.now(),
                )  # fmt: skip
            else:
                self.ledger.runs.clear_failure(name)

    async def match(self, sinks: Mapping[str, Mapping[tuple[str, str], str]]) -> None:
        """Tie listings to products, page by page: others want the ledger in between.

        `sinks` has the products file's mapping of each sink.
        """
        for sink, mapping in sinks.items():
            digest = fingerprint(sorted(mapping.items()))
            before = await self.worker.run(self.ledger.runs.recall, f"mapping:{sink}")
            everything = before not in (None, digest)
            moved = 0
            after: int | None = 0
            while after is not None:
                moved, after = await self.worker.run_page(
                    self._match, sink, mapping, after, moved, everything, None if before == digest else digest
                )

    def _match(
        self, sink: str, mapping: Mapping[tuple[str, str], str], after: int, moved: int, everything: bool,
        digest: str | None,
    ) -> tuple[int, int | None]:  # fmt: skip
        with self.ledger.transaction(at_once=True):
            tied, after_this = self.ledger.listings.match(
                sink, mapping, self.clock.now(), everything=everything, after=after
            )
            if tied:
                self.ledger.interventions.stop_new(sink)
            moved += tied
            if after_this is None:
                # Not before all of them are tied: who dies on the way looks at all of them again.
                if digest is not None:
                    self.ledger.runs.remember(f"mapping:{sink}", digest)
                self.ledger.orders.resolve(sink, self.clock.now(), everything=moved > 0)
            return moved, after_this


def _is_all(last: Reading | None, session: ReadSession) -> bool:
    """Whether what a reading left out is not there: it was complete, and nothing in it is in doubt."""
    return last is not None and last.complete and last.absent == "zero" and not session.doubtful


def _check(built: BuiltSource, reading: Reading) -> None:
    if built.config.quantity == "free" and any(level.reserved for level in reading.levels):
        sku = next(level.sku for level in reading.levels if level.reserved)
        raise ConfigurationError(
            f'the settings say quantity = "free", but the rows carry their own reserve (first: {sku!r}); '
            'it would be subtracted twice. Write quantity = "on_hand", or leave the reserve out',
            place=f"[sources.{built.name}] quantity",
        )
