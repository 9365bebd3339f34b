"""The promises of a sink, as tests that a plugin's author subclasses."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from mpstock.errors import MpstockError, TransientError
from mpstock.model import Listing, OutcomeStatus
from mpstock.testing.bench import clean_error, hush, walked
from mpstock.testing.contract import kit
from mpstock.testing.sink_faults import SinkFaults
from mpstock.testing.sink_orders import SinkOrders
from mpstock.testing.sink_pages import SinkPages
from mpstock.testing.sink_setting import SinkBench, articles, changes_of, matching, pair
from mpstock.testing.virtual import VirtualClock

__all__ = ["SinkContract"]

_NOT_APPLIED = (OutcomeStatus.ERROR, OutcomeStatus.WAIT, OutcomeStatus.BUSY, OutcomeStatus.UNSENT)


@kit
class SinkContract(SinkFaults, SinkOrders, SinkPages):
    """Holds a sink to `mpstock.interfaces`, over its marketplace's double.

    Subclass it as `class TestMine(SinkContract)`, set `plugin` (or `spec`) and write `make_simulator`. What
    does not apply is said by the attributes, and by the sink's own `limits`.
    """

    # -- limits --------------------------------------------------------------------------

    def test_limits_make_sense(self) -> None:
        """Limits are data that the engine can keep to, and every push scope is among the rates."""

        async def story(bench: SinkBench) -> None:
            limits = bench.adapter.limits
            assert limits.account, "limits.account is empty: two adapters of one account share its limiter"
            hush(bench, [limits.account, repr(limits)], "limits")
            assert limits.batch >= 1, f"a batch of {limits.batch} sends nothing"
            assert limits.maximum >= 1, f"a maximum of {limits.maximum} sells nothing"
            assert limits.observe_batch >= 1, f"observe_batch is {limits.observe_batch}"
            assert limits.pair_cooldown >= 0, f"pair_cooldown is {limits.pair_cooldown}"
            scopes = [rate.scope for rate in limits.rates]
            assert len(set(scopes)) == len(scopes), f"a scope has two rates: {scopes}"
            assert set(limits.push_scopes) <= set(scopes), f"{limits.push_scopes} are not all in {scopes}"
            for rate in limits.rates:
                assert rate.requests >= 1, f"{rate} admits nothing"
                assert rate.period > 0, f"{rate} has no period"
                assert rate.burst >= 1, f"{rate} admits nothing back to back"
            again = self.make_bench(bench.simulator, bench.clock, self.url).adapter.limits
            assert again == limits, "two adapters of the same settings have different limits"

        self.play(story)

    def test_requests_name_their_declared_scopes(self) -> None:
        """Reading names declared scopes and writes nothing; a push is one request, in `push_scopes`."""
        self.only(self.http, "it sends no requests")

        async def story(bench: SinkBench) -> None:
            limits = bench.adapter.limits
            found = await self.of_one_warehouse(bench)
            await self.quantities(bench, found)
            declared = {rate.scope for rate in limits.rates}
            for one in bench.requests:
                assert not one.push, f"reading has sent a push: {one.method}"
                assert set(one.scopes) <= declared, f"scopes {one.scopes} are not in rates {declared}"
            before = len(bench.requests)
            await self.push(bench, *((one, 3) for one in found[: limits.batch]))
            writes = [one for one in bench.requests[before:] if one.push]
            assert len(writes) == 1, f"a push is one request, not {len(writes)}: say outcomes for the rest"
            assert set(writes[0].scopes) == set(limits.push_scopes), (
                f"the push counts in {writes[0].scopes}, limits.push_scopes says {limits.push_scopes}"
            )

        self.play(story)

    def test_its_own_limits_keep_it_from_429(self) -> None:
        """As fast as the declared limits let it, the double that enforces the vendor's refuses nothing."""
        self.only(self.http, "it sends no requests")

        batch = self.declared().batch

        async def story(bench: SinkBench) -> None:
            found = (await self.of_one_warehouse(bench))[:batch]
            for number in range(self.limited):
                with contextlib.suppress(TransientError):
                    await self.push(bench, *((one, number) for one in found))
            for _ in range(self.limited):
                await self.quantities(bench, found[:1])
            hasty = [one for one in bench.simulator.requests if one.status in (420, 429)]
            assert not hasty, (
                f"{len(hasty)} of {self.limited} pushes of {batch} and as many readings met 429 (or 420): "
                "the declared rates are too high, or count no `items`"
            )

        self.play(story, self.make_simulator(VirtualClock(), articles(batch)))

    # -- listings ------------------------------------------------------------------------

    def test_listings_are_told_once_and_all(self) -> None:
        """A walk tells every article in each configured warehouse once; its last page alone is `complete`."""

        async def story(bench: SinkBench) -> None:
            pages = await self.walk(bench)
            assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True], (
                "`complete` belongs on the last page of a whole walk, and there alone"
            )
            found = [one for page in pages for one in page.listings]
            pairs = [pair(one) for one in found]
            assert len(set(pairs)) == len(pairs), "a listing is told twice in one walk"
            sold = {(one.skus[0], one.warehouse) for one in found if one.skus and not one.problem}
            wanted = {(sku, code) for sku in self.skus for code in bench.simulator.warehouse_codes()}
            assert sold == wanted, f"not listed: {wanted - sold}; listed, and not there: {sold - wanted}"

        self.play(story)

    def test_ids_are_stable(self) -> None:
        """The same listing has the same id at every walk, of every adapter."""

        async def story(bench: SinkBench) -> None:
            first = {pair(one): one for one in await self.listings(bench)}
            other = self.make_bench(bench.simulator, bench.clock, self.url)
            again = {pair(one): one for one in await self.listings(other)}
            assert again == first, f"known at the first walk: {set(first)}, at the second: {set(again)}"

        self.play(story)

    def test_listings_cursor_is_accepted_back(self) -> None:
        """A walk from its own cursor tells nothing that is not there; what leaves out is not `complete`."""

        async def story(bench: SinkBench) -> None:
            pages = await self.walk(bench)
            everything = {pair(one) for page in pages for one in page.listings}
            for age in (60.0, 40 * 24 * 3600.0):
                await bench.clock.sleep(age)
                again = await self.walk(bench, pages[-1].cursor)
                told = {pair(one) for page in again for one in page.listings}
                assert told <= everything, f"listed anew, and not there: {told - everything}"
                assert told == everything or not any(page.complete for page in again), (
                    "a walk that left listings out was `complete`"
                )

        self.play(story)

    @pytest.mark.parametrize("cursor", ["", "нет", "-1", '{"v": 99}', "x" * 5000])
    def test_foreign_listings_cursor_leads_to_everything_or_an_error(self, cursor: str) -> None:
        """A cursor that is none of the sink's own loses no listing: everything, or a clean error."""

        async def story(bench: SinkBench) -> None:
            told = await walked(bench.adapter.listings(cursor))
            if told.error is not None:
                clean_error(bench, told.error, f"listings({cursor[:20]!r})")
                return
            found = {pair(one) for page in told.pages for one in page.listings}
            assert found == {pair(one) for page in await self.walk(bench) for one in page.listings}

        self.play(story)

    # -- observe -------------------------------------------------------------------------

    def test_observe_tells_each_listing_once(self) -> None:
        """What was asked for is told, once; what was never written shows 0, or is not known."""

        async def story(bench: SinkBench) -> None:
            found = await self.listings(bench)
            assert set(await self.quantities(bench, found)) <= {0, None}, "nothing was written, and it shows"
            bench.simulator.set_shown(found[0].skus[0], found[0].warehouse, 7)
            await bench.clock.sleep(self.settle)
            shown = await self.quantities(bench, found)
            assert shown[0] == 7, f"7 are shown of {found[0].skus[0]}, told is {shown[0]}"
            assert set(shown[1:]) <= {0, None}, f"only the first shows something, told is {shown}"
            assert set(await self.observe(bench, found)) == {pair(one) for one in found}, (
                "observe tells listings that it was not asked for"
            )

        self.play(story)

    def test_observe_of_a_listing_that_is_not_there(self) -> None:
        """A listing that the account does not have shows 0, or is not known, and harms no other."""

        async def story(bench: SinkBench) -> None:
            known = (await self.listings(bench))[0]
            bench.simulator.set_shown(known.skus[0], known.warehouse, 7)
            await bench.clock.sleep(self.settle)
            shown = await self.quantities(bench, [self.unknown(known), known])
            assert shown[0] in (0, None), f"{self.unknown_id} is not there, and shows {shown[0]}"
            assert shown[1] == 7, f"7 are shown, told is {shown[1]}"

        self.play(story)

    def test_observe_whole_is_as_declared(self) -> None:
        """With `observe_whole` one walk tells everything that shows something."""

        async def story(bench: SinkBench) -> None:
            self.only(bench.adapter.limits.observe_whole, "limits.observe_whole is not set")
            found = await self.listings(bench)
            for number, one in enumerate(found):
                bench.simulator.set_shown(one.skus[0], one.warehouse, number)
            await bench.clock.sleep(self.settle)
            whole = await self.observe(bench, None)
            for number, one in enumerate(found):
                told = whole[pair(one)].quantity if pair(one) in whole else 0
                assert told == number, f"{number} are shown of {pair(one)}, observe(None) tells {told}"

        self.play(story)

    # -- push ----------------------------------------------------------------------------

    def test_pushed_is_shown_and_read_back(self) -> None:
        """Each change has its outcome, in order, and its number is what buyers see, in the sink's units."""

        async def story(bench: SinkBench) -> None:
            found = (await self.of_one_warehouse(bench))[: bench.adapter.limits.batch]
            outcomes = await self.push(bench, *((one, number) for number, one in enumerate(found)))
            assert {one.status for one in outcomes} == {OutcomeStatus.OK}, (
                f"refused where all is well: {outcomes}"
            )
            await bench.clock.sleep(self.settle)
            shown = bench.simulator.shown()
            assert [shown.get((one.skus[0], one.warehouse), 0) for one in found] == list(range(len(found)))
            assert await self.quantities(bench, found) == list(range(len(found)))

        self.play(story)

    def test_full_batch_is_one_request_and_more_is_an_error(self) -> None:
        """`limits.batch` changes go in one push; one more is an error before anything is sent."""
        batch = self.declared().batch

        async def story(bench: SinkBench) -> None:
            found = await self.of_one_warehouse(bench)
            assert len(found) == batch + 1, f"{batch + 1} articles are sold, {len(found)} are listed"
            outcomes = await self.push(bench, *((one, 5) for one in found[:batch]))
            assert {one.status for one in outcomes} == {OutcomeStatus.OK}
            assert sum(one.push for one in bench.requests) == (1 if self.http else 0), "a push is one request"
            await self.rest(bench)
            sent, before = len(bench.requests), dict(bench.simulator.shown())
            with pytest.raises((MpstockError, ValueError)):
                await bench.adapter.push(changes_of((one, 6) for one in found))
            assert not [one for one in bench.requests[sent:] if one.push], "too many, and it was sent"
            assert dict(bench.simulator.shown()) == before

        self.play(story, self.make_simulator(VirtualClock(), articles(batch + 1)))

    def test_range_has_both_its_edges(self) -> None:
        """0 and `limits.maximum` are taken; what is beyond them is not, and changes nothing."""

        async def story(bench: SinkBench) -> None:
            maximum = bench.adapter.limits.maximum
            zero, most, above, below = (await self.of_one_warehouse(bench))[:4]
            outcomes = await self.push(bench, (zero, 0), (most, maximum))
            assert {one.status for one in outcomes} == {OutcomeStatus.OK}, (
                f"the edges are refused: {outcomes}"
            )
            assert await self.quantities(bench, [zero, most]) == [0, maximum]
            for listing, number in ((above, maximum + 1), (below, -1)):
                try:
                    (outcome,) = await self.push(bench, (listing, number))
                except (MpstockError, ValueError):
                    continue
                assert outcome.status is OutcomeStatus.ERROR, f"{number} is beyond the range, and {outcome}"
                assert outcome.message, f"{number} is refused without words: {outcome}"
            assert (await self.quantities(bench, [above, below])) in ([0, 0], [None, None], [0, None])

        self.play(story)

    def test_refused_change_harms_no_neighbour(self) -> None:
        """One listing is refused: the others are written, or their outcome says that they were not."""

        async def story(bench: SinkBench) -> None:
            found = (await self.of_one_warehouse(bench))[: max(bench.adapter.limits.batch - 1, 1)]
            bad = self.unknown(found[0])
            first, *others = found
            outcomes = await self.push(bench, (first, 4), (bad, 4), *((one, 4) for one in others))
            await bench.clock.sleep(self.settle)
            told = outcomes.pop(1)
            assert told.status in (OutcomeStatus.ERROR, OutcomeStatus.WHOLE), (
                f"{bad.external_id} is not there; that is ERROR (WHOLE if it names nobody): {told}"
            )
            assert told.code or told.message, "the refusal has neither the vendor's code nor words"
            shown = await self.quantities(bench, found)
            for listing, outcome, number in zip(found, outcomes, shown, strict=True):
                if outcome.status is OutcomeStatus.OK:
                    assert number == 4, f"{pair(listing)} was accepted, and shows {number}"
                if outcome.status in _NOT_APPLIED:
                    assert number in (0, None), f"{pair(listing)} is {outcome.status}, and shows {number}"

        self.play(story)

    def test_same_number_twice_is_the_same(self) -> None:
        """A quantity is set, not added: written twice it shows once."""

        async def story(bench: SinkBench) -> None:
            listing = (await self.listings(bench))[0]
            for _ in range(2):
                (outcome,) = await self.push(bench, (listing, 5))
                assert outcome.status is OutcomeStatus.OK, f"refused: {outcome}"
                await self.rest(bench)
            assert await self.quantities(bench, [listing]) == [5]

        self.play(story)

    def test_pair_that_was_written_a_moment_ago_waits(self) -> None:
        """Within `pair_cooldown` the outcome is WAIT with `retry_after`; after that the write is taken."""

        async def story(bench: SinkBench) -> None:
            cooldown = bench.adapter.limits.pair_cooldown
            self.only(cooldown > 0, "limits.pair_cooldown is 0")
            listing = (await self.listings(bench))[0]
            await self.push(bench, (listing, 5))
            (outcome,) = await self.push(bench, (listing, 6))
            assert outcome.status is OutcomeStatus.WAIT, f"written twice within {cooldown:g} s: {outcome}"
            assert outcome.retry_after is not None, "WAIT says when: retry_after is missing"
            assert 0 < outcome.retry_after <= 2 * cooldown, f"retry_after is {outcome.retry_after}"
            await bench.clock.sleep(outcome.retry_after)
            (outcome,) = await self.push(bench, (listing, 6))
            assert outcome.status is OutcomeStatus.OK, f"after its own retry_after: {outcome}"
            assert await self.quantities(bench, [listing]) == [6]

        self.play(story)

    def test_accepted_write_that_was_not_applied_is_seen(self) -> None:
        """`observe` asks the marketplace: a write that was answered well and lost shows the old number."""
        self.only(self.http, "it sends no requests")

        async def story(bench: SinkBench) -> None:
            write = await self.write_of(bench)
            listing = (await self.of_one_warehouse(bench))[0]
            bench.faults.replay(match=matching(write))
            for number in (5, 9):
                await self.push(bench, (listing, number))
                await self.rest(bench)
            assert bench.simulator.shown()[listing.skus[0], listing.warehouse] == 5, "the write was not lost"
            assert await self.quantities(bench, [listing]) == [5], (
                "observe tells what was sent, not what shows"
            )

        self.play(story)

    # -- side by side --------------------------------------------------------------------

    def test_two_adapters_of_one_account_do_not_meet(self) -> None:
        """Two adapters on one loop list, push and observe as one does."""

        async def work(bench: SinkBench, number: int) -> tuple[list[Listing], int | None]:
            found = await self.of_one_warehouse(bench)
            (outcome,) = await self.push(bench, (found[number], number))
            assert outcome.status is OutcomeStatus.OK, f"refused: {outcome}"
            return found, (await self.quantities(bench, [found[number]]))[0]

        async def story(bench: SinkBench) -> None:
            other = self.make_bench(bench.simulator, bench.clock, self.url)
            (left, one), (right, two) = await asyncio.gather(work(bench, 1), work(other, 2))
            assert left == right
            assert (one, two) == (1, 2)

        self.play(story)
