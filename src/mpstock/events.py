"""What the told hooks are told: one frozen object each, to which fields may be added for ever.

`run` is the number of the run in the ledger, `at` the time of the event in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from attrs import field, frozen

from mpstock.model import Change, Outcome

__all__ = ["Alert", "Notice", "Planned", "Pushed", "RunFinished"]


@frozen
class Planned:
    """A run has planned and judged; nothing of it is sent yet.

    `changes` counts the changes that will be sent and `held` those that a guard holds, both per
    sink. `sends` is False in a dry run. `plan` is the `mpstock.Plan` where the run made one.
    """

    run: int
    at: datetime
    changes: Mapping[str, int]
    held: Mapping[str, int] = field(factory=dict[str, int])
    sends: bool = True
    plan: Any = None


@frozen
class Pushed:
    """One batch has been answered. `outcomes` are in the order of `changes`, one for each.

    `seconds` is how long the answer took. `waited` are, for each change, the seconds from when it was known
    that the listing has to fall until it was sent; None for what does not fall. `queued` are the seconds that
    those of them had waited that were sent for the first time, in no order.
    """

    run: int
    at: datetime
    sink: str
    changes: Sequence[Change]
    outcomes: Sequence[Outcome]
    seconds: float = 0.0
    waited: Sequence[float | None] = ()
    queued: Sequence[float] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many changes had which outcome: `{"ok": 98, "error": 2}`."""
        counts: dict[str, int] = {}
        for outcome in self.outcomes:
            counts[outcome.status.value] = counts.get(outcome.status.value, 0) + 1
        return counts


@frozen
class RunFinished:
    """A run has ended, well or not.

    `status` and `exit_code` are what the command line ends with (`done` and 0, …), `counts` is by
    sink and outcome, `report` the `mpstock.Report`.
    """

    run: int
    at: datetime
    status: str
    exit_code: int
    counts: Mapping[str, Mapping[str, int]] = field(factory=dict[str, Mapping[str, int]])
    report: Any = None


@frozen
class Alert:
    """Something needs a person.

    `subject` names what it is about (`zeroing:erp:ozon:1111`, a sink, a source): told twice with the
    same subject it is the same trouble. `message` is a sentence, `mend` what to do about it. `source`,
    `sink` and `sku` are empty where they do not apply.
    """

    run: int | None
    at: datetime
    severity: Literal["warning", "critical"]
    subject: str
    message: str
    mend: str = ""
    source: str = ""
    sink: str = ""
    sku: str = ""
    data: Mapping[str, Any] = field(factory=dict[str, Any])


@frozen
class Notice:
    """What people are told of a trouble, once: `new`, `worse`, `reminder` (it still stands), `recovered`.

    `subject` and `kind` name the trouble as in `Alert`; `title`, `message` and `mend` are in the language of
    `[alerts]`. `since` is when it was first seen. `held_back`: it waited for the end of the quiet hours.
    """

    at: datetime
    state: Literal["new", "worse", "reminder", "recovered"]
    severity: Literal["warning", "critical"]
    subject: str
    kind: str
    title: str
    message: str
    mend: str = ""
    since: datetime | None = None
    source: str = ""
    sink: str = ""
    sku: str = ""
    held_back: bool = False
    data: Mapping[str, Any] = field(factory=dict[str, Any])
