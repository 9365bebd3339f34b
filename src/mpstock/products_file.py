"""The products file: a CSV with what is set product by product, the mapping and the buffers."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from mpstock import packs_and_kits
from mpstock.errors import ConfigurationError
from mpstock.nearest import suggestion
from mpstock.pins import Pins, read_pins
from mpstock.product_columns import Column, Layout

if TYPE_CHECKING:
    from mpstock.config import SinkConfig

__all__ = ["ProductBuffers", "ProductsFile", "read_products"]

_MOST = 20


@frozen(eq=False)
class ProductBuffers:
    """The buffer settings of a row, as text, by level. Rows with the same settings share one object."""

    product: Mapping[str, str] = field(factory=dict[str, str])
    by_sink: Mapping[str, Mapping[str, str]] = field(factory=dict[str, Mapping[str, str]])
    by_warehouse: Mapping[tuple[str, str], Mapping[str, str]] = field(
        factory=dict[tuple[str, str], Mapping[str, str]]
    )


@frozen(eq=False)
class ProductsFile:
    """What the products file says.

    `name` is the file's name, for messages. `buffers` has, by sku, the line and the buffer settings
    of the products that have any, `pins` the quantities that are shown whatever the buffer says, `brands` the
    brand of the products that have one. `digest` changes with the file's bytes; it is empty without a file.
    """

    name: str = ""
    digest: str = ""
    buffers: Mapping[str, tuple[int, ProductBuffers]] = field(
        factory=dict[str, tuple[int, ProductBuffers]], repr=False
    )
    pins: Pins = field(factory=Pins, repr=False)
    brands: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    _mappings: Mapping[str, Mapping[tuple[str, str], str]] = field(
        factory=dict[str, Mapping[tuple[str, str], str]], repr=False, alias="mappings"
    )
    _fingerprints: Mapping[str, str] = field(factory=dict[str, str], repr=False, alias="fingerprints")
    _recipes: Mapping[tuple[str, str], Mapping[str, int]] = field(
        factory=dict[tuple[str, str], Mapping[str, int]], repr=False, alias="recipes"
    )

    @classmethod
    def empty(cls) -> ProductsFile:
        """One that says nothing: no file is configured."""
        return cls()

    def mapping(self, sink: str) -> Mapping[tuple[str, str], str]:
        """Return for one sink: (name of a `Listing.keys`, its value) → sku."""
        return self._mappings.get(sink, {})

    def recipes(self) -> Mapping[tuple[str, str], Mapping[str, int]]:
        """Return, by (sku, sink or '' for all), what one unit of a listing takes: packs and kits."""
        return self._recipes

    def fingerprint(self, sku: str) -> str:
        """What changes when the product's row says something else; empty if it says nothing."""
        return self._fingerprints.get(sku, "")

    def fingerprints(self) -> Mapping[str, str]:
        """The fingerprint of every product whose row says something, by sku."""
        return self._fingerprints


def read_products(
    path: Path, sinks: Mapping[str, SinkConfig], *, buffer_keys: Collection[str] | None = None
) -> ProductsFile:
    """Read the products file: UTF-8 or Windows-1251; separated by commas, semicolons or tabs.

    Columns: `sku`; `<sink>.<mapping key>`; `pack` and `<sink>.pack` (units in one listing), `components`
    (`A:1 B:2`, a kit); `buffer.<key>`, `<sink>.buffer.<key>` and `<sink>.<warehouse code>.buffer.<key>`;
    `pin` (what is shown, 0 = never sold), also by sink and sink warehouse; `brand`.
    An empty cell sets nothing. `buffer_keys` are the keys that the buffer policies have; None = any is
    taken, and the policies refuse what they do not know.

    Raises:
        ConfigurationError: the file cannot be read, or something in it is wrong; names line and column.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no products file {path}; make it, or take the key out", place="[products] file"
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"the products file {path} cannot be read: {error.strerror}", place="[products] file"
        ) from error
    return _Reader(path.name, sinks, buffer_keys).read(content)


def _decoded(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What a Russian Excel saves as CSV. Every byte but one means something in it.
        return content.decode("cp1251", "replace")


class _Reader:
    """Reads one file, and gathers what is wrong with it."""

    def __init__(
        self, name: str, sinks: Mapping[str, SinkConfig], buffer_keys: Collection[str] | None
    ) -> None:
        self._name = name
        self._sinks = sinks
        self._buffer_keys = None if buffer_keys is None else {"policy", *buffer_keys}
        self._problems: list[str] = []
        self._lines: dict[str, int] = {}
        self._mappings: dict[str, dict[tuple[str, str], str]] = {name: {} for name in sinks}
        self._buffers: dict[str, tuple[int, ProductBuffers]] = {}
        self._fingerprints: dict[str, str] = {}
        self._interned: dict[tuple[str, ...], ProductBuffers] = {}
        self._packs: dict[str, dict[str, tuple[int, str]]] = {}
        self._kits: dict[str, tuple[int, str]] = {}
        self._pins: dict[str, tuple[int, dict[tuple[str, str], str]]] = {}
        self._brands: dict[str, str] = {}

    def read(self, content: bytes) -> ProductsFile:
        text = _decoded(content)
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
        line = 1
        try:
            columns = self._columns(next(rows, []))
            self._raise()
            layout = Layout.of(columns)
            line = rows.line_num + 1
            for row in rows:
                self._row(line, layout, row)
                line = rows.line_num + 1
        except csv.Error as error:
            self._problem(line, "", f"cannot be read as CSV: {error}")
        recipes = packs_and_kits.recipes(self._packs, self._kits, self._problem)
        pins = read_pins(self._name, self._pins, self._problem)
        self._raise()
        return ProductsFile(
            name=self._name,
            digest=blake2b(content, digest_size=16).hexdigest(),
            buffers=self._buffers,
            pins=pins,
            brands=self._brands,
            mappings=self._mappings,
            fingerprints=self._fingerprints,
            recipes=recipes,
        )

    def _columns(self, header: list[str]) -> list[Column]:
        columns: list[Column] = []
        for cell in header:
            title = cell.strip()
            column = self._column(title)
            if column.kind and column in columns:
                self._problem(1, title, "there are two columns of that name; take one out")
            columns.append(column)
        if not any(column.kind == "sku" for column in columns):
            found = ", ".join(title.strip() for title in header if title.strip()) or "nothing"
            self._problem(1, "", f"there is no column sku; the header has {found}")
        return columns

    def _column(self, title: str) -> Column:
        if title in ("sku", ""):
            return Column(title, title)
        sink = next((name for name in self._longest(self._sinks) if title.startswith(f"{name}.")), "")
        rest = title.removeprefix(f"{sink}.") if sink else title
        scope, dot, key = rest.rpartition("buffer.")
        if title == "brand":
            return Column(title, title)
        if rest == "pin" or (sink and rest.endswith(".pin")):
            return self._scoped(title, sink, rest.removesuffix("pin").removesuffix("."), Column(title, "pin"))
        if dot and key and "." not in key and (not scope or scope.endswith(".")):
            return self._buffer_column(title, sink, scope.removesuffix("."), key)
        if rest == "pack" or title == "components":
            return Column(title, rest, sink=sink)
        if sink and rest in self._mapping_keys(sink):
            return Column(title, "mapping", rest, sink)
        if sink and self._sinks[sink].spec is None and "." not in rest:
            # A sink that was made in code: nobody said which keys its listings have.
            return Column(title, "mapping", rest, sink)
        self._problem(1, title, f"unknown column; {suggestion(title, self._titles(), what='there are')}")
        return Column(title, "")

    def _buffer_column(self, title: str, sink: str, code: str, key: str) -> Column:
        if self._buffer_keys is not None and key not in self._buffer_keys:
            meant = suggestion(key, self._buffer_keys, what="there are")
            self._problem(1, title, f"no buffer policy has the key {key}; {meant}")
            return Column(title, "")
        kind = "warehouse" if code else "sink" if sink else "product"
        return self._scoped(title, sink, code, Column(title, kind, key))

    def _scoped(self, title: str, sink: str, code: str, column: Column) -> Column:
        """Return the column of a sink and one of its warehouses, both of which must be there."""
        if not sink and code:
            self._problem(
                1, title, f"there is no sink {code}; {suggestion(code, self._sinks, what='there are')}"
            )
        elif code and code not in self._sinks[sink].codes:
            codes = self._sinks[sink].codes
            self._problem(
                1, title, f"{sink} has no warehouse {code}; {suggestion(code, codes, what='there are')}"
            )
        else:
            return evolve(column, sink=sink, warehouse=code)
        return Column(title, "")

    def _mapping_keys(self, sink: str) -> tuple[str, ...]:
        spec = self._sinks[sink].spec
        return spec.mapping_keys if spec is not None else ()

    def _titles(self) -> Iterator[str]:
        keys = sorted(self._buffer_keys or ("policy", "absolute", "percent", "cap"))
        yield from ("sku", "brand", "pack", "components", "pin")
        yield from (f"buffer.{key}" for key in keys)
        for sink in self._sinks:
            yield from (f"{sink}.{key}" for key in self._mapping_keys(sink))
            yield from (f"{sink}.buffer.{key}" for key in keys)
            yield f"{sink}.pin"

    @staticmethod
    def _longest(names: Iterable[str]) -> list[str]:
        return sorted(names, key=len, reverse=True)

    def _row(self, line: int, layout: Layout, row: list[str]) -> None:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            return
        cells += [""] * (layout.width - len(cells))
        if any(cells[layout.width :]):
            self._problem(
                line, "", f"has {len(cells)} cells, the header {layout.width}: put a text in quotes"
            )
            return
        for index in layout.nameless:
            if cells[index]:
                self._problem(line, "", f"has {cells[index]} under a column without a name; name or clear it")
                return
        sku = cells[layout.sku]
        if not sku:
            self._problem(line, "sku", "is empty, and the row says something")
            return
        if sku in self._lines:
            self._problem(line, "sku", f"{sku} stands in line {self._lines[sku]} already")
            return
        self._lines[sku] = line
        for index, column in layout.mappings:
            if cells[index]:
                self._map(line, column, cells[index], sku)
        for index, column in layout.recipes:
            if not cells[index]:
                continue
            if column.kind == "pack":
                self._packs.setdefault(column.sink, {})[sku] = (line, cells[index])
            else:
                self._kits[sku] = (line, cells[index])
        pins = {(c.sink, c.warehouse): cells[index] for index, c in layout.pins if cells[index]}
        if pins:
            self._pins[sku] = (line, pins)
        if layout.brand is not None and cells[layout.brand]:
            self._brands[sku] = cells[layout.brand]
        buffers = tuple([cells[index] for index, _ in layout.buffers])
        if any(buffers):
            self._buffers[sku] = (line, self._intern(layout, buffers))
        said = [(title, cells[index]) for title, index in layout.titles if cells[index]]
        if said:
            self._fingerprints[sku] = blake2b(repr(said).encode(), digest_size=8).hexdigest()

    def _map(self, line: int, column: Column, value: str, sku: str) -> None:
        if _ROUNDED.fullmatch(value):
            self._problem(
                line,
                column.title,
                f"{value} was rounded by a spreadsheet; format the column as text and fill it in anew",
            )
            return
        mapping = self._mappings[column.sink]
        other = mapping.setdefault((column.key, value), sku)
        if other != sku:
            self._problem(
                line,
                column.title,
                f"{value} is {other} by line {self._lines[other]} already; one listing is one product",
            )

    def _intern(self, layout: Layout, cells: tuple[str, ...]) -> ProductBuffers:
        found = self._interned.get(cells)
        if found is None:
            product: dict[str, str] = {}
            by_sink: dict[str, dict[str, str]] = {}
            by_warehouse: dict[tuple[str, str], dict[str, str]] = {}
            for (_, column), cell in zip(layout.buffers, cells, strict=True):
                if not cell:
                    continue
                if column.kind == "product":
                    product[column.key] = cell
                elif column.kind == "sink":
                    by_sink.setdefault(column.sink, {})[column.key] = cell
                else:
                    by_warehouse.setdefault((column.sink, column.warehouse), {})[column.key] = cell
            found = self._interned[cells] = ProductBuffers(product, by_sink, by_warehouse)
        return found

    def _problem(self, line: int, column: str, message: str) -> None:
        self._problems.append(f"{self._name} line {line}{', ' * bool(column)}{column}: {message}")

    def _raise(self) -> None:
        if not self._problems:
            return
        if len(self._problems) == 1:
            raise ConfigurationError(self._problems[0])
        lines = [f"  {problem}" for problem in self._problems[:_MOST]]
        if len(self._problems) > _MOST:
            lines.append(f"  … and {len(self._problems) - _MOST} more")
        raise ConfigurationError("\n".join([f"the products file has {len(self._problems)} problems", *lines]))


def _delimiter(text: str) -> str:
    """The separator by which the header has most columns, one of them `sku` if there is any."""
    header = text.partition("\n")[0].rstrip("\r")

    def columns(delimiter: str) -> tuple[bool, int]:
        titles = [title.strip() for title in next(csv.reader([header], delimiter=delimiter), [])]
        return "sku" in titles, len(titles)

    return max(",;\t", key=columns)


# 4,60708E+12: what a spreadsheet makes of a barcode.
_ROUNDED = re.compile(r"\d+(?:[.,]\d+)?[Ee]\+\d+")
