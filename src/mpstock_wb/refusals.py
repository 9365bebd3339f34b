"""What an answer to PUT /api/v3/stocks/{warehouseId} means for each change that was in it.

Pure: judged by code from the tables of `codes`. Not documented is whether the rest of a batch was applied
when a 409 names some of its items, so the rest is in doubt; nor who is meant by an element without
data, so that is settled by a read-back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from mpstock import Change, Outcome, OutcomeStatus
from mpstock_wb import codes, wire, words
from mpstock_wb.codes import Effect, Meaning

__all__ = ["Refusal", "Verdict", "judge", "judge_removal", "removable", "settle"]

_WHOLE_REQUEST = {
    Effect.BUSY: OutcomeStatus.BUSY,
    Effect.ALL: OutcomeStatus.ERROR,
    Effect.DOUBT: OutcomeStatus.DOUBT,
}


@frozen
class Refusal:
    """One refusal in Wildberries' words: its rows' sizes and barcodes, empty where it names nobody."""

    code: str
    message: str
    meaning: Meaning
    rows: tuple[tuple[int | None, str], ...] = ()

    def outcome(self, status: OutcomeStatus) -> Outcome:
        """Return the outcome of one change: the vendor's message first, then what to do about it."""
        said = self.message or self.code
        mend = self.meaning.mend
        return Outcome(
            status,
            code=self.code,
            message=f"{said} ({mend})" if said and mend else said or mend,
            retry_after=self.meaning.retry_after,
        )


@frozen
class Verdict:
    """One outcome for each change. `unnamed` is set when a read-back can say more: see `settle`."""

    outcomes: tuple[Outcome, ...]
    unnamed: Refusal | None = None


def judge(status: int, content: bytes, changes: Sequence[Change]) -> Verdict:
    """Judge an answer to the push of these changes."""
    if status == 204:
        return Verdict((Outcome(OutcomeStatus.OK),) * len(changes))
    try:
        data = words.decode(content)
    except ValueError:
        data = None
    if isinstance(data, list):
        elements = [_element(entry) for entry in data if isinstance(entry, dict)]
        if elements and status >= 400:
            return _judge_elements(elements, changes)
    return _judge_request(_request(status, content, data), changes)


def settle(changes: Sequence[Change], shown: Mapping[int, int | None], refusal: Refusal) -> list[Outcome]:
    """Judge a refusal that names nobody, by what the marketplace shows now.

    What shows the wanted number needs nothing more, whoever brought it there. Among the rest is the
    culprit: alone it is refused, in company it has to be looked for.
    """
    rest = _searched(refusal, changes)
    return [
        Outcome(OutcomeStatus.OK) if shown.get(int(change.listing.external_id), 0) == change.new else rest
        for change in changes
    ]


def removable(change: Change, outcome: Outcome) -> bool:
    """Say whether nothing but a removal takes this change's stock to zero."""
    return change.new == 0 and outcome.status is OutcomeStatus.ERROR and outcome.code in codes.CARGO


def judge_removal(status: int, content: bytes, refused: Outcome) -> Outcome:
    """Judge an answer to the removal of what was `refused`: it stays so unless the record is gone."""
    if status == 204:
        return Outcome(OutcomeStatus.OK, code=refused.code, message="refused at 0; its record was removed")
    try:
        data = words.decode(content)
    except ValueError:
        data = None
    refusal = _request(status, content, data)
    if refusal.meaning.effect is Effect.DOUBT:
        return refusal.outcome(OutcomeStatus.DOUBT)
    said = refusal.message or refusal.code
    return Outcome(
        OutcomeStatus.ERROR,
        code=refused.code,
        message=f"{refused.message}; and its record could not be removed: {said}",
        retry_after=refusal.meaning.retry_after,
    )


def _judge_elements(elements: Sequence[Refusal], changes: Sequence[Change]) -> Verdict:
    by_id = {int(change.listing.external_id): index for index, change in enumerate(changes)}
    by_barcode: dict[str, set[int]] = {}
    for index, change in enumerate(changes):
        for barcode in change.listing.keys.get("barcode", ()):
            by_barcode.setdefault(barcode, set()).add(index)

    named: dict[int, Refusal] = {}
    for element in elements:
        if element.meaning.effect is not Effect.ITEM:
            continue
        for chrt_id, barcode in element.rows:
            if chrt_id is not None:
                meant = {by_id[chrt_id]} if chrt_id in by_id else set()
            else:
                meant = by_barcode.get(barcode, set())
            # A barcode of two sizes of this batch does not say which of them is meant.
            if len(meant) == 1:
                for index in meant:
                    named.setdefault(index, element)

    busy = max(
        (element for element in elements if element.meaning.effect is Effect.BUSY),
        key=lambda element: element.meaning.retry_after or 0.0,
        default=None,
    )
    if busy is None and not named:
        return Verdict((_searched(elements[0], changes),) * len(changes), unnamed=elements[0])
    if busy is not None:
        rest = busy.outcome(OutcomeStatus.BUSY)
    else:
        told = next(iter(named.values()))
        rest = Outcome(
            OutcomeStatus.DOUBT,
            message=f"sent together with an item that was refused ({told.code or told.message})",
        )
    return Verdict(
        tuple(
            named[index].outcome(OutcomeStatus.ERROR) if index in named else rest
            for index in range(len(changes))
        )
    )


def _judge_request(refusal: Refusal, changes: Sequence[Change]) -> Verdict:
    status = _WHOLE_REQUEST.get(refusal.meaning.effect)
    outcome = refusal.outcome(status) if status else _searched(refusal, changes)
    return Verdict((outcome,) * len(changes))


def _searched(refusal: Refusal, changes: Sequence[Change]) -> Outcome:
    return refusal.outcome(OutcomeStatus.WHOLE if len(changes) > 1 else OutcomeStatus.ERROR)


def _element(entry: Mapping[str, Any]) -> Refusal:
    code = words.as_text(entry.get("code"))
    data = entry.get("data")
    rows = [data] if isinstance(data, dict) else data if isinstance(data, list) else []
    return Refusal(
        code=code,
        message=words.as_text(entry.get("message")),
        meaning=codes.ELEMENTS.get(code, codes.UNKNOWN_ELEMENT),
        rows=tuple(
            (chrt_id, barcode)
            for chrt_id, barcode in (
                (wire.as_id(row.get("chrtId")), words.as_text(row.get("sku")))
                for row in rows
                if isinstance(row, dict)
            )
            if chrt_id is not None or barcode
        ),
    )


def _request(status: int, content: bytes, data: Any) -> Refusal:
    said = words.words_of(content)
    code = words.as_text(data.get("code")) if isinstance(data, dict) else ""
    if code and (code in codes.REQUESTS or not words.is_problem(data)):
        fallback = codes.STATUSES.get(status) or codes.UNKNOWN_REQUEST.get(status) or _by_class(status)
        return Refusal(code, words.as_text(data.get("message")) or said, codes.REQUESTS.get(code, fallback))
    if status in codes.STATUSES:
        return Refusal(f"HTTP {status}", said, codes.STATUSES[status])
    if isinstance(data, dict) and words.is_problem(data):
        return Refusal(f"HTTP {status}", said, codes.UNKNOWN_REQUEST.get(status) or _by_class(status))
    return Refusal(f"HTTP {status}", f"not an answer that is documented: {said}", Meaning(Effect.DOUBT))


def _by_class(status: int) -> Meaning:
    return Meaning(Effect.ALL if 400 <= status < 500 else Effect.DOUBT)
