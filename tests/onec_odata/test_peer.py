"""A client that other people wrote against real infobases reads our double without complaint.

It is no dependency of the project: `pip install python-1c-odata` brings it, else these are skipped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from mpstock.simulation import serve
from mpstock_onec.simulator_odata import OdataSimulator
from tests.onec_odata.world import PASSWORD, USER

pytestmark = [
    pytest.mark.slow,
    # What the client's own code is warned of is not ours to mend.
    pytest.mark.filterwarnings("ignore"),
]
REGISTER = "ТоварыНаСкладах"


@pytest.fixture(params=["ut11", "retail2", "ut103"])
def base(request: pytest.FixtureRequest) -> OdataSimulator:
    levels = {(f"SKU-{number}", "main"): number for number in range(1, 26)}
    levels["SKU-1", "Склад № 2"] = 100
    return OdataSimulator(levels, configuration=request.param)


@pytest.fixture
def ask(base: OdataSimulator) -> Iterator[Callable[[Callable[[Any], Coroutine[Any, Any, Any]]], Any]]:
    """Run a question to the client over real HTTP."""
    client: Any = pytest.importorskip("python_1c_odata", reason="the client python-1c-odata is not installed")
    with serve(base) as (url,):

        async def asking(question: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
            async with client.Infobase(url, "trade", USER, PASSWORD) as infobase:
                return await question(infobase)

        yield lambda question: asyncio.run(asking(question))


def test_it_reads_a_balance(base: OdataSimulator, ask: Any) -> None:
    """The balance as a function, with a moment and with fields chosen."""
    import python_1c_odata as client  # type: ignore[import-not-found,unused-ignore]

    quantity = f"{base.infobase.configuration.quantity}Balance"

    async def question(infobase: Any) -> Any:
        register = client.AccumulationRegister(infobase, REGISTER)
        return await register.balance("2026-01-12T00:00:00", select=f"Номенклатура_Key,{quantity}")

    rows = ask(question)["value"]
    assert len(rows) == 26
    assert sum(row[quantity] for row in rows) == sum(range(1, 26)) + 100
    assert set(rows[0]) == {"Номенклатура_Key", quantity}


def test_it_walks_over_a_catalogue(base: OdataSimulator, ask: Any) -> None:
    """Page by page in the order of references, by a condition, and by a count with a byte order mark."""
    import python_1c_odata as client  # type: ignore[import-not-found,unused-ignore]

    async def question(infobase: Any) -> Any:
        catalogue = client.Catalog(infobase, "Номенклатура")
        pages = catalogue.iterate(
            page_size=10, select="Ref_Key,Артикул", odata_filter="IsFolder eq false", orderby="Ref_Key"
        )
        rows = [row async for row in pages]
        (one,) = (await catalogue.query(odata_filter="Артикул eq 'SKU-7'", inlinecount=True)).value
        return rows, one, await catalogue.count()

    rows, one, count = ask(question)
    assert sorted(row["Артикул"] for row in rows) == sorted(f"SKU-{number}" for number in range(1, 26))
    assert one["Ref_Key"] == base.infobase.of_sku("SKU-7")[0]
    assert count == 25


def test_it_understands_the_description(base: OdataSimulator, ask: Any) -> None:
    """`$metadata` lists what is published, with the fields of each."""

    async def question(infobase: Any) -> Any:
        return await infobase.entity_sets(), await infobase.entity_type_for_set("Catalog_Номенклатура")

    names, product = ask(question)
    assert base.published <= set(names)
    assert product.keys == ("Ref_Key",)
    assert {"Артикул", "DeletionMark", "IsFolder"} <= {field.name for field in product.properties}


@pytest.mark.parametrize("xml", [False, True])
def test_it_understands_an_error(base: OdataSimulator, ask: Any, xml: bool) -> None:
    """In JSON and in XML: its class, its code and its words."""
    import python_1c_odata as client  # type: ignore[import-not-found,unused-ignore]

    base.xml_errors = xml

    async def question(infobase: Any) -> Any:
        return await client.Catalog(infobase, "НетТакого").query(top=1)

    with pytest.raises(client.EntityNotFound) as caught:
        ask(question)
    assert str(caught.value.internal_code) == "8"
    assert "НетТакого" in caught.value.message
