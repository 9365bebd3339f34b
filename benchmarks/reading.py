"""How long it takes to read a large list, and how much memory: CommerceML, CSV, XLSX and YML.

A file of each format is written once; each is read in a process of its own, through the source, as the core
reads it. CommerceML is the worst case: `rests.xml` has nothing but ids, the articles are in `import.xml`.
Figures are wall time, CPU time, the peak of resident memory, and what of it is there before anything is read.

    python -m benchmarks.reading [--rows 1000000] [--only csv yml] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import alone, peak_mb

FORMATS = ("commerceml", "csv", "xlsx", "yml")
LIMITS = {"commerceml": 200.0}
"""The most megabytes that a million rows may take, where something is promised."""

_STORE = "03ce4b6e-3ff7-11e0-af05-0015e9b8c48d"


def make(folder: Path, form: str, rows: int) -> Path:
    """Write a list of so many rows; return what the source is to read."""
    if form == "commerceml":
        return _commerceml(folder, rows)
    path = folder / f"stock.{form}"
    if form == "csv":
        with path.open("w", encoding="cp1251", newline="") as file:
            file.write("Артикул;Наименование;Остаток;Цена\r\n")
            file.writelines(
                f"SKU-{row:07d};Товар номер {row};{row % 1000};1 234,50\r\n" for row in range(rows)
            )
    elif form == "yml":
        with path.open("w", encoding="utf-8") as file:
            file.write('<?xml version="1.0" encoding="UTF-8"?>\n')
            file.write('<yml_catalog date="2026-01-12 12:00"><shop><offers>\n')
            file.writelines(
                f'<offer id="{row}" available="true"><name>Товар номер {row}</name><price>1234.5</price>'
                f"<vendorCode>SKU-{row:07d}</vendorCode><count>{row % 1000}</count></offer>\n"
                for row in range(rows)
            )
            file.write("</offers></shop></yml_catalog>\n")
    else:
        from mpstock_files.simulator_formats import xlsx

        def cells() -> Iterator[tuple[Any, ...]]:
            yield "Артикул", "Наименование", "Остаток"
            for row in range(rows):
                yield f"SKU-{row:07d}", f"Товар номер {row}", row % 1000

        path.write_bytes(xlsx({"Остатки": cells()}))
    return path


def _commerceml(folder: Path, rows: int) -> Path:
    target = folder / "exchange"
    target.mkdir()
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_2">'
    full = ' СодержитТолькоИзменения="false"'
    with (target / "import.xml").open("w", encoding="utf-8") as goods:
        goods.write(f"{head}<Каталог{full}><Товары>\n")
        goods.writelines(
            f"<Товар><Ид>{_guid(row)}</Ид><Артикул>SKU-{row:07d}</Артикул><Наименование>Товар номер {row}"
            '</Наименование><БазоваяЕдиница Код="796 ">шт</БазоваяЕдиница></Товар>\n'
            for row in range(rows)
        )
        goods.write("</Товары></Каталог></КоммерческаяИнформация>\n")
    with (target / "rests.xml").open("w", encoding="utf-8") as rests:
        rests.write(f"{head}<ПакетПредложений{full}><Предложения>\n")
        rests.writelines(
            f"<Предложение><Ид>{_guid(row)}</Ид><Остатки><Остаток><Склад><Ид>{_STORE}</Ид><Количество>"
            f"{row % 1000}</Количество></Склад></Остаток></Остатки></Предложение>\n"
            for row in range(rows)
        )
        rests.write("</Предложения></ПакетПредложений></КоммерческаяИнформация>\n")
    return target


def _guid(row: int) -> uuid.UUID:
    return uuid.UUID(int=row * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)


def read(path: Path, form: str) -> dict[str, Any]:
    """Read a list in this process, and return the figures."""
    import httpx

    from mpstock.testing import adapter_context

    context = adapter_context(httpx.MockTransport(lambda _: httpx.Response(500)), "supplier")
    source: Any
    if form == "commerceml":
        from mpstock_onec.commerceml_settings import CommerceMLSettings
        from mpstock_onec.commerceml_source import CommerceMLSource

        source = CommerceMLSource(CommerceMLSettings(path=path), context)
    else:
        from mpstock_files.settings import FilesSettings
        from mpstock_files.source import FilesSource

        source = FilesSource(FilesSettings(path=path), context)

    async def levels() -> tuple[int, bool]:
        count, complete = 0, False
        async for reading in source.read(None):
            count += len(reading.levels)
            complete = reading.complete
        return count, complete

    before = peak_mb()
    wall, cpu = time.perf_counter(), time.process_time()
    count, complete = asyncio.run(levels())
    return {
        "format": form,
        "levels": count,
        "complete": complete,
        "seconds": round(time.perf_counter() - wall, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "peak_mb": peak_mb(),
        "before_mb": before,
    }


def measure(form: str, rows: int) -> dict[str, Any]:
    """Write a list, and read it in a process of its own: a peak is a process's for ever."""
    with tempfile.TemporaryDirectory() as folder:
        path = make(Path(folder), form, rows)
        size = sum(one.stat().st_size for one in ([path] if path.is_file() else path.iterdir()))
        found = alone("benchmarks.reading", "--read", form, path)
    return {**found, "file_mb": round(size / (1 << 20), 1)}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", nargs="+", choices=FORMATS, default=FORMATS)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--read", nargs=2, metavar=("FORMAT", "PATH"), help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.read:
        print(json.dumps(read(Path(options.read[1]), options.read[0])))
        return 0
    failed = False
    results = []
    for form in options.only:
        row = measure(form, options.rows)
        limit = LIMITS.get(form)
        wrong = row["levels"] != options.rows or not row["complete"]
        failed |= wrong or (limit is not None and row["peak_mb"] > limit)
        results.append(row)
        if not options.json:
            promised = f" (promised: {limit:g})" if limit else ""
            print(
                f"{form:10} {row['levels']:>9,} levels of {row['file_mb']:6.1f} MB: {row['seconds']:6.1f} s, "
                f"CPU {row['cpu_seconds']:6.1f} s, peak {row['peak_mb']:6.1f} MB{promised}, before "
                f"{row['before_mb']:.1f} MB",
                flush=True,
            )
    if options.json:
        print(json.dumps(results))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
