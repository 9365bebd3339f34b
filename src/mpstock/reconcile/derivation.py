"""An explanation as a tree, from the levels to each number, and how it looks: as text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock.phrases import joined, phrase, word
from mpstock.reconcile.report import as_data
from mpstock.reconcile.stages import settings_told

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
    of = phrase("") if x.run is None else phrase(", as run {run} sent it", run=x.run)
    if x.at is not None:
        of = phrase(", as of {moment}", moment=_moment(x.at))
    inputs = [_stock(x.sku, x.terms, x.pools, x.holds, x.reckoned_at if of else None)]
    inputs += [_stock(x.sku, s.terms, s.pools, s.holds, s.at) for s in x.earlier]
    inputs += [_listing(x.sku, listing, past=bool(of)) for listing in x.listings]
    return ExplanationNode(
        "product", joined("", [x.sku, of]), None, [node for node in inputs if node.inputs], x.notes
    )


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
    known = "what there is, as it was known at {moment}"
    when = phrase("what there is") if at is None else phrase(known, moment=_moment(at))
    inputs = made_of[0].inputs if parts == [sku] else made_of
    return ExplanationNode("stock", when, None, inputs)


def _pool(pool: PoolExplanation, terms: Sequence[TermExplanation]) -> ExplanationNode:
    form = "{warehouse}: {amount}" if pool.known else "{warehouse}: at most {amount}"
    text = phrase(form, warehouse=pool.warehouse, amount=_value(pool.amount))
    rules = dict.fromkeys((t.rule, t.group) for t in terms if t.rule != "sum")
    how = [phrase("{rule} of the group {group}", rule=rule, group=group) for rule, group in rules]
    if len(terms) > 1:
        text = joined(", ", [text, *how])
    return ExplanationNode("pool", text, pool.amount, [_term(t) for t in terms])


def _term(t: TermExplanation) -> ExplanationNode:
    said: list[str] = []
    if t.share != "1":
        said.append(phrase(" (a share of {share} counts)", share=t.share))
    if t.as_of is not None:
        said.append(phrase(" as of {moment}", moment=_moment(t.as_of)))
    if t.age is not None:
        said.append(phrase(", {length} ago", length=_length(t.age)))
    counted = f"{t.quantity} − {t.reserved} − {t.held} = {t.amount}"
    text = phrase(
        "{source} · {warehouse}: quantity − reserved − held: {amount}{said}",
        source=t.source, warehouse=t.warehouse,
        amount=_value(None) if t.quantity is None else counted, said=joined("", said),
    )  # fmt: skip
    notes = [phrase("an upper bound only: {why}", why=t.why_unknown)] if t.why_unknown else []
    return ExplanationNode("reading", text, t.amount, (), notes)


def _hold(h: HoldExplanation) -> ExplanationNode:
    where: str = phrase("one of any")
    if h.warehouses:
        where, *others = h.warehouses
        where = phrase("one of {warehouses}", warehouses=", ".join(h.warehouses)) if others else where
    until = "" if h.expires_at is None else phrase(", until {moment}", moment=_moment(h.expires_at))
    notes = []
    if h.subtracted_from:
        form = "subtracted from {sources}: not booked there yet"
        notes.append(phrase(form, sources=", ".join(h.subtracted_from)))
    if h.booked_by:
        form = "booked by {sources}: not subtracted from it"
        notes.append(phrase(form, sources=", ".join(h.booked_by)))
    text = phrase(
        "held by {origin} {key}: {quantity} from {where}, {stage} {moment}{until}",
        origin=h.origin, key=h.key, quantity=h.quantity, where=where, stage=h.stage,
        moment=_moment(h.stage_at), until=until,
    )  # fmt: skip
    return ExplanationNode("hold", text, -h.quantity, (), notes)


def _listing(sku: str, x: ListingExplanation, *, past: bool) -> ExplanationNode:
    staged = []
    for stage in x.stages:
        of = "" if stage.sku in ("", sku) else phrase(" of {sku}", sku=stage.sku)
        text = phrase(
            "{stage}{of}: {value}, {why}",
            stage=word("stage", stage.name), of=of, value=_value(stage.value), why=stage.why,
        )  # fmt: skip
        staged.append(ExplanationNode(stage.name, text, stage.value))
    by_kind = dict(zip((s.name for s in x.stages), staged, strict=True))
    known = "available: {value} from {feeds}"
    unsure = "available at most (not known for sure): {value} from {feeds}"
    available = ExplanationNode(
        "available",
        phrase(
            known if x.available_known else unsure,
            value=_value(x.available),
            feeds=", ".join(x.feeds) or phrase("no warehouse"),
        ),
        x.available,
        [node for node in staged if node.kind in _BEFORE_AVAILABLE],
        [phrase("{units} units of it are held in a warehouse that nobody has told", units=x.floating)]
        if x.floating
        else [],
    )
    inputs = [available]
    if x.policy:
        text = phrase(
            "buffer {policy}: {settings} → advertise {advertised}",
            policy=x.policy, settings=settings_told(x.buffer, x.origins), advertised=x.advertised,
        )  # fmt: skip
        of_buffer = [node for kind, node in by_kind.items() if kind in {"cap", "range"}]
        inputs.append(ExplanationNode("buffer", text, x.advertised, of_buffer))
    inputs += [n for n in staged if n.kind not in {*_BEFORE_AVAILABLE, *_BUFFERS, "cap", "range", *_AFTER}]
    shows = joined(
        ", ",
        [
            phrase("wanted {value}", value=x.wanted),
            phrase("showed before {value}" if past else "shows {value}", value=_value(x.base)),
            phrase("confirmed {value}", value=x.confirmed),
            phrase("status {status}", status=x.status),
            *([phrase("held: {why}", why=x.held)] if x.held else []),
            *([x.error] if x.error else []),
        ],
    )
    after = [n for n in staged if n.kind in _AFTER - {"wanted"}]
    inputs.append(ExplanationNode("wanted", shows, x.wanted, [*after, *_sent(x)]))
    return ExplanationNode(
        "listing", f"{x.sink} · {x.warehouse} ({x.external_id})", x.wanted, inputs, x.notes
    )


def _sent(x: ListingExplanation) -> Iterator[ExplanationNode]:
    if x.sent is not None and x.sent_at is not None:
        why = phrase(" because of {cause}", cause=x.cause) if x.cause else ""
        text = phrase(
            "sent {value} by run {run}{why}, answered {moment}",
            value=x.sent, run=x.run, why=why, moment=_moment(x.sent_at),
        )  # fmt: skip
        yield ExplanationNode("sent", text, x.sent)
    if x.confirmed is not None and x.confirmed_at is not None:
        text = phrase("confirmed {value} at {moment}", value=x.confirmed, moment=_moment(x.confirmed_at))
        yield ExplanationNode("confirmed", text, x.confirmed)
    if x.observed is not None and x.observed_at is not None:
        text = phrase("read back {value} at {moment}", value=x.observed, moment=_moment(x.observed_at))
        yield ExplanationNode("observed", text, x.observed)


def _value(value: int | None) -> str:
    return phrase("unknown") if value is None else str(value)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"


def _length(seconds: float) -> str:
    if seconds >= 86_400:
        return phrase("{count} d", count=f"{seconds / 86_400:.1f}")
    if seconds >= 3_600:
        return phrase("{count} h", count=f"{seconds / 3_600:.1f}")
    if seconds >= 60:
        return phrase("{count} min", count=f"{seconds / 60:.1f}")
    return phrase("{count} s", count=f"{seconds:.0f}")


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
        rest = seen[kind] - _SHOWN
        if kind == "hold":
            text = phrase("… and {rest} more holds, of {units} units", rest=rest, units=count)
        else:
            text = phrase("… and {rest} more of {kind}", rest=rest, kind=word("node", kind))
        yield ExplanationNode("more", text)


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


def as_details(node: ExplanationNode, say: Callable[[str], str] = str) -> str:
    """Return a tree as `as_html` does, for a page that has its own style; what it says is escaped.

    `say` says each text in the words of the page.
    """
    return f'<div class="mpstock-why">{"".join(_html(node, say))}</div>'


def as_page(node: ExplanationNode) -> str:
    """Return a tree as an HTML page of its own."""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{html.escape(node.text)}</title>\n</head>\n<body>\n{as_html(node)}\n</body>\n</html>\n"
    )


def _html(node: ExplanationNode, say: Callable[[str], str]) -> Iterator[str]:
    text = html.escape(say(node.text))
    inputs = list(_written(node))
    if not inputs and not node.notes:
        yield f'<p class="{node.kind}">{text}</p>'
        return
    opened = " open" if node.kind in _OPEN else ""
    yield f'<details class="{node.kind}"{opened}><summary>{text}</summary>'
    yield from (f'<p class="note">{html.escape(say(note))}</p>' for note in node.notes)
    for each in inputs:
        yield from _html(each, say)
    yield "</details>"
