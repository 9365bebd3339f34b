from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import ledgers, postgres


@pytest.fixture(scope="module")
def on_a_server() -> Iterator[None]:
    """Every ledger of the module is on a PostgreSQL, also where the other tests have files."""
    if missing := postgres.why_missing():
        pytest.skip(missing)
    with ledgers.elsewhere():
        yield
