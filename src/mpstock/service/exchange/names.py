"""What 1C writes into the address: parameters in two encodings, and names of files that may lead anywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from mpstock.service.exchange.wording import RefusedError

__all__ = ["parameters", "safe_name"]

_LONGEST = 200
_DEEPEST = 8
# The folder of temporary files of a 1C server on Linux, and that of its exchange, are sent along.
_ABOVE = re.compile(r"^(?:/?tmp/|/?upload/1c/webdata/?|/?webdata/)")
_UNFIT = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
# Names that Windows takes for devices, with any extension.
_DEVICE = re.compile(r"^(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?$", re.IGNORECASE)


def parameters(query: bytes) -> Mapping[str, str]:
    """Return the parameters of an address; of one that stands twice the first."""
    found: dict[str, str] = {}
    for pair in query.split(b"&"):
        name, _, value = pair.partition(b"=")
        found.setdefault(_decoded(name), _decoded(value))
    return found


def _decoded(text: bytes) -> str:
    plain = unquote_to_bytes(text.replace(b"+", b" "))
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError:
        return plain.decode("windows-1251", "replace")


def safe_name(name: str) -> str:
    """Return the name of a file below the folder of its exchange, with `/` between folders.

    Raises:
        RefusedError: it leads out of that folder, or is none that every system can keep.
    """
    path = _ABOVE.sub("", name.strip().replace("\\", "/")).strip("/")
    parts = path.split("/")
    wrong = (
        not path
        or len(path.encode()) > _LONGEST
        or len(parts) > _DEEPEST
        or _UNFIT.search(path) is not None
        or any(part.startswith(".") or part.endswith((".", " ")) or part != part.strip() for part in parts)
        or any(not part or _DEVICE.match(part) for part in parts)
    )
    if wrong:
        shown = ascii(name[:_LONGEST])
        raise RefusedError(f"Имя файла {name[:_LONGEST]!r} не подходит.", f"the name {shown} is not taken")
    return path
