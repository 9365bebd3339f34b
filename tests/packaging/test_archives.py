from __future__ import annotations

import configparser
import email
import importlib.util
import tarfile
import zipfile
from pathlib import Path

import pytest

from tools.release.members import Member, Workspace

WORKSPACE = Workspace.read()
CORE = WORKSPACE.core
PLUGINS = WORKSPACE.plugins
MEMBERS = WORKSPACE.members
each_member = pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
each_plugin = pytest.mark.parametrize("member", PLUGINS, ids=lambda member: member.name)
# One worker builds the archives for all of them, and only the session that builds them asks.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("dist")]


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def described(member: Member, name: str) -> str:
    return f"{member.stem}.dist-info/{name}"


@each_member
def test_a_wheel_holds_the_package_and_nothing_else(member: Member, dist: Path) -> None:
    """A wheel holds exactly the package's files with py.typed; no pyproject, README or test slips in."""
    names = set(contents(dist / member.wheel))
    package = {name for name in names if not name.startswith(f"{member.stem}.dist-info/")}
    assert package == member.files()
    assert f"{member.package.name}/py.typed" in package


@each_member
def test_an_sdist_builds_the_same_wheel(member: Member, dist: Path) -> None:
    """The wheel that is built from the sdist equals, to the byte, the one that is built from the folder."""
    assert (dist / member.wheel).read_bytes() == (dist / "direct" / member.wheel).read_bytes()


@each_member
def test_an_archive_can_be_built_again(member: Member, dist: Path) -> None:
    """A second build of a commit gives the same sdist to the byte: anyone can check what is published."""
    assert (dist / member.sdist).read_bytes() == (dist / "direct" / member.sdist).read_bytes()


def test_nothing_else_lies_there(dist: Path) -> None:
    """One sdist and one wheel of each distribution, and nothing that would be published by accident."""
    expected = {name for member in MEMBERS for name in (member.wheel, member.sdist)}
    assert {path.name for path in dist.iterdir() if path.is_file()} == expected


@each_member
def test_an_sdist_carries_licence_and_changelog(member: Member, dist: Path) -> None:
    """Who packs a distribution for another system finds the licence in it, and what changed."""
    with tarfile.open(dist / member.sdist) as archive:
        for name in ("LICENSE", "CHANGELOG.md", "README.md"):
            held = archive.extractfile(f"{member.stem}/{name}")
            assert held is not None
            assert held.read() == (member.folder / name).read_bytes()


@each_member
def test_an_sdist_holds_the_package_and_what_its_build_needs(member: Member, dist: Path) -> None:
    """No stray file (a ledger, a virtual environment, a cache) gets into an sdist."""
    with tarfile.open(dist / member.sdist) as archive:
        names = {name.removeprefix(f"{member.stem}/") for name in archive.getnames()}
    prefix = "src/" if member is CORE else ""
    package = {
        f"{prefix}{name}" if prefix else name.removeprefix(f"{member.package.name}/")
        for name in member.files()
    }
    assert package <= names
    # hatchling always adds the .gitignore that it went by.
    assert names - package <= {
        "PKG-INFO",
        "pyproject.toml",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        ".gitignore",
    }


@each_member
def test_a_wheel_carries_the_licence(member: Member, dist: Path) -> None:
    """Each distribution carries the licence, and each copy is the same as the root's."""
    licence = (CORE.folder / "LICENSE").read_bytes()
    assert contents(dist / member.wheel)[described(member, "licenses/LICENSE")] == licence
    assert not (member.folder / "LICENSE").is_symlink()


@each_member
def test_a_wheel_describes_itself(member: Member, dist: Path) -> None:
    """The metadata has what the package index shows: summary, licence, README and the Python it needs."""
    metadata = email.message_from_bytes(contents(dist / member.wheel)[described(member, "METADATA")])
    assert metadata["Summary"]
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    body = metadata.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.decode() == (member.folder / "README.md").read_text(encoding="utf-8")


@each_plugin
def test_a_plugin_announces_its_plugin_module(member: Member, dist: Path) -> None:
    """A plugin's entry point is in the group `mpstock` and names a module that its wheel holds."""
    wheel = contents(dist / member.wheel)
    entries = configparser.ConfigParser()
    entries.read_string(wheel[described(member, "entry_points.txt")].decode())
    short = member.name.removeprefix("mpstock-")
    assert dict(entries["mpstock"]) == {short: f"{member.package.name}.plugin"}
    assert f"{member.package.name}/plugin.py" in wheel


def test_the_core_brings_the_command(dist: Path) -> None:
    """The core's wheel brings the console script `mpstock`, and the package that it names."""
    wheel = contents(dist / CORE.wheel)
    entries = configparser.ConfigParser()
    entries.read_string(wheel[described(CORE, "entry_points.txt")].decode())
    assert dict(entries["console_scripts"]) == {"mpstock": "mpstock.cli:main"}
    assert "mpstock/cli/__init__.py" in wheel


@each_member
def test_every_module_of_a_wheel_is_python(member: Member, dist: Path) -> None:
    """Each module in a wheel compiles, so that no half-written file is published."""
    for name, source in contents(dist / member.wheel).items():
        if name.endswith(".py"):
            compile(importlib.util.decode_source(source), name, "exec")
