"""Explanations: the tree from the levels to the number, what keeps it from being more, and what it was."""

from __future__ import annotations

import html.parser
import json
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mpstock import BufferPolicySpec, Explanation, Hold, Shop, hookimpl
from mpstock.config import SharingSettings
from mpstock.errors import ConfigurationError
from mpstock.inmemory import InMemorySource
from mpstock.ledger import Ledger
from mpstock.plugins import PluginRegistry
from mpstock.testing import VirtualClock
from tests.reconcile.shops import Account, Play, configuration, make, shows

HOSTILE = "<script>alert(1)</script> «Чай & ко»"


def explained(play: Play, sku: str, **keys: Any) -> Explanation:
    with play.open() as shop:
        return shop.explain(sku, **keys)


@pytest.fixture
def rich(tmp_path: Path) -> Play:
    """Two sources of the same goods, a kit, a cart, an order, a cap, and a neighbour that is served first."""
    clock = VirtualClock()
    erp = InMemorySource({("A", "main"): 30, ("A", "msk"): 4, ("B", "main"): 9}, clock=clock)
    listed = InMemorySource({("A", "main"): 50}, clock=clock)
    ozon = Account(["A", "KIT"], clock=clock, warehouses=("w1", "w2"))
    wb = Account(["A", "B"], clock=clock)
    play = Play(tmp_path, {"erp": erp, "list": listed}, {"ozon": ozon, "wb": wb}, clock=clock)
    for name in ("erp", "list"):
        play.set_source(name, rule="first")
    play.set_sink("ozon", buffer={"absolute": 2, "cap": 7})
    play.sharing = SharingSettings("exclusive")
    play.products = tmp_path / "products.csv"
    play.products.write_text("sku,components\nKIT,A:2 B:1\n", encoding="utf-8")
    play.sync()
    ozon.buy("A", 3, "w1", key="O-1")
    erp.set("A", 28, warehouse="main", reserved=5)
    until = clock.now() + timedelta(hours=1)
    erp.hold(Hold("cart-7", "A", 2, clock.now(), warehouse="main", expires_at=until))
    clock.advance(60)
    play.sync()
    return play


GOLDEN = """\
A
├─ what there is
│  ├─ main: 21, first of the group main
│  │  ├─ erp · main: quantity − reserved − held: 28 − 5 − 2 = 21 as of 2026-01-12 09:01:01Z, 1 s ago
│  │  └─ list · main: quantity − reserved − held: 50 − 0 − 2 = 48 as of 2026-01-12 09:01:01Z, 1 s ago
│  ├─ msk: 4
│  │  └─ erp · msk: quantity − reserved − held: 4 − 0 − 0 = 4 as of 2026-01-12 09:01:01Z, 1 s ago
│  ├─ held by ozon O-1: 3 from one of main, msk, taken 2026-01-12 09:00:01Z
│  │       subtracted from erp, list: not booked there yet
│  └─ held by erp cart-7: 2 from main, taken 2026-01-12 09:00:01Z, until 2026-01-12 10:00:01Z
│          subtracted from erp, list: not booked there yet
├─ ozon · w1 (A)
│  │    A is divided: 13 of 25 are for this listing, the rest is for others
│  ├─ available: 10 from main, msk
│  │  │    3 units of it are held in a warehouse that nobody has told
│  │  ├─ sources: 82, erp has 28 in main, erp has 4 in msk, list has 50 in main
│  │  ├─ rule: 32, in main the first of erp 28, list 50
│  │  ├─ reserved: 27, erp in main has 5 reserved
│  │  ├─ holds: 22, held in main: 2 by erp (cart-7); nobody knows where: 3 by ozon (O-1)
│  │  └─ divided: 10, 13 of 25 are its part
│  ├─ buffer standard: absolute = 2 ([sinks.ozon.buffer]), percent = 0 (default), \
cap = 7 ([sinks.ozon.buffer]) → advertise 7
│  │  └─ cap: 7, cap = 7 ([sinks.ozon.buffer])
│  └─ wanted 7, shows 7, confirmed 7, status ok
│     ├─ sent 7 by run 1 because of list, answered 2026-01-12 09:00:00Z
│     ├─ confirmed 7 at 2026-01-12 09:00:00Z
│     └─ read back 7 at 2026-01-12 09:01:01Z
"""


def test_a_rich_example_word_for_word(rich: Play) -> None:
    """Readings, rule, reserves, holds, sharing, buffer, cap, what was sent: each with where it came from."""
    text = repr(explained(rich, "A"))
    assert text.startswith(GOLDEN)
    assert "others: 3, of 13 the listings before it leave 6" in text
    kit = repr(explained(rich, "KIT"))
    assert "recipe: 4, one of it takes 2 of A, 1 of B" in kit
    assert "sources of B: 9, erp has 9 in main" in kit


@pytest.mark.parametrize(
    ("quantity", "stage", "before", "after"),
    [
        (90, "sources", None, 82),
        (40, "rule", 82, 32),
        (30, "reserved", 32, 27),
        (25, "holds", 27, 22),
        (12, "divided", 22, 10),
        (9, "buffer", 10, 8),
        (8, "cap", 8, 7),
        (7, None, None, None),
    ],
)
def test_why_not_names_the_first_stage_that_falls_short(
    rich: Play, quantity: int, stage: str | None, before: int | None, after: int | None
) -> None:
    """Asked for more and more, each stage of the golden example is named in its turn, with both its sides."""
    (answer,) = explained(rich, "A").why_not(quantity, sink="ozon", warehouse="w1")
    told = None if answer.stage is None else answer.stage.name
    assert (told, answer.before, answer.after) == (stage, before, after)
    assert str(quantity) in str(answer)
    assert answer.as_dict()["sentence"] == str(answer)


def test_why_not_of_a_kit_names_the_component_that_is_short(rich: Play) -> None:
    """Nine kits would take nine of B, of which half is for B itself."""
    (answer,) = explained(rich, "KIT").why_not(6, sink="ozon", warehouse="w1")
    assert answer.stage is not None
    assert (answer.stage.name, answer.stage.sku, answer.before) == ("divided", "B", 9)
    assert "of B" in str(answer)


def test_why_not_tells_what_keeps_a_wanted_number_back(tmp_path: Path) -> None:
    """A stop, a refusal, a number that has not been sent yet: no stages of the formula, and told."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5, "C": 5})
    play.sync()
    for sku in ("A", "B", "C"):
        source.set(sku, 9)
    account.refuse("B", "NOT_MODERATED", "not moderated yet")
    with play.open() as shop:
        shop.stop(skus=["A"], actor="Анна", reason="broken in the store")
        shop.sync(skus=["A", "B"])
        shop.sync(dry_run=True)
        told = {sku: shop.explain(sku).why_not(9)[0] for sku in ("A", "B", "C")}
    assert {sku: one.stage and one.stage.name for sku, one in told.items()} == {
        "A": "stop", "B": "refused", "C": "waiting",
    }  # fmt: skip
    assert "broken in the store" in str(told["A"])
    assert "NOT_MODERATED" in str(told["B"])


@pytest.mark.parametrize("quantity", [0, -1, 1.5, True, "3"])
def test_why_not_wants_a_number_of_units(tmp_path: Path, quantity: Any) -> None:
    """Nobody asks why nothing is shown by asking for zero of it."""
    play, _, _ = make(tmp_path, {"A": 5})
    play.sync()
    with pytest.raises(ConfigurationError, match="1 or more"):
        explained(play, "A").why_not(quantity)


def test_a_listing_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    """A wrong sink or warehouse is no silent empty answer."""
    play, _, _ = make(tmp_path, {"A": 5})
    play.sync()
    with pytest.raises(ConfigurationError, match="there are: shop · main"):
        explained(play, "A").why_not(1, sink="ozone")
    assert len(explained(play, "A").narrowed(sink="shop").listings) == 1


quantities = st.integers(-5, 30)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    levels=st.fixed_dictionaries({("A", "main"): quantities, ("A", "msk"): quantities}),
    other=st.fixed_dictionaries({("A", "main"): quantities}),
    rule=st.sampled_from(["sum", "first", "max", "min"]),
    reserved=st.integers(0, 4),
    cart=st.integers(1, 6),
    cap=st.one_of(st.none(), st.integers(0, 12)),
)
def test_no_stage_gives_back_what_one_before_has_taken(
    tmp_path_factory: Any, levels: Any, other: Any, rule: Any, reserved: int, cart: int, cap: int | None
) -> None:
    """So the first stage below a number is the one that cuts it, and the last one is the number."""
    clock = VirtualClock()
    erp, listed = InMemorySource(levels, clock=clock), InMemorySource(other, clock=clock)
    account = Account(["A"], clock=clock, warehouses=("w1", "w2"))
    folder = tmp_path_factory.mktemp("shop")
    play = Play(folder, {"erp": erp, "list": listed}, {"shop": account}, clock=clock)
    for name in ("erp", "list"):
        play.set_source(name, rule=rule)
    play.set_sink("shop", buffer={"absolute": 1, **({} if cap is None else {"cap": cap})})
    erp.set("A", levels["A", "msk"], warehouse="msk", reserved=reserved)
    erp.hold(Hold("c", "A", cart, clock.now()))
    play.sync()
    for listing in explained(play, "A").listings:
        values = [stage.value for stage in listing.stages if stage.value is not None]
        # The buffer shows nothing of a shortage; before it the sums are signed.
        clamped = [max(value, 0) for value in values]
        assert clamped == sorted(clamped, reverse=True), listing.stages
        assert values[-1] == listing.wanted == listing.base


# ---------------------------------------------------------------- what it was


def test_the_number_of_then_is_explained_by_the_facts_of_then(tmp_path: Path) -> None:
    """Levels, buffer and holds have all moved since; a run's number and yesterday's are told as they were."""
    play, source, _ = make(tmp_path, {"A": 10})
    play.set_sink("shop", buffer={"absolute": 2})
    play.sync()
    yesterday = play.clock.now()
    play.clock.advance(86_400)
    play.set_sink("shop", buffer={"policy": "fixed_share", "percent": 50})
    source.set("A", 7, reserved=1)
    play.sync()
    now = explained(play, "A")
    assert (now.listings[0].policy, now.listings[0].wanted, now.terms[0].quantity) == ("fixed_share", 3, 7)
    assert now.listings[0].sent == 3
    for then in (explained(play, "A", at=yesterday), explained(play, "A", run=1)):
        (listing,) = then.listings
        assert (listing.policy, listing.wanted, listing.sent, listing.confirmed) == ("standard", 8, 8, 8)
        assert listing.buffer["absolute"] == 2
        assert listing.origins["absolute"] == "[sinks.shop.buffer]"
        assert [(term.quantity, term.reserved) for term in then.terms] == [(10, 0)]
        assert listing.notes == []
        assert "10 − 0 − 0 = 10" in repr(then)
        (answer,) = then.why_not(9)
        assert answer.stage is not None
        assert answer.stage.name == "buffer"


def test_listings_that_were_sent_at_different_moments_are_told_each_by_its_own(tmp_path: Path) -> None:
    """One sink was last sent something by run 1, the other by run 2: both readings are there."""
    clock = VirtualClock()
    source = InMemorySource({"A": 20}, clock=clock)
    one, two = Account(["A"], clock=clock), Account(["A"], clock=clock)
    play = Play(tmp_path, {"erp": source}, {"one": one, "two": two}, clock=clock)
    play.set_sink("one", buffer={"policy": "all", "cap": 5})
    play.sync()
    source.set("A", 12)
    play.sync()
    then = explained(play, "A", at=play.clock.now())
    assert {listing.sink: (listing.run, listing.sent) for listing in then.listings} == {
        "one": (1, 5), "two": (2, 12),
    }  # fmt: skip
    assert [term.quantity for term in then.terms] == [12]
    assert [[term.quantity for term in earlier.terms] for earlier in then.earlier] == [[20]]
    assert repr(then).count("what there is") == 2


def test_a_time_before_the_first_push_says_so(tmp_path: Path) -> None:
    """Nothing had been sent by then; when the first was, is told. A run that sent nothing of it likewise."""
    play, source, _ = make(tmp_path, {"A": 5, "B": 5})
    play.sync()
    then = explained(play, "A", at=datetime(2020, 1, 1, tzinfo=UTC))
    assert then.listings == []
    assert "nothing of it had been sent by 2020-01-01 00:00:00Z" in repr(then)
    assert "2026-01-12 09:00:00Z" in repr(then)
    source.set("B", 6)
    play.sync()
    assert "run 2 has sent nothing of it" in repr(explained(play, "A", run=2))


def test_a_time_without_a_zone_is_the_shops_and_a_time_of_day_the_last_one(tmp_path: Path) -> None:
    """It is 09:00 in UTC: 09:00 has been, 23:00 was yesterday, and nothing had been sent by then."""
    play, _, _ = make(tmp_path, {"A": 5})
    play.sync()
    assert explained(play, "A", at=time(9, 0, 0)).listings
    assert explained(play, "A", at=datetime(2026, 1, 12, 9)).listings  # noqa: DTZ001 (that is the subject)
    assert explained(play, "A", at=time(23, 0)).listings == []


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"run": 99}, "there is no run 99"),
        ({"run": 1, "at": datetime(2026, 1, 1, tzinfo=UTC)}, "either a time or a run"),
    ],
)
def test_what_cannot_be_answered_is_refused(tmp_path: Path, keys: Any, message: str) -> None:
    """With the mend."""
    play, _, _ = make(tmp_path, {"A": 5})
    play.sync()
    with pytest.raises(ConfigurationError, match=message):
        explained(play, "A", **keys)
    with pytest.raises(ConfigurationError, match="no source knows 'X'"):
        explained(play, "X", **keys | {"at": None})


def test_a_saved_plan_is_the_stage_that_kept_the_number_lower(tmp_path: Path) -> None:
    """The plan had 5, the facts gave 8 when it was carried out."""
    play, source, account = make(tmp_path, {"A": 5})
    plan = play.plan()
    source.set("A", 8)
    play.plan()
    play.apply(plan)
    assert shows(account) == {"A": 5}
    then = explained(play, "A", run=3)
    (answer,) = then.why_not(6)
    assert answer.stage is not None
    assert (then.listings[0].wanted, then.listings[0].sent, answer.stage.name) == (8, 5, "plan")


def test_what_nobody_kept_is_told_from_the_log_alone(tmp_path: Path) -> None:
    """Explanations that were let go leave the number, the run and the answer."""
    play, _, _ = make(tmp_path, {"A": 5})
    play.sync()
    ledger = Ledger(f"sqlite:///{play.ledger}")
    ledger.database.execute("DELETE FROM explanations")
    ledger.close()
    then = explained(play, "A", run=1)
    assert (then.listings[0].sent, then.listings[0].run) == (5, 1)
    assert "was not kept, or has been let go since" in repr(then)


# ---------------------------------------------------------------- policies of plugins


@frozen
class Even:
    """Shows whole pairs."""

    step: int = field(default=2)

    def advertise(self, available: int) -> int:
        return max(available - available % self.step, 0)


@frozen
class Less(Even):
    """The same policy in a later version of its plugin."""

    def advertise(self, available: int) -> int:
        return max(super().advertise(available) - self.step, 0)


def brings(policy: type[Even]) -> PluginRegistry:
    class Plugin:
        @hookimpl
        def mpstock_buffer_policies(self) -> Sequence[BufferPolicySpec]:
            return [BufferPolicySpec(name="even", summary="pairs", settings=policy, factory=lambda s: s)]

    registry = PluginRegistry(entry_points=[])
    registry.register(Plugin(), "even")
    return registry


def opened(play: Play, plugins: PluginRegistry) -> Shop:
    config = configuration(play.ledger, play.sources.values(), play.sinks.values())
    return Shop(config, plugins=plugins, clock=play.clock)


def test_a_policy_that_is_gone_answers_as_it_did(tmp_path: Path) -> None:
    """Its plugin was uninstalled: the number is explained by the answer that was kept, and that is said."""
    play, _, _ = make(tmp_path, {"A": 9})
    play.set_sink("shop", buffer={"policy": "even", "step": 4})
    with opened(play, brings(Even)) as shop:
        shop.sync()
    play.set_sink("shop", buffer={"policy": "all"})
    then = explained(play, "A", run=1)
    (listing,) = then.listings
    assert (listing.policy, dict(listing.buffer), listing.wanted, listing.sent) == ("even", {"step": 4}, 8, 8)
    assert "the policy even cannot be asked any more" in repr(then)


def test_a_policy_that_counts_otherwise_today_is_told_with_both_numbers(tmp_path: Path) -> None:
    """8 were sent; the plugin's next version would say 4."""
    play, _, _ = make(tmp_path, {"A": 9})
    play.set_sink("shop", buffer={"policy": "even", "step": 4})
    with opened(play, brings(Even)) as shop:
        shop.sync()
    with opened(play, brings(Less)) as shop:
        then = shop.explain("A", run=1)
    assert (then.listings[0].wanted, then.listings[0].sent) == (4, 8)
    assert "sent was 8; the same facts give 4 today" in repr(then)


# ---------------------------------------------------------------- how it looks


class _Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)
        assert not any(name.startswith("on") or name in ("src", "href") for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> _Page:
    found = _Page()
    found.feed(page)
    assert found.open == []
    return found


def test_the_page_is_well_formed_and_runs_nothing(tmp_path: Path) -> None:
    """An article that is a script is shown as text, Russian as it is; nothing comes from elsewhere."""
    play, source, _ = make(tmp_path, {HOSTILE: 5})
    source.hold(Hold("<img src=x onerror=alert(1)>", HOSTILE, 1, play.clock.now()))
    play.sync()
    explanation = explained(play, HOSTILE)
    for page in (explanation.to_html(), explanation._repr_html_()):
        found = read(page)
        assert not {"script", "img", "link"} & set(found.tags)
        assert {"details", "summary", "style"} <= set(found.tags)
        assert HOSTILE in found.text
        assert "<img src=x onerror=alert(1)>" in found.text
        assert "«Чай" in page
        assert "light-dark(" in page
    assert explanation.to_html().startswith("<!DOCTYPE html>")


def test_the_tree_is_json_with_all_of_it(rich: Play) -> None:
    """Each node says its kind, its text, its value and its inputs; the flat data is beside it."""
    data = json.loads(json.dumps(explained(rich, "A").as_dict()))
    kinds: set[str] = set()

    def walk(node: dict[str, Any]) -> None:
        assert set(node) == {"kind", "text", "value", "inputs", "notes"}
        kinds.add(node["kind"])
        for each in node["inputs"]:
            walk(each)

    walk(data["tree"])
    assert {
        "product",
        "stock",
        "pool",
        "reading",
        "hold",
        "listing",
        "available",
        "buffer",
        "wanted",
    } <= kinds
    assert {stage["name"] for stage in data["listings"][0]["stages"]} >= {"sources", "rule", "holds", "cap"}
    assert [pool["amount"] for pool in data["pools"]] == [21, 4]


def test_five_thousand_holds_are_counted_and_not_written_out(tmp_path: Path) -> None:
    """The text and the page name the first twenty; as data all of them are there."""
    play, source, account = make(tmp_path, {"A": 9_000})
    for number in range(5_000):
        source.hold(Hold(f"c{number}", "A", 1, play.clock.now()))
    play.sync()
    assert shows(account) == {"A": 4_000}
    explanation = explained(play, "A")
    assert len(explanation.holds) == 5_000
    lines = explanation.lines()
    assert len(lines) < 100
    assert "… and 4980 more holds, of 4980 units" in "\n".join(lines)
    assert len(explanation.to_html()) < 20_000
    (answer,) = explanation.why_not(5_000)
    assert "5000 by erp (c0, c1, c2 and 4997 more)" in str(answer)
    assert len(explained(play, "A", run=1).holds) == 5_000
