from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import ledgers

# How long one example takes says more about the machine than about the code.
settings.register_profile("mpstock", deadline=None)
settings.load_profile("mpstock")


@pytest.fixture(scope="session", autouse=True)
def _new_ledgers_are_copies() -> Iterator[None]:
    """What a test is about is not how its ledger came to be: see `tests.ledgers`."""
    with ledgers.copied():
        yield
