"""A table with typed columns: made once, looked at, and handed to whatever computes with tables."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from mpstock.frames.packing import Column, Packed, columns_of, pack, unpack
from mpstock.reconcile.report import html_table

__all__ = ["Frame"]

PAGE = 5_000
"""Records that are packed at once: so many are Python objects at the same time."""

_SHOWN = 20

T = TypeVar("T")


class Frame:
    """A table with typed columns: texts, whole numbers, moments in UTC; what is not known is missing.

    `polars.DataFrame(frame)`, `pyarrow.table(frame)`, `pandas.DataFrame.from_arrow(frame)` and a query of
    DuckDB take it by Arrow's own interface, without a copy made in Python; that needs `mpstock[frames]`.
    `pandas.DataFrame(frame)` and a loop over its rows need nothing. Its values are kept as Arrow keeps them,
    in a fraction of the memory that they take as Python objects.
    """

    def __init__(self, title: str, columns: Sequence[Column], pages: Sequence[Sequence[Packed]]) -> None:
        self.title = title
        self._columns = columns
        self._pages = pages

    @classmethod
    def of(
        cls,
        title: str,
        record: type[T],
        pages: Iterable[Sequence[T]],
        *,
        without: Sequence[str] = (),
        backwards: bool = False,
    ) -> Frame:
        """Make a frame of records of an attrs class, page by page.

        Args:
            title: what it is, in a line.
            record: the class; its attributes are the columns.
            pages: the records.
            without: attributes that are no column.
            backwards: the records come last first.
        """
        columns = columns_of(record, without)
        packed = [pack(columns, page[::-1] if backwards else page) for page in pages if page]
        return cls(title, columns, packed[::-1] if backwards else packed)

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns by name, in their order: `text`, `number` or `moment`."""
        return {column.name: column.kind for column in self._columns}

    def __len__(self) -> int:
        return sum(page[0].length for page in self._pages)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = [column.name for column in self._columns]
        for page in self._pages:
            for row in self._rows(page):
                yield dict(zip(names, row, strict=True))

    def as_dict(self) -> dict[str, list[Any]]:
        """Return the columns as lists: str, int, aware datetime, None where something is not known."""
        return {
            column.name: [value for page in self._pages for value in unpack(column.kind, page[place])]
            for place, column in enumerate(self._columns)
        }

    def __arrow_c_schema__(self) -> object:
        """Tell the columns in Arrow's words.

        Raises:
            ConfigurationError: nanoarrow is not installed.
        """
        from mpstock.frames.arrow import schema_capsule

        return schema_capsule(self._columns)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Tell the whole table in Arrow's words; other types than its own are not made.

        Raises:
            ConfigurationError: nanoarrow is not installed.
        """
        from mpstock.frames.arrow import stream_capsule

        return stream_capsule(self._columns, self._pages)

    def __repr__(self) -> str:
        columns = ", ".join(column.name for column in self._columns)
        return f"<{self.title}: {len(self)} rows of {columns}>"

    def _repr_html_(self) -> str:
        more = len(self) - _SHOWN
        return (
            f"<p><b>{html.escape(self.title)}</b>: {len(self)} rows</p>"
            '<div style="overflow-x: auto">'
            + html_table([column.name for column in self._columns], map(_shown, self._first(_SHOWN)))
            + "</div>"
            + (f"<p>… and {more} more</p>" if more > 0 else "")
        )

    def _rows(self, page: Sequence[Packed]) -> Iterator[tuple[Any, ...]]:
        values = [unpack(column.kind, each) for column, each in zip(self._columns, page, strict=True)]
        return zip(*values, strict=True)

    def _first(self, count: int) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for page in self._pages:
            if len(found) >= count:
                break
            found += self._rows(page)
        return found[:count]


def _shown(row: Sequence[object]) -> list[object]:
    return [f"{value:%Y-%m-%d %H:%M:%S}Z" if isinstance(value, datetime) else value for value in row]
