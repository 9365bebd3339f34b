"""The adapters of one shop as the engine holds them, and what it may say of their failures."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from attrs import evolve, field, frozen

from mpstock.errors import (
    AuthenticationError,
    ConfigurationError,
    MpstockError,
    PluginError,
    TransientError,
)
from mpstock.gate import Gate
from mpstock.redaction import Redactor

if TYPE_CHECKING:
    from mpstock.config import SinkConfig, SourceConfig
    from mpstock.interfaces import Sink, Source
    from mpstock.ledger import Ledger
    from mpstock.model import Outcome

__all__ = ["BuiltSink", "BuiltSource", "Failure", "causes_of", "fingerprint", "fingerprinter"]


class _Slots(Protocol):
    def slot(
        self, scopes: Sequence[str], items: int = 1, *, may_go: Callable[[], bool] | None = None
    ) -> AbstractAsyncContextManager[None]: ...


@frozen
class BuiltSource:
    """A source ready to be read."""

    config: SourceConfig
    source: Source

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def word(self) -> str:
        """What the sync log calls a source of its plugin: the plugin's first alias (`1c`), else its name."""
        spec = self.config.spec
        if spec is None:
            return self.name
        return spec.aliases[0] if spec.aliases else spec.name

    def fingerprint(self) -> str:
        """Changes when the settings do, so that a cursor of other settings is not gone on with."""
        return fingerprint(self.config.settings, self.config.quantity)


def causes_of(sources: Sequence[BuiltSource]) -> dict[str, str]:
    """Return what the sync log calls each of these sources, by name, as the cause of a change.

    That is its plugin's word. Where that word is another one's too, or another one's name, it is its own
    name: the log never calls two sources the same.
    """
    names = {built.name for built in sources}
    words = Counter(built.word for built in sources)
    return {
        built.name: built.name if words[built.word] > 1 or built.word in names else built.word
        for built in sources
    }


@frozen
class BuiltSink:
    """A sink ready to be pushed to. `transport` is None for a sink that sends nothing over it.

    Its `gate` is shut in shadow mode; `shut_or_open` does either.
    """

    config: SinkConfig
    sink: Sink
    transport: _Slots | None = None
    gate: Gate = field(factory=Gate)

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def shadowed(self) -> bool:
        """Whether it is in shadow mode, as far as was looked last: it is read, and nothing is written."""
        return self.gate.shut

    def shut_or_open(self, ledger: Ledger) -> bool:
        """Let the gate be as the ledger or the settings say now; whether it is open.

        Runs in the ledger's thread.
        """
        self.gate.shut = ledger.shadows.is_shadow(self.name, self.config.shadow)
        return not self.gate.shut

    @property
    def visible_after(self) -> timedelta:
        """So long after an accepted write the sink may still show what it showed before."""
        return timedelta(seconds=self.sink.limits.visible_after)

    @property
    def cooldown(self) -> timedelta:
        """So long a listing rests after a write, whatever came of it."""
        return timedelta(seconds=self.sink.limits.pair_cooldown)

    def redacted(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Return outcomes whose words have none of the sink's secrets in them."""
        if not any(outcome.message for outcome in outcomes):
            return list(outcomes)
        redact = Redactor(self.config.secrets)
        return [evolve(o, message=redact(o.message)) if o.message else o for o in outcomes]

    def fingerprint(self) -> str:
        """Changes when the account, its settings or its warehouses do."""
        return fingerprint(self.config.settings, self.config.codes, self.sink.limits.account)

    @asynccontextmanager
    async def slot(self, may_go: Callable[[], bool] | None = None) -> AsyncIterator[None]:
        """Wait for the limiter's place for one push, before its quantities are computed.

        `may_go` is asked at the very moment at which the push goes out; if it says no, it is not sent.
        """
        if self.transport is None:
            yield
            return
        limits = self.sink.limits
        counted = any(rate.items is not None for rate in limits.rates)
        items = limits.batch if counted else 1
        async with self.transport.slot(limits.push_scopes, items, may_go=may_go):
            yield


@frozen
class Failure:
    """Why an adapter could not do its part. `kind` decides the exit code."""

    kind: str
    message: str

    @classmethod
    def of(cls, error: Exception, config: SourceConfig | SinkConfig) -> Failure:
        """Tell an exception as a failure: in its own words if it is ours, with its type if not.

        The adapter's secrets are taken out: what a plugin's own exception says, nobody has looked at.
        """
        text = Redactor(config.secrets)(str(error))
        if isinstance(error, (AuthenticationError, ConfigurationError, PluginError)):
            return cls("refused", text)
        if isinstance(error, TransientError):
            return cls("unreachable", text)
        if isinstance(error, MpstockError):
            return cls("failed", text)
        return cls("failed", f"{config.name}: a defect of the plugin: {type(error).__name__}: {text}")

    @property
    def exit_code(self) -> int:
        return {"refused": 2, "leased": 1}.get(self.kind, 3)


def fingerprint(*values: object) -> str:
    """Return a short digest of settings; secrets show as `***` in their repr and do not count."""
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def fingerprinter(*common: object) -> Callable[[object], str]:
    """Return what makes the same of one more value as `fingerprint` of all of them; `common` are told once.

    A thousand warehouses have the settings of all thousand in common: told for each, they are a million.
    """
    begun = hashlib.sha256(f"({''.join(f'{value!r}, ' for value in common)}".encode())

    def with_last(last: object) -> str:
        whole = begun.copy()
        whole.update(f"{last!r})".encode())
        return whole.hexdigest()[:16]

    return with_last


Tell = Callable[[str, object], None]
"""Tells the plugins of an event: hook name and event object."""
