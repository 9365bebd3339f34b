"""mpstock fleet: each command says what it did, and ends with what it came to."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpstock.fleet import Fleet
from tests import postgres
from tests.acceptance.play import command, ended, spawn
from tests.fleet.fleets import needs_postgresql, until
from tests.fleet.test_engines import TENANT

pytestmark = needs_postgresql


@pytest.fixture
def config(tmp_path: Path) -> Iterator[str]:
    """A fleet.toml of one good and one broken tenant, on a database with nothing in it."""
    server = postgres.server()
    name = server.create_database()
    (tmp_path / "tenants").mkdir()
    (tmp_path / "tenants" / "one.toml").write_text(TENANT, encoding="utf-8")
    (tmp_path / "tenants" / "bad.toml").write_text(TENANT + "[shop]\n", encoding="utf-8")
    path = tmp_path / "fleet.toml"
    path.write_text(
        f'[fleet]\nurl = "{server.url(name)}"\nledgers = "own"\n[worker]\nlook = "1s"\n', encoding="utf-8"
    )
    yield str(path)
    server.drop_database(name)


def test_a_fleet_from_nothing_to_its_status(config: str) -> None:
    """Before `init` the way is told; after it a worker does what is queued; who is broken is named."""
    early = command("fleet", "status", "--config", config)
    assert (early.code, "mpstock fleet init" in early.said) == (2, True)
    assert command("fleet", "init", "--config", config, "--json").ok().json == {"to_be_taken_in": 2}
    command("fleet", "init", "--config", config).ok()
    worker = spawn("fleet", "worker", "--config", config, "--json", cwd=Path(config).parent)

    async def enrolled(fleet: Fleet) -> bool:
        found = [await fleet.store.tenant(name) for name in ("one", "bad")]
        return all(one is not None and one.enrolled for one in found)

    async def taken_in() -> None:
        async with Fleet.open(config) as fleet:
            await until(lambda: enrolled(fleet))
            await fleet.defer("one", "pull")

            async def done() -> bool:
                return [run[3] for run in await fleet.store.last_runs(["one"])] == ["done"]

            await until(done)

    try:
        asyncio.run(taken_in())
        status = command("fleet", "status", "--config", config, "--json")
    finally:
        worker.send_signal(signal.SIGTERM)
    stopped = ended(worker, 90)
    assert (stopped.code, json.loads(stopped.stdout)) == (0, {"stopped": True})
    found = status.json
    assert (status.code, found["tenants"], found["workers"]) == (1, 2, 2)
    assert "shop" in found["broken"]["bad"]
    assert [(run["task"], run["status"], run["pushed"]) for run in found["last"]] == [("pull", "done", 2)]
    after = command("fleet", "status", "one", "--config", config)
    assert after.code == 1
    assert "no worker is up" in after.said
    assert "pull" in after.said
    assert command("fleet", "defer", "one", "full", "--config", config).ok().said.strip() == "queued"
    again = command("fleet", "defer", "one", "full", "--config", config, "--json").ok().json
    assert again == {"tenant": "one", "task": "full", "adapter": "", "queued": False}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["defer", "nobody", "full"], "nobody"),
        (["defer", "one", "ful"], "full"),
        (["worker", "--queues", "quik"], "quick"),
    ],
)
def test_what_is_not_there_is_named(config: str, words: list[str], said: str) -> None:
    """A tenant, a task or a queue that is none: usage, said with what was meant."""
    command("fleet", "init", "--config", config).ok()
    found = command("fleet", *words, "--config", config)
    assert (found.code, said in found.said) == (2, True)


def test_a_database_that_is_not_there_is_told_without_its_password(tmp_path: Path) -> None:
    """The message says where to look; the address has a password in it."""
    path = tmp_path / "fleet.toml"
    path.write_text(
        '[fleet]\nurl = "postgresql://fleet:s3cr3t-of-it@127.0.0.1:1/x?connect_timeout=1"\n', encoding="utf-8"
    )
    found = command("fleet", "init", "--config", str(path))
    assert found.code == 2
    assert "[fleet] url" in found.said
    assert "s3cr3t" not in found.said
