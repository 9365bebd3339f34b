"""How a fleet is: what waits, what runs, what is late, and who is in trouble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from mpstock.fleet.fleet import Fleet

__all__ = ["FleetStatus", "LastRun", "fleet_status"]


@frozen
class LastRun:
    """The last time that a task of a tenant was done, or that it is being done. `lag` is in seconds.

    `lag` is how much later than it was due it began.
    """

    tenant: str
    task: str
    adapter: str
    status: str
    begun_at: datetime | None
    seconds: float | None
    lag: float | None
    pushed: int
    failures: int
    error: str


@frozen
class FleetStatus:
    """How a fleet is.

    `broken` has the tenants whose settings cannot be used, with why; `failing` the tasks that failed the last
    time, the longest failing first. `due` tasks are not queued yet; `queued` and `running` are by queue.
    `stalled` tasks are those of workers that have died. `lag_p50` and `lag_p99` are in seconds: how much
    later than due the last run of each recurring task began, and what is due now counts as it stands.
    """

    tenants: int = 0
    broken: Mapping[str, str] = field(factory=dict[str, str])
    workers: int = 0
    due: int = 0
    queued: Mapping[str, int] = field(factory=dict[str, int])
    running: Mapping[str, int] = field(factory=dict[str, int])
    stalled: int = 0
    lag_p50: float | None = None
    lag_p99: float | None = None
    failing: Sequence[LastRun] = ()
    last: Sequence[LastRun] = ()

    @property
    def exit_code(self) -> int:
        """1 where somebody should look: a broken or failing tenant, a stalled task, no worker."""
        return int(bool(self.broken or self.failing or self.stalled or (self.tenants and not self.workers)))

    def as_dict(self) -> dict[str, Any]:
        """Return the status as plain data."""
        from mpstock.reconcile.report import as_data

        found: dict[str, Any] = as_data(self)
        return {**found, "exit_code": self.exit_code}


async def fleet_status(fleet: Fleet, tenants: Sequence[str] | None = None) -> FleetStatus:
    """Return how a fleet is; `last` has the runs of these tenants (None = of all)."""
    store, now = fleet.store, fleet.clock.now()
    stalled = fleet.settings.worker.stalled_after
    counts = await store.counts(now, stalled)
    runs = [LastRun(*row) for row in await store.last_runs(tenants)]
    failing = sorted(
        (run for run in runs if run.status == "failed"), key=lambda run: (-run.failures, run.tenant)
    )
    return FleetStatus(last=runs, failing=failing, stalled=len(await fleet.queue.stalled(stalled)), **counts)
