"""How the supplier's double writes its list: CSV, YML, and XLSX with the fewest parts of ECMA-376."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape, quoteattr

__all__ = ["HEAD", "Levels", "csv_list", "xlsx", "xlsx_list", "yml_list"]

HEAD = ("Артикул", "Наименование", "Остаток", "Склад")
Levels = Mapping[tuple[str, str], Decimal]

_NAMESPACE = "http://schemas.openxmlformats.org"
_PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_NAMESPACE}/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Override PartName="/xl/workbook.xml" ContentType="application/'
        'vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>{types}</Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_NAMESPACE}/package/2006/relationships"><Relationship Id="rId1" '
        f'Type="{_NAMESPACE}/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/>'
        "</Relationships>"
    ),
}


def csv_list(levels: Levels, *, encoding: str = "cp1251", separator: str = ";", comma: bool = True) -> bytes:
    """Write a price list as Excel's «CSV (разделители — точка с запятой)» does: CRLF, decimal comma."""
    lines = [separator.join(HEAD)]
    for (sku, warehouse), quantity in levels.items():
        number = f"{quantity:f}".replace(".", ",") if comma else f"{quantity:f}"
        lines.append(
            separator.join(_cell(text, separator) for text in (sku, f"Товар {sku}", number, warehouse))
        )
    return "".join(f"{line}\r\n" for line in lines).encode(encoding)


def yml_list(levels: Levels, moment: datetime, *, encoding: str = "utf-8") -> bytes:
    """Write a catalogue of Yandex Market with the stock of each outlet."""
    offers: dict[str, list[tuple[str, Decimal]]] = {}
    for (sku, warehouse), quantity in levels.items():
        offers.setdefault(sku, []).append((warehouse, quantity))
    lines = [
        f'<?xml version="1.0" encoding="{encoding}"?>',
        '<!DOCTYPE yml_catalog SYSTEM "shops.dtd">',
        f'<yml_catalog date="{moment:%Y-%m-%d %H:%M}"><shop><name>Поставщик</name><offers>',
    ]
    for number, (sku, outlets) in enumerate(offers.items(), start=1):
        inside = "".join(f'<outlet id={quoteattr(name)} instock="{units:f}"/>' for name, units in outlets)
        lines.append(
            f'<offer id="{number}" available="true"><name>Товар {escape(sku)}</name><price>100</price>'
            f"<outlets>{inside}</outlets><vendorCode>{escape(sku)}</vendorCode></offer>"
        )
    lines.append("</offers></shop></yml_catalog>\n")
    return "\n".join(lines).encode(encoding, errors="xmlcharrefreplace")


def xlsx_list(levels: Levels) -> bytes:
    """Write a price list as a spreadsheet."""
    rows: Iterator[Sequence[Any]] = (
        (sku, f"Товар {sku}", quantity, warehouse) for (sku, warehouse), quantity in levels.items()
    )
    return xlsx({"Остатки": [HEAD, *rows]})


def xlsx(sheets: Mapping[str, Iterable[Sequence[Any]]], *, merged: Sequence[str] = ()) -> bytes:
    """Write a workbook. Cells are texts, numbers, booleans, None; a text that begins with `#` is an error."""
    body = io.BytesIO()
    numbers = range(1, len(sheets) + 1)
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        types = "".join(
            f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="application/'
            'vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
            for number in numbers
        )
        for name, part in _PARTS.items():
            archive.writestr(name, _XML + part.replace("{types}", types))
        named = "".join(
            f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="rId{number}"/>'
            for number, name in zip(numbers, sheets, strict=True)
        )
        archive.writestr(
            "xl/workbook.xml",
            f'{_XML}<workbook xmlns="{_NAMESPACE}/spreadsheetml/2006/main" '
            f'xmlns:r="{_NAMESPACE}/officeDocument/2006/relationships"><sheets>{named}</sheets></workbook>',
        )
        related = "".join(
            f'<Relationship Id="rId{number}" Type="{_NAMESPACE}/officeDocument/2006/relationships/worksheet" '
            f'Target="worksheets/sheet{number}.xml"/>'
            for number in numbers
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'{_XML}<Relationships xmlns="{_NAMESPACE}/package/2006/relationships">{related}</Relationships>',
        )
        for number, rows in zip(numbers, sheets.values(), strict=True):
            with archive.open(f"xl/worksheets/sheet{number}.xml", "w") as part_stream:
                for text in _worksheet(rows, merged):
                    part_stream.write(text.encode())
    return body.getvalue()


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def _worksheet(rows: Iterable[Sequence[Any]], merged: Sequence[str]) -> Iterator[str]:
    yield f'{_XML}<worksheet xmlns="{_NAMESPACE}/spreadsheetml/2006/main"><sheetData>'
    for number, row in enumerate(rows, start=1):
        cells = "".join(
            _xlsx_cell(f"{chr(65 + place)}{number}", value)
            for place, value in enumerate(row)
            if value is not None
        )
        yield f'<row r="{number}">{cells}</row>'
    yield "</sheetData>"
    if merged:
        inside = "".join(f'<mergeCell ref="{area}"/>' for area in merged)
        yield f'<mergeCells count="{len(merged)}">{inside}</mergeCells>'
    yield "</worksheet>"


def _xlsx_cell(place: str, value: Any) -> str:
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, (int, float, Decimal)):
        return f'<c r="{place}"><v>{value}</v></c>'
    if value.startswith("#"):
        return f'<c r="{place}" t="e"><v>{escape(value)}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def _cell(text: str, separator: str) -> str:
    if any(sign in text for sign in (separator, '"', "\n", "\r")):
        return '"' + text.replace('"', '""') + '"'
    return text
