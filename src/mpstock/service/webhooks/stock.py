"""Rows of stock that a system pushes: `POST /webhooks/{source}/stock`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from attrs import define, field

from mpstock.model import Level
from mpstock.nearest import suggestion
from mpstock.rows import MalformedError, Row, RowParser, ceil, decoded, floor, rows
from mpstock.service.webhooks.bodies import check_content
from mpstock.service.webhooks.doors import Answer, Call, Porter
from mpstock.service.webhooks.intake import Brought
from mpstock.service.webhooks.refusals import Refusal

if TYPE_CHECKING:
    from mpstock.config import Configuration, SourceConfig
    from mpstock.ledger.receipts import Receipt
    from mpstock.model import Problem

__all__ = ["StockDoor", "find_source"]

MOST_TOLD = 100
"""Items of a bad body that an answer names; of the others it says how many they are."""

_LONG = 64 * 1024
"""Bytes of a body that is read beside the event loop: others are answered meanwhile."""


class StockDoor:
    """Takes the rows that a system pushes for one source."""

    def __init__(self, porter: Porter) -> None:
        self._porter = porter
        self._parsers: dict[str, RowParser] = {}

    async def post(self, call: Call) -> Answer:
        """Take the rows of a body, and answer when they are in the ledger.

        Raises:
            Refusal: the body, or one of its items, cannot be taken; or who sends it may not.
        """
        porter = self._porter
        async with porter.body(call) as body:
            receipts = porter.let_in(call, body)
            source = find_source(porter.service.config, call.path["source"])
            check_content(call.headers)
            kind = call.headers.get("content-type", "")
            parser = self._parser(source)
            free = source.quantity == "free"
            each = porter.settings.items == "each"
            if len(body) <= _LONG:
                read = _read(body, kind, parser, free, each)
            else:
                read = await asyncio.to_thread(_read, body, kind, parser, free, each)
            return await self._take(source, read, receipts)

    async def _take(self, source: SourceConfig, read: _Read, receipts: Sequence[Receipt]) -> Answer:
        answer: dict[str, Any] = {"accepted": read.rows}
        if read.bad:
            answer["refused"] = read.errors
            if read.untold:
                answer["more"] = read.untold
        brought = Brought(source.name, read.levels, json.dumps(answer, ensure_ascii=False), receipts)
        return Answer(await self._porter.intake.take(brought))

    def _parser(self, source: SourceConfig) -> RowParser:
        if source.name not in self._parsers:
            made = None if source.spec is None else source.spec.row_parser
            self._parsers[source.name] = (
                RowParser("main", trust_updated_at=True) if made is None else made(source.settings)
            )
        return self._parsers[source.name]


def find_source(config: Configuration, name: str) -> SourceConfig:
    """Return the source of a name in the settings; its plugin's name will do while there is only one.

    Raises:
        Refusal: there is none, or several (404), or it tells no stock (409).
    """
    found = config.sources.get(name)
    if found is None:
        same = [
            source
            for source in config.sources.values()
            if source.spec is not None and name in (source.spec.name, *source.spec.aliases)
        ]
        if len(same) > 1:
            names = ", ".join(source.name for source in same)
            raise Refusal(404, f"several sources have the plugin {name!r}; name one of them: {names}")
        if not same:
            meant = suggestion(name[:80], config.sources, what="the sources are")
            raise Refusal(404, f"there is no source {name[:80]!r}; {meant}")
        found = same[0]
    if found.spec is not None and not found.spec.levels:
        raise Refusal(409, f"the source {found.name!r} tells no stock, only what is held")
    return found


@define
class _Read:
    """What a body says: levels, how many rows they come from, and what was wrong with the others."""

    levels: list[Level] = field(factory=list[Level])
    rows: int = 0
    bad: int = 0
    errors: list[dict[str, Any]] = field(factory=list[dict[str, Any]])
    untold: int = 0

    def refuse(self, index: int, name: str, message: str) -> None:
        if len(self.errors) < MOST_TOLD:
            self.errors.append({"index": index, "field": name, "message": message})
        else:
            self.untold += 1


def _read(body: bytes, content_type: str, parser: RowParser, free: bool, each: bool) -> _Read:
    read = _Read()
    good: dict[tuple[str, str], tuple[Row, Level] | None] = {}
    try:
        for index, data in enumerate(rows(decoded(body, content_type))):
            row = parser(data, index)
            wrong = list(_wrong(row, free))
            if not wrong:
                key = (str(row.sku), str(row.warehouse))
                if key not in good:
                    good[key] = (row, _level(row))
                    continue
                first = good[key]
                if first is not None:
                    read.bad += 1
                    read.refuse(first[0].index, "sku", _TWICE)
                    good[key] = None
                wrong = [("sku", _TWICE)]
            read.bad += 1
            for name, message in wrong:
                read.refuse(index, name, message)
    except MalformedError as error:
        raise Refusal(400, str(error)) from None
    if read.bad and not each:
        more = {"errors": read.errors, **({"more": read.untold} if read.untold else {})}
        raise Refusal(422, f"{read.bad} of the rows cannot be taken, so nothing of the body was", more=more)
    read.levels = [found[1] for found in good.values() if found is not None]
    read.rows = len(read.levels)
    return read


_TWICE = (
    "stands more than once for the same warehouse; send one row for both of them, with the number that holds "
    "for all of it"
)


def _wrong(row: Row, free: bool) -> Iterator[tuple[str, str]]:
    if row.bad:
        problem: Problem
        for problem in row.problems:
            yield problem.name, problem.message
    elif free and row.reserved:
        yield "reserved", _FREE


_FREE = (
    "the quantities of this source are free of reserves already; leave reserved out, or it would be "
    "subtracted twice"
)


def _level(row: Row) -> Level:
    # Down and up: no part of a unit can be sold, and none of it is promised.
    quantity = 0 if row.quantity is None else floor(row.quantity)
    return Level(str(row.sku), str(row.warehouse), quantity, ceil(row.reserved), row.updated_at)
