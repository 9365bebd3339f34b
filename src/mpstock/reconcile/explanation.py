"""What an explanation tells a person: text on a terminal, HTML in a notebook, JSON for programs."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

from mpstock.reconcile.report import as_data

__all__ = ["Explanation", "HoldExplanation", "ListingExplanation", "TermExplanation"]


_HOLDS = 20
"""As many holds are written out as text; as data all of them are there."""


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
class ListingExplanation:
    """How one listing's number comes about, from what is available to what was accepted.

    `recipe` says what one unit of it takes, where that is not one unit of the product. `floating` are the
    units that holds take from it of which nobody knows which warehouse loses them. `expected` is what it
    should show after the orders that came since the last accepted write.
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


@frozen(repr=False)
class Explanation:
    """Why each listing of a product shows what it shows."""

    sku: str
    terms: Sequence[TermExplanation]
    listings: Sequence[ListingExplanation]
    notes: Sequence[str] = ()
    holds: Sequence[HoldExplanation] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the explanation as plain data."""
        data: dict[str, Any] = as_data(self)
        return data

    def lines(self) -> list[str]:
        """Return the explanation as text, a line each."""
        told = [self.sku]
        for term in self.terms:
            told += self._of_term(term)
        for hold in self.holds[:_HOLDS]:
            told += self._of_hold(hold)
        if rest := self.holds[_HOLDS:]:
            told.append(f"  … and {len(rest)} more holds, of {sum(hold.quantity for hold in rest)} units")
        for listing in self.listings:
            told += self._of_listing(listing)
        told += [f"  {note}" for note in self.notes]
        return told

    def _of_term(self, t: TermExplanation) -> Iterator[str]:
        what = f"{t.sku}, " if t.sku not in ("", self.sku) else ""
        share = "" if t.share == "1" else f" (a share of {t.share} counts)"
        amount = "unknown" if t.quantity is None else f"{t.quantity} − {t.reserved} − {t.held} = {t.amount}"
        when = "" if t.as_of is None else f" as of {t.as_of:%Y-%m-%d %H:%M:%S}Z"
        age = "" if t.age is None else f", {_length(t.age)} ago"
        yield f"  {what}{t.source} · {t.warehouse}: quantity − reserved − held: {amount}{share}{when}{age}"
        if t.why_unknown:
            yield f"      an upper bound only: {t.why_unknown}"

    def _of_hold(self, h: HoldExplanation) -> Iterator[str]:
        what = f"{h.sku}, " if h.sku != self.sku else ""
        where = h.warehouses[0] if len(h.warehouses) == 1 else f"one of {', '.join(h.warehouses) or 'any'}"
        until = "" if h.expires_at is None else f", until {h.expires_at:%Y-%m-%d %H:%M:%S}Z"
        yield (
            f"  {what}held by {h.origin} {h.key}: {h.quantity} from {where}, {h.stage} "
            f"{h.stage_at:%Y-%m-%d %H:%M:%S}Z{until}"
        )
        if h.subtracted_from:
            yield f"      subtracted from {', '.join(h.subtracted_from)}: not booked there yet"
        if h.booked_by:
            yield f"      booked by {', '.join(h.booked_by)}: not subtracted from it"

    def _of_listing(self, x: ListingExplanation) -> Iterator[str]:
        yield f"  {x.sink} · {x.warehouse} ({x.external_id})"
        if x.recipe is not None:
            yield f"      one of it takes {', '.join(f'{n} of {sku}' for sku, n in x.recipe.items())}"
        if x.floating:
            yield f"      {x.floating} units of it are held in a warehouse that nobody has told"
        known = "" if x.available_known else " at most (not known for sure)"
        yield (
            f"      available{known}: {'unknown' if x.available is None else x.available}"
            f" from {', '.join(x.feeds) or 'no warehouse'}"
        )
        settings = ", ".join(f"{k} = {v} ({x.origins.get(k, 'default')})" for k, v in x.buffer.items())
        yield f"      buffer {x.policy}: {settings or 'no settings'} → advertise {x.advertised}"
        yield (
            f"      wanted {x.wanted}, shows {'unknown' if x.base is None else x.base}, "
            f"confirmed {x.confirmed}, status {x.status}"
            + (f", held: {x.held}" if x.held else "")
            + (f", {x.error}" if x.error else "")
        )
        yield from (f"      {note}" for note in x.notes)

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


def _length(seconds: float) -> str:
    for name, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.0f} s"
