from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mpstock.config.structuring import structure_settings
from mpstock.errors import ConfigurationError, TransientError, UnexpectedResponseError
from mpstock_onec.commerceml_settings import CommerceMLSettings
from tests.onec_commerceml.exchange import START, Exchange, named_stores, offer, package, rest, store, total


def full(*numbers: int, changes: bool | None = False, **more: str) -> str:
    return package(*[offer(f"p{n}", total(str(n)), f"A-{n}") for n in numbers], changes=changes, **more)


def test_new_files_only(tmp_path: Path) -> None:
    """What was read is not read again; nothing new is an empty reading that says how old the list is."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", full(1, 2), age=3600)
    first = exchange.read()
    assert first.quantities == {"A-1": 1, "A-2": 2}
    assert (first.last.complete, first.last.as_of) == (True, START - timedelta(hours=1))
    exchange.clock.advance(900)
    nothing = exchange.read(first.cursor)
    assert (nothing.levels, nothing.last.complete) == ([], False)
    assert nothing.last.as_of == START - timedelta(hours=1)
    exchange.put("offers-2.xml", full(2, changes=True))
    assert exchange.read(nothing.cursor).quantities == {"A-2": 2}


def test_overwritten_file_is_new(tmp_path: Path) -> None:
    """1C writes over its own file at each exchange."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", full(1))
    cursor = exchange.read().cursor
    exchange.clock.advance(60)
    exchange.put("offers.xml", full(3))
    found = exchange.read(cursor)
    assert (found.quantities, found.last.complete) == ({"A-3": 3}, True)


def test_newest_statement_counts(tmp_path: Path) -> None:
    """Everything, then changes, then changes: each product once, with the number told last."""
    exchange = Exchange(tmp_path)
    exchange.put("a.xml", full(9))
    exchange.put("offers-old.xml", full(7), age=400)
    exchange.put("offers.xml", full(1, 2, 3), age=300)
    exchange.put("offers-b.xml", package(offer("p1", total("8"), "A-1"), changes=True), age=200)
    exchange.put("offers-c.xml", package(offer("p1", total("5"), "A-1"), changes=True), age=100)
    found = exchange.read()
    # What lies before the package of everything is overtaken by it; other files are not looked at.
    assert found.quantities == {"A-1": 5, "A-2": 2, "A-3": 3}
    assert found.last.complete
    assert {level.sku: level.updated_at for level in found.levels} == {
        "A-1": None,
        "A-2": START - timedelta(seconds=300),
        "A-3": START - timedelta(seconds=300),
    }
    assert exchange.read(found.cursor).levels == []


@pytest.mark.parametrize(
    "content",
    [
        full(1, changes=True),
        full(1, changes=None, root=' СодержитТолькоИзменения="true"'),
        full(1, changes=None, head="<СодержитТолькоИзменения>true</СодержитТолькоИзменения>"),
        full(1, changes=None, tag="ИзмененияПакетаПредложений"),
        full(1, changes=False, root=' СодержитТолькоИзменения="1"'),
    ],
)
def test_changes_are_never_complete(tmp_path: Path, content: str) -> None:
    """Wherever СодержитТолькоИзменения stands, what is missing from changes is unchanged."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", content)
    found = exchange.read()
    assert (found.quantities, found.last.complete) == ({"A-1": 1}, False)


@pytest.mark.parametrize(
    "content",
    [
        full(1),
        full(1, changes=None),
        full(1, head="<СодержитТолькоИзменения>false</СодержитТолькоИзменения>"),
    ],
)
def test_everything_is_complete(tmp_path: Path, content: str) -> None:
    """False and absent mean that the package tells everything."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", content)
    assert exchange.read().last.complete


def test_empty_package_zeroes_nothing(tmp_path: Path) -> None:
    """A full package without offers is told, and is not an empty warehouse."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", full())
    found = exchange.read()
    assert (found.levels, found.last.complete) == ([], False)
    assert "zeroes nothing" in found.problems[0].message


def test_portions_are_one_package(tmp_path: Path) -> None:
    """Each portion calls itself everything; absence is believed when no portion has come since."""
    exchange = Exchange(tmp_path)
    exchange.put("rests0_1.xml", full(1))
    exchange.put("rests0_2.xml", full(2))
    first = exchange.read()
    assert (first.quantities, first.last.complete) == ({"A-1": 1, "A-2": 2}, False)
    exchange.clock.advance(60)
    exchange.put("rests0_10.xml", full(3))
    second = exchange.read(first.cursor)
    assert (second.quantities, second.last.complete) == ({"A-1": 1, "A-2": 2, "A-3": 3}, False)
    exchange.clock.advance(900)
    third = exchange.read(second.cursor)
    assert (third.quantities, third.last.complete) == ({"A-1": 1, "A-2": 2, "A-3": 3}, True)
    assert exchange.read(third.cursor).levels == []


def test_portions_in_folders_are_one_package(tmp_path: Path) -> None:
    """Newer exchanges put each portion into a folder with a number, the session into another around it."""
    exchange = Exchange(tmp_path)
    exchange.put("000000001/goods/1/rests___a.xml", full(7), age=600)
    exchange.put("000000002/goods/1/rests___a.xml", full(1))
    exchange.put("000000002/goods/2/rests___a.xml", full(2))
    first = exchange.read()
    assert (first.quantities, first.last.complete) == ({"A-1": 1, "A-2": 2}, False)
    second = exchange.read(first.cursor)
    assert (second.quantities, second.last.complete) == ({"A-1": 1, "A-2": 2}, True)


def test_changes_above_growing_portions_close_the_package(tmp_path: Path) -> None:
    """A package of changes can only follow one that is whole: absence counts, and the changes too."""
    exchange = Exchange(tmp_path)
    exchange.put("rests0_1.xml", full(1))
    exchange.put("rests0_2.xml", full(2))
    first = exchange.read()
    exchange.clock.advance(60)
    exchange.put("rests-change.xml", package(offer("p2", total("9"), "A-2"), changes=True))
    second = exchange.read(first.cursor)
    assert (second.quantities, second.last.complete) == ({"A-1": 1, "A-2": 9}, True)


def test_portions_of_yesterday_are_another_package(tmp_path: Path) -> None:
    """A portion of an older exchange does not come back to life."""
    exchange = Exchange(tmp_path)
    exchange.put("rests0_2.xml", full(2), age=86_400)
    exchange.put("rests0_1.xml", full(1))
    assert exchange.read().quantities == {"A-1": 1}


def test_zip_is_one_package(tmp_path: Path) -> None:
    """All portions in one zip belong together, and there are no more of them."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "webdata/import0_1.xml", "<КоммерческаяИнформация><Каталог/></КоммерческаяИнформация>"
        )
        archive.writestr("webdata/rests0_1.xml", full(1))
        archive.writestr("webdata/rests0_2.xml", full(2))
        archive.writestr("webdata/prices0_1.xml", "not read")
    exchange = Exchange(tmp_path)
    exchange.put("v8_1.zip", body.getvalue())
    found = exchange.read()
    assert (found.quantities, found.last.complete) == ({"A-1": 1, "A-2": 2}, True)


def test_broken_zip_is_refused(tmp_path: Path) -> None:
    """Half a zip is an error, and nothing of it is used."""
    exchange = Exchange(tmp_path)
    exchange.put("v8.zip", b"PK\x03\x04 half")
    with pytest.raises(UnexpectedResponseError, match=r"v8\.zip.*cannot be read"):
        exchange.read()


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_file_that_is_being_written_is_read_next_time(tmp_path: Path, share: float) -> None:
    """A truncated file is refused whole; older good ones are used; when it is whole it is read."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", full(*range(1, 50)), age=60)
    cursor = exchange.read().cursor
    whole = full(*range(1, 60), changes=True).encode()
    exchange.clock.advance(60)
    exchange.put("offers-2.xml", whole[: int(len(whole) * share)])
    half = exchange.read(cursor)
    assert half.levels == []
    assert "ends in the middle" in half.problems[0].message or "no valid XML" in half.problems[0].message
    assert half.problems[0].place == "offers-2.xml"
    exchange.clock.advance(60)
    exchange.put("offers-2.xml", whole)
    assert len(exchange.read(half.cursor).levels) == 59


def test_file_that_stays_broken_is_an_error(tmp_path: Path) -> None:
    """After ten minutes nobody is writing any more."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", full(1), age=7200)
    cursor = exchange.read().cursor
    exchange.put("offers-2.xml", full(1, changes=True)[:-40], age=3600)
    with pytest.raises(UnexpectedResponseError, match=r"offers-2.*export again"):
        exchange.read(cursor)


def test_broken_changes_below_good_ones_are_an_error(tmp_path: Path) -> None:
    """Changes that were lost must not be passed over; a package of everything after them heals it."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", full(1), age=300)
    cursor = exchange.read().cursor
    exchange.put("offers-2.xml", full(1, changes=True)[:-40], age=200)
    exchange.put("offers-3.xml", full(2, changes=True), age=100)
    with pytest.raises(UnexpectedResponseError, match=r"offers-2\.xml"):
        exchange.read(cursor)
    exchange.put("offers-4.xml", full(1, 2))
    assert exchange.read(cursor).last.complete


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "ends in the middle"),
        (b"<html><body>Login</body></html>", "begins with <html>|is no CommerceML"),
        ("Привет".encode(), "is no XML"),
        (b"<\xd0\x9a>\xff</\xd0\x9a>", "no valid XML"),
    ],
)
def test_what_is_no_commerceml_is_an_error(tmp_path: Path, content: bytes, says: str) -> None:
    """Whatever lies there instead, it is named and is no empty stock."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", content)
    with pytest.raises(UnexpectedResponseError, match=says):
        exchange.read()


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE К [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE К [<!ENTITY e "1">]>',
        '<!DOCTYPE К [<!ENTITY a "12345678"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY e "&b;&b;&b;&b;">]>',
    ],
)
def test_entities_are_not_followed(tmp_path: Path, doctype: str) -> None:
    """No file and no bomb comes in by an entity, and a number with one in it is not half a number."""
    content = full(1).replace("?>", f"?>{doctype}", 1).replace(total("1"), total("4&e;2"))
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", content)
    with pytest.raises(UnexpectedResponseError, match="entit"):
        exchange.read()


@pytest.mark.parametrize(
    "namespace", ["", "urn:1C.ru:commerceml_2", "urn:1C.ru:commerceml_210", "urn:1C.ru:commerceml_3"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1251"])
def test_namespaces_and_encodings(tmp_path: Path, namespace: str, encoding: str) -> None:
    """Local names count; a byte order mark and windows-1251 are taken as they come."""
    root = f' xmlns="{namespace}"' if namespace else ""
    content = package(offer("p1", store("s1", "5"), "Стул"), root=root, head=named_stores(s1="Склад «Юг»"))
    if encoding == "windows-1251":
        content = content.replace("UTF-8", encoding)
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", content.encode(encoding))
    assert exchange.read().by_key == {("Стул", "Склад «Юг»"): 5}


def test_prefixed_namespace(tmp_path: Path) -> None:
    """Some senders write a prefix before every name."""
    content = (
        '<c:КоммерческаяИнформация xmlns:c="urn:x"><c:ПакетПредложений '
        'c:СодержитТолькоИзменения="true"><c:Предложения>'
        "<c:Предложение><c:Ид>p</c:Ид><c:Артикул>A</c:Артикул><c:Количество>3</c:Количество></c:Предложение>"
        "</c:Предложения></c:ПакетПредложений></c:КоммерческаяИнформация>"
    )
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", content)
    found = exchange.read()
    assert (found.quantities, found.last.complete) == ({"A": 3}, False)


def test_goods_of_orders_are_no_catalogue(tmp_path: Path) -> None:
    """A Товар in a Документ has a number of its own, and is nothing that is in stock."""
    document = "<Документ><Товары><Товар><Ид>p1</Ид><Количество>99</Количество></Товар></Товары></Документ>"
    content = full(1).replace("<ПакетПредложений", f"{document}<ПакетПредложений", 1)
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", content)
    assert exchange.read().quantities == {"A-1": 1}


def test_formed_at_counts_where_it_is_trusted(tmp_path: Path) -> None:
    """ДатаФормирования is local and zone-less; it is never after the file's own time."""
    root = ' ДатаФормирования="2026-01-12" ВремяФормирования="10:30:00"'
    exchange = Exchange(tmp_path, trust_formed_at=True, timezone="Europe/Moscow")
    exchange.put("offers.xml", full(1, root=root))
    assert exchange.read().last.as_of == datetime(2026, 1, 12, 7, 30, tzinfo=UTC)
    exchange.put("offers.xml", full(1, root=root.replace("10:30", "23:30")), age=5)
    assert exchange.read().last.as_of == START - timedelta(seconds=5)


def test_formed_at_without_a_zone_is_told(tmp_path: Path) -> None:
    """What cannot be told for sure is not trusted."""
    exchange = Exchange(tmp_path, trust_formed_at=True)
    exchange.put("offers.xml", full(1, root=' ДатаФормирования="2026-01-12T10:30:00"'))
    found = exchange.read()
    assert found.last.as_of == START
    assert "timezone" in found.problems[0].message


def test_file_from_the_future_is_of_now(tmp_path: Path) -> None:
    """A clock that runs ahead on the file server does not hold off later readings."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", full(1), age=-3600)
    assert exchange.read().last.as_of == START


@pytest.mark.parametrize("cursor", ["", "yesterday", "{}", "[]", '{"of": 1}', "[" * 100_000])
def test_cursor_that_cannot_be_read_is_a_full_read(tmp_path: Path, cursor: str) -> None:
    """A damaged cursor loses nothing."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", full(1))
    assert exchange.read(cursor).last.complete


def test_cursor_of_other_settings_is_a_full_read(tmp_path: Path) -> None:
    """Another template makes other articles of the same files."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", full(1))
    cursor = exchange.read().cursor
    assert Exchange(tmp_path, sku="{id}").read(cursor).quantities == {"p1": 1}


def test_files_that_were_taken_away_are_nothing_new(tmp_path: Path) -> None:
    """A site that removes what it has read leaves an empty folder."""
    exchange = Exchange(tmp_path)
    path = exchange.put("offers.xml", full(1))
    cursor = exchange.read().cursor
    path.unlink()
    assert exchange.read(cursor).levels == []


def test_empty_folder_is_an_error_at_first(tmp_path: Path) -> None:
    """A path where nothing ever was is not an empty stock."""
    with pytest.raises(UnexpectedResponseError, match="let 1C export"):
        Exchange(tmp_path).read()


def test_share_that_is_not_mounted_may_pass(tmp_path: Path) -> None:
    """A folder that is not there is tried again."""
    with pytest.raises(TransientError, match="mounted"):
        Exchange(tmp_path / "gone").read()


@pytest.mark.parametrize("pattern", ["offers*.xml", "*/rests*.xml", "**/*.xml"])
def test_pattern(tmp_path: Path, pattern: str) -> None:
    """A pattern chooses files below its fixed part."""
    exchange = Exchange(tmp_path, path=tmp_path / pattern)
    exchange.put("offers.xml", full(1))
    exchange.put("2/rests.xml", full(2))
    assert exchange.read().quantities == ({"A-1": 1} if pattern == "offers*.xml" else {"A-2": 2})


def test_single_file_of_any_name(tmp_path: Path) -> None:
    """A file that is named is read whatever it is called."""
    exchange = Exchange(tmp_path, path=tmp_path / "Остатки.xml")
    exchange.put("Остатки.xml", full(1))
    assert exchange.read().quantities == {"A-1": 1}


def test_many_levels_come_in_pages(tmp_path: Path) -> None:
    """Twelve thousand levels are three readings; only the last is complete and has the cursor."""
    exchange = Exchange(tmp_path)
    exchange.put("rests.xml", package(*[offer(f"p{n}", rest(str(n)), f"S-{n}") for n in range(12_000)]))
    found = exchange.read()
    assert [len(reading.levels) for reading in found.readings] == [5_000, 5_000, 2_000]
    assert [reading.complete for reading in found.readings] == [False, False, True]
    assert [reading.cursor is not None for reading in found.readings] == [False, False, True]
    assert found.quantities == {f"S-{n}": n for n in range(12_000)}


def test_settings_come_from_a_file(tmp_path: Path) -> None:
    """The table of mpstock.toml makes the settings; a path is relative to the file, a wrong key is named."""
    told = {"path": "exchange/*.zip", "warehouses": {"03ce": "main"}, "sku": "{id}"}
    made = structure_settings(CommerceMLSettings, told, "[sources.erp]", base=tmp_path)
    assert made.path == tmp_path / "exchange/*.zip"
    assert made.warehouses == {"03ce": "main"}
    with pytest.raises(ConfigurationError, match="warehouse"):
        structure_settings(CommerceMLSettings, {**told, "warehause": "x"}, "[sources.erp]", base=tmp_path)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"warehouse": " x"}, "warehouse must be a name"),
        ({"warehouses": {"s1": ""}}, "warehouses must name a warehouse"),
        ({"empty": "none"}, "empty must be"),
        ({"rows_without_sku": "x"}, "rows_without_sku must be"),
        ({"timezone": "Moscow"}, "timezone must be a zone"),
        ({"path": Path("/")}, "path must be a folder"),
    ],
)
def test_bad_settings_name_key_and_mend(changed: dict[str, Any], says: str) -> None:
    """A wrong setting says which key it is and what to write."""
    with pytest.raises(ValueError, match=says):
        CommerceMLSettings(**{"path": Path("exchange"), **changed})
