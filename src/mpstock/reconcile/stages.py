"""From what the sources say to what a listing is to show, stage by stage, and what each of them takes away.

Each value is the formula's own, with all later stages left out: so none of them is a story told afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from mpstock.errors import PluginContractError
from mpstock.phrases import Phrase, joined, phrase
from mpstock.reconcile.availability import BOUNDLESS, fed_by, total
from mpstock.reconcile.components import Component, component
from mpstock.reconcile.explanation import StageExplanation

if TYPE_CHECKING:
    from mpstock.reconcile.evaluating import Evaluated
    from mpstock.reconcile.places import WarehouseRule
    from mpstock.reconcile.reckoned import Reckoning
    from mpstock.reconcile.reckoning import Reckoner

__all__ = ["Names", "bounded", "settings_told", "stages"]

_NAMED = 3
_DEFAULT = "default"


@frozen
class Names:
    """What people call the products and the own warehouses that the formula knows by their ids."""

    skus: Mapping[int, str]
    codes: Mapping[int, str]

    def sku(self, product_id: int) -> str:
        return self.skus.get(product_id, f"product {product_id}")

    def own(self, warehouse_id: int) -> str:
        return self.codes.get(warehouse_id, f"warehouse {warehouse_id}")


def bounded(amount: int) -> int | None:
    """Return an amount, or None where nothing bounds it."""
    return None if amount >= BOUNDLESS // 2 else amount


def stages(
    found: Evaluated, reckoner: Reckoner, reckoning: Reckoning, names: Names
) -> list[StageExplanation]:
    """Return the stages of one listing's number, from the sources to what is wanted."""
    place = reckoner.places.get((reckoning.sink, reckoning.warehouse))
    if place is None:
        # It has left the settings: the formula has no say in it.
        left = phrase("its warehouse has left the settings")
        why = left if reckoning.ruling is None else reckoning.ruling.told
        return [StageExplanation("hand", reckoning.wanted, why)]
    result: list[StageExplanation] = []
    recipe = reckoner.book.of(found.facts.product_id, reckoning.sink)
    for part, _ in recipe:
        result += _of_component(found, reckoner, reckoning, part, place, names)
    if recipe != ((found.facts.product_id, 1),):
        takes = joined(
            ", ", (phrase("{units} of {sku}", units=units, sku=names.sku(part)) for part, units in recipe)
        )
        value = bounded(reckoning.available.amount)
        result.append(StageExplanation("recipe", value, phrase("one of it takes {takes}", takes=takes)))
    result += _of_listing(reckoner, reckoning)
    return result


def _of_component(
    found: Evaluated, reckoner: Reckoner, reckoning: Reckoning, part: int, place: WarehouseRule, names: Names
) -> Iterator[StageExplanation]:
    stock, rules, feeds = found.stock[part], reckoner.rules, place.feeds
    sku = names.sku(part)
    if not stock.terms:
        yield StageExplanation("sources", None, phrase("no source speaks of {sku}", sku=sku), sku)
        return
    if feeds and feeds <= reckoner.silent:
        silent = phrase("the sources that have spoken of the warehouses which feed it have left the settings")
        yield StageExplanation("sources", None, silent, sku)
        return
    levels = found.facts.levels.get(part, ())
    fed = set(fed_by(stock.pools, feeds))
    terms = [term for term in stock.terms if term.warehouse_id in fed]
    said = [None if term.quantity is None else max(term.quantity, 0) for term in terms]
    known = [quantity for quantity in said if quantity is not None]
    told = joined(", ", (_said(t.source, t.quantity, names.own(t.warehouse_id)) for t in terms))
    value = sum(known) if len(known) == len(said) else None
    yield StageExplanation(
        "sources", value, told or phrase("no source lists it where it could be taken from"), sku
    )

    def there_is(of: Component) -> int:
        return total(of.pools, feeds, rules).amount

    whole = {name: evolve(rule, share=type(rule.share)(1)) for name, rule in rules.items()}
    bare = component([evolve(one, reserved=0, heard=None) for one in levels], (), whole, {})
    for name, amount, why in (
        ("rule", there_is(bare), _rule(bare, fed, reckoner, names)),
        ("reserved", there_is(component(levels, (), whole, {})), _reserved(stock, fed, names)),
        ("share", there_is(component(levels, (), rules, {})), _shares(stock, fed, reckoner)),
        ("holds", there_is(stock) - _lost(stock, place), _holds(stock, fed, place, names)),
    ):
        now = bounded(amount)
        if now != value:
            yield StageExplanation(name, now, why, sku)
        value = now
    for divided in reckoning.parts:
        if divided.component != part:
            continue
        lost = _lost(stock, place)
        for name, amount, why in (
            (
                "divided",
                divided.mine,
                phrase("{mine} of {whole} are its part", mine=divided.mine, whole=divided.whole),
            ),
            (
                "others",
                divided.left,
                phrase("of {mine} the listings before it leave {left}", mine=divided.mine, left=divided.left),
            ),
        ):
            now = bounded(amount - lost)
            if now != value:
                yield StageExplanation(name, now, why, sku)
            value = now


def _said(source: str, quantity: int | None, warehouse: str) -> Phrase:
    if quantity is None:
        return phrase("{source} has never said how many in {warehouse}", source=source, warehouse=warehouse)
    return phrase(
        "{source} has {quantity} in {warehouse}", source=source, quantity=quantity, warehouse=warehouse
    )


def _lost(stock: Component, place: WarehouseRule) -> int:
    return sum(hold.quantity for hold in stock.lost(place.feeds))


def _rule(bare: Component, fed: set[int], reckoner: Reckoner, names: Names) -> str:
    told = []
    for own in sorted(fed):
        groups: dict[str, list[str]] = {}
        for term in bare.terms:
            if term.warehouse_id == own:
                rule = reckoner.rules[term.source]
                if rule.rule != "sum":
                    amount = "?" if term.quantity is None else term.quantity
                    groups.setdefault(rule.rule, []).append(f"{term.source} {amount}")
        told += [
            phrase(
                "in {warehouse} the {rule} of {each}",
                warehouse=names.own(own),
                rule=rule,
                each=", ".join(each),
            )
            for rule, each in groups.items()
            if len(each) > 1
        ]
        if own in bare.pools and bare.pools[own].amount < 0:
            short = -bare.pools[own].amount
            told.append(phrase("{warehouse} is short by {short}", warehouse=names.own(own), short=short))
    return joined("; ", told) or phrase("what the warehouses have, summed")


def _reserved(stock: Component, fed: set[int], names: Names) -> str:
    told = []
    for term in stock.terms:
        if term.warehouse_id not in fed or term.quantity is None:
            continue
        source, own = term.source, names.own(term.warehouse_id)
        if term.reserved:
            form = "{source} in {warehouse} has {units} reserved"
            told.append(phrase(form, source=source, warehouse=own, units=term.reserved))
        if term.counted < min(term.quantity - term.reserved, 0 if term.quantity < 0 else BOUNDLESS):
            form = "{source} in {warehouse} has told less since: {units}"
            told.append(phrase(form, source=source, warehouse=own, units=term.counted))
    return joined("; ", told) or phrase("a source has told less since")


def _shares(stock: Component, fed: set[int], reckoner: Reckoner) -> str:
    sources = dict.fromkeys(term.source for term in stock.terms if term.warehouse_id in fed)
    return joined(
        "; ",
        (
            phrase("of {source} a share of {share} counts", source=source, share=reckoner.rules[source].share)
            for source in sources
            if reckoner.rules[source].share != 1
        ),
    )


def _holds(stock: Component, fed: set[int], place: WarehouseRule, names: Names) -> str:
    told = []
    for own in sorted(fed):
        if own in stock.placed:
            whose = _whose(stock.placed[own])
            told.append(phrase("in {warehouse}: {whose}", warehouse=names.own(own), whose=whose))
    if lost := stock.lost(place.feeds):
        told.append(phrase("nobody knows where: {whose}", whose=_whose(lost)))
    return phrase("held {told}", told=joined("; ", told)) if told else phrase("held")


def _whose(holds: Sequence[Any]) -> str:
    units: Counter[str] = Counter()
    keys: dict[str, list[str]] = {}
    for hold in holds:
        units[hold.origin] += hold.quantity
        keys.setdefault(hold.origin, []).append(hold.key)
    told = []
    for origin, count in units.items():
        named = ", ".join(keys[origin][:_NAMED])
        rest = len(keys[origin]) - _NAMED
        more = phrase(" and {rest} more", rest=rest) if rest > 0 else ""
        told.append(
            phrase("{count} by {origin} ({named}{more})", count=count, origin=origin, named=named, more=more)
        )
    return joined(", ", told)


def _of_listing(reckoner: Reckoner, r: Reckoning) -> Iterator[StageExplanation]:
    maximum = next(sink.maximum for sink in reckoner.sinks if sink.name == r.sink)
    available = bounded(r.available.amount)
    if r.ruling is not None:
        yield StageExplanation("hand", r.advertised, r.ruling.told)
    elif r.buffer is not None and available is not None:
        yield from _of_buffer(r, available, maximum)
    if not r.available.known and r.wanted != r.advertised:
        why = (
            phrase("nothing is pushed: neither its stock nor what the listing shows is known")
            if r.wanted is None
            else phrase("its stock is not known for sure: it may fall, but it is not raised")
        )
        yield StageExplanation("unknown", r.wanted if r.unlimited is None else r.unlimited, why)
    if r.unlimited not in (None, r.wanted):
        yield StageExplanation(
            "neighbours",
            r.wanted,
            phrase("its neighbours still show what is to be its: it waits until they have fallen"),
        )


def _of_buffer(r: Reckoning, available: int, maximum: int) -> Iterator[StageExplanation]:
    buffer = r.buffer
    assert buffer is not None
    try:
        shown = buffer.advertise(available)
    except PluginContractError as error:
        yield StageExplanation("buffer", None, str(error))
        return
    settings = settings_told({k: v for k, v in buffer.values.items() if k != "cap"}, buffer.origin)
    cap = buffer.values.get("cap")
    kept = shown
    if not buffer.plugin and cap is not None:
        kept = evolve(buffer.settings, cap=None).advertise(available)
    name = "threshold" if buffer.name == "threshold" else "buffer"
    yield StageExplanation(name, kept, joined(": ", [buffer.name, settings]))
    if kept != shown:
        yield StageExplanation("cap", shown, settings_told({"cap": cap}, buffer.origin))
    if shown > maximum:
        most = phrase("{sink} takes at most {maximum}", sink=r.sink, maximum=maximum)
        yield StageExplanation("range", maximum, most)


def settings_told(values: Mapping[str, Any], origin: Mapping[str, str]) -> Phrase:
    """Return the settings of a buffer, each with the place that it came from."""
    told = []
    for key, value in values.items():
        place = origin.get(key, _DEFAULT)
        if place == _DEFAULT:
            place = phrase("default")
        told.append(phrase("{key} = {value} ({place})", key=key, value=value, place=place))
    return joined(", ", told) if told else phrase("no settings")
