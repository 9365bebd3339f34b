"""fleet.toml and the tenants' files: everything wrong is named, what is common to all is filled in."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from mpstock.errors import ConfigurationError
from mpstock.fleet.settings import load
from mpstock.fleet.tenants import FolderTenants, configured
from mpstock.plugins import PluginRegistry

URL = "postgresql://fleet:s3cr3t-of-the-fleet@db/mpstock"


def write(folder: Path, text: str) -> Path:
    path = folder / "fleet.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_password_comes_from_the_environment_and_is_not_seen(tmp_path: Path) -> None:
    """The address of the database is a secret: no repr has it."""
    path = write(tmp_path, '[fleet]\nurl = "${DB}"\n[worker]\nslice = "90s"\n')
    settings = load(path, environ={"DB": URL})
    assert settings.url.reveal() == URL
    assert settings.worker.slice == timedelta(seconds=90)
    assert settings.tenants == str(tmp_path / "tenants")
    assert "s3cr3t" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[fleet]\nurl = "mysql://db"\n', "postgresql://"),
        ("[fleet]\n", "url"),
        (f'[fleet]\nurl = "{URL}"\ntenant = "x"\n', "tenants"),
        (f'[fleet]\nurl = "{URL}"\n[workers]\n', "worker"),
        (f'[fleet]\nurl = "{URL}"\n[worker]\nconcurrency = 0\n', "concurrency"),
        (f'[fleet]\nurl = "{URL}"\n[worker]\nbulk = 2\n', "bulk"),
        (f'[fleet]\nurl = "{URL}"\n[worker]\nstalled_after = "10s"\n', "three times"),
        (f'[fleet]\nurl = "{URL}"\n[defaults.sinks]\na = 1\n', "cannot be common"),
        (f'[fleet]\nurl = "{URL}"\n[defaults]\nschedule = 1\n', "must be a table"),
        ('[fleet]\nurl = "${NOBODY_SET_IT}"\n', "NOBODY_SET_IT"),
        ("fleet = 1\n", "must be a table"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, named: str) -> None:
    """Each mistake is told with its place, and never with the password."""
    with pytest.raises(ConfigurationError) as caught:
        load(write(tmp_path, text), environ={})
    assert named in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


TENANT = """
[sources.erp]
plugin = "memory"
[schedule]
orders = "5m"
[sinks.shop]
plugin = "memory"
[[sinks.shop.warehouses]]
code = "main"
"""


def tenants(folder: Path, text: str = TENANT) -> FolderTenants:
    (folder / "tenants").mkdir()
    (folder / "tenants" / "one.toml").write_text(text, encoding="utf-8")
    return FolderTenants(folder / "tenants")


def test_what_is_common_counts_where_a_tenant_says_nothing(tmp_path: Path) -> None:
    """Key by key: a tenant's own key stands, the others are the fleet's."""
    path = write(
        tmp_path,
        f'[fleet]\nurl = "{URL}"\nledgers = "own"\n[defaults.schedule]\norders = "2m"\nfull = "04:00"\n',
    )
    settings = load(path)
    config = asyncio.run(configured("one", tenants(tmp_path), settings, PluginRegistry()))
    assert (str(config.schedule.orders), str(config.schedule.full)) == ("5m", "04:00")


def test_a_tenant_s_own_ledger_is_refused_where_the_fleet_keeps_it(tmp_path: Path) -> None:
    """Two places for one ledger would be two truths: the table is named, and what to do."""
    settings = load(write(tmp_path, f'[fleet]\nurl = "{URL}"\n'))
    there = tenants(tmp_path, TENANT + '[ledger]\nurl = "sqlite:///x.db"\n')
    with pytest.raises(ConfigurationError, match=r"\[ledger\].*take the table out"):
        asyncio.run(configured("one", there, settings, PluginRegistry()))


@pytest.mark.parametrize("name", ["../one", "", "a b", "x" * 61])
def test_a_name_that_is_none_reaches_no_file(tmp_path: Path, name: str) -> None:
    """A tenant's name comes from outside, too: it never leads out of the folder."""
    with pytest.raises(ConfigurationError, match="cannot be a tenant's name"):
        asyncio.run(tenants(tmp_path).tables(name))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The message says which folder, and what belongs into it."""
    with pytest.raises(ConfigurationError, match=r"NAME\.toml"):
        asyncio.run(FolderTenants(tmp_path / "gone").revisions())


def test_a_file_that_changes_has_another_revision(tmp_path: Path) -> None:
    """Files with other names than a tenant may have are none of the fleet's."""
    there = tenants(tmp_path)
    (tmp_path / "tenants" / "a b.toml").write_text("", encoding="utf-8")
    before = asyncio.run(there.revisions())
    (tmp_path / "tenants" / "one.toml").write_text(TENANT + "\n", encoding="utf-8")
    after = asyncio.run(there.revisions())
    assert list(before) == list(after) == ["one"]
    assert before != after
