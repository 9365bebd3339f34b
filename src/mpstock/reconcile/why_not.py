"""What keeps a listing from showing more: the first stage of its number that falls short, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from mpstock.errors import ConfigurationError
from mpstock.reconcile.explanation import Explanation, ListingExplanation, StageExplanation
from mpstock.reconcile.report import as_data

__all__ = ["WhyNot", "why_not"]

_SAID = {
    "sources": "the sources do not say so many",
    "rule": "the rule by which sources and warehouses are combined leaves fewer",
    "reserved": "what the sources have reserved is taken off",
    "share": "only a share of it counts",
    "holds": "what others have taken is held",
    "divided": "it is divided with other listings",
    "others": "the listings that are served before it show the rest",
    "recipe": "one of it takes several units",
    "buffer": "the buffer keeps the rest back",
    "threshold": "there are fewer than the threshold asks for",
    "cap": "the cap allows no more",
    "range": "the sink takes no more",
    "hand": "a person has decided it",
    "unknown": "it is not known for sure, and nothing is raised then",
    "neighbours": "its neighbours have to fall first",
    "decided": "it stays as it was decided before",
    "plan": "the saved plan has less",
    "guard": "a guard holds it",
    "stop": "a person has stopped it",
    "refused": "the sink has refused it",
    "waiting": "it has not been sent yet",
    "shown": "the sink shows less than was sent",
}


@frozen
class WhyNot:
    """The stage that cuts a listing below the `quantity` that was asked for; None: nothing does.

    `before` and `after` are the values on both sides of that stage, in units of `stage.sku` or of the
    listing; None: nothing bounds it, or nobody knows.
    """

    sku: str
    sink: str
    warehouse: str
    quantity: int
    stage: StageExplanation | None
    before: int | None = None
    after: int | None = None

    @property
    def sentence(self) -> str:
        """The answer as a sentence."""
        head = f"{self.sku} on {self.sink} · {self.warehouse}:"
        if self.stage is None:
            return f"{head} nothing keeps it from showing {self.quantity}"
        before = "" if self.before is None else f"from {self.before} "
        after = "an unknown number" if self.after is None else self.after
        of = f" of {self.stage.sku}" if self.stage.sku not in ("", self.sku) else ""
        return (
            f"{head} not {self.quantity}, {_SAID.get(self.stage.name, self.stage.name)} "
            f"({before}to {after}{of}: {self.stage.why})"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as plain data."""
        data: dict[str, Any] = as_data(self)
        return {**data, "sentence": self.sentence}

    def __str__(self) -> str:
        return self.sentence


def why_not(explanation: Explanation, quantity: int) -> list[WhyNot]:
    """Return the answer for each listing of an explanation.

    Raises:
        ConfigurationError: the quantity is no number of units.
    """
    if type(quantity) is not int or quantity < 1:
        raise ConfigurationError(f"ask for a number of units, 1 or more, not {quantity!r}", place="why_not")
    return [_of_listing(explanation.sku, listing, quantity) for listing in explanation.listings]


def _of_listing(sku: str, listing: ListingExplanation, quantity: int) -> WhyNot:
    before: dict[str, int | None] = {}
    for stage in listing.stages:
        # Nobody knows is no number to show; that nothing bounds it cuts nothing.
        cuts = stage.value < quantity if stage.value is not None else stage.name in _NEEDS_A_NUMBER
        if cuts:
            at = before.get(stage.sku, min(_numbers(before), default=None))
            return WhyNot(sku, listing.sink, listing.warehouse, quantity, stage, at, stage.value)
        before[stage.sku] = stage.value
    return WhyNot(sku, listing.sink, listing.warehouse, quantity, None)


_NEEDS_A_NUMBER = {"unknown", "buffer", "threshold", "guard", "stop", "refused", "waiting"}


def _numbers(values: dict[str, int | None]) -> Sequence[int]:
    return [value for value in values.values() if value is not None]
