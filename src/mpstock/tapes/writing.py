"""The tape of a run, as it is written: JSON Lines, packed, fit to be read up to wherever it was cut off.

A tape helps people who look back; it must never keep a number from being sent. What cannot be written is told
at the end of the run, and the run goes on without it.
"""

from __future__ import annotations

import contextlib
import json
import threading
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mpstock.reconcile.report import as_data
from mpstock.redaction import Redactor

if TYPE_CHECKING:
    from mpstock.ledger.batches import Item
    from mpstock.model import Observation, OrderPage, Outcome, Reading
    from mpstock.reconcile.evaluating import Evaluated

__all__ = ["FORM", "SUFFIX", "WHOLE", "Tape", "begin_tape"]

FORM = 1
"""The version of the form: a later one may add lines and keys, and must go on reading this one."""

SUFFIX = ".jsonl.gz"

_STAMP = "%Y%m%dT%H%M%SZ"
WHOLE = "-whole"

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Tape:
    """One run's tape. Its methods may be called from any thread, and raise nothing.

    What is written together is packed together, so that a process that dies leaves all that it had written.
    """

    def __init__(self, path: Path, redact: Redactor, *, due: bool = False) -> None:
        self.path = path
        self.due = due
        """Whether all products are to be on it, and not only those that the run has planned."""
        self.trouble = ""
        """Why the tape ends before the run does; empty for a good one."""
        self._redact = redact
        self._lock = threading.Lock()
        self._packer = zlib.compressobj(6, zlib.DEFLATED, 31)
        self._settings: dict[str, int] = {}
        self._products = bytearray()
        self._file: IO[bytes] | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Without a buffer of our own: what was written is safe when this process dies.
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            self._fail(error)

    def begin(self, header: Mapping[str, Any]) -> None:
        """Say what run it is, and by which rules it goes."""
        self._write([_encode({"t": "tape", "v": FORM, **header})])

    def read(self, source: str, reading: Reading, now: datetime) -> None:
        """Keep a page that a source told."""
        data: dict[str, Any] = {
            "t": "read",
            "at": _text(now),
            "source": source,
            "as_of": _text(reading.as_of),
            "complete": reading.complete,
            "levels": [
                [one.sku, one.warehouse, one.quantity, one.reserved, _text(one.updated_at)]
                for one in reading.levels
            ],
        }
        if reading.holds:
            data["holds"] = [
                [h.key, h.sku, h.quantity, _text(h.taken_at), h.warehouse, _text(h.expires_at)]
                for h in reading.holds
            ]
        if reading.problems:
            data["problems"] = [self._redact(f"{p.place}, {p.name}: {p.message}") for p in reading.problems]
        self._write([_encode(data)])

    def ordered(self, sink: str, page: OrderPage, products: Mapping[str, str], now: datetime) -> None:
        """Keep a page of orders that a sink told; `products` are their skus, as far as they are known."""
        rows = [
            [
                one.key, products.get(one.key), one.external_id, one.warehouse, one.quantity,
                _text(one.placed_at), one.stage.value, _text(one.stage_at),
            ]
            for one in page.orders
        ]  # fmt: skip
        self._write(
            [
                _encode(
                    {
                        "t": "orders",
                        "at": _text(now),
                        "sink": sink,
                        "as_of": _text(page.as_of),
                        "orders": rows,
                    }
                )
            ]
        )

    def shown(self, sink: str, page: Sequence[Observation], asked: datetime, now: datetime) -> None:
        """Keep a page of what a sink showed when it was asked then."""
        rows = [[one.external_id, one.warehouse, one.quantity, one.reserved] for one in page]
        self._write(
            [_encode({"t": "shown", "at": _text(now), "sink": sink, "asked": _text(asked), "rows": rows})]
        )

    def reckoned(
        self,
        settings: str,
        products: Iterable[tuple[Evaluated, str]],
        now: datetime,
        causes: Mapping[int, str] | None = None,
    ) -> None:
        """Keep what numbers were reckoned from, as `StoredSettings` makes text of it, and the numbers.

        Without `causes` nobody asked for them: they were looked at only.
        """
        lines: list[str] = []
        number = self._settings.get(settings)
        if number is None:
            number = self._settings[settings] = len(self._settings) + 1
            lines.append(f'{{"t":"settings","n":{number},"settings":{settings}}}')
        for found, facts in products:
            product_id = found.facts.product_id
            self._mark(product_id)
            head: dict[str, Any] = {
                "t": "product",
                "at": _text(now),
                "s": number,
                "cause": None if causes is None else causes.get(product_id),
                "wanted": [[r.sink, r.warehouse, r.wanted] for r in found.reckonings],
            }
            lines.append(f'{_encode(head)[:-1]},"facts":{facts}}}')
        self._write(lines)

    def has(self, product_id: int) -> bool:
        """Whether a product's numbers are on it already."""
        index = product_id >> 3
        return index < len(self._products) and bool(self._products[index] >> (product_id & 7) & 1)

    def _mark(self, product_id: int) -> None:
        index = product_id >> 3
        if index >= len(self._products):
            self._products.extend(bytes(index + 1 - len(self._products)))
        self._products[index] |= 1 << (product_id & 7)

    def whole(self) -> None:
        """Say that every product with a listing is on it."""
        self._write([_encode({"t": "whole"})])

    def sent(
        self, sink: str, items: Sequence[Item], outcomes: Sequence[Outcome], sent: datetime, now: datetime
    ) -> None:
        """Keep a batch that was sent then and is answered now."""
        rows = [
            [
                item.id, item.change.listing.external_id, item.change.old, item.change.new,
                outcome.status.value, outcome.code,
            ]
            for item, outcome in zip(items, outcomes, strict=True)
        ]  # fmt: skip
        self._write(
            [_encode({"t": "sent", "at": _text(now), "sink": sink, "sent": _text(sent), "changes": rows})]
        )

    def end(self, now: datetime, report: object) -> None:
        """Close it with what the run tells of itself."""
        text = self._redact(_encode({"t": "end", "at": _text(now), "report": as_data(report)}))
        self._write([text])
        self._close(zlib.Z_FINISH)

    def break_off(self, now: datetime, error: BaseException) -> None:
        """Close it with what ended the run."""
        text = self._redact(f"{type(error).__name__}: {error}")
        self._write([_encode({"t": "end", "at": _text(now), "error": text})])
        self._close(zlib.Z_FINISH)

    def _write(self, lines: Sequence[str]) -> None:
        if not lines:
            return
        data = "".join(f"{line}\n" for line in lines).encode()
        with self._lock:
            if self._file is None:
                return
            try:
                self._put(self._packer.compress(data) + self._packer.flush(zlib.Z_SYNC_FLUSH))
            except OSError as error:
                self._fail(error)

    def _put(self, data: bytes) -> None:
        assert self._file is not None
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) or 0 :]

    def _close(self, how: int) -> None:
        with self._lock:
            if self._file is None:
                return
            try:
                self._put(self._packer.flush(how))
                self._file.close()
            except OSError as error:
                self._fail(error)
            self._file = None

    def _fail(self, error: OSError) -> None:
        self.trouble = (
            f"the tape {self.path} could not be written to its end ({error.strerror or error}); the run went "
            "on without it"
        )
        file, self._file = self._file, None
        if file is not None:
            # What cannot be written need not be closed well either.
            with contextlib.suppress(OSError):
                file.close()


def begin_tape(
    folder: Path,
    *,
    run: int,
    started: datetime,
    header: Mapping[str, Any],
    secrets: Iterable[str] = (),
    keep: timedelta | None = None,
) -> Tape:
    """Begin the tape of a run in a folder, and let go of tapes there that are older than `keep`.

    All products are to be on that of a full read, and on the first of a run that reads the sources.
    """
    due = header.get("read") == "everything" and (
        bool(header.get("full")) or next(folder.glob(f"*{WHOLE}{SUFFIX}"), None) is None
    )
    name = f"{started.astimezone(UTC).strftime(_STAMP)}-{run:08}{WHOLE if due else ''}{SUFFIX}"
    tape = Tape(folder / name, Redactor(secrets), due=due)
    if keep is not None:
        _let_go(folder, started - keep)
    tape.begin({"run": run, "started": _text(started), **header})
    return tape


def _let_go(folder: Path, before: datetime) -> None:
    for path in folder.glob(f"*{SUFFIX}"):
        try:
            stamp = datetime.strptime(path.name.partition("-")[0], _STAMP).replace(tzinfo=UTC)
        except ValueError:
            # Somebody else's file.
            continue
        if stamp < before:
            try:
                path.unlink()
            except OSError:
                # The next run tries again; it is no reason not to keep this one.
                continue


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
