"""The page's recipes for other engines: the run is a plain function, called as the page says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mpstock.errors import ConfigurationError
from tests.docs.markdown import DOCS, marked
from tests.fleet.fleets import database, needs_postgresql

pytestmark = needs_postgresql

TENANT = """
[ledger]
url = "sqlite:///one.db"
[sources.erp]
plugin = "memory"
levels = { A = 5, B = 7 }
[sinks.shop]
plugin = "memory"
skus = ["A", "B"]
buffer = { policy = "all" }
[[sinks.shop.warehouses]]
code = "main"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that an engine's process works in, with a fleet of one tenant."""
    with database() as url:
        (tmp_path / "tenants").mkdir()
        (tmp_path / "tenants" / "one.toml").write_text(TENANT, encoding="utf-8")
        text = f'[fleet]\nurl = "{url}"\nledgers = "own"\n'
        (tmp_path / "fleet.toml").write_text(text, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        yield tmp_path


def recipe(name: str) -> dict[str, Any]:
    """Return what a block of the page defines, the one under a comment of this name."""
    text = marked(DOCS / "howto/fleet.md", name)
    found: dict[str, Any] = {"__name__": f"recipe_{name}"}
    exec(compile(text, name, "exec"), found)
    return found


def test_a_task_of_celery(folder: Path) -> None:
    """Called by Celery itself, in its eager mode: what the tenant's account shows is brought into step."""
    found = recipe("celery")
    found["app"].conf.update(task_always_eager=True, task_eager_propagates=True)
    assert found["run"].delay("one", "pull").get() == "done"
    assert found["run"].delay("one", "pull", "erp").get() == "done"


def test_a_task_of_celery_that_is_wrong_fails(folder: Path) -> None:
    """An engine sees the error, with what is wrong in it."""
    found = recipe("celery")
    found["app"].conf.update(task_always_eager=True, task_eager_propagates=True)
    with pytest.raises(ConfigurationError, match="pull"):
        found["run"].delay("one", "pul").get()


def test_the_body_of_a_task_of_airflow_or_prefect(folder: Path) -> None:
    """A plain function: it returns what was pushed, and raises what went wrong."""
    found = recipe("airflow")
    assert found["pull"]("one") == 2
    with pytest.raises(ConfigurationError, match="erpp"):
        found["pull"]("one", "erpp")
    with contextlib.suppress(FileNotFoundError):
        (folder / "tenants" / "one.toml").unlink()
    with pytest.raises(ConfigurationError, match=r"one\.toml"):
        found["pull"]("one")
