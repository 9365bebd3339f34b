"""The double's lists: what a catalogue, a register or a balance has, by the options of a request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from attrs import define, frozen

from mpstock.simulation import Request
from mpstock_onec.simulator_odata_answers import number
from mpstock_onec.simulator_odata_filter import FilterError, parse
from mpstock_onec.simulator_odata_metadata import barcode_fields, catalogue_fields, register_fields
from mpstock_onec.simulator_odata_world import Infobase, Record

__all__ = ["ListError", "Lists", "Query"]

_CALL = re.compile(r"(?P<name>\w+)(?:\((?P<arguments>.*)\))?", re.DOTALL)
_ARGUMENT = re.compile(r"\s*(?P<name>\w+)=(?P<value>datetime'[^']*'|'(?:[^']|'')*')\s*(?:,|$)", re.DOTALL)
_MOMENT = re.compile(r"datetime'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)'")


class ListError(Exception):
    """1C refuses the request; `code` is its own."""

    def __init__(self, status: int, code: str, text: str) -> None:
        self.status = status
        self.code = code
        super().__init__(text)


@frozen
class Query:
    """The options of a request, decoded as 1C does: `%20` is a blank and a plus sign is a plus sign."""

    options: Mapping[str, str]
    json: bool

    @classmethod
    def read(cls, request: Request) -> Query:
        pairs = [pair.partition("=") for pair in request.raw_query.split("&") if pair]
        options = {unquote(name): unquote(value) for name, _, value in pairs}
        named = options.get("$format", "")
        accepted = request.headers.get("accept", "")
        wants = "json" in named if named else "application/json" in accepted
        return cls(options, wants)

    @property
    def wants_count(self) -> bool:
        return self.options.get("$inlinecount") == "allpages"

    @property
    def allowed_only(self) -> bool:
        return self.options.get("allowedOnly") == "true"

    def whole(self, name: str) -> int | None:
        """Return an option that is a whole number."""
        text = self.options.get(name)
        if text is None:
            return None
        if not text.isdecimal():
            raise ListError(400, "14", f"Ошибка разбора опции запроса {name}: {text}")
        return int(text)


@define
class _Found:
    rows: list[dict[str, Any]]
    fields: Mapping[str, str]


class Lists:
    """Answers lists of one infobase."""

    def __init__(self, infobase: Infobase) -> None:
        self._infobase = infobase
        self._turn = 0

    def answer(
        self, resource: str, function: str, query: Query, hidden: frozenset[str]
    ) -> tuple[list[dict[str, Any]], int]:
        """Return the rows, and how many there are without `$top` and `$skip`.

        `hidden` are the products that the user may not see.

        Raises:
            ListError: the request is refused.
        """
        if function and function != "$count":
            found = self._virtual(resource, function, query, hidden)
        else:
            found = self._plain(resource, query, hidden)
        return self._chosen(found, query, virtual=bool(function) and function != "$count")

    # -- catalogues and registers --------------------------------------------------------

    def _plain(self, resource: str, query: Query, hidden: frozenset[str]) -> _Found:
        infobase, names = self._infobase, self._infobase.configuration
        kind, _, name = resource.partition("_")
        if kind == "AccumulationRegister":
            # A register as a list is its movements, by the documents that made them.
            fields = {"Recorder": "Edm.String", "Recorder_Type": "Edm.String", "RecordSet": "Collection"}
            return _Found([], fields)
        if kind == "InformationRegister":
            fields = barcode_fields(names)
            rows = [{name: row.get(name) for name in fields} for row in infobase.barcodes]
            return _Found(rows, fields)
        tables = {
            "Номенклатура": infobase.products,
            "ХарактеристикиНоменклатуры": infobase.characteristics,
            names.warehouse[1]: infobase.warehouses,
        }
        rows = list(tables[name].values())
        if name == "Номенклатура":
            rows = list(self._seen(rows, "Ref_Key", query, hidden))
        return _Found(rows, catalogue_fields(name))

    def _seen(
        self, rows: Iterable[dict[str, Any]], key: str, query: Query, hidden: frozenset[str]
    ) -> Iterator[dict[str, Any]]:
        test = self._test(query, rows_fields=None)
        for row in rows:
            if row[key] not in hidden:
                yield row
            elif not query.allowed_only and test(row):
                raise ListError(401, "20", "Нарушение прав доступа!")

    # -- the balance ---------------------------------------------------------------------

    def _virtual(self, resource: str, function: str, query: Query, hidden: frozenset[str]) -> _Found:
        names = self._infobase.configuration
        match = _CALL.fullmatch(function)
        called = match["name"] if match else function
        if match is None or called not in ("Balance", "Turnovers") or "Register_" not in resource:
            raise ListError(404, "11", f'Метод "{function}" не найден')
        if called == "Turnovers" or resource != f"AccumulationRegister_{names.register}":
            raise ListError(501, "0", "Возможность не поддерживается")
        if "$skip" in query.options:
            raise ListError(400, "14", "Опция $skip не поддерживается для виртуальной таблицы")
        arguments = _arguments(match["arguments"] or "")
        dimensions = [name.strip() for name in arguments.get("Dimensions", "").split(",") if name.strip()]
        for name in dimensions:
            if name not in names.dimensions:
                raise ListError(400, "21", f'Поле "{name}" не найдено')
        records: Iterator[Record] = iter(self._infobase.records.values())
        if condition := arguments.get("Condition", ""):
            fields = register_fields(names)
            try:
                test = parse(condition, lambda name: name in fields)
            except FilterError as error:
                raise ListError(400, "14", f"Ошибка разбора параметра Condition: {error}") from None
            records = (record for record in records if test(self._written(record, "")))
        records = self._allowed(records, query, hidden)
        summed = self._infobase.balance(dimensions or list(names.dimensions), records)
        every = register_fields(names, "Balance")
        present = set(dimensions or names.dimensions)
        fields = {
            name: kind
            for name, kind in every.items()
            if name.endswith("Balance") or name.removesuffix("_Key").removesuffix("_Type") in present
        }
        return _Found([self._written(record, "Balance") for record in summed], fields)

    def _allowed(self, records: Iterator[Record], query: Query, hidden: frozenset[str]) -> Iterator[Record]:
        for record in records:
            if record.dimensions["Номенклатура"] not in hidden:
                yield record
            elif not query.allowed_only:
                raise ListError(401, "20", "Нарушение прав доступа!")

    def _written(self, record: Record, suffix: str) -> dict[str, Any]:
        names = self._infobase.configuration
        row: dict[str, Any] = {}
        for name, ref in record.dimensions.items():
            if name in names.composite:
                row[name] = ref
                row[f"{name}_Type"] = f"StandardODATA.Catalog_{names.dimensions[name]}"
            else:
                row[f"{name}_Key"] = ref
        for name, value in record.resources.items():
            row[f"{name}{suffix}"] = number(value, names.resources[name])
        return row

    # -- options -------------------------------------------------------------------------

    def _test(self, query: Query, rows_fields: Mapping[str, str] | None) -> Any:
        text = query.options.get("$filter", "")
        if not text:
            return lambda row: True
        try:
            return parse(text, lambda name: rows_fields is None or name in rows_fields)
        except FilterError as error:
            raise ListError(400, "14", f"Error parsing $filter query option: {error}") from None

    def _chosen(self, found: _Found, query: Query, *, virtual: bool) -> tuple[list[dict[str, Any]], int]:
        rows = found.rows
        if query.options.get("$filter"):
            test = self._test(query, found.fields)
            rows = [row for row in rows if test(row)]
        order = query.options.get("$orderby", "")
        if order:
            rows = _ordered(rows, order, found.fields)
        elif rows and not virtual:
            # Without an order the database gives what comes first, and that is another each time.
            self._turn = (self._turn + 7) % len(rows)
            rows = rows[self._turn :] + rows[: self._turn]
        count = len(rows)
        top, skip = query.whole("$top"), query.whole("$skip") or 0
        if not query.wants_count:
            # `$inlinecount` lets both be ignored (17.4.6.2).
            rows = rows[skip:] if top is None else rows[skip : skip + top]
        select = query.options.get("$select", "*")
        if select.strip() not in ("*", "**", ""):
            names = [name.strip() for name in select.split(",")]
            for name in names:
                if name not in found.fields:
                    raise ListError(400, "10", f'Запрошенное свойство "{name}" не найдено')
            rows = [{name: row.get(name) for name in names} for row in rows]
        return rows, count


def _ordered(rows: list[dict[str, Any]], order: str, fields: Mapping[str, str]) -> list[dict[str, Any]]:
    for part in reversed(order.split(",")):
        name, _, direction = part.strip().partition(" ")
        if name not in fields:
            raise ListError(400, "14", f'Ошибка разбора опции $orderby: поле "{name}" не найдено')
        rows = sorted(rows, key=lambda row: str(row.get(name)), reverse=direction.strip() == "desc")
    return rows


def _arguments(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _ARGUMENT.match(text, position)
        if match is None:
            raise ListError(400, "21", f"Неверный аргумент функции: {text[position : position + 40]}")
        name, value = match["name"], match["value"]
        if name not in ("Period", "Condition", "Dimensions"):
            raise ListError(501, "0", f"Параметр {name} не поддерживается")
        if name == "Period":
            moment = _MOMENT.fullmatch(value)
            try:
                found[name] = datetime.fromisoformat(moment[1]).isoformat() if moment else ""
            except ValueError:
                found[name] = ""
            if not found[name]:
                raise ListError(400, "21", f"Неверный аргумент функции Period: {value}")
        else:
            found[name] = value[1:-1].replace("''", "'")
        position = match.end()
    return found
