"""What is sent: one message, the critical first, and what came and went in one line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from mpstock import Notice
from mpstock.alerts.messages import compose
from mpstock.alerts.texts import Words

AT = datetime(2026, 11, 26, 1, 0, tzinfo=UTC)
ENGLISH = Words("en", ZoneInfo("UTC"))
RUSSIAN = Words("ru", ZoneInfo("Europe/Moscow"))


def _notice(
    subject: str,
    state: Literal["new", "worse", "reminder", "recovered"] = "new",
    *,
    severity: Literal["warning", "critical"] = "warning",
    minutes: int = 0,
    held_back: bool = False,
) -> Notice:
    at = AT + timedelta(minutes=minutes)
    return Notice(
        at, state, severity, subject, subject, f"{subject} is wrong", f"{subject} says so.", "Mend it.",
        AT, held_back=held_back,
    )  # fmt: skip


def test_one_notice_is_a_message_of_its_own() -> None:
    """Its title is the trouble's, its body what is the matter and what to do."""
    message = compose([_notice("A", severity="critical")], ENGLISH)
    assert message.title == "mpstock: CRITICAL: A is wrong"
    assert message.body == "A says so.\nWhat to do: Mend it."
    assert message.severity == "critical"


def test_several_are_one_message_with_the_critical_first() -> None:
    """However many kept coming."""
    message = compose([_notice("A"), _notice("B", severity="critical", minutes=1)], RUSSIAN)
    assert message.title == "mpstock: 2 сообщения"
    assert message.body.split("\n\n")[0].startswith("СРОЧНО: B is wrong")


def test_what_came_and_went_meanwhile_is_one_line() -> None:
    """With when it was there; what came, went and came again is there."""
    message = compose([_notice("A"), _notice("A", "recovered", minutes=90)], ENGLISH)
    assert (message.title, message.body) == (
        "mpstock: was there: A is wrong", "A says so.\n2026-11-26 01:00 – 2026-11-26 02:30"
    )  # fmt: skip
    again = [_notice("A"), _notice("A", "recovered", minutes=1), _notice("A", minutes=2)]
    assert compose(again, ENGLISH).title == "mpstock: A is wrong"


def test_a_recovery_says_from_when_to_when() -> None:
    """And nothing of what to do."""
    message = compose([_notice("A", "recovered", severity="critical", minutes=90)], RUSSIAN)
    assert message.title == "mpstock: прошло: A is wrong"
    assert message.body == "26.11.2026 04:00 – 26.11.2026 05:30"


def test_a_digest_after_the_quiet_hours_says_that_it_is_one() -> None:
    """What waited is told together."""
    held = [_notice("A", held_back=True), _notice("B", held_back=True)]
    assert compose(held, ENGLISH).title == "mpstock: While it was quiet: 2 notices"
    assert compose([*held, _notice("C")], ENGLISH).title == "mpstock: 3 notices"


def test_a_flood_is_cut_short_and_counted() -> None:
    """A messenger takes a few thousand letters; the list has all."""
    message = compose([_notice(f"S{number}") for number in range(30)], ENGLISH)
    assert message.title == "mpstock: 30 notices"
    assert message.body.endswith("… and 10 more: mpstock alerts")
