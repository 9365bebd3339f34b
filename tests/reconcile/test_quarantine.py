"""What is refused again and again: found by halves, counted, put to rest with growing pauses, tried again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from mpstock import Change, Outcome, OutcomeStatus
from mpstock.config import QuarantineSettings
from mpstock.errors import ConfigurationError
from tests.reconcile.shops import WHOLE, Account, Play, make, shows, skus


def writes(account: Account, sku: str) -> int:
    """How many requests have carried a listing so far."""
    return sum(any(item == sku for item, _ in push) for push in account.sent)


def refused(play: Play, times: int) -> None:
    """So many runs, a minute apart."""
    for _ in range(times):
        play.sync()
        play.clock.advance(60)


def test_a_raise_that_is_refused_three_times_rests(tmp_path: Path) -> None:
    """Then it is not sent, told by status with the sink's words, and everything else goes on."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5})
    account.refuse("A", "NO_CARD", "карточка на модерации", times=-1)
    refused(play, 3)
    assert writes(account, "A") == 3
    source.set("B", 7)
    refused(play, 3)
    assert (writes(account, "A"), shows(account)["B"]) == (3, 7)
    with play.open() as shop:
        sink = shop.status().sinks[0]
    assert sink.resting == 1
    assert "A on main was refused 3 times in a row (NO_CARD карточка на модерации)" in sink.first_resting[0]


def test_the_pauses_grow(tmp_path: Path) -> None:
    """15 minutes, 30, 60: tried when the pause is over, and put to rest for twice as long."""
    play, _, account = make(tmp_path, {"A": 5})
    account.refuse("A", "NO", times=-1)
    refused(play, 3)
    tried = []
    for minute in range(130):
        before = writes(account, "A")
        play.sync()
        play.clock.advance(59)
        if writes(account, "A") > before:
            tried.append(minute)
    assert [b - a for a, b in pairwise(tried)] == [30, 60]


def test_what_changes_is_tried_at_once_and_what_heals_is_forgotten(tmp_path: Path) -> None:
    """Another quantity is another try; once it is taken in, the count begins anew."""
    play, source, account = make(tmp_path, {"A": 5})
    account.refuse("A", "NO", times=3)
    refused(play, 3)
    source.set("A", 6)
    play.sync()
    assert shows(account)["A"] == 6
    account.refuse("A", "NO", times=2)
    source.set("A", 7)
    refused(play, 3)
    assert shows(account)["A"] == 7


def test_it_is_tried_by_hand(tmp_path: Path) -> None:
    """`sync --retry`, of everything or of the articles that are named."""
    play, _, account = make(tmp_path, {"A": 5, "B": 5})
    for sku in "AB":
        account.refuse(sku, "NO", times=3)
    refused(play, 3)
    play.sync(retry=True, skus=["A"])
    assert shows(account) == {"A": 5}
    play.sync(retry=True)
    assert shows(account) == {"A": 5, "B": 5}


def test_a_batch_that_fails_whole_is_halved_and_its_culprit_goes_apart_ever_after(tmp_path: Path) -> None:
    """One of 64 spoils the request: the others are sent by the same run, later apart from it."""
    names = skus(64)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5), batch=64)

    take = account.push

    async def spoilt(changes: Sequence[Change]) -> Sequence[Outcome]:
        if all(change.listing.external_id != names[40] for change in changes):
            return await take(changes)
        account.pushes.append(tuple(changes))
        return [Outcome(WHOLE, "BAD_REQUEST", "the request could not be read")] * len(changes)

    account.push = spoilt  # type: ignore[method-assign]
    play.sync()
    assert {shows(account)[sku] for sku in names if sku != names[40]} == {5}
    refused(play, 3)
    account.pushes.clear()
    for sku in names:
        source.set(sku, 6)
    report = play.sync()
    apart = [push for push in account.sent if len(push) == 1]
    assert report.sinks["shop"].failed == 1
    assert {shows(account)[sku] for sku in names if sku != names[40]} == {6}
    assert [push[0][0] for push in apart] == [names[40]]
    assert len(account.sent) == 2, "nobody else's request was spoilt"


def test_a_refused_fall_never_rests(tmp_path: Path) -> None:
    """It is in the top lane of every run, however often it was refused, and each run tells of it once."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5})
    play.sync()
    ears = play.listen()
    account.refuse("A", "CARGO", "ограничение", times=-1)
    source.set("A", 0)
    source.set("B", 9)
    account.pushes.clear()
    for number in range(1, 9):
        play.sync()
        play.clock.advance(60)
        assert writes(account, "A") == number
    assert account.sent[0][0] == ("A", 0)
    assert ears.told("fall_refused") == ["fall_refused:shop:main:A"] * 8
    with play.open() as shop:
        assert shop.status().sinks[0].resting == 0


def test_a_refused_fall_is_tried_again_within_a_minute_while_a_run_goes_on(tmp_path: Path) -> None:
    """The run has minutes of raises to send: the fall does not wait for the next run."""
    names = skus(40)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5), batch=1)
    play.sync()
    times: list[float] = []

    def watch(changes: Sequence[Change]) -> None:
        play.clock.advance(4)
        if changes[0].listing.external_id == names[0]:
            times.append(play.clock.monotonic())

    account.hook = watch
    account.refuse(names[0], "BUSY_NOW", times=4)
    source.set(names[0], 1)
    for sku in names[1:]:
        source.set(sku, 9)
    report = play.sync()
    assert len(times) == 5
    assert max(b - a for a, b in pairwise(times)) <= 60
    assert (report.sinks["shop"].failed, shows(account)[names[0]]) == (0, 1)
    assert report.exit_code == 0


def test_a_refused_fall_alone_does_not_keep_a_run_going(tmp_path: Path) -> None:
    """Nothing else is to be sent: the run ends and says so, the next one tries."""
    play, source, account = make(tmp_path, {"A": 5})
    play.sync()
    account.refuse("A", "NO", times=1)
    source.set("A", 1)
    begun = play.clock.monotonic()
    report = play.sync()
    assert (report.exit_code, report.sinks["shop"].failed) == (1, 1)
    assert play.clock.monotonic() - begun <= 2
    play.clock.advance(60)
    assert play.sync().exit_code == 0


def test_a_raise_at_rest_that_turns_into_a_fall_goes_at_once(tmp_path: Path) -> None:
    """Quarantine is for raises: what must fall is sent, whatever its listing has done before."""
    play, source, account = make(tmp_path, {"A": 2})
    play.sync()
    account.refuse("A", "NO", times=3)
    source.set("A", 9)
    refused(play, 4)
    assert shows(account) == {"A": 2}
    source.set("A", 0)
    play.sync()
    assert shows(account) == {"A": 0}


@pytest.mark.parametrize(
    ("failures", "minutes"), [(0, None), (2, None), (3, 15), (4, 30), (9, 960), (10, 1440), (500, 1440)]
)
def test_how_long_a_raise_rests(failures: int, minutes: int | None) -> None:
    """Not before the third refusal in a row, then for twice as long each time, and never for ever."""
    rest = QuarantineSettings().rest(failures)
    assert rest == (None if minutes is None else timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("key", "value"), [("after", 0), ("pause", timedelta(0)), ("longest", -timedelta(1))]
)
def test_settings_that_make_no_sense_are_refused(key: str, value: object) -> None:
    """The error names the key."""
    with pytest.raises((ValueError, ConfigurationError), match=key):
        QuarantineSettings(**{key: value})  # type: ignore[arg-type]


def test_statuses_that_are_no_refusal_count_nothing(tmp_path: Path) -> None:
    """To wait, to be busy, not to have been sent: none of that puts a listing to rest."""
    play, _, account = make(tmp_path, {"A": 5})
    for status in (OutcomeStatus.WAIT, OutcomeStatus.UNSENT, OutcomeStatus.BUSY):
        account.refuse("A", "LATER", status=status, retry_after=1.0, times=2)
    refused(play, 5)
    assert shows(account) == {"A": 5}
