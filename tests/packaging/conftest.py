from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.release.members import Workspace


def _build(*arguments: str) -> None:
    command = [sys.executable, "-m", "build", "--no-isolation", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{' '.join(command)}\n{run.stdout}{run.stderr}"


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built archives: sdists with the wheels made from them; in `direct/` both made from the folders.

    `nox -s build` builds them in isolation and says where they are; elsewhere they are built here.
    """
    if given := os.environ.get("MPSTOCK_DIST"):
        return Path(given)
    folder = tmp_path_factory.mktemp("dist")
    for member in Workspace.read().members:
        _build("--outdir", str(folder), str(member.folder))
        _build("--sdist", "--wheel", "--outdir", str(folder / "direct"), str(member.folder))
    return folder
