"""1C's warehouses, and what each of them is called here. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from attrs import frozen

from mpstock_onec.odata_catalogue import EMPTY, ref_bytes, ref_text

__all__ = ["Warehouse", "WarehouseError", "Warehouses"]


class WarehouseError(ValueError):
    """The setting `warehouses` names what is not there. The text says what is."""


@frozen
class Warehouse:
    """One warehouse of 1C, or a group of them."""

    ref: str
    name: str
    deleted: bool = False
    is_group: bool = False
    parent: str = ""


@frozen
class Warehouses:
    """1C's warehouses.

    `known` has all that there are by reference, `chosen` what those that are read are called here.
    """

    known: Mapping[str, Warehouse]
    chosen: Mapping[str, str]

    @classmethod
    def read(cls, rows: Iterable[Any], wanted: Mapping[str, str]) -> Warehouses:
        """Read the catalogue and the setting `warehouses`.

        Without the setting all are read that are not marked for deletion, by their names in 1C. With it
        only what it names: a warehouse by its name or reference, or a group with all that lies in it. What
        is named by itself goes before the group that it lies in.

        Raises:
            WarehouseError: the setting names a warehouse that is not there, or is there twice.
        """
        known = {one.ref: one for one in filter(None, map(_warehouse, rows))}
        if not wanted:
            return cls(
                known,
                {one.ref: one.name or one.ref for one in known.values() if not (one.deleted or one.is_group)},
            )
        named = [(_find(theirs, known), ours) for theirs, ours in wanted.items()]
        chosen: dict[str, str] = {}
        for ref, ours in sorted(named, key=lambda pair: len(_above(pair[0], known))):
            for one in _inside(ref, known) if ref in known and known[ref].is_group else [ref]:
                chosen[one] = ours
        return cls(known, chosen)

    @property
    def living(self) -> Collection[Warehouse]:
        """Those that hold goods and are not marked for deletion."""
        return [one for one in self.known.values() if not (one.deleted or one.is_group)]


def _warehouse(row: Any) -> Warehouse | None:
    ref = ref_bytes(row.get("Ref_Key")) if isinstance(row, dict) else None
    if ref is None:
        return None
    parent = ref_bytes(row.get("Parent_Key"))
    return Warehouse(
        ref_text(ref),
        " ".join(str(row.get("Description") or "").split()),
        row.get("DeletionMark") is True,
        row.get("IsFolder") is True,
        ref_text(parent) if parent and parent != EMPTY else "",
    )


def _find(theirs: str, known: Mapping[str, Warehouse]) -> str:
    ref = ref_bytes(theirs.strip())
    if ref is not None and (ref == EMPTY or ref_text(ref) in known):
        # The empty reference stands for stock that is booked on no warehouse.
        return ref_text(ref)
    name = " ".join(theirs.split())
    found = [one for one in known.values() if one.name.casefold() == name.casefold()]
    living = [one for one in found if not one.deleted] or found
    if len(living) == 1:
        return living[0].ref
    if living:
        refs = ", ".join(f'"{one.ref}"' for one in living)
        raise WarehouseError(f"1C has {len(living)} warehouses {theirs!r}; name them by reference: {refs}")
    names = sorted({one.name for one in known.values() if not one.deleted})
    near = get_close_matches(name, names, n=3, cutoff=0.5) or names[:12]
    there = ", ".join(f"{name!r}" for name in near)
    raise WarehouseError(
        f"1C has no warehouse {theirs!r}" + (f"; there is {there}" if there else " that the user may see")
    )


def _inside(group: str, known: Mapping[str, Warehouse]) -> list[str]:
    """The warehouses in a group and in the groups in it, without those that are marked for deletion."""
    return [
        one.ref
        for one in known.values()
        if not (one.is_group or one.deleted) and group in _above(one.ref, known)
    ]


def _above(ref: str, known: Mapping[str, Warehouse]) -> list[str]:
    """The groups that a warehouse lies in, the nearest first."""
    found: list[str] = []
    while ref in known and (ref := known[ref].parent) and ref not in found:
        found.append(ref)
    return found
