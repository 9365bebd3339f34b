"""fleet.toml: where the fleet's database and its tenants are, and how much each worker does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import attrs
from attrs import evolve, field, frozen

from mpstock.config.files import Substitution, environment, read_toml
from mpstock.config.structuring import configuration_error, structure_with_problems
from mpstock.model import Problem
from mpstock.nearest import suggestion
from mpstock.secret import Secret
from mpstock.validators import above_zero, not_negative, one_or_more

__all__ = ["DATABASE", "DEFAULTS", "OWN", "FleetSettings", "WorkerSettings", "load"]

S = TypeVar("S")

DATABASE = "database"
"""The value of `tenants` that says: their settings are rows of the fleet's database."""

DEFAULTS = ("alerts", "guards", "network", "push", "retention", "schedule", "sharing", "verify")
"""The tables of a tenant's settings that fleet.toml may have in common for all, key by key."""

OWN = "own"
"""The value of `ledgers` that says: each tenant's own `[ledger]` table stands."""

_TABLES = ("fleet", "worker", "defaults")


def _part(_: Any, attribute: attrs.Attribute[Any], value: float) -> None:
    if not 0 < value <= 1:
        raise ValueError(f"{attribute.name} must be above 0 and at most 1 (0.25 is a quarter), not {value}")


def _postgresql(_: Any, attribute: attrs.Attribute[Any], value: Secret) -> None:
    if value.reveal().partition("://")[0] not in ("postgresql", "postgres"):
        raise ValueError(f'{attribute.name} must look like "postgresql://user@host/database"')


@frozen
class WorkerSettings:
    """`[worker]`: what one worker process does.

    `concurrency`   runs at the same time; most of a run is waiting for vendors.
    `bulk`          the part of these, one at least, that may be long ones.
    `long`          a run that took longer the last time is a long one.
    `slice`         a run that has been sending for so long gives its place back and queues up again.
    `heartbeat`     how often it says that it lives.
    `stalled_after` one that has not said so for this long is dead: what it was doing is queued anew.
    `look`          how often it looks for what is due.
    `stop_within`   how long a worker that is told to stop waits for what is on its way.
    """

    concurrency: int = field(default=8, validator=one_or_more())
    bulk: float = field(default=0.25, validator=_part, converter=float)
    long: timedelta = field(default=timedelta(minutes=1), validator=above_zero("1m"))
    slice: timedelta = field(default=timedelta(minutes=2), validator=above_zero("1m"))
    heartbeat: timedelta = field(default=timedelta(seconds=10), validator=above_zero("1m"))
    stalled_after: timedelta = field(default=timedelta(seconds=60), validator=above_zero("1m"))
    look: timedelta = field(default=timedelta(seconds=5), validator=above_zero("1m"))
    stop_within: timedelta = field(default=timedelta(seconds=90), validator=above_zero("1m"))

    def __attrs_post_init__(self) -> None:
        if self.stalled_after < 3 * self.heartbeat:
            raise ValueError("stalled_after must be three times heartbeat or more: one that is late lives")

    @property
    def places(self) -> int:
        """How many long runs go on at the same time at most."""
        return max(int(self.concurrency * self.bulk), 1)


@frozen
class FleetSettings:
    """`[fleet]`, with `[worker]` and `[defaults]` beside it.

    `url`      the fleet's database, reached directly: who waits for a task listens on the connection.
    `tenants`  the folder with the tenants' settings files, `NAME.toml` each, or `"database"`.
    `ledgers`  where the tenants' ledgers are: left out, in the same database; another URL of it, as through
               pgbouncer; or `"own"`, as each tenant's `[ledger]` says.
    `spread`   what comes at a time of day begins within so long after it, each tenant at its own moment.
    `keep`     how long a task that broke off is kept to be looked at.
    """

    url: Secret = field(validator=_postgresql)
    tenants: str = "tenants"
    ledgers: Secret = field(default=Secret(""), converter=Secret)
    spread: timedelta = field(default=timedelta(hours=2), validator=not_negative("2h"))
    keep: timedelta = field(default=timedelta(days=3), validator=above_zero("1m"))
    worker: WorkerSettings = field(factory=WorkerSettings)
    defaults: Mapping[str, Mapping[str, Any]] = field(factory=dict[str, "Mapping[str, Any]"])
    folder: Path = field(factory=Path)

    @property
    def ledger_url(self) -> str | None:
        """Where the ledgers are; None = as each tenant says."""
        said = self.ledgers.reveal()
        return None if said == OWN else said or self.url.reveal()


@frozen
class _FleetTable:
    """`[fleet]` as it stands in the file."""

    url: Secret = field(validator=_postgresql)
    tenants: str = "tenants"
    ledgers: Secret = field(default=Secret(""), converter=Secret)
    spread: timedelta = field(default=timedelta(hours=2), validator=not_negative("2h"))
    keep: timedelta = field(default=timedelta(days=3), validator=above_zero("1m"))


def load(
    path: str | os.PathLike[str] = "fleet.toml", *, environ: Mapping[str, str] | None = None
) -> FleetSettings:
    """Read the fleet's settings file. `${NAME}` comes from the environment, or from `.env` beside it.

    Raises:
        ConfigurationError: the file cannot be read or something in it is wrong; all of it is named.
    """
    path = Path(path)
    folder = path.absolute().parent
    substitution = Substitution(environment(folder, environ))
    raw = read_toml(path)
    # What is common to the tenants is filled in where each of them is read, with that one's variables.
    tables = {**substitution.fill({k: v for k, v in raw.items() if k != "defaults"})}
    problems = list(substitution.problems)
    for name in raw:
        if name not in _TABLES:
            meant = suggestion(name, _TABLES, what="the tables are")
            problems.append(Problem("", f"[{name}]", f"unknown table; {meant}"))
    found = _structured(_FleetTable, tables.get("fleet", {}), "[fleet]", substitution, folder, problems)
    worker = _structured(WorkerSettings, tables.get("worker", {}), "[worker]", substitution, folder, problems)
    defaults = _defaults(raw.get("defaults", {}), problems)
    if problems or found is None or worker is None:
        raise configuration_error(problems, str(path))
    settings = FleetSettings(
        found.url, found.tenants, found.ledgers, found.spread, found.keep, worker, defaults, folder
    )
    if settings.tenants == DATABASE:
        return settings
    return evolve(settings, tenants=str(folder / Path(settings.tenants).expanduser()))


def _structured(
    cls: type[S], table: Any, place: str, substitution: Substitution, folder: Path, problems: list[Problem]
) -> S | None:
    if not isinstance(table, Mapping):
        problems.append(Problem("", place, "must be a table"))
        return None
    value, found = structure_with_problems(cls, table, place, base=folder, hidden=substitution.used)
    said = {(problem.place, problem.name) for problem in problems}
    problems += [problem for problem in found if (problem.place, problem.name) not in said]
    return value


def _defaults(table: Any, problems: list[Problem]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    if not isinstance(table, Mapping):
        problems.append(Problem("", "defaults", "must be tables such as [defaults.schedule]"))
        return found
    for name, value in table.items():
        place = f"[defaults.{name}]"
        if name not in DEFAULTS:
            meant = suggestion(name, DEFAULTS, what="common to all tenants may be")
            problems.append(Problem("", place, f"cannot be common to all tenants; {meant}"))
        elif not isinstance(value, Mapping):
            problems.append(Problem("[defaults]", name, f"must be a table {place}"))
        else:
            found[name] = value
    return found
