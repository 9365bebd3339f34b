"""The source `carts`: units in open carts of the seller's own shop, held for a while.

They are put in through `Shop.hold` and `Shop.release`, or read from an address that tells all of them.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mpstock.errors import RejectedError, UnexpectedResponseError
from mpstock.model import Finding, Hold, Problem, Reading
from mpstock.secret import Secret
from mpstock.validators import above_zero, address

if TYPE_CHECKING:
    from mpstock.interfaces import Context, Rate

__all__ = ["CartsSettings", "CartsSource"]


@frozen
class CartsSettings:
    """`[sources.NAME]` with `plugin = "carts"`.

    `url`        where all open carts are read; left out, they are put in through the library alone.
    `token`      is sent as `Authorization: Bearer …`.
    `ttl`        how long a cart holds its units where it does not say until when.
    `warehouse`  the own warehouse that carts take from where they do not say; left out, it is not known.
    `timeout`    how long one request may take.
    """

    url: str = field(
        default="",
        validator=address(
            "https://shop.example/carts", written_as="token", empty=True, query=True, shown=False
        ),
    )
    token: Secret | None = None
    ttl: timedelta = field(default=timedelta(minutes=15), validator=above_zero("15m"))
    warehouse: str | None = None
    timeout: timedelta = field(default=timedelta(seconds=30), validator=above_zero("30s"))


class CartsSource:
    """Reads `{"carts": [{"key", "sku", "quantity", "warehouse"?, "expires_at"?, "taken_at"?}, …]}`.

    The answer is all there is: a cart that it leaves out has ended. A cart that cannot be read is a problem
    of its own; while there is one, no other is ended by being left out, for it may be that one.
    """

    def __init__(self, settings: CartsSettings, context: Context) -> None:
        self._settings = settings
        self._context = context

    @property
    def rates(self) -> Sequence[Rate]:
        return ()

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """Yield every open cart as a hold; nothing where no address is set."""
        as_of = self._context.clock.now()
        if not self._settings.url:
            yield Reading([], as_of)
            return
        holds, problems = await self._carts(as_of)
        yield Reading([], as_of, holds=holds, holds_complete=not problems, problems=problems)

    async def check(self) -> AsyncIterator[Finding]:
        """Read the carts once, and say how many there are."""
        if not self._settings.url:
            yield Finding("ok", "carts", "they are put in through the library")
            return
        holds, problems = await self._carts(self._context.clock.now())
        yield Finding("ok", "carts", f"{len(holds)} open, {sum(hold.quantity for hold in holds)} units")
        for problem in problems[:10]:
            yield Finding("warning", f"carts {problem.place}", f"{problem.name}: {problem.message}")

    async def _carts(self, as_of: datetime) -> tuple[list[Hold], list[Problem]]:
        settings, name = self._settings, self._context.name
        headers = {"Accept": "application/json"}
        if settings.token is not None:
            headers["Authorization"] = f"Bearer {settings.token.reveal()}"
        answer = await self._context.transport.request(
            "GET", settings.url, scopes=(), headers=headers, timeout=settings.timeout.total_seconds()
        )
        if answer.status_code != 200:
            raise RejectedError(f"answered {answer.status_code} instead of a list of carts", adapter=name)
        try:
            told = json.loads(answer.content.decode("utf-8-sig"))["carts"]
            rows = list(enumerate(told)) if isinstance(told, list) else None
        except (ValueError, KeyError, TypeError, RecursionError):
            rows = None
        if rows is None:
            raise UnexpectedResponseError(
                'answered something that is not {"carts": […]}; nothing of it is used', adapter=name
            )
        holds: dict[tuple[str, str], Hold] = {}
        problems: list[Problem] = []
        for index, row in rows:
            found = _hold(row, index, settings, as_of)
            if isinstance(found, Problem):
                problems.append(found)
            else:
                before = holds.get((found.key, found.sku))
                units = found.quantity + (0 if before is None else before.quantity)
                holds[found.key, found.sku] = Hold(
                    found.key, found.sku, units, found.taken_at, found.warehouse, found.expires_at
                )
        return list(holds.values()), problems


def _hold(row: Any, index: int, settings: CartsSettings, as_of: datetime) -> Hold | Problem:
    place = f"row {index + 1}"
    if not isinstance(row, dict):
        return Problem(place, "", f"must be an object, not {type(row).__name__}")
    key, sku, quantity = row.get("key"), row.get("sku"), row.get("quantity")
    name = sku.strip() if isinstance(sku, str) else None
    for field_name, value in (("key", key), ("sku", sku)):
        if not isinstance(value, str) or not value.strip():
            return Problem(place, field_name, "is missing, or no text", name or None)
    if not isinstance(quantity, int) or isinstance(quantity, bool) or not 0 <= quantity < 10**9:
        return Problem(place, "quantity", f"must be a whole number of units, not {quantity!r}", name)
    moments: dict[str, datetime | None] = {}
    for field_name in ("taken_at", "expires_at"):
        value = row.get(field_name)
        moment = None if value is None else _moment(value)
        if value is not None and moment is None:
            return Problem(place, field_name, f"must be a time with its zone (ISO 8601), not {value!r}", name)
        moments[field_name] = moment
    warehouse = row.get("warehouse") or settings.warehouse
    if warehouse is not None and not isinstance(warehouse, str):
        return Problem(place, "warehouse", f"must be a name, not {warehouse!r}", name)
    taken_at = moments["taken_at"] or as_of
    return Hold(
        str(key).strip(),
        str(name),
        quantity,
        min(taken_at, as_of),
        warehouse,
        moments["expires_at"] or taken_at + settings.ttl,
    )


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if moment is None or moment.tzinfo is None else moment.astimezone(UTC)
