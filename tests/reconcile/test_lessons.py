"""What broke in other systems, each as a story that must end well here (docs/explanation/lessons.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mpstock import Reading
from mpstock.config import SinkWarehouse
from mpstock.errors import TransientError
from mpstock.inmemory import InMemorySource
from tests.reconcile.shops import Play, make, shows, skus, source_config, tell_ledger


def test_a_zero_overtakes_a_full_sync_that_is_under_way(tmp_path: Path) -> None:
    """Ten requests of raises wait; a product sells out after the first: its zero is in the second request."""
    names = skus(20)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5), batch=2)
    play.sync()
    for sku in names:
        source.set(sku, 9)
    account.pushes.clear()

    def sold_out(_changes: object) -> None:
        account.hook = None
        play.clock.advance(1)
        tell_ledger(play, "main", **{names[-1]: 0})

    account.hook = sold_out
    play.sync()
    place = next(i for i, push in enumerate(account.sent) if (names[-1], 0) in push)
    # Composed while the first was on its way, the second may have left already.
    assert place <= 2
    assert shows(account)[names[-1]] == 0


def test_success_in_one_warehouse_hides_no_failure_in_another(tmp_path: Path) -> None:
    """A's number is accepted for w1 and refused for w2: the next run sends it to w2, and to w2 alone."""
    levels = {("A", "main"): 5, ("A", "msk"): 5}
    play, source, account = make(tmp_path, levels, warehouses=("w1", "w2"))
    play.set_sink("shop", warehouses=(SinkWarehouse("w1", ("main",)), SinkWarehouse("w2", ("msk",))))
    play.sync()
    source.set("A", 7, warehouse="main")
    source.set("A", 7, warehouse="msk")
    account.refuse("A", "X", "not now", warehouse="w2")
    assert play.sync().sinks["shop"].failed == 1
    account.pushes.clear()
    play.clock.advance(120)
    play.sync()
    assert [(c.listing.warehouse, c.new) for push in account.pushes for c in push] == [("w2", 7)]
    assert (account.shown["A", "w1"], account.shown["A", "w2"]) == (7, 7)


def test_there_and_back_within_a_minute_ends_where_it_ends(tmp_path: Path) -> None:
    """5 → 3 → 5 → 3, a run and a second each: a number is not taken for a repeat of what went before."""
    play, source, account = make(tmp_path, {"A": 5})
    play.sync()
    for quantity in (3, 5, 3, 5):
        source.set("A", quantity)
        play.sync()
        assert shows(account) == {"A": quantity}


def test_more_rows_than_any_page_or_batch_are_all_sent(tmp_path: Path) -> None:
    """2,500 changes, pages of 1,000 and requests of 999: nothing is cut off and forgotten."""
    names = skus(2_500)
    play, _, account = make(tmp_path, dict.fromkeys(names, 5), batch=999)
    assert play.sync().pushed == 2_500
    assert shows(account) == dict.fromkeys(names, 5)
    assert play.sync().pushed == 0


class BreaksOff(InMemorySource):
    """A source whose answer ends after its first page, as often as `times` says."""

    times = 0

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        broken, self.times = self.times > 0, max(self.times - 1, 0)
        async for reading in super().read(cursor):
            yield reading
            if broken:
                raise TransientError("connection lost", adapter="erp")


def test_a_cursor_moves_only_with_what_was_taken_in(tmp_path: Path) -> None:
    """The second page of the changes was lost: the next run asks for them again, from the same place."""
    play, _, account = make(tmp_path, dict.fromkeys(skus(4), 5))
    source = BreaksOff(dict.fromkeys(skus(4), 5), clock=play.clock, page=1)
    replace_source(play, source)
    play.sync()
    for sku in skus(4):
        source.set(sku, 2)
    source.times = 1
    assert play.sync().exit_code == 3
    assert 5 in shows(account).values()
    assert play.sync().exit_code == 0
    assert shows(account) == dict.fromkeys(skus(4), 2)


def replace_source(play: Play, source: InMemorySource) -> None:
    """Let the shop's source be this one."""
    play.sources["erp"] = source_config("erp", source)


def test_a_change_during_the_reading_is_in_the_next(tmp_path: Path) -> None:
    """The source moves after its page was read, before that is recorded: that is not stamped as seen."""
    play, _, account = make(tmp_path, {"A": 5})

    class Moves(InMemorySource):
        moved = False

        async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
            async for reading in super().read(cursor):
                yield reading
                if not self.moved:
                    self.moved = True
                    play.clock.advance(1)
                    self.set("A", 1)

    replace_source(play, Moves({"A": 5}, clock=play.clock))
    play.sync()
    play.sync()
    assert shows(account) == {"A": 1}


@pytest.mark.parametrize("times", [1, 5])
def test_what_failed_is_sent_again_though_nothing_moved_since(tmp_path: Path, times: int) -> None:
    """A refused row is no delivered row: no fingerprint of what was tried keeps it from being sent."""
    play, source, account = make(tmp_path, {"A": 5})
    play.sync()
    source.set("A", 9)
    account.refuse("A", "X", "not now", times=times)
    for _ in range(times + 1):
        play.sync()
        play.clock.advance(3 * 3600)
    play.sync()
    assert shows(account) == {"A": 9}
