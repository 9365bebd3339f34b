from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mpstock.ledger import Ledger
from tests import ledgers


@pytest.fixture(scope="module", autouse=True)
def _ledgers_are_migrated() -> Iterator[None]:
    """Here the migrations themselves are told of."""
    with ledgers.migrated():
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a ledger that is there already."""
    path = tmp_path / "mpstock.db"
    Ledger(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    ledger = Ledger(f"sqlite:///{path}")
    yield ledger
    ledger.close()
