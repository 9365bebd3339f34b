"""What stands in the settings file under `[sources.<name>]` with `plugin = "files"`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from attrs import Attribute, field, frozen

from mpstock import Secret
from mpstock.validators import above_zero, address, one_of, own_name, without_colon

__all__ = ["Columns", "FilesSettings"]


def _names(_: Any, attribute: Attribute[Any], value: dict[str, str]) -> None:
    for code, name in value.items():
        if not name or name != name.strip():
            raise ValueError(
                f"{attribute.name} must name a warehouse of yours for each of the list's, as in "
                f'{{ "Москва" = "msk" }}, not {code!r} = {name!r}'
            )


def _words(_: Any, attribute: Attribute[Any], value: dict[str, int | str]) -> None:
    for word, units in value.items():
        if (isinstance(units, str) and units != "unknown") or (isinstance(units, int) and units < 0):
            raise ValueError(
                f'{attribute.name} must say how many units a word means, 0 or more, or "unknown", as in '
                f'{{ "есть" = 1 }}, not {word!r} = {units!r}'
            )


def _row(_: Any, attribute: Attribute[Any], value: int | None) -> None:
    if value is not None and value < 0:
        raise ValueError(
            f"{attribute.name} must be the number of a row, from 1; 0 = the list has no header; not {value}"
        )


def _separator(_: Any, attribute: Attribute[Any], value: str) -> None:
    if value and (len(value) != 1 or value in '"\r\n'):
        raise ValueError(f'{attribute.name} must be one character such as ";" or "\\t", not {value!r}')


def _encoding(_: Any, attribute: Attribute[Any], value: str) -> None:
    import codecs

    try:
        codecs.lookup(value or "utf-8")
    except LookupError:
        raise ValueError(f'{attribute.name} must be such as "utf-8" or "cp1251", not {value!r}') from None


def _column(_: Any, attribute: Attribute[Any], value: int | str | None) -> None:
    if value is None or (isinstance(value, str) and value.strip()):
        return
    if isinstance(value, int) and value >= 1:
        return
    raise ValueError(
        f'{attribute.name} must be the text of a column\'s head ("Остаток"), its letter ("C") or its number '
        f"from 1, "
        f"not {value!r}"
    )


@frozen
class Columns:
    """Which column is which: by the text of its head, else by its letter or its number, from 1."""

    sku: int | str = field(default="Артикул", validator=_column)
    quantity: int | str = field(default="Остаток", validator=_column)
    reserved: int | str | None = field(default=None, validator=_column)
    warehouse: int | str | None = field(default=None, validator=_column)


@frozen
class FilesSettings:
    """One supplier's list: a table (CSV, XLSX, XLS, XLSB, ODS) or YML, plain or packed with zip or gzip.

    `path`, `url`       where it is: a file or a pattern such as `in/stock*.csv`, or an address. One of the
                        two.
    `files`             of several files that a pattern matches: the `"newest"`, or `"all"` as parts of one
                        list.
    `user`, `password`  for an address that asks for them (Basic).
    `allow_http`        the address may be without TLS.
    `columns`           which column is which, see `Columns`.
    `header_row`        the row with the heads of the columns, from 1; 0 = there is none. None: it is looked
                        for.
    `sheet`             the sheet's name or its number, from 1. None: the first one that has the columns.
    `encoding`, `separator`, `quotes`  of CSV; empty = recognised. Without `quotes`, `"` is a letter as any
                                       other.
    `words`             how many units a word means, beside those that are known; `"unknown"` takes one away.
    `empty`             what an empty cell means: `"unknown"` or `"zero"`.
    `duplicates`        of several rows of one article in one warehouse: the `"lowest"`, or their `"sum"`.
    `missing`           what is not in the list any more is `"gone"`, or `"unchanged"`.
    `rows_without_sku`  what a row with a number and without an article means for what is missing, see
                        `missing`.
                        `"unknown"`: it may be any product. `"ignore"`: it is a total, or goods that are not
                        sold.
    `warehouse`         what this stock is called; "" = as the source.
    `warehouses`        names for the warehouses or outlets of the list.
    `outlets`           outlets of YML: added up (`"sum"`), or `"each"` a warehouse.
    `yml_sku`           what of a YML offer is the article: `"vendorCode"`, `"id"` or `"barcode"`.
    `dated_by`          a list is as old as its `"file"` (the time of the file, Last-Modified of an address),
                        or as the
                        `"request"` that got it.
    `timeout`           how long one request may take.
    """

    path: Path | None = None
    # Suppliers put keys into addresses: no error repeats one.
    url: str = field(
        default="",
        validator=address("https://supplier.example/stock.csv", empty=True, query=True, shown=False),
    )
    files: Literal["newest", "all"] = field(default="newest", validator=one_of("newest", "all"))
    user: str = field(default="", validator=without_colon())
    password: Secret | None = None
    allow_http: bool = False
    columns: Columns = field(factory=Columns)
    header_row: int | None = field(default=None, validator=_row)
    sheet: int | str | None = None
    encoding: str = field(default="", validator=_encoding)
    separator: str = field(default="", validator=_separator)
    quotes: bool = True
    words: dict[str, int | str] = field(factory=dict[str, "int | str"], validator=_words)
    empty: Literal["unknown", "zero"] = field(default="unknown", validator=one_of("unknown", "zero"))
    duplicates: Literal["lowest", "sum"] = field(default="lowest", validator=one_of("lowest", "sum"))
    missing: Literal["gone", "unchanged"] = field(default="gone", validator=one_of("gone", "unchanged"))
    rows_without_sku: Literal["unknown", "ignore"] = field(
        default="unknown", validator=one_of("unknown", "ignore")
    )
    warehouse: str = field(default="", validator=own_name(empty=True))
    warehouses: dict[str, str] = field(factory=dict[str, str], validator=_names)
    outlets: Literal["sum", "each"] = field(default="sum", validator=one_of("sum", "each"))
    yml_sku: Literal["vendorCode", "id", "barcode"] = field(
        default="vendorCode", validator=one_of("vendorCode", "id", "barcode")
    )
    dated_by: Literal["file", "request"] = field(default="file", validator=one_of("file", "request"))
    timeout: timedelta = field(default=timedelta(seconds=60), validator=above_zero())

    def __attrs_post_init__(self) -> None:
        if (self.path is None) == (not self.url):
            raise ValueError(
                'path and url: give one of them, path = "in/stock.csv" or url = '
                '"https://supplier.example/stock.csv"'
            )
        if urlsplit(self.url).scheme == "http" and not self.allow_http:
            raise ValueError(
                "url is without TLS, and anybody on the way may read and change the list; write https://, "
                "or set "
                "allow_http = true"
            )
        if self.password is not None and not self.user:
            raise ValueError('password is given without user; write user = "…"')
