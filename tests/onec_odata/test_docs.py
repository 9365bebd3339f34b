"""The page about this source says what the code does."""

from __future__ import annotations

import attrs

from mpstock_onec.odata_presets import PRESETS
from mpstock_onec.odata_settings import OdataSettings
from mpstock_onec.odata_sku import FIELDS
from tests.docs.markdown import DOCS, blocks, code_words, read, tables
from tests.onec_odata.test_settings import opened

PAGE = DOCS / "howto/1c-odata.md"


def test_each_setting_is_documented() -> None:
    """The page has every key of the settings, and no key that is not there."""
    (table,) = [table for table in tables(PAGE) if table[0][0] == "key"]
    told = [key for row in table[1:] for key in code_words(row[0])]
    assert sorted(told) == sorted(field.name for field in attrs.fields(OdataSettings))


def test_the_presets_are_as_documented() -> None:
    """The table of presets has each of them, with the names that the code takes."""
    (table,) = [table for table in tables(PAGE) if table[0][0] == "preset"]
    keys = [cell.strip("`") for cell in table[0][2:]]
    told = {
        row[0].strip("`"): dict(zip(keys, (cell.strip("`") for cell in row[2:]), strict=True))
        for row in table[1:]
    }
    expected = {
        preset: {
            key: ", ".join(value) if isinstance(value := getattr(names, key), tuple) else value
            for key in keys
        }
        for preset, names in PRESETS.items()
    }
    assert told == expected


def test_each_field_of_a_sku_is_documented() -> None:
    """The page names what a template may be made of."""
    assert {field for field in FIELDS if f"`{{{field}}}`" not in read(PAGE)} == set()


def test_the_example_opens(tmp_path, monkeypatch) -> None:
    """The table at the top of the page is one that mpstock takes."""
    monkeypatch.setenv("ONEC_PASSWORD", "secret")
    (block,) = blocks(PAGE, "toml")
    body = block.text.split("\n", 3)[3]
    opened(tmp_path, body)
