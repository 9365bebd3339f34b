"""The modules for 1C: their grammar is sound, they call what is there, and they write what mpstock reads."""

from __future__ import annotations

import asyncio
import hmac
import re
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from mpstock.rows import RowParser
from mpstock.service.webhooks.credentials import SIGNATURE, TIMESTAMP
from mpstock.testing import VirtualClock, adapter_context, build_adapter
from mpstock_onec.plugin import mpstock_sources
from mpstock_onec.settings import OnecSettings

ROOT = Path(__file__).resolve().parents[2]
MODULES = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "integrations/1c").glob("*.bsl")}
EVERYTHING = "\n".join(MODULES.values())
PAGE = (ROOT / "docs/howto/1c-extension.md").read_text(encoding="utf-8")
each_module = pytest.mark.parametrize("name", sorted(MODULES))


def _parser() -> Any:
    import tree_sitter
    import tree_sitter_bsl

    # What it has is told in a way that type checkers cannot follow.
    grammar: Any = tree_sitter_bsl
    return tree_sitter.Parser(tree_sitter.Language(grammar.language()))


def _tree(text: str) -> Any:
    # Two things that 1C allows and this grammar does not know: an exception that is raised anew as it
    # was, and a semicolon behind the end of a loop `Пока`.
    known = text.replace("ВызватьИсключение;", 'ВызватьИсключение "";')
    known = re.sub(r"(?ms)^(\t*)(Пока .*?^\1КонецЦикла);", r"\1\2", known)
    return _parser().parse(known.encode()).root_node


def _nodes(node: Any, kind: str) -> list[Any]:
    found = [node] if node.type == kind else []
    return [*found, *(one for child in node.children for one in _nodes(child, kind))]


def _text(node: Any) -> str:
    return str(node.text.decode())


def test_there_are_modules_to_look_at() -> None:
    """The four modules of the page are there, as UTF-8 without a mark of byte order."""
    assert len(MODULES) == 4
    assert not any(text.startswith("\ufeff") for text in MODULES.values())


@each_module
def test_the_grammar_is_sound(name: str) -> None:
    """A module is BSL from its first line to its last, and the same with one word less is not."""
    assert not _tree(MODULES[name]).has_error
    for word in ("КонецФункции", "КонецПроцедуры"):
        if word in MODULES[name]:
            assert _tree(MODULES[name].replace(word, "", 1)).has_error


@each_module
def test_what_is_called_is_there(name: str) -> None:
    """What a module calls of itself or of another one is there, exported, and takes so many arguments."""
    methods: dict[tuple[str, str], tuple[bool, int, int]] = {}
    for module, text in MODULES.items():
        for kind in ("function_definition", "procedure_definition"):
            for node in _nodes(_tree(text), kind):
                parameters = [p for p in node.child_by_field_name("parameters").children if p.is_named]
                needed = sum("=" not in _text(p) for p in parameters)
                exported = node.child_by_field_name("export") is not None
                own = _text(node.child_by_field_name("name"))
                methods[module, own] = (exported, needed, len(parameters))
    assert len(methods) > 20
    calls = 0
    plain = re.sub(r'"[^"\n]*"', "0", re.sub(r"(?m)//.*$", "", MODULES[name]))
    for match in re.finditer(r"(?<![.\w])(?:(mpstock_\w+)\.)?(\w+)\(", plain):
        module, method = match[1] or name, match[2]
        if match[1] is None and (name, method) not in methods:
            continue
        if re.search(r"(?:Функция|Процедура) $", plain[: match.start()]):
            continue
        assert (module, method) in methods, f"{module}.{method} is nowhere"
        exported, needed, most = methods[module, method]
        assert exported or module == name, f"{module}.{method} is not exported"
        assert needed <= _arguments(plain[match.end() :]) <= most, f"{module}.{method}: wrong arguments"
        calls += 1
    assert calls or name == "mpstock_Изменения"


def _arguments(rest: str) -> int:
    depth, commas, said = 0, 0, ""
    for character in rest:
        if character == ")" and depth == 0:
            break
        depth += (character in "([") - (character in ")]")
        commas += character == "," and depth == 0
        said += character
    return commas + 1 if said.strip() else 0


def test_rows_are_written_as_they_are_read() -> None:
    """Each name of a row is one that the reader of rows knows, and all of them are used."""
    (body,) = re.findall(r"(?s)Процедура ЗаписатьСтроку\(.*?КонецПроцедуры", EVERYTHING)
    written = re.findall(r'ЗаписатьИмяСвойства\("(\w+)"\)', body)
    row: dict[str, Any] = {"sku": "A-1", "warehouse": "Основной", "quantity": Decimal("12.5"), "reserved": 2}
    row["updated_at"] = "2026-01-15T10:00:00Z"
    assert sorted(written) == sorted(row)
    parse = RowParser("main", trust_updated_at=True)
    whole = parse(row, 0)
    assert not whole.bad
    assert not whole.problems
    for name in written:
        # Without it something else is read: the name means something.
        assert parse({key: value for key, value in row.items() if key != name}, 0) != whole
    others = set(re.findall(r'ЗаписатьИмяСвойства\("(\w+)"\)', EVERYTHING)) - set(written)
    assert others == {"stocks", "error"}


def test_the_service_is_asked_as_it_expects() -> None:
    """The address, and the parameter of what changed, are those of the source `onec`."""
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(200, json={"stocks": [{"sku": "A-1", "quantity": 1}]})

    spec = next(spec for spec in mpstock_sources() if spec.name == "onec")
    context = adapter_context(httpx.MockTransport(answer), name="erp", clock=VirtualClock())
    source = build_adapter(spec, OnecSettings(base_url="http://1c.local/trade"), context)

    async def read() -> None:
        cursor = None
        for _ in range(2):
            async for reading in source.read(cursor):
                cursor = reading.cursor or cursor

    asyncio.run(read())
    (parameter,) = re.findall(r'ПараметрыЗапроса\.Получить\("(\w+)"\)', EVERYTHING)
    assert parameter not in asked[0].params
    moment = asked[1].params[parameter]
    # The module keeps the digits: year to second, without a zone, for it is UTC.
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", moment)
    root, template = re.findall(r'корневой URL "(\w+)", шаблон "(/\w+)"', EVERYTHING)[0]
    assert asked[0].path == f"/trade/hs/{root}{template}"
    assert f"root URL `{root}`, template `{template}`" in PAGE


def test_a_push_is_signed_as_it_is_checked() -> None:
    """The names of the headers, the scheme, what is signed, and the two constants of HMAC are right."""
    headers = {name.lower() for name in re.findall(r'Заголовки\.Вставить\("([\w-]+)"', EVERYTHING)}
    assert {SIGNATURE, TIMESTAMP, "content-type"} == headers
    assert '"v1=" + Подпись' in EVERYTHING
    assert 'Время + "."' in EVERYTHING
    masks = [int(mask) for mask in re.findall(r"ПобитовоеИсключительноеИли\(Байт, (\d+)\)", EVERYTHING)]
    assert masks == [0x36, 0x5C]
    key, said = b"secret".ljust(64, b"\0"), b"1768471200.{}"
    inner, outer = (bytes(byte ^ mask for byte in key) for mask in masks)
    assert sha256(outer + sha256(inner + said).digest()).digest() == hmac.digest(b"secret", said, "sha256")


def test_changes_are_forgotten_only_when_they_were_accepted() -> None:
    """The job confirms in one place: where all its requests were answered with `accepted`."""
    (job,) = [
        node
        for node in _nodes(_tree(MODULES["mpstock_Отправка"]), "procedure_definition")
        if _text(node.child_by_field_name("name")) == "Отправить"
    ]
    (confirming,) = [node for node in _nodes(job, "if_statement") if "Подтвердить(" in _text(node)]
    assert _text(confirming).split("Тогда")[0].split() == ["Если", "Принято"]
    assert _text(job).count("Подтвердить(") == 1
    assert 'Результат["accepted"]' in EVERYTHING


@each_module
def test_queries_restrict_the_balance_inside_its_brackets(name: str) -> None:
    """No query has the balance of everything calculated only to leave most of it out."""
    for match in re.finditer(r"\.Остатки\(([^)]*)", MODULES[name].replace("\n", " ")):
        if "|" in match[1] or "Склад" in match[1]:
            assert "Склад В (&Склады" in match[1]
    assert not re.search(r"\.Остатки(?:\(\))? КАК", MODULES[name])


@each_module
def test_what_can_fail_at_the_wire_is_caught(name: str) -> None:
    """A transaction is rolled back where it fails, and each body is without a mark of byte order."""
    text = MODULES[name]
    assert text.count("НачатьТранзакцию()") == text.count("ОтменитьТранзакцию()")
    assert text.count("УстановитьТелоИзСтроки(") == text.count("ИспользованиеByteOrderMark.НеИспользовать")


def test_the_page_names_every_object() -> None:
    """What the modules use of the extension is in the table of what to create."""
    used = set(re.findall(r"mpstock_\w+", EVERYTHING)) | set(MODULES)
    assert {name for name in used if f"`{name}`" not in PAGE and f"`{name}." not in PAGE} == set()
    handlers = set(re.findall(r"Процедура (П\w+Запис\w+)\(Источник", EVERYTHING))
    assert handlers == {"ПередЗаписьюДвижений", "ПриЗаписиДвижений", "ПриЗаписиНоменклатуры"}
    assert {name for name in handlers if f"`mpstock_{name}`" not in PAGE} == set()
