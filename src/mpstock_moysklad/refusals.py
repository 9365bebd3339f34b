"""What МойСклад says when it refuses, in its own words, and what to do about it. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock_moysklad.wire import words_of

if TYPE_CHECKING:
    import httpx

__all__ = ["MENDS", "Refusal", "describe", "read_refusals"]

# JSON API 1.2, errors. What МойСклад says comes along; this is what helps.
MENDS = {
    1001: "look at base_url",
    1002: "look at base_url",
    1014: "report it: mpstock wrote a parameter that МойСклад does not take",
    1015: "look at base_url: it ends with /api/remap/1.2",
    1016: "give this user the right to see goods and stores (Настройки → Сотрудники)",
    1040: "look at the tariff of the account",
    1048: "wait, and mend login and password: МойСклад counts failed logins",
    1049: "nothing to do: the request is sent again, later",
    1056: "mend token, or login and password; a token dies when its user asks for a new one",
    1061: "the user's access to the API is off: a tariff without API, or too many failed requests; "
    "ask МойСклад's support",
    1062: "report it: mpstock sent a header Accept that МойСклад does not take",
    1069: "look at the tariff of the account",
    1070: "look at the tariff of the account",
    1073: "let fewer programs ask at once with this user: 5 requests may be under way",
    13003: "give this user the right to see the stock report (Настройки → Сотрудники)",
    13004: "the short report wants an administrator, or an employee with the permission «Остатки»",
    13005: 'the report is too large for МойСклад: try report = "all"',
}


@frozen
class Refusal:
    """One of `{"errors": [{error, code?, parameter?, error_message?, …}]}`."""

    words: str
    code: int | None

    def __str__(self) -> str:
        return self.words if self.code is None else f"{self.words} (code {self.code})"


def read_refusals(content: bytes) -> Sequence[Refusal]:
    """Read the body of an error answer; empty where it is not МойСклад's own."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return ()
    if isinstance(data, list):
        # Where several things were asked for, results and errors are mixed.
        found = [error for one in data if isinstance(one, dict) for error in _errors(one)]
    else:
        found = _errors(data)
    return tuple(_refusal(error) for error in found if isinstance(error, dict))


def describe(response: httpx.Response) -> str:
    """Say what an error answer says, and what helps; empty where it says nothing."""
    refusals = read_refusals(response.content)
    if refusals:
        return "; ".join([*map(str, refusals[:2]), *_mends(refusals)])
    header: str = response.headers.get("x-lognex-auth-message", "")
    if response.status_code in (401, 403) and header:
        return header
    # 502 to 504 come from what stands before МойСклад, as pages for people.
    return words_of(response.content.decode("utf-8", errors="replace"))


def _mends(refusals: Sequence[Refusal]) -> list[str]:
    return [MENDS[one.code] for one in refusals[:2] if one.code in MENDS]


def _errors(data: Any) -> list[Any]:
    errors = data.get("errors") if isinstance(data, dict) else None
    return errors if isinstance(errors, list) else []


def _refusal(error: dict[str, Any]) -> Refusal:
    words = [str(error[name]) for name in ("error", "error_message") if error.get(name)]
    if error.get("parameter"):
        words.append(f"parameter {error['parameter']}")
    code = error.get("code")
    return Refusal(": ".join(dict.fromkeys(words)) or "no words", code if type(code) is int else None)
