"""A folder of exchange files written by hand, and a source that reads it."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from mpstock import Finding
from mpstock.testing import VirtualClock, adapter_context, build_adapter
from mpstock_onec.commerceml_settings import CommerceMLSettings
from mpstock_onec.plugin import mpstock_sources
from tests.reading import Read, findings, walk

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
        return walk(self.source, cursor)

    def check(self) -> list[Finding]:
        return findings(self.source)
