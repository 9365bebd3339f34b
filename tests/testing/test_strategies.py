"""What Hypothesis draws is what can be met, and holds together."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from mpstock import Change, Hold, Level, Observation, Order, Outcome, Plan, Reading
from mpstock.testing import MadeUpShop, run_virtual, strategies
from mpstock.testing.virtual import VirtualClock


@given(level=strategies.levels(), hold=strategies.holds(), order=strategies.orders())
def test_values_are_of_the_model(level: Level, hold: Hold, order: Order) -> None:
    """Articles have no blanks at their ends, units of holds and orders are above 0, times have a zone."""
    for sku in (level.sku, hold.sku, order.external_id):
        assert sku
        assert sku == sku.strip()
    assert level.quantity is None or type(level.quantity) is int
    assert level.reserved >= 0
    assert hold.quantity > 0
    assert order.quantity > 0
    assert hold.taken_at.tzinfo is not None
    assert hold.expires_at is None or hold.expires_at > hold.taken_at
    assert order.stage_at is None or order.stage_at > order.placed_at


@settings(max_examples=40)
@given(pages=strategies.readings())
def test_a_reading_is_whole(pages: list[Reading]) -> None:
    """Its last page alone is complete and has the cursor; no product is told twice."""
    assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True]
    assert [page.cursor for page in pages] == [None] * (len(pages) - 1) + ["1"]
    places = [(level.sku, level.warehouse) for page in pages for level in page.levels]
    assert len(set(places)) == len(places)


@given(
    changes=strategies.changes(most=5, maximum=99),
    outcome=strategies.outcomes(),
    seen=strategies.observations(),
)
def test_a_push_is_one_that_the_engine_could_send(
    changes: list[Change], outcome: Outcome, seen: Observation
) -> None:
    """At least one change, each listing once, within the range of the sink."""
    pairs = [(one.listing.external_id, one.listing.warehouse) for one in changes]
    assert 1 <= len(set(pairs)) == len(pairs) <= 5
    assert all(0 <= one.new <= 99 for one in changes)
    assert outcome.retry_after is None or outcome.retry_after > 0
    assert seen.quantity is None or seen.quantity >= 0


@settings(max_examples=25)
@given(plan=strategies.plans())
def test_a_plan_can_be_kept_and_shown(plan: Plan) -> None:
    """Its lanes follow from its numbers, zeros first; it can be told as data, as text and as a page."""
    order = {"zero": 0, "fall": 1, "raise": 2}
    assert [order[one.lane] for one in plan.changes] == sorted(order[one.lane] for one in plan.changes)
    assert all((one.lane == "zero") == (one.new == 0) for one in plan.changes)
    assert plan.as_dict()["changes_total"] == len(plan)
    assert plan.title in repr(plan)
    assert plan._repr_html_()


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(made=strategies.shops(products=4))
def test_a_made_up_shop_runs_and_promises_no_more_than_there_is(made: MadeUpShop) -> None:
    """The real engine over what was drawn: nothing is above what is there, and the unknown raises nothing."""
    clock = VirtualClock()
    opened = made.open(clock=clock)

    async def play() -> None:
        async with opened.shop as shop:
            await shop.sync()
            await clock.sleep(3600)
            await shop.sync()

    run_virtual(play, clock=clock, threads=False)
    for name, sink in opened.sinks.items():
        for (sku, code), before in made.shown[name].items():
            shown, there = sink.shown.get((sku, code), 0), made.available(sku)
            if there is None or sku not in {article for article, _ in made.stock}:
                assert shown <= before, (
                    f"{sku} on {name}: nobody knows what is there, and {before} rose to {shown}"
                )
            else:
                assert shown <= max(there, 0), f"{sku} on {name}: {there} are there, and {shown} are shown"
