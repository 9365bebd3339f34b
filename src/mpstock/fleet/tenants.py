"""The tenants: where each one's settings are, and what they come to in the fleet."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve, field, frozen

from mpstock.config import LedgerSettings
from mpstock.config.files import read_toml
from mpstock.config.loading import from_tables
from mpstock.errors import ConfigurationError
from mpstock.fleet.settings import DATABASE

if TYPE_CHECKING:
    from mpstock.config import Configuration
    from mpstock.fleet.settings import FleetSettings
    from mpstock.fleet.store import FleetStore
    from mpstock.plugins import PluginRegistry

__all__ = ["FolderTenants", "TableTenants", "Tenants", "configured", "open_tenants"]

_NAME = re.compile(r"[\w.-]{1,60}")


class Tenants(Protocol):
    """Where the settings of the tenants are."""

    async def revisions(self) -> Mapping[str, str]:
        """Return every tenant with what changes when its settings do."""
        ...

    async def tables(self, tenant: str) -> tuple[Mapping[str, Any], Path]:
        """Return the settings of one tenant, its variables not yet filled in, and the path to name them by.

        Raises:
            ConfigurationError: there is no such tenant, or what is there is no TOML.
        """
        ...


@frozen
class FolderTenants:
    """A folder of files `<tenant>.toml`. Variables come from the environment, or from `.env` in it."""

    folder: Path

    async def revisions(self) -> Mapping[str, str]:
        """Return every tenant with the size and time of its file."""
        if not self.folder.is_dir():
            raise ConfigurationError(
                f"there is no folder {self.folder}; make it, with a file NAME.toml in it for each tenant",
                place="[fleet] tenants",
            )
        found: dict[str, str] = {}
        for path in sorted(self.folder.glob("*.toml")):
            if _NAME.fullmatch(path.stem) and path.is_file():
                stat = path.stat()
                found[path.stem] = f"{stat.st_mtime_ns}-{stat.st_size}"
        return found

    async def tables(self, tenant: str) -> tuple[Mapping[str, Any], Path]:
        """Read one tenant's file."""
        path = self.folder / f"{_checked(tenant)}.toml"
        return read_toml(path), path


@frozen
class TableTenants:
    """Rows of the fleet's database: a tenant's settings are text, as they would stand in its file."""

    store: FleetStore = field(repr=False)
    folder: Path

    async def revisions(self) -> Mapping[str, str]:
        """Return every tenant with a digest of its text."""
        return await self.store.settings_revisions()

    async def tables(self, tenant: str) -> tuple[Mapping[str, Any], Path]:
        """Read one tenant's row."""
        text = await self.store.settings_text(_checked(tenant))
        if text is None:
            raise ConfigurationError(f"there is no tenant {tenant!r}", place="tenant")
        try:
            tables: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"the settings of tenant {tenant!r} are not TOML: {error}") from None
        return tables, self.folder / f"{tenant}.toml"


def open_tenants(settings: FleetSettings, store: FleetStore) -> Tenants:
    """Return the tenants that the fleet's settings name."""
    if settings.tenants == DATABASE:
        return TableTenants(store, settings.folder)
    return FolderTenants(Path(settings.tenants))


async def configured(
    tenant: str, tenants: Tenants, settings: FleetSettings, plugins: PluginRegistry
) -> Configuration:
    """Return the settings of one tenant, with what is common to all and its ledger in the fleet's database.

    Raises:
        ConfigurationError: something in them is wrong; all of it is named.
        PluginError: a plugin that they name is missing or broken.
    """
    tables, path = await tenants.tables(tenant)
    url = settings.ledger_url
    if url is not None and "ledger" in tables:
        raise ConfigurationError(
            f"{path}: the ledgers of a fleet are in its database; take the table out, or write "
            'ledgers = "own" in fleet.toml',
            place="[ledger]",
        )
    common = {
        name: {**table, **own}
        for name, table in settings.defaults.items()
        # What is no table is told by whoever reads it.
        if isinstance(own := tables.get(name, {}), Mapping)
    }
    config = from_tables({**tables, **common}, path, plugins=plugins)
    return config if url is None else evolve(config, ledger=LedgerSettings(url, tenant))


def _checked(tenant: str) -> str:
    if not _NAME.fullmatch(tenant):
        raise ConfigurationError(
            f"{tenant!r} cannot be a tenant's name: use letters, digits, _, . and -, 60 of them at most",
            place="tenant",
        )
    return tenant
