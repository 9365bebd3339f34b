"""What a tag publishes, whether all is ready for it, and what is told of it.

`v0.2.0` publishes everything: all distributions have that version. `mpstock-ozon-v0.2.1` publishes one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tools.release.changelogs import UNRELEASED, section
from tools.release.matching import Mismatch, mismatches
from tools.release.members import Member, Workspace

__all__ = ["UnknownTagError", "named", "notes", "published", "unready"]

_TAG = re.compile(r"(?:(?P<name>mpstock(?:-[a-z0-9]+)*)-)?v(?P<version>\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?)")


class UnknownTagError(ValueError):
    """A tag that publishes nothing: it is not written as one, or names no distribution."""


def named(tag: str) -> tuple[str | None, str]:
    """Return the distribution that a tag names, None for all of them, and the version."""
    found = _TAG.fullmatch(tag)
    if found is None:
        raise UnknownTagError(
            f"The tag {tag!r} is none of a release. Write v0.2.0 for everything, mpstock-ozon-v0.2.1 for one."
        )
    return found["name"], found["version"]


def published(workspace: Workspace, tag: str) -> Sequence[Member]:
    """Return what a tag publishes, the core first."""
    name, _ = named(tag)
    if name is None:
        return workspace.members
    member = workspace.named(name)
    if member is None:
        there = ", ".join(member.name for member in workspace.members)
        raise UnknownTagError(f"The tag {tag!r} names no distribution that is here. There are: {there}.")
    return [member]


def unready(workspace: Workspace, tag: str) -> list[Mismatch]:
    """Return all that stands against publishing a tag; an empty list lets it go on."""
    found = mismatches(workspace)
    name, version = named(tag)
    prepare = f"`python -m tools.release prepare {version}{f' {name}' if name else ''}` writes it."
    for member in published(workspace, tag):
        if member.version != version:
            place = workspace.place(member.folder / "pyproject.toml")
            found.append(Mismatch(place, f"the version is {member.version}, and the tag {tag}.", prepare))
            continue
        place = workspace.place(member.changelog)
        told, ahead = section(member, version), section(member, UNRELEASED)
        if told is None:
            found.append(Mismatch(place, f"there is no section [{version}].", prepare))
        elif told.day is None:
            found.append(
                Mismatch(place, f"the section [{version}] has no date.", "Write it: [0.1.0] - 2026-01-31.")
            )
        elif not told.text:
            found.append(Mismatch(place, f"the section [{version}] is empty.", "Say what changed."))
        if ahead is not None and ahead.text:
            found.append(
                Mismatch(
                    place,
                    "changes stand under [Unreleased].",
                    f"Move what is in {version} under its heading.",
                )
            )
    return found


def notes(workspace: Workspace, tag: str) -> str:
    """Return what is told of a tag: the sections of what it publishes, each under its distribution's name."""
    _, version = named(tag)
    parts = []
    for member in published(workspace, tag):
        told = section(member, version)
        if told is not None and told.text:
            parts.append(f"## {member.name} {version}\n\n{told.text}")
    return "\n\n".join(parts) + "\n"
