"""The pages on how the shop stands: overview, runs, what is held, refused, decided, left over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from mpstock.alerts.told import told
from mpstock.reconcile.guards import GUARDS
from mpstock.reconcile.interventions import in_force

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.responses import Response

    from mpstock.ledger.pages import ShownListing
    from mpstock.ledger.runs import RunRow
    from mpstock.reconcile.engine import Engine
    from mpstock.reconcile.safety import TimeToSafe
    from mpstock.service.dashboard.reading import Standing
    from mpstock.service.dashboard.visit import Visit

__all__ = [
    "PAGE", "alerts", "by_hand", "failing", "held", "held_listings", "orphans", "overview", "run", "running",
    "runs",
]  # fmt: skip

PAGE = 50
"""Rows of a page."""

_LAST_RUNS = 8


# ---------------------------------------------------------------- overview


@frozen
class _Sink:
    """How one sink stands, as its card shows it. `parts` are shares of `total` for a bar, by state."""

    name: str
    total: int
    step: int
    waiting: int
    held: int
    failing: int
    orphans: int
    last_confirmed: datetime | None
    orders: int
    orders_read_at: datetime | None
    time_to_safe: TimeToSafe | None
    error: str
    orders_error: str

    @property
    def parts(self) -> list[tuple[str, int]]:
        return [
            ("step", self.step), ("waiting", self.waiting), ("held", self.held), ("failing", self.failing)
        ]  # fmt: skip


def _sinks(standing: Standing) -> list[_Sink]:
    cards = []
    for sink in standing.status.sinks:
        total, step = sum(sink.statuses.values()), sink.statuses.get("ok", 0)
        refused = standing.failing.get(sink.name, 0)
        held_here = sum(row.listings for row in standing.held if row.sink == sink.name)
        cards.append(
            _Sink(
                sink.name, total, step, max(total - step - held_here - refused, 0), held_here, refused,
                sink.unattended, sink.last_confirmed, sink.orders, sink.orders_read_at,
                sink.time_to_safe, sink.error, sink.orders_error,
            )
        )  # fmt: skip
    return cards


def _stale(visit: Visit, standing: Standing) -> set[str]:
    """Return the sources of which nothing is raised, because what they said is too old."""
    ages = {name: config.max_age for name, config in visit.dashboard.service.config.sources.items()}
    return {
        source.name
        for source in standing.status.sources
        if (age := ages.get(source.name)) is not None
        and source.read_at is not None
        and standing.at - source.read_at > age
    }


def _attention(visit: Visit, standing: Standing) -> Iterator[tuple[str, str, str]]:
    """Yield what needs somebody, the worst first: how bad it is, the page about it, the sentence."""

    def say(key: str, count: int = 0, **values: object) -> str:
        return visit.text(f"attention_{key}", n=count, count=f"{count:,}".replace(",", " "), **values)

    status = standing.status
    if standing.alerts:
        kind = "bad" if standing.alerts.get("critical") else "warn"
        yield kind, "/alerts", say("alerts", sum(standing.alerts.values()))
    for sink in status.sinks:
        if sink.error:
            yield "bad", "", say("sink", sink=sink.name)
        if sink.lost_writes:
            yield "bad", "", say("lost", sink.lost_writes, sink=sink.name)
        if sink.another_writer_since:
            yield "bad", "", say("writer", sink=sink.name)
        if sink.orders_error:
            yield "bad", "", say("orders", sink=sink.name)
        if refused := standing.failing.get(sink.name):
            yield "bad", f"/failing?sink={sink.name}", say("failing", refused, sink=sink.name)
        if sink.unknown_orders:
            yield "warn", "", say("unknown_orders", sink.unknown_orders, sink=sink.name)
    stale = _stale(visit, standing)
    for source in status.sources:
        if source.error:
            yield "bad", "", say("source", source=source.name)
        elif source.name in stale:
            yield "warn", "", say("stale", source=source.name)
    if count := sum(row.listings for row in standing.held):
        yield "warn", "/held", say("held", count)
    if count := sum(sink.unattended for sink in status.sinks):
        yield "warn", "/orphans", say("orphans", count)
    if status.interventions:
        yield "note", "/by-hand", say("stopped", len(status.interventions))


async def overview(visit: Visit) -> Response:
    """Show how everything stands, and what runs."""
    standing = await visit.dashboard.standing.now()
    rows = await visit.read(lambda engine: engine.ledger.runs.last(_LAST_RUNS))
    return visit.render(
        "_overview.html" if visit.query("live") else "overview.html",
        standing=standing,
        sinks=_sinks(standing),
        stale=_stale(visit, standing),
        attention=list(_attention(visit, standing)),
        runs=[_RunLine.of(row) for row in rows],
    )


async def running(visit: Visit) -> Response:
    """Show what runs, in the few words that every page has at its top."""
    return visit.render("_running.html")


# ---------------------------------------------------------------- runs


@frozen
class _RunLine:
    """One run in a list."""

    id: int
    kind: str
    cause: str
    started_at: datetime
    finished_at: datetime | None
    status: str
    exit_code: int | None
    actor: str
    pushed: int
    failed: int
    held: int

    @classmethod
    def of(cls, row: RunRow) -> _RunLine:
        sinks: Mapping[str, Mapping[str, Any]] = row.summary.get("sinks") or {}

        def total(key: str) -> int:
            return sum(int(sink.get(key) or 0) for sink in sinks.values())

        return cls(
            row.id, row.kind, row.cause, row.started_at, row.finished_at, row.status, row.exit_code,
            row.actor, total("pushed"), total("failed"), total("held"),
        )  # fmt: skip


async def runs(visit: Visit) -> Response:
    """Show the runs, the newest first."""
    before = visit.number("before")
    rows = await visit.read(lambda engine: engine.ledger.runs.last(PAGE + 1, before=before))
    shown = rows[:PAGE]
    return visit.render(
        "runs.html",
        runs=[_RunLine.of(row) for row in shown],
        before=shown[-1].id if len(rows) > PAGE else None,
    )


async def run(visit: Visit) -> Response:
    """Show one run with what came of it."""
    number = visit.number("number")
    row = None if number is None else await visit.read(lambda engine: engine.ledger.runs.find(number))
    if row is None:
        return visit.render("error.html", status=404, key="error_missing", detail="")
    summary = row.summary
    error = summary.get("error")
    return visit.render(
        "run.html",
        row=row,
        sinks=summary.get("sinks") or {},
        sources=summary.get("sources") or {},
        held=[one["reason"] for one in summary.get("held") or ()],
        errors=[*(summary.get("errors") or ()), *([str(error)] if error else ())],
        notes=summary.get("notes") or (),
    )


# ---------------------------------------------------------------- held, failing


@frozen
class _Slice:
    """A held slice, or a held reading (`*`); `translated`: its reason is in the language of the visit."""

    guard: str
    sink: str
    warehouse: str
    source: str
    count: int
    units: int
    reason: str
    translated: bool = False


def _readings(engine: Engine) -> list[_Slice]:
    """Return the readings that the last run held: they are rows of sources, not of listings."""
    last = next(
        (row for row in engine.ledger.runs.last(20) if row.finished_at and "held" in row.summary), None
    )
    return [
        _Slice(
            one["guard"], "*", one["warehouse"], one["source"], one["count"], one.get("units", 0),
            one["reason"],
        )
        for one in (last.summary["held"] if last else ())
        if one["sink"] == "*"
    ]  # fmt: skip


async def held(visit: Visit) -> Response:
    """Show what the guards hold, with the button that lets it through."""
    standing = await visit.dashboard.standing.now()
    slices = [
        _Slice(row.guard, row.sink, row.warehouse, row.cause, row.listings, row.units, row.reason)
        for row in standing.held
    ] + await visit.read(_readings)
    words = {
        one.trouble.subject: one.message
        for one in await visit.read(lambda engine: told(engine, False, visit.language))
    }
    slices = [
        evolve(one, reason=words[subject], translated=True)
        if (subject := f"{one.guard}:{one.sink}:{one.warehouse}:{one.source}") in words
        else one
        for one in sorted(slices, key=lambda one: (one.guard, one.sink, one.warehouse))
    ]
    return visit.render(
        "held.html",
        guards=[(guard, list(group)) for guard, group in groupby(slices, key=lambda one: one.guard)],
        known_guards=GUARDS,
        standing=standing,
    )


async def held_listings(visit: Visit) -> Response:
    """Show the listings of one held slice."""
    sink, warehouse, cause, guard = (visit.query(name) for name in ("sink", "warehouse", "cause", "guard"))
    after = visit.number("after") or 0
    rows = await visit.read(
        lambda engine: engine.ledger.pages.held_listings(
            sink, warehouse, cause, guard, after=after, limit=PAGE + 1
        )
    )
    return visit.render(
        "held_listings.html", sink=sink, warehouse=warehouse, cause=cause, guard=guard, failing=False,
        **_page(rows),
    )  # fmt: skip


async def failing(visit: Visit) -> Response:
    """Show what a sink refuses, with the buttons that try it again."""
    names = list(visit.dashboard.service.config.sinks)
    after = visit.number("after") or 0

    def read(engine: Engine) -> tuple[dict[str, int], str, list[ShownListing]]:
        counts = engine.ledger.pages.count_failing()
        sink = visit.query("sink") or max(names, key=lambda name: counts.get(name, 0), default="")
        return counts, sink, engine.ledger.pages.failing(sink, after=after, limit=PAGE + 1)

    counts, sink, rows = await visit.read(read)
    return visit.render(
        "failing.html",
        sink=sink,
        counts=[(name, counts.get(name, 0)) for name in names],
        total=sum(counts.values()),
        **_page(rows),
    )


def _page(rows: Sequence[ShownListing]) -> dict[str, Any]:
    shown = rows[:PAGE]
    return {"rows": shown, "after": shown[-1].id if len(rows) > PAGE else None}


# ---------------------------------------------------------------- alerts, by hand, orphans


async def alerts(visit: Visit) -> Response:
    """Show what needs somebody, the worst first, and what is over."""
    found = await visit.read(lambda engine: told(engine, True, visit.language))
    return visit.render(
        "_alerts.html" if visit.query("live") else "alerts.html",
        stands=[one for one in found if one.trouble.stands],
        over=[one for one in found if not one.trouble.stands][:PAGE],
    )


async def by_hand(visit: Visit) -> Response:
    """Show what people have decided, with the forms to decide more and to take it back."""
    rows = await visit.read(in_force)
    return visit.render("by_hand.html", rows=rows, sinks=list(visit.dashboard.service.config.sinks))


async def orphans(visit: Visit) -> Response:
    """Show what sells although nobody speaks for it."""
    standing = await visit.dashboard.standing.now()
    return visit.render(
        "orphans.html",
        standing=standing,
        rows=standing.orphans,
        count=sum(sink.unattended for sink in standing.status.sinks),
    )
