from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mpstock.errors import UnexpectedResponseError
from tests.files.supplier import Supplier, read
from tests.specs import shared


def yml(*offers: str, encoding: str = "UTF-8", doctype: str = "") -> bytes:
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>{doctype}<yml_catalog date="2026-01-12 12:00"><shop>'
        f"<name>Лавка</name><offers>{''.join(offers)}</offers></shop></yml_catalog>"
    )
    return text.encode(encoding)


def offer(inside: str, code: str = "A", attributes: str = "") -> str:
    return f'<offer id="1" {attributes}><vendorCode>{code}</vendorCode>{inside}</offer>'


def test_a_real_catalogue_is_read_rightly(tmp_path: Path) -> None:
    """Outlets are added up, `count` counts, `available` does not; read in place."""
    path = shared() / "samples/supplier/yml_outlets_instock.xml"
    assert Supplier(tmp_path, path=path, yml_sku="id").read().quantities == {
        "158": 50,
        "9012": 70,
        "12346": 0,
    }
    each = Supplier(tmp_path, path=path, yml_sku="id", outlets="each", warehouses={"2": "msk"}).read()
    assert each.by_key == {("158", "1"): 50, ("9012", "1"): 50, ("9012", "msk"): 20, ("12346", "supplier"): 0}
    coded = Supplier(tmp_path, path=path).read()
    assert coded.quantities == {"12345678": 50, "A1234567B": 0}
    assert coded.last.absent == "unknown"
    by_barcode = Supplier(tmp_path, path=path, yml_sku="barcode", rows_without_sku="ignore").read()
    assert by_barcode.quantities == {"7564756475648": 50, "0123456789379": 70}


@pytest.mark.parametrize(
    ("inside", "attributes", "expected"),
    [
        ("<count>5</count>", 'available="false"', 5),
        ("", 'available="true"', None),
        ("", 'available="false"', None),
        ("<count></count>", "", None),
        ("<count>много</count>", "", 1),
        ("<count>?</count>", "", None),
        ("<count>5</count><disabled>true</disabled>", "", 0),
        ("<count>5</count>", 'disabled="true"', 0),
        ("<count>5</count><disabled>false</disabled>", "", 5),
        (
            '<count>9</count><outlets><outlet id="1" instock="2"/><outlet id="2" instock="3"/></outlets>',
            "",
            5,
        ),
        ('<outlets><outlet id="1" instock="2"/><outlet id="2" instock="x"/></outlets>', "", None),
        ('<count>9</count><outlets><outlet id="1"/></outlets>', "", 9),
        ('<outlets><outlet id="1" instock="2.5"/><outlet id="2" instock="2.5"/></outlets>', "", 5),
    ],
)
def test_stock_of_an_offer(tmp_path: Path, inside: str, attributes: str, expected: int | None) -> None:
    """Outlets before count, never both; `available` is no quantity; disabled is not for sale."""
    assert read(tmp_path, yml(offer(inside, attributes=attributes)), "p.yml").quantities == {"A": expected}


def test_windows_1251_and_a_dtd(tmp_path: Path) -> None:
    """The DTD that real files name is not fetched, and not missed."""
    doctype = '<!DOCTYPE yml_catalog SYSTEM "shops.dtd">'
    content = yml(
        offer("<count>5</count><description>a&nbsp;b</description>", "Стул"),
        encoding="windows-1251",
        doctype=doctype,
    )
    assert read(tmp_path, content, "p.xml").quantities == {"Стул": 5}


@pytest.mark.parametrize(
    "doctype", ['<!DOCTYPE y [<!ENTITY e SYSTEM "file:///etc/passwd">]>', '<!DOCTYPE y [<!ENTITY e "0">]>']
)
def test_entities_are_not_followed(tmp_path: Path, doctype: str) -> None:
    """A number with an entity in it is not half a number."""
    with pytest.raises(UnexpectedResponseError, match="entit"):
        read(tmp_path, yml(offer("<count>5&e;0</count>"), doctype=doctype), "p.yml")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_catalogue_that_is_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    """Half a catalogue is an error."""
    body = yml(*[offer("<count>5</count>", f"A-{n}") for n in range(50)])
    with pytest.raises(UnexpectedResponseError, match="cut off"):
        read(tmp_path, body[: int(len(body) * share)], "p.yml")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<rss><channel/></rss>", "no YML|without <yml_catalog>"),
        (
            b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>',
            "Excel 2003",
        ),
    ],
)
def test_other_xml_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    """What it is instead is told."""
    with pytest.raises(UnexpectedResponseError, match=says):
        read(tmp_path, content, "p.xml")


def test_offer_without_an_article_is_told(tmp_path: Path) -> None:
    """Its line is named."""
    body: Any = yml(offer("<count>5</count>"), "\n<offer id='2'><count>3</count></offer>")
    found = read(tmp_path, body, "p.yml")
    assert found.quantities == {"A": 5}
    assert found.problems[0].place == "p.yml, line 2"
