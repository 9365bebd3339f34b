"""Where a list comes from: files at a path or pattern, or an address. What is new, and how old it is."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock import Context
from mpstock.errors import RejectedError, TransientError, UnexpectedResponseError
from mpstock_files.position import ListPosition, fingerprint
from mpstock_files.unpacking import Packed

if TYPE_CHECKING:
    from mpstock_files.settings import FilesSettings

__all__ = ["Found", "found_at_path", "found_at_url"]


@frozen
class Found:
    """What there is to read. `lists` is empty where nothing is new since the cursor."""

    lists: Sequence[Packed]
    position: ListPosition


def found_at_path(settings: FilesSettings, context: Context, before: ListPosition | None) -> Found:
    """Look at the path: the newest file that matches, or all of them.

    Raises:
        TransientError: nothing is there now.
    """
    assert settings.path is not None
    paths = _matching(settings.path, context.name)
    try:
        stats = sorted(
            ((path.stat(), path) for path in paths), key=lambda one: (one[0].st_mtime_ns, one[1].name)
        )
    except OSError as error:
        raise _not_there(settings.path, context.name, error.strerror or str(error)) from None
    if settings.files == "newest":
        stats = stats[-1:]
    told = "\n".join(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}" for stat, path in stats)
    state = sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    now = context.clock.now()
    # Parts of one list are as old as the oldest of them.
    written = datetime.fromtimestamp(stats[0][0].st_mtime_ns / 1e9, UTC)
    as_of = now if settings.dated_by == "request" else min(written, now)
    position = ListPosition(fingerprint(settings), as_of, files=state)
    if before is not None and before.files == state:
        return Found((), position)
    return Found([Packed(path.name, path) for _, path in stats], position)


async def found_at_url(settings: FilesSettings, context: Context, before: ListPosition | None) -> Found:
    """Ask the address, and say which list is known already.

    A list is as old as the server says by Last-Modified: the numbers were true then at the latest, and a
    list that
    its supplier has stopped writing is noticed. Without that header it is of the moment of the question.

    Raises:
        AuthenticationError: 401 or 403.
        TransientError: no connection, no answer in time, or 5xx, until the transport gave up.
        UnexpectedResponseError: a redirect, or nothing is there.
    """
    asked_at = context.clock.now()
    headers = {"Accept": "*/*", **_credentials(settings)}
    if before is not None:
        if before.etag:
            headers["If-None-Match"] = before.etag
        if before.modified:
            headers["If-Modified-Since"] = before.modified
    answer = await context.transport.request(
        "GET", settings.url, scopes=(), headers=headers, timeout=settings.timeout.total_seconds()
    )
    if answer.status_code == 304 and before is not None:
        as_of = _as_of(settings, before.modified, asked_at)
        return Found((), ListPosition(before.of, as_of, etag=before.etag, modified=before.modified))
    _refuse(answer, settings, context.name)
    modified = answer.headers.get("last-modified", "")
    position = ListPosition(
        fingerprint(settings),
        _as_of(settings, modified, asked_at),
        etag=answer.headers.get("etag", ""),
        modified=modified,
    )
    return Found([Packed(_name(settings.url), answer.content)], position)


def _matching(path: Path, adapter: str) -> list[Path]:
    if any(mark in str(path) for mark in "*?[") and not path.exists():
        anchor = Path(*_plain(path))
        found = [one for one in anchor.glob(str(path.relative_to(anchor))) if one.is_file()]
        if not found:
            raise _not_there(path, adapter, "no file matches")
        return found
    if path.is_dir():
        raise UnexpectedResponseError(
            f'{path} is a folder; write a pattern such as "{path.name}/*.csv", the newest file of it is read',
            adapter=adapter,
        )
    if not path.exists():
        raise _not_there(path, adapter, "no such file")
    return [path]


def _plain(path: Path) -> list[str]:
    parts: list[str] = []
    for part in path.parts:
        if any(mark in part for mark in "*?["):
            break
        parts.append(part)
    return parts


def _not_there(path: Path, adapter: str, why: str) -> TransientError:
    return TransientError(
        f"nothing can be read at {path} ({why}); has the supplier sent it yet, is the share mounted, and "
        f"may this "
        "user read it?",
        adapter=adapter,
    )


def _credentials(settings: FilesSettings) -> dict[str, str]:
    if not settings.user:
        return {}
    password = settings.password.reveal() if settings.password else ""
    return {"Authorization": "Basic " + b64encode(f"{settings.user}:{password}".encode()).decode("ascii")}


def _as_of(settings: FilesSettings, modified: str, asked_at: datetime) -> datetime:
    if settings.dated_by == "request" or not modified:
        return asked_at
    try:
        moment = parsedate_to_datetime(modified)
    except (ValueError, TypeError):
        return asked_at
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(moment.astimezone(UTC), asked_at)


def _refuse(answer: Any, settings: FilesSettings, adapter: str) -> None:
    status = answer.status_code
    if status == 200:
        return
    if status in (404, 410):
        raise UnexpectedResponseError(
            f"the supplier's server answered {status}: no list is at this address any more; ask for the new "
            f"one",
            adapter=adapter,
        )
    if 400 <= status < 500:
        raise RejectedError(
            f"the supplier's server answered {status} and no list", adapter=adapter, code=str(status)
        )
    raise UnexpectedResponseError(
        f"the supplier's server answered {status} instead of a list", adapter=adapter
    )


def _name(url: str) -> str:
    """Return the last part of the address: what stands behind `?` may be a key."""
    return url.partition("?")[0].rstrip("/").rpartition("/")[2] or "the list"
