"""The sink against Ozon's double over HTTP: written from the documents by another hand, sharing no code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeVar

import pytest

from mpstock import Change, Listing, Outcome, OutcomeStatus
from mpstock.testing import VirtualClock, adapter_context, build_adapter, run_virtual
from mpstock_ozon import plugin
from tests.ozon.account import MAIN, SPARE, change, listing

T = TypeVar("T")

(SPEC,) = plugin.mpstock_sinks()
SKUS = [f"АРТ {n}" for n in range(250)]


def shop(**options: Any) -> tuple[Any, VirtualClock]:
    clock = VirtualClock()
    assert SPEC.simulator is not None
    return SPEC.simulator(SKUS, [MAIN, SPARE], clock=clock, **options), clock


def sink_of(double: Any, clock: VirtualClock, codes: Sequence[str] = (MAIN, SPARE), **settings: Any) -> Any:
    given = {key: value for key, value in double.settings("http://ozon.local").items() if key != "plugin"}
    given = {key: value for key, value in given.items() if key not in ("warehouses",)}
    context = adapter_context(double, name="ozon", clock=clock, warehouses=codes)
    return build_adapter(SPEC, SPEC.settings(**{**given, **settings}), context)


async def everything(items: AsyncIterator[T]) -> list[T]:
    return [item async for item in items]


def statuses(outcomes: Sequence[Outcome]) -> list[OutcomeStatus]:
    return [outcome.status for outcome in outcomes]


def test_the_account_is_listed_whole() -> None:
    """Every product of the account is listed once in each configured warehouse."""
    double, clock = shop()

    async def story() -> list[Any]:
        return await everything(sink_of(double, clock).listings(None))

    pages = run_virtual(story)
    listed = [(one.external_id, one.warehouse) for page in pages for one in page.listings]
    assert len(listed) == len(set(listed))
    assert set(listed) == {(sku, code) for sku in SKUS for code in (MAIN, SPARE)}
    assert pages[-1].complete


def test_what_was_pushed_is_what_is_shown_and_read_back() -> None:
    """500 pairs in five requests arrive to the unit, and both ways of reading back say so."""
    double, clock = shop()
    wanted = {(sku, code): n for n, sku in enumerate(SKUS) for code in (MAIN, SPARE)}
    changes = [change(sku, quantity, code) for (sku, code), quantity in wanted.items()]

    async def story() -> tuple[list[Any], list[Any]]:
        sink = sink_of(double, clock)
        for start in range(0, len(changes), sink.limits.batch):
            outcomes = await sink.push(changes[start : start + sink.limits.batch])
            assert set(statuses(outcomes)) == {OutcomeStatus.OK}
        whole = await everything(sink.observe(None))
        return whole, await everything(sink.observe([one.listing for one in changes]))

    whole, chosen = run_virtual(story)
    assert dict(double.shown()) == wanted
    assert double.count("POST", "/v2/products/stocks") == 5
    chosen_now = {(one.external_id, one.warehouse): one.quantity for page in chosen for one in page}
    assert chosen_now == wanted
    whole_now = {(one.external_id, one.warehouse): one.quantity for page in whole for one in page}
    assert {pair: whole_now.get(pair, 0) for pair in wanted} == wanted


def test_five_minutes_of_writing_meet_no_429() -> None:
    """Pushing as fast as the limiter lets us, the double that enforces 80 a minute never refuses."""
    double, clock = shop(pair_cooldown=0)

    async def story() -> float:
        sink = sink_of(double, clock)
        began = clock.monotonic()
        for n in range(400):
            await sink.push([change(SKUS[n % len(SKUS)], n)])
        return clock.monotonic() - began

    took = run_virtual(story)
    assert double.count("POST", "/v2/products/stocks", 429) == 0
    assert took < 400 / 80 * 60 * 1.05


def test_a_pair_written_twice_within_30_s_waits() -> None:
    """The double's own words for the 30 s rule are understood, and after the pause the write is taken."""
    double, clock = shop()

    async def story() -> list[OutcomeStatus]:
        sink = sink_of(double, clock)
        first = await sink.push([change(SKUS[0], 5)])
        second = await sink.push([change(SKUS[0], 6)])
        assert second[0].retry_after == 30.0
        await clock.sleep(second[0].retry_after)
        third = await sink.push([change(SKUS[0], 6)])
        return statuses([*first, *second, *third])

    assert run_virtual(story) == [OutcomeStatus.OK, OutcomeStatus.WAIT, OutcomeStatus.OK]
    assert double.shown()[SKUS[0], MAIN] == 6


def test_an_unknown_offer_fails_alone() -> None:
    """An article that the account does not have is that change's error; its neighbour is written."""
    double, clock = shop()

    async def story() -> Sequence[Outcome]:
        return await sink_of(double, clock).push([change("nobody's", 5), change(SKUS[1], 5)])

    missing, good = run_virtual(story)
    assert (missing.status, good.status) == (OutcomeStatus.ERROR, OutcomeStatus.OK)
    assert missing.code


def test_a_wrong_key_is_a_finding_and_a_wrong_warehouse_too() -> None:
    """`check` against the double: credentials and codes are judged by what the account answers."""
    double, clock = shop()

    async def story(codes: Sequence[str], **settings: Any) -> list[Any]:
        return await everything(sink_of(double, clock, codes, **settings).check())

    async def good() -> list[Any]:
        return await story([MAIN, SPARE])

    async def lost() -> list[Any]:
        return await story([MAIN[:-1] + "9"])

    async def refused() -> list[Any]:
        return await story([MAIN], api_key="11111111-0000-4000-8000-000000000000")

    assert "error" not in {finding.level for finding in run_virtual(good)}
    assert any(f"did you mean {MAIN}" in finding.mend for finding in run_virtual(lost))
    (finding,) = run_virtual(refused)
    assert (finding.level, finding.subject) == ("error", "API key")


@pytest.mark.parametrize("truth", ["exclude", "include"])
@pytest.mark.parametrize("setting", ["exclude", "include"])
def test_the_write_test_finds_out_what_the_account_does(truth: str, setting: str) -> None:
    """Whatever the account does with the reserve, one write and a read-back tell it."""
    double, clock = shop(reserve=truth, stock={(SKUS[0], MAIN): 10})

    async def story() -> list[Any]:
        assert double.reserve(SKUS[0], MAIN, 3) is not None
        return await everything(sink_of(double, clock, reserve=setting).write_test(listing(SKUS[0]), 7))

    finding = run_virtual(story)[-1]
    assert f"{truth}s the reserve" in finding.message
    assert finding.level == ("ok" if truth == setting else "error")


@pytest.mark.parametrize("reserve", ["exclude", "include"])
def test_with_the_right_setting_buyers_see_what_was_advertised(reserve: str) -> None:
    """With 3 of 10 in reserve, pushing 7 leaves 7 on sale in an account of either kind."""
    double, clock = shop(reserve=reserve, stock={(SKUS[0], MAIN): 10})

    async def story() -> None:
        assert double.reserve(SKUS[0], MAIN, 3) is not None
        sink = sink_of(double, clock, reserve=reserve)
        changed: Change = change(SKUS[0], 7)
        assert statuses(await sink.push([changed])) == [OutcomeStatus.OK]
        target: Listing = changed.listing
        ((observed,),) = await everything(sink.observe([target]))
        assert (observed.quantity, observed.reserved) == (7, 3)

    run_virtual(story)
    assert double.shown()[SKUS[0], MAIN] == 7
