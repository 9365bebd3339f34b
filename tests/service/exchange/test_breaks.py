"""An exchange that breaks, comes twice, meets another one or outlives its process takes nothing half."""

from __future__ import annotations

import asyncio
import io
import os
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mpstock.errors import LedgerError
from mpstock_onec.simulator_exchange import ExchangeClient, ExchangeFailedError
from tests.service.exchange.sites import CATALOGUE, Site, bad, opened, play, stock

PLAIN = "[service.exchange]\nzip = false\nfile_limit = 1024\n"
OFFERS = stock(*range(1, 40))


class _CutOffError(Exception):
    """The connection has broken."""


async def _begun(site: Site) -> ExchangeClient:
    onec = site.client()
    await onec.check_in()
    await onec.init()
    return onec


def _portions(body: bytes = OFFERS) -> list[bytes]:
    found = [body[start : start + 1024] for start in range(0, len(body), 1024)]
    assert len(found) > 2
    return found


def _received(site: Site, name: str = "offers.xml") -> bytes:
    (path,) = (site.folder / "received").glob(f"exchange-*/**/{name}")
    return path.read_bytes()


def test_a_portion_that_comes_twice_counts_once(tmp_path: Path) -> None:
    """Who got no answer sends a portion again: the first, one in the middle, or the last."""

    async def scene() -> None:
        async with opened(tmp_path, PLAIN) as site:
            onec = await _begun(site)
            for portion in _portions():
                await onec.portion("offers.xml", portion)
                await onec.portion("offers.xml", portion)
            await onec.take("offers.xml")
            assert _received(site) == OFFERS

    play(scene)


def test_a_file_that_is_sent_anew_begins_anew(tmp_path: Path) -> None:
    """A client that was started again after half a file sends it from its beginning."""

    async def scene() -> None:
        async with opened(tmp_path, PLAIN) as site:
            onec = await _begun(site)
            for portion in [*_portions()[:2], *_portions()]:
                await onec.portion("offers.xml", portion)
            await onec.take("offers.xml")
            assert _received(site) == OFFERS

    play(scene)


def test_a_portion_that_is_cut_off_leaves_nothing(tmp_path: Path) -> None:
    """The connection breaks within a portion: it is sent again, and nothing of the first try stays."""

    async def scene() -> None:
        async with opened(tmp_path, PLAIN) as site:
            onec = await _begun(site)
            first, second, *others = _portions()

            async def broken() -> AsyncIterator[bytes]:
                yield second[:100]
                raise _CutOffError

            await onec.portion("offers.xml", first)
            with pytest.raises(_CutOffError):
                await onec.portion("offers.xml", broken())  # type: ignore[arg-type]
            assert site.staged == ["1.part", "session.json"]
            for portion in (second, *others):
                await onec.portion("offers.xml", portion)
            await onec.take("offers.xml")
            assert _received(site) == OFFERS

    play(scene)


def test_an_exchange_goes_on_in_the_next_process(tmp_path: Path) -> None:
    """The service is restarted between two portions, and again before the import: 1C does not notice."""

    async def scene() -> None:
        onec: ExchangeClient | None = None
        for portion in _portions():
            async with opened(tmp_path, PLAIN) as site:
                if onec is None:
                    onec = await _begun(site)
                onec.http = site.http
                await onec.portion("offers.xml", portion)
        assert onec is not None
        async with opened(tmp_path, PLAIN) as site:
            onec.http = site.http
            await onec.take("offers.xml")
            await site.settled()
            assert site.shown == {"A-1": 1, "A-2": 2, "A-3": 3}

    play(scene)


def test_what_a_crash_left_of_a_portion_is_overwritten(tmp_path: Path) -> None:
    """A process dies while it writes: what was not answered is not there any more when 1C repeats it."""

    async def scene() -> None:
        first, second, *others = _portions()
        async with opened(tmp_path, PLAIN) as site:
            onec = await _begun(site)
            await onec.portion("offers.xml", first)
            with (tmp_path / "received/.exchange/1.part").open("ab") as stream:
                stream.write(second[:77])
        async with opened(tmp_path, PLAIN) as site:
            onec.http = site.http
            for portion in (second, *others):
                await onec.portion("offers.xml", portion)
            await onec.take("offers.xml")
            assert _received(site) == OFFERS

    play(scene)


@pytest.mark.parametrize("left", ["", "{", '{"token": 1}', None])
def test_an_exchange_that_cannot_be_gone_on_with_says_so(tmp_path: Path, left: str | None) -> None:
    """After a restart without a readable record, or with less on the disk than answered, 1C begins anew."""

    async def scene() -> None:
        async with opened(tmp_path, PLAIN) as site:
            onec = await _begun(site)
            await onec.portion("offers.xml", _portions()[0])
        hidden = tmp_path / "received/.exchange"
        if left is None:
            (hidden / "1.part").write_bytes(b"less")
        else:
            (hidden / "session.json").write_text(left)
        async with opened(tmp_path, PLAIN) as site:
            onec.http = site.http
            with pytest.raises(ExchangeFailedError, match="заново"):
                await onec.portion("offers.xml", _portions()[1])
            await onec.exchange({"offers.xml": OFFERS})
            assert _received(site) == OFFERS

    play(scene)


def test_a_file_that_was_placed_and_not_read_is_read_by_the_next_process(tmp_path: Path) -> None:
    """The process ends between the file's place and its reading; 1C asks again, or not: the numbers come."""

    async def scene() -> None:
        async with opened(tmp_path, PLAIN) as site:
            onec = await _begun(site)
            await onec.send("offers.xml", OFFERS)
            # Nothing runs any more, as after SIGTERM.
            site.service.runner.close()
            with pytest.raises(ExchangeFailedError, match="stopping"):
                await onec.take("offers.xml")
            assert site.lying == ["offers.xml"]
        async with opened(tmp_path, PLAIN) as site:
            onec.http = site.http
            await onec.take("offers.xml")
            await site.settled()
            assert site.shown == {"A-1": 1, "A-2": 2, "A-3": 3}

    play(scene)


def test_two_at_once_do_not_mix(tmp_path: Path) -> None:
    """The second is told to come later while the first goes on, and may take the place of one gone silent."""

    async def scene() -> None:
        async with opened(tmp_path, PLAIN) as site:
            first = await _begun(site)
            await first.portion("offers.xml", _portions()[0])
            second = site.client("other", "other-secret")
            await second.check_in()
            with pytest.raises(ExchangeFailedError, match="Идёт другой обмен"):
                await second.init()
            # Who has not begun cannot add to what another one sends.
            with pytest.raises(ExchangeFailedError, match="Идёт другой обмен"):
                await second.portion("offers.xml", b"x" * 50)
            with pytest.raises(ExchangeFailedError, match="пароль"):
                await site.client("other", "other-secret", cookies=False, version="").portion(
                    "offers.xml", b"x"
                )
            await site.service.engine.clock.sleep(301)
            await second.init()
            with pytest.raises(ExchangeFailedError, match="сменился"):
                await first.portion("offers.xml", _portions()[1])
            await second.send("offers.xml", OFFERS)
            await second.take("offers.xml")
            assert _received(site) == OFFERS

    play(scene)


def test_whose_exchange_has_failed_may_begin_anew_at_once(tmp_path: Path) -> None:
    """A refusal ends an exchange, so the next one need not wait; a test of the connection bars nobody."""

    async def scene() -> None:
        async with opened(tmp_path, PLAIN) as site:
            onec = await _begun(site)
            await onec.send("offers.xml", bad())
            for _ in range(2):
                with pytest.raises(ExchangeFailedError, match=r"offers\.xml"):
                    await onec.take("offers.xml")
            await site.client("other", "other-secret").check_in()
            await site.client().exchange({"offers.xml": OFFERS})
            assert site.lying == ["offers.xml"]

    play(scene)


def test_nothing_out_of_order_is_taken(tmp_path: Path) -> None:
    """An import of what was not sent, an end of what was not begun: each is told."""

    async def scene() -> None:
        async with opened(tmp_path, PLAIN) as site:
            onec = site.client()
            await onec.check_in()
            onec.file_limit = 1024
            for step in (onec.take("offers.xml"), onec.command("complete"), onec.command("deactivate")):
                with pytest.raises(ExchangeFailedError, match="заново"):
                    await step
            await onec.init()
            with pytest.raises(ExchangeFailedError, match="не передан"):
                await onec.take("offers.xml")

    play(scene)


@pytest.mark.parametrize("cookies", [True, False])
def test_a_version_that_leaves_init_out_is_understood(tmp_path: Path, cookies: bool) -> None:
    """The first file begins the exchange, each time anew; not while another one is under way."""

    async def scene() -> None:
        async with opened(tmp_path, PLAIN) as site:
            for numbers in ((5, 6, 7), (4, 6, 7)):
                onec = site.client(cookies=cookies, version="")
                await onec.check_in()
                onec.file_limit = 1024
                await onec.send("offers.xml", stock(*numbers))
                other = site.client("other", "other-secret", version="")
                await other.check_in()
                with pytest.raises(ExchangeFailedError, match="другой обмен"):
                    await other.portion("offers.xml", b"x")
                await onec.take("offers.xml")
                await onec.command("complete")
                await site.settled()
                await site.service.engine.clock.sleep(600)
            assert site.shown == {"A-1": 4, "A-2": 6, "A-3": 7}
            assert site.lying == ["offers.xml", "offers.xml"]

    play(scene)


def test_a_file_is_known_without_its_folders(tmp_path: Path) -> None:
    """What was sent with folders, in a zip or not, is found by its own name alone."""

    async def scene() -> None:
        for zipped in ("true", "false"):
            async with opened(tmp_path, f"[service.exchange]\nzip = {zipped}\n") as site:
                onec = await _begun(site)
                for name, body in onec.packed({"webdata/goods/1/Offers.xml": OFFERS}).items():
                    await onec.send(name, body)
                await onec.take("offers.xml")
                await onec.command("complete")
                assert len(site.lying) >= 1

    play(scene)


def test_portions_that_come_at_once_are_bounded_together(tmp_path: Path) -> None:
    """A client that opens many connections cannot bring more than `max_size` over all of them."""

    async def scene() -> None:
        async with opened(tmp_path, f"{PLAIN}max_size = 4096\n") as site:
            onec = await _begun(site)
            gate = asyncio.Event()

            async def slow() -> AsyncIterator[bytes]:
                yield b"x" * 1500
                await gate.wait()

            sent = [asyncio.ensure_future(onec.portion(f"offers{n}.xml", slow())) for n in range(4)]  # type: ignore[arg-type]
            await site.service.engine.clock.sleep(1)
            gate.set()
            ended = await asyncio.gather(*sent, return_exceptions=True)
            assert any("max_size" in str(one) for one in ended)
            assert sum(path.stat().st_size for path in (tmp_path / "received/.exchange").glob("*.p*")) <= 4096

    play(scene)


def test_a_second_file_of_one_name_is_another_file(tmp_path: Path) -> None:
    """Some versions send and import portion after portion under one name: none overwrites the one before."""

    async def scene() -> None:
        async with opened(tmp_path, PLAIN) as site:
            onec = await _begun(site)
            for numbers in ((5, 6, 7), (4,)):
                await onec.send("offers.xml", stock(*numbers, changes=True))
                await onec.take("offers.xml")
            await site.settled()
            assert site.lying == ["again-2/offers.xml", "offers.xml"]
            assert site.shown == {"A-1": 4, "A-2": 6, "A-3": 7}

    play(scene)


def test_an_exchange_is_bounded(tmp_path: Path) -> None:
    """More than `max_size` is refused while it comes, and what had come is gone with the next exchange."""

    async def scene() -> None:
        async with opened(tmp_path, f"{PLAIN}max_size = 4096\n") as site:
            onec = await _begun(site)
            with pytest.raises(ExchangeFailedError, match="max_size"):
                await onec.send("offers.xml", OFFERS * 3)
            size = sum(path.stat().st_size for path in (tmp_path / "received/.exchange").glob("*.part"))
            assert size <= 4096
            await _begun(site)
            assert site.staged == ["session.json"]

    play(scene)


def _zip(how: int = zipfile.ZIP_DEFLATED, **members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive:
        for name, body in members.items():
            archive.writestr(f"{name}.xml", body)
    return buffer.getvalue()


def _encrypted(body: bytes) -> bytes:
    # The flag in the directory is all that is looked at.
    at = body.rindex(b"PK\x01\x02") + 8
    return body[:at] + bytes([body[at] | 1]) + body[at + 1 :]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (_zip(offers=b" " * 300_000), "max_size"),
        (_zip(offers=OFFERS)[:-30], "повреждён"),
        (b"no zip at all, but long enough for a head", "повреждён"),
        (_encrypted(_zip(offers=OFFERS)), "зашифрован"),
        (_zip(offers=bad()), r"offers\.xml"),
        (_zip(zipfile.ZIP_STORED, offers=OFFERS).replace(b"A-7", b"A-8"), r"offers\.xml"),
    ],
)
def test_a_zip_that_is_not_sound_is_refused(tmp_path: Path, body: bytes, said: str) -> None:
    """A bomb, half a zip, no zip, an encrypted one, one with a broken file in it: nothing of it is used."""

    async def scene() -> None:
        async with opened(tmp_path, "[service.exchange]\nmax_size = 200000\n") as site:
            onec = await _begun(site)
            await onec.send("v8.zip", body)
            with pytest.raises(ExchangeFailedError, match=said):
                await onec.take("offers.xml")
            assert site.lying == []

    play(scene)


def test_1c_is_told_progress_while_a_run_is_under_way(tmp_path: Path) -> None:
    """What waits for a long run is answered in time with `progress`, and after two minutes with `success`."""

    async def scene() -> None:
        async with opened(tmp_path, PLAIN) as site:
            from mpstock.service.runner import Job

            gate = asyncio.Event()

            async def long(_shop: object, _progress: object) -> None:
                await gate.wait()

            await site.settled()
            site.service.runner.ask(Job("full", long))
            await site.service.engine.clock.sleep(1)
            onec = await _begun(site)
            await onec.send("offers.xml", OFFERS)
            clock = site.service.engine.clock
            began = clock.monotonic()
            asked = await onec.take("offers.xml")
            waited = clock.monotonic() - began
            assert 5 <= asked <= 8
            assert 110 <= waited <= 130
            assert site.shown["A-1"] == 0
            gate.set()
            await site.settled()
            assert site.shown == {"A-1": 1, "A-2": 2, "A-3": 3}

    play(scene)


def test_what_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are sound and the run fails: 1C gets the reason and sends again at its next exchange."""

    async def scene() -> None:
        async with opened(tmp_path, PLAIN) as site:

            async def fail(**_: object) -> None:
                raise LedgerError("the disk is gone")

            with monkeypatch.context() as patched:
                patched.setattr(site.service.shop, "sync", fail)
                with pytest.raises(ExchangeFailedError, match="the disk is gone"):
                    await site.client().exchange({"offers.xml": OFFERS})
            await site.client().exchange({"offers.xml": OFFERS})
            await site.settled()
            assert site.shown["A-3"] == 3

    play(scene)


def test_what_was_overtaken_is_removed(tmp_path: Path) -> None:
    """A newer package of everything makes room; changes after it stay, and what a person put there too."""

    async def scene() -> None:
        async with opened(tmp_path, PLAIN) as site:
            whole = {"import.xml": CATALOGUE.encode(), "offers.xml": stock(5, 6, 7)}
            clock = site.service.engine.clock
            mine = tmp_path / "received/by hand/offers.xml"
            mine.parent.mkdir(parents=True)
            mine.write_bytes(stock(1, 1, 1))
            os.utime(mine, (0, 0))
            for files in (
                whole,
                {"offers.xml": stock(4, changes=True)},
                whole,
                {"offers.xml": stock(3, changes=True)},
            ):
                await site.client().exchange(files)
                await site.settled()
                await clock.sleep(3600)
            await _begun(site)
            assert site.lying == ["import.xml", "offers.xml", "offers.xml", "offers.xml"]
            assert mine.exists()
            assert len(list((tmp_path / "received").glob("exchange-*"))) == 2
            # A reading from the very beginning comes to the same.
            await site.service.shop.sync(full=True)
            assert site.shown == {"A-1": 3, "A-2": 6, "A-3": 7}

    play(scene)


def test_an_exchange_that_nobody_ends_is_forgotten(tmp_path: Path) -> None:
    """What was sent and never imported goes after six hours."""

    async def scene() -> None:
        async with opened(tmp_path, PLAIN) as site:
            onec = await _begun(site)
            await onec.send("offers.xml", OFFERS)
            await site.service.engine.clock.sleep(6 * 3600 + 1)
            with pytest.raises(ExchangeFailedError, match="заново"):
                await onec.take("offers.xml")
            assert site.staged == []
            assert site.lying == []

    play(scene)


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no room is left 1C is told so, and nothing of the portion stays."""

    async def scene() -> None:
        async with opened(tmp_path, PLAIN) as site:
            onec = await _begun(site)
            with monkeypatch.context() as patched:
                patched.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
                with pytest.raises(ExchangeFailedError, match="нет места"):
                    await onec.portion("offers.xml", _portions()[0])
            assert site.staged == ["session.json"]

    play(scene)


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    """A file in the place of the folder is an error of this side; 1C gets its reason in words."""
    (tmp_path / "received").write_text("a file")

    async def scene() -> None:
        async with opened(tmp_path, PLAIN) as site:
            onec = site.client()
            await onec.check_in()
            with pytest.raises(ExchangeFailedError, match="не может записать"):
                await onec.init()

    play(scene)
