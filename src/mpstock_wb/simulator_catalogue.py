"""The double's cards: what the seller offers, with the sizes and barcodes that stock is keyed by."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from attrs import define, field

from mpstock import Clock

__all__ = ["Card", "Catalogue", "Size", "wire_time"]

_FIRST_NM = 150_000_001
_FIRST_CHRT = 310_000_001
_FIRST_BARCODE = 200_000_000_001


def _barcode(number: int) -> str:
    """An EAN-13 of the range for the seller's own use, with its check digit."""
    digits = str(number)
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def wire_time(moment: datetime) -> str:
    """A moment as the content methods write it: UTC, fractions without trailing zeros."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"{text}Z"


@define
class Size:
    """One size of a card: the thing that has stock. `key` is the seller's own name for it."""

    chrt_id: int
    tech_size: str
    barcodes: tuple[str, ...]
    key: str
    card: Card = field(repr=False)


@define
class Card:
    """One card. `wholesale` marks goods that are sold to companies only."""

    nm_id: int
    vendor_code: str
    created_at: datetime
    updated_at: datetime
    sizes: list[Size] = field(factory=list[Size])
    photo: bool = True
    wholesale: bool = False
    trashed: bool = False

    @property
    def place(self) -> tuple[datetime, int]:
        """Where it stands in a walk over the cards."""
        return self.updated_at, self.nm_id

    def wire(self) -> dict[str, Any]:
        """The card as `POST /content/v2/get/cards/list` answers it."""
        sizes: list[dict[str, Any]] = []
        for size in self.sizes:
            row: dict[str, Any] = {"chrtID": size.chrt_id, "techSize": size.tech_size}
            if size.tech_size != "0":
                row["wbSize"] = size.tech_size
            row["skus"] = list(size.barcodes)
            sizes.append(row)
        answer: dict[str, Any] = {
            "nmID": self.nm_id,
            "imtID": self.nm_id + 7,
            "nmUUID": f"0198c0de-0000-7000-8000-{self.nm_id:012x}",
            "subjectID": 105,
            "subjectName": "Кружки",
            "vendorCode": self.vendor_code,
            "brand": "",
            "title": f"Товар {self.vendor_code}",
            "description": "",
            "needKiz": False,
            "dimensions": {"length": 10, "width": 10, "height": 10, "weightBrutto": 0.5, "isValid": True},
            "characteristics": [],
            "sizes": sizes,
            "createdAt": wire_time(self.created_at),
            "updatedAt": wire_time(self.updated_at),
        }
        if self.photo:
            address = f"https://basket.example/vol{self.nm_id // 100_000}/{self.nm_id}"
            answer["photos"] = [{"big": f"{address}/big/1.webp", "tm": f"{address}/tm/1.webp"}]
        if self.wholesale:
            answer["wholesale"] = {"enabled": True, "quantum": 10}
        return answer


class Catalogue:
    """All cards of the account, by each of their ids, and in the order of their last change.

    Ids are given out in the order in which cards are added, so that equal worlds have equal ids.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.cards: dict[str, Card] = {}
        self.sizes: dict[int, Size] = {}
        self.by_key: dict[str, Size] = {}
        self._order: list[Card] | None = None
        self._first_day = clock.now() - timedelta(days=30)

    def add(
        self,
        vendor_code: str,
        sizes: Mapping[str, Sequence[str]] | Iterable[str] | None = None,
        *,
        photo: bool = True,
        wholesale: bool = False,
        updated_at: datetime | None = None,
    ) -> Card:
        """Add a card. `sizes` gives each size its barcodes; names alone get a barcode each; None = one size.

        A card with one size is keyed by its vendor code, the sizes of any other by their first barcode.
        """
        if vendor_code in self.cards:
            raise ValueError(f"a card with the vendor code {vendor_code!r} is there already")
        number = len(self.cards)
        given: Mapping[str, Sequence[str]]
        if sizes is None:
            given = {"0": ()}
        elif isinstance(sizes, Mapping):
            given = sizes
        else:
            given = dict.fromkeys(sizes, ())
        moment = updated_at or self._clock.now()
        card = Card(_FIRST_NM + number, vendor_code, moment, moment, photo=photo, wholesale=wholesale)
        for tech_size, barcodes in given.items():
            serial = len(self.sizes)
            codes = tuple(barcodes) or (_barcode(_FIRST_BARCODE + serial),)
            key = vendor_code if len(given) == 1 else codes[0]
            size = Size(_FIRST_CHRT + serial, tech_size, codes, key, card)
            card.sizes.append(size)
            self.sizes[size.chrt_id] = size
            self.by_key[key] = size
        self.cards[vendor_code] = card
        self._order = None
        return card

    def add_many(self, vendor_codes: Iterable[str]) -> None:
        """Add cards as an upload of long ago made them: three to a moment, so that moments are not unique."""
        for number, vendor_code in enumerate(vendor_codes):
            self.add(vendor_code, updated_at=self._first_day + timedelta(milliseconds=970 * (number // 3)))

    def touch(self, vendor_code: str) -> Card:
        """Change a card, as an edit in the cabinet does: its `updatedAt` becomes now."""
        card = self.cards[vendor_code]
        card.updated_at = self._clock.now()
        self._order = None
        return card

    def trash(self, vendor_code: str) -> None:
        """Put a card into the trash: it leaves the list, and its sizes are not found any more."""
        self.cards[vendor_code].trashed = True
        self._order = None

    def restore(self, vendor_code: str) -> None:
        """Take a card out of the trash; that changes it."""
        self.touch(vendor_code).trashed = False

    def find(self, chrt_id: int) -> Size | None:
        """Return the size with this id, unless its card is in the trash."""
        size = self.sizes.get(chrt_id)
        return None if size is None or size.card.trashed else size

    def page(
        self, after: tuple[datetime, int] | None, limit: int, *, ascending: bool, keep: Callable[[Card], bool]
    ) -> list[Card]:
        """Return the first `limit` cards beyond `after`, in the order asked for, that `keep` lets through."""
        if self._order is None:
            self._order = sorted((card for card in self.cards.values() if not card.trashed), key=_place)
        order = self._order
        if ascending:
            start = 0 if after is None else bisect_right(order, after, key=_place)
            walk = range(start, len(order))
        else:
            start = len(order) if after is None else bisect_left(order, after, key=_place)
            walk = range(start - 1, -1, -1)
        found: list[Card] = []
        for index in walk:
            if keep(order[index]):
                found.append(order[index])
                if len(found) == limit:
                    break
        return found


def _place(card: Card) -> tuple[datetime, int]:
    return card.place
