"""Runs between those that read the sources: the sinks' orders alone, or what has moved in the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from mpstock import Level
from mpstock.errors import ConfigurationError, TransientError
from tests.reconcile.shops import make, shows


def test_a_run_of_orders_reads_no_source_and_lowers_what_was_sold(tmp_path: Path) -> None:
    """An order takes its units off at once; what the source says by now waits for a run that reads it."""
    play, source, account = make(tmp_path, {"A": 10})
    play.sync()
    source.set("A", 50)
    account.buy("A", 2, "main")
    report = play.sync(read="orders")
    assert shows(account) == {"A": 8}
    assert not report.sources
    play.sync()
    assert shows(account) == {"A": 48}


def test_a_run_that_reads_nothing_acts_on_what_was_pushed_to_us(tmp_path: Path) -> None:
    """A webhook's fall goes out without a look at the source."""
    play, source, account = make(tmp_path, {"A": 10})
    play.sync()
    source.set("A", 50)
    with play.open() as shop:
        shop.receive("erp", [Level("A", "main", 3)])
    play.sync(read="nothing")
    assert shows(account) == {"A": 3}


def test_a_source_that_failed_is_not_trusted_by_the_short_run_after_it(tmp_path: Path) -> None:
    """What could not be read a minute ago is still not known: nothing is raised from it."""
    play, source, account = make(tmp_path, {"A": 10})
    play.sync()
    with play.open() as shop:
        shop.hold("cart", "A", 1)
    play.sync()
    source.fail(TransientError("no route to host"))
    play.sync()
    with play.open() as shop:
        shop.release("cart")
    play.sync(read="orders")
    assert shows(account) == {"A": 9}
    play.sync()
    assert shows(account) == {"A": 10}


@pytest.mark.parametrize(("read", "full"), [("everythin", False), ("orders", True)])
def test_what_cannot_be_read_is_refused(tmp_path: Path, read: str, full: bool) -> None:
    """A name that is none, and a full run that would not read everything, are errors of the caller."""
    play, _, _ = make(tmp_path, {"A": 10})
    with pytest.raises(ConfigurationError, match="everything"):
        play.sync(read=read, full=full)
