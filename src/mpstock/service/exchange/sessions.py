"""One exchange as it stands: who began it, and what has come of each file. Kept beside what was received."""

from __future__ import annotations

import hmac
import json
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from attrs import asdict, define, field

__all__ = ["Received", "Session", "State", "fingerprint"]

State = Literal["coming", "sound", "placed", "failed"]
"""A file is still coming; has been read to its end; lies where the source reads; cannot be used."""


def fingerprint(token: str) -> str:
    """Return what is kept of a token, which itself is nowhere but in the hands of 1C."""
    return sha256(token.encode()).hexdigest()


@define
class Received:
    """One file: where it lies, how much of it has come, and what was the last portion."""

    number: int
    size: int = 0
    last: str = ""
    last_size: int = 0
    state: State = "coming"
    place: str = ""
    said: str = ""
    logged: str = ""


@define
class Session:
    """An exchange from its `init` to its end, under the fingerprint of its token."""

    token: str
    user: str
    started_at: datetime
    touched_at: datetime
    folder: str
    files: dict[str, Received] = field(factory=dict[str, Received])
    numbers: int = 0
    placed: int = 0
    unread: bool = False
    ended: bool = False

    @property
    def total(self) -> int:
        """Bytes that have come so far."""
        return sum(received.size for received in self.files.values())

    @property
    def check(self) -> str:
        """The second token, which newer versions of 1C add to every address (`sessid`)."""
        return self.token[:32]

    def has(self, token: str) -> bool:
        """Tell, in constant time, whether this token is its own."""
        return hmac.compare_digest(self.token, fingerprint(token))

    def busy(self, now: datetime, quiet_for: timedelta) -> bool:
        """Whether somebody is at it: no other may begin meanwhile."""
        return not self.ended and now - self.touched_at < quiet_for

    def save(self, path: Path) -> None:
        """Write it to a file in one step."""
        data = asdict(self, value_serializer=_serialized)
        # Beside it, so that it is replaced in one step; a crash leaves the old one or the new one.
        new = path.with_suffix(".new")
        new.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        new.replace(path)

    @classmethod
    def load(cls, path: Path) -> Session | None:
        """Read it back; None where there is none, or none that can be read."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            files = {name: Received(**one) for name, one in data.pop("files").items()}
            for name in ("started_at", "touched_at"):
                data[name] = datetime.fromisoformat(data[name])
            return cls(**data, files=files)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


def _serialized(_owner: Any, _attribute: Any, value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
