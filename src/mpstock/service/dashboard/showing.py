"""How numbers, moments and lengths of time look on a page, in the words of its reader."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from attrs import frozen
from markupsafe import Markup

__all__ = ["Shower"]

Text = Callable[..., str]

_NARROW_SPACE = " "


@frozen
class Shower:
    """Shows values in the language and the time zone of a page, as of `now`."""

    text: Text
    zone: ZoneInfo
    now: datetime

    def number(self, value: int | float | None) -> str:
        """Return a number with its thousands apart; — for one that is not known."""
        if value is None:
            return "—"
        return f"{value:,}".replace(",", _NARROW_SPACE).replace("-", "−")

    def share(self, part: int, whole: int) -> str:
        """Return a part in hundredths, rounded down: 100 % is said only of what is whole."""
        if not whole:
            return "—"
        return f"{part * 1000 // whole / 10:g}".replace(".", self.text("decimal")) + f"{_NARROW_SPACE}%"

    def moment(self, value: datetime | str | None) -> Markup | str:
        """Return a moment: the time of today, with the date of other days."""
        if not value:
            return self.text("never")
        moment = self._local(value)
        today = moment.date() == self.now.astimezone(self.zone).date()
        told = f"{moment:%H:%M:%S}" if today else f"{moment:%Y-%m-%d %H:%M}"
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            moment.isoformat(), f"{moment:%Y-%m-%d %H:%M:%S %Z}", told
        )

    def ago(self, value: datetime | str | None) -> Markup | str:
        """Return how long ago something was."""
        if not value:
            return self.text("never")
        moment = self._local(value)
        seconds = (self.now - moment).total_seconds()
        told = self.text("ago", length=self.length(seconds)) if seconds >= 1 else self.text("just_now")
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            moment.isoformat(), f"{moment:%Y-%m-%d %H:%M:%S %Z}", told
        )

    def length(self, seconds: float | timedelta | None) -> str:
        """Return a length of time in its largest unit, the next one added where it says something."""
        if seconds is None:
            return "—"
        if isinstance(seconds, timedelta):
            seconds = seconds.total_seconds()
        if seconds < 10:
            told = f"{max(seconds, 0):.1f}".replace(".", self.text("decimal"))
            return f"{told}{_NARROW_SPACE}{self.text('unit_s')}"
        units = ((86_400, "unit_d"), (3_600, "unit_h"), (60, "unit_min"), (1, "unit_s"))
        for index, (size, name) in enumerate(units):
            if seconds >= size:
                whole = int(seconds // size)
                told = f"{whole}{_NARROW_SPACE}{self.text(name)}"
                if index + 1 < len(units) and whole < 10:
                    size, name = units[index + 1]
                    rest = int(seconds % units[index][0] // size)
                    told += f" {rest}{_NARROW_SPACE}{self.text(name)}" if rest else ""
                return told
        return self.text("just_now")

    def lasted(self, begun: datetime, ended: datetime | None) -> str:
        """Return how long something took, or has taken so far."""
        return self.length((ended or self.now) - begun)

    def _local(self, value: datetime | str) -> datetime:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(self.zone)
