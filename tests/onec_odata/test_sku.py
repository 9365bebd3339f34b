"""The template of a sku."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock_onec.odata_sku import FIELDS, Facts, Template

MUG = Facts("КР-1", "000012", "42, красный", "К-7", "4600000000017")
BARE = Facts("КР-1", "000012")


@pytest.mark.parametrize(
    ("template", "with_size", "without"),
    [
        ("{article}", "КР-1", "КР-1"),
        ("{code}", "000012", "000012"),
        ("{article}-{characteristic}", "КР-1-42, красный", ""),
        ("{article}[-{characteristic}]", "КР-1-42, красный", "КР-1"),
        ("{article}[/{characteristic_code}]", "КР-1/К-7", "КР-1"),
        ("{barcode}", "4600000000017", ""),
        ("[{barcode}][{article}]", "4600000000017КР-1", "КР-1"),
        ("x{code}y", "x000012y", "x000012y"),
    ],
)
def test_a_sku_is_put_together(template: str, with_size: str, without: str) -> None:
    """Fields in braces; what is in brackets falls away with an empty field; else there is no sku."""
    parsed = Template.parse(template)
    assert parsed.sku(MUG)[0] == with_size
    sku, why = parsed.sku(BARE)
    assert sku == without
    assert bool(why) is not bool(sku)


def test_what_is_missing_is_named() -> None:
    """The reason names the field."""
    assert Template.parse("{article}-{characteristic}").sku(BARE) == ("", "its characteristic is empty")


def test_blanks_at_the_ends_do_not_count() -> None:
    """1C pads texts; what cannot be seen is no part of a sku."""
    assert Template.parse("{article}").sku(Facts("  КР-1\u00a0\ufeff"))[0] == "КР-1"
    assert Template.parse("{article}").sku(Facts(" \u00a0 "))[0] == ""


def test_a_control_character_makes_no_sku() -> None:
    """What no article has is not passed on."""
    assert Template.parse("{article}").sku(Facts("A\n1")) == ("", "it has characters that no article has")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("", "names nothing"),
        ("A-1", "names nothing"),
        ("{artikul}", r"\{artikul\} is unknown; there are \{article\}"),
        ("{article}[-{characteristic}", "not closed"),
        ("{article}]", "no partner"),
        ("{article", "no partner"),
        ("[[{article}]]", "no partner"),
        ("{}", "unknown"),
    ],
)
def test_a_template_that_is_none_is_refused(wrong: str, says: str) -> None:
    """The error says what is wrong with it."""
    with pytest.raises(ValueError, match=says):
        Template.parse(wrong)


@given(st.text("{}[]-ab", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing else happens, and what is read says only what was put in."""
    try:
        parsed = Template.parse(text.replace("a", "{article}"))
    except ValueError:
        return
    assert parsed.fields <= set(FIELDS)
    assert set(parsed.sku(Facts("X"))[0]) <= set("-bX")
