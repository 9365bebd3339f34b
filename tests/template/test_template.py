"""template/: what comes out of it works as it stands, and stays within what mpstock promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import mpstock

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("sink", "source")
PUBLIC = {"mpstock", "mpstock.errors", "mpstock.plugins", "mpstock.rows", "mpstock.simulation"}
PUBLIC |= {"mpstock.testing", "mpstock.validators"}
pytestmark = pytest.mark.slow


def run(*command: str, cwd: Path, **environment: str) -> str:
    """Run a program with the Python of these tests, and return what it printed; fail if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-6000:]}"
    return done.stdout


class Generated:
    """A plugin that the template made, and where it is installed."""

    def __init__(self, kind: str, folder: Path, *, vendor: str = "Kiosk", name: str = "kiosk") -> None:
        self.kind, self.name, self.package = kind, name, f"mpstock_{name}"
        self.folder, self.site = folder / "plugin", folder / "site"
        given = [
            f"--data={key}={value}" for key, value in (("kind", kind), ("vendor", vendor), ("name", name))
        ]
        run("copier", "copy", "--quiet", "--defaults", *given, str(ROOT / "template"), "plugin", cwd=folder)

    def install(self) -> None:
        # Nothing is downloaded: what a plugin needs, and hatchling, are there.
        run(
            "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
            "--disable-pip-version-check", "--target", str(self.site), ".", cwd=self.folder,
        )  # fmt: skip

    def run(self, *command: str) -> str:
        path = os.pathsep.join([str(self.site), str(ROOT / "src")])
        return run(*command, cwd=self.folder, PYTHONPATH=path, MYPYPATH=str(ROOT / "src"))


@pytest.fixture(scope="module", params=KINDS)
def generated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generated:
    made = Generated(request.param, tmp_path_factory.mktemp(request.param))
    made.install()
    return made


def test_its_tests_pass(generated: Generated) -> None:
    """The tests that it brings pass, the contract's among them."""
    said = generated.run("pytest", "-q", "-p", "no:cacheprovider")
    assert "passed" in said
    assert "failed" not in said


def test_it_is_certified(generated: Generated) -> None:
    """`mpstock certify` runs what its entry point names, and nothing fails."""
    told = json.loads(generated.run("mpstock", "certify", generated.name, "--json", "--out", "certificate"))
    assert told["passed"], told["line"]
    assert told["states"] == [mpstock.CONTRACT]
    assert list(told["subjects"]) == [f"{generated.kind} {generated.name}"]
    assert (generated.folder / "certificate" / f"mpstock-certify-{generated.name}.md").exists()


def test_its_types_and_its_style_are_right(generated: Generated) -> None:
    """mypy, strict, and ruff find nothing, by the settings that it brings."""
    generated.run("mypy", "--cache-dir", str(generated.site.parent / "mypy"))
    generated.run("ruff", "check", "--no-cache", ".")
    generated.run("ruff", "format", "--no-cache", "--check", ".")


def test_it_takes_public_names_alone(generated: Generated) -> None:
    """What it imports from mpstock are the public modules."""
    lines = [
        line.split()[1]
        for path in generated.folder.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.lstrip().startswith(("from mpstock", "import mpstock"))
    ]
    assert {name for name in lines if name.partition(".")[0] == "mpstock"} <= PUBLIC
    assert lines


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_of_several_words_is_a_good_one(kind: str, tmp_path: Path) -> None:
    """Classes, package and distribution follow from the name; nothing of the template's own is left."""
    made = Generated(kind, tmp_path, vendor="Большой Склад №1", name="big_depot")
    project = tomllib.loads((made.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "mpstock-big-depot"
    assert project["entry-points"] == {
        "mpstock": {"big_depot": "mpstock_big_depot.plugin"},
        "mpstock.contract": {"big_depot": "mpstock_big_depot.contract"},
    }
    plugin = (made.folder / "src/mpstock_big_depot/plugin.py").read_text(encoding="utf-8")
    assert f"BigDepot{kind.capitalize()}" in plugin
    written = [path for path in made.folder.rglob("*") if path.is_file()]
    left = [path for path in written if path.suffix == ".jinja" or "{%" in path.read_text(encoding="utf-8")]
    assert left == []
    run("ruff", "check", "--no-cache", ".", cwd=made.folder)


def test_it_writes_for_the_contract_that_there_is() -> None:
    """A new version of the contract is a new version of the template, too."""
    text = (ROOT / "template/copier.yml").read_text(encoding="utf-8")
    assert f'default: "{mpstock.CONTRACT}"' in text
