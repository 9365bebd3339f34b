"""The contract of buffer policies finds what a policy does wrong, each by the test that says so."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from attrs import field, frozen
from attrs.validators import ge

from mpstock import BufferPolicySpec
from mpstock.testing import PolicyContract


@frozen
class Keep:
    units: int = field(default=1, validator=ge(0))


class Policy:
    """Advertises what a function says."""

    def __init__(self, rule: Callable[[int, int], Any], units: int) -> None:
        self._rule, self._units = rule, units

    def advertise(self, available: int) -> Any:
        return self._rule(available, self._units)


def contract(rule: Callable[[int, int], Any], **fields: Any) -> Any:
    spec = BufferPolicySpec(
        "keep", "keeps units back", Keep, lambda own: Policy(rule, own.units), **{"contract": "1.1", **fields}
    )

    class Case(PolicyContract):
        __test__ = False
        tables = ({}, {"units": 5})
        bad_tables = ({"units": -1}, {"units": "many"})

    Case.spec = spec
    return Case()


def failing(case: Any) -> set[str]:
    """Run every test of a case; return which failed."""
    failed: set[str] = set()
    for name in dir(case):
        if name.startswith("test_"):
            try:
                getattr(case, name)()
            # Of what is not the same twice Hypothesis says that, too: in a group.
            except (AssertionError, ExceptionGroup):
                failed.add(name)
    return failed


def good(available: int, units: int) -> int:
    return max(available - units, 0)


def test_a_policy_that_keeps_its_promises_passes() -> None:
    """Nothing is found where nothing is wrong."""
    assert failing(contract(good)) == set()


CALLS = itertools.count()


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (lambda available, units: available - units, "test_advertised_is_between_zero_and_available"),
        (lambda available, units: max(available, 0) + units, "test_advertised_is_between_zero_and_available"),
        (lambda available, units: max(available / 2, 0), "test_advertised_is_between_zero_and_available"),
        (lambda available, units: max(available, 0) % 7, "test_less_available_never_advertises_more"),
        (
            lambda available, units: max(min(available, next(CALLS) % 50), 0),
            "test_same_available_advertises_the_same",
        ),
    ],
    ids=["below zero", "more than there is", "a fraction", "not monotone", "not pure"],
)
def test_each_broken_promise_is_found(rule: Any, found: str) -> None:
    """Below zero, above what is there, no whole number, more for less, another answer each time."""
    assert found in failing(contract(rule))


def test_a_descriptor_of_another_version_is_found() -> None:
    """The version is looked at here, too."""
    assert failing(contract(good, contract="7.0")) == {"test_descriptor_can_be_listed"}


def test_the_fixtures_of_the_pytest_plugin_are_what_they_say(
    mpstock_clock: Any, mpstock_ledger: Any, mpstock_faults: Any
) -> None:
    """A clock that jumps, a place for a ledger, and a script of faults: by installing mpstock alone."""
    from mpstock.simulation import Simulator
    from mpstock.testing import FaultScript, VirtualClock

    assert isinstance(mpstock_clock, VirtualClock)
    assert not mpstock_ledger.exists()
    assert mpstock_ledger.parent.is_dir()
    assert isinstance(mpstock_faults(Simulator(clock=mpstock_clock)), FaultScript)
