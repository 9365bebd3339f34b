"""Articles that are nearly the same: what is proposed to a person, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock.ledger.listings import ListingGap
from mpstock.setup.matching import near_matches, written_alike


def gap(article: str, *, offer: str = "", warehouse: str = "1") -> ListingGap:
    offer = offer or article
    return ListingGap("ozon", warehouse, offer, (article,), "", {"offer_id": [offer]})


def pairs(skus: list[str], gaps: list[ListingGap], taken: set[str] | None = None) -> list[tuple[str, str]]:
    found = near_matches(skus, taken or set(), gaps, ("offer_id",))
    return [(match.sku, match.value) for match in found]


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("АВ-12", "AB-12"),  # Cyrillic, Latin
        ("AB-12", "ab 12"),
        ("AB-12", "AB_12 "),
        ("00123", "123"),
        ("АРТ-007", "APT 7"),
        ("Ｘ１", "x1"),  # full width
    ],
)
def test_what_a_hurried_reader_takes_for_the_same_is_proposed(here: str, there: str) -> None:
    """Look-alike letters, case, hyphens, blanks, zeros in front of a number."""
    assert pairs([here], [gap(there)]) == [(here, there)]


@pytest.mark.parametrize(("here", "there"), [("AB-12", "AB-13"), ("A1", "A10"), ("X", "Х-2"), ("-", "_")])
def test_what_is_another_article_is_not(here: str, there: str) -> None:
    """Another number or letter is another article; nothing but punctuation is none."""
    assert pairs([here], [gap(there)]) == []


def test_what_could_be_two_products_is_nobody_s() -> None:
    """Two products, or two listings, that are alike: no person could say yes to a list of these."""
    assert pairs(["AB-1", "AB1"], [gap("ab 1")]) == []
    assert pairs(["AB-1"], [gap("ab 1"), gap("ab_1")]) == []


def test_a_product_that_is_sold_there_already_is_not_proposed() -> None:
    """It has a listing; a second one would be another product's."""
    assert pairs(["AB-1"], [gap("ab 1")], {"AB-1"}) == []


def test_one_offer_in_two_warehouses_is_one_line() -> None:
    """The products file maps the offer, wherever it is sold from."""
    assert pairs(["AB-1"], [gap("ab 1"), gap("ab 1", warehouse="2")]) == [("AB-1", "ab 1")]


@given(st.text())
def test_blanks_and_hyphens_around_an_article_are_nothing(article: str) -> None:
    """Whatever the article is."""
    assert written_alike(f" -{article}_ ") == written_alike(article)
