"""A plugin of pytest, for `certify` alone: it writes down what came of each test, a line of JSON each.

The first line says how many tests there are. A class that says its `kind` and has a `descriptor` is a case of
the contract; whatever else lies in the module is held, too.
"""

from __future__ import annotations

import inspect
import json
import os
from pathlib import Path
from typing import Any

import pytest

__all__ = ["RECORD"]

RECORD = "MPSTOCK_CERTIFY_RECORD"
"""The environment variable with the file to write to."""

_KINDS = {"sources": "source", "sinks": "sink", "policies": "policy"}
_LONGEST = 2000


def _write(line: dict[str, Any]) -> None:
    with Path(os.environ[RECORD]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _subject(cls: type | None) -> str:
    """Name what a class holds: `sink ozon`; a class whose descriptor cannot be had is named itself."""
    kind = _KINDS.get(getattr(cls, "kind", ""))
    if cls is None or kind is None:
        return "its own checks"
    try:
        return f"{kind} {cls().descriptor().name}"
    except Exception:
        # Its tests will say why.
        return f"{kind} {getattr(cls, 'plugin', '') or cls.__name__}"


def _claim(item: pytest.Item) -> str:
    told = inspect.getdoc(getattr(item, "function", None)) or ""
    return " ".join(told.split("\n\n")[0].split())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Write down how many there are, and keep what a line will say of each."""
    _write({"collected": len(items)})
    subjects: dict[type | None, str] = {}
    for item in items:
        cls = getattr(item, "cls", None)
        if cls not in subjects:
            subjects[cls] = _subject(cls)
        item.user_properties.append(
            (
                "mpstock",
                {
                    "subject": subjects[cls],
                    "case": "" if cls is None else cls.__name__,
                    "name": item.name,
                    "claim": _claim(item),
                },
            )
        )


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A module that cannot be imported is a failure, too."""
    if report.failed:
        line: dict[str, Any] = {
            "subject": "its own checks",
            "case": "",
            "name": report.nodeid,
            "claim": "It can be imported.",
        }
        _write({**line, "outcome": "failed", "reason": str(report.longrepr)[-_LONGEST:], "seconds": 0.0})


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write down what came of a test: of its call, or of what broke before or after it."""
    if report.when != "call" and report.passed:
        return
    known: Any = dict(report.user_properties)["mpstock"]
    reason = ""
    if report.failed:
        crash = getattr(report.longrepr, "reprcrash", None)
        reason = (crash.message if crash is not None else str(report.longrepr))[:_LONGEST]
    elif report.skipped and isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
    _write({**known, "outcome": report.outcome, "reason": reason, "seconds": round(report.duration, 4)})
