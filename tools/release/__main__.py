"""`python -m tools.release`: holds the distributions against one another, prepares and tells a release."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from packaging.version import InvalidVersion, Version

from tools.release.bills import BillError, check_bill
from tools.release.matching import mismatches
from tools.release.members import Workspace
from tools.release.preparing import prepare
from tools.release.tags import UnknownTagError, notes, published, unready


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="do the distributions fit one another, and this tag?")
    check.add_argument("tag", nargs="?")
    ready = commands.add_parser("prepare", help="write a version, its pins and its changelogs")
    ready.add_argument("version")
    ready.add_argument("distribution", nargs="*", help="left out: all of them")
    told = commands.add_parser("notes", help="print what is told of a tag")
    told.add_argument("tag")
    files = commands.add_parser("files", help="print the archives that a tag publishes")
    files.add_argument("tag")
    bill = commands.add_parser("bill", help="hold a bill of materials against what was installed")
    bill.add_argument("file", type=Path)
    return parser


def main(arguments: Sequence[str] | None = None, workspace: Workspace | None = None) -> int:
    """Do one command; returns 0, 1 where something does not fit, 2 for a usage that means nothing."""
    given = _parser().parse_args(arguments)
    workspace = workspace or Workspace.read()
    try:
        match given.command:
            case "check":
                return _check(workspace, given.tag)
            case "prepare":
                return _prepare(workspace, given.version, given.distribution)
            case "notes":
                print(notes(workspace, given.tag), end="")
            case "files":
                for member in published(workspace, given.tag):
                    print(member.wheel, member.sdist, sep="\n")
            case "bill":
                check_bill(given.file.read_text(encoding="utf-8"), workspace.members)
    except (UnknownTagError, BillError) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, UnknownTagError) else 1
    return 0


def _check(workspace: Workspace, tag: str | None) -> int:
    found = unready(workspace, tag) if tag else mismatches(workspace)
    for mismatch in found:
        print(mismatch, file=sys.stderr)
    if not found:
        print("\n".join(f"{member.name} {member.version}" for member in workspace.members))
    return 1 if found else 0


def _prepare(workspace: Workspace, version: str, names: Sequence[str]) -> int:
    try:
        if str(Version(version)) != version or len(Version(version).release) != 3:
            raise InvalidVersion(version)
    except InvalidVersion:
        print(f"{version!r} is no version. Write three numbers, as in 0.2.0.", file=sys.stderr)
        return 2
    members = []
    for name in names or [member.name for member in workspace.members]:
        member = workspace.named(name)
        if member is None:
            there = ", ".join(member.name for member in workspace.members)
            print(f"There is no distribution {name!r}. There are: {there}.", file=sys.stderr)
            return 2
        members.append(member)
    for path in prepare(workspace, version, members, datetime.now(UTC).date()):
        print(workspace.place(path))
    return _check(Workspace.read(workspace.root), None)


if __name__ == "__main__":
    sys.exit(main())
