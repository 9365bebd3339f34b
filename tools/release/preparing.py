"""Writes a version: into pyproject.toml, the pins that lead to it, pages, template and changelogs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from packaging.version import Version

from tools.release.changelogs import close
from tools.release.matching import PIN, fitting, line, template_settings, told
from tools.release.members import Member, Workspace

__all__ = ["prepare"]

_VERSION = re.compile(r'^version = "[^"]*"$', re.MULTILINE)
_TEMPLATE_DEFAULT = re.compile(r'(^mpstock:\n(?:  .*\n)*?  default: )"[^"]*"', re.MULTILINE)


def prepare(workspace: Workspace, version: str, members: Sequence[Member], day: date) -> list[Path]:
    """Give distributions a version, and return the files that were written.

    Pins that lead to one of them are written anew when its line changes. What was unreleased in their
    changelogs becomes the section of the version.
    """
    texts: dict[Path, str] = {}

    def text(path: Path) -> str:
        return texts.setdefault(path, path.read_text(encoding="utf-8"))

    for member in members:
        project = member.folder / "pyproject.toml"
        texts[project] = _VERSION.sub(f'version = "{version}"', text(project), count=1)
        if member.changelog.is_file():
            texts[member.changelog] = close(text(member.changelog), version, day)
    new = Version(version)
    moved = {member.name for member in members if line(member.release) != line(new) or new.is_prerelease}

    def pinned(found: re.Match[str]) -> str:
        if found["name"] not in moved:
            return found[0]
        return f"{found['name']}{found['extras'] or ''}{fitting(new)}"

    for path in [*(member.folder / "pyproject.toml" for member in workspace.members), *told(workspace)]:
        texts[path] = PIN.sub(pinned, text(path))
    template = template_settings(workspace)
    if template is not None and workspace.core.name in moved:
        texts[template] = _TEMPLATE_DEFAULT.sub(rf'\g<1>"{fitting(new)}"', text(template))
    written = [path for path, new_text in texts.items() if path.read_text(encoding="utf-8") != new_text]
    for path in written:
        path.write_text(texts[path], encoding="utf-8")
    return written
