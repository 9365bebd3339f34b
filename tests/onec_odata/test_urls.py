"""Addresses, as they go over the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import unquote, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from mpstock_onec.odata_urls import Address, any_of, both, datetime_literal, text_literal

REF = "03ce4b6e-3ff7-11e0-af05-0015e9b8c48d"
ADDRESS = Address("http://erp.local/trade")
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


def test_names_are_percent_encoded_as_utf_8() -> None:
    """Cyrillic names are UTF-8 in percent signs, blanks are %20, and no plus sign stands for one."""
    url = ADDRESS.entities(
        "Catalog_Склады", ["Ref_Key"], condition="IsFolder eq false", order="Ref_Key", top=10
    )
    assert url == (
        "http://erp.local/trade/odata/standard.odata/Catalog_%D0%A1%D0%BA%D0%BB%D0%B0%D0%B4%D1%8B"
        "?$format=json&$select=Ref_Key&$filter=IsFolder%20eq%20false&$orderby=Ref_Key&$top=10&$skip=0"
    )


def test_the_balance_s_condition_is_an_argument_with_doubled_quotes() -> None:
    """Condition, moment and dimensions are arguments of the function, and no `$filter`."""
    at = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)
    condition = any_of("Склад_Key", [REF])
    url = unquote(
        ADDRESS.balance(
            "AccumulationRegister_Р", ["Номенклатура", "Склад"], ["a"], condition=condition, at=at
        )
    )
    assert url.endswith(
        "AccumulationRegister_Р/Balance(Period=datetime'2026-01-12T09:00:00',"
        f"Condition='Склад_Key eq guid''{REF}''',Dimensions='Номенклатура,Склад')?$format=json&$select=a"
    )


def test_a_field_of_several_types_is_compared_with_a_cast() -> None:
    """Without the cast 1C finds nothing."""
    assert any_of("Склад", [REF], "Catalog_Склады") == f"Склад eq cast(guid'{REF}', 'Catalog_Склады')"


def test_a_moment_is_written_as_its_own_clock_shows_it() -> None:
    """1C's times have no zone: 09:00 UTC is 12:00 in Moscow, and so it is written."""
    moscow = datetime(2026, 1, 12, 9, 0, tzinfo=UTC).astimezone(timezone(timedelta(hours=3)))
    assert datetime_literal(moscow) == "datetime'2026-01-12T12:00:00'"


def test_conditions_are_joined_only_where_there_are_two() -> None:
    """Each stands in parentheses, for one may hold an `or`."""
    assert both("", "a eq 1 or b eq 2") == "a eq 1 or b eq 2"
    assert both("c eq 3", "") == "c eq 3"
    assert both("c eq 3", "a eq 1 or b eq 2") == "(c eq 3) and (a eq 1 or b eq 2)"


def test_row_rights_are_asked_for_without_a_dollar() -> None:
    """`allowedOnly` is 1C's own option."""
    assert Address("http://h/b", allowed_only=True).entities("Catalog_A", ["a"]).endswith("&allowedOnly=true")


def test_a_publication_in_russian() -> None:
    """The folder of a publication may be Cyrillic, and the address end with a slash."""
    assert Address("http://h/торговля/").root == (
        "http://h/%D1%82%D0%BE%D1%80%D0%B3%D0%BE%D0%B2%D0%BB%D1%8F/odata/standard.odata"
    )


@given(names, names)
def test_whatever_a_name_holds_it_arrives(one: str, two: str) -> None:
    """What a condition says is what 1C decodes, and it breaks out of neither the path nor the query."""
    condition = f"Description eq {text_literal(one)} and Code eq {text_literal(two)}"
    parts = urlsplit(ADDRESS.entities("Catalog_A", ["a"], condition=condition))
    assert not parts.fragment
    assert "+" not in parts.query
    (found,) = [text for text in parts.query.split("&") if text.startswith("$filter=")]
    assert unquote(found) == f"$filter={condition}"
    path = urlsplit(ADDRESS.balance("R", ["Д"], ["a"], condition=condition))
    assert not path.fragment
    assert "+" not in path.path
    assert unquote(path.path).endswith(f"Condition={text_literal(condition)},Dimensions='Д')")
