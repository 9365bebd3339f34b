"""What a sink makes of a marketplace that fails: the fault script, for reading and for writing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from mpstock.errors import (
    AuthenticationError,
    InDoubtError,
    NotSentError,
    RejectedError,
    TransientError,
    UnexpectedResponseError,
)
from mpstock.model import Outcome, OutcomeStatus
from mpstock.simulation import Answer, Request
from mpstock.testing.alterations import without_row
from mpstock.testing.bench import Told, clean_error, hush, kind_of, walked
from mpstock.testing.contract import LONG, kit
from mpstock.testing.elsewhere import Elsewhere
from mpstock.testing.faults import AfterFirst, FaultScript
from mpstock.testing.sink_setting import SinkBench, SinkSetting, changes_of, matching, pair

__all__ = ["SinkFaults"]

Put = Callable[[FaultScript], None]
PutOn = Callable[[FaultScript, Callable[[Request], bool]], None]

_BAD_ANSWER = (UnexpectedResponseError, RejectedError, TransientError)
_READS = ("listings", "observe", "orders")

_LASTING: Mapping[str, tuple[Put, tuple[type[Exception], ...]]] = {
    "401": (lambda script: script.answer(401, '{"message": "нет"}'), (AuthenticationError,)),
    "403": (lambda script: script.answer(403, '{"message": "нет"}'), (AuthenticationError,)),
    "404": (lambda script: script.html(404), _BAD_ANSWER),
    "429": (lambda script: script.answer(429), (TransientError,)),
    "420": (lambda script: script.answer(420), (TransientError,)),
    "500": (lambda script: script.answer(500, "Ошибка"), (TransientError,)),
    "slow": (lambda script: script.slow(LONG), (TransientError,)),
    "connection lost": (lambda script: script.drop(), (TransientError,)),
    "connection lost in the body": (lambda script: script.cut_off(), (TransientError,)),
    "a page for people": (lambda script: script.html(), _BAD_ANSWER),
    "an empty body": (lambda script: script.answer(200), _BAD_ANSWER),
    "half a body": (lambda script: script.cut_text(), _BAD_ANSWER),
    "null": (lambda script: script.answer(200, "null", {"content-type": "application/json"}), _BAD_ANSWER),
    "no text at all": (lambda script: script.answer(200, b"\x00\xff\xfe\x80" * 50), _BAD_ANSWER),
    "deep JSON": (lambda script: script.deep_json(), _BAD_ANSWER),
    "plain called gzip": (lambda script: script.lying_gzip(), _BAD_ANSWER),
}

_ODD: Mapping[str, Put] = {
    "byte order mark": lambda script: script.byte_order_mark(),
    "called HTML": lambda script: script.header("content-type", "text/html; charset=utf-8"),
    "a clock of tomorrow": lambda script: script.date(timedelta(days=1)),
    "a passing 429": lambda script: script.answer(429, headers={"retry-after": "7"}, times=1),
    "a passing 500": lambda script: script.answer(500, times=1),
    "a connection that is lost once": lambda script: script.drop(times=1),
}

# For a push: what may be raised, and what may be an outcome.
_S = OutcomeStatus
_DOUBT: tuple[type[Exception], ...] = (InDoubtError,)
_UNSENT: tuple[type[Exception], ...] = (NotSentError,)
_WRITES: Mapping[str, tuple[PutOn, tuple[type[Exception], ...], tuple[OutcomeStatus, ...]]] = {
    "401": (lambda script, on: script.answer(401, match=on), (AuthenticationError,), ()),
    "403": (lambda script, on: script.answer(403, match=on), (AuthenticationError,), ()),
    "429": (lambda script, on: script.answer(429, match=on), _UNSENT, (_S.UNSENT, _S.WAIT, _S.BUSY)),
    "420": (lambda script, on: script.answer(420, match=on), _UNSENT, (_S.UNSENT, _S.WAIT, _S.BUSY)),
    "429 with a header": (
        lambda script, on: script.answer(429, headers={"retry-after": "30"}, match=on),
        _UNSENT,
        (_S.UNSENT, _S.WAIT, _S.BUSY),
    ),
    "500": (lambda script, on: script.answer(500, "Ошибка", match=on), _DOUBT, (_S.DOUBT,)),
    "500 after the commit": (
        lambda script, on: script.answer(500, after_commit=True, match=on),
        _DOUBT,
        (_S.DOUBT,),
    ),
    "503": (lambda script, on: script.html(503, match=on), _DOUBT, (_S.DOUBT,)),
    "slow after the commit": (
        lambda script, on: script.slow(LONG, after_commit=True, match=on),
        _DOUBT,
        (_S.DOUBT,),
    ),
    "connection lost": (lambda script, on: script.drop(match=on), _DOUBT, (_S.DOUBT,)),
    "connection lost after the commit": (
        lambda script, on: script.drop(after_commit=True, match=on),
        _DOUBT,
        (_S.DOUBT,),
    ),
    "connection lost in the body": (lambda script, on: script.cut_off(match=on), _DOUBT, (_S.DOUBT,)),
    "a page for people": (
        lambda script, on: script.html(match=on),
        (InDoubtError, UnexpectedResponseError, RejectedError),
        (_S.DOUBT, _S.WHOLE),
    ),
    "deep JSON": (
        lambda script, on: script.deep_json(match=on),
        (InDoubtError, UnexpectedResponseError),
        (_S.DOUBT,),
    ),
    "no text at all": (
        lambda script, on: script.answer(200, b"\x00\xff\xfe\x80" * 50, match=on),
        (InDoubtError, UnexpectedResponseError),
        (_S.DOUBT,),
    ),
    "400 without words": (
        lambda script, on: script.answer(400, match=on),
        (RejectedError, UnexpectedResponseError, InDoubtError),
        (_S.WHOLE, _S.ERROR, _S.DOUBT, _S.UNSENT),
    ),
    "a redirect": (
        lambda script, on: script.redirect("http://elsewhere.test/", match=on),
        (UnexpectedResponseError, RejectedError, InDoubtError),
        (_S.ERROR, _S.DOUBT, _S.WHOLE),
    ),
}


@kit
class SinkFaults(SinkSetting):
    """Whatever the marketplace does: an error or outcome that says what is known, and one write."""

    @pytest.mark.parametrize("fault", _LASTING)
    @pytest.mark.parametrize("read", _READS)
    def test_lasting_fault_of_a_read_is_an_error(self, read: str, fault: str) -> None:
        """A marketplace that goes on failing is an error that says what can be done; nothing is complete."""
        self.only(self.http, "it sends no requests")
        put, kinds = _LASTING[fault]

        async def story(bench: SinkBench) -> None:
            pages = await self._prepared(bench, read)
            put(bench.faults)
            self.fails(bench, await walked(pages), f"{read}, {fault}", *kinds)

        self.play(story)

    @pytest.mark.parametrize("fault", ["500", "connection lost", "a page for people", "an empty body"])
    @pytest.mark.parametrize("read", _READS)
    def test_later_page_that_fails_is_an_error(self, read: str, fault: str) -> None:
        """Whichever request of a walk fails, nothing is told as complete."""
        self.only(self.http, "it sends no requests")
        put, _ = _LASTING[fault]

        async def story(bench: SinkBench) -> None:
            walk = await self._prepared(bench, read)
            before = len(bench.requests)
            await walked(walk)
            number = len(bench.requests) - before
            for good in sorted({1, number - 1} & set(range(1, number))):
                other = self.make_bench(self.make_double(bench.clock), bench.clock, self.url)
                pages = await self._prepared(other, read)
                put(AfterFirst(other.faults, good))
                told: Told[Any] = await walked(pages)
                clean_error(other, told.error, f"{read}, {fault} after {good} of {number} requests")
                half = [page for page in told.pages if getattr(page, "complete", False)]
                assert not half, (
                    f"{read}, {fault} after {good} of {number} requests, and a page was `complete`"
                )

        self.play(story)

    @pytest.mark.parametrize("fault", _ODD)
    def test_odd_answer_is_read_right_or_refused(self, fault: str) -> None:
        """A mark, a wrong type, a wrong clock, a fault that passes: the right numbers, or an error."""
        self.only(self.http, "it sends no requests")

        async def story(bench: SinkBench) -> None:
            found = await self.listings(bench)
            bench.simulator.set_shown(found[0].skus[0], found[0].warehouse, 7)
            await bench.clock.sleep(self.settle)
            _ODD[fault](bench.faults)
            told: Told[Any] = await walked(bench.adapter.observe(found))
            if told.error is not None:
                assert "passing" not in fault, f"{fault}: {told.error!r}, and not tried again"
                self.fails(bench, told, fault, *_BAD_ANSWER)
                return
            shown = {(one.external_id, one.warehouse): one.quantity for page in told.pages for one in page}
            assert shown[pair(found[0])] == 7
            assert {shown[pair(one)] for one in found[1:]} <= {0, None}

        self.play(story)

    def test_row_that_comes_twice_is_the_same_listing_and_one_number(self) -> None:
        """A listing that is met twice is the same both times; what was asked for is observed once."""
        self.only(self.http, "it sends no requests")

        async def story(bench: SinkBench) -> None:
            found = await self.listings(bench)
            bench.simulator.set_shown(found[-1].skus[0], found[-1].warehouse, 7)
            await bench.clock.sleep(self.settle)
            bench.faults.double_row()
            known = {pair(one): one for one in found}
            again = await self.listings(bench)
            assert {pair(one) for one in again} == set(known), "a row came twice, and the listings are others"
            assert all(one == known[pair(one)] for one in again), "a listing is met twice, and not the same"
            assert (await self.quantities(bench, found))[-1] == 7

        self.play(story)

    def test_number_of_thousands_of_digits_is_not_told(self) -> None:
        """A number beyond every bound is not known, or the answer is refused; it is no number of ours."""
        self.only(self.http, "it sends no requests")
        mark = 8765

        async def story(bench: SinkBench) -> None:
            found = await self.listings(bench)
            bench.simulator.set_shown(found[0].skus[0], found[0].warehouse, mark)
            await bench.clock.sleep(self.settle)
            alone = re.compile(rb"(?<![\w-])%d(?![\w-])" % mark)
            bench.faults.alter(lambda answer: evolve(answer, body=alone.sub(b"9" * 5000, answer.body)))
            told: Told[Any] = await walked(bench.adapter.observe(found))
            if told.error is not None:
                self.fails(bench, told, "a number of 5,000 digits", *_BAD_ANSWER)
                return
            shown = {(one.external_id, one.warehouse): one.quantity for page in told.pages for one in page}
            assert shown[pair(found[0])] is None, "a number of 5,000 digits was told as a quantity"

        self.play(story)

    @pytest.mark.parametrize("fault", _WRITES)
    def test_write_that_goes_wrong_says_what_is_known_and_is_not_repeated(self, fault: str) -> None:
        """A push whose fate is unknown is in doubt, one that was not taken in says so; it is sent once."""
        self.only(self.http, "it sends no requests")
        put, raised, outcomes = _WRITES[fault]

        async def story(bench: SinkBench) -> None:
            write = await self.write_of(bench)
            listing = (await self.of_one_warehouse(bench))[0]
            before, asked = self.arrived(bench, write), sum(one.push for one in bench.requests)
            put(bench.faults, matching(write))
            told = await self._pushed(bench, listing, 5)
            bench.faults.clear()
            await bench.clock.sleep(2 * LONG)
            assert sum(one.push for one in bench.requests) == asked + 1, f"{fault}: the push was sent again"
            assert self.arrived(bench, write) == before + 1, f"{fault}: the write came more than once"
            if isinstance(told, Exception):
                kind_of(clean_error(bench, told, f"push, {fault}"), raised, f"push, {fault}")
                if "header" in fault and isinstance(told, TransientError):
                    assert told.retry_after, "Retry-After was 30 s, and retry_after says nothing of it"
                return
            wanted = " or ".join(one.name for one in outcomes) or raised[0].__name__
            assert told.status in outcomes, f"push, {fault}: the outcome is {told}, not {wanted}"
            hush(bench, (told.message, told.code), "an outcome")

        self.play(story)

    def test_write_whose_answer_cannot_be_read_is_not_taken_as_refused(self) -> None:
        """A write that was applied, and whose answer is half or compressed wrongly, is OK or in doubt."""
        self.only(self.http, "it sends no requests")

        async def story(bench: SinkBench) -> None:
            write = await self.write_of(bench)
            listing = (await self.of_one_warehouse(bench))[0]
            puts: list[PutOn] = [
                lambda script, on: script.lying_gzip(match=on),
                lambda script, on: script.broken_gzip(match=on),
                lambda script, on: script.cut_text(match=on),
                lambda script, on: script.byte_order_mark(match=on),
                lambda script, on: script.header("content-type", "text/html", match=on),
            ]
            for number, put in enumerate(puts, 1):
                await self.rest(bench)
                bench.faults.clear()
                put(bench.faults, matching(write))
                told = await self._pushed(bench, listing, number)
                shown = bench.simulator.shown()[listing.skus[0], listing.warehouse]
                assert shown == number, "the double did not apply the write"
                if isinstance(told, Exception):
                    kind_of(clean_error(bench, told, "push"), (InDoubtError, UnexpectedResponseError), "push")
                else:
                    assert told.status in (_S.OK, _S.DOUBT), f"it was applied, and the outcome is {told}"

        self.play(story)

    def test_answer_that_leaves_a_change_out_is_no_success(self) -> None:
        """One outcome for each change, whatever rows the answer has; who is not in it is not OK."""
        self.only(self.http, "it sends no requests")

        async def story(bench: SinkBench) -> None:
            write = await self.write_of(bench)
            three = (await self.of_one_warehouse(bench))[1:4]
            changed: list[bool] = []

            def lacking(answer: Answer) -> Answer:
                altered = without_row(answer)
                changed.append(altered != answer)
                return altered

            bench.faults.alter(lacking, match=matching(write))
            outcomes = await self.push(bench, *((one, 2) for one in three))
            if any(changed):
                assert {one.status for one in outcomes} != {_S.OK}, "a row was left out, and all are OK"
            await self.rest(bench)
            bench.faults.clear()
            bench.faults.double_row(match=matching(write))
            outcomes = await self.push(bench, *((one, 3) for one in three))
            assert {one.status for one in outcomes} <= {_S.OK, _S.DOUBT}, f"a row came twice: {outcomes}"

        self.play(story)

    @pytest.mark.parametrize("status", [302, 307])
    def test_secrets_do_not_follow_a_redirect(self, status: int) -> None:
        """Sent to another host, neither a read nor a push takes a secret or the account's name there."""
        self.only(self.http, "it sends no requests")
        elsewhere = Elsewhere()

        async def story(bench: SinkBench, url: str) -> None:
            listing = (await self.of_one_warehouse(bench))[0]
            bench.faults.redirect(f"{url}/elsewhere", status)
            told: Told[Any] = await walked(bench.adapter.observe([listing]))
            elsewhere.hold(bench)
            self.fails(bench, told, f"a redirect with {status}", *_BAD_ANSWER)
            pushed = await self._pushed(bench, listing, 5)
            if isinstance(pushed, Exception):
                clean_error(bench, pushed, f"push, a redirect with {status}")
            else:
                assert pushed.status is not _S.OK, f"push was redirected with {status}, and is OK"
            elsewhere.hold(bench)

        self.serve(story, elsewhere)

    def test_over_the_network_it_works_the_same(self) -> None:
        """Over real HTTP: list, push, read back; a push whose connection is lost is in doubt, sent once."""
        self.only(self.http, "it sends no requests")

        async def story(bench: SinkBench) -> None:
            write = await self.write_of(bench)
            listing = (await self.of_one_warehouse(bench))[0]
            (outcome,) = await self.push(bench, (listing, 5))
            assert outcome.status is _S.OK, f"refused: {outcome}"
            assert await self.quantities(bench, [listing]) == [5]
            await self.rest(bench)
            before = self.arrived(bench, write)
            bench.faults.drop(after_commit=True, times=1, match=matching(write))
            told = await self._pushed(bench, listing, 6)
            assert isinstance(told, InDoubtError) or (
                isinstance(told, Outcome) and told.status is _S.DOUBT
            ), f"the connection was lost after the write: {told!r}"
            assert self.arrived(bench, write) == before + 1, "the write came more than once"
            assert await self.quantities(bench, [listing]) == [6]

        self.serve(story)

    async def _prepared(self, bench: SinkBench, read: str) -> AsyncIterator[Any]:
        """Return a walk that has not begun, with whatever it needs learnt."""
        if read == "observe":
            return bench.adapter.observe(await self.listings(bench))
        if read == "orders":
            self.only(bench.adapter.limits.orders != "none", "limits.orders is none")
            return bench.adapter.orders(None)
        return bench.adapter.listings(None)

    async def _pushed(self, bench: SinkBench, listing: Any, number: int) -> Outcome | Exception:
        try:
            (outcome,) = await bench.adapter.push(changes_of([(listing, number)]))
        except Exception as error:
            return error
        return outcome
