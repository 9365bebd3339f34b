"""The setting `sku`: how an article is put together from what 1C knows of a product. Pure."""

from __future__ import annotations

import re

from attrs import frozen

from mpstock.rows import trimmed

__all__ = ["FIELDS", "Facts", "Template"]

FIELDS = ("article", "code", "characteristic", "characteristic_code", "barcode")
"""What a template may name."""

_PART = re.compile(r"\{(?P<field>[^{}\[\]]*)\}|(?P<mark>[{}\[\]])|(?P<text>[^{}\[\]]+)")
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


@frozen
class Facts:
    """What 1C knows of one product in one characteristic (size, colour); empty = nothing."""

    article: str = ""
    code: str = ""
    characteristic: str = ""
    characteristic_code: str = ""
    barcode: str = ""


@frozen
class _Piece:
    text: str
    is_field: bool


@frozen
class Template:
    """`{article}[-{characteristic}]`: fields in braces, and in brackets what falls away with its field.

    What is in brackets is left out where a field in it is empty; a field outside of them has to be
    there, or the product has no sku.
    """

    groups: tuple[tuple[bool, tuple[_Piece, ...]], ...]
    fields: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read a template.

        Raises:
            ValueError: it is none; the text says why.
        """
        groups: list[tuple[bool, tuple[_Piece, ...]]] = []
        pieces: list[_Piece] = []
        optional = False
        for match in _PART.finditer(text):
            mark, field = match["mark"], match["field"]
            if mark == ("]" if optional else "["):
                groups.append((optional, tuple(pieces)))
                pieces, optional = [], not optional
            elif mark is not None:
                raise ValueError(f"{mark!r} at position {match.start() + 1} has no partner")
            elif field is not None and field not in FIELDS:
                raise ValueError(f"{{{field}}} is unknown; there are {_listed(FIELDS)}")
            else:
                pieces.append(_Piece(field or match["text"] or "", field is not None))
        if optional:
            raise ValueError("a bracket is not closed")
        groups.append((False, tuple(pieces)))
        fields = frozenset(piece.text for _, group in groups for piece in group if piece.is_field)
        if not fields:
            raise ValueError(f"it names nothing of the product; there are {_listed(FIELDS)}")
        return cls(tuple(groups), fields)

    @property
    def by_characteristic(self) -> bool:
        """Whether one product may have several skus, one for each characteristic."""
        return not self.fields <= {"article", "code"}

    def sku(self, facts: Facts) -> tuple[str, str]:
        """Return the sku and, where there is none, why."""
        written: list[str] = []
        for optional, pieces in self.groups:
            values = [
                trimmed(getattr(facts, piece.text)) if piece.is_field else piece.text for piece in pieces
            ]
            if all(values):
                written += values
            elif not optional:
                return "", f"its {pieces[values.index('')].text} is empty"
        sku = trimmed("".join(written))
        if _UNFIT.search(sku):
            return "", "it has characters that no article has"
        return sku, "" if sku else "all that it is made of is empty"


def _listed(fields: tuple[str, ...]) -> str:
    return ", ".join(f"{{{field}}}" for field in fields)
