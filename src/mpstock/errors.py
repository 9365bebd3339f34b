"""One tree of exceptions. What may be retried is said by type.

::

    MpstockError
    ├── ConfigurationError            the settings file, the environment, the products file
    ├── PluginError
    │   ├── PluginLoadError           it does not import or register
    │   ├── PluginContractError       it breaks the contract of mpstock.interfaces
    │   └── UnknownPluginError        nothing installed has that name
    ├── LedgerError
    │   ├── LedgerVersionError        written by a newer mpstock
    │   ├── LedgerLockedError         another process holds it
    │   └── LedgerFullError           no space left, or not writable
    ├── AdapterError(adapter)
    │   ├── AuthenticationError       401, 403: nothing helps but other credentials
    │   ├── RejectedError             the vendor refused the request for what it says
    │   ├── UnexpectedResponseError   the answer is not what the vendor's documents promise
    │   └── TransientError            may pass by itself; `retry_after` in seconds
    │       ├── NotSentError          a push that was surely not taken in
    │       └── InDoubtError          a push that may have been applied
    ├── StalePlanError                what the plan was made from has moved
    └── Interrupted                   stopped by the user; what was in flight is recorded
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mpstock.reconcile.plans import MovedListing

__all__ = [
    "AdapterError",
    "AuthenticationError",
    "ConfigurationError",
    "InDoubtError",
    "Interrupted",
    "LedgerError",
    "LedgerFullError",
    "LedgerLockedError",
    "LedgerVersionError",
    "MpstockError",
    "NotSentError",
    "PluginContractError",
    "PluginError",
    "PluginLoadError",
    "RejectedError",
    "ShadowError",
    "StalePlanError",
    "TransientError",
    "UnexpectedResponseError",
    "UnknownPluginError",
]


class MpstockError(Exception):
    """Something went wrong in mpstock."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__ or "")


class ConfigurationError(MpstockError):
    """The settings cannot be used. `place` names the key and its table."""

    def __init__(self, message: str | None = None, *, place: str = "") -> None:
        self.place = place
        super().__init__(f"{place}: {message}" if place and message else message)


class PluginError(MpstockError):
    """A plugin cannot be used."""


class PluginLoadError(PluginError):
    """A plugin does not import, or does not register."""


class PluginContractError(PluginError):
    """A plugin breaks the contract of mpstock.interfaces."""


class UnknownPluginError(PluginError):
    """No installed plugin has that name."""


class LedgerError(MpstockError):
    """The ledger cannot be used."""


class LedgerVersionError(LedgerError):
    """The ledger was written by a newer mpstock; upgrade mpstock to open it."""


class LedgerLockedError(LedgerError):
    """Another process holds the ledger; try again when it is done."""


class LedgerFullError(LedgerError):
    """The ledger cannot be written: no space is left, or the file is read-only."""


class AdapterError(MpstockError):
    """A source or sink failed. `adapter` is its name in the settings."""

    def __init__(self, message: str | None = None, *, adapter: str = "") -> None:
        self.adapter = adapter
        text = message or type(self).__doc__ or ""
        super().__init__(f"{adapter}: {text}" if adapter else text)


class AuthenticationError(AdapterError):
    """The vendor refused the credentials."""


class RejectedError(AdapterError):
    """The vendor refused the request for what it says. `code` is the vendor's."""

    def __init__(self, message: str | None = None, *, adapter: str = "", code: str = "") -> None:
        self.code = code
        super().__init__(message, adapter=adapter)


class UnexpectedResponseError(AdapterError):
    """The answer is not what the vendor's documents promise."""


class TransientError(AdapterError):
    """It may pass by itself. `retry_after` is in seconds, None where the vendor did not say."""

    def __init__(
        self, message: str | None = None, *, adapter: str = "", retry_after: float | None = None
    ) -> None:
        self.retry_after = retry_after
        super().__init__(message, adapter=adapter)


class NotSentError(TransientError):
    """A push that the vendor surely did not take in."""


class ShadowError(NotSentError):
    """Nothing is written to this account: it is in shadow mode."""


class InDoubtError(TransientError):
    """A push that may or may not have been applied."""


class StalePlanError(MpstockError):
    """What the plan was made from has moved since; plan again.

    `moved` are the listings that have (`mpstock.MovedListing`); it is empty where the plan is merely too old.
    """

    def __init__(self, message: str | None = None, *, moved: Iterable[MovedListing] = ()) -> None:
        self.moved = tuple(moved)
        super().__init__(message or "what the plan was made from has moved since; plan again")


class Interrupted(MpstockError):  # noqa: N818  (it is no error of anyone's)
    """Stopped by the user. What was in flight has been recorded; the next run goes on from there."""
