"""The cabinet inside the double: stores, warehouses and their groups, offers, stock. No HTTP here."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime

from attrs import define, field

from mpstock import Clock

__all__ = ["Cabinet", "Offer", "Stock", "Store"]

FIRST_WAREHOUSE = 700_000
RETURNS_WAREHOUSE = 300

_NEVER = datetime.min.replace(tzinfo=UTC)


@define
class Store:
    """One store: `campaign` is its number in the API, `warehouse` that of its warehouse (None: FBY has none).

    `locked` is why methods are closed to it (423), `inactive` that the API does not serve it (403).
    """

    campaign: int
    name: str
    placement: str = "FBS"
    warehouse: int | None = None
    express: bool = False
    group: int | None = None
    disabled: bool = False
    locked: str = ""
    inactive: bool = False


@define
class Offer:
    """One offer of the catalogue: `hidden` names the stores in which the seller hides it."""

    sku: str
    barcodes: list[str] = field(factory=list[str])
    vendor_code: str = ""
    archived: bool = False
    stores: set[int] = field(factory=set[int])
    hidden: set[int] = field(factory=set[int])


@define
class Stock:
    """What one warehouse, or one group, has of one offer. `true_at` is the moment that was sent with it."""

    available: int = 0
    frozen: int = 0
    true_at: datetime = _NEVER
    changed_at: datetime | None = None


class Cabinet:
    """The state of one cabinet, on one clock.

    `apply_after`     seconds until an accepted number is seen and can be ordered.
    `newest_wins`     whether a number that is older than what is there is dropped (`updatedAt`).
    `cancel_returns`  whether an order that is cancelled before it is packed puts its units back on sale.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.apply_after = 0.0
        self.newest_wins = True
        self.cancel_returns = True
        self.stores: dict[int, Store] = {}
        self.offers: dict[str, Offer] = {}
        self.groups: dict[int, str] = {}
        self.returned: dict[tuple[int, str], int] = {}
        self._stock: dict[tuple[str, str], Stock] = {}
        self._waiting: deque[tuple[float, str, str, int, datetime]] = deque()

    # -- what there is -------------------------------------------------------------------

    def add_store(
        self, campaign: int, name: str = "", *, placement: str = "FBS", express: bool = False
    ) -> Store:
        """Open a store; it offers everything that the catalogue has."""
        warehouse = None if placement == "FBY" else FIRST_WAREHOUSE + campaign
        store = Store(campaign, name or f"Магазин {campaign}", placement, warehouse, express)
        self.stores[campaign] = store
        for offer in self.offers.values():
            offer.stores.add(campaign)
        return store

    def add_offer(self, sku: str) -> Offer:
        """Put an offer into the catalogue, and into every store."""
        number = len(self.offers) + 1
        offer = Offer(sku, [f"46{number:011d}"], f"V-{number}", stores=set(self.stores))
        return self.offers.setdefault(sku, offer)

    def join(self, group: int, name: str, *campaigns: int) -> None:
        """Put the warehouses of stores into a group: they have one stock from now on, that of the first."""
        first = self._key(campaigns[0])
        self.groups[group] = name
        for sku in self.offers:
            self._stock[f"group {group}", sku] = self._stock.get((first, sku), Stock())
        for campaign in campaigns:
            self.stores[campaign].group = group

    def _key(self, campaign: int) -> str:
        store = self.stores[campaign]
        return f"store {campaign}" if store.group is None else f"group {store.group}"

    # -- stock ---------------------------------------------------------------------------

    def stock(self, campaign: int, sku: str) -> Stock:
        """Return what a store has of an offer now."""
        self.settle()
        return self._stock.get((self._key(campaign), sku)) or Stock()

    def write(self, campaign: int, sku: str, count: int, true_at: datetime) -> None:
        """Take a number that was sent; it takes effect after `apply_after`."""
        due = self.clock.monotonic() + self.apply_after
        self._waiting.append((due, self._key(campaign), sku, count, true_at))
        self.settle()

    def set_available(self, campaign: int, sku: str, count: int) -> None:
        """Let so much be on sale at once, as somebody in the cabinet does."""
        if sku not in self.offers or campaign not in self.stores:
            raise KeyError(f"the cabinet has no offer {sku!r} in store {campaign}")
        self.settle()
        self._set(self._key(campaign), sku, count, self.clock.now())

    def take(self, campaign: int, sku: str, units: int) -> bool:
        """Let a buyer order: units go from what is available to what is kept for orders."""
        self.settle()
        stock = self._stock.get((self._key(campaign), sku))
        if stock is None or stock.available < units:
            return False
        stock.available -= units
        stock.frozen += units
        return True

    def let_go(self, campaign: int, sku: str, units: int, *, returns: bool) -> None:
        """Keep units for an order no longer; they are on sale again, or have left."""
        self.settle()
        stock = self._stock.setdefault((self._key(campaign), sku), Stock())
        stock.frozen = max(stock.frozen - units, 0)
        if returns:
            stock.available += units

    def settle(self) -> None:
        """Let what is due take effect."""
        now = self.clock.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            _, key, sku, count, true_at = self._waiting.popleft()
            self._set(key, sku, count, true_at)

    def _set(self, key: str, sku: str, count: int, true_at: datetime) -> None:
        stock = self._stock.setdefault((key, sku), Stock())
        if self.newest_wins and true_at < stock.true_at:
            return
        stock.available, stock.true_at, stock.changed_at = count, true_at, self.clock.now()
