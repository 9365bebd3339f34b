"""A bill of materials is held against what is released."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools.release.bills import BillError, check_bill
from tools.release.members import Workspace

CORE, *PLUGINS = Workspace.read().members


def bill(**changed: Any) -> dict[str, Any]:
    """Return a bill of everything, as CycloneDX's tool writes it."""
    others = [{"name": "attrs", "version": "26.1.0", "purl": "pkg:pypi/attrs@26.1.0"}]
    ours = [
        {"name": plugin.name, "version": plugin.version, "purl": f"pkg:pypi/{plugin.name}@{plugin.version}"}
        for plugin in PLUGINS
    ]
    root = {"component": {"name": CORE.name, "version": CORE.version}}
    return {"bomFormat": "CycloneDX", "metadata": root, "components": [*others, *ours], **changed}


def check(document: dict[str, Any]) -> None:
    check_bill(json.dumps(document), [CORE, *PLUGINS])


def test_a_bill_of_everything_is_good() -> None:
    """Ours at their versions, others with the name by which scanners know them."""
    check(bill())


@pytest.mark.parametrize(
    ("component", "what"),
    [
        ({"name": "pip", "purl": "pkg:pypi/pip@26"}, "pip is a tool"),
        ({"name": "lxml", "version": "6"}, "lxml has no purl"),
        (
            {"name": "x", "purl": "pkg:pypi/x@1", "externalReferences": [{"url": "file:///home/me/x.whl"}]},
            "file:///home/me/x.whl is a place on the machine",
        ),
        ({"name": PLUGINS[0].name, "version": "9.9.9", "purl": "pkg:pypi/y@9.9.9"}, "9.9.9 in the bill"),
    ],
)
def test_what_does_not_belong_there_is_named(component: dict[str, Any], what: str) -> None:
    """A tool, a component without a name for scanners, a path of the machine, another version of ours."""
    document = bill()
    document["components"].append(component)
    with pytest.raises(BillError, match=what):
        check(document)


def test_what_is_missing_is_named() -> None:
    """A distribution that was not installed when the bill was written is missed."""
    document = bill(metadata={})
    with pytest.raises(BillError, match=rf"{CORE.name} is {CORE.version} here and not there"):
        check(document)
    with pytest.raises(BillError, match="no bill of CycloneDX"):
        check({})
