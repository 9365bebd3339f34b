"""The bill of materials (CycloneDX) of a release: what an installation of it brings, ours and others'."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tools.release.members import Member

__all__ = ["BillError", "check_bill"]

# They belong to the environment that was looked at, and no installation of mpstock brings them.
_TOOLS = {"pip", "setuptools", "wheel", "cyclonedx-bom"}


class BillError(ValueError):
    """A bill that does not tell what is released, or tells more."""


def check_bill(text: str, members: Sequence[Member]) -> None:
    """Raise `BillError` unless a bill names every distribution as it lies here, and nothing foreign."""
    bill = json.loads(text)
    if bill.get("bomFormat") != "CycloneDX":
        raise BillError("The file is no bill of CycloneDX.")
    components = {component["name"]: component for component in bill.get("components", [])}
    root = bill.get("metadata", {}).get("component", {})
    if root:
        components[root["name"]] = root
    wrong = []
    for member in members:
        told = components.get(member.name, {}).get("version")
        if told != member.version:
            wrong.append(f"{member.name} is {member.version} here and {told or 'not there'} in the bill")
    wrong += [f"{name} is a tool, and no part of the release" for name in sorted(_TOOLS & set(components))]
    unnamed = sorted(
        name for name, component in components.items() if component is not root and not component.get("purl")
    )
    wrong += [f"{name} has no purl, by which scanners know it" for name in unnamed]
    wrong += [f"{address} is a place on the machine that built it" for address in sorted(set(_local(bill)))]
    if wrong:
        raise BillError("The bill of materials is wrong:\n" + "\n".join(f"- {line}" for line in wrong))


def _local(value: Any) -> Iterator[str]:
    """Yield every text that leads to a file of the machine."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _local(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _local(inner)
    elif isinstance(value, str) and value.startswith(("file:", "/home/", "/tmp/", "/root/")):
        yield value
