"""What the contract found out about a plugin, for programs (JSON) and for people (Markdown). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import attrs
from attrs import frozen

__all__ = ["Certificate", "Check"]

FORMAT = "mpstock-certificate"
VERSION = 1
"""What the JSON calls itself. A newer version may mean something else by the same keys."""


@frozen
class Check:
    """One promise of the contract, held against one thing that a plugin brings.

    `subject` is that thing (`sink ozon`), `case` the contract class and `name` the test in it; `claim` says
    what is promised. `reason` says what was found or, of a skipped one, why it does not apply.
    """

    subject: str
    case: str
    name: str
    claim: str
    outcome: Literal["passed", "failed", "skipped"]
    reason: str = ""
    seconds: float = 0.0


@frozen
class Certificate:
    """What came of holding one plugin to the contract.

    `states` are the versions of the contract that its descriptors state, `contract` the one that it was held
    to.
    `deprecated` says what it uses that ends with the next major version: that is no failure.
    """

    plugin: str
    distribution: str
    version: str
    states: Sequence[str]
    contract: str
    mpstock: str
    python: str
    at: datetime
    checks: Sequence[Check]
    deprecated: Sequence[str] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing failed, and something was held at all."""
        return not self.failures and any(check.outcome == "passed" for check in self.checks)

    @property
    def failures(self) -> list[Check]:
        """The checks that failed."""
        return [check for check in self.checks if check.outcome == "failed"]

    def counts(self, subject: str | None = None) -> dict[str, int]:
        """Return how many checks passed, failed and were skipped; of one subject, or of all."""
        told = Counter(check.outcome for check in self.checks if subject in (None, check.subject))
        return {outcome: told[outcome] for outcome in ("passed", "failed", "skipped")}

    @property
    def subjects(self) -> list[str]:
        """What was held, in the order in which it was."""
        return list(dict.fromkeys(check.subject for check in self.checks))

    @property
    def label(self) -> str:
        """The plugin with its distribution and version."""
        return f"{self.distribution} {self.version}".strip() or self.plugin

    @property
    def line(self) -> str:
        """One line for a README."""
        counts = self.counts()
        if not self.passed:
            held = f"{counts['failed']} of {counts['failed'] + counts['passed']} checks failed"
            return f"{self.label} does not meet version {self.contract} of mpstock's contract: {held}."
        return (
            f"{self.label} meets version {self.contract} of mpstock's contract: "
            f"{counts['passed']} checks passed, {counts['skipped']} do not apply "
            f"(mpstock {self.mpstock}, {self.at:%Y-%m-%d})."
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the certificate as plain data."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "plugin": self.plugin,
            "distribution": self.distribution,
            "distribution_version": self.version,
            "states": list(self.states),
            "contract": self.contract,
            "mpstock": self.mpstock,
            "python": self.python,
            "at": self.at.isoformat(),
            "passed": self.passed,
            "line": self.line,
            "counts": self.counts(),
            "subjects": {subject: self.counts(subject) for subject in self.subjects},
            "deprecated": list(self.deprecated),
            "checks": [attrs.asdict(check) for check in self.checks],
        }

    def as_markdown(self) -> str:
        """Return the certificate as a page for people."""
        lines = [f"# {self.label}", "", self.line, ""]
        states = ", ".join(self.states) or "none"
        lines += [f"Its descriptors state version {states} of the contract. Python {self.python}.", ""]
        lines += _table(
            ("", "passed", "failed", "does not apply"),
            [(subject, *self.counts(subject).values()) for subject in self.subjects],
        )
        if self.failures:
            lines += ["", "## Failed", ""]
            for check in self.failures:
                lines += [f"- **{check.subject}, {check.name}**: {check.claim}", ""]
                lines += ["  ```text", *(f"  {line}" for line in check.reason.splitlines()), "  ```", ""]
        if self.deprecated:
            lines += [
                "",
                "## Ends with the next major version",
                "",
                *(f"- {text}" for text in self.deprecated),
            ]
        skipped = Counter(
            (check.subject, check.reason) for check in self.checks if check.outcome == "skipped"
        )
        if skipped:
            lines += ["", "## Does not apply", ""]
            lines += _table(
                ("", "checks", "because"), [(name, count, why) for (name, why), count in skipped.items()]
            )
        for subject in self.subjects:
            lines += ["", f"## {subject}", ""]
            held: dict[tuple[str, str], Counter[str]] = {}
            for check in self.checks:
                if check.subject == subject:
                    held.setdefault((check.case, check.claim), Counter())[check.outcome] += 1
            lines += _table(
                ("promise", "case", "outcome"),
                [(claim, case, _outcome(counts)) for (case, claim), counts in held.items()],
            )
        return "\n".join(lines) + "\n"


def _outcome(counts: Counter[str]) -> str:
    words = {"failed": "**failed**", "passed": "passed", "skipped": "does not apply"}
    several = sum(counts.values()) > 1
    return ", ".join(
        f"{word} ({counts[name]})" if several else word for name, word in words.items() if counts[name]
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    def row(cells: Sequence[object]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return [row(head), "|" + "---|" * len(head), *(row(cells) for cells in rows)]
