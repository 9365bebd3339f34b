"""The list of stocks reads the same whoever sends it; what cannot be told safely is refused."""

from __future__ import annotations

from mpstock.rows import RowParser, Twice, rows


def test_a_row_that_says_a_thing_twice_is_no_row() -> None:
    """With two quantities in one row nobody can tell which is right, so it has none; its neighbours do."""
    body = '{"stocks": [{"sku": "A", "quantity": 5, "quantity": 0}, {"sku": "B", "quantity": 2}]}'
    first, second = [RowParser("main")(data, index) for index, data in enumerate(rows(body))]
    assert first.bad
    assert "stocks[0] is an object that has 'quantity' twice and no row" in first.problems[0].message
    assert not second.bad
    assert (second.sku, second.warehouse, second.quantity) == ("B", "main", 2)


def test_a_name_that_stands_twice_elsewhere_is_nobody_s_concern() -> None:
    """Beside the list a body may have what it likes: it is not looked at."""
    assert list(rows('{"note": {"a": 1, "a": 2}, "stocks": []}')) == []
    assert str(Twice("a")) == "an object that has 'a' twice"


def test_a_message_names_the_system_where_it_is_mended() -> None:
    """What a person reads says where to look: in 1C, or in whatever sent it."""
    row = {"sku": "A", "quantity": -1}
    assert "look into it in 1C" in RowParser("m", system="1C")(row, 0).problems[0].message
    assert "the system that sends it" in RowParser("m")(row, 0).problems[0].message


def test_what_is_no_number_is_told_without_a_word_of_another_system() -> None:
    """Only a sender that is known is told how to write a number there; anybody else just what is wrong."""
    data = {"sku": "A-1", "quantity": "много"}
    (plain,) = RowParser("main", system="the function shelf")(data, 0).problems
    assert plain.message == (
        "stocks[0].quantity is text 'много' and not a number that can be told safely; "
        "write it as a number, in digits"
    )
    (known,) = RowParser("main", numbers="their Format() does")(data, 0).problems
    assert known.message == f"{plain.message}: their Format() does"
    (other,) = RowParser("main", numbers="their Format() does")({"sku": "A-1", "quantity": True}, 0).problems
    assert "Format" not in other.message
