"""mpstock.toml and the environment → typed settings."""

from mpstock.config.durations import format_duration, parse_duration
from mpstock.config.loading import load
from mpstock.config.settings import (
    Absorption,
    Configuration,
    GuardSettings,
    LedgerSettings,
    ProductsSettings,
    RetentionSettings,
    ScheduleSettings,
    SharingSettings,
    SinkConfig,
    SinkWarehouse,
    SourceConfig,
    ZeroingGuard,
    collect_secrets,
)
from mpstock.config.structuring import Cell, structure_settings

__all__ = [
    "Absorption",
    "Cell",
    "Configuration",
    "GuardSettings",
    "LedgerSettings",
    "ProductsSettings",
    "RetentionSettings",
    "ScheduleSettings",
    "SharingSettings",
    "SinkConfig",
    "SinkWarehouse",
    "SourceConfig",
    "ZeroingGuard",
    "collect_secrets",
    "format_duration",
    "load",
    "parse_duration",
    "structure_settings",
]
