"""A frame in Arrow's words, by nanoarrow: the smallest library there is for it, and imported only here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mpstock.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mpstock.frames.packing import Column, Packed

__all__ = ["schema_capsule", "stream_capsule"]


def schema_capsule(columns: Sequence[Column]) -> object:
    """Return the columns as an `ArrowSchema`."""
    return _schema(_nanoarrow(), columns).__arrow_c_schema__()


def stream_capsule(columns: Sequence[Column], pages: Sequence[Sequence[Packed]]) -> object:
    """Return the pages as an `ArrowArrayStream`. Nothing is copied: it keeps what it tells of alive."""
    na = _nanoarrow()
    from nanoarrow.c_array_stream import CArrayStream

    schema = _schema(na, columns)
    arrays = [
        na.c_array_from_buffers(
            schema,
            page[0].length,
            [None],
            children=[_array(na, *each) for each in zip(columns, page, strict=True)],
        )
        for page in pages
    ]
    return CArrayStream.from_c_arrays(arrays, schema).__arrow_c_stream__()


def _nanoarrow() -> Any:
    try:
        import nanoarrow
    except ImportError as error:
        raise ConfigurationError(
            "a frame in Arrow's form needs nanoarrow: pip install 'mpstock[frames]'; "
            "its values are in as_dict() without it",
            place="frame",
        ) from error
    return nanoarrow


def _schema(na: Any, columns: Sequence[Column]) -> Any:
    return na.c_schema(na.struct({column.name: _type(na, column) for column in columns}, nullable=False))


def _type(na: Any, column: Column) -> Any:
    if column.kind == "moment":
        return na.timestamp("us", timezone="UTC", nullable=column.missing)
    return (na.string if column.kind == "text" else na.int64)(nullable=column.missing)


def _array(na: Any, column: Column, packed: Packed) -> Any:
    buffers = [packed.there, packed.data]
    if packed.offsets is not None:
        buffers.insert(1, packed.offsets)
    return na.c_array_from_buffers(_type(na, column), packed.length, buffers)
