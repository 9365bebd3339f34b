"""What a vendor's server tells the service of its own accord, and what an adapter makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

__all__ = ["Notification", "Notified"]


@frozen
class Notification:
    """What a vendor's server has sent to the service of its own accord, for one adapter.

    `query` is what stands behind the question mark of the address, `headers` have small letters.
    """

    body: bytes
    query: Mapping[str, str] = field(factory=dict[str, str])
    headers: Mapping[str, str] = field(factory=dict[str, str])


@frozen
class Notified:
    """What a notification means.

    `answer` is sent back as JSON. `look` says that something has changed: a source is read, of a sink its
    orders are. `key` names the notification where the vendor repeats one under the same name: it is
    then answered again, and looked at once.
    """

    answer: Mapping[str, Any] = field(factory=dict[str, Any])
    look: bool = True
    key: str = ""
