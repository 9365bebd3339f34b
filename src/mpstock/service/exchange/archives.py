"""A zip of strangers: what it says is in it, and how much that would be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile, ZipFile, is_zipfile

from mpstock.service.exchange.wording import RefusedError

__all__ = ["is_archive", "members"]

_MOST_MEMBERS = 100_000


def is_archive(name: str) -> bool:
    """Tell by its name whether a file is a zip."""
    return name.casefold().endswith(".zip")


def members(path: Path, name: str, limit: int) -> Sequence[str]:
    """Return the names of what is in a zip.

    Raises:
        RefusedError: it is no zip, is encrypted, or would unpack to more than `limit` bytes. What it says of
            its sizes is binding: Python reads no more of a member than that.
    """
    if not is_zipfile(path):
        raise _broken(name)
    try:
        with ZipFile(path) as archive:
            found = archive.infolist()
    except (BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise _broken(name) from error
    total = sum(one.file_size for one in found)
    if total > limit or len(found) > _MOST_MEMBERS:
        raise RefusedError(
            f"Архив {name} слишком велик: распакованный он занял бы {total} байт, можно {limit} "
            "([service.exchange] max_size).",
            f"{name} would unpack to {total} bytes in {len(found)} files, more than {limit} bytes "
            "([service.exchange] max_size)",
        )
    if any(one.flag_bits & 1 for one in found):
        raise RefusedError(f"Архив {name} зашифрован.", f"{name} is encrypted")
    return [one.filename.replace("\\", "/") for one in found]


def _broken(name: str) -> RefusedError:
    return RefusedError(
        f"Архив {name} повреждён или пришёл не целиком.", f"{name} is no whole zip; nothing of it is used"
    )
