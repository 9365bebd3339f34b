"""One row of a list of stocks: JSON → `Row`. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

from attrs import define, frozen

from mpstock.model import Problem
from mpstock.rows.body import Twice
from mpstock.rows.quantities import LARGEST, UnreadableError, named, number, shown

__all__ = ["Row", "RowParser", "place", "trimmed"]

# What stands at the ends of an article and cannot be seen: every blank of Unicode, marks of byte
# order, width zero and direction, and NUL.
_BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + (
    "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060\u00ad\u180e\x00"
)
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_MISSING: Any = object()


@define
class Row:
    """What one row says.

    `sku` is None where the row could not be told to be about a product, `nameless` where that is
    because no article is written in it. `warehouse` is None where the row names one that cannot
    be read. `quantity` is None where any number of the row is unknown. `problems` say what was
    wrong, or worth telling; `bad` is set where the row's numbers cannot be used.
    """

    index: int
    sku: str | None
    warehouse: str | None
    quantity: int | Decimal | None
    reserved: int | Decimal
    updated_at: datetime | None
    problems: tuple[Problem, ...]
    nameless: bool = False

    @property
    def bad(self) -> bool:
        return self.sku is None or self.warehouse is None or self.quantity is None

    @property
    def place(self) -> str:
        return place(self.index)


@frozen
class RowParser:
    """Reads rows by the settings of a source.

    `warehouse` is taken where a row names none. `updated_at` is read only if `trust_updated_at`,
    and `zone` is its zone where it is written without one. `path` is where the rows lie in the
    body, `system` where they are mended and `numbers` how numbers are written there, for the messages.
    """

    warehouse: str
    trust_updated_at: bool = False
    zone: tzinfo | None = None
    path: str = "stocks"
    system: str = "the system that sends it"
    numbers: str = ""

    def __call__(self, data: object, index: int) -> Row:
        """Read the row `data`, which has the position `index` (from 0). It raises nothing."""
        if type(data) is not dict:
            return self._no_object(data, index)
        get = data.get
        sku = get("sku", _MISSING)
        warehouse = get("warehouse")
        quantity = get("quantity", _MISSING)
        reserved = get("reserved")
        # The rows as they should be take no more than this; a full read may have millions of them.
        if (
            type(quantity) is int
            and 0 <= quantity <= LARGEST
            and (reserved is None or (type(reserved) is int and 0 <= reserved <= LARGEST))
            and _is_clean(sku)
            and (warehouse is None or _is_clean(warehouse))
            and not self.trust_updated_at
            and type(get("updated_at", "")) is str
        ):
            return Row(index, sku, warehouse or self.warehouse, quantity, reserved or 0, None, ())
        return _Reading(self, index).row(sku, warehouse, quantity, reserved, get("updated_at"))

    def _no_object(self, data: object, index: int) -> Row:
        mend = 'a row looks like {"sku": "A-1", "quantity": 5}'
        if isinstance(data, Twice):
            mend = "which of them is right cannot be told"
        message = f"{self.path}[{index}] is {named(data)} and no row; {mend}"
        return Row(index, None, None, None, 0, None, (Problem(place(index), "row", message),))


def _is_clean(text: object) -> bool:
    # No blank but the ordinary one is printable, and nothing of what is trimmed or unfit.
    return type(text) is str and text.isprintable() and text != "" and text[0] != " " and text[-1] != " "


def place(index: int) -> str:
    """Name a row as people count: the row at index 0 is row 1."""
    return f"row {index + 1}"


def trimmed(text: str) -> str:
    """Return the text without what cannot be seen at its ends; its case and its inside are kept."""
    return text.strip(_BLANKS)


class _Reading:
    """The careful way through one row: field by field, each defect noted."""

    def __init__(self, parser: RowParser, index: int) -> None:
        self._parser = parser
        self._system = parser.system
        self._index = index
        self._sku: str | None = None
        self._noted: list[Problem] = []

    def row(self, sku: Any, warehouse: Any, quantity: Any, reserved: Any, updated_at: Any) -> Row:
        nameless = sku is _MISSING or sku is None or (isinstance(sku, str) and not trimmed(sku))
        self._sku = self._article(sku, nameless)
        where = self._warehouse(warehouse)
        units = self._number("quantity", quantity)
        kept = 0 if reserved is None else self._number("reserved", reserved)
        if units is not None and units < 0:
            self._note(
                "quantity", f"is {units}, below zero; it is counted as it is, look into it in {self._system}"
            )
        if kept is not None and kept < 0:
            self._note("reserved", f"is {kept}, below zero; a reserve takes units away and cannot add any")
            kept = None
        since, timely = self._time(updated_at)
        known = units is not None and kept is not None and timely
        return Row(
            self._index,
            self._sku,
            where,
            units if known else None,
            kept or 0,
            since,
            tuple(self._noted),
            nameless,
        )

    def _note(self, name: str, message: str) -> None:
        text = f"{self._parser.path}[{self._index}].{name} {message}"
        self._noted.append(Problem(place(self._index), name, text, self._sku))

    def _article(self, value: Any, nameless: bool) -> str | None:
        if nameless:
            self._note("sku", f"is empty; fill in the product's article in {self._system}, or leave it out")
            return None
        if not isinstance(value, str):
            # A number has lost the zeros before it ("007" and "7" are two products): no guess is made.
            mend = "write the article in quotes, with its leading zeros"
            self._note("sku", f"is {named(value)} and not text; {mend}")
            return None
        sku = trimmed(value)
        if _UNFIT.search(sku):
            self._note(
                "sku", f"is {shown(sku)}, with characters that no article has; mend it in {self._system}"
            )
            return None
        return sku

    def _warehouse(self, value: Any) -> str | None:
        if value is None:
            return self._parser.warehouse
        if not isinstance(value, str):
            self._note("warehouse", f"is {named(value)} and not text; write its name or code in quotes")
            return None
        name = trimmed(value)
        if _UNFIT.search(name):
            self._note(
                "warehouse",
                f"is {shown(name)}, with characters that no warehouse has; mend it in {self._system}",
            )
            return None
        return name or self._parser.warehouse

    def _number(self, name: str, value: Any) -> int | Decimal | None:
        if value is _MISSING:
            self._note(name, "is missing; a row without it says nothing about how many there are")
            return None
        try:
            return number(value)
        except UnreadableError as error:
            hint = self._parser.numbers if isinstance(value, str) else ""
            self._note(name, f"{error}: {hint}" if hint else str(error))
            return None

    def _time(self, value: Any) -> tuple[datetime | None, bool]:
        """Return the time and whether the row may be used: an unreadable time is one of unknown age."""
        if value is None or (isinstance(value, str) and not trimmed(value)):
            return None, True
        if not isinstance(value, str):
            self._note("updated_at", f"is {named(value)} and not text; write it as 2026-11-23T10:00:00Z")
            return None, not self._parser.trust_updated_at
        if not self._parser.trust_updated_at:
            return None, True
        text = trimmed(value)
        try:
            when = datetime.fromisoformat(text)
            if when.year == 1:
                # 1C's empty date.
                return None, True
            if when.tzinfo is None:
                if self._parser.zone is None:
                    self._note(
                        "updated_at",
                        f"is {shown(text)}, without a zone; write it in UTC with a Z, or set timezone",
                    )
                    return None, False
                # Of the two moments that one hour of autumn has, the earlier one is the safe one.
                when = when.replace(tzinfo=self._parser.zone)
            return when.astimezone(UTC), True
        except (ValueError, OverflowError):
            self._note("updated_at", f"is {shown(text)} and not a time; write it as 2026-11-23T10:00:00Z")
            return None, False
