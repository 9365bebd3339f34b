"""Recorded runs, reckoned again: by the settings of then, and beside it by other buffers.

By the settings of then every number has to come out as it was recorded; that is looked at for each of them.
By other buffers the days go on from what *those* would have shown: a listing that shows less sells less, and
what it has not sold is there later. Nothing is sent, and no account or ledger is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field

from mpstock.errors import ConfigurationError, PluginContractError
from mpstock.reconcile.evaluating import evaluate
from mpstock.reconcile.stored_facts import StoredShop
from mpstock.tapes.reading import TapeFile, tapes_at
from mpstock.tapes.report import Replay, ReplayedNumber, ReplayedSink
from mpstock.tapes.world import Answered, Sent, World

if TYPE_CHECKING:
    from mpstock.plugins import PluginRegistry
    from mpstock.reconcile.evaluating import Evaluated
    from mpstock.reconcile.reckoning import Buffers
    from mpstock.tapes.reading import Line

__all__ = ["replay"]

_NAMED = 20
"""Listings that a report names."""


def replay(
    path: str | Path,
    *,
    buffer: str | Mapping[str, Any] | None = None,
    settings: str | Path | None = None,
    plugins: PluginRegistry | None = None,
) -> Replay:
    """Reckon what was recorded again, and say what would have been with other buffers.

    Args:
        path: a tape, or a folder of tapes: days, run after run.
        buffer: one buffer for every listing: the name of a policy, or a table as in the settings
            (`{"policy": "standard", "absolute": 5}`).
        settings: instead of it a settings file; of it only the buffers are looked at, and its products file.
        plugins: the plugins that bring policies; by default all that are installed.

    Raises:
        ConfigurationError: there is no tape, one is not readable, or the buffers are wrong.
        PluginError: a policy is missing, or breaks its promise.
    """
    from mpstock.plugins import PluginRegistry
    from mpstock.tapes.otherwise import buffers_of_file, one_buffer

    registry = plugins if plugins is not None else PluginRegistry()
    if buffer is not None and settings is not None:
        raise ConfigurationError("give either a buffer or a settings file, not both", place="replay")
    tapes = tapes_at(Path(path))
    other: Buffers | None = None
    told = ""
    if buffer is not None:
        table = {"policy": buffer} if isinstance(buffer, str) else dict(buffer)
        other = one_buffer(table, registry)
        found = other.resolve("", "", "")
        told = f"with {found.name} for all: {', '.join(f'{k} = {v}' for k, v in found.values.items())}"
    elif settings is not None:
        names = {sink for tape in tapes for sink in tape.header["sinks"]}
        other = buffers_of_file(Path(settings), names, registry)
        told = f"with the buffers of {settings}"
    player = _Player(registry, other, World(tapes[0].started))
    for tape in tapes:
        player.play(tape)
    return player.report(tapes, told)


@define(eq=False)
class _Player:
    """Plays tapes, one after the other; `otherwise` has the largest difference of each listing."""

    plugins: PluginRegistry
    other: Buffers | None
    world: World
    numbers: dict[str, int] = field(factory=dict[str, int])
    differing: dict[str, int] = field(factory=dict[str, int])
    otherwise: dict[tuple[str, str, str], ReplayedNumber] = field(
        factory=dict[tuple[str, str, str], ReplayedNumber]
    )
    listings: set[tuple[str, str, str]] = field(factory=set[tuple[str, str, str]])
    torn: dict[str, str] = field(factory=dict[str, str])
    troubles: set[str] = field(factory=set[str])
    ended: datetime | None = None

    def play(self, tape: TapeFile) -> None:
        """Reckon everything that is on one tape."""
        answers = _answers_of(tape)
        shops: dict[int, tuple[StoredShop, StoredShop | None]] = {}
        last = tape.started
        for line in tape.lines():
            if "at" in line:
                last = datetime.fromisoformat(line["at"])
            kind = line.get("t")
            if kind == "settings":
                stored = line["settings"]
                other = None if self.other is None else StoredShop(stored, self.plugins, self.other)
                shops[line["n"]] = (StoredShop(stored, self.plugins), other)
            elif kind == "product":
                self._product(tape, line, last, *shops[line["s"]], answers)
            elif kind == "orders":
                self.world.order_page(line, last)
        self.world.leave(answers)
        if tape.torn:
            self.torn[tape.path.name] = tape.torn
        self.ended = last if self.ended is None else max(self.ended, last)

    def _product(
        self, tape: TapeFile, line: Line, at: datetime, shop: StoredShop, other: StoredShop | None,
        answers: Answered,
    ) -> None:  # fmt: skip
        restored = shop.product(line["facts"])
        wanted: dict[tuple[str, str], int | None] = {(s, w): n for s, w, n in line["wanted"]}
        try:
            (found,) = evaluate(restored.reckoner, [restored.facts])
        except PluginContractError as error:
            self.troubles.add(f"some numbers could not be reckoned again: {error}")
            return
        self.world.look(found, restored.reckoner, at, answers)
        if other is None:
            self._compare(tape, at, found, wanted)
            return
        asked = other.product(line["facts"])
        (would,) = evaluate(asked.reckoner, [self.world.altered(asked.facts, found, asked.reckoner)])
        self._compare(tape, at, would, wanted)
        # What was recorded counts as it was, whatever this version makes of it.
        self.world.decide(found, wanted, would, at, answers)

    def _compare(
        self, tape: TapeFile, at: datetime, found: Evaluated, wanted: Mapping[tuple[str, str], int | None]
    ) -> None:
        sku = found.facts.sku
        for r in found.reckonings:
            self.numbers[r.sink] = self.numbers.get(r.sink, 0) + 1
            listing = (sku, r.sink, r.warehouse)
            self.listings.add(listing)
            recorded = wanted.get((r.sink, r.warehouse))
            if r.wanted == recorded:
                continue
            self.differing[r.sink] = self.differing.get(r.sink, 0) + 1
            one = ReplayedNumber(at, tape.run, *listing, recorded, r.wanted)
            before = self.otherwise.get(listing)
            if before is None or _distance(one) > _distance(before):
                self.otherwise[listing] = one

    def report(self, tapes: list[TapeFile], told: str) -> Replay:
        """Return what came of it."""
        ended = self.ended or tapes[-1].started
        recorded, replayed = self.world.sums(ended)
        names = dict.fromkeys(sink for tape in tapes for sink in tape.header["sinks"])
        by_sink = {name: self.world.sums_of(name, ended) for name in names}
        worst = sorted(self.otherwise.values(), key=lambda one: (-_distance(one), one.at, one.sku))
        return Replay(
            len(tapes), tapes[0].run, tapes[-1].run, tapes[0].started, ended,
            sum(self.numbers.values()), len(self.listings), sum(self.differing.values()), len(self.otherwise),
            worst[:_NAMED], recorded, replayed,
            {
                name: ReplayedSink(
                    name, self.numbers.get(name, 0), self.differing.get(name, 0), *by_sink[name]
                )
                for name in names
            },
            told, dict(self.torn), [*self.world.notes(tapes, what_if=bool(told)), *sorted(self.troubles)],
        )  # fmt: skip


def _distance(one: ReplayedNumber) -> int:
    return abs((one.replayed or 0) - (one.recorded or 0))


def _answers_of(tape: TapeFile) -> Answered:
    """Return what became of everything that one run sent: before it is played, so that it is known when."""
    by_state: dict[int, list[Sent]] = {}
    last: dict[str, datetime] = {}
    ended = tape.started
    for line in tape.lines(only="sent"):
        sent, at = datetime.fromisoformat(line["sent"]), datetime.fromisoformat(line["at"])
        for state, _, _, new, status, *_ in line["changes"]:
            by_state.setdefault(state, []).append(Sent(sent, at, new, status == "ok"))
            if status == "ok":
                last[line["sink"]] = max(at, last.get(line["sink"], at))
    for line in tape.lines(only="end"):
        ended = datetime.fromisoformat(line["at"])
    header = tape.header
    writes = {
        name
        for name, sink in header["sinks"].items()
        if sink["writes"] and not sink["shadow"] and header["kind"] in ("sync", "apply")
    }
    cooldowns = {name: float(sink["cooldown"]) for name, sink in header["sinks"].items()}
    lowers = {name for name, sink in header["sinks"].items() if sink["lowers"]}
    return Answered(by_state, last, max([ended, *last.values()]), writes, cooldowns, lowers)
