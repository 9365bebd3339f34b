"""What a source makes of a vendor that fails: the fault script, every fault of it one test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import ClassVar

import pytest

from mpstock.errors import (
    AuthenticationError,
    RejectedError,
    TransientError,
    UnexpectedResponseError,
)
from mpstock.model import Reading
from mpstock.testing.bench import Told, clean_error, walked
from mpstock.testing.contract import LONG, kit
from mpstock.testing.elsewhere import Elsewhere
from mpstock.testing.faults import AfterFirst, FaultScript
from mpstock.testing.levels import but, levels_of, same
from mpstock.testing.source_setting import SourceBench, SourceSetting

__all__ = ["SourceFaults"]

Put = Callable[[FaultScript], None]

_BAD_ANSWER = (UnexpectedResponseError, RejectedError, TransientError)

_LASTING: Mapping[str, tuple[Put, tuple[type[Exception], ...]]] = {
    "401": (lambda script: script.answer(401, '{"message": "нет"}'), (AuthenticationError,)),
    "403": (lambda script: script.answer(403, '{"message": "нет"}'), (AuthenticationError,)),
    "404": (lambda script: script.html(404), _BAD_ANSWER),
    "429": (lambda script: script.answer(429), (TransientError,)),
    "420": (lambda script: script.answer(420), (TransientError,)),
    "429 with a header": (
        lambda script: script.answer(429, headers={"retry-after": "30"}),
        (TransientError,),
    ),
    "500": (lambda script: script.answer(500, "Ошибка"), (TransientError,)),
    "503": (lambda script: script.html(503), (TransientError,)),
    "slow": (lambda script: script.slow(LONG), (TransientError,)),
    "slow body": (lambda script: script.slow_body(LONG), (TransientError,)),
    "connection lost": (lambda script: script.drop(), (TransientError,)),
    "connection lost in the body": (lambda script: script.cut_off(), (TransientError,)),
    "a page for people": (lambda script: script.html(), _BAD_ANSWER),
    "an empty body": (lambda script: script.answer(200), _BAD_ANSWER),
    "an empty object": (lambda script: script.answer(200, "{}"), _BAD_ANSWER),
    "null": (lambda script: script.answer(200, "null", {"content-type": "application/json"}), _BAD_ANSWER),
    "no text at all": (lambda script: script.answer(200, b"\x00\xff\xfe\x80" * 50), _BAD_ANSWER),
    "deep JSON": (lambda script: script.deep_json(), _BAD_ANSWER),
    "plain called gzip": (lambda script: script.lying_gzip(), _BAD_ANSWER),
    "gzip without its end": (lambda script: script.broken_gzip(), _BAD_ANSWER),
}

_LATER = ("401", "429", "500", "connection lost in the body", "a page for people", "an empty object", "null")

_PASSING: Mapping[str, Put] = {
    "429": lambda script: script.answer(429, times=1),
    "429 with a header": lambda script: script.answer(429, headers={"retry-after": "7"}, times=1),
    "500": lambda script: script.answer(500, "Ошибка", times=1),
    "connection lost": lambda script: script.drop(times=1),
    "connection lost in the body": lambda script: script.cut_off(times=1),
    "slow": lambda script: script.slow_body(5.0),
}

_ODD: Mapping[str, Put] = {
    "byte order mark": lambda script: script.byte_order_mark(),
    "called HTML": lambda script: script.header("content-type", "text/html; charset=utf-8"),
    "called nothing": lambda script: script.header("content-type", ""),
    "a charset that is none": lambda script: script.header(
        "content-type", "application/json; charset=x-none"
    ),
    "a clock of tomorrow": lambda script: script.date(timedelta(days=1)),
    "a clock of last year": lambda script: script.date(timedelta(days=-365)),
    "a date that is none": lambda script: script.header("date", "вчера".encode().decode("latin-1")),
}


@kit
class SourceFaults(SourceSetting):
    """Whatever the vendor does: the right levels or an error of `mpstock.errors`, never half as the whole."""

    half_shows: ClassVar[bool] = True
    """False: the vendor's format has no end (CSV), so that nobody can tell half of a body from the whole."""

    @pytest.mark.parametrize("fault", _LASTING)
    def test_lasting_fault_is_an_error(self, fault: str) -> None:
        """A vendor that goes on failing is an error that says what can be done, and nothing is complete."""
        self.only(self.http, "it sends no requests")
        put, kinds = _LASTING[fault]

        async def story(bench: SourceBench) -> None:
            put(bench.faults)
            told: Told[Reading] = await walked(bench.adapter.read(None))
            self.fails(bench, told, fault, *kinds)

        self.play(story)

    @pytest.mark.parametrize("fault", _LATER)
    def test_later_page_that_fails_is_an_error(self, fault: str) -> None:
        """Whichever request of a full read fails, nothing is complete: a page that is lost is no zero."""
        self.only(self.http, "it sends no requests")
        put, _ = _LASTING[fault]

        async def story(bench: SourceBench) -> None:
            await self.read(bench)
            number = len(bench.requests)
            for good in sorted({1, number - 1} & set(range(1, number))):
                # Anew: what an adapter has learnt at its first read (a login, say) it asks for again.
                other = self.make_bench(self.make_double(bench.clock), bench.clock, self.url)
                put(AfterFirst(other.faults, good))
                told: Told[Reading] = await walked(other.adapter.read(None))
                clean_error(other, told.error, f"{fault} after {good} of {number} requests")
                half = [page for page in told.pages if page.complete]
                assert not half, f"{fault} after {good} of {number} requests, and a page was `complete`"

        self.play(story)

    def test_half_a_body_is_an_error(self) -> None:
        """Half a body that arrives as if it were whole is found out by its format."""
        self.only(self.http and self.half_shows, "the format has no end")

        async def story(bench: SourceBench) -> None:
            bench.faults.cut_text()
            told: Told[Reading] = await walked(bench.adapter.read(None))
            self.fails(bench, told, "half a body", *_BAD_ANSWER)

        self.play(story)

    @pytest.mark.parametrize("fault", _PASSING)
    def test_passing_fault_is_waited_out(self, fault: str) -> None:
        """A fault that passes costs time, and no level."""
        self.only(self.http, "it sends no requests")

        async def story(bench: SourceBench) -> None:
            _PASSING[fault](bench.faults)
            began = bench.clock.monotonic()
            same(levels_of(await self.read(bench)), self.stock())
            if fault == "429 with a header":
                assert bench.clock.monotonic() - began >= 7, "Retry-After was 7 s, and was not waited for"

        self.play(story)

    @pytest.mark.parametrize("fault", _ODD)
    def test_odd_answer_is_read_right_or_refused(self, fault: str) -> None:
        """A mark, a wrong content type or a wrong clock of the server: the right levels, or a clean error."""
        self.only(self.http, "it sends no requests")

        async def story(bench: SourceBench) -> None:
            _ODD[fault](bench.faults)
            began = bench.clock.now()
            told: Told[Reading] = await walked(bench.adapter.read(None))
            if told.error is not None:
                self.fails(bench, told, fault, *_BAD_ANSWER)
                return
            same(levels_of(told.pages), self.stock())
            for page in told.pages:
                off = abs(page.as_of - began)
                assert off < timedelta(minutes=5), f"as_of is {off} off: it is the server's clock, not ours"

        self.play(story)

    def test_number_of_thousands_of_digits_spoils_no_other(self) -> None:
        """A number beyond every bound is unknown, or the answer is refused; it is never a number of ours."""
        self.only(self.http, "it sends no requests")
        sku, warehouse, mark = self.skus[0], self.warehouses[0], 987654

        async def story(bench: SourceBench) -> None:
            bench.simulator.set_level(sku, mark, warehouse)
            await bench.clock.sleep(self.settle)
            bench.faults.text(str(mark), "9" * 5000)
            told: Told[Reading] = await walked(bench.adapter.read(None))
            if told.error is not None:
                self.fails(bench, told, "a number of 5,000 digits", *_BAD_ANSWER)
                return
            levels = levels_of(told.pages)
            found = levels.get((sku, warehouse))
            assert found is None, f"a number of 5,000 digits was told as {found}"
            same(but(levels, sku), but(self.stock(), sku))

        self.play(story)

    @pytest.mark.parametrize("status", [302, 307])
    def test_secrets_do_not_follow_a_redirect(self, status: int) -> None:
        """Sent to another host, the adapter takes no secret there, and tells nothing as complete."""
        self.only(self.http, "it sends no requests")
        elsewhere = Elsewhere()

        async def story(bench: SourceBench, url: str) -> None:
            bench.faults.redirect(f"{url}/elsewhere", status)
            told: Told[Reading] = await walked(bench.adapter.read(None))
            elsewhere.hold(bench)
            self.fails(bench, told, f"a redirect with {status}", *_BAD_ANSWER)

        self.serve(story, elsewhere)

    def test_over_the_network_it_reads_the_same(self) -> None:
        """Over real HTTP, compressed and with a connection that is lost once, the levels are the same."""
        self.only(self.http, "it sends no requests")

        async def story(bench: SourceBench) -> None:
            same(levels_of(await self.read(bench)), self.stock())
            bench.faults.drop(times=1)
            same(levels_of(await self.read(bench)), self.stock())

        self.serve(story)
