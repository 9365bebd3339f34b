"""The samples that were gathered from live infobases and public tests, read in place."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from mpstock import Level
from mpstock.errors import RejectedError, TransientError
from mpstock_onec.odata_body import ErrorInBodyError, rows
from mpstock_onec.odata_errors import read_error
from tests.onec_odata.world import Canned, Source
from tests.specs import shared

EDM = 'xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"'


def sample(name: str) -> bytes:
    path = shared() / "samples/onec/odata" / name
    if not path.is_file():
        pytest.skip(f"the sample is missing: {path}")
    return path.read_bytes()


def publication(register: str, warehouses: str) -> bytes:
    """A `$metadata` that says nothing of the fields, so that the usual names are taken."""
    sets = "".join(
        f'<EntitySet Name="{name}" EntityType="StandardODATA.{name}"/>'
        for name in (f"AccumulationRegister_{register}", "Catalog_Номенклатура", f"Catalog_{warehouses}")
    )
    text = f"<edmx:Edmx {EDM}><Schema><EntityContainer>{sets}</EntityContainer></Schema></edmx:Edmx>"
    return text.encode()


@pytest.mark.parametrize(
    ("name", "preset", "register", "warehouses", "product", "warehouse", "expected"),
    [
        (
            "balance_trade_public_test.json", "retail2", "ТоварыНаСкладах", "Склады",
            "22222222-2222-2222-2222-222222222222", "44444444-4444-4444-4444-444444444444", 7,
        ),
        (
            "balance_unf_public_test.json", "unf", "ЗапасыНаСкладах", "СтруктурныеЕдиницы",
            "22222222-2222-2222-2222-222222222222", "00000000-0000-0000-0000-000000000006", 3,
        ),
        (
            "balance_ut11_composed_strings.json", "ut11", "ТоварыНаСкладах", "Склады",
            "cbcf4968-55bc-11d9-848a-00112f43529a", "03ce4b6e-3ff7-11e0-af05-0015e9b8c48d", 9,
        ),
    ],
)  # fmt: skip
def test_balances_are_read(
    name: str, preset: str, register: str, warehouses: str, product: str, warehouse: str, expected: int
) -> None:
    """Each balance gives its level: 7; 3.5 rounded down; 12 on hand less "3" to be shipped, told as text."""
    service = Canned(
        **{
            "$metadata": publication(register, warehouses),
            "/Balance(": sample(name),
            f"Catalog_{warehouses}": [{"Ref_Key": warehouse, "Description": "main"}],
            "Catalog_Номенклатура": [{"Ref_Key": product, "Артикул": "A-1", "DeletionMark": False}],
        }
    )
    # The public test's register has no reserve in it.
    source = Source(httpx.MockTransport(service), preset=preset, reserved_resource="")
    found = source.read()
    assert found.levels == [Level("A-1", "main", expected)]
    assert found.last.complete
    assert found.last.absent == "zero"


def test_inline_count_is_no_row() -> None:
    """A list of no rows with a count, told as text, has no rows."""
    assert list(rows(sample("inlinecount.json"))) == []


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("error_8.json", "8", '"CatalogПоставщики" entity is not found'),
        ("error_9.json", "9", "Экземпляр сущности не найден"),
        ("error_13.json", "13", "Cоздание строк табличной части напрямую не поддерживается"),
        ("error_14.json", "14", "Error parsing $filter query option"),
        ("error_minus1_http500.json", "-1", "Произошла внутренняя ошибка OData сервиса"),
        ("error_atom.xml", "0", "Произошла ошибка сервиса"),
    ],
)
def test_errors_are_told_in_their_own_words(name: str, code: str, text: str) -> None:
    """JSON or XML, Russian or English: the code is text, the words pass unharmed."""
    body = sample(name)
    said = read_error(b"\xef\xbb\xbf" + body)
    assert (said.code, said.text[: len(text)]) == (code, text)
    if name.endswith("json"):
        with pytest.raises(ErrorInBodyError, match=re.escape(text)):
            list(rows(body))


@pytest.mark.parametrize(
    ("name", "status", "error", "says"),
    [
        ("error_8.json", 404, RejectedError, "entity is not found.*автоматического REST-сервиса"),
        ("error_14.json", 400, RejectedError, r"Error parsing \$filter"),
        ("error_minus1_http500.json", 500, TransientError, "внутренняя ошибка.*журнал регистрации"),
        ("error_atom.xml", 400, RejectedError, "Произошла ошибка сервиса"),
    ],
)
def test_errors_become_ours(name: str, status: int, error: type[Exception], says: str) -> None:
    """An error answer is an exception that says what may be done."""
    service = Canned(**{"$metadata": httpx.Response(status, content=sample(name))})
    with pytest.raises(error, match=says):
        Source(httpx.MockTransport(service)).read()


def test_every_sample_is_tested() -> None:
    """No file of the folder is left out."""
    folder: Path = shared() / "samples/onec/odata"
    here = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in folder.glob("*") if path.name not in here] == []


def test_fractions_are_exact() -> None:
    """3.5 is three and a half, not the nearest double."""
    (row,) = rows(sample("balance_unf_public_test.json"))
    assert row["КоличествоBalance"] == Decimal("3.5")
    assert isinstance(row["КоличествоBalance"], Decimal)
