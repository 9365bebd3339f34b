"""Holds an installed plugin to the contract, in a process of its own, and says what came of it."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from mpstock.clock import Clock, SystemClock
from mpstock.contract_versions import CONTRACT
from mpstock.errors import ConfigurationError, PluginError, UnknownPluginError
from mpstock.nearest import suggestion
from mpstock.plugins import LoadedPlugin, PluginRegistry
from mpstock.testing.certificate import Certificate, Check

__all__ = ["GROUP", "certify"]

GROUP = "mpstock.contract"
"""The group of entry points that name a plugin's contract module: `ozon = "mpstock_ozon.contract"`."""

_INI = "[pytest]\naddopts =\nfilterwarnings =\n    default\n"
_ALONE = {"PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
_POLL = 0.2


def certify(
    name: str,
    *,
    plugins: PluginRegistry | None = None,
    clock: Clock | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Certificate:
    """Run the contract classes that a plugin names, and return its certificate.

    `name` is that of its entry point, or of its distribution. The classes are those of the module that its
    entry point in the group `mpstock.contract` names. All that the plugin brings has to be held by one of
    them.
    `progress` is told how many checks are done, of how many.

    Raises:
        UnknownPluginError: no such plugin is installed.
        PluginError: it names no contract module.
        ConfigurationError: pytest or Hypothesis is not installed.
    """
    registry = plugins or PluginRegistry()
    plugin = _find(name, registry.installed())
    at = (clock or SystemClock()).now()
    if plugin.state != "ok":
        checks = [_of_plugin(plugin, "is_loaded", "It can be loaded.", plugin.error)]
    else:
        lacking = [one for one in ("pytest", "hypothesis") if importlib.util.find_spec(one) is None]
        if lacking:
            raise ConfigurationError(
                f"to certify a plugin takes {' and '.join(lacking)}: pip install 'mpstock[testing]'"
            )
        checks = _run(_module(plugin), progress)
        checks += _unheld(plugin, registry, {check.subject for check in checks})
    from mpstock import __version__

    return Certificate(
        plugin.name,
        plugin.distribution,
        plugin.version,
        plugin.contract,
        CONTRACT,
        __version__,
        platform.python_version(),
        at,
        checks,
        plugin.deprecated,
    )


def _find(name: str, installed: Sequence[LoadedPlugin]) -> LoadedPlugin:
    found = [one for one in installed if one.name == name] or [
        one for one in installed if one.distribution == name and one.name != "builtin"
    ]
    if not found:
        raise UnknownPluginError(
            f"no plugin {name} is installed: {suggestion(name, [one.name for one in installed])}"
        )
    if len(found) > 1:
        labels = " and ".join(one.label for one in found)
        raise PluginError(f"{name} is the name of {labels}: say which by its distribution")
    return found[0]


def _module(plugin: LoadedPlugin) -> str:
    named = [one for one in entry_points(group=GROUP) if one.name == plugin.name]
    ours = [one for one in named if _distribution(one) == plugin.distribution]
    if not ours:
        package = plugin.distribution.replace("-", "_") or plugin.name
        raise PluginError(
            f"the plugin {plugin.label} does not say how it is to be held to it: its pyproject.toml needs "
            f'[project.entry-points."{GROUP}"] with {plugin.name} = "{package}.contract", a module with its '
            "contract classes; then install it anew"
        )
    return ours[0].module


def _distribution(entry_point: EntryPoint) -> str:
    return entry_point.dist.name if entry_point.dist is not None else ""


def _run(module: str, progress: Callable[[int, int | None], None] | None) -> list[Check]:
    """Run the tests of a module, away from every settings file and conftest.py of where we are."""
    # It imports pytest, which is there by now.
    from mpstock.testing.recording import RECORD

    with tempfile.TemporaryDirectory(prefix="mpstock-certify-") as folder:
        record, ini, said = (Path(folder) / name for name in ("record.jsonl", "pytest.ini", "said.txt"))
        ini.write_text(_INI, encoding="utf-8")
        record.touch()
        command = [
            sys.executable, "-m", "pytest", "--pyargs", module, "-c", str(ini), "--rootdir", folder,
            "--noconftest", "--import-mode=importlib", "-q", "-p", "no:cacheprovider",
            "-p", "mpstock.pytest_plugin", "-p", "mpstock.testing.recording",
        ]  # fmt: skip
        # It sees what this process sees, however that came to be; of pytest's plugins only those named above.
        path = os.pathsep.join(str(Path(one).absolute()) for one in sys.path if one)
        environment = {**os.environ, "PYTHONPATH": path, RECORD: str(record), **_ALONE}
        with said.open("w", encoding="utf-8") as output:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
            try:
                _wait(process, record, progress)
            finally:
                process.kill()
                process.wait()
        checks, collected = _read(record)
        if collected is None or (
            len(checks) < collected and not any(one.outcome == "failed" for one in checks)
        ):
            words = said.read_text(encoding="utf-8", errors="replace")[-2000:]
            told = f"pytest ended with {process.returncode} after {len(checks)} checks:\n{words}"
            checks.append(
                Check("its own checks", "", module, "All of its checks can be run.", "failed", told)
            )
        return checks


def _wait(
    process: subprocess.Popen[Any], record: Path, progress: Callable[[int, int | None], None] | None
) -> None:
    while True:
        try:
            process.wait(_POLL)
            return
        except subprocess.TimeoutExpired:
            if progress is not None:
                checks, collected = _read(record)
                progress(len(checks), collected)


def _read(record: Path) -> tuple[list[Check], int | None]:
    checks: list[Check] = []
    collected: int | None = None
    for line in record.read_text(encoding="utf-8").splitlines(keepends=True):
        if not line.endswith("\n"):
            # Still being written.
            break
        told = json.loads(line)
        if "collected" in told:
            collected = told["collected"]
        else:
            checks.append(Check(**told))
    return checks, collected


def _unheld(plugin: LoadedPlugin, registry: PluginRegistry, held: set[str]) -> Iterable[Check]:
    """Say of what the plugin brings, and no class holds, that it fails; nothing is promised of it."""
    sources = registry.sources()
    brought = [("source", name) for name in plugin.sources]
    brought += [("sink", name) for name in plugin.sinks]
    brought += [("policy", name) for name in plugin.policies]
    for kind, name in brought:
        subject = f"{kind} {name}"
        if subject in held:
            continue
        claim = "A contract class holds all that a plugin brings."
        if kind == "source" and name in sources and not sources[name].levels:
            reason = "it tells holds alone, of which the contract says nothing yet"
            yield Check(subject, "", "is_held", claim, "skipped", reason)
            continue
        base = {"source": "SourceContract", "sink": "SinkContract", "policy": "PolicyContract"}[kind]
        reason = f'no contract class holds it: add `class Test…({base})` with plugin = "{name}"'
        yield Check(subject, "", "is_held", claim, "failed", reason)


def _of_plugin(plugin: LoadedPlugin, name: str, claim: str, reason: str) -> Check:
    return Check(f"plugin {plugin.name}", "", name, claim, "failed", reason)
