"""Units, weights, 429, and when nothing is asked for a while."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from mpstock.errors import AuthenticationError, RejectedError, TransientError
from mpstock.testing import VirtualClock, adapter_context, build_adapter, run_virtual
from mpstock_moysklad.breaker import Breaker
from mpstock_moysklad.simulator import MoyskladSimulator
from mpstock_moysklad.simulator_gate import RateModel
from mpstock_moysklad.weights import next_step, weight_of
from tests.moysklad.account import SPEC, TOKEN, URL, Told, World, good, refusal, row, settings, store

ERROR_1049 = "Превышено ограничение на количество запросов в единицу времени"


@pytest.mark.parametrize(
    ("kind", "moment", "weight"),
    [
        ("user", "2026-05-11T20:59:59", 1),
        ("user", "2026-05-11T21:00:00", 2),
        ("user", "2026-08-31T21:00:00", 3),
        ("user", "2026-11-30T20:59:59", 3),
        ("user", "2026-11-30T21:00:00", 4),
        ("user", "2030-01-01T00:00:00", 4),
        ("solution", "2030-01-01T00:00:00", 1),
        ("draft", "2026-04-12T20:59:59", 1),
        ("draft", "2026-04-12T21:00:00", 4),
    ],
)
def test_weight_follows_the_announced_days(kind: str, moment: str, weight: int) -> None:
    """The days begin in Moscow."""
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert weight_of(settings(token_kind=kind), now) == weight


def test_weight_of_the_settings_wins() -> None:
    """МойСклад changes its rules without notice."""
    now = datetime(2030, 1, 1, tzinfo=UTC)
    assert weight_of(settings(weight=9), now) == 9
    assert next_step(settings(weight=9), now) is None


async def _read(source: Any) -> int:
    return sum([len(reading.levels) async for reading in source.read(None)])


@pytest.mark.parametrize("model", ["fixed", "sliding", "leaky"])
@pytest.mark.parametrize("weight", [1, 4])
def test_no_request_is_refused_however_the_vendor_counts(model: RateModel, weight: int) -> None:
    """Twenty pages of a catalogue stay within 45 units in 3 s, and do not take much longer than they must."""

    async def main() -> tuple[list[int], float, int]:
        clock = VirtualClock()
        double = MoyskladSimulator(
            {(f"S-{number}", "main"): 1 for number in range(200)}, token=TOKEN, clock=clock, rate_model=model
        )
        double.gate.weight = weight
        double.settings(URL)
        for number in range(1_900):
            double.add_good(
                f"set {number}", kind="bundle" if number < 1_500 else "product", article=f"B-{number}"
            )
        source = build_adapter(SPEC, settings(weight=weight), adapter_context(double, "ms", clock))
        levels = await _read(source)
        return [one.status for one in double.requests], clock.monotonic(), levels

    statuses, seconds, levels = run_virtual(main)
    assert set(statuses) == {200}
    assert levels == 200 + 1_500
    must = (len(statuses) * weight - 45) * 3 / 45
    assert seconds <= max(must, 0) * 1.3 + 4


def test_day_on_which_requests_get_dearer_goes_by_unnoticed() -> None:
    """A process that began before that day counts by the new weight, and is not refused."""

    async def main() -> list[int]:
        clock = VirtualClock(datetime(2026, 11, 30, 20, 59, 58, tzinfo=UTC))
        double = MoyskladSimulator(token=TOKEN, clock=clock, rate_model="sliding")
        double.settings(URL)
        for number in range(1_500):
            double.add_good(f"set {number}", kind="bundle", article=f"B-{number}")
        source = build_adapter(SPEC, settings(), adapter_context(double, "ms", clock))
        await _read(source)
        return [one.status for one in double.requests]

    assert set(run_virtual(main)) == {200}


def test_refusal_for_too_many_is_waited_for_in_milliseconds() -> None:
    """`X-Lognex-Retry-After: 1500` are one and a half seconds."""
    answers: list[Any] = [
        refusal(429, 1049, ERROR_1049, X_Lognex_Retry_After="1500", X_Lognex_Retry_TimeInterval="3000"),
        [row("g1", 5)],
    ]
    told = Told(lambda _: answers.pop(0), [good("g1", "A")], [store("s1", "main")])
    before = told.clock.monotonic()
    assert told.read().quantities == {"A": 5}
    assert 1.5 <= told.clock.monotonic() - before < 4


def test_refusal_for_too_many_at_once_is_waited_for() -> None:
    """1073 comes without a word on how long."""
    answers: list[Any] = [refusal(429, 1073, "Превышено ограничение на одновременное количество запросов")]
    answers += [[row("g1", 5)]]
    told = Told(lambda _: answers.pop(0), [good("g1", "A")], [store("s1", "main")])
    assert told.read().quantities == {"A": 5}


def test_after_several_refusals_nothing_is_asked_for_a_while() -> None:
    """200 answers of 429 in a minute bar the user: we stop long before, and say so."""
    told = Told(refusal(429, 1049, ERROR_1049, X_Lognex_Retry_After="3000"))
    with pytest.raises(TransientError, match=ERROR_1049):
        told.read()
    count = len(told.requests)
    assert count <= 6
    with pytest.raises(
        TransientError, match=r"is not asked for another \d+ s.*количество запросов"
    ) as caught:
        told.read()
    assert caught.value.retry_after == pytest.approx(60, abs=1)
    assert len(told.requests) == count
    told.clock.advance(61)
    told.routes["/report/stock/bystore/current"] = [row("g1", 5)]
    told.routes["/entity/store"]["rows"] = [store("s1", "main")]
    told.routes["/entity/store"]["meta"]["size"] = 1
    assert told.read().last.complete


def test_the_user_is_never_barred() -> None:
    """A service that reads every other second an account which refuses everything, for half an hour."""
    world = World({("A", "main"): 1})
    body = json.dumps({"errors": [{"error": ERROR_1049, "code": 1049}]}, ensure_ascii=False)
    world.double.add_fault(status=429, times=-1, body=body)
    begin = world.clock.monotonic()
    while world.clock.monotonic() - begin < 1800:
        with pytest.raises(TransientError):
            world.read()
        world.clock.advance(2)
    times = [one.at for one in world.double.requests]
    worst = max(sum(1 for other in times if 0 <= other - at < 60) for at in times)
    assert worst <= 20


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(401, 1056, "Ошибка аутентификации"), AuthenticationError),
        (refusal(400, 1014, "Неверное значение"), RejectedError),
        (httpx.Response(415), RejectedError),
    ],
)
def test_same_failure_three_times_is_enough(answer: httpx.Response, error: type[Exception]) -> None:
    """200 identical failing requests in a minute bar the user as well."""
    told = Told(answer)
    for _ in range(3):
        with pytest.raises(error):
            told.read()
    count = len(told.requests)
    with pytest.raises(TransientError, match="is not asked"):
        told.read()
    assert len(told.requests) == count


def test_server_that_is_down_is_asked_again() -> None:
    """No connection is nobody's refusal, and harms nobody."""

    def down(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused")

    told = Told(down)
    for _ in range(5):
        with pytest.raises(TransientError, match="no connection"):
            told.read()


def test_breaker_pauses_longer_and_longer_and_forgets_when_it_works() -> None:
    """One minute, two, four, … a quarter of an hour; a good answer clears everything."""
    breaker = Breaker()
    now, pauses = 0.0, []
    for _ in range(3):
        breaker.failed("no", now)
    for _ in range(6):
        pauses.append(breaker.left(now))
        now += pauses[-1]
        assert breaker.left(now) == 0
        breaker.failed("no", now)
    assert pauses == [60, 120, 240, 480, 900, 900]
    breaker.good()
    breaker.failed("no", now)
    assert breaker.left(now) == 0


def test_different_failures_do_not_add_up() -> None:
    """Two of one kind and one of another are three failures, and no harm is done by asking again."""
    breaker = Breaker()
    for words in ("a", "b", "a", "b"):
        breaker.failed(words, 0.0)
    assert breaker.left(0.0) == 0
