"""Do the distributions fit one another? One rule each, and each says the place and the mend.

Distributions match when they are of one *line*: while versions begin with 0 that is the minor version
(0.1), later the major one (1). What comes after it is each distribution's own, so that a plugin can follow
its vendor alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from tools.release.members import Member, Workspace

__all__ = ["PIN", "Mismatch", "fitting", "line", "mismatches"]

PIN = re.compile(
    r"(?P<name>mpstock(?:-[a-z0-9]+)*)(?P<extras>\[[a-z,]*\])?(?P<pin>>=[0-9][0-9a-z.]*,<[0-9][0-9a-z.]*)"
)
"""A pin as the pages and the template tell people to write it."""
_TEMPLATE_PIN = re.compile(r'^mpstock:\n(?:  .*\n)*?  default: "(?P<pin>[^"]*)"', re.MULTILINE)


@frozen
class Mismatch:
    """What does not fit, where that stands, and what to write instead."""

    place: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what} {self.mend}"


def line(version: Version) -> str:
    """Return the line that a version belongs to: 0.1 for 0.1.7, 2 for 2.3.0."""
    return f"0.{version.minor}" if version.major == 0 else str(version.major)


def _next(version: Version) -> Version:
    """Return the first version of the next line."""
    return Version(f"0.{version.minor + 1}.0" if version.major == 0 else f"{version.major + 1}.0.0")


def fitting(version: Version) -> str:
    """Return the pin that admits this version's line and no other."""
    lowest = version.public if version.is_prerelease else f"{version.major}.{version.minor}"
    following = _next(version)
    return (
        f">={lowest},<{following.major}.{following.minor}"
        if version.major == 0
        else (f">={lowest},<{following.major}")
    )


def mismatches(workspace: Workspace) -> list[Mismatch]:
    """Return all that does not fit; an empty list lets a release go on."""
    found = [*_versions(workspace)]
    if found:
        # What is below compares versions, and would say the same once more.
        return found
    return [
        *_pins_of_plugins(workspace),
        *_extras(workspace),
        *_pythons(workspace),
        *_told(workspace),
    ]


def _versions(workspace: Workspace) -> Iterator[Mismatch]:
    for member in workspace.members:
        place = workspace.place(member.folder / "pyproject.toml")
        try:
            version = member.release
        except InvalidVersion:
            yield Mismatch(place, f"{member.version!r} is no version.", "Write three numbers, as in 0.1.0.")
            continue
        if str(version) != member.version or len(version.release) != 3 or version.local or version.epoch:
            yield Mismatch(
                place,
                f"the version {member.version} is not written as indexes write it.",
                "Write three numbers, and for a pre-release a1, b1 or rc1 after them.",
            )
    try:
        core = workspace.core.release
    except InvalidVersion:
        return
    for plugin in workspace.plugins:
        try:
            own = plugin.release
        except InvalidVersion:
            continue
        if line(own) != line(core):
            yield Mismatch(
                workspace.place(plugin.folder / "pyproject.toml"),
                f"{plugin.name} {own} is not of the core's line {line(core)}.",
                f"`python -m tools.release prepare {core}` writes one version everywhere.",
            )


def _one(requirements: list[str], name: str) -> Requirement | None:
    """Return the only requirement of this name, or nothing if there is none, or more than one."""
    found = []
    for text in requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.name == name:
            found.append(requirement)
    return found[0] if len(found) == 1 else None


def _wrong(pin: SpecifierSet, version: Version) -> str:
    """Say what is wrong with a pin to the line of a version; an empty text if nothing is."""
    if not pin.contains(version, prereleases=True):
        return f"does not admit {version}, which lies beside it."
    if pin.contains(_next(version), prereleases=True):
        return f"admits {_next(version)}, which may be another contract."
    before = f"0.{version.minor - 1}.999" if version.major == 0 else f"{version.major - 1}.999"
    if (version.major or version.minor) and pin.contains(before, prereleases=True):
        return f"admits versions before the line {line(version)}, with which it was never tried."
    return ""


def _pin(place: str, requirements: list[str], aim: Member) -> Iterator[Mismatch]:
    """Hold the requirement of a distribution against the distribution that lies here."""
    mend = f'Write "{aim.name}{fitting(aim.release)}".'
    requirement = _one(requirements, aim.name)
    if requirement is None:
        yield Mismatch(place, f"{aim.name} has to be named once.", mend)
    elif wrong := _wrong(requirement.specifier, aim.release):
        yield Mismatch(place, f'"{requirement}" {wrong}', mend)


def _pins_of_plugins(workspace: Workspace) -> Iterator[Mismatch]:
    for plugin in workspace.plugins:
        place = f"{workspace.place(plugin.folder / 'pyproject.toml')}, dependencies"
        yield from _pin(place, plugin.project.get("dependencies", []), workspace.core)
        for text in plugin.project.get("dependencies", []):
            other = workspace.named(Requirement(text).name)
            if other is not None and other is not workspace.core:
                yield Mismatch(place, f"a plugin needs no other plugin: {text}.", "Take it out.")


def _extras(workspace: Workspace) -> Iterator[Mismatch]:
    """`pip install mpstock[ozon]` brings the plugin that lies here, and `mpstock[all]` every one."""
    place = workspace.place(workspace.core.folder / "pyproject.toml")
    extras: dict[str, list[str]] = workspace.core.project.get("optional-dependencies", {})
    everything = _reached(extras, "all", workspace.core.name)
    for plugin in workspace.plugins:
        yield from _pin(f"{place}, extra {plugin.short}", extras.get(plugin.short, []), plugin)
        if plugin.short not in everything:
            yield Mismatch(f"{place}, extra all", f"it does not bring {plugin.name}.", f"Add {plugin.short}.")


def _reached(extras: dict[str, list[str]], name: str, core: str) -> set[str]:
    """Return the extras that an extra brings, itself too."""
    found, ahead = set(), [name]
    while ahead:
        extra = ahead.pop()
        if extra not in found:
            found.add(extra)
            brought = [Requirement(text) for text in extras.get(extra, [])]
            ahead += [inner for one in brought if one.name == core for inner in one.extras]
    return found


def _pythons(workspace: Workspace) -> Iterator[Mismatch]:
    wanted = workspace.core.project.get("requires-python")
    for plugin in workspace.plugins:
        if plugin.project.get("requires-python") != wanted:
            yield Mismatch(
                f"{workspace.place(plugin.folder / 'pyproject.toml')}, requires-python",
                f"{plugin.project.get('requires-python')!r} is not the core's.",
                f'Write "{wanted}".',
            )


def _told(workspace: Workspace) -> Iterator[Mismatch]:
    """What the pages and the template tell people to write must admit what is released."""
    for path in told(workspace):
        text = path.read_text(encoding="utf-8")
        for found in PIN.finditer(text):
            aim = workspace.named(found["name"])
            if aim and (wrong := _wrong(SpecifierSet(found["pin"]), aim.release)):
                at = text.count("\n", 0, found.start()) + 1
                yield Mismatch(
                    f"{workspace.place(path)}, line {at}",
                    f'"{found[0]}" {wrong}',
                    f'Write "{aim.name}{fitting(aim.release)}".',
                )
    template = template_settings(workspace)
    if template is not None:
        stated = _TEMPLATE_PIN.search(template.read_text(encoding="utf-8"))
        mend = f'Write default: "{fitting(workspace.core.release)}".'
        if stated is None:
            yield Mismatch(workspace.place(template), "it states no pin for mpstock.", mend)
        elif wrong := _wrong(SpecifierSet(stated["pin"]), workspace.core.release):
            yield Mismatch(f"{workspace.place(template)}, mpstock", f'"{stated["pin"]}" {wrong}', mend)


def told(workspace: Workspace) -> list[Path]:
    """Return the pages that may tell a pin."""
    return sorted([*workspace.root.glob("*.md"), *workspace.root.glob("docs/**/*.md")])


def template_settings(workspace: Workspace) -> Path | None:
    """Return the file with the template's own pin."""
    path = workspace.root / "template" / "copier.yml"
    return path if path.is_file() else None
