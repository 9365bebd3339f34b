"""One look at a folder of exchange files: which are read, in which order, and what they come to together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from mpstock import Clock, Problem
from mpstock_onec.commerceml import Offer, Package, Product, read
from mpstock_onec.commerceml_folder import ExchangeFile, opened
from mpstock_onec.commerceml_index import Names, NamesIndex
from mpstock_onec.commerceml_names import SkuTemplate, UnnamedError
from mpstock_onec.commerceml_position import FolderPosition, fingerprint
from mpstock_onec.commerceml_settings import CommerceMLSettings
from mpstock_onec.commerceml_spool import whole
from mpstock_onec.commerceml_stock import StockFile
from mpstock_onec.commerceml_xml import BrokenFileError

__all__ = ["FolderReading"]

_AT_A_TIME = 5_000
_STILL_WRITTEN = timedelta(minutes=10)
"""A broken file that is younger is taken to be under way; an older one is an error."""

_TICK = timedelta(microseconds=1)

_EMPTY = (
    "the package of everything has no offers, and an empty list zeroes nothing; if nothing is left indeed, "
    "let 1C "
    "export the offers with 0"
)

Row = tuple[str, str, int | None, datetime]
"""Product, warehouse, quantity, and when it was said."""


class FolderReading:
    """Reads the newest file first, and goes back to the last package of everything at most.

    `stock` are the files that were read, newest first; `rows` yields what they come to. `complete`: what they
    do not name is gone. `doubtful`: some offer could be about any product. `broken` says what must be mended
    before anything is used; `problems` what is only told.
    """

    def __init__(
        self,
        settings: CommerceMLSettings,
        clock: Clock,
        position: FolderPosition | None,
        files: Sequence[ExchangeFile],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._fresh = position is None
        self._before = position or FolderPosition(fingerprint(settings), datetime.min.replace(tzinfo=UTC))
        kinds = {file.kind for file in files}
        # Since scheme 2.08 quantities are in rests alone, and offers beside them are only names.
        stock = ("rests", "broken") if "rests" in kinds else ("offers", "broken")
        self.there = [file for file in files if file.kind in stock]
        self._names = [file for file in files if file.kind not in stock]
        self._known = files
        self._index = NamesIndex()
        self._named = dict(self._before.named)
        self._gone: list[tuple[Product, datetime]] = []
        self._times: dict[str, datetime] = {}
        self._newer: dict[tuple[str, str], tuple[int | Decimal | None, datetime]] = {}
        self.stock: list[StockFile] = []
        self._base: StockFile | None = None
        self.position = self._before
        self.problems: list[Problem] = []
        self.broken: list[str] = []
        self.complete = False
        self.doubtful = False
        self.rounded = 0

    async def take_in(self) -> None:
        """Read what is new, whole; afterwards everything is known but the rows."""
        before = self._before
        new_names = [file for file in self._names if file.key not in before.read]
        again = before.growing | (before.nameless if new_names else frozenset())
        chosen = [file for file in self.there if file.key not in before.read or file.key in again]
        if not any(file.key not in before.read for file in chosen) and not again:
            chosen = []
        self._stamp(chosen, new_names)
        done = {file.key for file in self._known} & before.read
        if new_names or (chosen and SkuTemplate(self._settings.sku).needs_names):
            done |= await self._take_names(new_names)
        group: list[ExchangeFile] = []
        unusable: list[ExchangeFile] = []
        for number, file in enumerate(reversed(chosen)):
            if group and file.portion_of != group[0].portion_of:
                break
            if group and group[-1].changed_at - file.changed_at > timedelta(minutes=30):
                break
            taken = await self._take_stock(file, newest=number == len(unusable))
            if taken is None:
                unusable.append(file)
                continue
            full = taken.package.full and taken.package.quantities > 0
            if group and not full:
                break
            self._push(taken)
            done.add(file.key)
            if full:
                group.append(file)
                if not file.portion_of:
                    break
        older = chosen[: len(chosen) - len(self.stock) - len(unusable)]
        # What lies before a package of everything has been overtaken by it.
        done |= {file.key for file in older} if group else set()
        self._conclude(group, done, chosen)
        # The rows are packed now, and what goods are called is not needed any more.
        self._index = NamesIndex()

    @property
    def told(self) -> bool:
        """Whether anything new was read."""
        return bool(self.stock or self._newer)

    def rows(self) -> Iterator[Row]:
        """Yield each product of each warehouse once, by the newest file that has it. To be walked once."""
        base = self._base
        if base is not None:
            said_at = self._times[base.name]
            for sku, warehouse, quantity in base.spool.rows():
                if (sku, warehouse) not in self._newer:
                    yield sku, warehouse, self._whole(quantity), said_at
        for (sku, warehouse), (quantity, said_at) in self._newer.items():
            yield sku, warehouse, self._whole(quantity), said_at

    def _whole(self, quantity: int | Decimal | None) -> int | None:
        if quantity is None:
            return None
        units = whole(quantity)
        self.rounded += units != quantity
        return units

    def _stamp(self, chosen: Sequence[ExchangeFile], names: Sequence[ExchangeFile]) -> None:
        """Give each file a time of its own, not after now, so that a later file counts for more."""
        limit = self._clock.now()
        for file in sorted({*chosen, *names}, key=lambda file: file.changed_ns, reverse=True):
            limit = self._times[file.name] = min(file.changed_at, limit)
            limit -= _TICK

    async def _take_names(self, new: Sequence[ExchangeFile]) -> set[str]:
        """Learn what goods, offers and stores are called, from all files that say so, the oldest first."""
        done: set[str] = set()
        fresh = {file.key for file in new}
        for file in self._names:
            package = Package()
            met = 0
            try:
                with opened(file) as stream:
                    for item in read(stream, package):
                        self._name(item, file, new=file.key in fresh)
                        met += 1
                        if met % _AT_A_TIME == 0:
                            await self._clock.sleep(0)
            except BrokenFileError as error:
                self._refuse(file, error, newest=file is self._names[-1])
                continue
            done.add(file.key)
            for store, name in package.stores.items():
                self._named.setdefault(store, " ".join(name.split()))
        return done

    def _name(self, item: Offer | Product, file: ExchangeFile, *, new: bool) -> None:
        if not item.id:
            return
        names = Names(item.article, item.characteristic, item.barcode, item.deleted)
        if isinstance(item, Product):
            if item.deleted and new and not self._fresh:
                self._gone.append((item, self._times[file.name]))
        elif before := self._index.get(item.id):
            # An offer without characteristics has the Ид of its product, and need not repeat its names.
            names = Names(
                names.article or before.article,
                names.characteristic or before.characteristic,
                names.barcode or before.barcode,
                before.deleted,
            )
        self._index.put(item.id, names)

    async def _take_stock(self, file: ExchangeFile, *, newest: bool) -> StockFile | None:
        package = Package()
        taken = StockFile(file.name, package, self._settings, self._index.get, self._named)
        try:
            with opened(file) as stream:
                for item in read(stream, package):
                    if isinstance(item, Offer):
                        taken.add(item)
                        if item.number % _AT_A_TIME == 0:
                            await self._clock.sleep(0)
                    else:
                        self._name(item, file, new=False)
        except BrokenFileError as error:
            self._refuse(file, error, newest=newest)
            return None
        taken.close(self._seen())
        self._date(file, package)
        return taken

    def _push(self, taken: StockFile) -> None:
        """Put a file below those that are newer."""
        if self._base is not None:
            said_at = self._times[self._base.name]
            for sku, warehouse, quantity in self._base.spool.rows():
                self._newer.setdefault((sku, warehouse), (quantity, said_at))
        self._base = taken
        self.stock.append(taken)

    def _seen(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._settings.warehouses.values(), *self._named.values())))

    def _date(self, file: ExchangeFile, package: Package) -> None:
        """Put the time of the package in the place of the file's, where it is trusted and earlier."""
        if not self._settings.trust_formed_at or not package.formed_at:
            return
        try:
            formed = datetime.fromisoformat(package.formed_at)
            if formed.tzinfo is None:
                if not self._settings.timezone:
                    raise ValueError("without a zone; set timezone")
                formed = formed.replace(tzinfo=ZoneInfo(self._settings.timezone))
            self._times[file.name] = min(formed.astimezone(UTC), self._times[file.name])
        except (ValueError, OverflowError) as error:
            self.problems.append(
                Problem(
                    file.name,
                    "ДатаФормирования",
                    f"ДатаФормирования is {package.formed_at!r}, which cannot be used ({error}); the file's "
                    f"own "
                    "time is taken",
                )
            )

    def _refuse(self, file: ExchangeFile, error: BrokenFileError, *, newest: bool) -> None:
        age = self._clock.now() - file.changed_at
        message = f"{file.name}: {error}. Nothing of it is used"
        if self._fresh or not newest or age > _STILL_WRITTEN:
            self.broken.append(f"{message}; let 1C export again, or take the file away")
        else:
            self.problems.append(Problem(file.name, "file", f"{message}; it is read at the next run"))

    def _conclude(
        self, group: Sequence[ExchangeFile], done: set[str], chosen: Sequence[ExchangeFile]
    ) -> None:
        before, keys = self._before, {file.key for file in group}
        full = bool(group)
        # Nobody says which portion is the last: what is absent is believed when none has come since.
        open_end = full and bool(group[0].portion_of) and not group[0].member and not keys <= before.growing
        self.complete = full and not open_end
        looked_at = {file.key for file in chosen}
        poor = {taken.name for taken in self.stock if taken.nameless}
        nameless = {file.key for file in chosen if file.name in poor}
        for taken in self.stock:
            self.problems.extend(taken.problems)
            lost = taken.unattributed
            if self._settings.rows_without_sku == "ignore":
                lost -= taken.nameless
            self.doubtful |= lost > 0
            if taken.package.full and not taken.package.offers:
                self.problems.append(Problem(taken.name, "Предложения", _EMPTY))
        self._take_gone()
        times = [self._times[taken.name] for taken in self.stock] + [at for _, at in self._gone]
        newest = max([before.as_of, *times])
        self.position = FolderPosition(
            before.of,
            min(newest, self._clock.now()),
            frozenset(done),
            dict(self._named),
            frozenset(nameless | ((before.nameless - looked_at) & done)),
            frozenset(keys if open_end else ()),
        )

    def _take_gone(self) -> None:
        """Take goods that a new import.xml calls deleted as sold out, where nothing newer is said of them."""
        template = SkuTemplate(self._settings.sku)
        for product, said_at in self._gone:
            offer = Offer(0, product.id, product.article, product.barcode, product.characteristic)
            try:
                sku = template(offer, self._index.get)
            except UnnamedError:
                continue
            for warehouse in self._seen() or (self._settings.warehouse,):
                self._newer.setdefault((sku, warehouse), (0, said_at))
