"""Whose word is the later one (semantics §6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from mpstock import Change, Level
from mpstock.errors import TransientError
from tests.reconcile.shops import shows
from tests.semantics.stories import HOUR, MINUTE, seller

# ---------------------------------------------------------------- as-of


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        # (minutes ago, quantity) as it was told first, then; what must be believed
        ((10, 5), (0, 8), 8),
        ((10, 8), (0, 5), 5),
        ((0, 5), (10, 8), 5),
        ((0, 8), (10, 5), 8),
        ((5, 5), (5, 8), 5),
        ((5, 8), (5, 5), 5),
    ],
)
def test_the_later_word_counts_and_a_tie_goes_to_the_lower(
    tmp_path: Path, first: tuple[int, int], second: tuple[int, int], shown: int
) -> None:
    """By the row's own time where the source is trusted with it, in whichever order the words arrive."""
    play, erp, market = seller(tmp_path, {"A": 1})
    play.sync()
    play.wait(HOUR)
    now = play.clock.now()
    for ago, quantity in (first, second):
        erp.set("A", quantity, updated_at=now - timedelta(minutes=ago))
        play.sync()
    assert shows(market) == {"A": shown}


def test_the_row_s_own_time_is_that_of_its_numbers(tmp_path: Path) -> None:
    """Told at 12:20, of 11:50 by its own word: the order of 11:55 is not in it, whatever the lag says."""
    play, erp, market = seller(tmp_path, {"A": 1})
    play.absorbs("erp", "order", 15 * MINUTE)
    play.sync()
    play.wait(HOUR)
    counted = play.clock.now()
    play.wait(5 * MINUTE)
    market.shown["A", "main"] = 10
    market.buy("A", 3, "main")
    play.wait(25 * MINUTE)
    erp.set("A", 10, updated_at=counted)
    play.sync()
    assert shows(market) == {"A": 7}


def test_as_of_is_when_the_request_began(tmp_path: Path) -> None:
    """A reading that began before another one and ended after it does not replace what that one said."""
    play, erp, market = seller(tmp_path, {"A": 8})
    play.sync()
    play.wait(HOUR)

    asked = play.clock.now()
    play.wait(MINUTE)
    erp.set("A", 5)
    play.sync()
    assert shows(market) == {"A": 5}
    # Now the answer arrives to what was asked a minute earlier.
    erp.set("A", 8)
    erp.behind = play.clock.now() - asked
    play.sync(full=True)
    assert shows(market) == {"A": 5}
    assert market.written == [8, 5]


def test_the_orders_have_their_own_poll_while_a_long_run_writes(tmp_path: Path) -> None:
    """A run that writes for minutes reads the orders meanwhile: what was sold is not written too high."""
    names = [f"S{number:02}" for number in range(8)]
    play, erp, market = seller(tmp_path, dict.fromkeys(names, 10), batch=1, self_decrements="unknown")
    market.lowers = True
    play.sync()
    for name in names:
        erp.set(name, 20)
    reads: list[float] = []
    market.at_orders = lambda: reads.append(play.clock.monotonic())
    sold: list[str] = []

    def sell(changes: Sequence[Change]) -> None:
        play.clock.advance(40)
        left = [name for name in names if market.shown[name, "main"] == 10]
        left = [name for name in left if name != changes[0].listing.external_id]
        if left and not sold:
            sold.append(left[-1])
            market.buy(left[-1], 4, "main")

    market.hook = sell
    play.sync()
    assert market.shown[sold[0], "main"] == 16
    assert (sold[0], 20) not in [change for push in market.sent for change in push]
    assert len(reads) > 1


# ---------------------------------------------------------------- rows that are pushed to us


def test_pushed_rows_without_a_time_may_only_lower(tmp_path: Path) -> None:
    """Webhooks 5, 0, and the 5 once more by a retry: it must not end at 5, until the source is read."""
    play, erp, market = seller(tmp_path, {"A": 9})
    play.sync()
    with play.open() as shop:
        for quantity in (5, 0, 5):
            shop.receive("erp", [Level("A", "main", quantity)])
        # The source itself cannot be reached: what was pushed is all there is.
        erp.fail(TransientError("no route to host"))
        shop.sync()
        assert shows(market) == {"A": 0}
    erp.set("A", 0)
    play.sync()
    assert shows(market) == {"A": 0}


def test_a_raise_that_was_pushed_waits_for_a_reading(tmp_path: Path) -> None:
    """9, a webhook says 12: 9 until the source is read, and 12 then."""
    play, erp, market = seller(tmp_path, {"A": 9})
    play.sync()
    with play.open() as shop:
        shop.receive("erp", [Level("A", "main", 12)])
        erp.fail(TransientError("no route to host"))
        shop.sync()
        assert shows(market) == {"A": 9}
        erp.set("A", 12)
        play.wait(1)
        shop.sync()
    assert shows(market) == {"A": 12}


def test_an_older_answer_after_an_older_answer_says_nothing_either(tmp_path: Path) -> None:
    """7, gone at 10:10; the warehouse system answers of 10:00 again, twice, and still tells of 7: 0."""
    play, erp, market = seller(tmp_path, {"A": 7, "B": 1})
    play.sync()
    earlier = play.wait(5 * MINUTE)
    play.wait(5 * MINUTE)
    erp.remove("A")
    play.sync(full=True)
    assert shows(market) == {"A": 0, "B": 1}
    erp.set("A", 7)
    for _ in range(2):
        erp.behind = play.clock.now() - earlier
        play.sync(full=True)
        assert shows(market) == {"A": 0, "B": 1}
    erp.behind = timedelta(0)
    play.sync(full=True)
    assert shows(market) == {"A": 7, "B": 1}


def test_a_pushed_fall_is_believed_over_a_reading_that_began_earlier(tmp_path: Path) -> None:
    """The webhook of 10:05 says 4; an answer to what was asked at 10:00 says 9: 4."""
    play, erp, market = seller(tmp_path, {"A": 9})
    play.sync()
    asked = play.clock.now()
    play.wait(5 * MINUTE)
    with play.open() as shop:
        shop.receive("erp", [Level("A", "main", 4)])
    erp.set("A", 9)
    erp.behind = play.clock.now() - asked
    play.sync(full=True)
    assert shows(market) == {"A": 4}
    erp.behind = timedelta(0)
    play.wait(MINUTE)
    play.sync(full=True)
    assert shows(market) == {"A": 9}


def test_a_pushed_fall_that_was_wrong_lasts_until_the_next_reading(tmp_path: Path) -> None:
    """ERP 5; a webhook that was late says 0: 0 at once, and 5 when the ERP has been read again."""
    play, erp, market = seller(tmp_path, {"A": 5})
    play.sync()
    with play.open() as shop:
        shop.receive("erp", [Level("A", "main", 0)])
        erp.fail(TransientError("no route to host"))
        shop.sync()
        assert shows(market) == {"A": 0}
        play.wait(MINUTE)
        shop.sync()
    assert shows(market) == {"A": 5}


def test_pushed_rows_with_a_time_go_by_it(tmp_path: Path) -> None:
    """5 of 10:01 and 0 of 10:02, told in the wrong order: 0; 7 of 10:03 raises at once."""
    play, erp, market = seller(tmp_path, {"A": 9})
    play.sync()
    start = play.clock.now()
    play.wait(HOUR)

    def at(minutes: int, quantity: int) -> Level:
        return Level("A", "main", quantity, updated_at=start + timedelta(minutes=minutes))

    with play.open() as shop:
        shop.receive("erp", [at(2, 0)])
        shop.receive("erp", [at(1, 5)])
        erp.fail(TransientError("no route to host"))
        shop.sync()
        assert shows(market) == {"A": 0}
        shop.receive("erp", [at(3, 7)])
        shop.sync()
    assert shows(market) == {"A": 7}


def test_the_own_lag_of_a_source_is_that_of_its_row(tmp_path: Path) -> None:
    """A webhook of 10:30 says 11, the lag is 15 minutes: the order of 10:10 is in it, that of 10:20 not."""
    play, _, market = seller(tmp_path, {"A": 12})
    play.absorbs("erp", "order", 15 * MINUTE)
    play.sync()
    play.wait(10 * MINUTE)
    market.buy("A", 1, "main")
    play.wait(10 * MINUTE)
    market.buy("A", 2, "main")
    play.wait(10 * MINUTE)
    with play.open() as shop:
        shop.receive("erp", [Level("A", "main", 11, updated_at=play.clock.now())])
        shop.sync(skus=["A"])
    assert shows(market) == {"A": 9}


@pytest.mark.parametrize("row_s_own", [False, True])
def test_a_pushed_row_from_before_the_last_reading_raises_nothing(tmp_path: Path, row_s_own: bool) -> None:
    """1; in between 5, as a webhook says that comes late; read again it was 1: 1, though none was written."""
    play, erp, market = seller(tmp_path, {"A": 1})
    play.sync()
    between = play.wait(HOUR)
    play.wait(HOUR)
    erp.set("A", 1, updated_at=play.clock.now() if row_s_own else None)
    play.sync(full=True)
    with play.open() as shop:
        assert shop.receive("erp", [Level("A", "main", 5, updated_at=between)]) == 0
        shop.sync(skus=["A"])
    assert shows(market) == {"A": 1}
    assert market.written == [1]


def test_what_a_reading_that_only_advises_leaves_out_is_not_confirmed(
    tmp_path: Path,
) -> None:
    """The source forgets to tell of a row; its webhook of before that reading is later than the full one."""
    play, _, market = seller(tmp_path, {"A": 1})
    play.set_source("erp", incremental="advisory")
    play.sync()
    between = play.wait(MINUTE)
    play.wait(MINUTE)
    play.sync()
    with play.open() as shop:
        shop.receive("erp", [Level("A", "main", 5, updated_at=between)])
        shop.sync(skus=["A"])
    assert shows(market) == {"A": 5}


def test_a_pushed_row_of_what_the_last_reading_did_not_find_raises_nothing(tmp_path: Path) -> None:
    """5 of then, says a webhook that comes late; the source was read in full since, and lists none: 0."""
    play, _, market = seller(tmp_path, {"A": 1}, sells=["A", "B"])
    play.sync()
    between = play.wait(HOUR)
    play.wait(HOUR)
    play.sync(full=True)
    with play.open() as shop:
        assert shop.receive("erp", [Level("B", "main", 5, updated_at=between)]) == 0
        shop.sync()
    assert shows(market) == {"A": 1, "B": 0}


def test_what_a_slow_answer_lists_and_a_later_one_does_not_is_gone(tmp_path: Path) -> None:
    """Asked at 10:00, 5 of B; asked at 10:01, none any more; the first answer comes last: none."""
    play, erp, market = seller(tmp_path, {"A": 1}, sells=["A", "B"])
    play.sync()
    asked = play.wait(HOUR)
    play.wait(MINUTE)
    play.sync(full=True)
    erp.set("B", 5)
    erp.behind = play.clock.now() - asked
    play.sync(full=True)
    assert shows(market) == {"A": 1, "B": 0}
    # It was passed over: the next reading is of everything.
    erp.behind = timedelta(0)
    play.sync()
    assert shows(market) == {"A": 1, "B": 5}
