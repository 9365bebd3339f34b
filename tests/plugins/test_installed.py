"""What is installed is looked up once, and once more where something was installed."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from mpstock.installed import announced


def install(folder: Path, name: str) -> None:
    """Put a distribution there, as an installer does, with one entry point."""
    info = folder / f"{name}-1.2.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2.3\n")
    (info / "entry_points.txt").write_text(f"[mpstock]\n{name} = {name}.plugin\n")
    # Some file systems would not tell this moment from the one before.
    later = folder.stat().st_mtime_ns + 1_000_000_000
    os.utime(folder, ns=(later, later))


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Each time that the standard library reads what is installed."""
    found: list[Any] = []
    true = importlib.metadata.entry_points

    def reading(**chosen: str) -> Any:
        found.append(chosen)
        return true(**chosen)

    monkeypatch.setattr(importlib.metadata, "entry_points", reading)
    return found


def test_what_was_installed_since_the_last_look_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scans: list[Any]
) -> None:
    """A notebook that installs a plugin can use it; as long as nothing is, nothing is read again."""
    monkeypatch.syspath_prepend(str(tmp_path))
    install(tmp_path, "kiosk")
    assert [(one.name, one.distribution, one.version) for one in announced() if one.name == "kiosk"] == [
        ("kiosk", "kiosk", "1.2.3")
    ]
    assert announced() == announced()
    assert len(scans) == 1
    install(tmp_path, "booth")
    assert {"booth", "kiosk"} <= {one.name for one in announced()}
    assert len(scans) == 2


def test_another_path_is_another_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no longer on the path announces nothing; a folder that is not there does no harm."""
    install(tmp_path, "kiosk")
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "missing"), *sys.path])
    assert "kiosk" in {one.name for one in announced()}
    monkeypatch.setattr(sys, "path", sys.path[1:])
    assert "kiosk" not in {one.name for one in announced()}
