"""The rules of the house, held against the sources: who may import whom, and how long a module may be."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import field, frozen

SRC = Path(__file__).resolve().parents[1] / "src"
CORE = SRC / "mpstock"
PLUGINS = sorted(path.parent for path in SRC.glob("mpstock_*/plugin.py"))
each_plugin = pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)

PUBLIC = {
    "mpstock",
    "mpstock.errors",
    "mpstock.plugins",
    "mpstock.rows",
    "mpstock.simulation",
    "mpstock.testing",
    "mpstock.validators",
}
NETWORK = {
    "aiohttp", "apprise", "http.client", "httpx", "requests",
    "socket", "urllib.request", "urllib3", "uvicorn",
}  # fmt: skip
DATABASE = {"alembic", "psycopg", "sqlalchemy", "sqlite3"}
HEAVY = {*NETWORK, *DATABASE, "asyncio", "cattrs", "click", "rich", "tenacity"}
LONGEST = 400
# What asks the machine for the time, or waits by it.
BEHIND_THE_CLOCK = {
    "asyncio.sleep",
    "asyncio.timeout",
    "datetime.now",
    "datetime.utcnow",
    "time.sleep",
    "time.time",
}


@frozen
class Import:
    """One import: of which module, which names of it, and whether it happens when the file is imported."""

    module: str
    names: tuple[str, ...] = ()
    line: int = 0
    at_import: bool = True

    def __str__(self) -> str:
        return f"line {self.line}: {self.module} {', '.join(self.names)}".strip()

    def reaches(self, modules: set[str]) -> bool:
        """Tell whether it imports one of these modules, or something inside one."""
        reached = [self.module, *(f"{self.module}.{name}" for name in self.names)]
        return any(name == module or name.startswith(f"{module}.") for name in reached for module in modules)


@frozen
class Module:
    """One source file with what it imports at runtime."""

    path: Path
    imports: tuple[Import, ...] = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Module:
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        return cls(path, tuple(_imports(tree, at_import=True)))

    def __str__(self) -> str:
        return self.path.relative_to(SRC).as_posix()


def _imports(node: ast.AST, *, at_import: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                # Only what runs counts: a type checker's imports reach nothing.
                for other in child.orelse:
                    yield from _imports(other, at_import=at_import)
            case ast.Import():
                for alias in child.names:
                    yield Import(alias.name, (), child.lineno, at_import)
            case ast.ImportFrom():
                names = tuple(alias.name for alias in child.names)
                yield Import(child.module or "", names, child.lineno, at_import)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                yield from _imports(child, at_import=False)
            case _:
                yield from _imports(child, at_import=at_import)


def modules(folder: Path) -> list[Module]:
    return [Module.read(path) for path in sorted(folder.rglob("*.py"))]


def broken(found: list[Module], forbidden: set[str], *, allowed: tuple[str, ...] = ()) -> list[str]:
    """Return who imports what is forbidden, but for files that lie at an allowed place under the core."""
    places = [CORE / place for place in allowed]
    return [
        f"{module}, {statement}"
        for module in found
        if not any(module.path == place or place in module.path.parents for place in places)
        for statement in module.imports
        if statement.reaches(forbidden)
    ]


def is_double(module: Module) -> bool:
    """Tell whether a plugin's file belongs to the vendor's double."""
    return module.path.name.startswith("simulator")


def test_there_is_a_house_to_look_at() -> None:
    """The sources are found, so that the rules below are not held against nothing."""
    assert {"mpstock_onec", "mpstock_ozon", "mpstock_wb"} <= {path.name for path in PLUGINS}
    assert len(modules(CORE)) > 20


def test_the_core_imports_no_plugin() -> None:
    """The core knows its plugins through entry points alone."""
    plugins = {path.name for path in SRC.glob("mpstock_*")}
    assert broken(modules(CORE), plugins) == []


@each_plugin
def test_a_plugin_imports_public_names_only(plugin: Path) -> None:
    """A plugin takes from mpstock only what its public modules export, so that all else may move."""
    exported = {name: set(__import__(name, fromlist=["__all__"]).__all__) for name in PUBLIC}
    wrong = []
    for module in modules(plugin):
        for statement in module.imports:
            if not statement.reaches({"mpstock"}):
                continue
            submodules = {name for name in statement.names if f"{statement.module}.{name}" in PUBLIC}
            public = exported.get(statement.module)
            if public is None or not set(statement.names) - submodules <= public:
                wrong.append(f"{module}, {statement}")
    assert wrong == []


@each_plugin
def test_a_plugin_imports_no_other_plugin(plugin: Path) -> None:
    """Plugins are published one by one: none needs another."""
    others = {path.name for path in PLUGINS} - {plugin.name}
    assert broken(modules(plugin), others) == []


def test_one_way_out_to_the_network() -> None:
    """In the core only the transport sends HTTP; simulators, the test kit and the service are asked."""
    # The limiter's owner asks for the machine's name, nothing else; the service listens.
    allowed = (
        "transport", "simulation", "testing", "owners.py", "service/serving.py", "service/systemd.py",
        # Notices go to messengers, never to a vendor, and only where the settings file says.
        "alerts/ways.py",
    )  # fmt: skip
    assert broken(modules(CORE), NETWORK, allowed=allowed) == []


@each_plugin
def test_an_adapter_cannot_bypass_the_transport(plugin: Path) -> None:
    """An adapter sends through the transport that it is given; it imports no way out of its own."""
    adapter = [module for module in modules(plugin) if not is_double(module)]
    assert broken(adapter, NETWORK) == []


def test_only_the_ledger_knows_sql() -> None:
    """SQL stays in ledger/, but for the fleet's own tables."""
    assert broken(modules(CORE), DATABASE, allowed=("ledger", "fleet/store.py")) == []


def test_the_engine_knows_neither_http_nor_sql() -> None:
    """reconcile/ reaches no network, no database and no settings file; it is given what it works with."""
    forbidden = {*NETWORK, *DATABASE, "mpstock.config", "mpstock.cli", "mpstock.transport"}
    assert broken(modules(CORE / "reconcile"), forbidden) == []


def test_the_ledger_knows_no_network() -> None:
    """ledger/ reaches neither the network nor an adapter nor the engine."""
    forbidden = {*NETWORK, "mpstock.cli", "mpstock.facade", "mpstock.plugins", "mpstock.transport"}
    assert broken(modules(CORE / "ledger"), forbidden) == []


@each_plugin
def test_an_adapter_knows_neither_ledger_nor_policy(plugin: Path) -> None:
    """Adapters turn the vendor's words into the model and back, nothing else."""
    forbidden = {*DATABASE, "mpstock.ledger", "mpstock.buffers", "mpstock.reconcile"}
    assert broken(modules(plugin), forbidden) == []


@each_plugin
def test_the_double_and_the_adapter_share_no_code(plugin: Path) -> None:
    """A double that borrows from its adapter would repeat the adapter's mistakes and find none."""
    found = modules(plugin)
    doubles = {f"{plugin.name}.{module.path.stem}" for module in found if is_double(module)}
    assert doubles, "a plugin brings its vendor's double"
    adapters = {f"{plugin.name}.{module.path.stem}" for module in found if not is_double(module)}
    adapters.discard(f"{plugin.name}.__init__")
    assert broken([module for module in found if is_double(module)], adapters) == []
    # The descriptor and the contract's classes name both, and are code of neither.
    others = [
        module
        for module in found
        if not is_double(module) and module.path.name not in ("plugin.py", "contract.py")
    ]
    assert broken(others, doubles) == []


@each_plugin
def test_the_module_of_the_entry_point_imports_nothing_heavy(plugin: Path) -> None:
    """To list plugins costs nothing: `plugin.py` brings in what is heavy only when something is built."""
    code = (
        f"import sys, {plugin.name}.plugin; "
        f"print(sorted(name for name in {sorted(HEAVY)!r} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": os.pathsep.join([str(SRC), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_only_the_command_line_and_the_demo_know_the_terminal() -> None:
    """click and rich are an extra: only the command line may need them when it is imported."""
    found = [
        f"{module}, {statement}"
        for module in modules(CORE)
        if CORE / "cli" not in module.path.parents
        for statement in module.imports
        if statement.at_import and statement.reaches({"click", "rich"})
    ]
    assert found == []


def test_nothing_waits_or_stamps_behind_the_clock_s_back() -> None:
    """Everything that waits or asks for the time takes the injected clock."""
    wrong = []
    for module in [*modules(CORE), *(found for plugin in PLUGINS for found in modules(plugin))]:
        # The clocks themselves, and the virtual one of the test kit, stand on the machine's.
        if module.path == CORE / "clock.py" or CORE / "testing" in module.path.parents:
            continue
        for node in ast.walk(ast.parse(module.path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in BEHIND_THE_CLOCK:
                wrong.append(f"{module}, line {node.lineno}: {ast.unparse(node.func)}")
    assert wrong == []


def test_who_looks_at_the_clock_in_a_transaction_holds_the_ledger_by_then() -> None:
    """On PostgreSQL a transaction waits for another at its first statement.

    What was written meanwhile would be dated later than a moment from before the wait, and be taken for the
    work of a clock that was ahead.
    """
    seen = 0
    for module in modules(CORE):
        for node in ast.walk(ast.parse(module.path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.With) or not any(_transaction(item) for item in node.items):
                continue
            if not any(_looks_at_the_clock(inner) for part in node.body for inner in ast.walk(part)):
                continue
            seen += 1
            assert any("at_once=True" in ast.unparse(item) for item in node.items), (
                f"{module}, line {node.lineno}: say transaction(at_once=True), or look at the clock before"
            )
    assert seen > 10


def _transaction(item: ast.withitem) -> bool:
    call = item.context_expr
    return isinstance(call, ast.Call) and ast.unparse(call.func).endswith("ledger.transaction")


def _looks_at_the_clock(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("clock.now", "clock.monotonic"))


def test_modules_are_short() -> None:
    """A module has one subject; what grows past the limit wants to be two."""
    long = {
        str(module): length
        for folder in [CORE, *PLUGINS]
        for module in modules(folder)
        if (length := len(module.path.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert long == {}
