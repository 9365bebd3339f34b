from __future__ import annotations

from pathlib import Path

import pytest
from attrs import frozen

from mpstock import SinkSpec
from mpstock.buffers import buffer_keys
from mpstock.config import SinkConfig, SinkWarehouse
from mpstock.errors import ConfigurationError
from mpstock.plugins import PluginRegistry
from mpstock.products_file import ProductsFile, read_products


@frozen
class Empty:
    """No settings."""


def sink(name: str, keys: tuple[str, ...], codes: tuple[str, ...]) -> SinkConfig:
    spec = SinkSpec(name, "", Empty, lambda settings, context: object(), mapping_keys=keys)  # type: ignore[arg-type,return-value]
    return SinkConfig(name, spec, warehouses=tuple(SinkWarehouse(code) for code in codes))


SINKS = {
    "ozon": sink("ozon", ("offer_id", "barcode"), ("1", "2.5")),
    "wb": sink("wb", ("chrt_id", "barcode"), ("9",)),
}
KEYS = buffer_keys(PluginRegistry(entry_points=[]))


def read(folder: Path, text: str | bytes, sinks: dict[str, SinkConfig] = SINKS) -> ProductsFile:
    path = folder / "products.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_products(path, sinks, buffer_keys=KEYS)


def refused(folder: Path, text: str | bytes) -> str:
    with pytest.raises(ConfigurationError) as error:
        read(folder, text)
    return str(error.value)


def test_mapping_and_buffers_are_read(tmp_path: Path) -> None:
    """Each column lands where its name says; an empty cell sets nothing."""
    found = read(
        tmp_path,
        "sku,ozon.offer_id,wb.chrt_id,wb.barcode,buffer.absolute,ozon.buffer.cap,ozon.2.5.buffer.cap\n"
        "A,off-1,111,4600,0,,\n"
        "B,,112,,,7,8\n"
        "C,,,,,,\n",
    )
    assert found.mapping("ozon") == {("offer_id", "off-1"): "A"}
    assert found.mapping("wb") == {("chrt_id", "111"): "A", ("barcode", "4600"): "A", ("chrt_id", "112"): "B"}
    assert found.mapping("other") == {}
    line, buffers = found.buffers["B"]
    assert (line, buffers.product, buffers.by_sink) == (3, {}, {"ozon": {"cap": "7"}})
    assert buffers.by_warehouse == {("ozon", "2.5"): {"cap": "8"}}
    assert found.buffers["A"][1].product == {"absolute": "0"}
    assert "C" not in found.buffers


@pytest.mark.parametrize(
    "content",
    [
        "sku;ozon.offer_id\nЯблоко;ё-1\n".encode(),
        "sku;ozon.offer_id\r\nЯблоко;ё-1\r\n".encode("utf-8-sig"),
        "sku;ozon.offer_id\r\nЯблоко;ё-1\r\n".encode("cp1251"),
        "sku\tozon.offer_id\r\nЯблоко\tё-1\r\n".encode("utf-16"),
        'sku,ozon.offer_id\n"Яблоко","ё-1"\n'.encode(),
        " sku , ozon.offer_id \n Яблоко , ё-1 \n\n,\n".encode(),
    ],
    ids=["semicolons", "byte order mark", "cp1251", "utf-16 tabs", "quotes", "blanks"],
)
def test_what_spreadsheets_save_is_understood(tmp_path: Path, content: bytes) -> None:
    """Separators, encodings, byte order marks and blanks of Excel and its like do no harm."""
    assert read(tmp_path, content).mapping("ozon") == {("offer_id", "ё-1"): "Яблоко"}


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (
            "sku,ozon.ofer_id",
            "products.csv line 1, ozon.ofer_id: unknown column; did you mean ozon.offer_id?",
        ),
        ("sku,wb.offer_id", "wb.offer_id: unknown column"),
        ("sku,ozn.barcode", "ozn.barcode: unknown column; did you mean ozon.barcode?"),
        ("sku,buffer.absolut", "no buffer policy has the key absolut; did you mean absolute?"),
        ("sku,wb.buffer.capp", "no buffer policy has the key capp; did you mean cap?"),
        ("sku,ozon.3.buffer.cap", "ozon has no warehouse 3; there are: 1, 2.5"),
        ("sku,kiosk.buffer.cap", "there is no sink kiosk; there are: ozon, wb"),
        ("sku,name", "name: unknown column"),
        ("sku,ozn.pin", "ozn.pin: unknown column; did you mean ozon.pin?"),
        ("sku,ozon.3.pin", "ozon has no warehouse 3; there are: 1, 2.5"),
        ("sku,ozon.brand", "unknown column"),
        ("sku,pin,pin", "pin: there are two columns of that name"),
        ("sku,ozon.components", "unknown column"),
        ("sku,wb.barcode,wb.barcode", "wb.barcode: there are two columns of that name"),
        ("SKU,wb.barcode", "there is no column sku; the header has SKU, wb.barcode"),
        ("", "there is no column sku; the header has nothing"),
    ],
)
def test_a_wrong_column_is_told_with_the_nearest(tmp_path: Path, header: str, told: str) -> None:
    """A column that says nothing to us is an error before any row is read."""
    assert told in refused(tmp_path, f"{header}\nA,1,2\n")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("A,1\nB,2\nA,3\n", "products.csv line 4, sku: A stands in line 2 already"),
        (
            "A,1\nB,1\n",
            "products.csv line 3, wb.barcode: 1 is A by line 2 already; one listing is one product",
        ),
        ("A,1\n,2\n", "products.csv line 3, sku: is empty, and the row says something"),
        ("A,1,2\n", "products.csv line 2: has 3 cells, the header 2"),
        ("A,4.60708E+12\n", "products.csv line 2, wb.barcode: 4.60708E+12 was rounded by a spreadsheet"),
        ('"A\nB",1\nC,1\n', "products.csv line 4, wb.barcode: 1 is A"),
    ],
)
def test_a_wrong_row_is_told_by_line_and_column(tmp_path: Path, rows: str, told: str) -> None:
    """Duplicates name both lines; what a spreadsheet has spoilt is seen."""
    assert told in refused(tmp_path, "sku,wb.barcode\n" + rows)


def test_a_value_under_no_title_is_an_error(tmp_path: Path) -> None:
    """A column without a name may be empty, as spreadsheets leave it, and says nothing."""
    assert read(tmp_path, "sku,,wb.barcode,\nA,,5,\n").mapping("wb") == {("barcode", "5"): "A"}
    assert "line 2: has 7 under a column without a name" in refused(tmp_path, "sku,,wb.barcode\nA,7,5\n")


def test_every_wrong_row_is_told_and_the_list_ends(tmp_path: Path) -> None:
    """All is told at once, but not a page for each of a million rows."""
    told = refused(tmp_path, "sku,wb.barcode\n" + "".join(f",{number}\n" for number in range(50)))
    assert "50 problems" in told
    assert "… and 30 more" in told
    assert len(told.splitlines()) == 22


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """No such file: the setting that names it, and its path."""
    with pytest.raises(ConfigurationError, match=r"\[products\] file: there is no products file .*nothere"):
        read_products(tmp_path / "nothere.csv", SINKS)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_products(tmp_path, SINKS)


def test_a_fingerprint_changes_with_what_the_row_says_and_not_with_its_line(tmp_path: Path) -> None:
    """Rows may be sorted and columns moved; only what is said of the product counts."""
    one = read(tmp_path, "sku,wb.barcode,buffer.cap\nA,1,\nB,2,5\nC,,\n")
    two = read(tmp_path, "buffer.cap,sku,wb.barcode\n5,B,2\n6,A,1\n")
    assert one.fingerprint("B") == two.fingerprint("B") != ""
    assert one.fingerprint("A") != two.fingerprint("A")
    assert one.fingerprint("C") == one.fingerprint("unheard of") == ""
    assert dict(one.fingerprints()).keys() == {"A", "B"}
    assert one.digest != two.digest != ""


def test_rows_alike_share_their_buffers(tmp_path: Path) -> None:
    """A million rows with the same settings hold one object."""
    found = read(tmp_path, "sku,buffer.cap\nA,5\nB,5\nC,6\n").buffers
    assert found["A"][1] is found["B"][1] is not found["C"][1]


def test_a_sink_made_in_code_maps_by_any_key(tmp_path: Path) -> None:
    """Without a descriptor nobody knows its keys, so none is refused."""
    found = read(tmp_path, "sku,kiosk.ean\nA,5\n", {"kiosk": SinkConfig("kiosk")})
    assert found.mapping("kiosk") == {("ean", "5"): "A"}


def test_a_sink_whose_name_begins_like_anothers_is_told_apart(tmp_path: Path) -> None:
    """`wb` and `wb-2` are two sinks."""
    found = read(
        tmp_path, "sku,wb.barcode,wb-2.barcode\nA,1,2\n", {**SINKS, "wb-2": sink("wb-2", ("barcode",), ())}
    )
    assert found.mapping("wb") == {("barcode", "1"): "A"}
    assert found.mapping("wb-2") == {("barcode", "2"): "A"}


def test_pins_and_brands_are_read(tmp_path: Path) -> None:
    """The most specific pin of a listing counts, and its line is told; 0 is a pin; an empty cell is none."""
    found = read(
        tmp_path,
        "sku,brand,pin,ozon.pin,ozon.2.5.pin\nA,Acme,9,8,7\nB,,0,,\nC,Дом и сад,,,\n",
    )
    assert found.brands == {"A": "Acme", "C": "Дом и сад"}
    assert found.pins.of("A", "wb", "9") == (9, "products.csv line 2")
    assert found.pins.of("A", "ozon", "1") == (8, "products.csv line 2")
    assert found.pins.of("A", "ozon", "2.5") == (7, "products.csv line 2")
    assert found.pins.of("B", "ozon", "2.5") == (0, "products.csv line 3")
    assert found.pins.of("C", "ozon", "1") is None


@pytest.mark.parametrize("cell", ["-1", "1.5", "all", "1 000"])
def test_a_pin_that_is_no_quantity_is_told(tmp_path: Path, cell: str) -> None:
    """Line and column, and what a pin is."""
    told = refused(tmp_path, f"sku,ozon.1.pin\nA,{cell}\n")
    assert (
        told == f"products.csv line 2, ozon.1.pin: must be how many to show (5; 0 = never sold), not {cell}"
    )


def test_a_row_with_another_pin_or_brand_has_another_fingerprint(tmp_path: Path) -> None:
    """So that its product is looked at again."""
    texts = ["A,1,x", "A,2,x", "A,1,y", "A,,"]
    found = {read(tmp_path, f"sku,pin,brand\n{text}\n").fingerprint("A") for text in texts}
    assert len(found) == 4
