"""A program that has imported mpstock once, and forks a process for each command that it is told to run.

A line of JSON in, a line of JSON out. Starting Python and importing costs more than such a run: hundreds of
them would take ten minutes.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests import ledgers
from tests.crash.boundaries import Boundaries

PACKAGES = ("mpstock", "mpstock_onec", "mpstock_ozon", "mpstock_wb")
NEEDED_ON_POSTGRES = ("psycopg", "psycopg.adapt")
NEEDED = ("sqlalchemy.dialects.sqlite", "alembic.command", "httpx", "httpcore", "anyio._backends._asyncio")
LEFT_OUT = ("simulat", "testing", "__main__", "migrations", "service")


def _import_all() -> None:
    for name in (*NEEDED, *(NEEDED_ON_POSTGRES if ledgers.ON_POSTGRES else ())):
        importlib.import_module(name)
    for package in PACKAGES:
        module = importlib.import_module(package)
        for found in pkgutil.walk_packages(module.__path__, f"{package}."):
            if not any(part in found.name for part in LEFT_OUT):
                importlib.import_module(found.name)


def _child(order: dict[str, Any]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = Path(order["folder"])
    os.chdir(folder)
    sys.argv = ["mpstock", *order["arguments"]]
    for stream, name in ((sys.stdout, "out"), (sys.stderr, "err")):
        file = os.open(folder / f"{order['name']}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, stream.fileno())
    path = folder / f"{order['name']}.boundaries"
    Boundaries(path, order["at"], order["nth"], order["how"]).install()

    from mpstock.cli.commands import run
    from mpstock.reconcile import looking

    # Time runs two hundred times as fast here: its five seconds are less than one request takes.
    looking.ZEROS_WAIT = timedelta(hours=1)

    code = run(order["arguments"])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _start(order: dict[str, Any]) -> dict[str, Any]:
    process = os.fork()
    if not process:
        try:
            _child(order)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(99)
    return {"process": process}


def _wait(process: int) -> dict[str, Any]:
    _, status = os.waitpid(process, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return {"stopped": True}
    return {"code": os.waitstatus_to_exitcode(status)}


def main() -> None:
    """Serve orders until the input ends."""
    _import_all()
    gc.freeze()
    sys.stdout.write('{"ready": true}\n')
    sys.stdout.flush()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    for line in sys.stdin:
        order = json.loads(line)
        answer = _wait(order["wait"]) if "wait" in order else _start(order)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
