from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import mpstock

HEAVY = (
    "alembic",
    "asyncio",
    "attr",
    "attrs",
    "cattrs",
    "click",
    "httpx",
    "pluggy",
    "sqlalchemy",
    "tenacity",
)
PUBLIC_MODULES = (
    "mpstock",
    "mpstock.errors",
    "mpstock.fleet",
    "mpstock.plugins",
    "mpstock.rows",
    "mpstock.service",
    "mpstock.simulation",
    "mpstock.testing",
    "mpstock.validators",
)
# The modules whose every public name is a public name of the package.
WHOLE_MODULES = ("mpstock.clock", "mpstock.events", "mpstock.interfaces", "mpstock.model")


def defined(module: ModuleType) -> set[str]:
    """Return the classes and functions without an underscore that a module's own source defines."""
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    named = (node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef))
    return {node.name for node in named if not node.name.startswith("_")}


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_each_public_name_is_there(name: str) -> None:
    """Every name of a public module's `__all__` can be had, once, in sorted order."""
    module = importlib.import_module(name)
    assert sorted(set(module.__all__)) == sorted(module.__all__)
    assert [public for public in module.__all__ if not hasattr(module, public)] == []


@pytest.mark.parametrize("name", PUBLIC_MODULES[1:])
def test_nothing_public_is_left_out_of_all(name: str) -> None:
    """What a public module defines without an underscore is in its `__all__`: nothing is half public."""
    module = importlib.import_module(name)
    assert defined(module) <= set(module.__all__)


def test_the_package_exports_what_its_modules_call_public() -> None:
    """`mpstock.__all__` holds all public names of the model, the interfaces, the events and the clock."""
    for name in WHOLE_MODULES:
        assert set(importlib.import_module(name).__all__) <= set(mpstock.__all__), name


def test_the_package_tells_type_checkers_what_it_does_at_runtime() -> None:
    """The imports for type checkers bring each public name from the module that the runtime takes it from."""
    assert mpstock.__file__ is not None
    tree = ast.parse(Path(mpstock.__file__).read_text(encoding="utf-8"))
    told: dict[str, str] = {}
    for block in tree.body:
        if isinstance(block, ast.If):
            for node in block.body:
                if isinstance(node, ast.ImportFrom) and node.module != "mpstock":
                    told |= {alias.name: str(node.module) for alias in node.names}
    assert set(told) == set(mpstock.__all__)
    for name, home in told.items():
        assert getattr(mpstock, name) is getattr(importlib.import_module(home), name), name


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A name that is not there is an AttributeError that tells it, as with any module."""
    with pytest.raises(AttributeError, match="no attribute 'Sauce'"):
        mpstock.Sauce  # noqa: B018


def test_public_names_are_listed() -> None:
    """`dir(mpstock)`, which a notebook completes from, lists the public names before they are asked for."""
    code = "import mpstock; print(set(mpstock.__all__) <= set(dir(mpstock)))"
    assert run(code) == "True"


def test_importing_mpstock_is_light() -> None:
    """`import mpstock` pulls in no library that costs time, nor asyncio."""
    code = f"import sys, mpstock; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert run(code) == "[]"


def test_public_modules_are_attributes() -> None:
    """After `import mpstock`, `mpstock.errors` and the other public modules need no import of their own."""
    assert run("import mpstock; print(mpstock.errors.MpstockError.__name__)") == "MpstockError"


def run(code: str) -> str:
    """Run code in a fresh interpreter that imports what this one does, and return what it prints."""
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_plugin_of_pytest_costs_nothing() -> None:
    """It is loaded by every run of pytest where mpstock is installed: it imports nothing heavy."""
    code = (
        "import sys, pytest; before = set(sys.modules); import mpstock.pytest_plugin; "
        f"print([name for name in {HEAVY!r} if name in set(sys.modules) - before])"
    )
    assert run(code) == "[]"
