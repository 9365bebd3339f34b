"""`$metadata`: which lists and registers are published, and what their fields are called.

EDMX, OData 3: an `EntitySet` for each list with its `EntityType`, and for each register's balance a
`FunctionImport` "Balance", bound to the register by the type of its first parameter, with the type of
its rows as `ReturnType`. A large configuration's description has tens of megabytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from attrs import field, frozen

from mpstock.rows import MalformedError, words

__all__ = ["Schema", "SchemaReader"]

_RECORDS = "_RecordType"
_STEP = 2**20


@frozen
class Schema:
    """What one publication offers.

    `entities` has for each list its fields and their types, `balances` the fields of each register's
    balance. `functions` has the names of all functions of each register.
    """

    entities: Mapping[str, Mapping[str, str]]
    balances: Mapping[str, Mapping[str, str]] = field(factory=dict[str, Mapping[str, str]])
    functions: Mapping[str, frozenset[str]] = field(factory=dict[str, frozenset[str]])

    def names(self, prefix: str) -> list[str]:
        """The names of all lists of a kind (`Catalog_`), without the prefix."""
        return sorted(name.removeprefix(prefix) for name in self.entities if name.startswith(prefix))


class SchemaReader:
    """Reads the document in pieces, so that whoever shares the loop gets a turn between them.

    Nothing outside of the document is read: no entities, no DTD, no network.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._types: dict[str, dict[str, str]] = {}
        self._sets: dict[str, str] = {}
        self._functions: list[tuple[str, str, str]] = []

    def steps(self) -> Iterator[None]:
        """Read on, a piece at a time.

        Raises:
            MalformedError: it is no description of OData.
        """
        etree: Any = import_module("lxml.etree")  # lxml brings no types
        if b"<!DOCTYPE" in self._body or b"<!ENTITY" in self._body:
            raise self._other("has a DTD, which 1C's has not")
        kinds = ("EntityType", "ComplexType", "EntitySet", "FunctionImport", "Association", "EnumType")
        parser = etree.XMLPullParser(
            events=("end",),
            tag=[f"{{*}}{kind}" for kind in kinds],
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
        )
        try:
            for start in range(0, len(self._body), _STEP):
                parser.feed(self._body[start : start + _STEP])
                self._take(parser, etree.QName)
                yield
            root = parser.close()
        except etree.XMLSyntaxError as error:
            raise self._other(f"is no XML ({error})") from None
        self._take(parser, etree.QName)
        if etree.QName(root).localname != "Edmx":
            raise self._other("is no description of OData")

    def _other(self, what: str) -> MalformedError:
        text = words(self._body[:20_000].decode("utf-8-sig", errors="replace"))
        return MalformedError(f"$metadata {what}; something else has answered: {text!r}")

    def schema(self) -> Schema:
        """Return what was read."""
        entities = {name: self._types.get(kind, {}) for name, kind in self._sets.items()}
        balances: dict[str, Mapping[str, str]] = {}
        functions: dict[str, set[str]] = {}
        by_type = {kind: name for name, kind in self._sets.items()}
        for name, bound, returned in self._functions:
            register = by_type.get(bound, bound).removesuffix(_RECORDS)
            functions.setdefault(register, set()).add(name)
            if name == "Balance" and returned in self._types:
                balances[register] = self._types[returned]
        return Schema(entities, balances, {name: frozenset(found) for name, found in functions.items()})

    def _take(self, parser: Any, name_of: Any) -> None:
        for _, element in parser.read_events():
            kind, name = name_of(element).localname, element.get("Name", "")
            if kind in ("EntityType", "ComplexType"):
                self._types[name] = {
                    child.get("Name", ""): child.get("Type", "")
                    for child in element
                    if isinstance(child.tag, str) and name_of(child).localname == "Property"
                }
            elif kind == "EntitySet":
                self._sets[name] = _bare(element.get("EntityType", name))
            elif kind == "FunctionImport":
                bound = element.get("EntitySetPath") or next(
                    (child.get("Type", "") for child in element if child.get("Name") == "bindingParameter"),
                    "",
                )
                self._functions.append((name, _bare(bound), _bare(element.get("ReturnType", ""))))
            # What was taken is let go; the tree of a whole configuration would be ten times its text.
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]


def _bare(name: str) -> str:
    """`Collection(StandardODATA.X)` → `X`."""
    return name.removeprefix("Collection(").removesuffix(")").rpartition(".")[2]
