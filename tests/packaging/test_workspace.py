from __future__ import annotations

import re
import tomllib

from tools.release.members import ROOT, Workspace

CORE, PLUGINS = Workspace.read().core, Workspace.read().plugins
WORKSPACE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def group(name: str) -> set[str]:
    """Return a dependency group with the groups that it includes."""
    found: set[str] = set()
    for item in WORKSPACE["dependency-groups"][name]:
        found |= {item} if isinstance(item, str) else group(item["include-group"])
    return found


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
