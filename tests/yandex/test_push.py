"""Writing: one request, and what each of the Market's answers means for each change."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpstock import OutcomeStatus
from mpstock.errors import InDoubtError, NotSentError, PluginContractError, RejectedError
from mpstock.testing import VirtualClock, run_virtual
from mpstock_yandex import limits, wire
from tests.yandex.cabinet import KEY, OK, SPARE, Script, answer, change, refusal

S = OutcomeStatus


def push(script: Script, *changes: Any, **other: Any) -> list[Any]:
    return run_virtual(lambda: script.sink(**other).push(changes), clock=script.clock)


def statuses(outcomes: list[Any]) -> list[OutcomeStatus]:
    return [one.status for one in outcomes]


def test_a_write_is_one_request_with_the_key_and_the_moment() -> None:
    """SKUs and counts go to the store's address, with the Api-Key and when the numbers were true."""
    script = Script(OK)
    outcomes = push(script, change("A-1", 5), change("Ё 2", 0))
    (request,) = script.requests
    assert statuses(outcomes) == [S.OK, S.OK]
    assert (request.method, request.url.path) == ("PUT", "/v2/campaigns/2101/offers/stocks")
    assert request.headers["api-key"] == KEY
    moment = script.clock.now().isoformat(timespec="milliseconds")
    assert script.body() == {
        "skus": [
            {"sku": "A-1", "items": [{"count": 5, "updatedAt": moment}]},
            {"sku": "Ё 2", "items": [{"count": 0, "updatedAt": moment}]},
        ]
    }


def test_what_would_spoil_the_request_is_not_sent() -> None:
    """A negative number, one above the most and a text that is no SKU are refused here, by name."""
    script = Script(OK)
    outcomes = push(
        script,
        change("A", -1),
        change("B", 7),
        change("C", limits.MAXIMUM + 1),
        change("x" * 256, 1),
        change("", 1),
    )
    assert statuses(outcomes) == [S.ERROR, S.OK, S.ERROR, S.ERROR, S.ERROR]
    assert [row["sku"] for row in script.body()["skus"]] == ["B"]
    assert "-1" in outcomes[0].message
    assert "not sent" in outcomes[3].message


def test_nothing_goodish_means_no_request() -> None:
    """A push of nothing, or of nothing that can be sent, asks nobody."""
    script = Script()
    assert push(script) == []
    assert statuses(push(script, change("A", -1))) == [S.ERROR]
    assert script.requests == []


def test_the_lowest_of_two_numbers_for_one_sku_is_sent() -> None:
    """Two objects with one SKU spoil a request; the lower number promises nothing that is not there."""
    script = Script(OK)
    outcomes = push(script, change("A", 9), change("A", 4), change("A", 6))
    assert [row["items"][0]["count"] for row in script.body()["skus"]] == [4]
    assert statuses(outcomes) == [S.ERROR, S.OK, S.ERROR]
    assert outcomes[0].code == "DuplicateSku"


def test_misuse_is_an_error_before_anything_is_sent() -> None:
    """Two stores in one push, or more than 2,000 SKUs, are the caller's mistake."""
    script = Script()
    with pytest.raises(PluginContractError, match="one store"):
        push(script, change("A", 1), change("B", 1, SPARE))
    with pytest.raises(PluginContractError, match="2000"):
        push(script, *(change(f"S{number}", 1) for number in range(2001)))
    assert script.requests == []


def test_a_body_beyond_512_kb_is_filled_and_the_rest_told_as_not_sent() -> None:
    """2,000 long SKUs do not fit: what does is sent at once, the rest is computed anew and sent again."""
    script = Script(OK)
    changes = [change(f"{number:04d}" + "Ж" * 251, 1) for number in range(2000)]
    outcomes = push(script, *changes)
    sent = len(script.body()["skus"])
    assert len(script.requests[0].content) <= 512 * 1024
    assert statuses(outcomes) == [S.OK] * sent + [S.UNSENT] * (2000 - sent)
    assert sent > 700


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=255).filter(wire.usable_sku), st.integers(0, limits.MAXIMUM)),
        min_size=1,
        max_size=30,
    )
)
def test_the_measure_of_a_body_is_never_too_small(rows: list[tuple[str, int]]) -> None:
    """What is said to fit does, whatever letters the SKUs have."""
    body = wire.stocks_body(rows, datetime.fromisoformat("2026-11-27T12:00:00.123+00:00"))
    size = len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())
    assert wire.fitting(rows, size - 1) <= len(rows)
    room = wire.fitting(rows, 2000)
    part = wire.stocks_body(rows[:room], datetime.fromisoformat("2026-11-27T12:00:00.123+00:00"))
    assert room == 1 or len(json.dumps(part, ensure_ascii=False, separators=(",", ":")).encode()) <= 2000


# ------------------------------------------------------------------- refusals


def test_who_is_named_has_failed_and_the_rest_is_sent_again() -> None:
    """A refusal that names SKUs fails these with the Market's words; the others surely were not applied."""
    script = Script(refusal(400, "Unknown sku: 'B', 'C'", "UNKNOWN_SKU"))
    outcomes = push(script, change("A", 1), change("B", 1), change("C", 1), change("D", 1))
    assert statuses(outcomes) == [S.UNSENT, S.ERROR, S.ERROR, S.UNSENT]
    assert (outcomes[1].code, outcomes[1].message) == ("UNKNOWN_SKU", "Unknown sku: 'B', 'C'")


@pytest.mark.parametrize(
    "message",
    [
        "Value of field (skus[1].items[0].count) must be less",
        "shopSku: B is not found",
        'offerIds "B" not found',
        "SKU «B» не найден",
        "skus=[B]",
    ],
)
def test_a_sku_is_found_in_the_market_s_words(message: str) -> None:
    """By place in the request, in quotes or brackets, or after the word, whatever the language."""
    outcomes = push(Script(refusal(400, message)), change("A", 1), change("B", 1))
    assert statuses(outcomes) == [S.UNSENT, S.ERROR]


def test_a_sku_that_is_a_common_word_is_not_blamed_for_standing_in_a_sentence() -> None:
    """Words "field" and "5" in the Market's prose name no SKU: nobody is blamed, the request is halved."""
    outcomes = push(
        Script(refusal(400, "Value of field must be between 5 and 10")), change("field", 1), change("5", 1)
    )
    assert statuses(outcomes) == [S.WHOLE, S.WHOLE]


def test_a_refusal_that_names_nobody_is_settled_by_halves() -> None:
    """Of several changes it is WHOLE; of one it is that one's."""
    told = refusal(400, "JSON: Unexpected character")
    assert statuses(push(Script(told), change("A", 1), change("B", 1))) == [S.WHOLE, S.WHOLE]
    (alone,) = push(Script(told), change("A", 1))
    assert (alone.status, alone.message) == (S.ERROR, "BAD_REQUEST: JSON: Unexpected character")


@pytest.mark.parametrize(
    ("status", "message"),
    [(400, "Campaign type is not allowed"), (404, "Campaign not found: '2101'")],
)
def test_what_is_said_of_the_whole_store_is_not_halved(status: int, message: str) -> None:
    """A store that stock cannot be written to refuses each change: smaller requests would help nobody."""
    outcomes = push(Script(refusal(status, message)), change("A", 1), change("B", 1))
    assert statuses(outcomes) == [S.ERROR, S.ERROR]
    assert message in outcomes[0].message


def test_a_locked_store_is_waited_for() -> None:
    """423: the store is being moved to another cabinet; nothing was applied, and it passes."""
    outcomes = push(Script(refusal(423, "Campaign is in business migration", "LOCKED")), change("A", 1))
    assert statuses(outcomes) == [S.BUSY]
    assert outcomes[0].retry_after == 600.0


@pytest.mark.parametrize(
    "told",
    [
        answer({"status": "WELL"}),
        answer([1, 2]),
        httpx.Response(200, text="<html><title>Вход</title></html>"),
        httpx.Response(204),
    ],
)
def test_an_answer_that_is_neither_ok_nor_a_refusal_is_doubt(told: httpx.Response) -> None:
    """Whether it wrote anything is not known."""
    assert statuses(push(Script(told), change("A", 1), change("B", 1))) == [S.DOUBT, S.DOUBT]


def test_an_error_that_comes_with_200_is_an_error() -> None:
    """The envelope goes before the HTTP status."""
    told = answer({"status": "ERROR", "errors": [{"code": "X", "message": "sku 'A' is bad"}]})
    assert statuses(push(Script(told), change("A", 1), change("B", 1))) == [S.ERROR, S.UNSENT]


def test_a_method_that_is_gone_says_so() -> None:
    """405 and 410 are nothing that the seller can mend: a newer plugin is named."""
    with pytest.raises(RejectedError, match="newer mpstock-yandex") as caught:
        push(Script(refusal(405, "Request method 'PUT' not supported")), change("A", 1))
    assert caught.value.code == "405"


def test_the_key_is_in_no_outcome() -> None:
    """A Market that repeats the key in its words does not bring it into the log."""
    (outcome,) = push(Script(refusal(400, f"bad token {KEY}")), change("A", 1))
    assert KEY not in outcome.message
    assert "***" in outcome.message


# ------------------------------------------------------------------- 420


def test_too_many_requests_over_time_names_when_to_come_back() -> None:
    """420 is surely not applied; `X-RateLimit-Resource-Until` says for how long to leave the Market alone."""
    until = {
        "x_ratelimit_resource_until": "Mon, 12 Jan 2026 09:00:42 GMT",
        "x_ratelimit_resource_remaining": "0",
    }
    words = "Hit rate limit of 100000 requests per 60 seconds for resource updateStocks"
    with pytest.raises(NotSentError, match="Hit rate limit of 100000") as caught:
        push(Script(refusal(420, words, "LIMIT_EXCEEDED", **until)), change("A", 1))
    assert caught.value.retry_after == pytest.approx(42.0, abs=1)


# --------------------------------------------------------------- updatedAt


def stamps(script: Script) -> list[str | None]:
    return [script.body(n)["skus"][0]["items"][0].get("updatedAt") for n in range(len(script.requests))]


class SetBack(VirtualClock):
    """A clock that somebody sets back: time goes on, from an earlier hour."""

    behind = timedelta(0)

    def now(self) -> datetime:
        return super().now() - self.behind


def test_a_later_write_never_has_an_earlier_moment() -> None:
    """A clock that is set back does not make the Market drop what is sent afterwards."""
    script = Script(OK, OK, OK)
    script.clock = clock = SetBack()

    async def story() -> None:
        sink = script.sink()
        await sink.push([change("A", 1)])
        await sink.push([change("A", 2)])
        clock.behind = timedelta(minutes=5)
        await sink.push([change("A", 3)])

    run_virtual(story, clock=clock)
    first, second, third = (datetime.fromisoformat(str(one)) for one in stamps(script))
    assert first < second < third


def test_where_the_clocks_disagree_the_market_s_own_counts() -> None:
    """A machine whose clock is wrong by minutes sends no moment: the Market takes that of the arrival."""
    wrong = answer({"status": "OK"}, date="Mon, 12 Jan 2026 09:05:00 GMT")
    right = answer({"status": "OK"}, date="Mon, 12 Jan 2026 09:00:03 GMT")
    script = Script(wrong, right, OK)

    async def story() -> None:
        sink = script.sink()
        for number in range(3):
            await sink.push([change("A", number)])

    run_virtual(story, clock=script.clock)
    assert [one is None for one in stamps(script)] == [False, True, False]


def test_the_moment_can_be_left_out() -> None:
    """`updated_at = false` sends numbers alone."""
    script = Script(OK)
    push(script, change("A", 1), updated_at=False)
    assert script.body() == {"skus": [{"sku": "A", "items": [{"count": 1}]}]}


def test_a_push_that_timed_out_is_in_doubt_and_sent_once() -> None:
    """Nobody knows whether it was applied, and it is not repeated from here."""

    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("no answer", request=request)

    script = Script(lost)
    with pytest.raises(InDoubtError):
        push(script, change("A", 1))
    assert len(script.requests) == 1
