"""1C is pointed at us as at its site: what it is told, step by step, and that its numbers arrive."""

from __future__ import annotations

import io
import zipfile
from hashlib import sha256
from pathlib import Path
from random import Random
from urllib.parse import quote

import httpx
import pytest

from mpstock_onec.simulator_exchange import ExchangeFailedError
from tests.service.exchange.sites import (
    CATALOGUE,
    NAME,
    PASSWORD,
    SETTINGS,
    bad,
    offer,
    opened,
    package,
    play,
    rest,
    stock,
)

FILES = {"import.xml": CATALOGUE.encode(), "offers.xml": stock(5, 0, 7)}
PICTURE = b"".join(sha256(bytes([at])).digest() for at in range(100))
SMALL = "[service.exchange]\nfile_limit = 1024\n"


@pytest.mark.parametrize(
    ("version", "cookies", "zipped"),
    [("2.10", True, True), ("", True, False), ("2.10", False, True), ("", False, False)],
)
def test_what_a_whole_exchange_brings_is_shown(
    tmp_path: Path, version: str, cookies: bool, zipped: bool
) -> None:
    """New and old versions, packed or not, with a cookie or the password alone, all in portions."""

    async def scene() -> None:
        async with opened(tmp_path, f"{SMALL}zip = {str(zipped).lower()}") as site:
            onec = site.client(version=version, cookies=cookies)
            await onec.exchange({**FILES, "import_files/1.jpg": PICTURE})
            await site.settled()
            assert onec.zip is zipped
            assert site.shown == {"A-1": 5, "A-2": 0, "A-3": 7}
            # So many requests that the files were in portions indeed.
            assert sum(line.startswith("file") for line in onec.log) > 1
            assert site.lying == (["v8_6EF4_33.zip"] if zipped else ["import.xml", "offers.xml"])

    play(scene)


def test_changes_follow_a_package_of_everything(tmp_path: Path) -> None:
    """A second exchange with changes only moves what is in it, and leaves the rest as it was."""

    async def scene() -> None:
        async with opened(tmp_path) as site:
            await site.client().exchange(FILES)
            await site.service.engine.clock.sleep(60)
            await site.client().exchange({"offers.xml": stock(4, changes=True)})
            await site.settled()
            assert site.shown == {"A-1": 4, "A-2": 0, "A-3": 7}

    play(scene)


def test_the_answers_are_those_that_1c_knows(tmp_path: Path) -> None:
    """Five lines of checkauth, two of init, text in windows-1251; a failure says in Russian what is wrong."""

    async def scene() -> None:
        async with opened(tmp_path) as site:
            auth = (NAME.encode(), PASSWORD.encode())
            answer = await site.http.get("/exchange/erp?type=catalog&mode=checkauth", auth=auth)
            said = answer.text.splitlines()
            assert answer.headers["content-type"] == "text/plain; charset=windows-1251"
            assert (said[0], said[1]) == ("success", "mpstock_exchange")
            assert len(said[2]) >= 40
            assert said[3].startswith("sessid=")
            assert said[4].startswith("timestamp=")
            # It is the same in the header, for clients that keep cookies by themselves.
            assert f"mpstock_exchange={said[2]}" in answer.headers["set-cookie"]
            answer = await site.http.get("/exchange/erp?type=catalog&mode=init")
            assert answer.text == "zip=yes\nfile_limit=1000000\n"
            answer = await site.http.get("/exchange/erp?type=catalog&mode=import&filename=no.xml")
            assert answer.status_code == 200
            assert answer.content.startswith(b"success")
            answer = await site.http.get("/exchange/erp?type=catalog&mode=import&filename=offers.xml")
            assert answer.content == "failure\nФайл offers.xml не передан в этом обмене.\n".encode("cp1251")

    play(scene)


@pytest.mark.parametrize(
    "path",
    [
        "/exchange/erp",
        "/exchange/onec_commerceml",
        "/exchange/erp/1c_exchange.php",
        "/exchange/erp/bitrix/admin/1c_exchange.php",
        "/bitrix/admin/1c_exchange.php",
        "/1c_exchange.php",
    ],
)
def test_an_address_may_be_what_1c_makes_of_it(tmp_path: Path, path: str) -> None:
    """Some versions add the path of a well-known site to what was typed; a sole source needs no name."""

    async def scene() -> None:
        async with opened(tmp_path) as site:
            site.path = path
            await site.client().exchange(FILES)
            assert len(site.lying) == 1

    play(scene)


def test_which_source_is_meant_must_be_clear(tmp_path: Path) -> None:
    """An unknown source, and none named where there are two, is told with those that there are."""
    two = SETTINGS.replace(
        "[sinks.shop]", '[sources.second]\nplugin = "onec_commerceml"\npath = "two"\n\n[sinks.shop]'
    )

    async def scene() -> None:
        async with opened(tmp_path, settings=two) as site:
            for path in ("/exchange/third", "/1c_exchange.php"):
                site.path = path
                with pytest.raises(ExchangeFailedError, match="erp, second"):
                    await site.client().check_in()

    play(scene)


def test_orders_are_answered_with_none(tmp_path: Path) -> None:
    """A 1C that is set up for orders too gets an empty document and goes on."""

    async def scene() -> None:
        async with opened(tmp_path) as site:
            onec = site.client()
            await onec.check_in("sale")
            await onec.init("sale")
            assert not onec.zip
            said = await onec.query()
            assert "КоммерческаяИнформация" in said
            assert "Документ" not in said
            await onec.command("success", "sale")
            await onec.portion("orders.xml", b"<x/>", "sale")
            await onec.command("import", "sale", filename="orders.xml")
            assert "Справочник" in (await onec._ask("GET", "sale", "info"))[1]
            assert site.staged == []

    play(scene)


def test_one_login_serves_goods_and_orders(tmp_path: Path) -> None:
    """Some log in for orders once and then send goods, or ask for orders in the middle of that."""

    async def scene() -> None:
        async with opened(tmp_path) as site:
            onec = site.client()
            await onec.check_in("sale")
            await onec.init()
            for name, body in onec.packed(FILES).items():
                await onec.send(name, body)
            await onec.init("sale")
            await onec.query()
            onec.zip = True
            for name in FILES:
                await onec.take(name)
            await site.settled()
            assert site.shown == {"A-1": 5, "A-2": 0, "A-3": 7}

    play(scene)


def test_who_has_no_password_gets_nowhere(tmp_path: Path) -> None:
    """A wrong or no password is told, at every step and in words; a made-up cookie opens nothing."""

    async def scene() -> None:
        async with opened(tmp_path) as site:
            for name, password in ((NAME, "guess"), ("nobody", PASSWORD), (NAME, "")):
                with pytest.raises(ExchangeFailedError, match="пароль"):
                    await site.client(name, password).check_in()
            for mode in ("checkauth", "init", "file&filename=a.xml", "import&filename=a.xml", "complete"):
                for headers in ({}, {"Cookie": "mpstock_exchange=guess"}, {"Authorization": "Basic !"}):
                    answer = await site.http.post(f"/exchange/erp?type=catalog&mode={mode}", headers=headers)
                    assert answer.text.startswith("failure"), (mode, headers)
            answer = await site.http.get("/exchange/erp?type=sale&mode=query")
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Basic ")
            assert site.staged == []

    play(scene)


def test_without_users_nobody_may_come_in(tmp_path: Path) -> None:
    """Where no user is set, that is what 1C is told."""
    nobody = SETTINGS.split("[service.webhooks]", 1)[0]

    async def scene() -> None:
        async with opened(tmp_path, settings=nobody) as site:
            with pytest.raises(ExchangeFailedError, match=r"\[service.webhooks\] users"):
                await site.client().check_in()

    play(scene)


def test_a_name_in_windows_1251_is_understood(tmp_path: Path) -> None:
    """Old versions write names, passwords and addresses in the encoding of their Windows."""

    async def scene() -> None:
        async with opened(tmp_path) as site:
            old = (NAME.encode("cp1251"), PASSWORD.encode("cp1251"))
            answer = await site.http.get("/exchange/erp?type=catalog&mode=checkauth", auth=old)
            assert answer.text.startswith("success")
            await site.http.get("/exchange/erp?type=catalog&mode=init")
            named = quote("склад/offers.xml".encode("cp1251"))
            await site.http.post(f"/exchange/erp?type=catalog&mode=file&filename={named}", content=stock(1))
            answer = await site.http.get(f"/exchange/erp?type=catalog&mode=import&filename={named}")
            assert answer.text.startswith("success")
            assert site.lying == ["склад/offers.xml"]

    play(scene)


@pytest.mark.parametrize(
    "name",
    ["../offers.xml", "a/../../offers.xml", "/etc/passwd/../offers.xml", ".exchange/session.json",
     "a\\..\\b.xml", "c:/offers.xml", "nul.xml", "offers.xml\0.zip", "a" * 300 + ".xml",
     "a/" * 20 + "offers.xml", "", "offers.xml.", "a//offers.xml"],
)  # fmt: skip
def test_no_name_of_a_file_leads_anywhere_else(tmp_path: Path, name: str) -> None:
    """A name that leads out of the exchange, or that some system takes for another one, is refused."""

    async def scene() -> None:
        async with opened(tmp_path) as site:
            onec = site.client()
            await onec.check_in()
            await onec.init()
            with pytest.raises(ExchangeFailedError, match="не подходит"):
                await onec.portion(name, stock(9))
            assert site.lying == []
            assert site.staged == ["session.json"]

    play(scene)


def test_pictures_and_prices_are_taken_and_dropped(tmp_path: Path) -> None:
    """What the source has no use for is no reason to fail, and takes no room."""

    async def scene() -> None:
        async with opened(tmp_path, f"{SMALL}zip = no\n".replace("no", "false")) as site:
            onec = site.client()
            extra = {
                "import_files/ab/1.jpg": b"\xff" * 5000,
                "prices.xml": b"<not even xml",
                "goods/1/docs.xml": b"",
            }
            await onec.exchange({**FILES, **extra})
            await site.settled()
            assert site.shown["A-3"] == 7
            assert site.lying == ["import.xml", "offers.xml"]

    play(scene)


def test_portions_of_a_package_are_read_once_and_are_one(tmp_path: Path) -> None:
    """A new version sends rests in files named by ids; the last of them is the one that all are read by."""
    ids = ["7a1c3f0e-0000-4000-8000-00000000000" + digit for digit in "123"]
    files = {f"goods/1/import___{ids[0]}.xml": CATALOGUE.encode()}
    for at, one in enumerate(ids, start=1):
        files[f"goods/1/rests___{one}.xml"] = package(offer(f"p{at}", rest(str(at)), article=None)).encode()

    async def scene() -> None:
        async with opened(tmp_path, "[service.exchange]\nzip = false") as site:
            with site.service.news.listen() as events:
                await site.client().exchange(files)
                await site.settled()
                runs = 0
                async for event in events:
                    runs += event.kind == "run_finished"
                    if event.kind == "job_finished" and not site.service.runner.waiting:
                        break
            assert site.shown == {"A-1": 1, "A-2": 2, "A-3": 3}
            assert runs <= 2

    play(scene)


def test_a_broken_file_is_told_and_never_seen(tmp_path: Path) -> None:
    """What ends in the middle or is no XML is refused with its place; what was shown stays."""

    async def scene() -> None:
        async with opened(tmp_path) as site:
            await site.client().exchange(FILES)
            lying = site.lying
            for body in (bad(), b"<html>502</html>", b""):
                with pytest.raises(ExchangeFailedError, match=r"offers\.xml"):
                    await site.client().exchange({"offers.xml": body})
                assert site.lying == lying
            await site.settled()
            assert site.shown == {"A-1": 5, "A-2": 0, "A-3": 7}

    play(scene)


def test_half_a_full_exchange_is_held(tmp_path: Path) -> None:
    """A package of everything in which most goods are missing zeroes nothing: the guard holds it."""
    skus = ", ".join(f'"A-{at}"' for at in range(1, 81))
    large = SETTINGS.replace('"A-1", "A-2", "A-3"', skus)
    whole, half = stock(*[5] * 80), stock(*[4] * 30)

    async def scene() -> None:
        async with opened(tmp_path, settings=large) as site:
            await site.client().exchange({"offers.xml": whole})
            await site.settled()
            await site.service.engine.clock.sleep(60)
            await site.client().exchange({"offers.xml": half})
            await site.settled()
            shown = [site.shows(f"A-{at}") for at in range(1, 81)]
            assert shown == [4] * 30 + [5] * 50

    play(scene)


def test_a_command_that_is_none_is_told(tmp_path: Path) -> None:
    """An unknown type or mode is a failure in words, not a page of an error."""

    async def scene() -> None:
        async with opened(tmp_path) as site:
            onec = site.client()
            await onec.check_in()
            for kind, mode in (("catalog", "explode"), ("crm", "init"), ("catalog", "")):
                with pytest.raises(ExchangeFailedError, match="Неизвестная команда"):
                    await onec.command(mode, kind)

    play(scene)


def test_it_can_be_mounted_anywhere(tmp_path: Path) -> None:
    """Under the path of a host the exchange is the same."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from mpstock.service import create_app
    from mpstock.testing import VirtualClock
    from mpstock_onec.simulator_exchange import ExchangeClient

    async def scene() -> None:
        (tmp_path / "mpstock.toml").write_text(SETTINGS, encoding="utf-8")
        app = create_app(tmp_path / "mpstock.toml", schedule=False, clock=VirtualClock())
        host = Starlette(routes=[Mount("/stock/here", app)])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(host), base_url="http://host") as http:
            await ExchangeClient(http, "/stock/here/exchange/erp", NAME, PASSWORD).exchange(FILES)
        await app.state.service.stop()

    play(scene)


def test_who_guesses_is_slowed_down(tmp_path: Path) -> None:
    """After too many wrong passwords from one address none is looked at for a while, right or wrong."""

    async def scene() -> None:
        async with opened(tmp_path) as site:
            said = ""
            for guess in range(200):
                with pytest.raises(ExchangeFailedError) as caught:
                    await site.client(NAME, str(guess)).check_in()
                said = str(caught.value)
                if "Слишком много" in said:
                    break
            assert "Слишком много" in said
            with pytest.raises(ExchangeFailedError, match="Слишком много"):
                await site.client().check_in()
            await site.service.engine.clock.sleep(10)
            await site.client().check_in()

    play(scene)


def test_the_cookie_goes_over_tls_only_where_that_is_how_we_are_reached(tmp_path: Path) -> None:
    """Behind a proxy it is `public_url` that says so."""
    outside = SETTINGS.replace(
        "[service.webhooks]", '[service]\npublic_url = "https://site"\n[service.webhooks]'
    )

    async def scene() -> None:
        for text, secure in ((SETTINGS, False), (outside, True)):
            async with opened(tmp_path, settings=text) as site:
                auth = (NAME.encode(), PASSWORD.encode())
                answer = await site.http.get("/exchange/erp?mode=checkauth", auth=auth)
                assert ("secure" in answer.headers["set-cookie"].lower()) is secure
                assert "httponly" in answer.headers["set-cookie"].lower()

    play(scene)


def test_whatever_is_asked_is_answered_in_lines_that_1c_knows(tmp_path: Path) -> None:
    """No order of commands, name or body brings an error page, a line of a stranger, or a file elsewhere."""
    chance = Random(20260112)
    modes = [
        "checkauth",
        "init",
        "file",
        "import",
        "deactivate",
        "complete",
        "query",
        "info",
        "success",
        "x",
        "",
    ]
    names = (
        "import.xml offers.xml goods/1/rests___1.xml v8.zip a.jpg ../../x.xml %0A.zip %00 "
        "offers.xml%0Asuccess "
        ".exchange/session.json прайс.xml %FF%FE.xml con.xml " + "a" * 250
    ).split()
    members = io.BytesIO()
    with zipfile.ZipFile(members, "w") as archive:
        archive.writestr("offers\nsuccess.xml", b"<broken")
    bodies = [b"", b"<", stock(1, 2), CATALOGUE.encode(), members.getvalue(), bytes(range(256)) * 9]

    async def scene() -> None:
        async with opened(tmp_path, SMALL) as site:
            auth = (NAME.encode(), PASSWORD.encode())
            seen: set[str] = set()
            for _ in range(400):
                kind = chance.choice(["catalog", "catalog", "catalog", "sale", "reference"])
                query = f"type={kind}&mode={chance.choice(modes)}&filename={chance.choice(names)}"
                query += chance.choice(["", "", "&sessid=1", "&version=3.1", "&&=", "&timestamp=x"])
                if chance.random() < 0.1:
                    site.http.cookies.clear()
                answer = await site.http.request(
                    chance.choice(["GET", "POST"]),
                    f"/exchange/erp?{query}",
                    content=chance.choice(bodies),
                    auth=auth,
                )
                assert answer.status_code in (200, 404), (query, answer.text)
                first, *more = answer.text.splitlines()
                assert first in ("success", "failure", "progress") or first.startswith(("zip=", "<?xml")), (
                    query
                )
                assert "success" not in more
                assert len(more) <= 5
                seen.add(first[:7])
            assert {"success", "failure", "zip=yes", "<?xml v"} <= seen

    play(scene)
    outside = {path.name for path in tmp_path.iterdir() if not path.name.startswith("ledger")}
    assert outside <= {"mpstock.toml", "received"}
