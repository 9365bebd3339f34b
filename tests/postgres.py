"""A PostgreSQL of the tests' own: made from the programs that are installed, gone with the process.

It listens on a socket in a folder of its own, waits for no disk, and is entered without a password. Its
superuser is `postgres`; what is under test connects as `mpstock`, a role that row-level security holds for.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

__all__ = ["ROLE", "Missing", "Server", "another", "other_user", "server", "why_missing"]

ROLE = "mpstock"
"""The role that the tests connect as: it may log in, and nothing else."""

_DEBIAN = Path("/usr/lib/postgresql")
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "2GB",
    # Tests are told what went wrong by their exceptions.
    "log_min_messages": "fatal",
}


class Missing(Exception):  # noqa: N818  (nothing went wrong)
    """There is no PostgreSQL on this machine, or it cannot be started; the text says why."""


class Server:
    """A PostgreSQL that listens in `folder`, the `host` of a URL."""

    def __init__(self, cluster: _Cluster) -> None:
        self._cluster = cluster
        self.folder = cluster.folder
        self.stop, self.end = cluster.stop, cluster.end
        self._numbers = count(1)

    def start(self) -> None:
        """Start it, and wait until it can be used."""
        import psycopg

        self._cluster.start()
        for _ in range(400):
            try:
                self.admin().close()
            except psycopg.OperationalError:
                if not self._cluster.runs():
                    break
                time.sleep(0.05)
            else:
                return
        self.end()
        raise Missing("PostgreSQL did not start")

    def restart(self) -> None:
        """Let it crash, and come back."""
        self.stop()
        self.start()

    def url(self, database: str, role: str = ROLE) -> str:
        """Return the URL of a database, as it is written into settings."""
        return f"postgresql://{role}@/{database}?host={self.folder}"

    def admin(self, database: str = "postgres") -> Any:
        """Return a new connection of the superuser that commits each statement."""
        import psycopg

        return psycopg.connect(self.url(database, "postgres"), autocommit=True)

    def create_database(self, template: str = "template1") -> str:
        """Make a database that belongs to `ROLE`, as a copy of another; return its name."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        with self.admin() as admin:
            admin.execute(f'CREATE DATABASE "{name}" OWNER {ROLE} TEMPLATE "{template}"')
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database; whoever is connected to it is sent away."""
        with self.admin() as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def why_missing() -> str:
    """Say why no PostgreSQL can be started here; empty where one can."""
    try:
        server()
    except Missing as missing:
        return str(missing)
    return ""


@cache
def _outcome() -> Server | Missing:
    try:
        return _start(_programs())
    except Missing as missing:
        return missing


def server() -> Server:
    """Return this process's PostgreSQL; started at the first call, ended with the process.

    Raises:
        Missing: there is none on this machine.
    """
    found = _outcome()
    if isinstance(found, Missing):
        raise found
    return found


def _programs() -> Path:
    """Return the folder with the newest `initdb` and `postgres`."""
    if os.name == "nt":
        raise Missing("PostgreSQL is started for the tests on Linux and macOS only")
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise Missing("psycopg is not installed: pip install 'mpstock[postgres]'") from error
    folders = [Path(path).parent for path in [shutil.which("postgres")] if path is not None]
    versions = sorted(_DEBIAN.glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    for folder in [*folders, *versions]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise Missing("PostgreSQL is not installed (apt-get install postgresql)")


class _Cluster:
    """The files of a server, and the program that serves them."""

    def __init__(self, programs: Path, **settings: str) -> None:
        self.programs = programs
        self.settings = {**_SETTINGS, **settings}
        self.folder = Path(tempfile.mkdtemp(prefix="mpstock-pg-"))
        self.user = other_user()
        self.environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
        self.environment.pop("PGDATA", None)
        self._owner = os.getpid()
        self._program: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Make the files."""
        if self.user is not None:
            shutil.chown(self.folder, self.user)
        told = subprocess.run(
            [
                self.programs / "initdb", "--pgdata", self.folder / "data", "--username", "postgres",
                "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions",
            ],
            capture_output=True, text=True, check=False, cwd=self.folder, user=self.user,
            env=self.environment,
        )  # fmt: skip
        if told.returncode:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise Missing(f"initdb failed: {told.stderr.strip()}")

    def start(self) -> None:
        """Serve them."""
        options = [f"-c{name}={value}" for name, value in self.settings.items()]
        # It ends with us, also when we are killed: then the pipe that it reads from ends.
        self._program = subprocess.Popen(
            ["/bin/sh", "-c", '"$@" </dev/null & cat >/dev/null; kill -QUIT $!; wait $!', "sh",
             self.programs / "postgres", "-D", self.folder / "data", "-k", self.folder, *options],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder,
            user=self.user, env=self.environment, start_new_session=True,
        )  # fmt: skip

    def runs(self) -> bool:
        """Say whether the program has not ended."""
        return self._program is not None and self._program.poll() is None

    def stop(self) -> None:
        """End the program at once, as a crash of the machine does."""
        program, self._program = self._program, None
        if program is None or program.stdin is None:
            return
        program.stdin.close()
        try:
            program.wait(20)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)

    def end(self) -> None:
        """End the program, and remove the files."""
        # A forked child shares what belongs to its parent.
        if os.getpid() == self._owner:
            self.stop()
            shutil.rmtree(self.folder, ignore_errors=True)


def _start(programs: Path, **settings: str) -> Server:
    cluster = _Cluster(programs, **settings)
    cluster.make()
    atexit.register(cluster.end)
    found = Server(cluster)
    found.start()
    with found.admin() as admin:
        admin.execute(f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE")
    return found


@contextlib.contextmanager
def another() -> Iterator[Server]:
    """Start a server beside the one of the tests, for those that stop it: it has what was committed.

    Raises:
        Missing: there is none on this machine.
    """
    found = _start(_programs(), synchronous_commit="on")
    try:
        yield found
    finally:
        found.end()


def other_user() -> str | None:
    """Return whom to start it as: PostgreSQL refuses to run as root."""
    if os.geteuid():
        return None
    import pwd

    names = {user.pw_name for user in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in names:
            return name
    raise Missing("this is root, as whom PostgreSQL does not run, and there is no user 'postgres'")
