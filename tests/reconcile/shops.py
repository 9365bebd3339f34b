"""A shop for the engine's tests: adapters in memory, a real ledger file, time that never waits.

Every call of `Play` opens the ledger anew, as every command does. Unless said otherwise no buffer is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, field, frozen

from mpstock import (
    Alert,
    Change,
    Level,
    Outcome,
    OutcomeStatus,
    Plan,
    Reading,
    Report,
    Shop,
    Sink,
    SinkSpec,
    Source,
    SourceSpec,
    hookimpl,
)
from mpstock.config import (
    Configuration,
    GuardSettings,
    LedgerSettings,
    ProductsSettings,
    RaisingGuard,
    RetentionSettings,
    SharingSettings,
    SinkConfig,
    SinkWarehouse,
    SourceConfig,
    TapeSettings,
    VerifySettings,
    ZeroingGuard,
)
from mpstock.inmemory import InMemorySink, InMemorySource
from mpstock.ledger import Ledger
from mpstock.plugins import PluginRegistry
from mpstock.testing import VirtualClock

NO_BUFFER: Mapping[str, Any] = {"policy": "all"}


@frozen
class NoSettings:
    """The settings of an adapter that was made by the test."""

    mark: str = field(default="")


def source_config(name: str, source: Source, *, aliases: tuple[str, ...] = (), **keys: Any) -> SourceConfig:
    """Return the settings of a source whose plugin builds this very object."""
    spec = SourceSpec(name, "made by a test", NoSettings, lambda _s, _c: source, aliases=aliases)
    return SourceConfig(name, spec, NoSettings(), **keys)


def sink_config(name: str, sink: Sink, **keys: Any) -> SinkConfig:
    """Return the settings of a sink whose plugin builds this very object."""
    spec = SinkSpec(
        name, "made by a test", NoSettings, lambda _s, _c: sink, mapping_keys=("external_id", "barcode")
    )
    if "warehouses" not in keys:
        codes: Sequence[str] = getattr(sink, "warehouses", ("main",))
        keys["warehouses"] = tuple(SinkWarehouse(code) for code in codes)
    return SinkConfig(name, spec, NoSettings(), **{"buffer": NO_BUFFER, **keys})


def configuration(
    ledger: str | Path,
    sources: Iterable[SourceConfig],
    sinks: Iterable[SinkConfig],
    *,
    zeroing: ZeroingGuard | None = None,
    raising: RaisingGuard | None = None,
    products: Path | None = None,
    sharing: SharingSettings | None = None,
    retention: RetentionSettings | None = None,
    verify: VerifySettings | None = None,
    tapes: TapeSettings | None = None,
) -> Configuration:
    """Return the settings of a shop, as a file would say them; only what is not known is read back."""
    url = str(ledger) if "://" in str(ledger) else f"sqlite:///{ledger}"
    return Configuration(
        ledger=LedgerSettings(url),
        sources={config.name: config for config in sources},
        sinks={config.name: config for config in sinks},
        guards=GuardSettings(zeroing or ZeroingGuard(), raising=raising or RaisingGuard()),
        verify=verify or VerifySettings(sample=0),
        products=ProductsSettings(products),
        sharing=sharing or SharingSettings(),
        retention=retention or RetentionSettings(),
        tapes=tapes or TapeSettings(),
    )


REGISTRY = PluginRegistry(entry_points=[])
"""What mpstock brings itself: to look for installed plugins costs more than a run of these little shops."""


class Killed(BaseException):
    """The process is gone: nothing may catch this."""


class Ears:
    """A plugin that keeps the alerts that it is told."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    @hookimpl
    def mpstock_alert(self, event: Alert) -> None:
        self.alerts.append(event)

    def told(self, kind: str) -> list[str]:
        """The subjects of the alerts of one kind."""
        return [alert.subject for alert in self.alerts if alert.subject.split(":")[0] == kind]


class Account(InMemorySink):
    """An account whose writes a test can watch as they arrive; `hook` is called before each of them."""

    hook: Callable[[Sequence[Change]], None] | None = None

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        if self.hook is not None:
            self.hook(changes)
        return await super().push(changes)

    def kill(self, *, applied: bool) -> None:
        """Let the next push kill the process, after the account has taken its changes in or before."""

        def die(changes: Sequence[Change]) -> None:
            self.hook = None
            if applied:
                for change in changes:
                    self.shown[change.listing.external_id, change.listing.warehouse] = change.new
            raise Killed

        self.hook = die

    def heal(self) -> None:
        """Forget every failure that was still to come."""
        self.hook = None
        self._failures.clear()
        self._refusals.clear()
        self._broken_reads.clear()

    def tell_orders_again(self) -> None:
        """Forget the failures of reading orders that were still to come."""
        self._broken_orders.clear()

    @property
    def sent(self) -> list[list[tuple[str, int]]]:
        """What each request carried: (external id, quantity) in its order."""
        return [[(change.listing.external_id, change.new) for change in push] for push in self.pushes]


class Play:
    """A seller with sources and sinks in memory and one ledger file."""

    def __init__(
        self,
        folder: Path,
        sources: Mapping[str, InMemorySource],
        sinks: Mapping[str, InMemorySink],
        *,
        clock: VirtualClock,
        zeroing: ZeroingGuard | None = None,
    ) -> None:
        self.clock = clock
        self.ledger = folder / "mpstock.db"
        self.sources = {name: source_config(name, source) for name, source in sources.items()}
        self.sinks = {name: sink_config(name, sink) for name, sink in sinks.items()}
        self.zeroing = zeroing
        self.registry = REGISTRY
        self.raising: RaisingGuard | None = None
        self.products: Path | None = None
        self.sharing: SharingSettings | None = None
        self.retention: RetentionSettings | None = None
        self.verify: VerifySettings | None = None
        self.tapes: TapeSettings | None = None

    def set_source(self, name: str, **keys: Any) -> None:
        """Change the settings of a source."""
        self.sources[name] = evolve(self.sources[name], **keys)

    def set_sink(self, name: str, **keys: Any) -> None:
        """Change the settings of a sink."""
        self.sinks[name] = evolve(self.sinks[name], **keys)

    def listen(self) -> Ears:
        """Return ears that hear every alert from now on."""
        ears = Ears()
        self.registry = PluginRegistry(entry_points=[])
        self.registry.register(ears, "ears")
        return ears

    def open(self) -> Shop:
        """Open the shop, as a new process does."""
        config = configuration(
            self.ledger,
            self.sources.values(),
            self.sinks.values(),
            zeroing=self.zeroing,
            raising=self.raising,
            products=self.products,
            sharing=self.sharing,
            retention=self.retention,
            verify=self.verify,
            tapes=self.tapes,
        )
        return Shop(config, plugins=self.registry, clock=self.clock)

    def sync(self, **keys: Any) -> Report:
        """One `mpstock sync`; a second later the next one may follow."""
        with self.open() as shop:
            report = shop.sync(**keys)
        self.clock.advance(1)
        return report

    def dies(self, **keys: Any) -> None:
        """One sync that ends with its process: nothing of it is recorded after the kill."""
        with pytest.raises(Killed), self.open() as shop:
            shop.sync(**keys)
        self.clock.advance(1)

    def plan(self, **keys: Any) -> Plan:
        """One `mpstock plan`."""
        with self.open() as shop:
            plan = shop.plan(**keys)
        self.clock.advance(1)
        return plan

    def apply(self, plan: Plan, **keys: Any) -> Report:
        """One `mpstock apply`."""
        with self.open() as shop:
            report = shop.apply(plan, **keys)
        self.clock.advance(1)
        return report


def make(
    folder: Path,
    levels: Mapping[str, int | None] | Mapping[tuple[str, str], int | None],
    *,
    shown: Mapping[tuple[str, str], int] | None = None,
    sells: Sequence[str] | None = None,
    zeroing: ZeroingGuard | None = None,
    page: int = 1000,
    **limits: Any,
) -> tuple[Play, InMemorySource, Account]:
    """Return a seller with the source `erp` and the sink `shop`, which sells what the source has."""
    clock = VirtualClock()
    source = InMemorySource(levels, clock=clock, page=page)
    named = dict.fromkeys(key if isinstance(key, str) else key[0] for key in levels)
    account = Account(sells if sells is not None else list(named), shown=shown, clock=clock, **limits)
    return Play(folder, {"erp": source}, {"shop": account}, clock=clock, zeroing=zeroing), source, account


def dies_with(
    play: Play, source: InMemorySource, account: Account, now: Mapping[str, int], *, applied: bool
) -> None:
    """After a first run let the next one die with these numbers on the wire, a minute later."""
    play.sync()
    play.clock.advance(60)
    for sku, quantity in now.items():
        source.set(sku, quantity)
    account.kill(applied=applied)
    play.dies()
    account.pushes.clear()


def shows(account: InMemorySink, warehouse: str = "main") -> dict[str, int]:
    """Return what buyers see in one warehouse of an account."""
    return {sku: quantity for (sku, code), quantity in account.shown.items() if code == warehouse}


def skus(count: int, prefix: str = "P") -> list[str]:
    """Return that many articles."""
    return [f"{prefix}{number:05}" for number in range(count)]


WAIT, BUSY, UNSENT = OutcomeStatus.WAIT, OutcomeStatus.BUSY, OutcomeStatus.UNSENT
DOUBT, WHOLE, OK, ERROR = OutcomeStatus.DOUBT, OutcomeStatus.WHOLE, OutcomeStatus.OK, OutcomeStatus.ERROR


def tell_ledger(play: Play, warehouse: str = "main", **levels: int) -> None:
    """Another process records what the source says now, while this one pushes."""
    ledger = Ledger(f"sqlite:///{play.ledger}")
    with ledger.transaction():
        now = play.clock.now()
        rows = [Level(sku, warehouse, quantity) for sku, quantity in levels.items()]
        ledger.levels.begin_read("erp").ingest(Reading(rows, now), now)
    ledger.close()
