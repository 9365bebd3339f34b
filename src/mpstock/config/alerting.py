"""What the settings file says of alerts: the table `[alerts]`."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import attrs
from attrs import field, frozen

from mpstock.secret import Secret
from mpstock.validators import above_zero, one_or_more

__all__ = ["AlertSettings"]

_QUIET = re.compile(r"\s*([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-3]):([0-5]\d)\s*")


def _hours(_: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    found = _QUIET.fullmatch(value) if value else None
    if value and (found is None or found.group(1, 2) == found.group(3, 4)):
        raise ValueError(f'{attribute.name} must be two times of day such as "22:00-08:00", or "" for never')


@frozen
class AlertSettings:
    """`[alerts]`: who is told of what needs a person, when, and from when on something does.

    `urls`             where notices go, as Apprise writes it (`"tgram://TOKEN/CHAT"`, `"mailto://…"`); they
                       hold passwords and are kept secret.
    `severity`         tell nothing below it; the list of alerts has everything.
    `language`         of the notices.
    `quiet`            hours without notices in `[schedule] timezone` (`"22:00-08:00"`); what is critical
                       passes, the rest is told together when they end.
    `remind`           what still stands is told again after so long.
    `zero_for`         so long a listing may show nothing although something is to be shown.
    `errors_in_a_row`  so many refusals of one listing in a row.
    `failing_for`      so long a source or sink may fail.
    `expires_within`   tell of a key or token that ends so soon.
    `drifts`           so many listings of a sink that drifted within an hour, and nobody knows why.
    """

    urls: tuple[Secret, ...] = ()
    severity: Literal["warning", "critical"] = "warning"
    language: Literal["en", "ru"] = "en"
    quiet: str = field(default="", validator=_hours)
    remind: timedelta = field(default=timedelta(days=1), validator=above_zero("2h"))
    zero_for: timedelta = timedelta(hours=2)
    errors_in_a_row: int = field(default=3, validator=one_or_more())
    failing_for: timedelta = timedelta(minutes=10)
    expires_within: timedelta = timedelta(days=14)
    drifts: int = field(default=20, validator=one_or_more())

    def is_quiet(self, now: datetime, zone: ZoneInfo) -> bool:
        """Say whether `now` lies in the quiet hours."""
        return self.quiet_until(now, zone) is not None

    def quiet_until(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """Return when the quiet hours end that `now` lies in; None outside of them."""
        found = _QUIET.fullmatch(self.quiet) if self.quiet else None
        if found is None:
            return None
        begin, end = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
        here = now.astimezone(zone)
        at = here.time().replace(tzinfo=None)
        inside = begin <= at < end if begin < end else at >= begin or at < end
        if not inside:
            return None
        day = here.date() if at < end else here.date() + timedelta(days=1)
        # Where the clock is put forward there may be no such time; the zone then gives the one after it.
        return datetime.combine(day, end, zone).astimezone(now.tzinfo)
