"""mpstock.toml, `.env` and the products file as they are written: whole, or not at all."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from mpstock.errors import ConfigurationError

__all__ = [
    "WholeFiles",
    "assigned",
    "env_lines",
    "env_name",
    "env_text",
    "products_text",
    "toml_key",
    "toml_value",
    "write_whole",
]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ASSIGNED = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=")


def toml_value(value: Any) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{toml_key(str(key))} = {toml_value(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml_value, value))}]"
    # JSON's escapes are TOML's, but for DEL, which JSON leaves as it is.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(key: str) -> str:
    """Return a key as TOML writes it."""
    return key if _BARE.fullmatch(key) else toml_value(key)


def env_name(adapter: str, key: str) -> str:
    """Return the name of the variable for an adapter's key: `OZON_API_KEY`."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", f"{adapter}_{key}").strip("_").upper()
    return name if not name[:1].isdigit() else f"MPSTOCK_{name}"


def env_text(before: str, variables: Mapping[str, str]) -> str:
    """Return the text of `.env` with these variables in it; lines of other variables stay as they are."""
    kept = [line for line in before.splitlines() if _assigned(line) not in variables]
    return "".join(f"{line}\n" for line in [*kept, *env_lines(variables)])


def env_lines(variables: Mapping[str, str]) -> list[str]:
    """Return variables as lines of `.env`; whatever is in a value is taken as it stands."""
    return [
        f"{name}='{value.replace(chr(92), chr(92) * 2).replace(chr(39), chr(92) + chr(39))}'"
        for name, value in variables.items()
    ]


def assigned(text: str) -> set[str]:
    """Return the names of the variables that the text of a `.env` sets."""
    return {name for line in text.splitlines() if (name := _assigned(line))}


def _assigned(line: str) -> str:
    found = _ASSIGNED.match(line)
    return "" if found is None else found[1]


def products_text(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """Return a products file with these columns."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


@contextlib.contextmanager
def write_whole(folder: Path) -> Iterator[WholeFiles]:
    """Gather files of a folder, and put all of them in their places at the end, or none.

    Raises:
        ConfigurationError: the folder cannot be written.
    """
    files = WholeFiles(folder)
    try:
        yield files
        files.place()
    except OSError as error:
        raise ConfigurationError(
            f"the folder {folder} cannot be written ({error.strerror or error}); nothing has changed in it"
        ) from error
    finally:
        files.forget()


class WholeFiles:
    """Files that wait beside their places until all of them are complete."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[tuple[Path, Path]] = []

    def add(self, name: str, content: bytes | str, *, secret: bool = False) -> None:
        """Let a file wait; one that is `secret` can be read by its owner alone, from its first byte on."""
        handle, waiting = tempfile.mkstemp(prefix=f".{name.strip('.')}.", suffix=".new", dir=self._folder)
        self._waiting.append((Path(waiting), self._folder / name))
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp's own are 0600; what is no secret is as any new file is.
        if not secret:
            mask = os.umask(0)
            os.umask(mask)
            Path(waiting).chmod(0o666 & ~mask)

    def place(self) -> None:
        """Put them in their places, in the order in which they were added."""
        while self._waiting:
            waiting, place = self._waiting[0]
            waiting.replace(place)
            self._waiting.pop(0)

    def forget(self) -> None:
        """Take away what still waits."""
        for waiting, _ in self._waiting:
            waiting.unlink(missing_ok=True)
        self._waiting.clear()
