from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.crash.forks import Forks, forks

collect_ignore_glob = ["*"] if sys.platform == "win32" else []


@pytest.fixture(scope="session")
def program() -> Iterator[Forks]:
    """The program that forks the commands, one for all tests of a process."""
    with forks() as found:
        yield found
