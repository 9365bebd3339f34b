"""What an explanation tells a person: a tree on a terminal and in a notebook, JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from mpstock.errors import ConfigurationError
from mpstock.reconcile.report import as_data

if TYPE_CHECKING:
    from mpstock.reconcile.derivation import ExplanationNode
    from mpstock.reconcile.why_not import WhyNot

__all__ = [
    "Explanation",
    "HoldExplanation",
    "ListingExplanation",
    "PoolExplanation",
    "StageExplanation",
    "StockExplanation",
    "TermExplanation",
]


@frozen
class TermExplanation:
    """What one source says of one own warehouse, and what of it counts.

    `sku` is the product itself or, for a kit, the component that it is about. `held` are the units of holds
    in that warehouse that the source has not booked yet. `group` and `rule` say how sources of one warehouse
    are combined, `share` which part of a level counts; `as_of` is when the source has last confirmed the
    row, `age` the seconds since. `why_unknown` is empty for a quantity that is known.
    """

    source: str
    warehouse: str
    quantity: int | None
    reserved: int
    held: int
    amount: int | None
    group: str
    rule: str
    as_of: datetime | None
    why_unknown: str = ""
    sku: str = ""
    share: str = "1"
    age: float | None = None


@frozen
class PoolExplanation:
    """What one own warehouse has to promise of a product, after the group's rule; None: nothing bounds it.

    `known` False: at most that.
    """

    sku: str
    warehouse: str
    amount: int | None
    known: bool


@frozen
class HoldExplanation:
    """Units that somebody has taken: whose, since when, and who has booked them already.

    `warehouses` are the own warehouses that may lose them: one where that is known. `subtracted_from` are the
    sources that still count them in their quantity, `booked_by` those that do not any more.
    """

    sku: str
    origin: str
    key: str
    quantity: int
    warehouses: Sequence[str]
    taken_at: datetime
    stage: str
    stage_at: datetime
    expires_at: datetime | None
    subtracted_from: Sequence[str]
    booked_by: Sequence[str]


@frozen
class StageExplanation:
    """One stage of a listing's number: what is left after it, and why it is less than before.

    In the order of the formula: `sources` (what they say), `rule` (how sources of one warehouse are combined,
    and warehouses summed), `reserved`, `share`, `holds`, `divided` and `others` (what is for other listings),
    `recipe` (a pack or kit), `buffer` or `threshold`, `cap`, `range` (of the sink), `hand` (a person's word),
    `unknown`, `neighbours` (that still show what is to be its), `wanted`; then what kept it from the listing:
    `decided`, `plan`, `guard`, `stop`, `refused`, `waiting`, `shown`. Up to `recipe` the value is in units
    of `sku`, from there on in those of the listing. None: nothing bounds it.
    """

    name: str
    value: int | None
    why: str
    sku: str = ""


@frozen
class ListingExplanation:
    """How one listing's number comes about, from what is available to what was accepted.

    `recipe` says what one unit of it takes, where that is not one unit of the product. `floating` are the
    units that holds take from it of which nobody knows which warehouse loses them. `expected` is what it
    should show after the orders that came since the last accepted write. `sent` is what was put on the
    wire last, by `run`, because of `cause`; `reckoned_at` is the moment of what it was reckoned from.
    """

    sink: str
    warehouse: str
    external_id: str
    feeds: Sequence[str]
    available: int | None
    available_known: bool
    policy: str
    buffer: Mapping[str, Any]
    origins: Mapping[str, str]
    advertised: int | None
    wanted: int | None
    base: int | None
    confirmed: int | None
    confirmed_at: datetime | None
    observed: int | None
    observed_at: datetime | None
    status: str
    error: str
    held: str
    notes: Sequence[str] = ()
    recipe: Mapping[str, int] | None = None
    floating: int = 0
    expected: int | None = None
    sent: int | None = None
    sent_at: datetime | None = None
    run: int | None = None
    cause: str = ""
    reckoned_at: datetime | None = None
    stages: Sequence[StageExplanation] = ()


@frozen
class StockExplanation:
    """What there was of a product, and of what it is made of, at one moment."""

    at: datetime
    terms: Sequence[TermExplanation]
    pools: Sequence[PoolExplanation]
    holds: Sequence[HoldExplanation]


@frozen(repr=False)
class Explanation:
    """Why each listing of a product shows what it shows, or showed at a moment or after a run.

    `terms`, `pools` and `holds` are what there is of the product. Where listings were last sent something at
    different moments, these are of the latest, and `earlier` has the others.
    """

    sku: str
    terms: Sequence[TermExplanation]
    listings: Sequence[ListingExplanation]
    notes: Sequence[str] = ()
    holds: Sequence[HoldExplanation] = ()
    pools: Sequence[PoolExplanation] = ()
    reckoned_at: datetime | None = None
    at: datetime | None = None
    run: int | None = None
    earlier: Sequence[StockExplanation] = ()

    @property
    def tree(self) -> ExplanationNode:
        """The explanation as a tree: what there is, then each listing with its stages."""
        from mpstock.reconcile.derivation import tree

        return tree(self)

    def narrowed(self, *, sink: str | None = None, warehouse: str | None = None) -> Explanation:
        """Return the explanation of the listings of one sink, or of one of the sinks' warehouses, alone.

        Raises:
            ConfigurationError: there is no such listing.
        """
        chosen = [
            listing
            for listing in self.listings
            if sink in (None, listing.sink) and warehouse in (None, listing.warehouse)
        ]
        if not chosen and (sink is not None or warehouse is not None):
            there = ", ".join(f"{listing.sink} · {listing.warehouse}" for listing in self.listings)
            asked = " · ".join(part for part in (sink, warehouse) if part is not None)
            raise ConfigurationError(
                f"{self.sku!r} has no listing in {asked}; there are: {there or 'none'}",
                place="warehouse" if sink is None else "sink",
            )
        return evolve(self, listings=chosen)

    def why_not(
        self, quantity: int, *, sink: str | None = None, warehouse: str | None = None
    ) -> Sequence[WhyNot]:
        """Say for each listing what keeps it from showing so many, or that nothing does.

        `sink` and `warehouse` (the sink's) choose the listings.

        Raises:
            ConfigurationError: the quantity is less than 1, or there is no such listing.
        """
        from mpstock.reconcile.why_not import why_not

        return why_not(self.narrowed(sink=sink, warehouse=warehouse), quantity)

    def as_dict(self) -> dict[str, Any]:
        """Return the explanation as plain data; `tree` has all of it once more, as it is told."""
        data: dict[str, Any] = as_data(self)
        return {**data, "tree": self.tree.as_dict()}

    def lines(self) -> list[str]:
        """Return the explanation as text, a line each."""
        return list(self._lines())

    def _lines(self) -> Iterator[str]:
        from mpstock.reconcile.derivation import as_lines

        return as_lines(self.tree)

    def to_html(self) -> str:
        """Return the explanation as a page of its own; it needs nothing from elsewhere and runs no script."""
        from mpstock.reconcile.derivation import as_page

        return as_page(self.tree)

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        from mpstock.reconcile.derivation import as_html

        return as_html(self.tree)
