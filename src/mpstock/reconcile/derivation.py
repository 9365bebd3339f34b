"""An explanation as a tree, from the levels to each number, and how it looks: as text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock.reconcile.report import as_data

if TYPE_CHECKING:
    from mpstock.reconcile.explanation import (
        Explanation,
        HoldExplanation,
        ListingExplanation,
        PoolExplanation,
        TermExplanation,
    )

__all__ = ["ExplanationNode", "as_details", "as_html", "as_lines", "as_page", "tree"]

_SHOWN = 20
"""So many inputs of one kind are written out as text and HTML; as data all of them are there."""

_BEFORE_AVAILABLE = {"sources", "rule", "reserved", "share", "holds", "divided", "others", "recipe"}
_BUFFERS = {"buffer", "threshold"}
_AFTER = {"wanted", "decided", "plan", "guard", "stop", "refused", "waiting", "shown"}


@frozen
class ExplanationNode:
    """One node: of what `kind` it is, what it says, its value in units, and what it was made from.

    `notes` are what has to be known besides. Of more than a few `inputs` of one kind only the first are
    written out.
    """

    kind: str
    text: str
    value: int | None = None
    inputs: Sequence[ExplanationNode] = ()
    notes: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the tree as plain data."""
        data: dict[str, Any] = as_data(self)
        return data


def tree(x: Explanation) -> ExplanationNode:
    """Return an explanation as a tree."""
    of = "" if x.run is None else f", as run {x.run} sent it"
    if x.at is not None:
        of = f", as of {_moment(x.at)}"
    inputs = [_stock(x.sku, x.terms, x.pools, x.holds, x.reckoned_at if of else None)]
    inputs += [_stock(x.sku, s.terms, s.pools, s.holds, s.at) for s in x.earlier]
    inputs += [_listing(x.sku, listing, past=bool(of)) for listing in x.listings]
    return ExplanationNode("product", x.sku + of, None, [node for node in inputs if node.inputs], x.notes)


def _stock(
    sku: str,
    terms: Sequence[TermExplanation],
    pools: Sequence[PoolExplanation],
    holds: Sequence[HoldExplanation],
    at: datetime | None,
) -> ExplanationNode:
    parts = list(dict.fromkeys([*(t.sku for t in terms), *(p.sku for p in pools), *(h.sku for h in holds)]))
    made_of = []
    for part in parts:
        nodes = [
            _pool(pool, [t for t in terms if (t.sku, t.warehouse) == (part, pool.warehouse)])
            for pool in pools
            if pool.sku == part
        ]
        nodes += [_hold(hold) for hold in holds if hold.sku == part]
        made_of.append(ExplanationNode("component", part, None, nodes))
    when = "" if at is None else f", as it was known at {_moment(at)}"
    inputs = made_of[0].inputs if parts == [sku] else made_of
    return ExplanationNode("stock", f"what there is{when}", None, inputs)


def _pool(pool: PoolExplanation, terms: Sequence[TermExplanation]) -> ExplanationNode:
    most = "" if pool.known else " at most"
    rules = dict.fromkeys(f"{t.rule} of the group {t.group}" for t in terms if t.rule != "sum")
    how = f", {', '.join(rules)}" if rules and len(terms) > 1 else ""
    amount = "unknown" if pool.amount is None else pool.amount
    return ExplanationNode(
        "pool", f"{pool.warehouse}:{most} {amount}{how}", pool.amount, [_term(t) for t in terms]
    )


def _term(t: TermExplanation) -> ExplanationNode:
    share = "" if t.share == "1" else f" (a share of {t.share} counts)"
    amount = "unknown" if t.quantity is None else f"{t.quantity} − {t.reserved} − {t.held} = {t.amount}"
    when = "" if t.as_of is None else f" as of {_moment(t.as_of)}"
    age = "" if t.age is None else f", {_length(t.age)} ago"
    notes = [f"an upper bound only: {t.why_unknown}"] if t.why_unknown else []
    text = f"{t.source} · {t.warehouse}: quantity − reserved − held: {amount}{share}{when}{age}"
    return ExplanationNode("reading", text, t.amount, (), notes)


def _hold(h: HoldExplanation) -> ExplanationNode:
    where = h.warehouses[0] if len(h.warehouses) == 1 else f"one of {', '.join(h.warehouses) or 'any'}"
    until = "" if h.expires_at is None else f", until {_moment(h.expires_at)}"
    notes = []
    if h.subtracted_from:
        notes.append(f"subtracted from {', '.join(h.subtracted_from)}: not booked there yet")
    if h.booked_by:
        notes.append(f"booked by {', '.join(h.booked_by)}: not subtracted from it")
    text = f"held by {h.origin} {h.key}: {h.quantity} from {where}, {h.stage} {_moment(h.stage_at)}{until}"
    return ExplanationNode("hold", text, -h.quantity, (), notes)


def _listing(sku: str, x: ListingExplanation, *, past: bool) -> ExplanationNode:
    staged = []
    for stage in x.stages:
        of = "" if stage.sku in ("", sku) else f" of {stage.sku}"
        text = f"{stage.name}{of}: {_value(stage.value)}, {stage.why}"
        staged.append(ExplanationNode(stage.name, text, stage.value))
    by_kind = dict(zip((s.name for s in x.stages), staged, strict=True))
    known = "" if x.available_known else " at most (not known for sure)"
    available = ExplanationNode(
        "available",
        f"available{known}: {_value(x.available)} from {', '.join(x.feeds) or 'no warehouse'}",
        x.available,
        [node for node in staged if node.kind in _BEFORE_AVAILABLE],
        [f"{x.floating} units of it are held in a warehouse that nobody has told"] if x.floating else [],
    )
    settings = ", ".join(f"{k} = {v} ({x.origins.get(k, 'default')})" for k, v in x.buffer.items())
    inputs = [available]
    if x.policy:
        text = f"buffer {x.policy}: {settings or 'no settings'} → advertise {x.advertised}"
        of_buffer = [node for kind, node in by_kind.items() if kind in {"cap", "range"}]
        inputs.append(ExplanationNode("buffer", text, x.advertised, of_buffer))
    inputs += [n for n in staged if n.kind not in {*_BEFORE_AVAILABLE, *_BUFFERS, "cap", "range", *_AFTER}]
    showed = f"{'showed before' if past else 'shows'} {_value(x.base)}"
    troubles = "".join(f", {trouble}" for trouble in (x.held and f"held: {x.held}", x.error) if trouble)
    shows = f"wanted {x.wanted}, {showed}, confirmed {x.confirmed}, status {x.status}{troubles}"
    after = [n for n in staged if n.kind in _AFTER - {"wanted"}]
    inputs.append(ExplanationNode("wanted", shows, x.wanted, [*after, *_sent(x)]))
    return ExplanationNode(
        "listing", f"{x.sink} · {x.warehouse} ({x.external_id})", x.wanted, inputs, x.notes
    )


def _sent(x: ListingExplanation) -> Iterator[ExplanationNode]:
    if x.sent is not None and x.sent_at is not None:
        why = f" because of {x.cause}" if x.cause else ""
        text = f"sent {x.sent} by run {x.run}{why}, answered {_moment(x.sent_at)}"
        yield ExplanationNode("sent", text, x.sent)
    if x.confirmed is not None and x.confirmed_at is not None:
        yield ExplanationNode(
            "confirmed", f"confirmed {x.confirmed} at {_moment(x.confirmed_at)}", x.confirmed
        )
    if x.observed is not None and x.observed_at is not None:
        yield ExplanationNode("observed", f"read back {x.observed} at {_moment(x.observed_at)}", x.observed)


def _value(value: int | None) -> str:
    return "unknown" if value is None else str(value)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"


def _length(seconds: float) -> str:
    for name, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.0f} s"


def _written(node: ExplanationNode) -> Iterator[ExplanationNode]:
    """The inputs of a node that are written out, and one that sums up those of a kind that are too many."""
    seen: dict[str, int] = {}
    units: dict[str, int] = {}
    for each in node.inputs:
        seen[each.kind] = seen.get(each.kind, 0) + 1
        if seen[each.kind] <= _SHOWN:
            yield each
        else:
            units[each.kind] = units.get(each.kind, 0) + abs(each.value or 0)
    for kind, count in units.items():
        of = f"holds, of {count} units" if kind == "hold" else f"of {kind}"
        yield ExplanationNode("more", f"… and {seen[kind] - _SHOWN} more {of}")


def as_lines(node: ExplanationNode) -> Iterator[str]:
    """Yield a tree as text, a line each."""
    yield node.text
    yield from _branches(node, "")


def _branches(node: ExplanationNode, indent: str) -> Iterator[str]:
    inputs = list(_written(node))
    for note in node.notes:
        yield f"{indent}{'│' if inputs else ' '}    {note}"
    for index, each in enumerate(inputs):
        last = index == len(inputs) - 1
        yield f"{indent}{'└─' if last else '├─'} {each.text}"
        yield from _branches(each, indent + ("   " if last else "│  "))


_STYLE = """
.mpstock-why { color-scheme: light dark; font: 14px/1.5 system-ui, sans-serif; }
.mpstock-why details, .mpstock-why p { margin: 0 0 0 1.2em; padding-left: .6em;
  border-left: 1px solid light-dark(#c8ccd2, #4a4f57); }
.mpstock-why > details { margin-left: 0; border: 0; }
.mpstock-why summary { cursor: pointer; }
.mpstock-why > details > summary { font-weight: 600; }
.mpstock-why .listing > summary, .mpstock-why .stock > summary { font-weight: 600; }
.mpstock-why .note { color: light-dark(#8a5200, #e8b45c); }
.mpstock-why .hold, .mpstock-why .more { color: light-dark(#555b64, #a8aeb8); }
"""
_OPEN = {"product", "listing", "stock"}


def as_html(node: ExplanationNode) -> str:
    """Return a tree as a piece of HTML: nested details that open without a script, in light and in dark."""
    return f"<style>{_STYLE}</style>{as_details(node)}"


def as_details(node: ExplanationNode) -> str:
    """Return a tree as `as_html` does, for a page that has its own style; what it says is escaped."""
    return f'<div class="mpstock-why">{"".join(_html(node))}</div>'


def as_page(node: ExplanationNode) -> str:
    """Return a tree as an HTML page of its own."""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{html.escape(node.text)}</title>\n</head>\n<body>\n{as_html(node)}\n</body>\n</html>\n"
    )


def _html(node: ExplanationNode) -> Iterator[str]:
    text = html.escape(node.text)
    inputs = list(_written(node))
    if not inputs and not node.notes:
        yield f'<p class="{node.kind}">{text}</p>'
        return
    opened = " open" if node.kind in _OPEN else ""
    yield f'<details class="{node.kind}"{opened}><summary>{text}</summary>'
    yield from (f'<p class="note">{html.escape(note)}</p>' for note in node.notes)
    for each in inputs:
        yield from _html(each)
    yield "</details>"
