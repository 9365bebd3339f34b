from __future__ import annotations

import json
import os
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

from tools.release.members import Member, Workspace

WORKSPACE = Workspace.read()
CORE = WORKSPACE.core
PLUGINS = WORKSPACE.plugins
each_plugin = pytest.mark.parametrize("member", PLUGINS, ids=lambda member: member.name)
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("dist")]

LIGHT = """
import sys
before = set(sys.modules)
import mpstock
print([name for name in ("httpx", "sqlalchemy", "cattrs", "asyncio", "attrs") if name in sys.modules])
"""


class Environment:
    """A virtual environment away from the checkout: empty, or one with what `like` has."""

    def __init__(self, folder: Path, like: Environment | None = None) -> None:
        self.folder = folder
        if like is None:
            venv.create(folder / "venv", with_pip=True)
        else:
            # pip never writes into a file that is there, so both may have the same.
            shutil.copytree(like.folder / "venv", folder / "venv", symlinks=True, copy_function=os.link)
        self.scripts = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        # Nothing of the checkout may be found by accident.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return subprocess.run(
            [self.scripts / program, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def install(self, *wheels: str) -> None:
        done = self.run("python", "-m", "pip", "install", "-q", "--disable-pip-version-check", *wheels)
        assert done.returncode == 0, done.stderr

    def python(self, code: str) -> str:
        done = self.run("python", "-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def core(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the core and its command line."""
    environment = Environment(tmp_path_factory.mktemp("core"))
    environment.install(f"{dist / CORE.wheel}[cli]")
    return environment


@each_plugin
def test_the_core_and_one_plugin_work_alone(
    member: Member, dist: Path, core: Environment, tmp_path: Path
) -> None:
    """The wheels of the core and of one plugin, with nothing else: found, listed, light."""
    environment = Environment(tmp_path, like=core)
    environment.install(str(dist / member.wheel))
    # The script of the environment that this one was made like would find that one.
    listed = environment.run("python", "-m", "mpstock", "plugins", "--json")
    assert listed.returncode == 0, listed.stderr
    assert member.name in listed.stdout
    json.loads(listed.stdout)
    others = {other.name for other in PLUGINS} - {member.name}
    assert not [name for name in others if name in listed.stdout]
    assert environment.python(LIGHT) == "[]"


def test_the_command_is_there(core: Environment) -> None:
    """The core's wheel brings the command `mpstock`, which works without a plugin."""
    listed = core.run("mpstock", "plugins", "--json")
    assert listed.returncode == 0, listed.stderr
    assert not [member.name for member in PLUGINS if member.name in listed.stdout]


def test_the_core_alone_is_imported_without_any_extra(dist: Path, tmp_path: Path) -> None:
    """Without extras the library works, and the command says which extra it wants."""
    environment = Environment(tmp_path)
    environment.install(str(dist / CORE.wheel))
    assert environment.python("import mpstock; print(mpstock.__version__)") == CORE.version
    # Every public name can be had but for the kit of `mpstock[testing]`.
    assert environment.python("import mpstock; [getattr(mpstock, name) for name in mpstock.__all__]") == ""
    command = environment.run("mpstock", "plugins")
    assert command.returncode == 2
    assert "mpstock[cli]" in command.stderr
    assert "Traceback" not in command.stderr
