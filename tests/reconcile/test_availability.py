"""The one formula against a slow one, and what must hold whatever the numbers are (semantics §4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mpstock.reconcile.absorbing import Held
from mpstock.reconcile.availability import (
    BOUNDLESS,
    Pool,
    SourceRule,
    Stated,
    net,
    pools,
    total,
)
from mpstock.reconcile.drawing import Drawn, Later
from mpstock.reconcile.sharing import apportion
from tests.reconcile import reference
from tests.reconcile.reference import Member, Row

HELD = Held("ozon", "1", 3, datetime(2026, 1, 12, tzinfo=UTC))
RULES = ("sum", "first", "max", "min")
SOURCES = ("a", "b", "c")
WAREHOUSES = {"main": 1, "msk": 2}

quantities = st.none() | st.integers(-20, 30)
rows = st.lists(
    st.builds(
        Row,
        st.sampled_from(SOURCES),
        st.sampled_from(sorted(WAREHOUSES)),
        quantities,
        st.integers(0, 5),
        st.booleans(),
    ),
    max_size=6,
    unique_by=lambda row: (row.source, row.warehouse),
)
groups = st.fixed_dictionaries({name: st.sampled_from(["goods", "spares"]) for name in SOURCES})
rules = st.fixed_dictionaries({group: st.sampled_from(RULES) for group in ("goods", "spares")})
feeds = st.none() | st.sets(st.sampled_from(sorted(WAREHOUSES)), min_size=1)


def engine_pools(
    said: Sequence[Row], group: dict[str, str], rule: dict[str, str]
) -> tuple[dict[int, Pool], dict[str, SourceRule]]:
    by_source = {
        name: SourceRule(group[name], rule[group[name]], order)  # type: ignore[arg-type]
        for order, name in enumerate(SOURCES)
    }
    levels = [
        Stated(
            row.source,
            WAREHOUSES[row.warehouse],
            row.quantity,
            row.reserved,
            row.known and row.quantity is not None,
        )
        for row in said
    ]
    return pools(net(levels, {}, by_source), by_source), by_source


@given(rows, groups, rules, feeds)
def test_the_formula_is_the_reference(
    said: list[Row], group: dict[str, str], rule: dict[str, str], fed_by: set[str] | None
) -> None:
    """Groups, rules, unknown quantities, feeds: the engine's number and its certainty are the slow one's."""
    own, by_source = engine_pools(said, group, rule)
    pool = total(own, None if fed_by is None else frozenset(WAREHOUSES[w] for w in fed_by), by_source)
    members = {name: Member(group[name], rule[group[name]], order) for order, name in enumerate(SOURCES)}
    amount, known = reference.of_listing(said, members, None if fed_by is None else sorted(fed_by))
    assert pool.known == known
    if amount is None:
        assert pool.amount > BOUNDLESS // 2
    else:
        assert pool.amount == amount


@given(rows, groups, rules, st.data())
def test_less_stock_never_advertises_more(
    said: list[Row], group: dict[str, str], rule: dict[str, str], data: st.DataObject
) -> None:
    """Monotone: a lower quantity or a larger reserve anywhere never raises the sum."""
    if not said:
        return
    index = data.draw(st.integers(0, len(said) - 1))
    row = said[index]
    less, more = data.draw(st.integers(0, 9)), data.draw(st.integers(0, 9))
    lower = Row(
        row.source,
        row.warehouse,
        None if row.quantity is None else row.quantity - less,
        row.reserved + more,
        row.known,
    )
    before, by_source = engine_pools(said, group, rule)
    after, _ = engine_pools([*said[:index], lower, *said[index + 1 :]], group, rule)
    assert total(after, None, by_source).amount <= total(before, None, by_source).amount


def test_signs_are_kept_to_the_end() -> None:
    """Main −3 and msk 5 are 2."""
    assert total({1: Pool(-3, True), 2: Pool(5, True)}, None, {}).amount == 2


@pytest.mark.parametrize(("rule", "amount"), [("max", 7), ("min", 7), ("first", 7), ("sum", 14)])
def test_each_source_is_netted_before_the_rule(rule: str, amount: int) -> None:
    """A is free 7, B on hand 10 with 3 reserved: by `max` it is 7, not 10."""
    by_source = {
        "a": SourceRule("main", rule, 0),  # type: ignore[arg-type]
        "b": SourceRule("main", rule, 1),  # type: ignore[arg-type]
    }
    own = pools(net([Stated("a", 1, 7), Stated("b", 1, 10, 3)], {}, by_source), by_source)
    assert own == {1: Pool(amount, True)}


def test_a_hold_is_subtracted_where_it_lies() -> None:
    """Three held units of ten on hand leave seven, and nothing is taken from the neighbour."""
    by_source = {"a": SourceRule("main", "sum", 0)}
    own = pools(net([Stated("a", 1, 10), Stated("a", 2, 4)], {1: [HELD]}, by_source), by_source)
    assert own == {1: Pool(7, True), 2: Pool(4, True)}


def test_first_falls_to_the_next_source_that_knows() -> None:
    """The first source is down: the second one's number counts, and is a number."""
    by_source = {"a": SourceRule("g", "first", 0, trusted=False), "b": SourceRule("g", "first", 1)}
    levels = [Stated("b", 1, 4), Stated("a", 1, 9)]
    assert pools(net(levels, {}, by_source), by_source) == {1: Pool(4, True)}


def test_the_lowest_of_sources_one_of_which_is_silent_is_only_a_bound() -> None:
    """`min` of 5 and a source that was never read: 5 at most, so it is no reason to raise."""
    by_source = {"a": SourceRule("g", "min", 0), "b": SourceRule("g", "min", 1, omits_zero=False)}
    assert pools(net([Stated("a", 1, 5, 0)], {}, by_source), by_source) == {1: Pool(5, False)}
    down = {"a": SourceRule("g", "min", 0), "b": SourceRule("g", "min", 1, trusted=False)}
    assert pools(net([Stated("a", 1, 5, 0)], {}, down), down) == {1: Pool(5, False)}


def test_no_row_is_nothing_only_if_every_source_was_read() -> None:
    """A product that no source lists here is zero if all were read completely; else nothing bounds it."""
    read, never = SourceRule("g", "sum", 0), SourceRule("g", "sum", 1, omits_zero=False)
    assert total({}, None, {"a": read}) == Pool(0, True)
    assert total({}, None, {"a": read, "b": never}) == Pool(BOUNDLESS, False)


# ---------------------------------------------------------------- one pool, several warehouses of a sink

OWN = ("w1", "w2", "w3")
stocks = st.fixed_dictionaries({name: st.integers(-10, 25) for name in OWN})
fed = st.lists(st.sets(st.sampled_from(OWN), min_size=1), min_size=1, max_size=4)


def shown_one_after_the_other(stock: dict[str, int], fed_by: list[set[str]], caps: list[int]) -> list[int]:
    """What each warehouse of a sink shows when each takes what it may from what is left."""
    drawn = Drawn({OWN.index(name): Pool(amount, True) for name, amount in stock.items()})
    sets = [frozenset(OWN.index(name) for name in names) for names in fed_by]
    shown: list[int] = []
    later = Later(sets)
    for index, mine in enumerate(sets):
        taken = min(max(drawn.remaining(mine, {}).amount, 0), caps[index])
        shown.append(taken)
        later.served(mine)
        drawn.draw(mine, taken, (), later)
    return shown


# A shortage that one listing covered from a pool of its own freed units to others that it feeds as well.
@example({"w1": 1, "w2": -1, "w3": 2}, [{"w1"}, {"w1", "w2", "w3"}, {"w1", "w2"}], [0, 1, 1, 0])
@example({"w1": 2, "w2": 2, "w3": -1}, [{"w2", "w3"}, {"w1", "w3"}, {"w1", "w3"}], [1, 1, 1, 0])
@given(stocks, fed, st.lists(st.integers(0, 30), min_size=4, max_size=4))
def test_no_unit_is_promised_twice_within_a_sink(
    stock: dict[str, int], fed_by: list[set[str]], caps: list[int]
) -> None:
    """Overlapping feeds, negative pools, caps: no set of listings shows more than what feeds them has."""
    shown = shown_one_after_the_other(stock, fed_by, caps)
    assert not reference.promised_twice(shown, fed_by, stock)
    for quantity, names in zip(shown, fed_by, strict=True):
        assert quantity <= max(sum(stock[name] for name in names), 0)
    for names in fed_by:
        same = [quantity for quantity, other in zip(shown, fed_by, strict=True) if other == names]
        assert sum(same) <= max(sum(stock[name] for name in names), 0)


@given(st.fixed_dictionaries({name: st.integers(0, 25) for name in OWN}), fed)
def test_nobody_is_refused_what_nobody_else_could_have(stock: dict[str, int], fed_by: list[set[str]]) -> None:
    """What feeds one listing alone is shown there, whoever came first."""
    shown = shown_one_after_the_other(stock, fed_by, [100] * 4)
    for index, names in enumerate(fed_by):
        others = set().union(*(other for i, other in enumerate(fed_by) if i != index))
        assert shown[index] >= sum(stock[name] for name in names - others)


def naive_sainte_lague(amount: int, shares: list[Decimal]) -> list[int]:
    """Unit by unit: each goes to the largest share / (2 × units so far + 1), the rest of 1 to nobody."""
    weights = [Fraction(share) for share in shares]
    weights.append(1 - sum(weights, Fraction()))
    seats = [0] * len(weights)
    for _ in range(abs(amount)):
        best = max(range(len(weights)), key=lambda i: (weights[i] / (2 * seats[i] + 1), -i))
        seats[best] += 1
    return [seat if amount >= 0 else -seat for seat in seats[:-1]]


shares = (
    st.lists(st.integers(1, 60), min_size=1, max_size=5)
    .filter(lambda parts: sum(parts) <= 100)
    .map(lambda parts: [Decimal(part) / 100 for part in parts])
)


@given(st.integers(-60, 300), shares)
def test_shares_are_sainte_lagues(amount: int, parts: list[Decimal]) -> None:
    """The fast division is the one unit by unit, for a surplus as for a shortage."""
    assert apportion(amount, parts) == naive_sainte_lague(amount, parts)


@given(st.integers(0, 3000), shares)
def test_shares_never_exceed_what_there_is_and_never_fall_with_more(
    amount: int, parts: list[Decimal]
) -> None:
    """Σ ≤ amount, and with one unit more nobody gets less (the largest remainder breaks this)."""
    now, more = apportion(amount, parts), apportion(amount + 1, parts)
    assert sum(now) <= amount
    assert all(later >= early for early, later in zip(now, more, strict=True))


def test_a_million_units_are_divided_at_once() -> None:
    """Large stocks cost no more than small ones."""
    thirds = [Decimal("0.333"), Decimal("0.333"), Decimal("0.334")]
    assert sum(apportion(10**6, thirds)) == 10**6
