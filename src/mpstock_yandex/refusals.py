"""What the Market's answer to a write means for each of its changes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mpstock import Outcome, OutcomeStatus
from mpstock_yandex.calls import LOCKED, LOCKED_PAUSE
from mpstock_yandex.words import Said, decode, errors_of, is_error

if TYPE_CHECKING:
    from mpstock import Change

__all__ = ["NO_SUCH_METHOD", "judge"]

NO_SUCH_METHOD = frozenset({405, 410, 415})
"""The Market does not know the method, or not so: nothing that the seller can mend."""

_STORE_WIDE = ("Campaign type is not allowed", "Campaign not found")
"""Words that are said of a whole store: to send its changes in smaller requests helps nobody."""

_PLACE = re.compile(r"skus\s*\[\s*(\d+)\s*\]")
_QUOTED = re.compile(r"""«([^»]+)»|"([^"]+)"|'([^']+)'|`([^`]+)`|\[([^\[\]]+)\]""")
_NAMED = re.compile(
    r"\b(?:sku|skus|shopSku|offerId|offerIds)\b\s*[:=]?\s*(\S+(?:\s*,\s*\S+)*)", re.IGNORECASE
)


def judge(status: int, content: bytes, words: str, batch: Sequence[Change]) -> list[Outcome]:
    """Return one outcome for each change of the batch that was sent. `words` are the Market's own.

    A write is taken as a whole or refused as a whole. Whom a refusal names has failed; what stood beside it
    is sent again. A refusal that names nobody is settled by halves.
    """
    try:
        data = decode(content)
    except ValueError:
        data = None
    if 200 <= status < 300:
        if isinstance(data, dict) and data.get("status") == "OK":
            return [Outcome(OutcomeStatus.OK)] * len(batch)
        if not is_error(data):
            told = f"Yandex Market's answer {words!r} is neither OK nor a refusal; what it wrote is not known"
            return [Outcome(OutcomeStatus.DOUBT, str(status), told)] * len(batch)
    said = errors_of(data)
    code = next((one.code for one in said if one.code), str(status))
    if status == LOCKED:
        return [Outcome(OutcomeStatus.BUSY, code, words, LOCKED_PAUSE)] * len(batch)
    if status == 404 or any(one.message.startswith(_STORE_WIDE) for one in said):
        return [Outcome(OutcomeStatus.ERROR, code, words)] * len(batch)
    if len(batch) == 1:
        return [Outcome(OutcomeStatus.ERROR, code, words)]
    culprits = _culprits(said, batch)
    if not culprits:
        return [Outcome(OutcomeStatus.WHOLE, code, words)] * len(batch)
    beside = Outcome(OutcomeStatus.UNSENT, code, f"another SKU spoiled the request: {words}")
    return [culprits.get(index, beside) for index in range(len(batch))]


def _culprits(said: Sequence[Said], batch: Sequence[Change]) -> dict[int, Outcome]:
    """Return the changes that a refusal names, by SKU or by place, each with the words that do."""
    places = {change.listing.external_id: index for index, change in enumerate(batch)}
    found: dict[int, Outcome] = {}
    for one in said:
        text = f"{one.code} {one.message}"
        named = {int(place) for place in _PLACE.findall(text) if int(place) < len(batch)}
        named |= {places[sku] for sku in _skus(text) if sku in places}
        for index in named:
            found.setdefault(index, Outcome(OutcomeStatus.ERROR, one.code, one.message or one.code))
    return found


def _skus(text: str) -> set[str]:
    """Return what may be SKUs in a text: what stands in quotes or brackets, and after the word."""
    chosen = [part for groups in _QUOTED.findall(text) for part in groups if part]
    chosen += _NAMED.findall(text)
    parts = {piece.strip().strip(".;:\"'`«»[]()") for part in chosen for piece in part.split(",")}
    return {*parts, *(part.strip() for part in chosen)} - {""}
