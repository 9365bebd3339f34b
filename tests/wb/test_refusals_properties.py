"""Whatever a 409 says, each change gets one outcome, and nobody is accused without being named."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mpstock import OutcomeStatus
from mpstock_wb import refusals
from tests.wb.harness import change

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
IDS = st.integers(min_value=1, max_value=12)
ROWS = st.fixed_dictionaries(
    {},
    optional={
        "chrtId": IDS | JSON,
        "sku": IDS.map(lambda number: f"b{number}") | st.just("") | JSON,
        "amount": st.integers() | JSON,
    },
)
CODES = st.sampled_from(
    ["NotFound", "StoreIsProcessing", "ProductPropertyConflict", "CargoWarehouseRestrictionSGT", "New"]
)
ELEMENTS = st.fixed_dictionaries(
    {"code": CODES | JSON, "message": st.text(max_size=5) | JSON},
    optional={"data": st.none() | st.lists(ROWS | JSON, max_size=4) | JSON},
)
BATCHES = st.lists(IDS, min_size=1, max_size=8, unique=True)


def batch_of(numbers: list[int]) -> list[Any]:
    return [change(number, number * 2, f"b{number}") for number in numbers]


@given(
    numbers=BATCHES, status=st.sampled_from([200, 400, 404, 406, 409, 413]), body=JSON | st.lists(ELEMENTS)
)
def test_any_answer_gives_each_change_one_outcome(numbers: list[int], status: int, body: Any) -> None:
    """No answer breaks the judgement, and none but 204 makes a change accepted."""
    verdict = refusals.judge(status, json.dumps(body).encode(), batch_of(numbers))
    assert len(verdict.outcomes) == len(numbers)
    assert all(outcome.status is not OutcomeStatus.OK for outcome in verdict.outcomes)


@given(numbers=BATCHES, status=st.integers(200, 499).filter(lambda status: status != 204), body=st.binary())
def test_any_bytes_give_each_change_one_outcome(numbers: list[int], status: int, body: bytes) -> None:
    """What is not even text is judged as well."""
    assert len(refusals.judge(status, body, batch_of(numbers)).outcomes) == len(numbers)


@given(
    numbers=BATCHES,
    named=st.lists(st.tuples(IDS, st.booleans(), CODES.filter(lambda code: code != "StoreIsProcessing"))),
)
def test_exactly_the_named_of_the_batch_are_refused(
    numbers: list[int], named: list[tuple[int, bool, str]]
) -> None:
    """By barcode or by id, each named item fails with the first code that names it, and nobody else."""
    body = [
        {
            "code": code,
            "message": "no",
            "data": [{"sku": f"b{number}"} if by_barcode else {"sku": "", "chrtId": number}],
        }
        for number, by_barcode, code in named
    ]
    verdict = refusals.judge(409, json.dumps(body).encode(), batch_of(numbers))
    first: dict[int, str] = {}
    for number, _, code in named:
        first.setdefault(number, code)
    accused = set(first) & set(numbers)
    for number, outcome in zip(numbers, verdict.outcomes, strict=True):
        if number in accused:
            assert (outcome.status, outcome.code) == (OutcomeStatus.ERROR, first[number])
        elif accused or not body:
            assert outcome.status is OutcomeStatus.DOUBT
        else:
            alone = len(numbers) == 1
            assert outcome.status is (OutcomeStatus.ERROR if alone else OutcomeStatus.WHOLE)
    assert (verdict.unnamed is None) == bool(accused or not body)


@given(numbers=BATCHES, shown=st.dictionaries(IDS, st.integers(0, 30)))
def test_a_read_back_accepts_exactly_what_shows_the_wanted_number(
    numbers: list[int], shown: dict[int, int]
) -> None:
    """What shows another number, or none but 0, is still to be settled."""
    batch = batch_of(numbers)
    body = json.dumps([{"code": "ProductPropertyConflict", "message": "no"}]).encode()
    refusal = refusals.judge(409, body, batch).unnamed
    assert refusal is not None
    for one, outcome in zip(batch, refusals.settle(batch, shown, refusal), strict=True):
        is_shown = shown.get(int(one.listing.external_id), 0) == one.new
        assert (outcome.status is OutcomeStatus.OK) == is_shown
