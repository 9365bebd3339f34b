"""How far a folder of exchange files has been read: the cursor's text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256

from attrs import field, frozen

from mpstock_onec.commerceml_settings import CommerceMLSettings

__all__ = ["FolderPosition", "fingerprint"]


@frozen
class FolderPosition:
    """What is known of a folder.

    `read` are the keys of files that need not be read again. `named` is what each store was called when its
    first number was told: a store that is renamed in 1C stays the same warehouse. `nameless` are read
    files with offers whose article was not known; they are read again when new names come. `growing` are the
    portions of a full package that may not have been the last of it. `as_of` is the time of the newest.
    """

    of: str
    as_of: datetime
    read: frozenset[str] = frozenset()
    named: dict[str, str] = field(factory=dict[str, str])
    nameless: frozenset[str] = frozenset()
    growing: frozenset[str] = frozenset()

    def text(self) -> str:
        """Write it as a cursor."""
        return json.dumps(
            {
                "of": self.of,
                "as_of": self.as_of.isoformat(),
                "read": sorted(self.read),
                "named": self.named,
                "nameless": sorted(self.nameless),
                "growing": sorted(self.growing),
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_text(cls, text: str | None, of: str) -> FolderPosition | None:
        """Read a cursor; None where there is none, none that can be read, or one of other settings."""
        try:
            data = json.loads(text or "")
            if data["of"] != of:
                return None
            return cls(
                of,
                datetime.fromisoformat(data["as_of"]).astimezone(UTC),
                frozenset(map(str, data["read"])),
                {str(key): str(name) for key, name in data["named"].items()},
                frozenset(map(str, data["nameless"])),
                frozenset(map(str, data["growing"])),
            )
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            return None


def fingerprint(settings: CommerceMLSettings) -> str:
    """Tell settings apart that read other files, or mean other things by the same."""
    parts = [
        str(settings.path),
        settings.sku,
        settings.warehouse,
        sorted(settings.warehouses.items()),
        settings.empty,
        settings.trust_formed_at,
        settings.timezone,
    ]
    return sha256(json.dumps(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
