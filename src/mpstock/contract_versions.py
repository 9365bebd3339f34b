"""The version of the interfaces: which plugins this mpstock takes, and what it says to the others.

A version is `MAJOR.MINOR`. A new minor version adds, and may announce that something ends. Only a new major
version takes something away, and only what a minor version before it has announced.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from functools import total_ordering

from attrs import frozen

__all__ = [
    "CONTRACT",
    "DEPRECATIONS",
    "FIRST",
    "ContractDeprecationWarning",
    "ContractVersion",
    "Deprecation",
    "deprecated_uses",
    "refusal",
    "warn_deprecated",
]

FIRST = "1.0"
"""What a descriptor was written for that names no version."""

CONTRACT = "1.1"
"""The version of the interfaces that this mpstock has; docs/explanation/contract.md says what it brought."""


class ContractDeprecationWarning(DeprecationWarning):
    """A plugin uses what the next major version of the contract does not have."""


@total_ordering
@frozen(order=False)
class ContractVersion:
    """A version of the contract, as `1.1` says it."""

    major: int
    minor: int

    @classmethod
    def of(cls, text: object) -> ContractVersion:
        """Read a version.

        Raises:
            ValueError: it is none; says how one is written.
        """
        if type(text) is int and text > 0:
            # How it was written before there were minor versions: see DEPRECATIONS.
            return cls(text, 0)
        found = re.fullmatch(r"([1-9]\d{0,3})\.(\d{1,4})", text) if isinstance(text, str) else None
        if found is None:
            raise ValueError(f'{text!r} is no version of the contract; write it as contract="{CONTRACT}"')
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    def __lt__(self, other: ContractVersion) -> bool:
        return (self.major, self.minor) < (other.major, other.minor)


@frozen
class Deprecation:
    """Something of the contract that ends.

    `what` is used by the plugin, since version `since` it is warned of, from version `ends` on (a major one)
    it is gone; `instead` says what to write. `key` is what the code that meets it knows it by.
    """

    key: str
    what: str
    since: str
    ends: str
    instead: str

    def __str__(self) -> str:
        return f"{self.what} ends with version {self.ends} of the contract: {self.instead}"


DEPRECATIONS: tuple[Deprecation, ...] = (
    Deprecation(
        key="contract-as-number",
        what="a descriptor's `contract` as a whole number",
        since="1.1",
        ends="2.0",
        instead=f'write contract="{CONTRACT}"',
    ),
)
"""All that has been announced, also what is gone by now: who comes from far is told all of it at once."""


def refusal(
    stated: object, *, current: str = CONTRACT, deprecations: Sequence[Deprecation] = DEPRECATIONS
) -> str | None:
    """Say why a plugin that was written for version `stated` cannot be used, and what to do; None = it can.

    Older minor versions of this major version work. What a newer minor version added a plugin may rely on, so
    a newer one is refused too.
    """
    try:
        theirs = ContractVersion.of(stated)
    except ValueError as error:
        return str(error)
    ours = ContractVersion.of(current)
    written = f"is written for version {theirs} of the contract, this mpstock has version {ours}"
    if theirs > ours:
        return f"{written}: upgrade mpstock (pip install --upgrade mpstock)"
    if theirs.major == ours.major:
        return None
    gone = [
        one
        for one in deprecations
        if theirs < ContractVersion.of(one.ends) <= ours and ContractVersion.of(one.ends).major > theirs.major
    ]
    steps = "; ".join(f"{one.what}: {one.instead}" for one in gone)
    told = f". Its author has to change: {steps}" if steps else ""
    return (
        f"{written}: upgrade the plugin, or use an mpstock of version {theirs.major} of the contract{told}. "
        f'Then state contract="{ours}"'
    )


def deprecated_uses(
    stated: object, who: str, *, deprecations: Sequence[Deprecation] = DEPRECATIONS
) -> tuple[str, ...]:
    """Say, a sentence each, what of a descriptor ends with a later version; `who` is its name."""
    used = {"contract-as-number"} if type(stated) is int else set[str]()
    return tuple(f"{who}: {one}" for one in deprecations if one.key in used)


def warn_deprecated(sentences: Iterable[str]) -> None:
    """Warn of what `deprecated_uses` says."""
    for text in sentences:
        warnings.warn(text, ContractDeprecationWarning, stacklevel=3)
