"""An explanation is told in the reader's language, down to its last sentence."""

from __future__ import annotations

import ast
import html
import re
import string
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import mpstock
from mpstock.phrases import translated, word
from mpstock.service.dashboard.texts import CATALOGUES, EXPLAINED
from mpstock.service.dashboard.texts.explained import FORMS
from tests.service.dashboard.shops import Front, play

CORE = Path(mpstock.__file__).parent
WORDS = {
    "node: component",
    "node: listing",
    "node: pool",
    "node: reading",
    "decision: stop",
    "decision: zero",
}
"""The words that are no constant where they are said: kinds of nodes, and of decisions."""


def _constants(node: ast.expr, names: dict[str, list[ast.expr]]) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(form)):
            yield form
        case ast.IfExp(body=body, orelse=orelse):
            yield from _constants(body, names)
            yield from _constants(orelse, names)
        case ast.Name(id=name):
            for value in names.get(name, ()):
                yield from _constants(value, names)


def forms() -> set[str]:
    """Return every form that the core makes phrases of."""
    found: set[str] = set()
    for path in CORE.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if "import" not in source or "mpstock.phrases" not in source:
            continue
        for function in ast.walk(ast.parse(source)):
            if not isinstance(function, ast.FunctionDef):
                continue
            names: dict[str, list[ast.expr]] = {}
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    names.setdefault(node.targets[0].id, []).append(node.value)
            for node in ast.walk(function):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id == "phrase"
                ):
                    found.update(_constants(node.args[0], names))
    return found - {""}


def values(form: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(form) if name}


def test_every_sentence_has_a_russian_form() -> None:
    """What the core says in an explanation is in the catalogue, and nothing that it does not say."""
    assert len(forms()) > 60
    assert set(FORMS) == forms() | WORDS


def test_a_russian_form_has_the_same_values() -> None:
    """No number, article or moment is lost in translation, and none is made up."""
    assert [form for form, told in FORMS.items() if values(form) != values(told)] == []


def test_a_stage_is_called_in_the_tree_as_in_the_chain_above_it() -> None:
    """The tree takes the names of stages from the pages' own texts."""
    stages = [key.removeprefix("stage_") for key in CATALOGUES["ru"] if key.startswith("stage_")]
    assert len(stages) > 20
    for stage in stages:
        assert translated(word("stage", stage), EXPLAINED["ru"]) == CATALOGUES["ru"][f"stage_{stage}"]


def tree(page: str) -> str:
    """Return what a product's page tells as a tree, as text."""
    (found,) = re.findall(r'<div class="mpstock-why">(.*?)</div>', page, re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "\n", found))


def pages(folder: Path) -> tuple[str, str]:
    """Return a product's page in both languages: with a hold, a pin, a buffer and a refusal."""

    async def act(front: Front) -> tuple[str, str]:
        await front.log_in()
        await front.shop.hold("корзина-1", "A", 2, expires_in=timedelta(hours=1))
        await front.shop.sync()
        await front.shop.pin(3, skus=["A"], actor="anna", reason="витрина", lasts=timedelta(hours=2))
        front.sink.refuse("A", "код", "не принято", times=-1)
        await front.shop.sync()
        told = [
            (await front.client.get("/product?sku=A", headers={"accept-language": language})).text
            for language in ("en", "ru")
        ]
        return told[0], told[1]

    return play(folder, act)


def test_the_tree_is_in_the_reader_s_language(tmp_path: Path) -> None:
    """A Russian page has no English sentence in it; an English one says what it always said."""
    english, russian = (tree(page) for page in pages(tmp_path))
    assert "what there is" in english
    assert "quantity − reserved − held: 10 − 0 − 2 = 8" in english
    assert "held by carts корзина-1: 2 from main" in english
    assert "количество − резерв − брони: 10 − 0 − 2 = 8" in russian
    assert "фиксация 3" in russian
    assert "витрина" in russian
    # Names of the settings and of what is in them are no words of ours.
    names = {"erp", "shop", "main", "carts", "anna", "standard", "absolute", "percent", "cap"}
    assert set(re.findall(r"\b[a-z]{2,}\b", russian)) <= names | {"manual", "error"}
