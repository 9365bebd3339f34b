"""`$metadata`, and the settings held against it."""

from __future__ import annotations

from typing import Any

import pytest

from mpstock.rows import MalformedError
from mpstock_onec import odata_metadata
from mpstock_onec.odata_metadata import Schema, SchemaReader
from mpstock_onec.odata_plan import Reference, make_plan
from mpstock_onec.simulator_odata_metadata import metadata
from mpstock_onec.simulator_odata_world import CONFIGURATIONS
from tests.onec_odata.world import settings

REGISTER = "AccumulationRegister_ТоварыНаСкладах"
PUBLISHED = (
    REGISTER,
    "AccumulationRegister_ВыручкаИСебестоимостьПродаж",
    "Catalog_Номенклатура",
    "Catalog_Склады",
    "Catalog_ХарактеристикиНоменклатуры",
    "InformationRegister_ШтрихкодыНоменклатуры",
)


def schema_of(body: bytes) -> Schema:
    reader = SchemaReader(body)
    for _ in reader.steps():
        pass
    return reader.schema()


def schema(
    configuration: str = "ut11", *, without: tuple[str, ...] = (), more: tuple[str, ...] = ()
) -> Schema:
    names = [name for name in (*PUBLISHED, *more) if name not in without]
    return schema_of(metadata(CONFIGURATIONS[configuration], names))


def lacks(found: Schema, **changed: Any) -> dict[str, str]:
    """What is lacking, by setting."""
    return {lack.setting: str(lack) for lack in make_plan(settings(**changed), found)[1]}


@pytest.mark.parametrize("step", [7, 1000, 2**20])
def test_the_document_is_read_in_pieces(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is cut, lists, fields and the balances bound to their registers are the same."""
    monkeypatch.setattr(odata_metadata, "_STEP", step)
    found = schema()
    assert found.entities["Catalog_Склады"]["Description"] == "Edm.String"
    assert found.balances[REGISTER]["КОтгрузкеBalance"] == "Edm.Int64"
    assert found.functions["AccumulationRegister_ВыручкаИСебестоимостьПродаж"] == {"Turnovers"}
    assert REGISTER in found.functions
    assert "AccumulationRegister_ВыручкаИСебестоимостьПродаж" not in found.balances


def test_a_function_bound_to_records_is_the_register_s() -> None:
    """1C binds some functions to the list of records, `…_RecordType`."""
    text = metadata(CONFIGURATIONS["ut11"], PUBLISHED).decode()
    bound = f'Name="bindingParameter" Type="StandardODATA.{REGISTER}"'
    found = schema_of(text.replace(bound, bound.replace(REGISTER, f"{REGISTER}_RecordType")).encode())
    assert "ВНаличииBalance" in found.balances[REGISTER]


@pytest.mark.parametrize(
    "wrong",
    [
        b"<html><body>1C</body></html>",
        b"not xml",
        b"",
        b'<!DOCTYPE edmx [<!ENTITY a "aaaa">]><edmx:Edmx xmlns:edmx="x">&a;</edmx:Edmx>',
        metadata(CONFIGURATIONS["ut11"], PUBLISHED)[:-200],
    ],
)
def test_what_is_no_description_is_refused(wrong: bytes) -> None:
    """A page, a cut document, and anything with entities of its own."""
    with pytest.raises(MalformedError, match=r"\$metadata"):
        schema_of(wrong)


def test_outside_files_are_not_read(tmp_path: Any) -> None:
    """An entity of a file is refused before anybody looks at it."""
    secret = tmp_path / "secret.txt"
    secret.write_text("tell nobody")
    text = (
        f'<!DOCTYPE a [<!ENTITY s SYSTEM "file://{secret}">]><edmx:Edmx xmlns:edmx="x"><a>&s;</a></edmx:Edmx>'
    )
    with pytest.raises(MalformedError) as caught:
        schema_of(text.encode())
    assert "tell nobody" not in str(caught.value)


@pytest.mark.parametrize("preset", CONFIGURATIONS)
@pytest.mark.parametrize("sku", ["{article}", "{article}[-{characteristic}]", "{code}", "{barcode}"])
def test_every_preset_fits_its_configuration(preset: str, sku: str) -> None:
    """What a preset names is what the configuration of that name publishes."""
    named = CONFIGURATIONS[preset]
    published = (
        f"AccumulationRegister_{named.register}",
        f"Catalog_{named.warehouse[1]}",
        f"InformationRegister_{named.barcodes}",
    )
    found = schema(preset, more=published)
    plan, lacking = make_plan(settings(preset=preset, sku=sku), found)
    assert lacking == []
    assert plan.quantity == f"{named.quantity}Balance"
    assert len(plan.dimensions) == (2 if sku in ("{article}", "{code}") else 3)
    assert (plan.barcodes is not None) is (sku == "{barcode}")


def test_an_unpublished_register_is_named_with_its_neighbours_and_the_place_to_publish_it() -> None:
    """The error says what is there, what is near, and where in 1C the register is switched on."""
    told = lacks(schema(), register="ТоварыНаСкладе")["register"]
    assert "AccumulationRegister_ТоварыНаСкладе is not published" in told
    assert "there is ТоварыНаСкладах" in told
    assert "Настройка автоматического REST-сервиса" in told
    told = lacks(schema(without=(REGISTER,)))["register"]
    assert "the registers there are: ВыручкаИСебестоимостьПродаж" in told


def test_free_balances_that_were_removed_are_told_so() -> None:
    """УТ 11.5.7 has no СвободныеОстатки any more; the mend is another preset, and no publishing helps."""
    told = lacks(schema(), preset="ut11_free")["register"]
    assert "removed in УТ 11.5.7" in told
    assert 'preset = "ut11"' in told


def test_a_register_of_turnovers_has_no_balance() -> None:
    """It is published, and still not what is asked for."""
    told = lacks(schema(), register="ВыручкаИСебестоимостьПродаж")["register"]
    assert "keeps turnovers and has no balance" in told


@pytest.mark.parametrize(
    ("changed", "setting", "says"),
    [
        ({"quantity_resource": "ВНаличие"}, "quantity_resource", "no resource ВНаличие.*there is ВНаличии"),
        ({"quantity_resource": "Штук"}, "quantity_resource", "the resources there are: ВНаличии, КОтгрузке"),
        ({"reserved_resource": "Резерв"}, "reserved_resource", "no resource Резерв"),
        ({"subtract_resources": ("КОтгрузки",)}, "subtract_resources", "there is КОтгрузке"),
        ({"warehouse_dimension": "Склады"}, "warehouse_dimension", "no dimension Склады.*there is Склад"),
        ({"product_dimension": "Товар"}, "product_dimension", "the dimensions there are: Номенклатура"),
        (
            {"characteristic_dimension": "Хар", "sku": "{article}[-{characteristic}]"},
            "characteristic_dimension",
            "no dimension Хар",
        ),
        ({"product_catalogue": "Товары"}, "product_catalogue", "Catalog_Товары is not published"),
        ({"warehouse_catalogue": "Склад"}, "warehouse_catalogue", "there is Склады"),
        ({"article_property": "Артикль"}, "article_property", "no field Артикль.*there is Артикул"),
        ({"barcode_register": "Штрих", "sku": "{barcode}"}, "barcode_register", "is not published"),
    ],
)
def test_each_wrong_name_is_told_with_what_is_there(changed: dict[str, Any], setting: str, says: str) -> None:
    """A name that the publication does not have is told under its setting, with the nearest right ones."""
    import re

    told = lacks(schema(), **changed)
    assert list(told) == [setting]
    assert re.search(says, told[setting])


def test_what_is_not_needed_need_not_be_published() -> None:
    """Without a characteristic or barcode in the sku their lists are not asked for."""
    few = schema(without=("Catalog_ХарактеристикиНоменклатуры", "InformationRegister_ШтрихкодыНоменклатуры"))
    assert lacks(few) == {}
    assert set(lacks(few, sku="{article}[-{characteristic}]")) == {"characteristic_catalogue"}
    assert set(lacks(few, sku="{barcode}")) == {"barcode_register"}


def test_a_dimension_of_several_types_has_another_name() -> None:
    """`Владелец` with `Владелец_Type`, where a reference of one type is `Владелец_Key`."""
    found = schema("ut103", more=("InformationRegister_Штрихкоды",))
    plan, _ = make_plan(settings(preset="ut103", sku="{barcode}"), found)
    assert plan.barcodes is not None
    assert plan.barcodes.product == Reference("Владелец", "Catalog_Номенклатура", composite=True)
    assert plan.barcodes.characteristic == "ХарактеристикаНоменклатуры_Key"


def test_groups_are_left_out_only_where_there_are_any() -> None:
    """A catalogue without groups has no IsFolder, and a condition on it is an error."""
    flat = Schema(
        {**schema().entities, "Catalog_Номенклатура": {"Ref_Key": "Edm.Guid", "Артикул": "Edm.String"}}
    )
    assert make_plan(settings(), schema())[0].product_filter == "IsFolder eq false"
    assert make_plan(settings(), flat)[0].product_filter == ""


def test_a_document_that_says_nothing_of_the_balance_forbids_nothing() -> None:
    """Where only the lists are told, the usual names are taken and 1C itself will say what it lacks."""
    plan, lacking = make_plan(settings(), Schema({name: {} for name in schema().entities}))
    assert lacking == []
    assert plan.balance_fields == ["Номенклатура_Key", "Склад_Key", "ВНаличииBalance", "КОтгрузкеBalance"]
