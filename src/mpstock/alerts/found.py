"""What a look at the facts has found: something that needs a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from mpstock.ledger.troubles import Severity

__all__ = ["MOMENTARY", "Found"]

MOMENTARY = frozenset({"invariant", "restored", "sink_renamed", "tidying"})
"""Kinds that the engine tells as they happen; nothing in the ledger says whether they still stand."""


@frozen
class Found:
    """Something that needs a person now. `subject` says which trouble it is, `data` fills its text.

    `size` is how much of it there is, as its kind counts: when it has doubled, people are told again.
    """

    subject: str
    severity: Severity
    data: Mapping[str, Any] = field(factory=dict[str, Any])
    source: str = ""
    sink: str = ""
    sku: str = ""
    size: int = 1

    @property
    def kind(self) -> str:
        """The first word of its subject."""
        return self.subject.partition(":")[0]
