"""Unknown is never zero and never a raise; falls that are known get through (semantics §4)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mpstock import Problem
from mpstock.errors import AuthenticationError, NotSentError, TransientError, UnexpectedResponseError
from mpstock.inmemory import InMemorySource
from mpstock.testing import VirtualClock
from tests.reconcile.shops import Account, Play, make, shows

DOWN = TransientError("no route to host", adapter="erp")


def two_sources(folder: Path, **account: object) -> tuple[Play, InMemorySource, InMemorySource, Account]:
    """A seller whose goods lie in `main` (source erp) and `msk` (source wms)."""
    clock = VirtualClock()
    erp = InMemorySource({"A": 6}, clock=clock)
    wms = InMemorySource({"A": 6}, warehouse="msk", clock=clock)
    sink = Account(["A"], clock=clock, **account)  # type: ignore[arg-type]
    return Play(folder, {"erp": erp, "wms": wms}, {"shop": sink}, clock=clock), erp, wms, sink


def test_a_known_fall_gets_through_an_unknown_neighbour(tmp_path: Path) -> None:
    """Main unknown with last 6, msk falls 6 → 0: advertised goes from 12 to at most 6, and not to 0."""
    play, source, account = make(tmp_path, {("A", "main"): 6, ("A", "msk"): 6})
    play.sync()
    assert shows(account) == {"A": 12}
    source.set("A", None, warehouse="main")
    source.set("A", 0, warehouse="msk")
    play.sync()
    assert shows(account) == {"A": 6}


def test_unknown_is_not_zero(tmp_path: Path) -> None:
    """A product whose quantity the source does not know keeps its number."""
    play, source, account = make(tmp_path, {"A": 6})
    play.sync()
    source.set("A", None)
    report = play.sync()
    assert (shows(account), report.pushed) == ({"A": 6}, 0)


def test_unknown_does_not_raise_what_shows_less(tmp_path: Path) -> None:
    """Last known 6, but the listing shows 2: nothing is raised until the quantity is known again."""
    play, source, account = make(tmp_path, {"A": 6})
    play.sync()
    source.set("A", None)
    play.sync()
    account.shown["A", "main"] = 2
    play.sync(full=True)
    assert shows(account) == {"A": 2}
    source.set("A", 7)
    play.sync()
    assert shows(account) == {"A": 7}


def test_a_known_fall_gets_through_whatever_is_in_doubt(tmp_path: Path) -> None:
    """9 shows and 3 were sent in doubt; the 9 go bad, and no more than 3 are to show: 3, in this very run."""
    play, source, account = make(tmp_path, {"A": 9}, pair_cooldown=30)
    play.sync()
    play.clock.advance(60)
    play.set_sink("shop", buffer={"policy": "all", "cap": 3})
    account.doubt(applied=False, times=20)
    play.sync()
    account.heal()
    assert shows(account) == {"A": 9}
    source.set("A", None)
    play.sync()
    assert shows(account) == {"A": 3}


def test_what_is_in_doubt_and_sold_since_is_not_sent_again(tmp_path: Path) -> None:
    """9 shows, 6 were sent and arrived in doubt, 5 of them sold; the 9 go bad: nothing is sent."""
    play, source, account = make(tmp_path, {"A": 9}, pair_cooldown=30, self_decrements="unknown")
    account.lowers = True
    play.sync()
    play.clock.advance(60)
    source.set("A", 6)
    account.doubt(applied=True, times=20)
    play.sync()
    account.heal()
    account.buy("A", 5, "main")
    source.set("A", None)
    before = len(account.sent)
    play.sync()
    assert account.sent[before:] == []
    assert shows(account) == {"A": 1}


def test_never_known_pushes_nothing(tmp_path: Path) -> None:
    """A quantity that was never known neither zeroes nor raises what the listing shows."""
    play, source, account = make(tmp_path, {"A": None, "B": None}, shown={("A", "main"): 4})
    play.sync()
    assert (account.pushes, shows(account)) == ([], {"A": 4})
    source.set("A", 0)
    play.sync()
    assert shows(account) == {"A": 0}


def test_never_known_beside_a_shortage_is_still_unknown(tmp_path: Path) -> None:
    """A warehouse at −5 does not make a boundless neighbour a number."""
    play, _, account = make(tmp_path, {("A", "main"): None, ("A", "msk"): -5}, shown={("A", "main"): 4})
    play.sync()
    assert shows(account) == {"A": 4}


def test_a_source_that_is_down_raises_nothing_and_zeroes_nothing(tmp_path: Path) -> None:
    """The sink's work goes on with what the ledger knows: exit 3, every number as it was."""
    play, source, account = make(tmp_path, {"A": 6, "B": 3})
    play.sync()
    source.set("A", 9)
    source.set("B", 0)
    source.fail(DOWN)
    report = play.sync()
    assert (report.exit_code, report.pushed, shows(account)) == (3, 0, {"A": 6, "B": 3})
    assert report.sources["erp"].error == str(DOWN)
    assert play.sync().exit_code == 0
    assert shows(account) == {"A": 9, "B": 0}


def test_falls_by_others_flow_while_a_source_is_down(tmp_path: Path) -> None:
    """erp is down at 6; wms falls 6 → 1: 7 shows. wms rises to 20: nothing is raised."""
    play, erp, wms, account = two_sources(tmp_path)
    play.sync()
    assert shows(account) == {"A": 12}
    erp.fail(DOWN, times=2)
    wms.set("A", 1)
    play.sync()
    assert shows(account) == {"A": 7}
    wms.set("A", 20)
    play.sync()
    assert shows(account) == {"A": 7}
    play.sync()
    assert shows(account) == {"A": 26}


def test_a_raise_that_waited_for_the_sink_is_not_sent_while_its_source_is_down(tmp_path: Path) -> None:
    """The sink was down when 6 rose to 50; when it is back the source is down: no raise on old news."""
    play, source, account = make(tmp_path, {"A": 6})
    play.sync()
    source.set("A", 50)
    account.fail_push(NotSentError("connection refused", retry_after=600.0))
    assert play.sync().exit_code == 3
    play.clock.advance(600)
    source.fail(DOWN)
    play.sync()
    assert shows(account) == {"A": 6}
    play.sync()
    assert shows(account) == {"A": 50}


def test_a_fall_that_waited_for_the_sink_is_sent_while_its_source_is_down(tmp_path: Path) -> None:
    """The other way round the fall is sent: it can only be right."""
    play, source, account = make(tmp_path, {"A": 6})
    play.sync()
    source.set("A", 2)
    account.fail_push(NotSentError("connection refused", retry_after=600.0))
    play.sync()
    play.clock.advance(600)
    source.fail(DOWN)
    play.sync()
    assert shows(account) == {"A": 2}


def test_half_an_answer_keeps_what_it_said_and_loses_nothing(tmp_path: Path) -> None:
    """A full read that breaks off after a page: what it said of falls counts, what it left out stays."""
    play, source, account = make(tmp_path, {"A": 6, "B": 6, "C": 6}, page=1)
    play.sync()
    for sku, quantity in (("A", 2), ("B", 9), ("C", 0)):
        source.set(sku, quantity)
    source.fail(UnexpectedResponseError("the body breaks off"), after=2)
    report = play.sync(full=True)
    assert report.exit_code == 3
    assert shows(account) == {"A": 2, "B": 6, "C": 6}
    play.sync()
    assert shows(account) == {"A": 2, "B": 9, "C": 0}


def test_a_stale_source_raises_nothing(tmp_path: Path) -> None:
    """Older than `max_age` is unknown, though the reading itself was good."""
    play, erp, wms, account = two_sources(tmp_path)
    play.set_source("erp", max_age=timedelta(hours=2))
    play.sync()
    erp.fail(DOWN, times=1)
    play.clock.advance(3 * 3600)
    wms.set("A", 20)
    play.sync()
    assert shows(account) == {"A": 12}


def test_absent_from_a_full_read_is_zero_and_from_an_incremental_one_unchanged(tmp_path: Path) -> None:
    """A row that is gone is seen only where everything was read."""
    play, source, account = make(tmp_path, {"A": 6, "B": 6})
    play.sync()
    source.remove("A")
    play.sync()
    assert shows(account) == {"A": 6, "B": 6}
    play.sync(full=True)
    assert shows(account) == {"A": 0, "B": 6}
    source.set("A", 4)
    play.sync()
    assert shows(account) == {"A": 4, "B": 6}


def test_an_incremental_read_answered_with_everything_does_no_harm(tmp_path: Path) -> None:
    """A service that ignores the cursor answers everything, complete: absent is zero then."""
    play, source, account = make(tmp_path, {"A": 6, "B": 6})
    play.sync()
    source.remove("A")
    whole = source.read
    source.read = lambda cursor: whole(None)  # type: ignore[method-assign]
    play.sync()
    assert shows(account) == {"A": 0, "B": 6}


def test_absent_is_unknown_where_a_row_could_not_be_told_apart(tmp_path: Path) -> None:
    """A full read with a row of no readable article: who is missing may be that row."""
    clock = VirtualClock()
    source = InMemorySource({"A": 6, "B": 6}, clock=clock, absent="unknown")
    account = Account(["A", "B"], clock=clock)
    play = Play(tmp_path, {"erp": source}, {"shop": account}, clock=clock)
    play.sync()
    source.remove("A")
    play.sync(full=True)
    assert shows(account) == {"A": 6, "B": 6}


def test_a_bad_row_is_unknown_and_its_neighbours_flow(tmp_path: Path) -> None:
    """A row that cannot be read is told with its place; the product keeps its number, the others move."""
    play, source, account = make(tmp_path, {"A": 6, "B": 6})
    play.sync()
    source.set("A", None)
    source.set("B", 2)
    source.problems.append(Problem("row 17", "quantity", 'is "много" and not a number', "A"))
    report = play.sync()
    assert shows(account) == {"A": 6, "B": 2}
    assert report.sources["erp"].problems == 1
    assert "row 17" in report.sources["erp"].first_problems[0]
    with play.open() as shop:
        assert "много" in shop.status().sources[0].first_problems[0]


def test_refused_credentials_end_with_exit_code_2(tmp_path: Path) -> None:
    """401 and 403 are for a person to mend; the vendor's words are in the report."""
    play, source, account = make(tmp_path, {"A": 6})
    play.sync()
    source.fail(AuthenticationError("пользователь не найден", adapter="erp"))
    report = play.sync()
    assert report.exit_code == 2
    assert "пользователь не найден" in report.sources["erp"].error
    source.set("A", 3)
    account.fail_push(AuthenticationError("Invalid Api-Key", adapter="shop"))
    report = play.sync()
    assert report.exit_code == 2
    assert report.sinks["shop"].error_kind == "refused"
    assert play.sync().exit_code == 0
    assert shows(account) == {"A": 3}


@pytest.mark.parametrize("error", [KeyError("stocks"), ValueError("no number")])
def test_a_plugin_that_breaks_is_named_and_does_no_harm(tmp_path: Path, error: Exception) -> None:
    """A defect of a plugin is told as one, and its levels count as unknown."""
    play, source, account = make(tmp_path, {"A": 6})
    play.sync()
    source.fail(error)
    report = play.sync()
    assert "a defect of the plugin" in report.sources["erp"].error
    assert type(error).__name__ in report.sources["erp"].error
    assert (report.exit_code, shows(account)) == (3, {"A": 6})


def test_a_quantity_said_to_be_free_with_its_own_reserve_is_refused(tmp_path: Path) -> None:
    """`free` and a reserve beside it would subtract the same units twice: said, and nothing is moved."""
    play, source, account = make(tmp_path, {"A": 6})
    play.set_source("erp", quantity="free")
    play.sync()
    source.set("A", 9, reserved=3)
    report = play.sync()
    assert 'quantity = "free"' in report.sources["erp"].error
    assert shows(account) == {"A": 6}


def test_reserves_are_subtracted_and_signs_kept_to_the_end(tmp_path: Path) -> None:
    """Main −3 and msk 5 are 2; 9 with 4 reserved are 5; −4 alone shows 0."""
    play, source, account = make(tmp_path, {("A", "main"): -3, ("A", "msk"): 5, ("C", "main"): -4})
    source.set("B", 9, reserved=4)
    account.sell_also("B")
    play.sync()
    assert {"C": 0, **shows(account)} == {"A": 2, "B": 5, "C": 0}


def test_an_older_reading_never_replaces_a_newer_one(tmp_path: Path) -> None:
    """Rows with their own times arrive out of order; of two of the same moment the lower one holds."""
    play, source, account = make(tmp_path, {"A": 6})
    play.sync()
    now = play.clock.now()
    source.set("A", 3, updated_at=now)
    play.sync()
    source.set("A", 8, updated_at=now)
    play.sync()
    assert shows(account) == {"A": 3}
    source.set("A", 1, updated_at=now)
    play.sync()
    assert shows(account) == {"A": 1}
    source.set("A", 9, updated_at=now.replace(year=2025))
    play.sync()
    assert shows(account) == {"A": 1}


def test_explain_names_what_is_not_known(tmp_path: Path) -> None:
    """The explanation of a number that waits says which term is only an upper bound, and why."""
    play, source, _ = make(tmp_path, {("A", "main"): 6, ("A", "msk"): 6})
    play.sync()
    source.set("A", None, warehouse="main")
    play.sync()
    with play.open() as shop:
        told = shop.explain("A")
    assert {term.warehouse: term.why_unknown != "" for term in told.terms} == {"main": True, "msk": False}
    assert (told.listings[0].available, told.listings[0].available_known) == (12, False)
    assert told.listings[0].notes


def test_the_status_tells_what_waits_for_a_quantity_from_what_waits_for_a_run(tmp_path: Path) -> None:
    """No run can plan what nobody knows: it is named. What has only been read waits for the next run."""
    play, source, _ = make(tmp_path, {"A": 6, "B": None, "C": 6})
    play.sync()
    source.set("C", 5)
    with play.open() as shop:
        told = shop.status()
        assert (told.dirty, told.waiting, told.first_waiting) == (1, 1, ["B"])
        assert "1 products wait until their quantity is known: B; mpstock explain SKU" in str(told)
        assert "wait for a run" not in str(told)
        shop.sync(skus=["A"])
        told = shop.status()
        assert (told.dirty, told.waiting) == (2, 1)
        assert "1 products wait for a run that plans them" in str(told)
        source.set("B", 4)
        shop.sync()
        assert (shop.status().dirty, shop.status().waiting) == (0, 0)
        assert "wait" not in str(shop.status())


def test_the_status_counts_the_rows_that_the_ledger_has(tmp_path: Path) -> None:
    """A row that the source tells no longer is kept, so there may be more of them than were read."""
    play, source, _ = make(tmp_path, {"A": 6, "B": 6})
    play.sync()
    source.remove("B")
    assert play.sync(full=True).sources["erp"].rows == 1
    with play.open() as shop:
        assert "erp: 2 rows in the ledger, read" in str(shop.status())


def test_a_clock_that_is_set_back_loses_nothing(tmp_path: Path) -> None:
    """Half an hour back: what is read then counts as older, so everything is read again."""
    play, source, account = make(tmp_path, {"A": 6, "B": 6})
    play.sync()
    play.clock.advance(3600)
    play.sync()
    play.clock.advance(-1800)
    source.set("A", 2)
    for _ in range(2):
        play.sync()
    assert shows(account) == {"A": 2, "B": 6}
