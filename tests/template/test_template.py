"""template/: what comes out of it works as it stands, and stays within what mpstock promises."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import mpstock

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("sink", "source")
PUBLIC = {"mpstock", "mpstock.errors", "mpstock.plugins", "mpstock.rows", "mpstock.simulation"}
PUBLIC |= {"mpstock.testing", "mpstock.validators"}
pytestmark = pytest.mark.slow


def ended(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program with the Python of these tests, and wait for its end."""
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def run(*command: str, cwd: Path, **environment: str) -> str:
    """Run a program, and return what it printed; fail if it fails."""
    done = ended(*command, cwd=cwd, **environment)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-6000:]}"
    return done.stdout


def copying(**answers: str) -> list[str]:
    """Return the command that makes a plugin in the folder `plugin`."""
    given = [f"--data={key}={value}" for key, value in answers.items()]
    return ["copier", "copy", "--defaults", *given, str(ROOT / "template"), "plugin"]


class Generated:
    """A plugin that the template made, and where it is installed."""

    def __init__(self, kind: str, folder: Path, **answers: str) -> None:
        self.kind, self.folder, self.site = kind, folder / "plugin", folder / "site"
        run(*copying(kind=kind, **{"vendor": "Kiosk", **answers}), cwd=folder)
        (self.package,) = [one.name for one in (self.folder / "src").iterdir()]
        self.name = self.package.removeprefix("mpstock_")

    def install(self) -> None:
        # Nothing is downloaded: what a plugin needs, and hatchling, are there.
        run(
            "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
            "--disable-pip-version-check", "--target", str(self.site), ".", cwd=self.folder,
        )  # fmt: skip

    def run(self, *command: str) -> str:
        modules = os.pathsep.join([str(self.site), str(ROOT / "src")])
        programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return run(*command, cwd=self.folder, PYTHONPATH=modules, MYPYPATH=str(ROOT / "src"), PATH=programs)

    def session(self, name: str, *options: str) -> str:
        """Run a task of it as its README says, with what is installed already."""
        return self.run("nox", "--no-venv", "--session", name, "--", *options)

    @property
    def project(self) -> dict[str, Any]:
        told = tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))
        return dict(told["project"])

    def text(self, module: str) -> str:
        return (self.folder / "src" / self.package / module).read_text(encoding="utf-8")


@pytest.fixture(scope="module", params=KINDS)
def generated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generated:
    made = Generated(request.param, tmp_path_factory.mktemp(request.param))
    made.install()
    return made


def test_its_tests_pass(generated: Generated) -> None:
    """The tests that it brings pass, the contract's among them."""
    said = generated.session("tests", "-q", "-p", "no:cacheprovider")
    assert "passed" in said
    assert "failed" not in said


def test_it_is_certified(generated: Generated) -> None:
    """`mpstock certify` runs what its entry point names, and nothing fails."""
    generated.session("certify", "--out", "certificate")
    written = generated.folder / "certificate" / f"mpstock-certify-{generated.name}.json"
    told = json.loads(written.read_text(encoding="utf-8"))
    assert told["passed"], told["line"]
    assert told["states"] == [mpstock.CONTRACT]
    assert list(told["subjects"]) == [f"{generated.kind} {generated.name}"]
    assert written.with_suffix(".md").exists()


def test_its_types_and_its_style_are_right(generated: Generated) -> None:
    """mypy, strict, and ruff find nothing, by the settings that it brings."""
    generated.session("types")
    generated.session("lint")


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
    assert made.project["name"] == "mpstock-big-depot"
    assert made.project["entry-points"] == {
        "mpstock": {"big_depot": "mpstock_big_depot.plugin"},
        "mpstock.contract": {"big_depot": "mpstock_big_depot.contract"},
    }
    assert f"BigDepot{kind.capitalize()}" in made.text("plugin.py")
    written = [path for path in made.folder.rglob("*") if path.is_file()]
    left = [path for path in written if path.suffix == ".jinja" or "{%" in path.read_text(encoding="utf-8")]
    assert left == []
    made.session("lint")


@pytest.mark.parametrize(
    ("kind", "vendor", "name"),
    [
        ("sink", 'ООО "Ромашка"', "ooo_romashka"),
        ("source", 'Лавка "У дома" д\'Артаньяна', "lavka_u_doma_d_artanyana"),
        ("source", '"1С"', "s"),
        ("sink", "№ 1", "vendor"),
        ("sink", "Самый большой магазин на всём белом свете", "samyy_bolshoy_magazin_na_vsem_be"),
    ],
)
def test_any_name_of_a_vendor_will_do(kind: str, vendor: str, name: str, tmp_path: Path) -> None:
    """Quotes are escaped wherever the name goes, and the plugin's own name is spelt in Latin letters."""
    made = Generated(kind, tmp_path, vendor=vendor, author='"А" & O\'Neil')
    assert made.name == name
    assert made.project["description"].startswith(f"{vendor} for mpstock: ")
    assert made.project["authors"] == [{"name": '"А" & O\'Neil'}]
    texts = [
        one.value for one in ast.walk(ast.parse(made.text("plugin.py"))) if isinstance(one, ast.Constant)
    ]
    assert f"{vendor}: {'stock of one shop' if kind == 'sink' else 'stock on hand'}" in texts
    made.session("lint")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["w", "w" * 32])
def test_a_name_is_as_long_as_it_may_be(kind: str, name: str, tmp_path: Path) -> None:
    """Neither the shortest name nor the longest makes lines that the formatter would break otherwise."""
    Generated(kind, tmp_path, name=name).session("lint")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"vendor": "back\\slash"}, "one line"),
        ({"vendor": 'three""" quotes'}, "one line"),
        ({"author": "two\nlines"}, "one line"),
        ({"name": "Лавка"}, "short and lower"),
        ({"name": "kiosk_"}, "short and lower"),
        ({"name": "w" * 33}, "at most 32 letters"),
    ],
)
def test_what_cannot_be_written_is_refused(answer: dict[str, str], said: str, tmp_path: Path) -> None:
    """A name that would break the files that it goes to is refused, and nothing is made."""
    done = ended(*copying(kind="sink", **answer), cwd=tmp_path)
    assert done.returncode != 0
    assert said in done.stdout
    assert not (tmp_path / "plugin").exists()


def test_what_comes_next_names_the_checkout(tmp_path: Path) -> None:
    """mpstock is installed from the checkout that the template is in: the command can be copied as it is."""
    said = run(*copying(kind="sink"), cwd=tmp_path)
    assert f'pip install -e ".[dev]" "{ROOT}"' in said


def test_it_writes_for_the_contract_that_there_is() -> None:
    """A new version of the contract is a new version of the template, too."""
    text = (ROOT / "template/copier.yml").read_text(encoding="utf-8")
    assert f'default: "{mpstock.CONTRACT}"' in text
