"""The double's `$metadata`: EDMX as 1C writes it, the balance as a function bound to its register."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.sax.saxutils import quoteattr

from mpstock_onec.simulator_odata_world import Configuration

__all__ = ["catalogue_fields", "metadata", "register_fields"]

_CATALOGUE = {
    "Ref_Key": "Edm.Guid",
    "DataVersion": "Edm.String",
    "DeletionMark": "Edm.Boolean",
    "Parent_Key": "Edm.Guid",
    "IsFolder": "Edm.Boolean",
    "Code": "Edm.String",
    "Description": "Edm.String",
}
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<edmx:Edmx Version="1.0" '
    'xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"><edmx:DataServices '
    'xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" m:DataServiceVersion="3.0" '
    'm:MaxDataServiceVersion="3.0"><Schema Namespace="StandardODATA" '
    'xmlns="http://schemas.microsoft.com/ado/2009/11/edm">'
)
_TAIL = "</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"


def catalogue_fields(kind: str) -> dict[str, str]:
    """The fields of a catalogue and their types."""
    if kind == "Номенклатура":
        return {**_CATALOGUE, "Артикул": "Edm.String", "ВидНоменклатуры_Key": "Edm.Guid"}
    if kind == "ХарактеристикиНоменклатуры":
        return {
            **{name: _CATALOGUE[name] for name in ("Ref_Key", "DeletionMark", "Code", "Description")},
            "Owner": "Edm.String",
            "Owner_Type": "Edm.String",
        }
    return dict(_CATALOGUE)


def barcode_fields(configuration: Configuration) -> dict[str, str]:
    """The fields of the register of barcodes."""
    owner = (
        {"Владелец": "Edm.String", "Владелец_Type": "Edm.String"}
        if "Владелец" in configuration.composite
        else {"Номенклатура_Key": "Edm.Guid"}
    )
    return {
        "Штрихкод": "Edm.String",
        **owner,
        f"{configuration.characteristic}_Key": "Edm.Guid",
        "Упаковка_Key": "Edm.Guid",
    }


def register_fields(configuration: Configuration, suffix: str = "") -> dict[str, str]:
    """The fields of the register's records or, with the suffix, of its balance."""
    fields: dict[str, str] = {}
    for name in configuration.dimensions:
        if name in configuration.composite:
            fields |= {name: "Edm.String", f"{name}_Type": "Edm.String"}
        else:
            fields[f"{name}_Key"] = "Edm.Guid"
    return fields | {f"{name}{suffix}": kind for name, kind in configuration.resources.items()}


def metadata(configuration: Configuration, published: Iterable[str]) -> bytes:
    """Write the document for the lists that are published."""
    names = sorted(published)
    register = f"AccumulationRegister_{configuration.register}"
    types: list[str] = []
    sets: list[str] = []
    for name in names:
        sets.append(f"<EntitySet Name={quoteattr(name)} EntityType={quoteattr(f'StandardODATA.{name}')}/>")
        if name == register:
            head = {"Recorder": "Edm.String", "Recorder_Type": "Edm.String"}
            rows = f"Collection(StandardODATA.{register}_RowType)"
            types.append(_type("EntityType", name, {**head, "RecordSet": rows}, list(head)))
            records = f"{name}_RecordType"
            sets.append(
                f"<EntitySet Name={quoteattr(records)} EntityType={quoteattr(f'StandardODATA.{records}')}/>"
            )
            record = {
                **head,
                "LineNumber": "Edm.Int64",
                "Period": "Edm.DateTime",
                **register_fields(configuration),
            }
            types.append(_type("EntityType", records, record, [*head, "LineNumber"]))
            types.append(_type("ComplexType", f"{name}_RowType", record))
            types.append(_type("ComplexType", f"{name}_Balance", register_fields(configuration, "Balance")))
            for function, periods in (("Balance", ("Period",)), ("Turnovers", ("StartPeriod", "EndPeriod"))):
                sets.append(_function(function, name, f"{name}_Balance", periods))
        elif name.startswith("Catalog_"):
            fields = catalogue_fields(name.removeprefix("Catalog_"))
            types.append(_type("EntityType", name, fields, ["Ref_Key"], navigation="Parent"))
        elif name.startswith("AccumulationRegister_"):
            types.append(_type("EntityType", name, {"Recorder": "Edm.String"}, ["Recorder"]))
            types.append(_type("ComplexType", f"{name}_Turnovers", {"КоличествоTurnover": "Edm.Double"}))
            sets.append(_function("Turnovers", name, f"{name}_Turnovers", ("StartPeriod", "EndPeriod")))
        else:
            types.append(_type("EntityType", name, barcode_fields(configuration), ["Штрихкод"]))
    container = '<EntityContainer Name="StandardODATA" m:IsDefaultEntityContainer="true">'
    return f"{_HEAD}{''.join(types)}{container}{''.join(sets)}{_TAIL}".encode()


def _type(
    tag: str, name: str, fields: Mapping[str, str], keys: Iterable[str] = (), navigation: str = ""
) -> str:
    key = "".join(f"<PropertyRef Name={quoteattr(one)}/>" for one in keys)
    properties = "".join(
        f'<Property Name={quoteattr(field)} Type="{kind}" Nullable="true"/>' for field, kind in fields.items()
    )
    relation = quoteattr(f"StandardODATA.{name}_{navigation}")
    link = (
        f'<NavigationProperty Name="{navigation}" Relationship={relation} ToRole="End" FromRole="Begin"/>'
        if navigation
        else ""
    )
    return f"<{tag} Name={quoteattr(name)}>{f'<Key>{key}</Key>' if key else ''}{properties}{link}</{tag}>"


def _function(name: str, register: str, returned: str, periods: Iterable[str]) -> str:
    parameters = "".join(f'<Parameter Name="{period}" Type="Edm.DateTime"/>' for period in periods)
    return (
        f'<FunctionImport Name="{name}" IsBindable="true" IsSideEffecting="false" '
        f"ReturnType={quoteattr(f'Collection(StandardODATA.{returned})')}>"
        f'<Parameter Name="bindingParameter" Type={quoteattr(f"StandardODATA.{register}")}/>'
        '<Parameter Name="Condition" Type="Edm.String"/><Parameter Name="Dimensions" Type="Edm.String"/>'
        f"{parameters}</FunctionImport>"
    )
