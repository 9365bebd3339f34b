"""What a walk over a source told, and whether that is the stock that it should have told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from mpstock.model import Level, Problem, Reading

__all__ = ["Place", "aware", "but", "levels_of", "problems_of", "same"]

Place = tuple[str, str]
"""An article and a warehouse."""


def levels_of(readings: Iterable[Reading]) -> dict[Place, int | None]:
    """Return the quantities of a walk; fail where a product is told twice in one warehouse.

    Twice in one page is a mistake. A later page may say the same again, for a source that reads a million
    rows does not keep them all; it may not say something else, for then the order of the pages decides.
    """
    told: dict[Place, int | None] = {}
    for reading in readings:
        page: set[Place] = set()
        for level in reading.levels:
            assert isinstance(level, Level), f"{level!r} is no mpstock.Level"
            key = (level.sku, level.warehouse)
            assert key not in page, f"{key} is told twice in one page: add its rows up, or say unknown"
            page.add(key)
            before = told.setdefault(key, level.quantity)
            assert before == level.quantity, (
                f"{key} is told twice in one read, as {before} and as {level.quantity}: add its rows up, or "
                "say unknown"
            )
    return told


def problems_of(readings: Iterable[Reading]) -> list[Problem]:
    """Return what a walk says of bad rows."""
    return [problem for reading in readings for problem in reading.problems]


def same(told: Mapping[Place, int | None], stock: Mapping[Place, int | None]) -> None:
    """Fail unless a complete read told this stock. A row of zero and no row are the same there."""
    lacking = {key: number for key, number in stock.items() if number != 0 and key not in told}
    extra = {key: number for key, number in told.items() if number != 0 and key not in stock}
    other = {
        key: f"{told[key]}, not {stock[key]}" for key in told.keys() & stock.keys() if told[key] != stock[key]
    }
    assert not lacking, f"not told: {lacking}"
    assert not extra, f"told, and not there: {extra}"
    assert not other, f"told wrong: {other}"


def but(stock: Mapping[Place, int | None], sku: str) -> dict[Place, int | None]:
    """Return the stock without one product."""
    return {key: number for key, number in stock.items() if key[0] != sku}


def aware(moment: datetime) -> None:
    """Fail unless the moment is aware and in UTC."""
    assert moment.tzinfo is not None, f"{moment} has no zone; times are aware and in UTC"
    assert moment.utcoffset() == timedelta(0), f"{moment} is not in UTC"
