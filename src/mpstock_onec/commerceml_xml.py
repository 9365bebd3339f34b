"""XML of strangers, walked element by element: no entities, no network, nothing kept in memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, BinaryIO
from zipfile import BadZipFile

__all__ = ["BrokenFileError", "Node", "attribute", "children", "local", "text", "walk"]

# lxml brings no types.
_etree: Any = import_module("lxml.etree")

Node = Any
"""An element of lxml."""

_LOCAL: dict[str, str] = {}


class BrokenFileError(ValueError):
    """A file that cannot be used. The text says where and why; nothing of the file is used."""


def walk(stream: BinaryIO, names: Sequence[str]) -> Iterator[tuple[str, Node]]:
    """Yield each element that has one of these local names, when its end has been read.

    It belongs to the reader until the next one is asked for; then it is forgotten, unless it is inside
    another one that is still being read. Namespaces are not looked at.

    Raises:
        BrokenFileError: it is no XML, is cut off, or makes use of entities of its own.
    """
    tags = [f"{{*}}{name}" for name in names]
    try:
        events = _etree.iterparse(
            stream,
            events=("end",),
            tag=tags,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        for _, node in events:
            yield local(node), node
            parent = node.getparent()
            if parent is None or local(parent) not in names:
                _forget(node)
    except _etree.XMLSyntaxError as error:
        raise BrokenFileError(_told(error)) from None
    except BrokenFileError:
        raise
    except (OSError, EOFError, ValueError, BadZipFile, zlib.error) as error:
        raise BrokenFileError(f"it cannot be read to its end ({error})") from None


def _forget(node: Node) -> None:
    node.clear(keep_tail=False)
    while node.getprevious() is not None:
        del node.getparent()[0]


def _told(error: Any) -> str:
    said = str(error.msg or error)
    if "Premature end" in said or "no element found" in said or "Document is empty" in said:
        return f"it ends in the middle ({said}): it is still being written, or was cut off on its way"
    if "Start tag expected" in said:
        return f"it is no XML ({said}): another program may have written it"
    return f"it is no valid XML ({said})"


def local(node: Node) -> str:
    """Return the name of an element without its namespace; empty for what is no element."""
    tag = node.tag
    if type(tag) is not str:
        return ""
    name = _LOCAL.get(tag)
    if name is None:
        name = _LOCAL[tag] = tag.rpartition("}")[2]
    return name


def children(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield the elements right inside, each with its local name."""
    known = _LOCAL.get
    for child in node:
        # A million offers have five million of these.
        name = known(child.tag)
        yield (local(child) if name is None else name), child


def text(node: Node) -> str:
    """Return what an element says, without blanks at its ends.

    Raises:
        BrokenFileError: it holds an entity, whose text was not fetched and must not be missed silently.
    """
    if len(node):
        for child in node:
            if child.tag is _etree.Entity:
                raise BrokenFileError(
                    f"it makes use of the entity {child.text} in <{local(node)}>, and entities are not "
                    f"followed"
                )
    return (node.text or "").strip()


def attribute(node: Node, name: str) -> str | None:
    """Return an attribute by its local name, None where it is not there."""
    value = node.get(name)
    if value is None:
        for key in node.attrib:
            if key.rpartition("}")[2] == name:
                return str(node.attrib[key])
        return None
    return str(value)
