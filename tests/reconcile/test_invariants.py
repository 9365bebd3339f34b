"""What is looked at before a number is recorded: a defect raises nothing and zeroes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from mpstock.reconcile import reckoning as formula
from mpstock.reconcile.availability import Pool
from mpstock.reconcile.invariants import broken
from mpstock.reconcile.reckoned import Reckoning
from tests.reconcile.shops import make, shows

numbers = st.none() | st.integers(0, 12)


def listing(
    amount: int, base: int | None, wanted: int | None, *, known: bool = True, advertised: int | None = 5
) -> Reckoning:
    """A reckoning of one listing."""
    return Reckoning("shop", "main", Pool(amount, known), None, advertised, base, wanted, not known)


@pytest.mark.parametrize(
    ("reckoning", "what"),
    [
        (listing(4, 9, 5), "available"),
        (listing(-3, 0, 1), "available"),
        (listing(99, 0, 51), "the sink takes"),
        (listing(5, 3, 0, known=False), "zeroed"),
        (listing(5, None, 0, known=False), "zeroed"),
        (listing(5, 3, 4, known=False), "raised"),
        (listing(5, None, 4, known=False), "raised"),
    ],
)
def test_each_invariant_is_told_by_its_name(reckoning: Reckoning, what: str) -> None:
    """Above available, above the sink's range, unknown to zero, unknown raised."""
    assert what in broken(reckoning, 50)


@given(st.integers(-3, 12), numbers, st.booleans(), st.integers(0, 12))
def test_what_the_formula_gives_breaks_none(
    amount: int, base: int | None, known: bool, advertised: int
) -> None:
    """Known: what is advertised of it. Unknown: the lower of that and what it shows."""
    advertised = min(advertised, max(amount, 0))
    wanted: int | None = advertised
    if not known:
        wanted = (0 if advertised == 0 else None) if base is None else min(base, advertised)
    found = listing(amount, base, wanted, known=known, advertised=advertised)
    assert broken(found, 50) == ""


def test_a_formula_with_a_defect_sells_nothing_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One unit too many of everything: falls go as far as is safe, nothing rises, and someone is told."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5, "C": 5})
    play.sync()
    source.set("A", 9)
    source.set("B", 2)
    ears = play.listen()
    right = formula._Group._listing

    def defect(*args: object) -> Reckoning:
        found = right(*args)  # type: ignore[arg-type]
        return evolve(found, wanted=None if found.wanted is None else found.wanted + 1)

    monkeypatch.setattr(formula._Group, "_listing", defect)
    report = play.sync()
    assert shows(account) == {"A": 5, "B": 2, "C": 5}
    assert report.exit_code == 1
    assert ears.told("invariant") == ["invariant:A on shop main", "invariant:B on shop main"]
    assert "A on shop main: advertised above what is available (10 of 9, shows 5)" in report.errors
    monkeypatch.undo()
    assert play.sync().exit_code == 0
    assert shows(account) == {"A": 9, "B": 2, "C": 5}


def test_the_same_units_are_not_promised_twice_by_a_defect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two warehouses of one account fed by the same stock, and a formula that forgets to divide it."""
    play, source, account = make(tmp_path, {"A": 0}, warehouses=("w1", "w2"))
    play.sync()
    source.set("A", 10)
    monkeypatch.setattr(formula._Group, "_draw", lambda *_args: None)
    report = play.sync()
    assert sum(account.shown.values()) == 0
    assert "the same units promised twice" in report.errors[0]
    monkeypatch.undo()
    play.sync()
    assert sum(account.shown.values()) == 10
