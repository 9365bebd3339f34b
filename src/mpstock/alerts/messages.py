"""From notices to what is sent: one message, however much there is to tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from mpstock.alerts.texts import Words, plural, words_of
from mpstock.events import Notice

if TYPE_CHECKING:
    from mpstock.ledger.notices import WaitingNotice
    from mpstock.ledger.troubles import Severity

__all__ = ["Message", "compose", "notice_of"]

MOST = 20
"""So many notices one message spells out; a messenger cuts off what is longer."""

_STATES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "new": "", "worse": "worse: ", "reminder": "still: ", "recovered": "over: ", "passed": "was there: ",
    },
    "ru": {
        "new": "", "worse": "хуже: ", "reminder": "всё ещё: ", "recovered": "прошло: ", "passed": "было: ",
    },
}  # fmt: skip
_FRAME: Mapping[str, Mapping[str, str]] = {
    "en": {
        "many": "{count} notices", "forms": "notice|notices", "critical": "CRITICAL: ",
        "mend": "What to do: ",
        "since": "since {since}", "quiet": "While it was quiet", "more": "… and {count} more: mpstock alerts",
    },
    "ru": {
        "many": "{count}", "forms": "сообщение|сообщения|сообщений", "critical": "СРОЧНО: ",
        "mend": "Что делать: ", "since": "с {since}", "quiet": "За тихие часы",
        "more": "… и ещё {count}: mpstock alerts",
    },
}  # fmt: skip


@frozen
class Message:
    """What is sent: `severity` is that of the worst in it."""

    title: str
    body: str
    severity: Severity


def notice_of(waiting: WaitingNotice, words: Words) -> Notice:
    """Return a notice with its words, as the hook is told."""
    queued = waiting.notice
    body = queued.body
    data = {**body["data"], "source": body["source"], "sink": body["sink"], "sku": body["sku"]}
    texts = words_of(body["kind"], data, words)
    return Notice(
        queued.at,
        queued.state,
        queued.severity,
        queued.subject,
        body["kind"],
        texts.title,
        texts.message,
        texts.mend,
        datetime.fromisoformat(body["since"]),
        body["source"],
        body["sink"],
        body["sku"],
        waiting.held_back,
        body["data"],
    )


def compose(notices: Sequence[Notice], words: Words) -> Message:
    """Make one message of notices: the critical first, and what came and went in one line."""
    frame, states = _FRAME[words.language], _STATES[words.language]
    told = sorted(_merged(notices), key=lambda pair: (pair[0].severity != "critical", pair[0].at))
    severity: Severity = "critical" if any(one.severity == "critical" for one, _ in told) else "warning"
    if len(told) == 1:
        one, state = told[0]
        return Message(
            f"mpstock: {_title(one, state, frame, states)}", _body(one, state, frame, words), severity
        )
    quiet = all(one.held_back for one, _ in told)
    count = f"{len(told)} {plural(len(told), frame['forms'].split('|'), words.language)}"
    title = f"mpstock: {frame['quiet']}: {count}" if quiet else f"mpstock: {count}"
    parts = [
        f"{_title(one, state, frame, states)}\n{_body(one, state, frame, words)}"
        for one, state in told[:MOST]
    ]
    if len(told) > MOST:
        parts.append(frame["more"].format(count=len(told) - MOST))
    return Message(title, "\n\n".join(parts), severity)


def _merged(notices: Sequence[Notice]) -> list[tuple[Notice, str]]:
    """Return one of each subject: the last, and `passed` if it began and ended among these."""
    found: dict[str, tuple[Notice, str]] = {}
    for one in notices:
        before = found.get(one.subject)
        state: str = one.state
        if before is not None and before[0].state == "new":
            # Nobody has heard of it yet.
            state = "passed" if one.state == "recovered" else "new"
            one = evolve(one, state="new" if state == "new" else "recovered")
        if before is not None and before[0].severity == "critical":
            one = evolve(one, severity="critical")
        found[one.subject] = (one, state)
    return list(found.values())


def _title(one: Notice, state: str, frame: Mapping[str, str], states: Mapping[str, str]) -> str:
    urgent = frame["critical"] if one.severity == "critical" and state not in ("recovered", "passed") else ""
    return f"{urgent}{states[state]}{one.title}"


def _body(one: Notice, state: str, frame: Mapping[str, str], words: Words) -> str:
    lines = [] if state == "recovered" else [one.message]
    if one.since is not None and state == "reminder":
        lines.append(frame["since"].format(since=words.moment(one.since)))
    elif one.since is not None and state in ("recovered", "passed"):
        lines.append(f"{words.moment(one.since)} – {words.moment(one.at)}")
    if one.mend and state not in ("recovered", "passed"):
        lines.append(frame["mend"] + one.mend)
    return "\n".join(lines)
