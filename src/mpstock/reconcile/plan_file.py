"""A plan as a file: JSON that a person can read and edit, written whole or not at all, read with distrust."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from attrs import define, field, fields

from mpstock.errors import ConfigurationError
from mpstock.reconcile.plans import FORMAT, VERSION, Plan, PlannedChange, SkippedListing, lane
from mpstock.reconcile.report import HeldSlice, SinkReport, SourceReport

__all__ = ["load", "save"]

_AGAIN = "plan again: mpstock plan --out FILE"
_PART = 1_000
"""Changes that are written at once."""

_LARGEST = 2**31 - 1
"""No sink takes more, and the ledger can hold it."""

# One encoder for all lines: `json.dumps` would make one for each.
_encode = json.JSONEncoder(ensure_ascii=False).encode
_KEYS = tuple(attribute.name for attribute in fields(PlannedChange))

T = TypeVar("T")


def save(plan: Plan, path: Path) -> Path:
    """Write a plan to a file, whole or not at all; see `Plan.save`. Memory does not grow with the plan."""
    # Beside the file, so that the last step is one rename on one disk.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            head = json.dumps(plan.head(), ensure_ascii=False, indent=1)
            file.write(head.removesuffix("\n}") + ',\n "changes": [')
            for start in range(0, len(plan.changes), _PART):
                lines = [_line(change) for change in plan.changes[start : start + _PART]]
                file.write(("," if start else "") + "\n  " + ",\n  ".join(lines))
            file.write("\n ]\n}\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"the plan cannot be written: {_why(error)}", place=str(path)) from error
    finally:
        part.unlink(missing_ok=True)
    return path


def _line(change: PlannedChange) -> str:
    # What is empty in nearly every change would be half of the file.
    return _encode({key: value for key in _KEYS if (value := getattr(change, key)) != ""})


def load(path: Path) -> Plan:
    """Read a plan from a file; see `Plan.load`. Beside its text and its changes it needs no memory."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigurationError(
            "there is no such file; mpstock plan --out FILE writes a plan", place=str(path)
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"it is not UTF-8 (byte {error.start}); save it as UTF-8, or {_AGAIN}", place=str(path)
        ) from error
    except OSError as error:
        raise ConfigurationError(f"it cannot be read: {_why(error)}", place=str(path)) from error
    return _Reader(path, text).plan()


def _why(error: OSError | UnicodeError) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error)


_SPACE = re.compile(r"[ \t\r\n]*")


@define
class _Reader:
    """Reads one file, its changes one by one: the generic tree of a large plan would take gigabytes."""

    path: Path
    text: str
    at: int = 0
    changes: list[PlannedChange] = field(factory=list[PlannedChange])
    _decoder: json.JSONDecoder = field(factory=json.JSONDecoder)
    _words: dict[str, str] = field(factory=dict[str, str])
    _met: dict[tuple[str, str, str], int] = field(factory=dict[tuple[str, str, str], int])

    def plan(self) -> Plan:
        try:
            head = self._members()
        except json.JSONDecodeError as error:
            raise self._broken(error) from error
        except RecursionError:
            raise self._wrong("", "it is nested too deeply to be a plan") from None
        if "changes" not in head:
            raise self._wrong("changes", "they are missing; the file is cut off or was edited")
        return Plan(
            run=self._count(head, "run"),
            created_at=self._moment(head, "created_at"),
            changes=self.changes,
            held=self._objects(head, "held", HeldSlice),
            sources=self._by_name(head, "sources", SourceReport),
            sinks=self._by_name(head, "sinks", SinkReport),
            exit_code=self._count(head, "exit_code", default=0),
            released=self._texts(head, "released"),
            id=self._text(head, "id", default=""),
            ledger=self._text(head, "ledger", default=""),
            actor=self._text(head, "actor", default=""),
            settings=self._text(head, "settings", default=""),
            skus=self._texts(head, "skus"),
            rollback=None if head.get("rollback") is None else self._count(head, "rollback"),
            lasts=self._seconds(head, "lasts"),
            skipped=self._objects(head, "skipped", SkippedListing),
        )

    # ------------------------------------------------------------------ JSON

    def _members(self) -> dict[str, Any]:
        """Read the one object of the file; what stands under `changes` goes to the plan as it is met."""
        head: dict[str, Any] = {}
        self._expect("{")
        while not self._met_char("}"):
            if head:
                self._expect(",")
            key = self._value()
            if not isinstance(key, str):
                raise json.JSONDecodeError("expected a key", self.text, self.at)
            self._expect(":")
            if key in head:
                raise self._wrong(key, "it stands in the file twice")
            if key == "changes":
                self._check_format(head)
                self._read_changes()
                head[key] = True
            else:
                head[key] = self._value()
        self._check_format(head)
        if self._skip() < len(self.text):
            raise json.JSONDecodeError("something follows the plan", self.text, self.at)
        return head

    def _read_changes(self) -> None:
        self._expect("[")
        while not self._met_char("]"):
            if self.changes:
                self._expect(",")
            at = self._skip()
            self.changes.append(self._change(self._value(), at))

    def _value(self) -> Any:
        value, self.at = self._decoder.raw_decode(self.text, self._skip())
        return value

    def _skip(self) -> int:
        match = _SPACE.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        return self.at

    def _expect(self, char: str) -> None:
        if not self._met_char(char):
            raise json.JSONDecodeError(f"expected {char!r}", self.text, self.at)

    def _met_char(self, char: str) -> bool:
        found = self.text.startswith(char, self._skip())
        self.at += found
        return found

    # ------------------------------------------------------------------ what it says

    def _check_format(self, head: Mapping[str, Any]) -> None:
        # Before the changes are looked at: those of another format mean nothing.
        if head.get("format") != FORMAT:
            raise self._wrong("format", f"this is no plan of mpstock ({FORMAT!r} is missing); {_AGAIN}")
        version = self._count(head, "version")
        if version > VERSION:
            raise self._wrong(
                "version",
                f"a newer mpstock wrote it (version {version}, this one knows {VERSION}); "
                f"upgrade mpstock, or {_AGAIN}",
            )

    def _change(self, value: Any, at: int) -> PlannedChange:
        if not isinstance(value, dict):
            raise self._wrong("changes", "a change is an object with sku, sink, warehouse, old and new", at)
        old = None if value.get("old", "") is None else self._count(value, "old", at)
        new = self._count(value, "new", at)
        change = PlannedChange(
            self._text(value, "sku", at),
            self._word(value, "sink", at),
            self._word(value, "warehouse", at),
            self._text(value, "external_id", at),
            old,
            new,
            # Not as the file has it: a number that a person has lowered may have become a fall.
            lane(old, new),
            self._word(value, "cause", at, "manual"),
            self._word(value, "held", at, ""),
            self._word(value, "reason", at, ""),
        )
        first = self._met.setdefault((change.sink, change.warehouse, change.external_id), at)
        if first != at:
            raise self._wrong(
                "",
                f"{change.external_id} on {change.sink} {change.warehouse} is planned in "
                f"{self._line(first)} already; keep one of them",
                at,
            )
        return change

    def _text(self, table: Mapping[str, Any], key: str, at: int | None = None, default: Any = None) -> str:
        value = table.get(key, default)
        if not isinstance(value, str) or (not value and default is None):
            raise self._wrong(key, f"it must be a text, not {_shown(value)}; put it back, or {_AGAIN}", at)
        try:
            value.encode()
        except UnicodeEncodeError:
            raise self._wrong(key, f"{value!r} is no text; put it back, or {_AGAIN}", at) from None
        return value

    def _word(self, table: Mapping[str, Any], key: str, at: int, default: Any = None) -> str:
        """Return a text that many changes have in common, once for all of them."""
        value = self._text(table, key, at, default)
        return self._words.setdefault(value, value)

    def _count(self, table: Mapping[str, Any], key: str, at: int | None = None, default: Any = None) -> int:
        value = table.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
            raise self._wrong(
                key, f"it must be a whole number, 0 or more, not {_shown(value)}; mend it, or {_AGAIN}", at
            )
        return value

    def _moment(self, table: Mapping[str, Any], key: str) -> datetime:
        text = self._text(table, key)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise self._wrong(key, f"it must be a time with its zone, not {text!r}; put it back, or {_AGAIN}")
        return moment.astimezone(UTC)

    def _seconds(self, table: Mapping[str, Any], key: str) -> timedelta | None:
        value = table.get(key)
        if value is None:
            return None
        try:
            span = timedelta(seconds=value)
        except (TypeError, ValueError, OverflowError):
            span = timedelta()
        if span <= timedelta():
            raise self._wrong(key, f"it must be seconds, more than 0, not {_shown(value)}; mend it")
        return span

    def _texts(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        values = table.get(key, ())
        if not isinstance(values, (list, tuple)) or not all(isinstance(value, str) for value in values):
            raise self._wrong(key, f"it must be a list of texts; put it back, or {_AGAIN}")
        return tuple(values)

    def _objects(self, table: Mapping[str, Any], key: str, cls: type[T]) -> tuple[T, ...]:
        values = table.get(key, ())
        if not isinstance(values, (list, tuple)):
            raise self._wrong(key, f"it must be a list; put it back, or {_AGAIN}")
        return tuple(self._object(value, key, cls) for value in values)

    def _by_name(self, table: Mapping[str, Any], key: str, cls: type[T]) -> dict[str, T]:
        values = table.get(key, {})
        if not isinstance(values, dict):
            raise self._wrong(key, f"it must be an object; put it back, or {_AGAIN}")
        return {name: self._object(value, key, cls) for name, value in values.items()}

    def _object(self, value: Any, key: str, cls: type[T]) -> T:
        """Return what the plan tells of its reading; keys that a newer mpstock has added are passed over."""
        from cattrs import Converter
        from cattrs.errors import BaseValidationError

        try:
            return Converter().structure(value, cls)
        except (BaseValidationError, TypeError, ValueError, AttributeError) as error:
            raise self._wrong(key, f"it does not say what it should; put it back, or {_AGAIN}") from error

    # ------------------------------------------------------------------ what is wrong

    def _line(self, at: int) -> str:
        return f"line {self.text.count(chr(10), 0, at) + 1}"

    def _wrong(self, key: str, message: str, at: int | None = None) -> ConfigurationError:
        where = [str(self.path), *([] if at is None else [self._line(at)]), *([key] if key else [])]
        return ConfigurationError(message, place=", ".join(where))

    def _broken(self, error: json.JSONDecodeError) -> ConfigurationError:
        cut = not self.text[error.pos :].strip()
        what = "it is cut off" if cut else f"{error.msg} in column {error.colno}"
        hint = "" if cut else "; a comma that is missing, or one before a bracket"
        return ConfigurationError(
            f"this is no whole JSON document: {what}{hint}. Mend it, or {_AGAIN}",
            place=f"{self.path}, line {error.lineno}",
        )


def _shown(value: Any) -> str:
    text = "left out" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:40]}…"
