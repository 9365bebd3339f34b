"""The double of 1C's exchange with a site into a folder: it leaves `import`, `offers` and `rests` there.

Written from the schemes of CommerceML 2.04 to 2.10 and from what 1C, Bitrix's module and МойСклад are seen to
write. Run alone: `python -m mpstock_onec.simulator_commerceml --folder exchange`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from datetime import timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from xml.sax.saxutils import escape, quoteattr

from attrs import evolve, frozen

from mpstock import Clock
from mpstock.simulation import SourceSimulator, main

__all__ = ["CommerceMLSimulator", "Writing"]

_SPACE = uuid.UUID("3f1e6f0a-6f0f-4c3c-9a55-0d0f6f2b7c11")
_MOSCOW = timezone(timedelta(hours=3))
Quantity = int | str | Decimal


@frozen
class Writing:
    """How the exchange writes its files.

    `scheme`    `"2.04"`: totals and <Склад> attributes in offers; `"2.08"`: rests apart, offers without
                quantities.
    `stores`    quantities by store; without, one total for all of them.
    `totals`    the total beside the stores (2.04 to 2.07).
    `empty`     a store with 0 has an empty attribute (2.04 to 2.07).
    `namespace` the default namespace; "" = none.
    `encoding`  `utf-8`, `utf-8-sig` (with a byte order mark) or `windows-1251`.
    `packed`    one zip instead of single files.
    `portions`  so many files for each package.
    `flag`      where СодержитТолькоИзменения stands: attribute of the package, child element, or on the root.
    """

    scheme: Literal["2.04", "2.08"] = "2.08"
    stores: bool = True
    totals: bool = False
    empty: bool = False
    namespace: str = "urn:1C.ru:commerceml_2"
    encoding: Literal["utf-8", "utf-8-sig", "windows-1251"] = "utf-8"
    packed: bool = False
    portions: int = 1
    flag: Literal["attribute", "child", "root"] = "attribute"


class CommerceMLSimulator(SourceSimulator):
    """A 1C infobase that exports to a folder, each time into a folder of its own below it.

    `levels` gives quantities by (sku, warehouse). A change is exported at once as a package of changes, and
    what is removed by a package of everything, unless `automatic` is off: then `export` does it.
    """

    def __init__(
        self,
        levels: Mapping[tuple[str, str], Quantity] | None = None,
        *,
        folder: Path | str | None = None,
        clock: Clock | None = None,
        writing: Writing | None = None,
        automatic: bool = True,
    ) -> None:
        super().__init__(clock=clock)
        self._temporary = None if folder is not None else tempfile.TemporaryDirectory(prefix="mpstock-1c-")
        self.folder = Path(folder if folder is not None else self._temporary.name if self._temporary else ".")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.writing = writing or Writing()
        self.automatic = automatic
        self._levels: dict[tuple[str, str], Decimal] = {
            key: Decimal(quantity) for key, quantity in (levels or {}).items()
        }
        self._changed: dict[str, None] = {}
        self._number = 0
        if automatic:
            self.export()

    def set_level(self, sku: str, quantity: Any, warehouse: str = "main") -> None:
        known = any(article == sku for article, _ in self._levels)
        self._levels[sku, warehouse] = Decimal(quantity)
        self._changed[sku] = None
        if self.automatic:
            self.export(changes_only=known)

    def remove(self, sku: str, warehouse: str = "main") -> None:
        self._levels.pop((sku, warehouse), None)
        if self.automatic:
            self.export()

    def settings(self, url: str) -> dict[str, Any]:
        return {"plugin": "onec_commerceml", "path": str(self.folder)}

    def write(self, **habits: Any) -> None:
        """Change how files are written, and export everything anew."""
        self.writing = evolve(self.writing, **habits)
        if self.automatic:
            self.export()

    def close(self) -> None:
        """Remove the folder, if it was made for this double."""
        if self._temporary is not None:
            self._temporary.cleanup()

    def export(self, *, changes_only: bool = False) -> list[Path]:
        """Write a package of everything, or of what changed since the last one; return the files."""
        self._number += 1
        skus = list(dict.fromkeys(sku for sku, _ in self._levels))
        if changes_only:
            skus = [sku for sku in skus if sku in self._changed]
        self._changed.clear()
        files: dict[str, str] = {}
        size = max(1, -(-len(skus) // self.writing.portions))
        for portion in range(self.writing.portions):
            part = skus[portion * size : (portion + 1) * size]
            tail = f"0_{portion + 1}" if self.writing.portions > 1 else ""
            if not changes_only:
                files[f"import{tail}.xml"] = self._document(self._catalogue(part), changes_only=False)
            files[f"offers{tail}.xml"] = self._package(part, changes_only, rests=False)
            if self.writing.scheme == "2.08":
                files[f"rests{tail}.xml"] = self._package(part, changes_only, rests=True)
        return self._leave(files)

    def _leave(self, files: Mapping[str, str]) -> list[Path]:
        name = self.writing.encoding
        target = self.folder / f"{self._number:09d}"
        encoded = {file: text.encode(name) for file, text in files.items()}
        if self.writing.packed:
            written = [target.with_suffix(".zip")]
            with zipfile.ZipFile(written[0], "w", zipfile.ZIP_DEFLATED) as archive:
                for file, body in encoded.items():
                    archive.writestr(file, body)
        else:
            target.mkdir(exist_ok=True)
            written = [target / file for file in encoded]
            for path in written:
                path.write_bytes(encoded[path.name])
        # The files are of the double's own time, which need not be the machine's.
        moment = int(self.clock.now().timestamp() * 1e9) + self._number
        for path in written:
            os.utime(path, ns=(moment, moment))
        return written

    def _document(self, inside: str, *, changes_only: bool) -> str:
        told = "utf-8" if self.writing.encoding == "utf-8-sig" else self.writing.encoding
        space = f' xmlns="{self.writing.namespace}"' if self.writing.namespace else ""
        formed = self.clock.now().astimezone(_MOSCOW)
        flag = f' СодержитТолькоИзменения="{_bool(changes_only)}"' if self.writing.flag == "root" else ""
        return (
            f'<?xml version="1.0" encoding="{told}"?>\n<КоммерческаяИнформация{space} '
            f'ВерсияСхемы="{self.writing.scheme}" ДатаФормирования="{formed:%Y-%m-%dT%H:%M:%S}"{flag}>\n'
            f"{inside}</КоммерческаяИнформация>\n"
        )

    def _catalogue(self, skus: list[str]) -> str:
        goods = "".join(
            f"<Товар><Ид>{_id(sku)}</Ид><Артикул>{escape(sku)}</Артикул>"
            f"<Наименование>Товар {escape(sku)}</Наименование>"
            '<БазоваяЕдиница Код="796 ">шт</БазоваяЕдиница></Товар>\n'
            for sku in skus
        )
        return (
            f'<Каталог СодержитТолькоИзменения="false"><Ид>{_id("каталог")}</Ид>'
            f"<Товары>\n{goods}</Товары></Каталог>\n"
        )

    def _package(self, skus: list[str], changes_only: bool, *, rests: bool) -> str:
        attribute, child = "", ""
        if self.writing.flag == "attribute":
            attribute = f' СодержитТолькоИзменения="{_bool(changes_only)}"'
        elif self.writing.flag == "child":
            child = f"<СодержитТолькоИзменения>{_bool(changes_only)}</СодержитТолькоИзменения>"
        stores = ""
        if self.writing.stores and not rests:
            named = "".join(
                f"<Склад><Ид>{_id(name)}</Ид><Наименование>{escape(name)}</Наименование></Склад>"
                for name in self._stores()
            )
            stores = f"<Склады>{named}</Склады>"
        offers = "".join(self._offer(sku, rests) for sku in skus)
        return self._document(
            f"<ПакетПредложений{attribute}><Ид>{_id('пакет')}#</Ид>{child}{stores}<Предложения>\n{offers}"
            "</Предложения></ПакетПредложений>\n",
            changes_only=changes_only,
        )

    def _offer(self, sku: str, rests: bool) -> str:
        of = {name: self._levels[sku, name] for name in self._stores() if (sku, name) in self._levels}
        if rests:
            names = ""
            said = "".join(self._rest(of))
        else:
            names = f"<Артикул>{escape(sku)}</Артикул><Наименование>Товар {escape(sku)}</Наименование>"
            said = "" if self.writing.scheme == "2.08" else self._old(of)
        return f"<Предложение><Ид>{_id(sku)}</Ид>{names}{said}</Предложение>\n"

    def _rest(self, of: Mapping[str, Decimal]) -> Iterator[str]:
        yield "<Остатки>"
        if self.writing.stores:
            for name, quantity in of.items():
                yield (
                    f"<Остаток><Склад><Ид>{_id(name)}</Ид><Количество>{quantity:f}</Количество></Склад></Остаток>"
                )
        else:
            yield f"<Остаток><Количество>{sum(of.values(), Decimal(0)):f}</Количество></Остаток>"
        yield "</Остатки>"

    def _old(self, of: Mapping[str, Decimal]) -> str:
        said = ""
        if self.writing.stores:
            for name, quantity in of.items():
                number = "" if self.writing.empty and not quantity else f"{quantity:f}"
                said += f"<Склад ИдСклада={quoteattr(_id(name))} КоличествоНаСкладе={quoteattr(number)}/>"
        if self.writing.totals or not self.writing.stores:
            said += f"<Количество>{sum(of.values(), Decimal(0)):f}</Количество>"
        return said

    def _stores(self) -> list[str]:
        return list(dict.fromkeys(warehouse for _, warehouse in self._levels))


def _id(name: str) -> str:
    return str(uuid.uuid5(_SPACE, name))


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--products", type=int, default=100, help="products: SKU-00001, SKU-00002, …")
    parser.add_argument("--folder", default="exchange", help="where the files go (default: %(default)s)")


def _build(args: argparse.Namespace) -> CommerceMLSimulator:
    levels = {(f"SKU-{number:05d}", "main"): number * 37 % 101 for number in range(1, args.products + 1)}
    return CommerceMLSimulator(levels, folder=args.folder, clock=args.clock)


if __name__ == "__main__":
    main(_build, add_arguments=_add_arguments)
