"""What a reading of the orders leaves for the next one: the orders that are open, and where to go on.

Statuses are told by id alone, and the open orders of DBS, DBW and click and collect are listed nowhere:
what an order was of, where and when, is kept here until it ends. Tens of thousands may be open at once,
so they are packed: columns, differences of sorted numbers, zlib, base 85; about a dozen bytes an order.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from operator import attrgetter, sub
from typing import Any, TypeVar

from attrs import evolve, field, frozen

__all__ = ["FlowState", "Known", "OrderCursor"]

T = TypeVar("T")

_VERSION = 1
_LARGEST = 50_000_000
"""Bytes that a packed table may have: what unpacks to more was not written here."""


@frozen
class Known:
    """One open order. `item` is its chrtId, or a text that names what it is of where that is not known.

    `placed` is in Unix seconds. `warehouse` 0 = not told. `assembled`: the seller has set it aside.
    `mark` is what a person may want to know of it (`B2B`, …).
    """

    id: int
    item: int | str
    placed: int
    warehouse: int = 0
    assembled: bool = False
    mark: str = ""


@frozen
class FlowState:
    """What is known of the orders of one way of delivery.

    `since` is when its list was last asked for, in Unix seconds; `swept` when as far back as the settings
    allow. `ended` are orders that have ended and may still be listed, with when they were placed.
    """

    since: int
    swept: int = 0
    open: Mapping[int, Known] = field(factory=dict[int, Known])
    ended: Mapping[int, int] = field(factory=dict[int, int])


@frozen
class OrderCursor:
    """The whole of it. `flows` are the ways of delivery of the configured warehouses, as of `asked_at`."""

    account: str
    warehouses: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()
    asked_at: int = 0
    states: Mapping[str, FlowState] = field(factory=dict[str, FlowState])

    def with_state(self, name: str, state: FlowState | None) -> OrderCursor:
        """Return it with the state of one flow changed, or with None forgotten."""
        states = {key: value for key, value in self.states.items() if key != name}
        return evolve(self, states=states if state is None else {**states, name: state})

    def text(self) -> str:
        """Return it as the core keeps it."""
        return json.dumps(
            {
                "v": _VERSION,
                "account": self.account,
                "warehouses": self.warehouses,
                "flows": self.flows,
                "asked_at": self.asked_at,
                "states": {
                    name: {
                        "since": state.since,
                        "swept": state.swept,
                        "open": _pack_open(state.open.values()),
                        "ended": _pack_ended(state.ended),
                    }
                    for name, state in self.states.items()
                },
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )

    @classmethod
    def of(cls, text: str | None, account: str) -> OrderCursor | None:
        """Return the kept one; None where there is none, it is another account's, or it cannot be read."""
        try:
            data: Any = json.loads(text or "")
            if data["v"] != _VERSION or data["account"] != account:
                return None
            return cls(
                account=account,
                warehouses=tuple(map(str, data["warehouses"])),
                flows=tuple(map(str, data["flows"])),
                asked_at=int(data["asked_at"]),
                states={
                    str(name): FlowState(
                        since=int(state["since"]),
                        swept=int(state["swept"]),
                        open=_unpack_open(state["open"]),
                        ended=_unpack_ended(state["ended"]),
                    )
                    for name, state in data["states"].items()
                },
            )
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, zlib.error):
            return None


def _pack_open(orders: Iterable[Known]) -> str:
    rows = sorted(map(_COLUMNS, orders))
    if not rows:
        return ""
    # Hundreds of orders at every reading: whole columns at once.
    ids, items, placed, warehouses, assembled, marks = zip(*rows, strict=True)
    houses, words = sorted(set(warehouses)), sorted(set(marks))
    return _pack(
        [
            _differences(ids),
            items,
            _differences(placed),
            houses,
            _places(warehouses, houses),
            list(map(int, assembled)),
            words,
            _places(marks, words),
        ]
    )


_COLUMNS = attrgetter("id", "item", "placed", "warehouse", "assembled", "mark")


def _unpack_open(text: str) -> dict[int, Known]:
    if not text:
        return {}
    ids, items, placed, warehouses, places, assembled, marks, marked = _unpack(text)
    rows = zip(accumulate(ids), items, accumulate(placed), places, assembled, marked, strict=True)
    return {
        number: Known(
            number,
            item if isinstance(item, str) else int(item),
            moment,
            int(warehouses[place]),
            bool(aside),
            str(marks[mark]),
        )
        for number, item, moment, place, aside, mark in rows
    }


def _pack_ended(ended: Mapping[int, int]) -> str:
    ids = sorted(ended)
    return _pack([_differences(ids), _differences([ended[one] for one in ids])]) if ids else ""


def _unpack_ended(text: str) -> dict[int, int]:
    if not text:
        return {}
    ids, placed = _unpack(text)
    return dict(zip(accumulate(ids), accumulate(placed), strict=True))


def _differences(numbers: Sequence[int]) -> list[int]:
    return list(map(sub, numbers, (0, *numbers)))


def _places(column: Iterable[T], among: Sequence[T]) -> list[int]:
    """Return where each value of a column stands among those that there are."""
    return list(map({value: place for place, value in enumerate(among)}.__getitem__, column))


def _pack(columns: list[Any]) -> str:
    plain = json.dumps(columns, ensure_ascii=False, separators=(",", ":")).encode()
    # Base 85 of this kind has neither quotes nor backslashes, so JSON leaves it as it is.
    return base64.b85encode(zlib.compress(plain, 6)).decode("ascii")


def _unpack(text: str) -> Any:
    unpacking = zlib.decompressobj()
    plain = unpacking.decompress(base64.b85decode(text), _LARGEST)
    if not unpacking.eof:
        raise ValueError("not a whole table, or too large a one")
    return json.loads(plain)
