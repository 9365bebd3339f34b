"""Behind pgbouncer each transaction may get another connection: nothing is kept in one."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mpstock.asked import Asked
from mpstock.errors import LedgerError
from mpstock.ledger import Ledger
from mpstock.ledger.chain import verify
from mpstock.ledger.opening import open_database
from mpstock.model import Level
from tests import postgres
from tests.ledger.reading import NOW, read
from tests.ledgers import shared_database

PORT = 6432
SETTINGS = """
[databases]
{name} = host={server} dbname={name} user={role}
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = {port}
auth_type = any
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 3
logfile = {folder}/log
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Three connections to the server, for however many come."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
    missing = "pgbouncer is not installed" if program is None else postgres.why_missing()
    if program is None or missing:
        pytest.skip(missing)
    server, name = postgres.server(), shared_database()
    folder = Path(tempfile.mkdtemp(prefix="mpstock-bouncer-"))
    (folder / "users").write_text(f'"{postgres.ROLE}" ""\n')
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        SETTINGS.format(name=name, server=server.folder, role=postgres.ROLE, folder=folder, port=PORT)
    )
    user = postgres.other_user()
    for path in (folder, settings, folder / "users"):
        if user is not None:
            shutil.chown(path, user)
    bouncer = subprocess.Popen(
        [program, settings], user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    found = f"postgresql://{postgres.ROLE}@/{name}?host={folder}&port={PORT}"
    try:
        for _ in range(200):
            try:
                open_database(found).close()
                break
            except LedgerError:
                time.sleep(0.05)
        yield found
    finally:
        bouncer.terminate()
        bouncer.wait()
        shutil.rmtree(folder, ignore_errors=True)


def test_tenants_that_share_its_connections_stay_apart(url: str) -> None:
    """Eight writers for four shops over three connections: each sees its own, and each log holds."""
    failed: list[object] = []

    def work(number: int) -> None:
        shop = number % 4
        try:
            with closing(Ledger(url, f"bounced {shop}")) as ledger:
                for step in range(6):
                    read(ledger, *[Level(f"{shop}-{name}", "main", step + name) for name in range(5)])
                    run = ledger.runs.begin("sync", "1c", NOW, Asked("anna"))
                    with ledger.transaction():
                        row = (1, "main", None, step, "1c", "ok", None, None, None)
                        ledger.log.add(run, 1, "ozon", [row] * 3, NOW)
                    seen = {sku.partition("-")[0] for sku in ledger.levels.all_skus()}
                    failed.extend(seen - {str(shop)})
        except Exception as error:
            failed.append(error)

    writers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failed == []
    for shop in range(4):
        with closing(Ledger(url, f"bounced {shop}")) as ledger:
            found = verify(ledger.database, ledger.seals)
            assert (found.holds, found.rows, len(list(ledger.levels.all_skus()))) == (True, 36, 5)
            assert [run.id for run in ledger.runs.last(100)] == list(range(12, 0, -1))
