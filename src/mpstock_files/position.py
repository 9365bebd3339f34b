"""Which list was read last: the cursor's text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256

import attrs
from attrs import frozen

from mpstock_files.settings import FilesSettings

__all__ = ["ListPosition", "fingerprint"]


@frozen
class ListPosition:
    """What is known of a list that was read.

    `as_of` is its time. `files` tells the state of the files (names, sizes, times); `etag` and `modified`
            are what
    the server said of it, to be sent back with the next question.
    """

    of: str
    as_of: datetime
    files: str = ""
    etag: str = ""
    modified: str = ""

    def text(self) -> str:
        """Write it as a cursor."""
        return json.dumps({**attrs.asdict(self), "as_of": self.as_of.isoformat()}, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str | None, of: str) -> ListPosition | None:
        """Read a cursor; None where there is none, none that can be read, or one of other settings."""
        try:
            data = json.loads(text or "")
            if data["of"] != of:
                return None
            as_of = datetime.fromisoformat(data["as_of"]).astimezone(UTC)
            return cls(of, as_of, *(str(data[name]) for name in ("files", "etag", "modified")))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            return None


def fingerprint(settings: FilesSettings) -> str:
    """Tell settings apart that read other lists, or mean other things by the same rows."""
    told = attrs.asdict(attrs.evolve(settings, password=None), recurse=True)
    told.pop("timeout")
    return sha256(json.dumps(told, default=str, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()[
        :16
    ]
