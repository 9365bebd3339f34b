"""When something recurs, as people write it: `"15m"`, `"02:00"`, `"*/15 8-20 * * *"`, or `"never"`."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo

from attrs import frozen

from mpstock.config.durations import format_duration, parse_duration

__all__ = ["NEVER", "When"]

NEVER = "never"

_SHORTEST = timedelta(seconds=1)
_HOW = (
    'write a length of time such as "15m", a time of day such as "02:00", '
    'a cron line such as "*/15 8-20 * * *", or "never"'
)


@frozen
class When:
    """A length of time (`every`), a time of day (`at`) or a cron line (`cron`); none of them is never.

    Times of day and cron lines mean the clock on the wall of a time zone. Where that clock leaps forward,
    what falls into the gap comes right after it; where it is set back, what recurs at given hours comes once,
    and what recurs within each hour goes on through both.
    """

    every: timedelta | None = None
    at: time | None = None
    cron: str = ""

    @classmethod
    def of(cls, value: When | timedelta | time | str | float) -> When:
        """Return what is written there.

        Raises:
            ValueError: it is nothing of the kind, or never comes; the text says how to write it.
        """
        if isinstance(value, When):
            return value
        if isinstance(value, str) and value.strip().lower() == NEVER:
            return cls()
        if isinstance(value, str) and len(fields := value.split()) >= 3 and not fields[0][-1].isalpha():
            return cls._of_cron(" ".join(fields))
        if isinstance(value, str) and ":" in value:
            try:
                value = time.fromisoformat(value.strip())
            except ValueError:
                raise ValueError(_HOW) from None
        if isinstance(value, time):
            if value.tzinfo is not None:
                raise ValueError("the zone is set by `timezone`")
            if value.second or value.microsecond:
                raise ValueError("a time of day is to the minute")
            return cls(at=value)
        if not isinstance(value, timedelta):
            try:
                value = parse_duration(value)
            except ValueError:
                raise ValueError(_HOW) from None
        if value < _SHORTEST:
            raise ValueError(f'it must be a second or more; "{NEVER}" switches it off')
        return cls(every=value)

    @classmethod
    def _of_cron(cls, line: str) -> When:
        if len(line.split()) != 5:
            raise ValueError("a cron line has five fields: minute, hour, day of the month, month, weekday")
        try:
            from cronsim import CronSim, CronSimError
        except ImportError:
            # Whoever goes by it has the parser, and reads these settings too; nobody else does.
            return cls(cron=line)
        try:
            next(CronSim(line, datetime(2000, 1, 1, tzinfo=UTC)))
        except CronSimError as error:
            raise ValueError(f'"{line}" is no cron line: {str(error).lower()}') from None
        except StopIteration:
            raise ValueError(f'"{line}" never comes') from None
        return cls(cron=line)

    @property
    def never(self) -> bool:
        """Whether it does not recur at all."""
        return self.every is None and self.at is None and not self.cron

    def __str__(self) -> str:
        if self.every is not None:
            return format_duration(self.every)
        return f"{self.at:%H:%M}" if self.at is not None else self.cron or NEVER

    def after(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """Return the first time after a moment, in UTC; None = never. A length of time is counted from it."""
        if self.every is not None:
            return moment + self.every
        line = f"{self.at.minute} {self.at.hour} * * *" if self.at is not None else self.cron
        if not line:
            return None
        from cronsim import CronSim

        for found in CronSim(line, moment.astimezone(zone)):
            # An hour that comes twice is the first one to the parser, also when we are in the second.
            if (at := found.astimezone(UTC)) > moment:
                return at
        return None
