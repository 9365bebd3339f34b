"""Plans in files: written whole, read with distrust, carried out later, in parts, and never twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mpstock import HeldSlice, Plan, PlannedChange, SinkReport, SkippedListing, SourceReport
from mpstock.errors import ConfigurationError, StalePlanError
from tests.reconcile.shops import Account, Killed, Play, make, shows, skus

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXTS = st.text(min_size=1, max_size=12)
COUNTS = st.integers(0, 2**31 - 1)


def lane(old: int | None, new: int) -> str:
    return "zero" if new == 0 else "fall" if old is None or new < old else "raise"


@st.composite
def changes(draw: st.DrawFn) -> PlannedChange:
    old, new = draw(st.none() | COUNTS), draw(COUNTS)
    held = draw(st.sampled_from(["", "zeroing"]))
    return PlannedChange(
        draw(TEXTS), draw(TEXTS), draw(TEXTS), draw(TEXTS), old, new, lane(old, new), draw(TEXTS), held,
        draw(TEXTS) if held else "",
    )  # fmt: skip


PLANS = st.builds(
    Plan,
    run=COUNTS,
    created_at=st.datetimes(timezones=st.just(UTC)),
    changes=st.lists(changes(), max_size=4, unique_by=lambda c: (c.sink, c.warehouse, c.external_id)),
    held=st.lists(st.builds(HeldSlice, TEXTS, TEXTS, TEXTS, TEXTS, COUNTS, TEXTS), max_size=2),
    sources=st.dictionaries(TEXTS, st.builds(SourceReport, TEXTS, rows=COUNTS, error=TEXTS), max_size=2),
    sinks=st.dictionaries(TEXTS, st.builds(SinkReport, TEXTS, pushed=COUNTS), max_size=2),
    exit_code=st.integers(0, 130),
    released=st.lists(TEXTS, max_size=2),
    id=TEXTS,
    ledger=TEXTS,
    actor=TEXTS,
    settings=TEXTS,
    skus=st.lists(TEXTS, max_size=2),
    rollback=st.none() | COUNTS,
    lasts=st.none() | st.integers(1, 10**6).map(lambda seconds: timedelta(seconds=seconds)),
    skipped=st.lists(st.builds(SkippedListing, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS), max_size=2),
)


@given(PLANS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_saved_is_loaded(tmp_path: Path, plan: Plan) -> None:
    """A plan comes back from its file as it was, whatever letters articles and reasons are written in."""
    assert Plan.load(plan.save(tmp_path / "p.json")) == plan


@given(PLANS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_the_command_prints_as_json_is_a_plan_file(tmp_path: Path, plan: Plan) -> None:
    """`mpstock plan --json > p.json` can be applied as well as `mpstock plan --out p.json`."""
    path = tmp_path / "p.json"
    path.write_text(json.dumps(plan.as_dict()), encoding="utf-8")
    assert Plan.load(path) == plan


def a_plan(count: int = 3) -> Plan:
    return Plan(
        7,
        NOW,
        [PlannedChange(sku, "shop", "main", sku, 5, 9, "raise", "erp") for sku in skus(count)],
        id="a",
        ledger="b",
    )


def edited(path: Path, **keys: Any) -> Path:
    """Change keys of a saved plan; those of its first change are given as `change_…`."""
    data = json.loads(path.read_text(encoding="utf-8"))
    for key, value in keys.items():
        if key.startswith("change_"):
            data["changes"][0][key.removeprefix("change_")] = value
        else:
            data[key] = value
    path.write_text(json.dumps(data, indent=1), encoding="utf-8")
    return path


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return a_plan().save(tmp_path / "p.json")


def test_keys_that_a_newer_mpstock_has_added_are_passed_over(saved: Path) -> None:
    """Fields may be added to every part of the format without a new version of it."""
    edited(
        saved,
        weather="fine",
        change_weather=["fine"],
        sources={"erp": {"name": "erp", "weather": 1}},
        held=[{**_held(), "weather": None}],
    )
    assert Plan.load(saved).changes == a_plan().changes


def _held() -> dict[str, Any]:
    keys = dict.fromkeys(("guard", "sink", "warehouse", "source", "reason"), "x")
    return {**keys, "count": 1}


@pytest.mark.parametrize(
    ("keys", "place", "mend"),
    [
        ({"format": "terraform"}, "format", "no plan of mpstock"),
        ({"version": 2}, "version", "upgrade mpstock"),
        ({"version": "1"}, "version", "whole number"),
        ({"run": None}, "run", "left out"),
        ({"created_at": "yesterday"}, "created_at", "a time with its zone"),
        ({"created_at": "2026-03-01T12:00:00"}, "created_at", "a time with its zone"),
        ({"released": "zeroing"}, "released", "a list of texts"),
        ({"held": [{"guard": 1}]}, "held", "put it back"),
        ({"sources": {"erp": 3}}, "sources", "put it back"),
        ({"lasts": -5}, "lasts", "more than 0"),
        ({"change_new": -1}, r"line \d+, new", "0 or more, not -1"),
        ({"change_new": 2.5}, r"line \d+, new", "a whole number, 0 or more, not 2.5"),
        ({"change_new": True}, r"line \d+, new", "not true"),
        ({"change_old": "5"}, r"line \d+, old", 'not "5"'),
        ({"change_sku": ""}, r"line \d+, sku", "must be a text"),
        ({"change_sku": "\\ud800"}, r"line \d+, sku", "no text"),
        ({"change_external_id": "P00001"}, r"line \d+", r"is planned in line \d+ already"),
        ({"changes": [5]}, r"line \d+, changes", "an object with sku"),
    ],
)
def test_what_was_edited_into_nonsense_is_refused(
    saved: Path, keys: Mapping[str, Any], place: str, mend: str
) -> None:
    """The error names the file, the line of the change, the key, and what to do."""
    edited(saved, **keys)
    if keys.get("change_sku"):
        saved.write_text(saved.read_text(encoding="utf-8").replace("\\\\ud", "\\ud"), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        Plan.load(saved)
    assert caught.value.place.startswith(str(saved))
    assert caught.match(rf"p\.json, {place}: ")
    assert caught.match(mend)


def test_a_file_that_is_cut_off_anywhere_is_refused(saved: Path) -> None:
    """Half a plan is no plan: a disk was full, a copy broke off."""
    text = saved.read_text(encoding="utf-8").rstrip()
    for end in range(len(text)):
        saved.write_text(text[:end], encoding="utf-8")
        with pytest.raises(ConfigurationError, match=r"p\.json"):
            Plan.load(saved)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('},\n  {"sku": "P00002"', '}\n  {"sku": "P00002"', r"line \d+: .*expected ','"),
        ("\n ]\n}", ",\n ]\n}", r"line \d+: .*a comma"),
        ('"run": 7,', '"run": 7,\n "run": 8,', "run: it stands in the file twice"),
        ("\n ]\n}", "\n ]\n}{}", "something follows"),
        ('"run": 7', '"run": ' + "[" * 100_000, "nested too deeply"),
    ],
)
def test_slips_of_an_editor_are_named(saved: Path, old: str, new: str, told: str) -> None:
    """A comma too many or too few is told with its line."""
    text = saved.read_text(encoding="utf-8")
    assert old in text
    saved.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=told):
        Plan.load(saved)


def test_files_of_other_programs_are_refused(tmp_path: Path) -> None:
    """Nothing, another encoding, a folder: each is told as what it is."""
    path = tmp_path / "p.json"
    with pytest.raises(ConfigurationError, match="no such file; mpstock plan --out"):
        Plan.load(path)
    path.write_bytes("{'Ё'}".encode("cp1251"))
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        Plan.load(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Plan.load(tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        a_plan().save(tmp_path / "nowhere" / "p.json")


def test_a_byte_order_mark_does_no_harm(saved: Path) -> None:
    """Editors on Windows put one before the first letter."""
    saved.write_bytes(b"\xef\xbb\xbf" + saved.read_bytes())
    assert len(Plan.load(saved)) == 3


def test_a_plan_is_written_whole_or_not_at_all(saved: Path) -> None:
    """What cannot be written leaves the file that was there, and nothing beside it."""
    before = saved.read_bytes()
    wrong = Plan(7, NOW, [PlannedChange("\ud800", "shop", "main", "x", 5, 9, "raise", "erp")])
    with pytest.raises(ConfigurationError, match="cannot be written"):
        wrong.save(saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_lowered_number_may_become_a_fall(saved: Path) -> None:
    """The lane is that of the numbers, whatever the file says: 5 → 9 was lowered to 3, then to 0."""
    assert Plan.load(edited(saved, change_new=3)).changes[0].lane == "fall"
    assert Plan.load(edited(saved, change_new=0)).changes[0].lane == "zero"


# ---------------------------------------------------------------------- carried out later


def later(play: Play, plan: Plan, folder: Path) -> Plan:
    """Keep a plan in a file, as a person does who looks at it first."""
    return Plan.load(plan.save(folder / "p.json"))


def test_a_plan_from_a_file_is_carried_out_by_another_process(tmp_path: Path) -> None:
    """Saved, loaded and applied: the numbers are there, and the runs and the file name each other."""
    play, source, account = make(tmp_path, {"A": 5, "Ё": 5})
    play.sync()
    source.set("A", 9)
    source.set("Ё", 0)
    plan = later(play, play.plan(), tmp_path)
    with play.open() as shop:
        report = shop.apply(plan, reason="looked at it")
        assert shows(account) == {"A": 9, "Ё": 0}
        assert [line.run for line in shop.log(limit=2)] == [report.run, report.run]


def test_a_person_may_take_out_changes_and_lower_numbers(tmp_path: Path) -> None:
    """What is left is sent, and no more of it than the file says."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5, "C": 5})
    play.sync()
    for sku in "ABC":
        source.set(sku, 9)
    path = play.plan().save(tmp_path / "p.json")
    data = json.loads(path.read_text(encoding="utf-8"))
    del data["changes"][1]
    data["changes"][0]["new"] = 7
    path.write_text(json.dumps(data), encoding="utf-8")
    play.apply(Plan.load(path))
    assert shows(account) == {"A": 7, "B": 5, "C": 9}


def test_a_plan_is_carried_out_by_what_the_sources_say_now(tmp_path: Path) -> None:
    """The source is read again: what was planned in the morning was sold by noon."""
    play, source, account = make(tmp_path, {"A": 5})
    play.sync()
    source.set("A", 9)
    plan = play.plan()
    source.set("A", 2)
    play.apply(plan)
    assert shows(account) == {"A": 2}


def test_a_stale_plan_says_what_moved_and_why(tmp_path: Path) -> None:
    """Another run, another writer, a listing that is gone: old, planned, now, and the cause."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5, "C": 5, "D": 5})
    play.sync()
    for sku in "ABCD":
        source.set(sku, 9)
    plan = play.plan()
    source.set("A", 6)
    play.sync(skus=["A"])
    account.shown["B", "main"] = 3
    account.sell_no_longer("C", "main")
    play.sync(full=True, dry_run=True)
    before = len(account.pushes)
    with pytest.raises(StalePlanError, match="3 of 4 listings have moved") as caught:
        play.apply(plan)
    told = {moved.sku: (moved.old, moved.planned, moved.now, moved.cause) for moved in caught.value.moved}
    assert told["A"] == (5, 9, 6, "run 3 sent 6: erp")
    assert told["B"][:3] == (5, 9, 3)
    assert "another writer" in told["B"][3]
    assert told["C"] == (5, 9, None, "it is not offered any more, or is another product's by now")
    assert "A on shop main: planned from 5, shows 6 (run 3 sent 6: erp)" in str(caught.value)
    assert len(account.pushes) == before


def test_a_message_names_twenty_and_the_error_has_them_all(tmp_path: Path) -> None:
    """A hundred listings have moved: nobody reads a hundred lines, programs do."""
    names = skus(100)
    play, source, _ = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names:
        source.set(sku, 9)
    plan = play.plan()
    play.sync()
    with pytest.raises(StalePlanError, match="and 80 more") as caught:
        play.apply(plan)
    assert len(caught.value.moved) == 100
    assert str(caught.value).count("planned from") == 20


def test_an_order_is_named_as_what_moved_a_listing(tmp_path: Path) -> None:
    """The account told an order of it since."""
    play, source, account = make(tmp_path, {"A": 5}, self_decrements="yes", orders="each")
    play.sync()
    source.set("A", 9)
    plan = play.plan()
    account.buy("A", 1, "main")
    with pytest.raises(StalePlanError) as caught:
        play.apply(plan)
    assert [moved.cause for moved in caught.value.moved] == ["an order"]


def test_a_plan_of_another_ledger_is_refused(tmp_path: Path) -> None:
    """Two shops with the same articles: their plans are not to be mixed up."""
    (tmp_path / "other").mkdir()
    play, _, _ = make(tmp_path, {"A": 5})
    other, _, account = make(tmp_path / "other", {"A": 5})
    plan = play.plan()
    other.plan()
    with pytest.raises(ConfigurationError, match="another ledger"):
        other.apply(plan)
    assert account.pushes == []


def test_an_old_plan_is_refused_unless_a_person_says_so(tmp_path: Path) -> None:
    """After a day a plan is out of date though nothing shows another number."""
    play, _, account = make(tmp_path, {"A": 5})
    plan = play.plan()
    play.clock.advance(25 * 3600)
    with pytest.raises(StalePlanError, match=r"25 hours old.*--even-if-old") as caught:
        play.apply(plan)
    assert (caught.value.moved, account.pushes) == ((), [])
    play.apply(plan, even_if_old=True)
    assert shows(account) == {"A": 5}


def test_a_dry_run_shows_what_would_be_sent_now(tmp_path: Path) -> None:
    """Of a plan for 9, 9 and 2 with 7 wanted now: 7, 9 and 2; nothing is sent, and the plan stays good."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5, "C": 5})
    play.sync()
    for sku, quantity in (("A", 9), ("B", 9), ("C", 2)):
        source.set(sku, quantity)
    plan = play.plan()
    source.set("A", 7)
    before = len(account.pushes)
    report = play.apply(plan, dry_run=True)
    assert report.plan is not None
    assert {c.sku: c.new for c in report.plan.changes} == {"A": 7, "B": 9, "C": 2}
    assert (report.dry_run, len(account.pushes)) == (True, before)
    play.apply(plan)
    assert shows(account) == {"A": 7, "B": 9, "C": 2}


def test_applying_a_plan_twice_is_applying_it_once(tmp_path: Path) -> None:
    """The second time nothing is sent, also where something has been sold since; the report says why."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5})
    play.sync()
    source.set("A", 9)
    source.set("B", 2)
    plan = play.plan()
    play.apply(plan)
    before = len(account.pushes)
    account.shown["A", "main"] = 8
    report = play.apply(plan)
    assert (report.exit_code, report.pushed, len(account.pushes)) == (0, 0, before)
    assert "2 of 2 changes were sent when this plan was applied before" in report.notes


def test_a_plan_that_failed_in_part_goes_on(tmp_path: Path) -> None:
    """One listing was refused: applied again, the plan sends that one alone."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5})
    play.sync()
    source.set("A", 9)
    source.set("B", 9)
    plan = play.plan()
    account.refuse("A", "X", "not now")
    assert play.apply(plan).exit_code == 1
    account.pushes.clear()
    play.clock.advance(600)
    play.apply(plan)
    assert (account.sent, shows(account)) == ([[("A", 9)]], {"A": 9, "B": 9})


def test_other_settings_than_the_plan_s_are_told(tmp_path: Path) -> None:
    """A buffer was changed since: the smaller number is sent, and a note says why it may be smaller."""
    play, source, account = make(tmp_path, {"A": 5})
    play.sync()
    source.set("A", 9)
    plan = play.plan()
    play.set_sink("shop", buffer={"absolute": 3})
    report = play.apply(plan)
    assert shows(account) == {"A": 6}
    assert [note for note in report.notes if "settings" in note]


@pytest.mark.parametrize("applied", [True, False], ids=["landed", "lost"])
@pytest.mark.parametrize("at", range(4))
def test_a_plan_killed_at_any_push_and_applied_again_ends_the_same(
    tmp_path: Path, at: int, applied: bool
) -> None:
    """Four requests; the process dies in one of them, before or after the account has taken it in."""
    names = skus(8)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5), batch=2)
    play.sync()
    for number, sku in enumerate(names):
        source.set(sku, (0, 2, 7, 9)[number % 4])
    plan = later(play, play.plan(), tmp_path)
    kill_at(account, at, applied=applied)
    with pytest.raises(Killed), play.open() as shop:
        shop.apply(plan)
    account.hook = None
    play.clock.advance(120)
    assert play.apply(plan).exit_code == 0
    assert shows(account) == {sku: (0, 2, 7, 9)[n % 4] for n, sku in enumerate(names)}
    before = len(account.pushes)
    assert (play.apply(plan).pushed, len(account.pushes)) == (0, before)


def kill_at(account: Account, at: int, *, applied: bool) -> None:
    """Let the push with that number, from now, kill the process."""
    count = 0

    def hook(_changes: object) -> None:
        nonlocal count
        if count == at:
            account.kill(applied=applied)
            assert account.hook is not None
            account.hook(_changes)  # type: ignore[arg-type]
        count += 1

    account.hook = hook


def test_what_a_killed_process_sent_is_in_the_log(tmp_path: Path) -> None:
    """Nobody knows whether it landed, and the next run says so: a number on a card is never without a row."""
    play, source, account = make(tmp_path, {"A": 5})
    play.sync()
    source.set("A", 9)
    account.kill(applied=True)
    play.dies()
    # It has arrived by then, and is read back at once.
    play.clock.advance(66)
    play.sync()
    with play.open() as shop:
        told = [(line.old, line.new, line.run, line.status) for line in shop.log()]
    assert told == [(5, 9, 2, "doubt"), (0, 5, 1, "ok")]


def test_a_reviewed_release_lets_through_its_own_changes_only(tmp_path: Path) -> None:
    """30 zeros were looked at and released in a plan; 5 more that came since stay held."""
    names = skus(60)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names[:30]:
        source.set(sku, 0)
    plan = later(play, play.plan(release=["zeroing"]), tmp_path)
    for sku in names[30:55]:
        source.set(sku, 0)
    play.apply(plan)
    assert [sku for sku, quantity in shows(account).items() if quantity == 0] == names[:30]
    report = play.sync()
    assert (report.sinks["shop"].held, report.pushed) == (25, 0)


def test_a_plan_without_a_release_releases_nothing(tmp_path: Path) -> None:
    """The held changes are in the plan to be seen; to take `held` out of the file lets nothing through."""
    names = skus(60)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names[:30]:
        source.set(sku, 0)
    path = play.plan().save(tmp_path / "p.json")
    data = json.loads(path.read_text(encoding="utf-8"))
    for change in data["changes"]:
        change.pop("held", None)
    path.write_text(json.dumps(data), encoding="utf-8")
    before = len(account.pushes)
    report = play.apply(Plan.load(path))
    assert (report.sinks["shop"].held, len(account.pushes)) == (30, before)
