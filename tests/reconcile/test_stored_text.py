"""The text in which a product's facts are kept: written by hand for speed, and still plain compact JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mpstock.buffers import BufferResolver
from mpstock.ledger.recipes import RecipeBook
from mpstock.reconcile import stored_facts
from mpstock.reconcile.availability import Stated
from mpstock.reconcile.evaluating import Evaluated
from mpstock.reconcile.facts import Facts
from mpstock.reconcile.reckoning import Listed, Reckoner
from mpstock.reconcile.stored_facts import StoredSettings, restore
from tests.reconcile.shops import REGISTRY

UNITS = st.integers(-(10**9), 10**9)
MOMENTS = st.datetimes(timezones=st.just(UTC))
NAMES = st.text(max_size=8)

STATED = st.builds(
    Stated, NAMES, st.integers(1, 9), st.none() | UNITS, UNITS, st.booleans(), st.none() | MOMENTS,
    st.booleans(), st.none() | UNITS, st.none() | MOMENTS,
)  # fmt: skip
LISTED = st.builds(Listed, st.integers(1, 10**12), st.none() | UNITS, st.none() | UNITS, st.none() | UNITS)


@st.composite
def all_facts(draw: st.DrawFn) -> Facts:
    """Return facts of a product and of a neighbour that draws on the same stock."""
    own, other = draw(st.integers(1, 10**12)), 10**12 + 1
    shops = st.dictionaries(st.tuples(NAMES, NAMES), LISTED, max_size=3)
    return Facts(
        own,
        draw(st.text()),
        {part: draw(st.lists(STATED, max_size=3)) for part in (own, other)},
        {},
        {each: draw(shops) for each in (own, other)},
    )


def as_kept(facts: Facts) -> Facts:
    """Return what is to come back: what the product's own listings were to show is what is reckoned."""
    shops: dict[int, Any] = dict(facts.shops)
    shops[facts.product_id] = {
        key: Listed(one.state, one.base, None, one.least) for key, one in facts.found.items()
    }
    return Facts(facts.product_id, facts.sku, facts.levels, facts.holds, shops)


@given(st.lists(all_facts(), min_size=1, max_size=4))
def test_facts_come_back_from_compact_json(page: list[Facts]) -> None:
    """Whatever names, moments and numbers there are: it is what an encoder writes, and nothing is lost."""
    reckoner = Reckoner({}, [], BufferResolver({}, None, REGISTRY), "shared", RecipeBook())
    stored = StoredSettings(reckoner, {})
    for facts in page:
        text = stored.facts(Evaluated(facts, [], dict), {})
        assert text == json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
        assert restore(stored.text, text, REGISTRY).facts == as_kept(facts)


def test_a_million_moments_are_not_remembered(monkeypatch: Any) -> None:
    """Rows may each have a time of their own: only so many of their texts are kept for the next ones."""
    monkeypatch.setattr(stored_facts, "MOST_TEXTS", 5)
    texts = stored_facts._Texts()
    for second in range(20):
        at = datetime(2026, 1, 12, 9, 0, second, tzinfo=UTC)
        assert f'"2026-01-12 09:00:{second:02}"' in texts.stated(Stated("erp", 1, 5, as_of=at))
        assert len(texts._known) <= 5
