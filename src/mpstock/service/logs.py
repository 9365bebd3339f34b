"""What the service says while it is up: lines for people on a terminal, JSON for those who collect them."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TextIO

from mpstock.redaction import Redactor

if TYPE_CHECKING:
    from mpstock.service.service import Service

__all__ = ["LogFormat", "log_news", "set_up_logs"]

LogFormat = Literal["auto", "text", "json"]

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
"""What every record has; all else somebody gave along as `extra`."""

_LEVELS = {"warning": logging.WARNING, "critical": logging.CRITICAL}

_logger = logging.getLogger("mpstock.service")


def set_up_logs(kind: LogFormat, secrets: Iterable[object], stream: TextIO | None = None) -> None:
    """Let this process write its log to `stream` (by default standard error), and nothing of these secrets.

    For a process of our own: a host that the application is mounted in has its logging set up already.
    """
    out: TextIO = sys.stderr if stream is None else stream
    as_json = kind == "json" or (kind == "auto" and not out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter((_Json if as_json else _Text)(Redactor(secrets)))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("mpstock").setLevel(logging.INFO)


class _Text(logging.Formatter):
    def __init__(self, redact: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)-8s %(message)s", "%Y-%m-%d %H:%M:%S")
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(super().format(record))


class _Json(logging.Formatter):
    """One line, one object: `time`, `level`, `logger`, `message`, and what was given along."""

    def __init__(self, redact: Redactor) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _OWN},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return self._redact(json.dumps(line, ensure_ascii=False, default=str))


async def log_news(service: Service) -> None:
    """Write down how runs end and what needs a person, for as long as the service is up."""
    with service.news.listen() as events:
        async for event in events:
            told: Any = event.data.get("event")
            if event.kind == "run_finished":
                counts = {sink: dict(found) for sink, found in told.counts.items() if found}
                # The orders are read each minute: a run that had nothing to do is worth no line.
                quiet = told.status == "done" and not told.exit_code and not counts
                _logger.log(
                    logging.DEBUG if quiet else logging.INFO,
                    "run %d: %s%s",
                    told.run,
                    told.status,
                    "".join(f"; {sink}: {_counted(found)}" for sink, found in counts.items()),
                    extra={
                        "run": told.run,
                        "status": told.status,
                        "exit_code": told.exit_code,
                        "outcomes": counts,
                    },
                )
            elif event.kind == "alert":
                _logger.log(
                    _LEVELS.get(told.severity, logging.WARNING),
                    "%s",
                    f"{told.message}; {told.mend}" if told.mend else told.message,
                    extra={
                        "alert": told.subject,
                        "run": told.run,
                        "source": told.source,
                        "sink": told.sink,
                        "sku": told.sku,
                    },
                )


def _counted(outcomes: dict[str, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
