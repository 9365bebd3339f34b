"""A plugin that is installed is held to the contract by a process of its own; the certificate says all."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import mpstock
from mpstock.errors import PluginError, UnknownPluginError
from mpstock.plugins import LOAD_PLUGINS, PluginRegistry
from mpstock.testing import Certificate, Check, certify

PLUGIN = """
from attrs import frozen
from mpstock import BufferPolicySpec, hookimpl

@frozen
class Settings:
    step: int = 6

@frozen
class Boxes:
    step: int
    def advertise(self, available):
        return {rule}

@hookimpl
def mpstock_buffer_policies():
    made = lambda own: Boxes(own.step)
    return [BufferPolicySpec("boxes", "whole boxes", Settings, made, contract={contract})]
"""
WHOLE_BOXES = "max(available - available % self.step, 0)"
CONTRACT = """
from mpstock.testing import PolicyContract

class TestBoxes(PolicyContract):
    plugin = "boxes"
    tables = ({}, {"step": 10})
"""
OTHERS = """
@hookimpl
def mpstock_sinks():
    from mpstock import SinkSpec
    return [SinkSpec("boxed", "a sink", Settings, lambda own, context: None, contract="1.1")]

@hookimpl
def mpstock_sources():
    from mpstock import SourceSpec
    return [SourceSpec("baskets", "holds", Settings, lambda own, context: None, contract="1.1", levels=False)]
"""
Install = Callable[..., PluginRegistry]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a plugin `boxes`, as pip does, with a contract module that lies beside it."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(LOAD_PLUGINS, "boxes")

    def installed(
        plugin: str = PLUGIN.format(rule=WHOLE_BOXES, contract='"1.1"'), contract: str | None = CONTRACT
    ) -> PluginRegistry:
        (site / "boxes_plugin.py").write_text(plugin, encoding="utf-8")
        entries = "[mpstock]\nboxes = boxes_plugin\n"
        if contract is not None:
            (site / "boxes_contract.py").write_text(contract, encoding="utf-8")
            entries += "[mpstock.contract]\nboxes = boxes_contract\n"
        info = site / "mpstock_boxes-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: mpstock-boxes\nVersion: 1.2\n", encoding="utf-8"
        )
        (info / "entry_points.txt").write_text(entries, encoding="utf-8")
        return PluginRegistry()

    yield installed
    for name in ("boxes_plugin", "boxes_contract"):
        sys.modules.pop(name, None)


def test_a_plugin_that_keeps_its_promises_is_certified(install: Install) -> None:
    """All that it brings is held, nothing fails; the certificate names versions and promises."""
    certificate = certify("mpstock-boxes", plugins=install())
    assert certificate.passed, certificate.failures
    assert (certificate.plugin, certificate.label) == ("boxes", "mpstock-boxes 1.2")
    assert certificate.states == ("1.1",)
    assert certificate.contract == mpstock.CONTRACT
    assert certificate.subjects == ["policy boxes"]
    assert certificate.counts() == {"passed": 5, "failed": 0, "skipped": 1}
    claims = {check.claim for check in certificate.checks}
    assert "Never more than there is to promise, never below zero, and a whole number." in claims
    assert certificate.line.startswith("mpstock-boxes 1.2 meets version 1.1 of mpstock's contract: 5 checks")


def test_what_a_plugin_does_wrong_is_told_with_what_was_found(install: Install) -> None:
    """A policy that rounds up, a sink that nobody holds, an old way to state a version: each is named."""
    rule = "-(-available // self.step) * self.step"
    plugin = PLUGIN.format(rule=rule, contract="1") + OTHERS
    with pytest.warns(DeprecationWarning, match="whole number"):
        certificate = certify("boxes", plugins=install(plugin))
    assert not certificate.passed
    failed = {check.name: check for check in certificate.failures}
    assert set(failed) == {"test_advertised_is_between_zero_and_available", "is_held"}
    assert "are there, and" in failed["test_advertised_is_between_zero_and_available"].reason
    assert failed["is_held"].subject == "sink boxed"
    assert "class Test…(SinkContract)" in failed["is_held"].reason
    assert certificate.counts("source baskets") == {"passed": 0, "failed": 0, "skipped": 1}
    (deprecated,) = certificate.deprecated
    assert "ends with version 2.0" in deprecated
    assert "does not meet version 1.1" in certificate.line


@pytest.mark.slow
def test_a_contract_module_that_cannot_be_imported_fails(install: Install) -> None:
    """What cannot be run has not passed, and the reason is there."""
    certificate = certify("boxes", plugins=install(contract="import no_such_module_of_ours\n"))
    assert not certificate.passed
    assert any("no_such_module_of_ours" in check.reason for check in certificate.failures)


@pytest.mark.slow
def test_a_contract_that_holds_nothing_is_none(install: Install) -> None:
    """A module without a contract class passes nothing, whatever else lies in it."""
    certificate = certify("boxes", plugins=install(contract='def test_fine():\n    """It is."""\n'))
    assert [(check.subject, check.outcome) for check in certificate.checks] == [
        ("its own checks", "passed"),
        ("policy boxes", "failed"),
    ]


def test_a_plugin_that_does_not_load_fails_with_its_reason(install: Install) -> None:
    """Nothing is run; the certificate says why."""
    certificate = certify("boxes", plugins=install("raise RuntimeError('no licence')\n"))
    (check,) = certificate.failures
    assert (check.subject, check.outcome) == ("plugin boxes", "failed")
    assert "no licence" in check.reason


def test_a_plugin_without_a_contract_module_is_told_what_to_add(install: Install) -> None:
    """The error is the lines that its pyproject.toml lacks."""
    with pytest.raises(
        PluginError, match=r'entry-points."mpstock.contract"\] with boxes = "mpstock_boxes.con'
    ):
        certify("boxes", plugins=install(contract=None))
    with pytest.raises(UnknownPluginError, match="did you mean boxes"):
        certify("boxs", plugins=PluginRegistry())


@pytest.mark.slow
def test_progress_is_told(install: Install) -> None:
    """Whoever waits is told how far it is, and never more than there is."""
    told: list[tuple[int, int | None]] = []
    slow = CONTRACT + (
        "\nimport pytest, time\n"
        "\n@pytest.mark.parametrize('number', range(3))"
        "\ndef test_slow(number):\n    time.sleep(0.25)\n"
    )
    registry = install(contract=slow)
    assert certify("boxes", plugins=registry, progress=lambda done, of: told.append((done, of))).passed
    assert told == sorted(told, key=lambda one: one[0])
    assert any(of == 9 for _, of in told)
    assert all(of is None or done <= of for done, of in told)


CHECKS = (
    Check("sink kiosk", "TestKiosk", "test_a[1]", "It | works.", "passed"),
    Check("sink kiosk", "TestKiosk", "test_a[2]", "It | works.", "failed", "2 is\nnot 3"),
    Check("sink kiosk", "TestKiosk", "test_b", "It stops.", "skipped", "limits say so"),
)


def certificate(checks: tuple[Check, ...]) -> Certificate:
    at = datetime(2026, 11, 27, 1, tzinfo=UTC)
    return Certificate(
        "kiosk", "mpstock-kiosk", "0.3", ("1.0",), "1.1", "0.1.0", "3.11.7", at, checks, ("x: y",)
    )


def test_a_certificate_is_data_and_a_page() -> None:
    """JSON has every check; the page has the counts, the failures with reasons, and what does not apply."""
    data = json.loads(json.dumps(certificate(CHECKS).as_dict()))
    assert (data["format"], data["passed"], data["states"]) == ("mpstock-certificate", False, ["1.0"])
    assert data["subjects"] == {"sink kiosk": {"passed": 1, "failed": 1, "skipped": 1}}
    assert len(data["checks"]) == 3
    page = certificate(CHECKS).as_markdown()
    assert page.startswith("# mpstock-kiosk 0.3\n\nmpstock-kiosk 0.3 does not meet version 1.1")
    assert "| sink kiosk | 1 | 1 | 1 |" in page
    assert "2 is\n  not 3" in page
    assert "| sink kiosk | 1 | limits say so |" in page
    assert "| It \\| works. | TestKiosk | **failed** (1), passed (1) |" in page
    assert "- x: y" in page


def test_where_nothing_was_held_nothing_is_certified() -> None:
    """Skipped checks alone are no promise kept."""
    assert not certificate(CHECKS[2:]).passed
    assert certificate(CHECKS[:1]).passed
