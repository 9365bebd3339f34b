"""What was measured, and what it was to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import asdict, frozen

__all__ = ["Figure", "as_json", "lines_of", "missed", "verdict", "worded"]


@frozen
class Figure:
    """One figure: what, how much of which unit, and at most how much it may be (None: nothing is promised).

    A `value` of None was not asked for: `note` says why. Else `note` says what stands behind it. `at_least`
    turns the goal round. `counts` False: the size was too small for the promise, which is made for a larger
    one; it is shown, and fails nothing.
    """

    subject: str
    name: str
    value: float | None
    unit: str = ""
    goal: float | None = None
    note: str = ""
    at_least: bool = False
    counts: bool = True

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none, or nothing was asked."""
        if self.goal is None or self.value is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal


def missed(figures: Sequence[Figure]) -> list[Figure]:
    """Return those that count and do not meet their goal."""
    return [figure for figure in figures if figure.met is False and figure.counts]


def as_json(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Return the figures as plain values."""
    return [{**asdict(figure), "met": figure.met} for figure in figures]


def lines_of(figures: Sequence[Figure]) -> list[str]:
    """Return the figures as a table: one line each, grouped by subject."""
    width = max(len(figure.name) for figure in figures) + 2
    lines: list[str] = []
    subject = ""
    for figure in figures:
        if figure.subject != subject:
            subject = figure.subject
            lines += ["", f"{subject:<{width}}{'measured':>14}{'goal':>14}"]
        lines.append(
            f"  {figure.name:<{width - 2}}{_number(figure.value, figure.unit):>14}{_goal(figure):>14}  "
            f"{verdict(figure):10}{figure.note}".rstrip()
        )
    return lines[1:]


def _goal(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    return f"{'≥' if figure.at_least else '≤'} {_number(figure.goal, figure.unit)}"


def verdict(figure: Figure) -> str:
    """Return in a word how a figure stands to its goal; nothing where it has none."""
    if figure.value is None:
        return "not asked"
    if figure.met is None:
        return ""
    return ("met" if figure.met else "NOT MET") if figure.counts else "(small)"


def worded(figure: Figure) -> str:
    """Return what was measured and what it was to be, in one line."""
    return f"{_number(figure.value, figure.unit)} ({_goal(figure)})"


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "—"
    digits = 0 if value == int(value) and value < 1e15 else 1 if value >= 100 else 2 if value >= 1 else 4
    return f"{value:,.{digits}f}{'' if unit == '×' else ' '}{unit}".strip()
