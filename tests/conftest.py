from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from hypothesis import settings

from tests import ledgers

# How long one example takes says more about the machine than about the code.
settings.register_profile("mpstock", deadline=None)
settings.load_profile("mpstock")


@pytest.fixture(scope="session", autouse=True)
def _new_ledgers_are_copies() -> Iterator[None]:
    """What a test is about is not how its ledger came to be: see `tests.ledgers`."""
    with ledgers.copied(), ledgers.elsewhere() if ledgers.ON_POSTGRES else nullcontext():
        yield


def pytest_configure(config: pytest.Config) -> None:
    """Some tests let go of a ledger without closing it, as a program does that is killed."""
    if ledgers.ON_POSTGRES:
        config.addinivalue_line("filterwarnings", "ignore:.*was deleted while still open:ResourceWarning")


def pytest_collection() -> None:
    """Look for no garbage while modules are imported: they stay."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Thousands of tests and their modules stay to the end; no collection is to walk over them again."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what is about SQLite, where the tests run on PostgreSQL."""
    for item in items if ledgers.ON_POSTGRES else ():
        if mark := item.get_closest_marker("sqlite"):
            item.add_marker(pytest.mark.skip(reason=f"about SQLite: {mark.args[0]}"))
