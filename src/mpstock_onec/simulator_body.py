"""How the 1C double writes its rows: as clean JSON, or with any of the habits of real services."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import ROUND_DOWN, Decimal
from typing import Literal

from attrs import define, field, frozen

__all__ = ["BOM", "Row", "Style", "body"]

BOM = b"\xef\xbb\xbf"
_MOSCOW = timezone(timedelta(hours=3))
_THOUSANDTH = Decimal("0.001")


@define
class Row:
    """What the system holds of one product in one warehouse; `changed_at` is the double's own knowledge."""

    sku: str
    warehouse: str
    quantity: Decimal
    changed_at: datetime
    reserved: Decimal | None = None


@frozen
class Style:
    """The habits of one service.

    `bom`              the body begins with a byte order mark.
    `numbers`          `"number"`; `"string"` (`"1234.5"`); `"grouped"` (`"1 234,5"`, as 1C makes text of a
                       number); `"bare"` (the same without quotes, which is no JSON).
    `separator`        what stands between thousands: U+00A0, U+202F (thin), a blank.
    `split_rows`       so many rows for each product and warehouse (characteristics, series), to be summed.
    `pad_sku`          blanks around the article.
    `omits_zero`       rows of zero are left out.
    `omits_warehouse`  rows do not say which warehouse they are of.
    `updated_at`       rows tell when they changed: `"local"` (without a zone, as 1C does), `"utc"`, or `""`.
    `zone`             the server's time zone.
    """

    bom: bool = False
    numbers: Literal["number", "string", "grouped", "bare"] = "number"
    separator: str = "\u00a0"
    split_rows: int = 1
    pad_sku: bool = False
    omits_zero: bool = False
    omits_warehouse: bool = False
    updated_at: Literal["", "local", "utc"] = ""
    zone: tzinfo = field(default=_MOSCOW)

    def row(self, row: Row) -> str:
        """Return the JSON objects of one row, comma between them; empty if it is left out."""
        if self.omits_zero and not row.quantity:
            return ""
        head = f'{{"sku":{_text(f" {row.sku}  " if self.pad_sku else row.sku)},"quantity":'
        tail = "" if self.omits_warehouse else f',"warehouse":{_text(row.warehouse)}'
        if self.updated_at:
            tail += f',"updated_at":"{self._moment(row.changed_at)}"'
        parts = _split(row.quantity, self.split_rows)
        written = [f"{head}{self._number(part)}{tail}}}" for part in parts]
        if row.reserved is not None:
            # Only the first says so: what is reserved is not split.
            written[0] = f'{written[0][:-1]},"reserved":{self._number(row.reserved)}}}'
        return ",".join(written)

    def _moment(self, moment: datetime) -> str:
        if self.updated_at == "utc":
            return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        return f"{moment.astimezone(self.zone):%Y-%m-%dT%H:%M:%S}"

    def _number(self, value: Decimal) -> str:
        if self.numbers == "number":
            return format(value, "f")
        if self.numbers == "string":
            return f'"{value:f}"'
        grouped = format(value, ",f").replace(".", ";").replace(",", self.separator).replace(";", ",")
        return grouped if self.numbers == "bare" else f'"{grouped}"'


def body(fragments: Sequence[str], style: Style) -> bytes:
    """Return the whole answer of rows that are written already."""
    text = f'{{"stocks":[{",".join(filter(None, fragments))}]}}'.encode()
    return BOM + text if style.bom else text


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _split(quantity: Decimal, rows: int) -> list[Decimal]:
    part = (quantity / rows).quantize(_THOUSANDTH, rounding=ROUND_DOWN) if rows > 1 else quantity
    return [*([part] * (rows - 1)), quantity - part * (rows - 1)]
