"""The folder as an exchange over the network fills it: what is wanted, what is sound, what is overtaken."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from mpstock import Inbox
from mpstock_onec.commerceml_settings import CommerceMLSettings
from tests.onec_commerceml.exchange import SPEC, Exchange, catalogue, offer, package, rest, total

IDS = ["7a1c3f0e-0000-4000-8000-00000000000" + digit for digit in "123"]


def _inbox(path: Path) -> Inbox:
    assert SPEC.inbox is not None
    found = SPEC.inbox(CommerceMLSettings(path=path))
    assert found is not None
    return found


def _overtaken(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in _inbox(folder).overtaken())


@pytest.mark.parametrize("path", ["one.xml", "exchange/*.zip", "all.zip"])
def test_only_a_folder_can_be_fed(tmp_path: Path, path: str) -> None:
    """A source of one file or of a pattern has no inbox; a folder need not be there yet."""
    assert SPEC.inbox is not None
    assert SPEC.inbox(CommerceMLSettings(path=tmp_path / path)) is None
    assert _inbox(tmp_path / "not-yet").folder == tmp_path / "not-yet"


def test_what_is_wanted_is_told_by_its_name() -> None:
    """Stock and names are wanted, in whatever folder; prices, pictures, orders and clients are not."""
    inbox = _inbox(Path("in"))
    names = {
        "stock": ["offers.xml", "goods/1/rests___7a1c.xml", "Rests0_1.XML", "v8_1.zip"],
        "names": ["import.xml", "goods/1/import___7a1c.xml"],
        "": ["prices.xml", "import_files/ab/offers.jpg", "orders.xml", "contragents___1.xml", "offers", ""],
    }
    assert {name: inbox.use(name) for names_of in names.values() for name in names_of} == {
        name: use for use, names_of in names.items() for name in names_of
    }


def test_a_file_is_looked_through_to_its_end(tmp_path: Path) -> None:
    """A sound file has nothing wrong with it; what is cut off, or something else, is told with its name."""
    inbox, path = _inbox(tmp_path), tmp_path / "1.part"
    body = package(offer(inside=total("5"))).encode()
    path.write_bytes(body)
    assert inbox.check(path, "offers.xml") == ""
    path.write_bytes(body[:-10])
    assert inbox.check(path, "offers.xml").startswith("offers.xml: ")
    path.write_bytes(b"<html/>")
    assert "no CommerceML" in inbox.check(path, "offers.xml")
    assert inbox.check(tmp_path / "gone", "offers.xml").startswith("offers.xml: ")


def test_of_a_zip_only_what_counts_has_to_be_sound(tmp_path: Path) -> None:
    """A picture that looks like nothing harms nobody; offers that are cut off do, and are named."""
    path = tmp_path / "1.part"
    for offers, sound in ((package(offer(inside=total("5"))), True), (package()[:-3], False)):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("import_files/1.jpg", b"\xff\xd8")
            archive.writestr("prices.xml", b"<")
            archive.writestr("goods/1/offers.xml", offers)
        said = _inbox(tmp_path).check(path, "v8.zip")
        assert said == "" if sound else said.startswith("v8.zip:goods/1/offers.xml: ")


def test_what_is_on_its_way_is_not_seen(tmp_path: Path) -> None:
    """The source reads nothing in a hidden folder, whatever lies there."""
    exchange = Exchange(tmp_path)
    exchange.put("a/offers.xml", package(offer(inside=total("5"))), 60)
    exchange.put(".exchange/offers.xml", package(offer(inside=total("9"))))
    exchange.put("a/.tmp/offers.xml", package(offer(inside=total("9"))))
    assert exchange.read().quantities == {"A-1": 5}


def test_files_named_by_ids_are_portions_of_one_package(tmp_path: Path) -> None:
    """Of `rests___<id>.xml` none is everything by itself: what is missing counts once no other has come."""
    exchange = Exchange(tmp_path)
    exchange.put("import.xml", catalogue(("p1", "A-1"), ("p2", "A-2"), ("p3", "A-3")), 60)
    for at, one in enumerate(IDS, start=1):
        exchange.put(f"rests___{one}.xml", package(offer(f"p{at}", rest(str(at)), article=None)), 60 - at)
    first = exchange.read()
    assert first.quantities == {"A-1": 1, "A-2": 2, "A-3": 3}
    assert not first.last.complete
    second = exchange.read(first.last.cursor)
    assert second.last.complete


def test_what_a_newer_package_of_everything_has_overtaken(tmp_path: Path) -> None:
    """Offers and catalogues before the newest whole ones go; changes after these stay."""
    exchange = Exchange(tmp_path)
    whole, some = package(offer(inside=total("5"))), package(offer(inside=total("4")), changes=True)
    goods = catalogue(("p1", "A-1"))
    for at, (name, content) in enumerate(
        {
            "1/import.xml": goods,
            "1/offers.xml": whole,
            "2/offers.xml": some,
            "3/import.xml": goods,
            "3/offers.xml": whole,
            "4/import.xml": catalogue(("p1", "A-1"), changes=True),
            "4/offers.xml": some,
        }.items()
    ):
        exchange.put(name, content, 20_000 - 2_000 * at)
    before = exchange.read().quantities
    assert _overtaken(tmp_path) == ["1/import.xml", "1/offers.xml", "2/offers.xml"]
    for path in _inbox(tmp_path).overtaken():
        path.unlink()
    assert exchange.read().quantities == before == {"A-1": 4}
    assert _overtaken(tmp_path) == []


def test_nothing_is_overtaken_without_a_catalogue_of_everything(tmp_path: Path) -> None:
    """Names come from all catalogues together, so with changes of them alone every file stays."""
    exchange = Exchange(tmp_path)
    exchange.put("1/import.xml", catalogue(("p1", "A-1"), changes=True), 40)
    exchange.put("1/offers.xml", package(offer(inside=total("5"))), 30)
    exchange.put("2/offers.xml", package(offer(inside=total("5"))), 20)
    assert _overtaken(tmp_path) == []


def test_a_package_in_portions_keeps_the_one_before_it(tmp_path: Path) -> None:
    """Nobody says which portion is the last: a half package of everything must not make room too early."""
    exchange = Exchange(tmp_path)
    for day in range(3):
        age = 10_000 - 3_000 * day
        exchange.put(f"{day}/import.xml", catalogue(("p1", "A-1"), ("p2", "A-2")), age)
        for at, one in enumerate(IDS[:2], start=1):
            body = package(offer(f"p{at}", rest(str(at)), article=None))
            exchange.put(f"{day}/rests___{one}.xml", body, age - at)
    assert _overtaken(tmp_path) == ["0/import.xml", *(f"0/rests___{one}.xml" for one in IDS[:2])]


def test_a_zip_goes_as_a_whole(tmp_path: Path) -> None:
    """A zip of everything overtakes the one before it, although each of them has several files."""
    exchange = Exchange(tmp_path)
    for at in (1, 2):
        path = tmp_path / f"{at}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("import.xml", catalogue(("p1", "A-1")))
            archive.writestr("offers.xml", package(offer(inside=total("5"))))
        exchange.touch(path, 10_000 - 3_000 * at)
    assert _overtaken(tmp_path) == ["1.zip"]
