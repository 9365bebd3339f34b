"""A small portion of the machine; `nox -s machine` runs the whole."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.machine.mutants import MUTANTS
from tests.machine.on_purpose import Machine

EXAMPLES, STEPS = 8, 30

TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def test_every_mutant_has_a_rule_that_it_breaks() -> None:
    """Each of them says what it does; that the machine kills it, `nox -s mutants` shows."""
    assert len(MUTANTS) >= 16
    assert all(patch.__doc__ for patch in MUTANTS.values())
