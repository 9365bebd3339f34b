from __future__ import annotations

import httpx
import pytest

from mpstock import CheckedAdapter, Finding
from tests.onec.service import Reader, page, row


def by_subject(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.subject: finding for finding in findings}


def test_good_service_is_all_ok() -> None:
    """Two requests tell how many rows there are and that changes can be asked for."""
    reader = Reader([row(), row("B", 0)], [])
    assert isinstance(reader.source, CheckedAdapter)
    found = reader.check()
    assert {finding.level for finding in found} == {"ok"}
    assert by_subject(found)["service"].data == {"rows": 2, "levels": 2, "bad": 0, "negative": 0}
    assert reader.service.asked == [None, "2026-01-12T09:00:00Z"]


def test_refused_credentials_are_an_error_with_a_mend() -> None:
    """401 says in the server's words what is wrong, and where to look."""
    (found,) = Reader(page("Не авторизован", 401)).check()
    assert (found.level, found.subject) == ("error", "credentials")
    assert "Не авторизован" in found.message
    assert "password" in found.mend


@pytest.mark.parametrize(
    "answer", [page("404 - Файл не найден", 404), page("IIS"), b"{}", httpx.ConnectError("refused")]
)
def test_service_that_does_not_answer_stock_is_an_error(answer: object) -> None:
    """A publication that is off, another page, another JSON, no connection: each is one error."""
    (found,) = Reader(answer).check()
    assert (found.level, found.subject) == ("error", "service")
    assert found.message.startswith("erp: ")
    assert found.mend


def test_bad_rows_are_counted_and_the_first_are_named() -> None:
    """The warning says how many rows cannot be used, and shows some with their place."""
    reader = Reader([row("B"), *(row(f"S-{number}", "?") for number in range(5))], [])
    found = by_subject(reader.check())["rows"]
    assert found.level == "warning"
    assert found.message.startswith("5 rows of 6 cannot be used")
    assert "row 2: stocks[1].quantity" in found.message
    assert found.message.endswith("; and more")


def test_rows_of_no_product_are_told_with_what_they_do() -> None:
    """Nameless rows keep sold-out products alive; the check says so, and the way out."""
    found = by_subject(Reader([row(), row("")], []).check())["products"]
    assert "last-known number" in found.message
    assert 'rows_without_sku = "ignore"' in found.mend
    ignored = Reader([row(), row("")], [], rows_without_sku="ignore").check()
    assert "products" not in by_subject(ignored)


def test_negative_numbers_and_fractions_are_told() -> None:
    """What is rounded or below zero is a warning with its count."""
    found = by_subject(Reader([row("A", -3), row("B", 2.5), row("C", -1)], []).check())
    assert found["negative numbers"].message.startswith("2 rows below zero")
    assert found["fractions"].message.startswith("1 numbers are not whole")


def test_empty_list_is_a_warning() -> None:
    """A user without rights to see the goods gets an empty list."""
    found = by_subject(Reader([]).check())["service"]
    assert (found.level, "zeroes nothing" in found.message) == ("warning", True)


def test_service_that_ignores_changed_after_is_told() -> None:
    """It does no harm, and it could be faster."""
    found = by_subject(Reader([row(), row("B")]).check())["changedAfter"]
    assert found.level == "warning"
    assert "no harm" in found.message


def test_service_that_refuses_changed_after_is_an_error() -> None:
    """Full reads work, the others would fail: better known beforehand."""
    refusal = httpx.Response(400, content="Неизвестный параметр changedAfter".encode())
    found = by_subject(Reader([row()], refusal).check())["changedAfter"]
    assert found.level == "error"
    assert "Неизвестный параметр changedAfter" in found.message


def test_publication_that_asks_for_no_user_is_told() -> None:
    """Without a user in the settings the check says that none is sent."""
    found = by_subject(Reader([row()], [], user="", password=None).check())
    assert found["credentials"].level == "ok"
