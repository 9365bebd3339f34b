"""The double behaves as 1C's documents say."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from mpstock_onec.simulator_odata import OdataSimulator
from mpstock_onec.simulator_odata_filter import FilterError, parse
from mpstock_onec.simulator_odata_world import EMPTY_REF
from tests.onec_odata.world import PASSWORD, USER

REGISTER = "AccumulationRegister_ТоварыНаСкладах"
ROOT = "/trade/odata/standard.odata/"


class Client:
    """Sends what it is told, as it is told."""

    def __init__(self, levels: dict[Any, Any] | None = None, **options: Any) -> None:
        self.base = OdataSimulator(
            levels or {("A", "main"): 5, ("B", "main"): "2.5", ("A", "x"): 1}, **options
        )

    def get(
        self, path: str, query: str = "$format=json", *, auth: bool = True, **headers: str
    ) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.base)
            basic = httpx.BasicAuth(USER.encode(), PASSWORD.encode()) if auth else None
            async with httpx.AsyncClient(transport=transport, auth=basic) as client:
                return await client.get(f"http://erp{ROOT}{path}?{query}", headers=headers)

        return asyncio.run(go())

    def rows(self, path: str, query: str = "$format=json") -> list[dict[str, Any]]:
        answer = self.get(path, query)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["value"]
        return rows

    def refused(self, path: str, query: str = "$format=json") -> tuple[int, str]:
        answer = self.get(path, query)
        return answer.status_code, answer.json()["odata.error"]["code"]


def test_a_balance_has_all_dimensions_or_those_that_are_named() -> None:
    """Without `Dimensions` all of them; resources have the suffix Balance; Int64 is text, Double a number."""
    client = Client()
    client.base.set_resource("A", "КОтгрузке", 3)
    for path in (f"{REGISTER}/Balance", f"{REGISTER}/Balance()"):
        rows = client.rows(path)
        assert len(rows) == 3
        assert set(rows[0]) == {
            "Номенклатура_Key", "Характеристика_Key", "Склад_Key",
            "Назначение_Key", "Помещение_Key", "Серия_Key",
            "ВНаличииBalance", "КОтгрузкеBalance",
        }  # fmt: skip
    by_product = client.rows(f"{REGISTER}/Balance(Dimensions='Номенклатура')")
    assert [(row["ВНаличииBalance"], row["КОтгрузкеBalance"]) for row in by_product] == [(6, "3"), (2.5, "0")]
    assert len(client.rows(f"{REGISTER}/Balance(Dimensions='')")) == 3


def test_a_balance_has_no_rows_of_zero() -> None:
    """What came to nothing is not there."""
    client = Client()
    client.base.set_level("A", 0)
    client.base.set_level("A", 0, "x")
    assert len(client.rows(f"{REGISTER}/Balance(Dimensions='Номенклатура')")) == 1


def test_a_condition_is_a_text_with_doubled_quotes() -> None:
    """Undoubled ones end the text too early."""
    client = Client()
    ref = client.base.warehouse("x")
    assert len(client.rows(f"{REGISTER}/Balance(Condition='Склад_Key eq guid''{ref}''')")) == 1
    assert client.refused(f"{REGISTER}/Balance(Condition='Склад_Key eq guid'{ref}'')")[0] == 400


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        (f"{REGISTER}_Balance", "$format=json", (404, "8")),
        ("Catalog_Нет", "$format=json", (404, "8")),
        (f"{REGISTER}/Остатки()", "$format=json", (404, "11")),
        ("Catalog_Номенклатура/Balance()", "$format=json", (404, "11")),
        (f"{REGISTER}/Balance(Склад='x')", "$format=json", (501, "0")),
        (f"{REGISTER}/Balance(Dimensions='Полка')", "$format=json", (400, "21")),
        (f"{REGISTER}/Balance(Period='вчера')", "$format=json", (400, "21")),
        (f"{REGISTER}/Balance(Period=datetime'2026-13-01T00:00:00')", "$format=json", (400, "21")),
        (f"{REGISTER}/Balance()", "$format=json&$skip=1", (400, "14")),
        (f"{REGISTER}/Balance()", "$format=json&$orderby=Ref_Key", (400, "14")),
        ("Catalog_Номенклатура", "$format=json&$select=Цвет", (400, "10")),
        ("Catalog_Номенклатура", "$format=json&$filter=IsFolder+eq+false", (400, "14")),
        ("Catalog_Номенклатура", "$format=json&$filter=Цвет%20eq%201", (400, "14")),
        ("Catalog_Номенклатура", "$format=json&$top=много", (400, "14")),
        ("$metadata", "$format=json", (406, "3")),
    ],
)
def test_what_1c_refuses_is_refused(path: str, query: str, expected: tuple[int, str]) -> None:
    """With its status and its code, which is text. A plus sign is no blank."""
    assert Client().refused(path, query) == expected


def test_a_register_as_a_list_is_no_balance() -> None:
    """It has movements by their documents."""
    assert Client().rows(REGISTER) == []
    answer = Client().get(REGISTER, "$format=json&$select=Recorder,RecordSet")
    assert answer.status_code == 200


def test_filter_and_order_work_on_the_result_of_a_balance() -> None:
    """By its own fields."""
    client = Client()
    options = {"$filter": "ВНаличииBalance gt 1", "$orderby": "ВНаличииBalance desc", "$top": "1"}
    query = "&".join(["$format=json", *(f"{name}={quote(value)}" for name, value in options.items())])
    (row,) = client.rows(f"{REGISTER}/Balance()", query)
    assert row["ВНаличииBalance"] == 5


def test_a_list_without_an_order_comes_in_any() -> None:
    """Paging without `$orderby` repeats some rows and misses others."""
    client = Client({(f"SKU-{number}", "main"): 1 for number in range(20)})
    first = [row["Ref_Key"] for row in client.rows("Catalog_Номенклатура")]
    assert [row["Ref_Key"] for row in client.rows("Catalog_Номенклатура")] != first
    ordered = [row["Ref_Key"] for row in client.rows("Catalog_Номенклатура", "$format=json&$orderby=Ref_Key")]
    assert ordered == sorted(first)
    page = client.rows(
        "Catalog_Номенклатура", "$format=json&$orderby=Ref_Key&$skip=15&$top=10&$select=Ref_Key"
    )
    assert page == [{"Ref_Key": ref} for ref in ordered[15:]]


def test_counts() -> None:
    """`/$count` has a byte order mark; `$inlinecount` is text and lets `$top` be ignored."""
    client = Client()
    answer = client.get("Catalog_Номенклатура/$count", "")
    assert answer.content == b"\xef\xbb\xbf2"
    data = client.get("Catalog_Номенклатура", "$format=json&$inlinecount=allpages&$top=1").json()
    assert data["odata.count"] == "2"
    assert len(data["value"]) == 2


def test_the_form_of_an_error_follows_what_was_asked_for() -> None:
    """XML unless JSON is asked for, by `$format` or `Accept`; and always XML with the switch."""
    client = Client()
    assert client.get("Catalog_Нет", "").text.startswith("<?xml")
    assert client.get("Catalog_Нет", "", accept="application/json").json()["odata.error"]["code"] == "8"
    client.base.xml_errors = True
    assert "<m:code>8</m:code>" in client.get("Catalog_Нет").text


def test_the_web_server_answers_before_1c() -> None:
    """No publication, a long address, no password: pages and no OData."""
    client = Client()
    assert client.get("Catalog_Склады", auth=False).status_code == 401
    client.base.max_url = 40
    assert client.get("Catalog_Склады").status_code == 414
    client.base.long_url = "iis"
    answer = client.get("Catalog_Склады")
    assert (answer.status_code, "404.15" in answer.text) == (404, True)
    client.base.max_url = None
    client.base.fail("unpublished", times=1)
    assert client.get("Catalog_Склады", auth=False).headers["content-type"].startswith("text/html")
    assert client.get("Catalog_Склады").status_code == 200


def test_rights_row_by_row() -> None:
    """401 with code 20, unless only what is allowed is asked for, or a condition leaves the rest out."""
    client = Client()
    client.base.restricted = {"B"}
    assert client.refused("Catalog_Номенклатура") == (401, "20")
    assert client.refused(f"{REGISTER}/Balance()") == (401, "20")
    assert len(client.rows("Catalog_Номенклатура", "$format=json&allowedOnly=true")) == 1
    assert len(client.rows(f"{REGISTER}/Balance()", "$format=json&allowedOnly=true")) == 2
    ref, _ = client.base.infobase.of_sku("A")
    assert len(client.rows("Catalog_Номенклатура", f"$format=json&$filter=Ref_Key%20eq%20guid'{ref}'")) == 1
    assert len(client.rows(f"{REGISTER}/Balance(Condition='Номенклатура_Key eq guid''{ref}''')")) == 2


def test_levels_are_set_and_removed() -> None:
    """The world of the double: what is set is there, what is removed is gone, variants are apart."""
    base = OdataSimulator({("A", "main"): "1.5"})
    base.add_variant("A-42", "A", "42")
    base.set_level("A-42", 7, "x")
    assert base.levels == {("A", "main"): 1.5, ("A-42", "x"): 7}
    base.remove("A")
    assert base.levels == {("A-42", "x"): 7}
    with pytest.raises(ValueError, match="no quantity"):
        base.set_level("A", "много")
    with pytest.raises(ValueError, match="no trouble"):
        base.fail("flood")  # type: ignore[arg-type]


ROW = {"Ref_Key": EMPTY_REF, "Code": "it's", "Счет": 5, "DeletionMark": False, "Владелец": EMPTY_REF}
ROW |= {"Владелец_Type": "StandardODATA.Catalog_A"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        (f"Ref_Key eq guid'{EMPTY_REF}'", True),
        (f"Ref_Key ne guid'{EMPTY_REF}'", False),
        ("Code eq 'it''s'", True),
        ("Счет gt 4 and Счет lt 6", True),
        ("Счет gt 5 or Счет le 4", False),
        ("not (Счет eq 5)", False),
        ("Счет ge 5 and (Счет eq 1 or DeletionMark eq false)", True),
        ("Счет eq 1 or Счет eq 2 and DeletionMark eq false", False),
        (f"Владелец eq guid'{EMPTY_REF}'", False),
        (f"Владелец eq cast(guid'{EMPTY_REF}', 'Catalog_A')", True),
        (f"Владелец eq cast(guid'{EMPTY_REF}', 'Catalog_B')", False),
        ("Code gt 3", False),
    ],
)
def test_conditions_are_read(text: str, holds: bool) -> None:
    """A field of several types equals a reference only with a cast (17.4.5.2)."""
    assert parse(text, ROW.__contains__)(ROW) is holds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Счет",
        "Счет eq",
        "Счет eq 5 and",
        "Счет is 5",
        "(Счет eq 5",
        "Счет eq 5)",
        "Счет eq guid'x'",
        "Нет eq 1",
        "Счет+eq+5",
    ],
)
def test_conditions_that_are_none_are_refused(text: str) -> None:
    """As 1C does with code 14."""
    with pytest.raises(FilterError):
        parse(text, ROW.__contains__)
