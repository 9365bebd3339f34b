"""Where a market is unsafe, and for how long: what shows stock that is not there, or hides stock that is.

Exact, where a sample sees moments: it looks at an article whenever something happened to it or was written to
its listings, and at nothing else, so a day of many articles costs what happened in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from attrs import define, field, frozen

from mpstock.simulation.measures import UnitHours, hidden_units

if TYPE_CHECKING:
    from mpstock.simulation.market_sales import Outlet
    from mpstock.simulation.market_stock import TrueStock

__all__ = ["Exposure", "Safety", "Watch"]


@define(eq=False)
class Exposure:
    """One listing that showed stock although the truth allowed none. Times are seconds from the opening.

    `at` is when that began, `told` when the first who tells knew of it (the marketplace that took the order,
    or the warehouse system that booked the goods), None while nobody does. It `ended` because a zero arrived
    (`"sent"`), because buyers took the last of what was shown (`"sold"`), or because goods came
    (`"overtaken"`). `raised` is when a write had raised it last, None where none has: a marketplace that
    takes a number only so often cannot be told the zero before that is over.
    """

    outlet: int
    sku: str
    code: str
    at: float
    told: float | None
    ended: float | None = None
    how: Literal["", "sent", "sold", "overtaken"] = ""
    raised: float | None = None

    @property
    def seconds(self) -> float | None:
        """How long it took from the telling to the zero; None if it did not come to that."""
        if self.ended is None or self.how != "sent" or self.told is None:
            return None
        return max(self.ended - self.told, 0.0)


@frozen
class Safety:
    """The time to safe of one outlet, in seconds: over so many zeros, the median, 99 of 100, the longest.

    `sold` counts the exposures that buyers ended, `overtaken` those that goods ended, `open` the rest.
    """

    zeros: int
    p50: float
    p99: float
    longest: float
    sold: int
    overtaken: int
    open: int


@define(eq=False)
class Watch:
    """Looks at the listings of what has moved. Give it to a `Market`, and tell it of writes by `wrote`.

    `allows` is what may be advertised of so many free units: the shop's own buffer policy. A listing is
    unsafe while it shows more than zero and the truth allows none.
    """

    allows: Callable[[int], int] = lambda free: max(free, 0)
    exposures: list[Exposure] = field(factory=list[Exposure])
    _stock: TrueStock | None = None
    _outlets: Sequence[Outlet] = ()
    _now: Callable[[], float] = lambda: 0.0
    _open: dict[tuple[int, str, str], Exposure] = field(factory=dict[tuple[int, str, str], Exposure])
    _shown: dict[tuple[int, str, str], int] = field(factory=dict[tuple[int, str, str], int])
    _raised: dict[tuple[int, str, str], float] = field(factory=dict[tuple[int, str, str], float])
    _untold: dict[str, int] = field(factory=dict[str, int])
    _hidden: UnitHours = field(factory=UnitHours)

    def begin(self, stock: TrueStock, outlets: Sequence[Outlet], now: Callable[[], float]) -> None:
        """Look at everything once. The market does this."""
        self._stock, self._outlets, self._now = stock, outlets, now
        self.look(stock.skus)

    def untold(self, sku: str) -> None:
        """Something has become of the article that no system knows yet."""
        self._untold[sku] = self._untold.get(sku, 0) + 1

    def told(self, sku: str) -> None:
        """A system knows now what was untold."""
        left = self._untold.get(sku, 0) - 1
        if left > 0:
            self._untold[sku] = left
            return
        self._untold.pop(sku, None)
        now = self._now()
        for (_, article, _), exposure in self._open.items():
            if article == sku and exposure.told is None:
                exposure.told = now

    def wrote(self, sku: str) -> None:
        """A marketplace has taken a number for the article."""
        self.look((sku,), how="sent")

    def look(self, skus: Iterable[str], how: Literal["sent", "sold"] = "sold") -> None:
        """Look at these articles, and keep what has changed; `how` is what may have lowered a listing."""
        assert self._stock is not None
        now = self._now()
        for sku in skus:
            best = 0
            for index, outlet in enumerate(self._outlets):
                if not outlet.sells(sku):
                    continue
                whole = 0
                for code in outlet.codes():
                    shown = outlet.simulator.showing(sku, code)
                    whole += shown
                    feeds = outlet.feeds.get(code, self._stock.warehouses)
                    self._judge(
                        (index, sku, code), shown, self.allows(self._stock.free(sku, feeds)), now, how
                    )
                best = max(best, whole * outlet.packs.get(sku, 1))
            self._hidden.stand(sku, hidden_units(self._stock.free(sku), best), now)

    def _judge(
        self, key: tuple[int, str, str], shown: int, allowed: int, now: float, how: Literal["sent", "sold"]
    ) -> None:
        if shown > self._shown.get(key, shown) and how == "sent":
            self._raised[key] = now
        self._shown[key] = shown
        exposure = self._open.get(key)
        if shown > 0 and allowed <= 0:
            if exposure is None:
                index, sku, code = key
                told = None if self._untold.get(sku) else now
                self._open[key] = opened = Exposure(index, sku, code, now, told, raised=self._raised.get(key))
                self.exposures.append(opened)
        elif exposure is not None:
            exposure.ended, exposure.how = now, ("overtaken" if allowed > 0 else how)
            del self._open[key]

    @property
    def hidden_unit_hours(self) -> float:
        """Units that were free and that no marketplace showed, times the hours, until now."""
        return self._hidden.until(self._now())

    def safety(self, outlet: int, since: float = 0.0) -> Safety:
        """Return the time to safe of one outlet, over what began after `since` seconds."""
        mine = [one for one in self.exposures if one.outlet == outlet and one.at >= since]
        seconds = sorted(one.seconds for one in mine if one.seconds is not None)
        counted = {how: sum(one.how == how for one in mine) for how in ("", "sold", "overtaken")}
        return Safety(
            len(seconds), _share(seconds, 0.5), _share(seconds, 0.99), _share(seconds, 1.0),
            counted["sold"], counted["overtaken"], counted[""],
        )  # fmt: skip


def _share(ordered: Sequence[float], share: float) -> float:
    """Return the least number that this share of them does not exceed; 0 where there are none."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else 0.0
