"""A folder of exchange files written by hand, and a source that reads it."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from attrs import define

from mpstock import Finding, Level, Problem, Reading
from mpstock.testing import VirtualClock, adapter_context, build_adapter
from mpstock_onec.commerceml_settings import CommerceMLSettings
from mpstock_onec.plugin import mpstock_sources

SPEC = next(spec for spec in mpstock_sources() if spec.name == "onec_commerceml")
START = datetime.fromisoformat("2026-01-12T09:00:00+00:00")


def offer(identifier: str = "p1", inside: str = "", article: str | None = "A-1", attributes: str = "") -> str:
    """Write a Предложение; `inside` are its quantities."""
    named = "" if article is None else f"<Артикул>{article}</Артикул>"
    return f"<Предложение{attributes}><Ид>{identifier}</Ид>{named}{inside}</Предложение>"


def total(number: str) -> str:
    return f"<Количество>{number}</Количество>"


def store(identifier: str, number: str, tag: str = "Склад") -> str:
    return f'<{tag} ИдСклада="{identifier}" КоличествоНаСкладе="{number}"/>'


def rest(number: str, identifier: str | None = None) -> str:
    inner = total(number)
    if identifier is not None:
        inner = f"<Склад><Ид>{identifier}</Ид>{inner}</Склад>"
    return f"<Остатки><Остаток>{inner}</Остаток></Остатки>"


def package(
    *offers: str, changes: bool | None = False, root: str = "", head: str = "", tag: str = "ПакетПредложений"
) -> str:
    """Write a file of offers. `changes` None leaves СодержитТолькоИзменения out."""
    flag = "" if changes is None else f' СодержитТолькоИзменения="{str(changes).lower()}"'
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация{root}><{tag}{flag}>{head}'
        f"<Предложения>{''.join(offers)}</Предложения></{tag}></КоммерческаяИнформация>"
    )


def catalogue(*goods: tuple[str, str], status: str = "", changes: bool = False) -> str:
    """Write an import.xml of (Ид, Артикул)."""
    attributes = f' Статус="{status}"' if status else ""
    inside = "".join(
        f"<Товар{attributes}><Ид>{identifier}</Ид><Артикул>{article}</Артикул></Товар>"
        for identifier, article in goods
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация><Каталог '
        f'СодержитТолькоИзменения="{str(changes).lower()}"><Товары>{inside}</Товары></Каталог>'
        "</КоммерческаяИнформация>"
    )


def named_stores(**names: str) -> str:
    """Write the Склады of a package."""
    inside = "".join(
        f"<Склад><Ид>{identifier}</Ид><Наименование>{name}</Наименование></Склад>"
        for identifier, name in names.items()
    )
    return f"<Склады>{inside}</Склады>"


@define
class Read:
    """What one walk over a source brought."""

    readings: list[Reading]

    @property
    def last(self) -> Reading:
        return self.readings[-1]

    @property
    def levels(self) -> list[Level]:
        return [level for reading in self.readings for level in reading.levels]

    @property
    def by_key(self) -> dict[tuple[str, str], int | None]:
        found = {(level.sku, level.warehouse): level.quantity for level in self.levels}
        assert len(found) == len(self.levels), "a product was told twice"
        return found

    @property
    def quantities(self) -> dict[str, int | None]:
        """By sku, where there is one warehouse."""
        return {sku: quantity for (sku, _), quantity in self.by_key.items()}

    @property
    def problems(self) -> list[Problem]:
        return [problem for reading in self.readings for problem in reading.problems]

    @property
    def cursor(self) -> str:
        assert self.last.cursor is not None
        return self.last.cursor


class Exchange:
    """A folder and a source over it, on a clock that jumps. Files are as old as the clock says."""

    def __init__(self, folder: Path, **changed: Any) -> None:
        self.folder = folder
        self.clock = VirtualClock()
        context = adapter_context(
            httpx.MockTransport(lambda _: httpx.Response(500)), name="erp", clock=self.clock
        )
        settings = CommerceMLSettings(**{"path": folder, **changed})
        self.source = build_adapter(SPEC, settings, context)

    def put(self, name: str, content: str | bytes, age: float = 0.0) -> Path:
        """Write a file, so many seconds old."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return self.touch(path, age)

    def touch(self, path: Path, age: float = 0.0) -> Path:
        moment = int((self.clock.now().timestamp() - age) * 1e9)
        os.utime(path, ns=(moment, moment))
        return path

    def read(self, cursor: str | None = None) -> Read:
        async def readings() -> Read:
            return Read([reading async for reading in self.source.read(cursor)])

        return asyncio.run(readings())

    def check(self) -> list[Finding]:
        async def findings() -> list[Finding]:
            return [finding async for finding in self.source.check()]

        return asyncio.run(findings())
