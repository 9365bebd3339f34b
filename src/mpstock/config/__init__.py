"""mpstock.toml and the environment → typed settings."""

from mpstock.config.alerting import AlertSettings
from mpstock.config.durations import format_duration, parse_duration
from mpstock.config.exchange import ExchangeSettings
from mpstock.config.guards import GuardSettings, RaisingGuard, ShrunkenGuard, ZeroingGuard
from mpstock.config.loading import load
from mpstock.config.pushing import PushSettings, QuarantineSettings
from mpstock.config.recurring import When
from mpstock.config.service import MonitoringSettings, ServiceSettings, UserSettings, WebhookSettings
from mpstock.config.settings import (
    Absorption,
    Configuration,
    LedgerSettings,
    ProductsSettings,
    RetentionSettings,
    ScheduleSettings,
    SharingSettings,
    SinkConfig,
    SinkWarehouse,
    SourceConfig,
    collect_secrets,
)
from mpstock.config.structuring import Cell, structure_settings
from mpstock.config.taping import TapeSettings
from mpstock.config.verifying import VerifySettings

__all__ = [
    "Absorption",
    "AlertSettings",
    "Cell",
    "Configuration",
    "ExchangeSettings",
    "GuardSettings",
    "LedgerSettings",
    "MonitoringSettings",
    "ProductsSettings",
    "PushSettings",
    "QuarantineSettings",
    "RaisingGuard",
    "RetentionSettings",
    "ScheduleSettings",
    "ServiceSettings",
    "SharingSettings",
    "ShrunkenGuard",
    "SinkConfig",
    "SinkWarehouse",
    "SourceConfig",
    "TapeSettings",
    "UserSettings",
    "VerifySettings",
    "WebhookSettings",
    "When",
    "ZeroingGuard",
    "collect_secrets",
    "format_duration",
    "load",
    "parse_duration",
    "structure_settings",
]
