"""What `mpstock check` says of a Wildberries account."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from mpstock import CheckedAdapter, Finding, Secret
from tests import specs
from tests.wb.harness import NOW, RIGHTS, Vendor, Vendors, answer, listed, problem, sink, token

SANDBOX: dict[str, Any] = {
    "marketplace_url": "https://marketplace-api-sandbox.wildberries.ru",
    "content_url": "https://content-api-sandbox.wildberries.ru",
}


def warehouse(number: int, name: str = "Подольск", **more: Any) -> dict[str, Any]:
    good = {"officeId": 15, "cargoType": 1, "deliveryType": 1, "isDeleting": False, "isProcessing": False}
    return {"id": number, "name": name, **good, **more}


def cards(*sizes: int) -> httpx.Response:
    found = [
        {
            "nmID": n,
            "vendorCode": f"C{n}",
            "sizes": [{"chrtID": n * 10 + s, "skus": []} for s in range(count)],
        }
        for n, count in enumerate(sizes, 1)
    ]
    return answer(200, {"cards": found, "cursor": {"total": len(found)}})


NEW = (
    "/api/v3/orders/new",
    "/api/v3/dbs/orders/new",
    "/api/v3/dbw/orders/new",
    "/api/v3/click-collect/orders/new",
)
CARDS = "/content/v2/get/cards/list"


def account(
    rows: Any, *sizes: int, cards_answer: httpx.Response | None = None, **orders: httpx.Response
) -> Vendors:
    """Return a script of one account: its warehouses, no new orders, cards with so many sizes."""
    given = rows if isinstance(rows, httpx.Response) else answer(200, rows)
    none = {path: answer(200, {"orders": []}) for path in NEW}
    return Vendors({"/api/v3/warehouses": given, **none, CARDS: cards_answer or cards(*sizes), **orders})


def check(
    *, text: str | None = None, rows: Any = None, codes: tuple[str, ...] = ("1111",), **settings: Any
) -> list[Finding]:
    vendor = account([warehouse(1111)] if rows is None else rows, 1)
    built = sink(vendor, codes, token=Secret(text or token()), **settings)
    return listed(built.check())


def of(found: list[Finding], subject: str, level: str | None = None) -> list[str]:
    return [one.message for one in found if one.subject == subject and level in (None, one.level)]


def test_a_good_account_has_nothing_to_mend() -> None:
    """Token, warehouses and cards are all well, and said so."""
    vendor = account([warehouse(1111)], 1, 1)
    built = sink(vendor)
    assert isinstance(built, CheckedAdapter)
    found = listed(built.check())
    assert {one.level for one in found} == {"ok"}
    assert "Подольск, FBS, small goods" in of(found, "warehouse 1111")
    assert vendor.lines == [
        "GET /api/v3/warehouses",
        "GET /api/v3/orders/new",
        "POST /content/v2/get/cards/list",
    ]


def test_the_warehouses_request_is_what_the_document_describes() -> None:
    """Path and answer hold against Wildberries' OpenAPI document."""
    spec = specs.load(specs.WB_STOCKS)
    vendor = account([warehouse(1111)], 1)
    listed(sink(vendor).check())
    spec.check_request(vendor.requests[0])
    spec.check_request(vendor.requests[2])


@pytest.mark.parametrize(
    ("days", "level"), [(-1, "error"), (0, "error"), (1, "warning"), (13.9, "warning"), (14.1, "ok")]
)
def test_the_token_s_expiry_is_told_before_it_happens(days: float, level: str) -> None:
    """A token lives 180 days; two weeks before its end there is a warning."""
    found = check(text=token(exp=int((NOW + timedelta(days=days)).timestamp())))
    expiry = next(one for one in found if "expires_at" in one.data)
    assert expiry.level == level


@pytest.mark.parametrize(
    ("rights", "word"),
    [
        (1 << 1, "Marketplace"),
        (RIGHTS | 1 << 30, "reading only"),
        (1 << 4, "Content"),
    ],
)
def test_a_missing_right_is_an_error_that_names_it(rights: int, word: str) -> None:
    """The rights are bits of the token: 4 Marketplace, 1 Content, 30 read-only."""
    errors = of(check(text=token(s=rights)), "token", "error")
    assert len(errors) == 1
    assert word in errors[0]


def test_the_right_promotion_reads_cards_as_well() -> None:
    """Cards are open to the category Content or Promotion."""
    assert of(check(text=token(s=1 << 4 | 1 << 6)), "token", "error") == []


def test_a_test_token_at_the_production_host_is_an_error() -> None:
    """And a production token at the sandbox likewise; at a simulator neither matters."""
    assert any("test token" in one for one in of(check(text=token(t=True)), "token", "error"))
    assert of(check(text=token(t=True), **SANDBOX), "token", "error") == []
    assert any("production token" in one for one in of(check(**SANDBOX), "token", "error"))
    local: dict[str, Any] = {
        "marketplace_url": "http://127.0.0.1:8082",
        "content_url": "http://127.0.0.1:8082",
    }
    assert of(check(text=token(t=True), **local), "token", "error") == []


def test_one_host_of_the_sandbox_and_one_of_production_is_an_error() -> None:
    """Their ids are not the same."""
    found = check(marketplace_url=SANDBOX["marketplace_url"])
    assert of(found, "hosts", "error")


@pytest.mark.parametrize(
    "text", ["opaque", "a.b", "a.b.c", "x.bnVsbA.y", "x.W10.y", "..", f"x.{'A' * 999}.y"]
)
def test_a_token_that_is_no_jwt_is_a_warning(text: str) -> None:
    """Its expiry and rights cannot be told; the account is looked at all the same."""
    found = check(text=text)
    assert of(found, "token", "warning")
    assert of(found, "warehouse 1111", "ok")


def test_the_sink_tells_until_when_its_token_is_good() -> None:
    """By the token's own word, without a request; what is no token of theirs does not say."""
    vendor = Vendor()
    ends = NOW + timedelta(days=5)
    good = sink(vendor, token=Secret(token(exp=int(ends.timestamp()))))
    (told,) = asyncio.run(good.credentials())
    assert (told.name, told.expires_at) == ("token", ends.replace(microsecond=0))
    (told,) = asyncio.run(sink(vendor, token=Secret("handmade")).credentials())
    assert told.expires_at is None
    assert vendor.requests == []


@pytest.mark.parametrize("claims", [{"exp": "soon", "s": "all"}, {"exp": 10**30, "s": -1}, {"exp": True}])
def test_strange_claims_are_not_believed(claims: dict[str, Any]) -> None:
    """What cannot be read is told as unknown."""
    assert any("does not say when it expires" in one for one in of(check(text=token(**claims)), "token"))


def test_an_unknown_warehouse_is_an_error_that_names_the_good_ones() -> None:
    """The seller's warehouse id is meant, not WB's office."""
    found = check(rows=[warehouse(7, "Коледино"), warehouse(8, "Казань", isDeleting=True)], codes=("15",))
    error = next(one for one in found if one.subject == "warehouse 15")
    assert error.level == "error"
    assert "7 (Коледино)" in error.mend
    assert "Казань" not in error.mend


def test_a_warehouse_that_is_being_deleted_or_updated_is_told() -> None:
    """Deleting is an error; updating passes in some minutes."""
    rows = [warehouse(1, isDeleting=True), warehouse(2, isProcessing=True), warehouse(3, deliveryType=2)]
    found = check(rows=rows, codes=("1", "2", "3"))
    assert [one.level for one in found if one.subject.startswith("warehouse ")] == ["error", "warning", "ok"]
    assert "DBS" in of(found, "warehouse 3")[0]


def test_no_configured_warehouse_names_those_of_the_account() -> None:
    """Without one nothing is listed and nothing is pushed."""
    found = check(codes=())
    assert any("1111 (Подольск)" in one for one in of(found, "warehouses", "error"))


def test_cards_of_several_sizes_are_counted_and_explained() -> None:
    """Matched by vendor code they are a mapping error; matched by barcode they are not."""
    found = listed(sink(account([warehouse(1111)], 1, 3, 2)).check())
    warning = next(one for one in found if one.subject == "cards")
    assert (warning.level, warning.data["several_sizes"]) == ("warning", 2)
    assert "'C2', 'C3'" in warning.message
    assert 'match_by = "barcode"' in warning.mend
    built = sink(account([warehouse(1111)], 1, 3, 2), match_by="barcode")
    assert of(listed(built.check()), "cards", "ok")


def test_refused_access_is_a_finding_in_the_vendor_s_words_and_the_rest_is_looked_at() -> None:
    """A token for the marketplace alone cannot read cards, and the other way round."""
    denied = problem(403, "access denied", "token scope is not allowed for this resource")
    found = listed(sink(account(denied, 1)).check())
    assert any("scope is not allowed" in one for one in of(found, "warehouses", "error"))
    assert of(found, "cards", "ok")


@pytest.mark.parametrize("body", [b"{}", b"<html></html>", b'[{"name": "x"}]'])
def test_warehouses_that_cannot_be_read_are_an_error(body: bytes) -> None:
    """They are not taken for an account without warehouses."""
    found = listed(sink(account(httpx.Response(200, content=body), 1)).check())
    assert of(found, "warehouses", "error")


def test_no_finding_shows_the_token() -> None:
    """Whatever is wrong with it."""
    text = token(s=1, t=True, exp=1)
    assert all(text not in repr(one) for one in check(text=text))


# ------------------------------------------------------------------------- orders


@pytest.mark.parametrize(
    ("kind", "path", "title", "level"),
    [
        (1, NEW[0], "FBS", "ok"),
        (2, NEW[1], "DBS", "warning"),
        (6, NEW[1], "DBS", "warning"),
        (3, NEW[2], "DBW", "warning"),
        (5, NEW[3], "click and collect", "warning"),
    ],
)
def test_the_orders_of_each_kind_of_warehouse_are_tried(kind: int, path: str, title: str, level: str) -> None:
    """What is served by which method, how many orders are new, and what cannot be seen of them."""
    vendor = account([warehouse(1111, deliveryType=kind), warehouse(2222, deliveryType=1)], 1)
    vendor.by_path[path] = answer(200, {"orders": [{"id": 1, "chrtId": 2}]})
    found = [one for one in listed(sink(vendor).check()) if one.subject.startswith("orders")]
    assert [(one.subject, one.level) for one in found] == [(f"orders {title}", level)]
    assert "1 new" in found[0].message
    assert (level == "ok") == (found[0].mend == "")
    assert [line for line in vendor.lines if line.endswith("/new")] == [f"GET {path}"]


def test_orders_that_the_token_cannot_read_are_an_error_in_the_vendor_s_words() -> None:
    """Warehouses and cards are looked at all the same."""
    vendor = account([warehouse(1111)], 1)
    vendor.by_path[NEW[0]] = problem(403, "access denied", "token scope is not allowed for this resource")
    found = listed(sink(vendor).check())
    assert any("scope is not allowed" in one for one in of(found, "orders FBS", "error"))
    assert of(found, "cards", "ok")


def test_orders_that_are_switched_off_are_not_asked_for_and_that_is_said() -> None:
    """Without them a sold unit is for sale until the warehouse system has booked it."""
    vendor = account([warehouse(1111)], 1)
    found = listed(sink(vendor, orders=False).check())
    assert of(found, "orders", "warning")
    assert not any("orders" in line for line in vendor.lines)


def test_sizes_that_get_no_article_are_counted_and_the_others_shown() -> None:
    """With `vendor_code_size` a check says which articles come out, before anything is pushed."""
    good = {"nmID": 1, "vendorCode": "SHIRT", "sizes": [{"chrtID": 1, "techSize": "M", "skus": []}]}
    pair = [{"chrtID": 2, "techSize": "42", "skus": []}, {"chrtID": 3, "techSize": "42", "skus": []}]
    twice = {"nmID": 2, "vendorCode": "BOOT", "sizes": pair}

    def told(*found: dict[str, Any]) -> list[Finding]:
        page = answer(200, {"cards": list(found), "cursor": {"total": len(found)}})
        vendor = account([warehouse(1111)], cards_answer=page)
        return listed(sink(vendor, match_by="vendor_code_size").check())

    assert any("SHIRT-M" in one for one in of(told(good), "cards", "ok"))
    assert any("2 sizes" in one and "BOOT-42" in one for one in of(told(good, twice), "cards", "warning"))
