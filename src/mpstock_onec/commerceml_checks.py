"""What `mpstock check` finds out about a folder of exchange files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from mpstock import Finding
from mpstock.errors import AdapterError, TransientError
from mpstock_onec.commerceml_reading import FolderReading

if TYPE_CHECKING:
    from mpstock_onec.commerceml_settings import CommerceMLSettings
    from mpstock_onec.commerceml_source import CommerceMLSource

__all__ = ["check"]


async def check(source: CommerceMLSource, settings: CommerceMLSettings) -> AsyncIterator[Finding]:
    """Yield what there is to say; the files are read once, nothing is changed."""
    try:
        reading = await source.look(None)
    except AdapterError as error:
        mend = "is path right, and may this user read it?"
        if not isinstance(error, TransientError):
            mend = "let 1C export to this folder once, everything, and look at what it leaves there"
        yield Finding("error", "files", str(error), mend)
        return
    for finding in _about(reading, settings):
        yield finding


def _about(reading: FolderReading, settings: CommerceMLSettings) -> Iterator[Finding]:
    rows = list(reading.rows())
    offers = sum(taken.package.offers for taken in reading.stock)
    if not rows:
        yield Finding(
            "warning",
            "files",
            f"{len(reading.stock)} files at {settings.path} have {offers:,} offers and not one quantity",
            mend="let 1C export the rests too: since scheme 2.08 they are in files of their own, rests*.xml",
        )
    else:
        warehouses = sorted({warehouse for _, warehouse, _, _ in rows})
        yield Finding(
            "ok",
            "files",
            f"{len(reading.stock)} files at {settings.path}: {offers:,} offers, products × warehouses: "
            f"{len(rows):,}, warehouses: {', '.join(warehouses[:20])}; the newest is of "
            f"{reading.position.as_of:%Y-%m-%d %H:%M}Z",
            data={"offers": offers, "levels": len(rows), "warehouses": warehouses},
        )
    if reading.stock and not any(taken.package.full for taken in reading.stock):
        yield Finding(
            "warning",
            "everything",
            "there are only files of changes; what was never in one of them is not known",
            mend="let 1C export everything once",
        )
    yield from _defects(reading, settings)


def _defects(reading: FolderReading, settings: CommerceMLSettings) -> Iterator[Finding]:
    def count(name: str) -> int:
        return sum(int(getattr(taken, name)) for taken in reading.stock)

    told = "; ".join(f"{problem.place}: {problem.message}" for problem in reading.problems[:3])
    if bad := count("bad"):
        yield Finding(
            "warning",
            "quantities",
            f"{bad:,} offers have a quantity that cannot be used; it is unknown, and nothing is raised or "
            f"zeroed "
            f"by it. {told}",
            mend="mend them in 1C, or in the rules of its exchange",
        )
    if unattributed := count("unattributed"):
        yield Finding(
            "warning",
            "products",
            f"{unattributed:,} offers cannot be told to be a product. {told}",
            mend="fill in Артикул in 1C and keep import*.xml in the folder, or build sku of something else; "
            'if these goods are not sold online, set rows_without_sku = "ignore"',
        )
    if proved := count("proved"):
        yield Finding(
            "warning",
            "empty stores",
            f"{proved:,} offers have stores with an empty number, and a total by which these are zero; an "
            f"empty "
            "number counts as unknown",
            mend='set empty = "zero", if 1C writes nothing for none',
        )
    if differing := count("differing"):
        yield Finding(
            "warning",
            "totals",
            f"{differing:,} offers have a total that is not the sum of their stores; the stores are taken",
            mend="look in 1C which stores are left out of the exchange",
        )
    if negative := count("negative"):
        yield Finding(
            "warning",
            "negative numbers",
            f"{negative:,} numbers are below zero; they are counted as they are",
            mend="look in 1C for goods that were shipped before they were received",
        )
    if silent := count("silent"):
        yield Finding(
            "warning",
            "silent offers",
            f"{silent:,} offers state no quantity, which is not zero: in a package of everything it is "
            f"unknown",
            mend="let 1C write Количество for each offer, also 0",
        )
