"""The matcher of a write's answer, against answers in any order, with rows missing, foreign and double."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from mpstock import OutcomeStatus
from mpstock_ozon import answers, codes

OFFERS = st.text(min_size=1, max_size=5)
PAIRS = st.tuples(OFFERS, st.integers(min_value=1, max_value=2**63 - 1))
ERRORS = st.sampled_from(["TOO_MANY_REQUESTS", "PRODUCT_IS_ARCHIVED", "product_is_not_created", "NEW_CODE"])
VERDICTS = st.one_of(st.none(), ERRORS)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def row(pair, verdict, *, as_text: bool = False):
    offer, warehouse = pair
    errors = [] if verdict is None else [{"code": verdict, "message": "слова"}]
    return {
        "offer_id": offer,
        "warehouse_id": str(warehouse) if as_text else warehouse,
        "product_id": 0,
        "updated": verdict is None,
        "errors": errors,
    }


def expected(verdict) -> OutcomeStatus:
    if verdict is None:
        return OutcomeStatus.OK
    return OutcomeStatus.WAIT if verdict == "TOO_MANY_REQUESTS" else OutcomeStatus.ERROR


@st.composite
def conversations(draw):
    """What was asked, what of it was answered how, and the answer in any order with foreign rows."""
    verdicts = draw(st.dictionaries(PAIRS, VERDICTS, min_size=1, max_size=12))
    pairs = draw(st.permutations(list(verdicts)))
    answered = draw(st.lists(st.sampled_from(pairs), unique=True))
    foreign = [pair for pair in draw(st.lists(PAIRS, max_size=4, unique=True)) if pair not in verdicts]
    rows = [row(pair, verdicts[pair], as_text=draw(st.booleans())) for pair in answered]
    rows += [row(pair, None) for pair in foreign]
    rows += [one for one in rows if draw(st.integers(0, 4)) == 0]
    return pairs, verdicts, set(answered), draw(st.permutations(rows))


@given(conversations())
def test_each_pair_gets_its_own_verdict_in_any_order(conversation) -> None:
    """Order, foreign rows and repetition change nothing; a pair left out is an error."""
    pairs, verdicts, answered, rows = conversation
    outcomes = answers.match(json.loads(json.dumps({"result": rows})), pairs)
    assert outcomes is not None
    assert len(outcomes) == len(pairs)
    for pair, outcome in zip(pairs, outcomes, strict=True):
        if pair in answered:
            assert outcome.status is expected(verdicts[pair])
        else:
            assert (outcome.status, outcome.message) == (OutcomeStatus.ERROR, answers.LEFT_OUT)


@given(PAIRS, ERRORS)
def test_two_rows_that_contradict_each_other_leave_the_pair_in_doubt(pair, code) -> None:
    """Updated and refused at once: what the listing shows is not known."""
    for rows in ([row(pair, None), row(pair, code)], [row(pair, code), row(pair, None)]):
        outcomes = answers.match({"result": rows}, [pair])
        assert outcomes is not None
        assert outcomes[0].status is OutcomeStatus.DOUBT


@given(JUNK, PAIRS)
def test_junk_is_never_taken_for_success(junk, pair) -> None:
    """Whatever stands where the rows should be, no pair comes out as accepted, and nothing breaks."""
    outcomes = answers.match({"result": junk}, [pair])
    assert outcomes is None or outcomes[0].status is OutcomeStatus.ERROR
    strange = {**row(pair, None), "updated": junk, "errors": junk}
    outcomes = answers.match({"result": [strange]}, [pair])
    assert outcomes is not None
    assert (outcomes[0].status is OutcomeStatus.OK) == (junk is True)


@given(st.binary(max_size=400))
def test_any_body_of_a_refusal_becomes_a_short_text(body: bytes) -> None:
    """The words of a refusal are always one short line, whatever a proxy puts there."""
    words = answers.status(body).words
    assert len(words) <= 300
    assert "\n" not in words


def test_every_code_is_in_the_table_once_with_its_meaning() -> None:
    """The table of codes names each code once, says what it means, and how to mend what stays."""
    names = [refusal.code for refusal in codes.CODES]
    assert len(names) == len(set(names))
    assert all(refusal.means for refusal in codes.CODES)
    assert all(refusal.mend for refusal in codes.CODES if refusal.kind == "permanent")
    assert [refusal.code for refusal in codes.CODES if refusal.kind == "wait"] == ["TOO_MANY_REQUESTS"]
    assert all(codes.find(refusal.code.lower(), "") is refusal for refusal in codes.CODES)
