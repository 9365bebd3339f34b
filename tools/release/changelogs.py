"""The changelogs: one a distribution, beside its pyproject.toml, in the format of Keep a Changelog."""

from __future__ import annotations

import re
from datetime import date

from attrs import frozen

from tools.release.members import Member

__all__ = ["NOTHING", "UNRELEASED", "Section", "close", "section", "sections"]

UNRELEASED = "Unreleased"
NOTHING = "No changes of its own."
_HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<day>\d{4}-\d{2}-\d{2}))?[^\n]*$", re.MULTILINE)


@frozen
class Section:
    """What a changelog says of one version: `day` is None while it is not released."""

    version: str
    day: str | None
    text: str


def sections(text: str) -> list[Section]:
    """Return a changelog's sections, the newest first, as they stand."""
    found = list(_HEADING.finditer(text))
    ends = [heading.start() for heading in found[1:]] + [len(text)]
    return [
        Section(heading["version"], heading["day"], text[heading.end() : end].strip())
        for heading, end in zip(found, ends, strict=True)
    ]


def section(member: Member, version: str) -> Section | None:
    """Return what a distribution's changelog says of a version."""
    if not member.changelog.is_file():
        return None
    every = sections(member.changelog.read_text(encoding="utf-8"))
    return next((one for one in every if one.version == version), None)


def close(text: str, version: str, day: date) -> str:
    """Make of what is unreleased the section of a version; a distribution without changes says so."""
    if any(one.version == version for one in sections(text)):
        return text
    headings = [*_HEADING.finditer(text)]
    start = end = headings[0].start() if headings else len(text)
    body = ""
    if headings and headings[0]["version"] == UNRELEASED:
        body = sections(text)[0].text
        end = headings[1].start() if len(headings) > 1 else len(text)
    told = f"## [{version}] - {day.isoformat()}\n\n{body or NOTHING}\n"
    parts = [text[:start].rstrip(), told.rstrip(), text[end:].rstrip()]
    return "\n\n".join(part for part in parts if part) + "\n"
