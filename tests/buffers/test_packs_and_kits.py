"""The columns `pack` and `components`: what one unit of a listing takes from the stock."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from mpstock.errors import ConfigurationError
from mpstock.inmemory import InMemorySink
from mpstock.products_file import read_products
from tests.reconcile.shops import sink_config

SINKS = {"ozon": sink_config("ozon", InMemorySink()), "wb": sink_config("wb", InMemorySink())}


def recipes(folder: Path, text: str) -> Mapping[tuple[str, str], Mapping[str, int]]:
    path = folder / "products.csv"
    path.write_text(text, encoding="utf-8")
    return read_products(path, SINKS).recipes()


def test_a_pack_takes_so_many_of_its_own_product(tmp_path: Path) -> None:
    """For every sink, or for one."""
    found = recipes(tmp_path, "sku,pack,wb.pack\nTEA,6,\nCUP,,2\nPOT,2,3\n")
    assert found == {
        ("TEA", ""): {"TEA": 6},
        ("CUP", "wb"): {"CUP": 2},
        ("POT", ""): {"POT": 2},
        ("POT", "wb"): {"POT": 3},
    }


def test_a_kit_is_taken_apart_down_to_what_is_no_kit(tmp_path: Path) -> None:
    """Nested kits multiply; a component that comes twice adds up; a pack of kits is a pack."""
    found = recipes(
        tmp_path,
        'sku;components;ozon.pack\nSET;TEA:1 CUP:2;\nGIFT;SET:2 TEA:1;\nBOX;GIFT:1;3\n"A B";"C D:1; E:2";\n',
    )
    assert found[("SET", "")] == {"TEA": 1, "CUP": 2}
    assert found[("GIFT", "")] == {"TEA": 3, "CUP": 4}
    assert found[("BOX", "ozon")] == {"TEA": 9, "CUP": 12}
    assert found[("BOX", "")] == {"TEA": 3, "CUP": 4}
    assert ("SET", "ozon") not in found


def test_articles_with_blanks_are_separated_by_semicolons(tmp_path: Path) -> None:
    """`C D:1; E:2` is two components."""
    assert recipes(tmp_path, 'sku,components\nKIT,"C D:1; E 1:2"\n') == {("KIT", ""): {"C D": 1, "E 1": 2}}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sku,pack\nA,0\n", "products.csv line 2, pack: must be how many units"),
        ("sku,pack\nA,1.5\n", "must be how many units"),
        ("sku,wb.pack\nA,six\n", "line 2, wb.pack: must be how many units"),
        ("sku,components\nA,B\n", "line 2, components: must look like"),
        ("sku,components\nA,B:0\n", "must look like"),
        ("sku,components\nA,B:x\n", "must look like"),
        ("sku,components\nA,B:1 B:2\n", "has B twice"),
        ("sku,components\nA,B:1\nB,A:1\n", "go round in a circle: A → B → A"),
        ("sku,components\nA,A:2\n", "go round in a circle: A → A"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    """Line, column and mend."""
    with pytest.raises(ConfigurationError) as error:
        recipes(tmp_path, text)
    assert told in str(error.value)


def test_a_row_that_changes_its_pack_has_another_fingerprint(tmp_path: Path) -> None:
    """So that its product is planned anew."""
    path = tmp_path / "products.csv"
    found = []
    for size in (6, 12):
        path.write_text(f"sku,pack\nTEA,{size}\n", encoding="utf-8")
        found.append(read_products(path, SINKS).fingerprint("TEA"))
    assert found[0] != found[1]
