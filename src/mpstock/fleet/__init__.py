"""Many sellers on one PostgreSQL, with Procrastinate spreading the work over workers.

Needs the extra `mpstock[fleet]`.
"""

from mpstock.fleet.fleet import Fleet
from mpstock.fleet.runs import Result, run_now, run_task
from mpstock.fleet.settings import FleetSettings, WorkerSettings
from mpstock.fleet.working import Worker

__all__ = ["Fleet", "FleetSettings", "Result", "Worker", "WorkerSettings", "run_now", "run_task"]
