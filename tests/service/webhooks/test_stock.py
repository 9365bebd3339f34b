"""Rows that are pushed: taken whole or not at all, in the ledger before the answer, acted on at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from mpstock.service import Service
from tests.service.webhooks.doors import BEARER, TOKEN, play, settings, told

DOOR = "/webhooks/erp/stock"


def _post(path: Path, *bodies: Any, door: str = DOOR, **headers: str) -> list[httpx.Response]:
    async def work(client: httpx.AsyncClient, _: Service) -> list[httpx.Response]:
        answers = []
        for body in bodies:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            answers.append(await client.post(door, content=content, headers={**BEARER, **headers}))
        return answers

    return play(path, work)


def test_rows_are_in_the_ledger_when_they_are_answered(tmp_path: Path) -> None:
    """What is lower than what was read counts at once; it says how many rows it has taken."""
    (answer,) = _post(
        settings(tmp_path), {"stocks": [{"sku": "A", "quantity": 3}, {"sku": "B", "quantity": 9}]}
    )
    assert (answer.status_code, answer.json()) == (200, {"accepted": 2})
    assert answer.headers["content-type"] == "application/json"
    # B would rise, and its row says nothing of when it was true.
    assert told(tmp_path) == {"A": (5, 3), "B": (7, None)}


def test_a_row_with_its_own_time_may_raise(tmp_path: Path) -> None:
    """Of two rows the newer counts, also when it comes first."""
    newer = {"sku": "A", "quantity": 9, "updated_at": "2999-01-01T00:00:00Z"}
    older = {"sku": "A", "quantity": 1, "updated_at": "2020-01-01T00:00:00Z"}
    _post(settings(tmp_path), {"stocks": [newer]}, {"stocks": [older]})
    assert told(tmp_path)["A"] == (9, None)


def test_what_is_pushed_is_on_the_marketplace_at_once(tmp_path: Path) -> None:
    """Nobody asks for a run: the post has it done."""

    async def work(client: httpx.AsyncClient, service: Service) -> int:
        sink = next(built.sink for built in service.engine.sinks)
        with service.news.listen() as events:
            await client.post(DOOR, json={"stocks": [{"sku": "A", "quantity": 2}]}, headers=BEARER)
            async for event in events:
                if event.kind == "pushed":
                    break
        return sink.shown["A", "main"]  # type: ignore[attr-defined]

    assert play(settings(tmp_path), work) == 2


def test_one_bad_row_refuses_the_whole_body(tmp_path: Path) -> None:
    """Each bad row is named with its index and its field, and the good ones are not taken either."""
    rows = [{"sku": "A", "quantity": 1}, {"sku": "B", "quantity": "many"}, {"quantity": 3}, 7]
    (answer,) = _post(settings(tmp_path), {"stocks": rows})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [(error["index"], error["field"]) for error in answer.json()["errors"]] == [
        (1, "quantity"),
        (2, "sku"),
        (3, "row"),
    ]
    assert "stocks[1].quantity is text 'many' and not a number" in answer.json()["errors"][0]["message"]
    assert told(tmp_path)["A"] == (5, None)


def test_item_by_item_the_good_rows_are_taken(tmp_path: Path) -> None:
    """With `items = "each"` a bad row is named in the answer, and keeps no other row out."""
    path = settings(tmp_path, f'tokens = ["{TOKEN}"]\nitems = "each"')
    (answer,) = _post(path, {"stocks": [{"sku": "A", "quantity": 1}, {"sku": "B"}]})
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 1
    assert [(error["index"], error["field"]) for error in answer.json()["refused"]] == [(1, "quantity")]
    assert told(tmp_path) == {"A": (5, 1), "B": (7, None)}


def test_of_many_bad_rows_the_first_are_named_and_the_others_counted(tmp_path: Path) -> None:
    """An answer stays short, whatever was sent."""
    (answer,) = _post(settings(tmp_path), {"stocks": [{"sku": "A"}] * 250})
    assert len(answer.json()["errors"]) == 100
    assert answer.json()["more"] == 150


def test_a_product_that_stands_twice_is_refused(tmp_path: Path) -> None:
    """Whether the two are to be added up or the newer one counts cannot be told: each of them is named."""
    rows = [{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 1}, {"sku": " A ", "quantity": 3}]
    (answer,) = _post(settings(tmp_path), {"stocks": rows})
    assert answer.status_code == 422
    assert sorted(error["index"] for error in answer.json()["errors"]) == [0, 2]


def test_parts_of_a_unit_are_not_sold(tmp_path: Path) -> None:
    """A quantity is rounded down, a reserve up."""
    _post(settings(tmp_path), {"stocks": [{"sku": "A", "quantity": "4,9", "reserved": 1.2}]})
    assert told(tmp_path)["A"] == (5, 2)


def test_a_reserve_of_what_is_free_already_is_refused(tmp_path: Path) -> None:
    """It would be subtracted twice, and the settings say that it is not there."""
    path = settings(tmp_path, erp='quantity = "free"')
    (answer,) = _post(path, {"stocks": [{"sku": "A", "quantity": 4, "reserved": 1}]})
    assert [(error["index"], error["field"]) for error in answer.json()["errors"]] == [(0, "reserved")]


MALFORMED = [
    (b"", "the body is empty"),
    (b"\xff\xfe{", "no valid JSON"),
    (b'{"stocks": [{"sku": "A", "quantity": 1}', "the body ends in the middle"),
    (b'{"rows": []}', 'no "stocks" in the body'),
    (b'{"stocks": [], "stocks": []}', "stands twice"),
    (b"[" * 100_000, "lists within lists"),
    (b'{"stocks": ' + b'{"a":' * 50_000, "lists within lists"),
    (b"\xd0", "the body"),
    (b"\xd0\xd0\xd0", "the body is not UTF-8"),
    (b"null", "the body is null"),
]


def test_what_is_no_list_of_stocks_is_refused_with_its_reason(tmp_path: Path) -> None:
    """Nothing is guessed: the answer says what is wrong with the body and where."""
    answers = _post(settings(tmp_path), *[body for body, _ in MALFORMED])
    for answer, (_, said) in zip(answers, MALFORMED, strict=True):
        assert answer.status_code == 400
        assert said in answer.json()["detail"]


NUMBERS = ["NaN", "Infinity", "1e400", "9" * 5_000, "-1e999999999", "true", "null", '""', "[]", "{}"]


def test_numbers_that_nobody_can_count_with_are_refused(tmp_path: Path) -> None:
    """What JSON or Python lets through as a number is not therefore a quantity."""
    bodies = [f'{{"stocks": [{{"sku": "A", "quantity": {number}}}]}}'.encode() for number in NUMBERS]
    for answer, number in zip(_post(settings(tmp_path), *bodies), NUMBERS, strict=True):
        assert answer.status_code == 422, number
        assert answer.json()["errors"][0]["field"] == "quantity"


def test_a_mark_of_byte_order_is_no_part_of_the_body(tmp_path: Path) -> None:
    """1C writes one before its JSON."""
    (answer,) = _post(settings(tmp_path), b'\xef\xbb\xbf{"stocks": [{"sku": "A", "quantity": 1}]}')
    assert answer.json() == {"accepted": 1}


def _posts(path: Path, doors: list[str], headers: list[dict[str, str]]) -> list[httpx.Response]:
    async def work(client: httpx.AsyncClient, _: Service) -> list[httpx.Response]:
        return [
            await client.post(door, content=b'{"stocks": []}', headers={**BEARER, **more})
            for door in doors
            for more in headers
        ]

    return play(path, work)


def test_a_source_is_known_by_its_name_and_its_plugin_s(tmp_path: Path) -> None:
    """While there is only one of the plugin, no name needs to be looked up."""
    for answer in _posts(settings(tmp_path), ["/webhooks/memory/stock", DOOR], [{}]):
        assert answer.json() == {"accepted": 0}


def test_of_two_sources_of_a_plugin_one_must_be_named(tmp_path: Path) -> None:
    """The plugin's name would be a guess, and the answer says which names there are."""
    path = settings(tmp_path, more='[sources.other]\nplugin = "memory"')
    (answer,) = _posts(path, ["/webhooks/memory/stock"], [{}])
    assert answer.status_code == 404
    assert "erp, other" in answer.json()["detail"]


def test_a_source_that_takes_no_stock_is_told(tmp_path: Path) -> None:
    """A misspelt name gets the right one; a source of carts has no levels."""
    path = settings(tmp_path, more='[sources.baskets]\nplugin = "carts"')
    misspelt, carts = _posts(path, ["/webhooks/epr/stock", "/webhooks/baskets/stock"], [{}])
    assert misspelt.status_code == 404
    assert "did you mean erp?" in misspelt.json()["detail"]
    assert carts.status_code == 409


def test_a_body_must_say_that_it_is_json(tmp_path: Path) -> None:
    """What a foreign page can make a browser send is not taken, and nothing is unpacked."""
    kinds = ["text/plain", "", "multipart/form-data; boundary=x", "application/jsonp"]
    headers = [*({"Content-Type": kind} for kind in kinds), {"Content-Encoding": "gzip"}]
    assert [answer.status_code for answer in _posts(settings(tmp_path), [DOOR], headers)] == [415] * 5
    for kind in ("application/json; charset=utf-8", "application/vnd.shop+json"):
        (answer,) = _posts(settings(tmp_path), [DOOR], [{"Content-Type": kind}])
        assert answer.status_code == 200


def test_another_method_is_told_the_right_one(tmp_path: Path) -> None:
    """A door answers every method, in the same shape."""

    async def work(client: httpx.AsyncClient, _: Service) -> httpx.Response:
        return await client.get(DOOR)

    answer = play(settings(tmp_path), work)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["status"] == 405


def test_a_long_body_goes_in_by_parts_and_is_answered_once(tmp_path: Path) -> None:
    """Five thousand rows are one answer, and all of them are there."""
    rows = [{"sku": f"S-{n}", "quantity": n, "updated_at": "2999-01-01T00:00:00Z"} for n in range(5_000)]
    (answer,) = _post(settings(tmp_path), {"stocks": rows})
    assert answer.json() == {"accepted": 5_000}
    known = told(tmp_path)
    assert [known[f"S-{n}"][0] for n in (0, 1_999, 2_000, 4_999)] == [0, 1_999, 2_000, 4_999]


def test_what_may_not_raise_by_itself_has_the_source_read(tmp_path: Path) -> None:
    """A row without a time that would raise, or is new, is asked of the source, and then for a while not.

    One that lowers, or says what is known, asks for nothing.
    """
    asked: list[str] = []
    counts: list[int] = []

    async def work(client: httpx.AsyncClient, service: Service) -> None:
        service.runner.ask = lambda job: asked.append(job.name)  # type: ignore[assignment,return-value]
        for quantity in (4, 4, 9, 9):
            await client.post(DOOR, json={"stocks": [{"sku": "A", "quantity": quantity}]}, headers=BEARER)
            counts.append(asked.count("every"))
        await client.post(DOOR, json={"stocks": [{"sku": "new", "quantity": 1}]}, headers=BEARER)
        counts.append(asked.count("every"))

    play(settings(tmp_path, read_after="1h"), work)
    assert counts == [0, 0, 1, 1, 1]
    asked.clear()
    counts.clear()
    play(settings(tmp_path, read_after="0s"), work)
    assert counts == [0] * 5
