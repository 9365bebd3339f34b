"""One reading of a source on its way into the stock levels: what differs is written, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field, frozen

from mpstock.ledger.database import as_datetime, as_text, ids
from mpstock.ledger.seen import SeenRows

if TYPE_CHECKING:
    from mpstock.ledger.levels import Levels
    from mpstock.model import Level, Reading

__all__ = ["PORTION", "Absent", "ReadSession", "portions"]

PORTION = 1_000
"""Rows that one step takes in."""

_LOOKED_AT = 5_000
"""Rows that one step only looks at."""

UNKNOWN_TO_SOURCE = "the source knows the product, but not its quantity"


@frozen
class Absent:
    """What a complete read left out: rows above zero that are gone, of so many above zero before."""

    missing: int
    before: int


@define
class ReadSession:
    """One reading of a source on its way into the ledger, page by page.

    Only rows that differ are written, and only their products marked. Which rows were seen is kept as
    one bit per row, so that what a complete read left out is known without touching the others.
    `advisory` and `whole` as in `Levels.begin_read`; `pushed`: nobody has asked for it.
    `overtaken` says that a later reading ended first, so that some of this one was passed over,
    `doubtful` that rows were missing which are not believed to be gone; `unknown` counts the rows
    left without a known quantity, `blanked` those of them that had one before.
    """

    levels: Levels
    source: str
    advisory: bool = False
    whole: bool = True
    pushed: bool = False
    rows: int = 0
    changed: int = 0
    overtaken: bool = False
    doubtful: bool = False
    unknown: int = 0
    blanked: int = 0
    _seen: SeenRows = field(factory=SeenRows)
    _missing: int = 0
    _before: int = 0

    def ingest(self, reading: Reading, now: datetime) -> None:
        """Take in one page; inside a transaction.

        An older statement never replaces a newer one; a tie goes to the lower quantity.
        """
        if not reading.levels:
            return
        db = self.levels.db
        as_of_reading = as_text(reading.as_of)
        moment = as_text(now)
        overtaken = self._overtaken(as_of_reading, moment)
        confirmed_at = self._confirmed_at(moment)
        self.rows += len(reading.levels)
        levels = self._news(_once(reading.levels))
        if not levels:
            return
        products = self.levels.ensure_products([level.sku for level in levels], as_text(now))
        stored = self._stored(products.values())
        new: list[tuple[object, ...]] = []
        new_keys: set[tuple[int, int]] = set()
        moved: list[tuple[object, ...]] = []
        confirmed: list[tuple[str, int]] = []
        repeated: dict[int, None] = {}
        dirty: dict[int, None] = {}
        for level in levels:
            product_id = products[level.sku]
            warehouse_id = self.levels.ensure_warehouse(level.warehouse)
            as_of = as_text(level.updated_at) if level.updated_at else as_of_reading
            known = level.quantity is not None
            self.unknown += not known
            old = stored.get((product_id, warehouse_id))
            if old is None:
                if (overtaken and level.updated_at is None) or (self.pushed and as_of < confirmed_at):
                    # A later reading has found nothing there.
                    continue
                new_keys.add((product_id, warehouse_id))
                new.append(
                    (self.source, product_id, warehouse_id, level.quantity, level.reserved, as_of, as_of)
                    + ((None, None) if known else (as_of, UNKNOWN_TO_SOURCE))
                    + (level.updated_at is not None,)
                )
            else:
                row_id, quantity, reserved, old_as_of, was_known, was_dated = old
                self._seen.add(row_id)
                if overtaken and level.updated_at is None:
                    continue
                if old_as_of > moment:
                    # Written while the clock was ahead: it is no newer than anything of now.
                    old_as_of = as_of
                # The source has said since that it is as it was.
                since = max(old_as_of, confirmed_at) if self.pushed and was_known else old_as_of
                if not _replaces(level, as_of, quantity, reserved, since, was_known=was_known):
                    # What is passed over must come again, or it would be lost with the cursor.
                    same = (level.quantity, level.reserved) == (quantity, reserved)
                    self.overtaken |= as_of < old_as_of and not same
                    if self.advisory and not self.whole and same and as_of > old_as_of:
                        confirmed.append((as_of, row_id))
                        repeated[product_id] = None
                    continue
                if known:
                    dated = level.updated_at is not None
                    moved.append(
                        (level.quantity, level.reserved, as_of, as_of, None, None, dated, None, row_id)
                    )
                else:
                    self.blanked += was_known
                    moved.append(
                        (
                            quantity, reserved, as_of, old_as_of, as_of, UNKNOWN_TO_SOURCE, was_dated,
                            confirmed_at or None, row_id,
                        )
                    )  # fmt: skip
            dirty[product_id] = None
        db.executemany(
            "INSERT INTO stock_levels (source, product_id, warehouse_id, quantity, reserved, updated_at, "
            "as_of, unknown_since, unknown_why, dated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            new,
        )
        if new_keys:
            for key, row in self._stored({product_id for product_id, _ in new_keys}).items():
                if key in new_keys:
                    self._seen.add(row[0])
        db.executemany(
            "UPDATE stock_levels SET quantity = ?, reserved = ?, updated_at = ?, as_of = ?, "
            "unknown_since = ?, unknown_why = ?, dated = ?, confirmed_at = ? WHERE id = ?",
            moved,
        )
        db.executemany("UPDATE stock_levels SET as_of = ? WHERE id = ?", confirmed)
        self.changed += len(new) + len(moved)
        if dirty:
            self.levels.dirt.mark(dirty, self.source, now, urgent=self.pushed)
        if repeated and (held := self.levels.held_among(repeated)):
            # What it has booked by now is no longer subtracted from it.
            self.levels.dirt.mark(held, self.source, now, soft=True)

    def _news(self, levels: Sequence[Level]) -> Sequence[Level]:
        """Leave out what the ledger has already as it is told: nearly all, whenever everything is read."""
        if self.advisory and not self.whole:
            # What such a reading repeats is confirmed by it.
            return levels
        named = dict.fromkeys([level.warehouse for level in levels])
        codes = {code: self.levels.ensure_warehouse(code) for code in named}
        stored = {
            (sku, warehouse_id): (quantity, reserved, row_id)
            for sku, warehouse_id, quantity, reserved, row_id in self.levels.db.query(
                # From the products to their rows: through the index on the source it would walk all rows.
                "SELECT p.sku, s.warehouse_id, s.quantity, s.reserved, s.id FROM products AS p "
                "JOIN stock_levels AS s ON s.product_id = p.id "
                "WHERE p.sku IN texts(?) AND s.source || '' = ? AND s.unknown_since IS NULL",
                (ids(dict.fromkeys([level.sku for level in levels])), self.source),
            )
        }
        news = []
        same = []
        nothing = (None, None, 0)
        for level in levels:
            quantity, reserved, row_id = stored.get((level.sku, codes[level.warehouse]), nothing)
            if quantity is not None and quantity == level.quantity and reserved == level.reserved:
                same.append(row_id)
            else:
                news.append(level)
        self._seen.update(same)
        return news

    def count_absent(self, after: int = 0) -> int | None:
        """Count what this read, if it was complete, has left out, page by page; `absent` has the count.

        Returns the last id that was looked at; None after the last page.
        """
        if not after and self._saw_all():
            self._before = self.levels.count_above_zero(self.source)
            return None
        page = self.levels.db.query(
            "SELECT id FROM stock_levels WHERE source = ? AND quantity > 0 AND id > ? ORDER BY id LIMIT ?",
            (self.source, after, _LOOKED_AT),
        )
        self._before += len(page)
        self._missing += sum(row_id not in self._seen for (row_id,) in page)
        return page[-1][0] if len(page) == _LOOKED_AT else None

    @property
    def absent(self) -> Absent:
        """What was counted as left out."""
        return Absent(self._missing, self._before)

    def settle_absent(
        self, as_of: datetime, now: datetime, unknown_why: str | None, after: int = 0
    ) -> int | None:
        """Take the rows that a complete read left out as zero or, with a reason, as unknown, page by page.

        Inside a transaction. Returns the last id that was looked at; None after the last page. Who dies
        between two pages has told nothing wrong, and reads everything again: where rows become unknown, the
        cursor is let go with the first of them.
        """
        if self._overtaken(as_text(as_of), as_text(now)) or (not after and self._saw_all()):
            return None
        page = self.levels.db.query(
            "SELECT id, product_id, unknown_since, as_of FROM stock_levels "
            "WHERE source = ? AND (quantity IS NULL OR quantity <> 0 OR reserved <> 0 "
            "OR unknown_since IS NOT NULL) AND id > ? ORDER BY id LIMIT ?",
            (self.source, after, PORTION),
        )
        self._settle([row for row in page if row[0] not in self._seen], as_of, now, unknown_why)
        return page[-1][0] if len(page) == PORTION else None

    def _settle(
        self, missing: Sequence[Any], as_of: datetime, now: datetime, unknown_why: str | None
    ) -> None:
        db = self.levels.db
        gone = [
            (row_id, product_id)
            for row_id, product_id, unknown, _ in missing
            if not (unknown_why and unknown)
        ]
        moment = as_text(as_of)
        if unknown_why and missing:
            if not self.doubtful:
                db.execute("UPDATE cursors SET cursor = NULL WHERE name = ?", (f"source:{self.source}",))
            self.doubtful = True
            self.unknown += len(missing)
            confirmed_at = self._confirmed_at(as_text(now)) or None
            db.executemany(
                "UPDATE stock_levels SET unknown_since = ?, unknown_why = ?, confirmed_at = ? WHERE id = ?",
                [(moment, unknown_why, confirmed_at, row_id) for row_id, _ in gone],
            )
        else:
            db.executemany(
                # Just before the row's own time: it may come back with what it said then.
                "UPDATE stock_levels SET quantity = 0, reserved = 0, updated_at = ?, as_of = ?, "
                "unknown_since = NULL, unknown_why = NULL WHERE id = ?",
                [(moment, _just_before(row[3]), row[0]) for row in missing],
            )
        if gone:
            self.levels.dirt.mark({product_id for _, product_id in gone}, self.source, now)
        self.changed += len(gone)

    def _saw_all(self) -> bool:
        """Say whether there is no row of the source that this reading has not met."""
        # Only rows of this source are met, each counted once.
        return len(self._seen) == self.levels.count(self.source)

    def _confirmed_at(self, now: str) -> str:
        """Return as of when a reading has confirmed all rows that it did not write; '' if none has."""
        column = "full_at" if self.advisory else "read_at"
        moment: str | None = self.levels.db.scalar(
            f"SELECT {column} FROM cursors WHERE name = ?", (f"source:{self.source}",)
        )
        return moment if moment is not None and moment <= now else ""

    def _overtaken(self, as_of: str, now: str) -> bool:
        """Say whether another reading of the source that began later has ended well in the meantime.

        It confirmed every row that it did not write as well, and what this one says of them is older.
        """
        read_at = self.levels.db.scalar(
            "SELECT read_at FROM cursors WHERE name = ?", (f"source:{self.source}",)
        )
        # A reading from the future was made while the clock was ahead.
        late = read_at is not None and as_of < read_at <= now
        self.overtaken = self.overtaken or late
        return late

    def _stored(
        self, product_ids: Iterable[int]
    ) -> dict[tuple[int, int], tuple[int, int, int, str, bool, bool]]:
        return {
            (product_id, warehouse_id): (row_id, quantity, reserved, as_of, unknown is None, bool(dated))
            for row_id, product_id, warehouse_id, quantity, reserved, as_of, unknown, dated in (
                self.levels.db.query(
                    "SELECT id, product_id, warehouse_id, quantity, reserved, as_of, unknown_since, dated "
                    "FROM stock_levels WHERE source = ? AND product_id IN ids(?)",
                    (self.source, ids(product_ids)),
                )
            )
        }


def portions(reading: Reading) -> list[Reading]:
    """Divide a page into portions that the ledger takes one by one; whatever else wants it goes in between.

    All rows of a product are in one of them, and with those of a product that has holds come its holds: what
    is moved from one warehouse to another, or ordered, is never there twice. The last has all that is told
    of the page as a whole.
    """
    if len(reading.levels) <= PORTION:
        return [reading]
    held = {hold.sku for hold in reading.holds}
    by_product: dict[str | None, list[Level]] = {}
    for level in reading.levels:
        by_product.setdefault(None if level.sku in held else level.sku, []).append(level)
    divided: list[list[Level]] = [by_product.pop(None, [])]
    for rows in by_product.values():
        if len(divided[-1]) >= PORTION:
            divided.append([])
        divided[-1] += rows
    if len(divided) == 1:
        return [reading]
    first = evolve(reading, levels=divided[0], complete=False, cursor=None, problems=(), holds_complete=False)
    between = [evolve(first, levels=levels, holds=()) for levels in divided[1:-1]]
    return [first, *between, evolve(reading, levels=divided[-1], holds=())]


def _once(levels: Sequence[Level]) -> Sequence[Level]:
    """Return one level of each product and warehouse: the newest, of these the lowest; unknown is lowest."""
    chosen: dict[tuple[str, str], Level] = {}
    for level in levels:
        other = chosen.setdefault((level.sku, level.warehouse), level)
        if other is not level and _weight(level) < _weight(other):
            chosen[level.sku, level.warehouse] = level
    return levels if len(chosen) == len(levels) else list(chosen.values())


def _weight(level: Level) -> tuple[float, float]:
    age = 0.0 if level.updated_at is None else -level.updated_at.timestamp()
    return age, float("-inf") if level.quantity is None else level.quantity - level.reserved


def _just_before(moment: str) -> str:
    found = as_datetime(moment)
    return moment if found is None else as_text(found - timedelta(microseconds=1))


def _replaces(
    level: Level, as_of: str, quantity: int | None, reserved: int, old_as_of: str, *, was_known: bool
) -> bool:
    if level.quantity is None:
        return was_known and as_of >= old_as_of
    if was_known and level.quantity == quantity and level.reserved == reserved:
        return False
    if as_of != old_as_of or not was_known or quantity is None:
        return as_of >= old_as_of
    return level.quantity - level.reserved < quantity - reserved
