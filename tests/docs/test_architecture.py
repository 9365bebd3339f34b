"""The picture of the architecture: all that it names is there, and it can be read by everyone."""

from __future__ import annotations

import inspect
import re
from xml.etree import ElementTree

import pytest

from mpstock import Sink, Source
from mpstock.ledger.schema import metadata
from tests.docs.markdown import DOCS, ROOT, blocks, read

PICTURE = DOCS / "explanation/architecture.svg"
SVG = "{http://www.w3.org/2000/svg}"
TREE = ElementTree.fromstring(read(PICTURE))
CODE = ("module", "table", "call", "plugin")


def texts(kind: str) -> set[str]:
    """Return what the picture says in the letters of one kind of name."""
    return {str(node.text) for node in TREE.iter(f"{SVG}text") if kind in node.get("class", "").split()}


def test_each_module_is_there() -> None:
    """A module or package that moves takes the picture with it; `…` stands for the engine's package."""
    modules = texts("module")
    assert len(modules) > 8
    core = ROOT / "src/mpstock"
    paths = {name: core / name.replace("…", "reconcile") for name in modules}
    assert [name for name, path in paths.items() if name.endswith("/") and not path.is_dir()] == []
    assert [name for name, path in paths.items() if name.endswith(".py") and not path.is_file()] == []
    assert all(name.endswith(("/", ".py")) for name in modules)


def test_each_table_is_there() -> None:
    """The ledger has every table that stands in its box."""
    assert len(texts("table")) > 5
    assert texts("table") <= set(metadata.tables)


def test_each_call_is_there() -> None:
    """What is asked of sources and sinks is what their interfaces have."""
    methods = {name for protocol in (Source, Sink) for name, _ in inspect.getmembers(protocol, callable)}
    assert texts("call")
    assert texts("call") <= methods


def test_each_plugin_is_drawn() -> None:
    """Every plugin of the workspace is in the picture, and no other one."""
    there = {path.parent.name.removeprefix("mpstock_") for path in ROOT.glob("src/mpstock_*/pyproject.toml")}
    assert texts("plugin") == there


def test_names_stand_in_the_letters_of_names() -> None:
    """What looks like a file or a table is checked above: it has the class of its kind."""
    for node in TREE.iter(f"{SVG}text"):
        words = str(node.text)
        named = words.endswith((".py", "/")) or "_" in words
        assert not named or set(node.get("class", "").split()) & set(CODE), words


@pytest.mark.parametrize("part", ["title", "desc"])
def test_who_cannot_see_it_is_told(part: str) -> None:
    """A screen reader says what it shows."""
    node = TREE.find(f"{SVG}{part}")
    assert node is not None
    assert node.text
    assert node.get("id") in TREE.get("aria-labelledby", "").split()


def test_it_is_light_and_dark_and_needs_nothing_from_elsewhere() -> None:
    """It has colours for both, and loads no script, font or picture."""
    text = read(PICTURE)
    assert "prefers-color-scheme: dark" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert not [node.tag for node in TREE.iter() if node.tag in (f"{SVG}script", f"{SVG}image")]


def test_it_is_on_the_page() -> None:
    """The page shows it, with words for who does not load pictures."""
    assert "](architecture.svg)" in read(DOCS / "explanation/architecture.md")
    assert "![](" not in read(DOCS / "explanation/architecture.md")


def test_the_house_in_contributing_is_as_it_stands() -> None:
    """Each file and folder that CONTRIBUTING.md shows to a newcomer is there."""
    (block,) = [one for one in blocks(ROOT / "CONTRIBUTING.md", "text") if "src/mpstock/" in one.text]
    missing = []
    for line in block.text.splitlines():
        names = re.match(r" *((?:[\w*/.]+(?:, )?)+)", line)
        assert names, line
        base = ROOT / "src/mpstock" if line.startswith("  ") else ROOT
        missing += [name for name in names[1].split(", ") if not list(base.glob(name.rstrip("/")))]
    assert missing == []
