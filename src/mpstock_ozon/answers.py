"""What Ozon says of a write and of a refused request, in outcomes and in its own words."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock import Outcome, OutcomeStatus
from mpstock_ozon import codes, wire

if TYPE_CHECKING:
    import httpx

__all__ = ["LEFT_OUT", "Status", "culprits", "describe", "match", "status"]

LEFT_OUT = "Ozon's answer leaves this pair of offer_id and warehouse_id out"

_INDEX = re.compile(r"stocks\s*\[\s*(\d+)\s*\]", re.IGNORECASE)
_NOT_SHOWN = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_LONGEST = 300


@frozen
class Status:
    """A refusal of a whole request: `code` is that of gRPC (None where there is none), `words` Ozon's."""

    code: int | None
    words: str


def status(content: bytes) -> Status:
    """Read the body of a refusal: Ozon's rpcStatus, its older `{"error": …}`, or a proxy's page.

    Ozon Seller API, schema rpcStatus: `{"code": int, "message": str, "details": […]}`.
    """
    text = content.decode("utf-8", errors="replace")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return Status(None, _plain(text))
    if not isinstance(data, dict):
        return Status(None, _short(text))
    inner = data.get("error")
    if isinstance(inner, dict):
        data = inner
    message = data.get("message")
    if not isinstance(message, str) or not message:
        message = inner if isinstance(inner, str) and inner else text
    code = wire.integer(data.get("code"))
    if code is None and isinstance(data.get("code"), str) and data["code"] not in message:
        message = f"{data['code']}: {message}"
    return Status(code, _short(message))


def describe(response: httpx.Response) -> str:
    """Turn a refusal into a short text in Ozon's own words."""
    return status(response.content).words


def culprits(words: str, count: int) -> tuple[int, ...]:
    """Return which of `count` rows a refusal names as `Stocks[i]`, sorted; empty when it names none.

    One row that does not validate makes Ozon refuse the whole request.
    """
    named = sorted({int(index) for index in _INDEX.findall(words)})
    return tuple(named) if named and named[-1] < count else ()


def match(data: Mapping[str, Any], pairs: Sequence[tuple[str, int]]) -> list[Outcome] | None:
    """Return the outcome of each (offer_id, warehouse_id) of a write, in their order.

    None if the answer has no list of results, so that nothing is known of any pair. The answer's rows
    may come in any order; its product_id is not looked at, for it may be 0 or another than ours.
    """
    rows = data.get("result")
    if not isinstance(rows, list):
        return None
    answers: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for row in rows:
        if not isinstance(row, dict):
            continue
        offer, warehouse = row.get("offer_id"), wire.integer(row.get("warehouse_id"))
        if offer is not None and warehouse is not None:
            answers.setdefault((str(offer), warehouse), []).append(row)
    return [_agreed([_outcome(row) for row in answers.get(pair, ())]) for pair in pairs]


def _agreed(outcomes: Sequence[Outcome]) -> Outcome:
    if not outcomes:
        return Outcome(OutcomeStatus.ERROR, message=LEFT_OUT)
    refused = [outcome for outcome in outcomes if outcome.status is not OutcomeStatus.OK]
    if refused and len(refused) < len(outcomes):
        return Outcome(
            OutcomeStatus.DOUBT,
            refused[0].code,
            f"Ozon answered twice for this pair, once that it was updated and once: {refused[0].message}",
        )
    return min(refused, key=lambda one: one.status is OutcomeStatus.WAIT) if refused else outcomes[0]


def _outcome(row: Mapping[str, Any]) -> Outcome:
    if wire.flag(row.get("updated")):
        return Outcome(OutcomeStatus.OK)
    errors = list(_errors(row.get("errors")))
    if not errors:
        return Outcome(OutcomeStatus.ERROR, message="Ozon did not update it and says not why")
    known = [codes.find(code, message) for code, message in errors]
    if all(refusal is not None and refusal.kind == "wait" for refusal in known):
        kind, decisive = OutcomeStatus.WAIT, 0
    else:
        kind = OutcomeStatus.ERROR
        decisive = next(i for i, refusal in enumerate(known) if refusal is None or refusal.kind != "wait")
    told: list[str] = []
    for (code, message), refusal in zip(errors, known, strict=True):
        said = message or code
        told.append(f"{said} ({refusal})" if refusal is not None else said)
    return Outcome(
        kind,
        errors[decisive][0],
        "; ".join(dict.fromkeys(told)),
        codes.COOLDOWN if kind is OutcomeStatus.WAIT else None,
    )


def _errors(value: Any) -> Iterable[tuple[str, str]]:
    for error in value if isinstance(value, list) else ():
        if isinstance(error, dict):
            yield str(error.get("code") or ""), str(error.get("message") or "")
        elif error:
            yield "", str(error)


def _plain(text: str) -> str:
    return _short(html.unescape(_TAG.sub(" ", _NOT_SHOWN.sub(" ", text))))


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
