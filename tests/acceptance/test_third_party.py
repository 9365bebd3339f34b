"""Other people's plugins: installed by an entry point alone, used by name, set aside when broken."""

from __future__ import annotations

import json
import os
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import mpstock
from tests.acceptance.play import Result, ended, shop, spawn, toml

KIOSK = """
import json
from pathlib import Path

from attrs import frozen

from mpstock import (
    BufferPolicySpec, Level, Limits, Listing, ListingPage, Observation, OrderPage, Outcome, OutcomeStatus,
    Reading, SinkSpec, SourceSpec, hookimpl,
)


@frozen
class ShelfSettings:
    file: str


@frozen
class KioskSettings:
    file: str
    batch: int = 2


@frozen
class EvenSettings:
    step: int = 2


class Shelf:
    rates = ()

    def __init__(self, settings, context):
        self.path, self.clock = Path(settings.file), context.clock

    async def read(self, cursor):
        as_of = self.clock.now()
        stock = json.loads(self.path.read_text())
        levels = [Level(sku, "shelf", quantity) for sku, quantity in stock.items()]
        yield Reading(levels, as_of, complete=True)


class Kiosk:
    def __init__(self, settings, context):
        self.path, self.codes = Path(settings.file), context.warehouses
        self.limits = Limits("kiosk", settings.batch, 9999, (), ())

    def _shown(self):
        return json.loads(self.path.read_text())

    async def listings(self, cursor):
        offered = [Listing(sku, code, (sku,)) for sku in self._shown() for code in self.codes]
        yield ListingPage(offered, complete=True)

    async def observe(self, listings):
        shown = self._shown()
        yield [Observation(one.external_id, one.warehouse, shown[one.external_id]) for one in listings]

    async def orders(self, cursor):
        return
        yield

    async def push(self, changes):
        shown = self._shown()
        shown.update({change.listing.external_id: change.new for change in changes})
        self.path.write_text(json.dumps(shown))
        return [Outcome(OutcomeStatus.OK) for _ in changes]


@frozen
class Even:
    step: int

    def advertise(self, available):
        return max(available - available % self.step, 0)


@hookimpl
def mpstock_sources():
    return [SourceSpec("shelf", "a shelf", ShelfSettings, Shelf)]


@hookimpl
def mpstock_sinks():
    return [SinkSpec("kiosk", "a kiosk", KioskSettings, Kiosk)]


@hookimpl
def mpstock_buffer_policies():
    return [BufferPolicySpec("even", "whole boxes", EvenSettings, lambda settings: Even(settings.step))]


@hookimpl
def mpstock_run_finished(event):
    print("told of run", event.run, file=__import__("sys").stderr)
"""

BROKEN = {
    "does_not_import": ("import nothing_of_this_name\n", "nothing_of_this_name"),
    "leaves": ("raise SystemExit('no licence')\n", "no licence"),
    "misspells": (
        "from mpstock import hookimpl\n@hookimpl\ndef mpstock_sourcez():\n    return []\n",
        "mpstock_sourcez",
    ),
    "newer": (
        (
            "from attrs import frozen\nfrom mpstock import SourceSpec, hookimpl\n"
            "@frozen\nclass S:\n    pass\n"
            "@hookimpl\ndef mpstock_sources():\n"
            "    return [SourceSpec('tomorrow', 'x', S, lambda s, c: None, contract='99.0')]\n"
        ),
        "99",
    ),
}


def install(site: Path, name: str, code: str) -> None:
    """Install a distribution with one module and one entry point, as pip leaves it behind."""
    (site / f"{name}_module.py").write_text(dedent(code), encoding="utf-8")
    info = site / f"mpstock_{name}-1.2.3.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: mpstock-{name.replace('_', '-')}\nVersion: 1.2.3\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(f"[mpstock]\n{name} = {name}_module\n", encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    return folder


def _run(site: Path, cwd: Path, *arguments: str) -> Result:
    path = os.pathsep.join((str(site), str(Path(mpstock.__file__).parents[1])))
    return ended(spawn(*arguments, cwd=cwd, env={"PYTHONPATH": path}))


def test_a_source_a_sink_and_a_policy_need_nothing_but_an_entry_point(tmp_path: Path, site: Path) -> None:
    """Installed, listed, configured by name, checked, synced: without a line in mpstock about them."""
    install(site, "kiosk", KIOSK)
    shelf, kiosk = tmp_path / "shelf.json", tmp_path / "kiosk.json"
    shelf.write_text(json.dumps({"A": 17, "B": 8, "C": 3}))
    kiosk.write_text(json.dumps({"A": 0, "B": 8, "C": 1}))
    tables: dict[str, Any] = {
        "sources": {"shop": {"plugin": "shelf", "file": str(shelf)}},
        "sinks": {
            "corner": {
                "plugin": "kiosk",
                "file": str(kiosk),
                "warehouses": [{"code": "1"}],
                "buffer": {"policy": "even", "step": 4},
            }
        },
    }
    (tmp_path / "mpstock.toml").write_text(toml(tables), encoding="utf-8")
    listed = {p["plugin"]: p for p in _run(site, tmp_path, "plugins", "--json").ok().json["plugins"]}
    assert listed["kiosk"]["state"] == "ok"
    assert listed["kiosk"]["distribution"] == "mpstock-kiosk"
    assert listed["kiosk"]["version"] == "1.2.3"
    assert listed["kiosk"]["brings"] == "source shelf, sink kiosk, policy even"
    _run(site, tmp_path, "check").ok()
    synced = _run(site, tmp_path, "sync", "--json").ok()
    assert synced.json["sinks"]["corner"]["requests"] == 1
    assert "told of run 1" in synced.stderr
    assert json.loads(kiosk.read_text()) == {"A": 16, "B": 8, "C": 0}
    explained = _run(site, tmp_path, "explain", "A").ok().stdout
    assert "buffer even: step = 4 ([sinks.corner.buffer]) → advertise 16" in explained
    assert _run(site, tmp_path, "sync", "--json").ok().json["pushed"] == 0
    tables["sinks"]["corner"]["batchs"] = 5
    (tmp_path / "mpstock.toml").write_text(toml(tables), encoding="utf-8")
    wrong = _run(site, tmp_path, "sync")
    assert wrong.code == 2
    assert "batchs" in wrong.stderr
    assert "did you mean batch" in wrong.stderr


def test_broken_plugins_are_named_with_their_reason_and_the_rest_works(tmp_path: Path, site: Path) -> None:
    """Plugins that do not import, leave the process, misspell a hook or are too new disturb nobody."""
    for name, (code, _) in BROKEN.items():
        install(site, name, code)
    result = _run(site, tmp_path, "plugins", "--json")
    assert result.code == 1
    listed = {plugin["plugin"]: plugin for plugin in result.json["plugins"]}
    for name, (_, reason) in BROKEN.items():
        assert listed[name]["state"] == "broken"
        assert reason in listed[name]["error"]
    assert {listed[name]["state"] for name in ("builtin", "onec", "ozon", "wb")} == {"ok"}
    said = _run(site, tmp_path, "plugins").stdout
    assert all(reason in said for _, reason in BROKEN.values())
    with shop(tmp_path, {"SKU-A": 10}) as play:
        assert _run(site, tmp_path, "sync", "--json").ok().json["pushed"] == 2
        assert play.shown("ozon") == play.shown("wb") == {"SKU-A": 8}
        checked = _run(site, tmp_path, "check")
        assert all(reason in checked.stdout for _, reason in BROKEN.values())


def test_a_broken_plugin_that_is_needed_is_said_to_be_broken(tmp_path: Path, site: Path) -> None:
    """Settings that name it get the reason, not "no such plugin"; `check` goes on with the others."""
    install(site, "does_not_import", BROKEN["does_not_import"][0])
    with shop(tmp_path, {"SKU-A": 10}) as play:
        play.tables["sources"]["other"] = {"plugin": "does_not_import"}
        play.write()
        synced = _run(site, tmp_path, "sync")
        assert synced.code == 2
        assert "nothing_of_this_name" in synced.stderr
        checked = _run(site, tmp_path, "check", "--json")
        assert checked.code == 2
        parts = {part["subject"]: part["worst"] for part in checked.json["parts"]}
        assert parts["sources.other"] == "error"
        assert parts["sinks.ozon"] == parts["sinks.wb"] == parts["sources.erp"] == "ok"


def test_a_plugin_that_cannot_be_built_is_named_and_the_rest_is_checked(tmp_path: Path, site: Path) -> None:
    """A factory that raises is told by `check` with plugin, version and reason; the others are looked at."""
    install(
        site,
        "brittle",
        "from attrs import frozen\nfrom mpstock import SinkSpec, hookimpl\n@frozen\nclass S:\n    pass\n"
        "def build(settings, context):\n    raise ValueError('the moon is not full')\n"
        "@hookimpl\ndef mpstock_sinks():\n    return [SinkSpec('brittle', 'x', S, build)]\n",
    )
    with shop(tmp_path, {"SKU-A": 10}) as play:
        play.tables["sinks"]["moon"] = {"plugin": "brittle", "warehouses": [{"code": "1"}]}
        play.write()
        assert _run(site, tmp_path, "plugins").code == 0
        checked = _run(site, tmp_path, "check")
        assert checked.code == 2
        assert "the moon is not full" in checked.stdout
        assert "mpstock-brittle 1.2.3" in checked.stdout
        assert "sinks.ozon: ok" in checked.stdout
        synced = _run(site, tmp_path, "sync")
        assert synced.code == 2
        assert "the moon is not full" in synced.stderr
        assert play.pushes("ozon") == 0


def test_a_sink_that_breaks_its_word_is_named_as_a_defect_of_the_plugin(tmp_path: Path, site: Path) -> None:
    """One outcome for two changes is told as the plugin's defect, and cleared up by a read-back."""
    install(site, "kiosk", KIOSK.replace("for _ in changes]", "for _ in changes][:1]"))
    shelf, kiosk = tmp_path / "shelf.json", tmp_path / "kiosk.json"
    shelf.write_text(json.dumps({"A": 16, "B": 8}))
    kiosk.write_text(json.dumps({"A": 0, "B": 0}))
    table = {
        "plugin": "kiosk",
        "file": str(kiosk),
        "warehouses": [{"code": "1"}],
        "buffer": {"policy": "all"},
    }
    tables = {"sources": {"shop": {"plugin": "shelf", "file": str(shelf)}}, "sinks": {"corner": table}}
    (tmp_path / "mpstock.toml").write_text(toml(tables), encoding="utf-8")
    first = _run(site, tmp_path, "sync")
    assert first.code == 3
    assert "a defect of the plugin" in first.stdout
    second = _run(site, tmp_path, "sync", "--json").ok()
    assert second.json["pushed"] == 0
    assert json.loads(kiosk.read_text()) == {"A": 16, "B": 8}
