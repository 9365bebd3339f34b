"""What the settings file says, typed: frozen values with every default in place.

All of it can be built in code as well, without a file and without plugins: a `SourceConfig` or
`SinkConfig` whose `spec` is None stands for an object that the program made itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import attrs
from attrs import field, frozen

from mpstock.config.alerting import AlertSettings
from mpstock.config.guards import GuardSettings
from mpstock.config.pushing import PushSettings
from mpstock.config.recurring import When
from mpstock.config.service import ServiceSettings
from mpstock.config.taping import TapeSettings
from mpstock.config.verifying import VerifySettings
from mpstock.secret import Secret
from mpstock.validators import not_negative

if TYPE_CHECKING:
    from mpstock.interfaces import SinkSpec, SourceSpec
    from mpstock.model import Finding
    from mpstock.plugins import PluginRegistry
    from mpstock.products_file import ProductsFile

__all__ = [
    "Absorption",
    "Configuration",
    "LedgerSettings",
    "ProductsSettings",
    "RetentionSettings",
    "ScheduleSettings",
    "SharingSettings",
    "SinkConfig",
    "SinkWarehouse",
    "SourceConfig",
    "collect_secrets",
]


def collect_secrets(*values: object) -> tuple[str, ...]:
    """Return the text of every non-empty `Secret` in these values, however deep, each once."""
    return tuple(dict.fromkeys(text for value in values for text in _secrets(value) if text))


def _secrets(value: object) -> Iterator[str]:
    if isinstance(value, Secret):
        yield value.reveal()
    elif attrs.has(kind := type(value)):
        for attribute in attrs.fields(kind):
            yield from _secrets(getattr(value, attribute.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secrets(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _secrets(item)


@frozen
class LedgerSettings:
    """`[ledger]`. `url` is absolute: a relative path in the file has been resolved.

    `tenant` is whose ledger it is, where many share a PostgreSQL.
    """

    url: str = field(default="sqlite:///mpstock.db", repr=lambda url: repr(_without_password(url)))
    tenant: str = "default"

    @property
    def path(self) -> Path | None:
        """The ledger's file; None for one in memory."""
        rest = self.url.removeprefix("sqlite:///")
        return None if rest in (self.url, "", ":memory:") else Path(rest)


def _without_password(url: str) -> str:
    scheme, colon, rest = url.partition("://")
    credentials, at, host = rest.rpartition("@")
    user, _, _ = credentials.partition(":")
    return f"{scheme}{colon}{user}:***@{host}" if at else url


@frozen
class Absorption:
    """`absorbs` of a source: when it books one sink's orders itself.

    `books_at` is the stage of the order at which it does, `lag` how long after it that may take. Until
    the source has been read later than that, the order's units are subtracted from what it says.
    """

    books_at: Literal["order", "assembly", "shipment"]
    lag: timedelta = field(default=timedelta(minutes=15), validator=not_negative())


@frozen
class SourceConfig:
    """`[sources.NAME]`: the keys that all sources have. The plugin's own are in `settings`.

    `quantity`   whether its quantity is on hand, or already free of what it has promised.
    `absorbs`    by sink: whose orders it books itself, and when.
    `max_age`    older than that its levels are unknown; None = only a failed read makes them so.
    `incremental`  `"exact"`: a row that an incremental read leaves out is as it was; `"advisory"`: it is only
                 as fresh as the last full read. Left out, it is as the plugin says.
    `group`      sources of one group describe the same goods, combined by the group's `rule`.
    `share`      only this part of each level counts, rounded down (a supplier's list).
    `lead_time`  its goods have to be fetched first: its warehouses feed only those sink warehouses that
                 name them in `feeds`.
    `max_per_sku`  of its own holds (open carts) at most so many units of a product count.
    `transport`  a `mpstock.transport.TransportSettings`; None = the defaults.
    """

    name: str
    spec: SourceSpec | None = None
    settings: Any = None
    quantity: Literal["on_hand", "free"] = "on_hand"
    absorbs: Mapping[str, Absorption] = field(factory=dict[str, Absorption])
    max_age: timedelta | None = None
    incremental: Literal["exact", "advisory"] = "exact"
    group: str = "main"
    rule: Literal["sum", "first", "max", "min"] = "sum"
    share: Decimal = Decimal(1)
    lead_time: timedelta | None = None
    max_per_sku: int | None = None
    transport: Any = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that must not be seen in anything that is said of this source."""
        return collect_secrets(self.settings, self.transport)


@frozen
class SinkWarehouse:
    """`[[sinks.NAME.warehouses]]`: one of the marketplace's warehouses that is served.

    `feeds` are the own warehouses whose stock it shows; None = all. `share` is the part of them
    that it shows where several sink warehouses of one sink are fed by the same. `pick_order` names the
    own warehouses in the order in which its orders are picked from them; None = nobody knows which of them
    an order hits. `buffer` is the warehouse's own buffer table, raw.
    """

    code: str
    feeds: tuple[str, ...] | None = None
    share: Decimal | None = None
    buffer: Mapping[str, Any] = field(factory=dict[str, Any])
    pick_order: tuple[str, ...] | None = None


@frozen
class SinkConfig:
    """`[sinks.NAME]`: the keys that all sinks have. The plugin's own are in `settings`.

    `priority`  1 is served first where sharing is exclusive.
    `share`     its part of the common stock where sharing is split.
    `max_age`   when its orders were read longer ago than that, nobody knows what it has sold meanwhile: what
                it sells is not raised anywhere.
    `shadow`    another integration writes there: it is read and planned for, and nothing is sent, until it is
                taken over.
    `buffer`    the sink's buffer table, raw: `policy` and the policy's own keys.
    """

    name: str
    spec: SinkSpec | None = None
    settings: Any = None
    priority: int = 1
    share: Decimal | None = None
    max_age: timedelta = timedelta(minutes=15)
    shadow: bool = False
    warehouses: tuple[SinkWarehouse, ...] = ()
    buffer: Mapping[str, Any] = field(factory=dict[str, Any])
    transport: Any = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that must not be seen in anything that is said of this sink."""
        return collect_secrets(self.settings, self.transport)

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of its warehouses, in the order of the file."""
        return tuple(warehouse.code for warehouse in self.warehouses)


@frozen
class SharingSettings:
    """`[sharing]`: whether two sinks may promise the same unit.

    `shared`: each shows all of it. `split`: each shows its `share`. `exclusive`: no unit is shown twice, and
    the sinks are served in the order of their `priority`.
    """

    between_sinks: Literal["shared", "split", "exclusive"] = "shared"


def _when(value: When | timedelta | time | str) -> When:
    return When.of(value)


@frozen
class ScheduleSettings:
    """`[schedule]`: what the always-on service does by itself, and when; hours are those of `timezone`.

    `every`   read what has changed in the sources, and push what differs.
    `full`    read everything, and compare with what the sinks show.
    `orders`  read the sinks' orders. A length of time counts within a long run of any kind, too.
    `verify`  read back everything that the sinks show, and say why something differs.
    `tidy`    let go what is older than `[retention]` says.
    """

    every: When = field(default=When.of("15m"), converter=_when)
    full: When = field(default=When.of("02:00"), converter=_when)
    orders: When = field(default=When.of("60s"), converter=_when)
    verify: When = field(default=When.of("04:30"), converter=_when)
    tidy: When = field(default=When.of("03:30"), converter=_when)
    timezone: ZoneInfo = field(factory=lambda: ZoneInfo("UTC"))

    @property
    def orders_apart(self) -> timedelta:
        """How often a run that takes longer reads the orders again."""
        return self.orders.every or timedelta(seconds=60)


def _a_day(_: Any, attribute: attrs.Attribute[Any], value: timedelta) -> None:
    if value < timedelta(days=1):
        raise ValueError(
            f'{attribute.name} must be a day or more, such as "90d": guards and roll-backs look back that far'
        )


@frozen
class RetentionSettings:
    """`[retention]`: how long the ledger keeps what was.

    `log`           lines of the sync log; their seals stay for ever.
    `explanations`  the inputs of the formula for each number that was sent; those of a number that still
                    stands stay with its line in the log.
    `drifts`        listings that were found out of step.
    `runs`          runs that sent nothing, or whose lines of the log are gone.
    """

    log: timedelta = field(default=timedelta(days=365), validator=_a_day)
    explanations: timedelta = field(default=timedelta(days=90), validator=_a_day)
    drifts: timedelta = field(default=timedelta(days=90), validator=_a_day)
    runs: timedelta = field(default=timedelta(days=90), validator=_a_day)


@frozen
class ProductsSettings:
    """`[products]`: where the products file is; None = there is none."""

    file: Path | None = None


@frozen
class Configuration:
    """All of mpstock.toml. `path` is the file, None when it was made in code.

    `clock_speed` is above 1 only for work against simulators (`[clock] speed`), `clock_anchor` the moment
    from which time runs so fast; None: the first command's on this ledger.
    `broken` has, by `sources.NAME` or `sinks.NAME`, the adapters that were left out because their
    plugin is missing or broken; it is filled only by `load(…, tolerant=True)`.
    """

    path: Path | None = None
    ledger: LedgerSettings = field(factory=LedgerSettings)
    sources: Mapping[str, SourceConfig] = field(factory=dict[str, SourceConfig])
    sinks: Mapping[str, SinkConfig] = field(factory=dict[str, SinkConfig])
    sharing: SharingSettings = field(factory=SharingSettings)
    guards: GuardSettings = field(factory=GuardSettings)
    push: PushSettings = field(factory=PushSettings)
    verify: VerifySettings = field(factory=VerifySettings)
    schedule: ScheduleSettings = field(factory=ScheduleSettings)
    products: ProductsSettings = field(factory=ProductsSettings)
    retention: RetentionSettings = field(factory=RetentionSettings)
    service: ServiceSettings = field(factory=ServiceSettings)
    alerts: AlertSettings = field(factory=AlertSettings)
    tapes: TapeSettings = field(factory=TapeSettings)
    clock_speed: float = 1.0
    clock_anchor: datetime | None = None
    broken: Mapping[str, Exception] = field(factory=dict[str, Exception])

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret of the settings: what the process as a whole must not say."""
        texts = [source.secrets for source in self.sources.values()]
        texts += [sink.secrets for sink in self.sinks.values()]
        texts.append(collect_secrets(self.service, self.alerts))
        return tuple(dict.fromkeys(text for adapter in texts for text in adapter))

    def read_products(self, plugins: PluginRegistry | None = None) -> ProductsFile:
        """Read the products file; an empty one if none is configured.

        With `plugins` its buffer columns are held against the keys that the policies have.

        Raises:
            ConfigurationError: it is missing, or something in it is wrong (all of it is named).
        """
        from mpstock.buffers import buffer_keys
        from mpstock.products_file import ProductsFile, read_products

        if self.products.file is None:
            return ProductsFile.empty()
        keys = None if plugins is None else buffer_keys(plugins)
        return read_products(self.products.file, self.sinks, buffer_keys=keys)

    def remarks(self) -> list[Finding]:
        """What `check` says of the settings: they can be used, but a person should know this."""
        from mpstock.config.remarks import remarks

        return remarks(self)
