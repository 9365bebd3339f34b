"""The plugin of pytest that comes with mpstock: what tests of adapters and shops are given.

It is loaded wherever mpstock is installed, so it imports nothing until one of its fixtures is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from mpstock.testing import FaultScript, VirtualClock

__all__ = ["mpstock_clock", "mpstock_faults", "mpstock_ledger"]

# The contract's own assertions say what was found, as those of a test do.
pytest.register_assert_rewrite("mpstock.testing")


@pytest.fixture
def mpstock_clock() -> VirtualClock:
    """A clock that jumps: within `run_virtual` a day takes moments, elsewhere a sleep passes at once."""
    from mpstock.testing import VirtualClock

    return VirtualClock()


@pytest.fixture
def mpstock_ledger(tmp_path: Path) -> Path:
    """Where a ledger of this test can be: a file in a folder of its own, which is not there yet.

    A settings file beside it that does not name its ledger has it there.
    """
    return tmp_path / "mpstock.db"


@pytest.fixture
def mpstock_faults() -> Callable[[Any], FaultScript]:
    """What puts a script of faults before a vendor's double, and returns the script."""
    from mpstock.testing import FaultScript

    return FaultScript
