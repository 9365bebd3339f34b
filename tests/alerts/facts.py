"""Facts for the conditions, made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from mpstock.alerts.conditions import Rules, look
from mpstock.alerts.facts import Facts
from mpstock.alerts.found import Found
from mpstock.config import AlertSettings, VerifySettings
from mpstock.ledger.runs import CursorRow

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def reading(
    name: str, *, read: timedelta | None = None, failed: timedelta | None = None, error: str | None = None
) -> CursorRow:
    """Return the state of a reading that went well, and failed, so long ago."""
    return CursorRow(
        name, None, "", None if read is None else NOW - read, None, None,
        None if failed is None else NOW - failed, error, {},
    )  # fmt: skip


def found(*, settings: dict[str, Any] | None = None, **facts: Any) -> dict[str, Found]:
    """Look at these facts; returns what is found by its subject."""
    rows = facts.pop("cursors", ())
    rules = Rules(AlertSettings(**(settings or {})), VerifySettings())
    facts = {"sources": {"erp": timedelta(hours=2)}, "sinks": ("wb",), **facts}
    return {
        one.subject: one for one in look(Facts(NOW, cursors={row.name: row for row in rows}, **facts), rules)
    }


def severities(**facts: Any) -> dict[str, str]:
    """Look at these facts; returns the severity of each subject that is found."""
    return {subject: one.severity for subject, one in found(**facts).items()}
