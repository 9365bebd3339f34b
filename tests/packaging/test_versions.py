from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.packaging.members import CORE, PLUGINS, ROOT, Member

WORKSPACE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
each_plugin = pytest.mark.parametrize("member", PLUGINS, ids=lambda member: member.name)


def group(name: str) -> set[str]:
    """Return a dependency group with the groups that it includes."""
    found: set[str] = set()
    for item in WORKSPACE["dependency-groups"][name]:
        found |= {item} if isinstance(item, str) else group(item["include-group"])
    return found


def by_name(requirements: list[str]) -> dict[str, Requirement]:
    parsed = [Requirement(text) for text in requirements]
    return {requirement.name: requirement for requirement in parsed}


@each_plugin
def test_a_plugin_needs_one_minor_version_of_the_core(member: Member) -> None:
    """A plugin is pinned to the core's minor version, and the core that lies beside it satisfies the pin."""
    needed = by_name(member.project["dependencies"])["mpstock"]
    assert needed.specifier.contains(CORE.version)
    major, minor, *_ = (int(part) for part in CORE.version.split("."))
    assert not needed.specifier.contains(f"{major}.{minor + 1}.0")


@each_plugin
def test_the_core_has_an_extra_for_each_plugin(member: Member) -> None:
    """`pip install mpstock[ozon]` brings the plugin, at the version that lies here; `all` brings it too."""
    extras = CORE.project["optional-dependencies"]
    short = member.name.removeprefix("mpstock-")
    assert by_name(extras[short])[member.name].specifier.contains(member.version)
    assert short in Requirement(extras["demo"][0]).extras | Requirement(extras["all"][0]).extras


def test_requirements_dev_says_what_the_dependency_group_says() -> None:
    """requirements-dev.txt and the group `dev` name the same tools, and every plugin, editable."""
    lines = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    editable = {line.removeprefix("-e ") for line in lines if line.startswith("-e ")}
    tools = {line for line in lines if line and not re.match(r"#|-e ", line)}
    wanted = group("dev")
    assert tools == {name for name in wanted if not name.startswith("mpstock")}
    assert {name for name in wanted if name.startswith("mpstock")} == {member.name for member in PLUGINS}
    plugins = {f"./{member.folder.relative_to(ROOT).as_posix()}" for member in PLUGINS}
    assert {path for path in editable if not path.startswith(".[")} == plugins


def test_each_member_stands_in_the_workspace() -> None:
    """uv finds every member in the checkout, not on an index."""
    sources = WORKSPACE["tool"]["uv"]["sources"]
    assert set(sources) == {CORE.name} | {member.name for member in PLUGINS}


def test_the_changelog_knows_the_version() -> None:
    """CHANGELOG.md has a heading for the version in pyproject.toml, or one for what is not released yet."""
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] in {"Unreleased", CORE.version}
