"""Facts and rules as the ledger keeps them: compact JSON, without loss, with the version of its form.

What belongs to the shop (rules, sinks, buffers that many listings share) is one text, what belongs to a
product another. Both together give the number again that was reckoned from them. A reader of this version
reads every earlier form too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from mpstock.buffers import StoredBuffers, as_stored
from mpstock.errors import LedgerVersionError
from mpstock.ledger.recipes import RecipeBook
from mpstock.reconcile.absorbing import Booking, Held
from mpstock.reconcile.availability import SourceRule, Stated
from mpstock.reconcile.facts import Facts
from mpstock.reconcile.hands import Ruling
from mpstock.reconcile.places import LeftPlace, SinkRule, WarehouseRule
from mpstock.reconcile.reckoning import Listed, Reckoner

if TYPE_CHECKING:
    from mpstock.buffers import ResolvedBuffer
    from mpstock.plugins import PluginRegistry
    from mpstock.reconcile.evaluating import Evaluated
    from mpstock.reconcile.reckoning import Buffers

__all__ = ["FORM", "Restored", "StoredSettings", "StoredShop", "restore"]

FORM = 1
"""The version of the form: a later one may add keys and must go on reading this one."""

MOST_TEXTS = 10_000
"""Names and moments whose texts are remembered at a time."""

_NULL, _TRUE, _FALSE = "null", "true", "false"

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class StoredSettings:
    """The rules of a shop as text, and the facts of its products under them.

    `codes` are the own warehouses by their ids.
    """

    def __init__(self, reckoner: Reckoner, codes: Mapping[int, str]) -> None:
        self._reckoner = reckoner
        self._shared: dict[tuple[str, str], ResolvedBuffer] = {
            (sink, code): reckoner.resolver.resolve("", sink, code) for sink, code in reckoner.places
        }
        data: dict[str, Any] = {
            "v": FORM,
            "sources": {name: _source(rule) for name, rule in reckoner.rules.items()},
            "sinks": [_sink(sink) for sink in reckoner.sinks],
            "sharing": reckoner.sharing,
            "caps": dict(reckoner.caps),
            "own": {str(own): code for own, code in codes.items()},
            "buffers": [[sink, code, as_stored(b)] for (sink, code), b in self._shared.items()],
        }
        if reckoner.left:
            data["left"] = [
                [*key, _ids(place.feeds), place.heir, place.reachable]
                for key, place in sorted(reckoner.left.items())
            ]
        if reckoner.silent:
            data["silent"] = sorted(reckoner.silent)
        self.text = _encode(data)
        self._texts = _Texts()

    def facts(
        self,
        found: Evaluated,
        skus: Mapping[int, str],
        decided: Mapping[tuple[str, str], int] | None = None,
    ) -> str:
        """Return the facts of one product as text.

        `skus` are the names of its components, `decided` the numbers that stay as they were decided, whatever
        the formula says now.
        """
        facts = found.facts
        # Every product that is planned comes by here, and nearly all have nothing but this.
        texts, product_id = self._texts, facts.product_id
        levels = [f'"{part}":[{",".join(map(texts.stated, told))}]' for part, told in facts.levels.items()]
        shops = []
        for each, listed in facts.shops.items():
            # What it should show is what comes of it; of the others it is one more fact.
            own = each == product_id
            rows = [texts.listed(one, sink, code, own) for (sink, code), one in listed.items()]
            shops.append(f'"{each}":[{",".join(rows)}]')
        text = (
            f'{{"v":{FORM},"id":{product_id},"sku":{_encode(facts.sku)},'
            f'"levels":{{{",".join(levels)}}},"shops":{{{",".join(shops)}}}'
        )
        rest = self._rest(found, skus, decided)
        return f"{text},{_encode(rest)[1:]}" if rest else f"{text}}}"

    def _rest(
        self, found: Evaluated, skus: Mapping[int, str], decided: Mapping[tuple[str, str], int] | None
    ) -> dict[str, Any]:
        """Return what only some products have."""
        facts, data = found.facts, dict[str, Any]()
        if facts.holds:
            data["holds"] = {
                str(part): [[own, *_held(hold)] for own, hold in holds] for part, holds in facts.holds.items()
            }
        if facts.rulings:
            data["rulings"] = [
                [*key, one.kind, one.quantity, one.told, one.person] for key, one in facts.rulings.items()
            ]
        book = self._reckoner.book
        if book and (recipes := [[p, sink, parts] for p, sink, parts in book.about(facts.kin)]):
            data["recipes"] = recipes
            data["skus"] = {str(part): skus[part] for part in facts.levels}
        buffers, answers = [], []
        for r in found.reckonings:
            if r.buffer is None:
                continue
            if r.buffer is not self._shared[r.sink, r.warehouse]:
                buffers.append([r.sink, r.warehouse, as_stored(r.buffer)])
            if r.buffer.plugin and r.advertised is not None:
                available = r.available.amount
                answers.append([r.sink, r.warehouse, available, r.buffer.advertise(available)])
        if buffers:
            data["buffers"] = buffers
        if answers:
            data["answers"] = answers
        if decided:
            data["decided"] = [[*key, quantity] for key, quantity in decided.items()]
        return data


class _Texts:
    """What nearly every product has, as text: the encoder would take four times as long for the same.

    Names and moments are the same ones again and again. `_stated_of` and `_shops_of` read it.
    """

    def __init__(self) -> None:
        self._known: dict[str | datetime | None, str] = {}

    def _of(self, value: str | datetime | None) -> str:
        text = self._known.get(value)
        if text is None:
            if len(self._known) >= MOST_TEXTS:
                # Rows with a time of their own have millions of them.
                self._known.clear()
            text = _encode(_text(value) if isinstance(value, datetime) else value)
            self._known[value] = text
        return text

    def stated(self, one: Stated) -> str:
        """Return what a source says of a warehouse."""
        of = self._of
        text = (
            f"[{of(one.source)},{one.warehouse_id},{_NULL if one.quantity is None else one.quantity},"
            f"{one.reserved},{_TRUE if one.known else _FALSE},{of(one.as_of)},"
            f"{_TRUE if one.dated else _FALSE},{_NULL if one.heard is None else one.heard}"
        )
        return f"{text}]" if one.confirmed_at is None else f"{text},{of(one.confirmed_at)}]"

    def listed(self, one: Listed, sink: str, code: str, own: bool) -> str:
        """Return the state of a listing, with what it should show unless it is the product's own."""
        base = _NULL if one.base is None else one.base
        text = f"[{one.state},{self._of(sink)},{self._of(code)},{base}"
        if own and one.least is None:
            return f"{text}]"
        wanted = _NULL if own or one.wanted is None else one.wanted
        return f"{text},{wanted}]" if one.least is None else f"{text},{wanted},{one.least}]"


@frozen
class Restored:
    """What was kept, as it was: evaluating `facts` by `reckoner` gives the numbers of then.

    `decided` are those that stayed as they had been decided before, `codes` the own warehouses by their
    ids, `skus` the products by theirs.
    """

    facts: Facts
    reckoner: Reckoner
    decided: Mapping[tuple[str, str], int]
    codes: Mapping[int, str]
    skus: Mapping[int, str]
    buffers: StoredBuffers


class StoredShop:
    """The rules of a shop that were kept, for the facts of any of its products.

    With `resolver` its buffers stand in for those that were kept.

    Raises:
        LedgerVersionError: they were kept by a later version in a form that this one does not know.
    """

    def __init__(
        self, settings: Mapping[str, Any], plugins: PluginRegistry, resolver: Buffers | None = None
    ) -> None:
        _check_form(settings["v"])
        self._plugins = plugins
        self._resolver = resolver
        self._stored = {(sink, code): buffer for sink, code, buffer in settings["buffers"]}
        self._buffers = StoredBuffers(self._stored, {}, plugins)
        self.codes: Mapping[int, str] = {int(own): code for own, code in settings["own"].items()}
        """The own warehouses by their ids."""
        self.reckoner = Reckoner(
            {name: _source_rule(row) for name, row in settings["sources"].items()},
            [_sink_rule(row) for row in settings["sinks"]],
            resolver or self._buffers,
            settings["sharing"],
            RecipeBook(),
            settings["caps"],
            {
                (sink, code): LeftPlace(_feeds(feeds), heir, reachable)
                for sink, code, feeds, heir, reachable in settings.get("left", ())
            },
            frozenset(settings.get("silent", ())),
        )
        """The rules by which a product is reckoned that is made of nothing and sets nothing itself."""

    def product(self, product: Mapping[str, Any]) -> Restored:
        """Return what was kept of one product, under these rules. Raises as the class does."""
        _check_form(product["v"])
        buffers, reckoner = self._buffers, self.reckoner
        own, told = product.get("buffers", ()), product.get("answers", ())
        if own or told:
            answers: dict[tuple[str, str], dict[int, int]] = {}
            for sink, code, available, shown in told:
                answers.setdefault((sink, code), {})[available] = shown
            stored = {**self._stored, **{(sink, code): buffer for sink, code, buffer in own}}
            buffers = StoredBuffers(stored, answers, self._plugins)
            if self._resolver is None:
                reckoner = evolve(reckoner, resolver=buffers)
        if "recipes" in product:
            book = RecipeBook.of_recipes(
                (p, sink, part, units) for p, sink, parts in product["recipes"] for part, units in parts
            )
            reckoner = evolve(reckoner, book=book)
        product_id = product["id"]
        facts = Facts(
            product_id,
            product["sku"],
            {int(part): [_stated_of(row) for row in rows] for part, rows in product["levels"].items()},
            {
                int(part): [(own, _held_of(row)) for own, *row in rows]
                for part, rows in product.get("holds", {}).items()
            },
            {int(each): _shops_of(rows) for each, rows in product["shops"].items()},
            {
                (sink, code): Ruling(kind, quantity, said, person)
                for sink, code, kind, quantity, said, person in product.get("rulings", ())
            },
        )
        return Restored(
            facts,
            reckoner,
            {(sink, code): quantity for sink, code, quantity in product.get("decided", ())},
            self.codes,
            {product_id: product["sku"], **{int(p): sku for p, sku in product.get("skus", {}).items()}},
            buffers,
        )


def restore(settings: str, facts: str, plugins: PluginRegistry) -> Restored:
    """Return what `StoredSettings` made text of.

    Raises:
        LedgerVersionError: it was written by a later version in a form that this one does not know.
    """
    return StoredShop(json.loads(settings), plugins).product(json.loads(facts))


def _check_form(form: int) -> None:
    if form > FORM:
        raise LedgerVersionError(
            f"the explanation was kept in form {form} by a newer mpstock, and this one reads up to form "
            f"{FORM}; upgrade mpstock to read it"
        )


def _source(rule: SourceRule) -> list[Any]:
    return [
        rule.group, rule.rule, rule.order, rule.trusted, rule.omits_zero, _text(rule.confirmed_at),
        _text(rule.fresh_since),
        [[sink, b.at, b.lag // timedelta(microseconds=1)] for sink, b in rule.books.items()],
        str(rule.share), rule.to_fetch,
    ]  # fmt: skip


def _source_rule(row: Sequence[Any]) -> SourceRule:
    group, rule, order, trusted, omits_zero, confirmed_at, fresh_since, books, share, to_fetch = row
    return SourceRule(
        group, rule, order, trusted, omits_zero, _moment(confirmed_at), _moment(fresh_since),
        {sink: Booking(at, timedelta(microseconds=lag)) for sink, at, lag in books},
        Decimal(share), to_fetch,
    )  # fmt: skip


def _sink(sink: SinkRule) -> list[Any]:
    return [
        sink.name,
        sink.maximum,
        [
            [
                w.code, _ids(w.feeds), None if w.share is None else str(w.share), w.pick_order,
                w.feed_codes,
            ]
            for w in sink.warehouses
        ],
        None if sink.share is None else str(sink.share),
        sink.heard,
    ]  # fmt: skip


def _sink_rule(row: Sequence[Any]) -> SinkRule:
    name, maximum, warehouses, share, heard = row
    return SinkRule(
        name,
        maximum,
        tuple(
            WarehouseRule(
                code, _feeds(feeds), None if part is None else Decimal(part), tuple(order),
                None if codes is None else tuple(codes),
            )
            for code, feeds, part, order, codes in warehouses
        ),
        None if share is None else Decimal(share),
        heard,
    )  # fmt: skip


def _stated_of(row: Sequence[Any]) -> Stated:
    source, warehouse, quantity, reserved, known, as_of, dated, heard, *last = row
    confirmed_at = _moment(last[0]) if last else None
    return Stated(source, warehouse, quantity, reserved, known, _moment(as_of), dated, heard, confirmed_at)


def _held(hold: Held) -> list[Any]:
    return [
        hold.origin, hold.key, hold.quantity, _text(hold.taken_at), _text(hold.assembled_at),
        _text(hold.shipped_at), _text(hold.expires_at), _ids(hold.feeds), hold.pick_order, hold.picked,
    ]  # fmt: skip


def _held_of(row: Sequence[Any]) -> Held:
    origin, key, quantity, taken_at, assembled_at, shipped_at, expires_at, feeds, order, picked = row
    taken = _moment(taken_at)
    assert taken is not None
    return Held(
        origin, key, quantity, taken, _moment(assembled_at), _moment(shipped_at), _moment(expires_at),
        _feeds(feeds), tuple(order), tuple((own, units) for own, units in picked),
    )  # fmt: skip


def _shops_of(rows: Sequence[Any]) -> dict[tuple[str, str], Listed]:
    return {(sink, code): Listed(state, base, *(rest or (None,))) for state, sink, code, base, *rest in rows}


def _ids(feeds: frozenset[int] | None) -> list[int] | None:
    return None if feeds is None else sorted(feeds)


def _feeds(ids: Sequence[int] | None) -> frozenset[int] | None:
    return None if ids is None else frozenset(ids)


def _text(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat(" ")[:-6]


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)
