"""Tapes: what a run leaves behind, and what is done about a tape that is not whole."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import mpstock
from mpstock import Replay
from mpstock.config import TapeSettings
from mpstock.errors import ConfigurationError
from mpstock.tapes import begin_tape
from tests.reconcile.shops import REGISTRY, Play, make


def tapes(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl.gz"))


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in zlib.decompress(path.read_bytes(), 31).decode().splitlines()]


def record(play: Play, folder: Path, **keys: Any) -> mpstock.Report:
    return play.sync(tape=folder, **keys)


def again(folder: Path, **keys: Any) -> Replay:
    return mpstock.replay(folder, plugins=REGISTRY, **keys)


def kinds(path: Path) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for line in lines(path):
        found[line["t"]] = found.get(line["t"], 0) + 1
    return found


def test_a_tape_has_what_was_read_reckoned_and_sent(tmp_path: Path) -> None:
    """One run: what the source said, the numbers with what they are made of, what was sent, its report."""
    play, source, account = make(tmp_path, {"A": 5, "B": 7})
    play.sync()
    source.set("A", 3)
    account.buy("B", 2, "main", key="order-1")
    report = record(play, tmp_path / "t")
    (path,) = tapes(tmp_path / "t")
    found = lines(path)
    (head,) = [line for line in found if line["t"] == "tape"]
    assert (head["run"], head["kind"], head["read"]) == (report.run, "sync", "everything")
    assert [line["levels"] for line in found if line["t"] == "read"] == [[["A", "main", 3, 0, None]]]
    orders = [row[:5] for line in found if line["t"] == "orders" for row in line["orders"]]
    assert ["order-1", "B", "B", "main", 2] in orders
    numbers = {line["facts"]["sku"]: line["wanted"] for line in found if line["t"] == "product"}
    assert numbers == {"A": [["shop", "main", 3]], "B": [["shop", "main", 5]]}
    sent = [row[1:5] for line in found if line["t"] == "sent" for row in line["changes"]]
    assert ["A", 5, 3, "ok"] in sent
    assert found[-1]["report"]["run"] == report.run


def test_the_first_and_each_full_tape_have_all_products(tmp_path: Path) -> None:
    """What did not move is on it too, looked at only; on the others are those that moved."""
    play, source, _ = make(tmp_path, {"A": 5, "B": 7})
    play.sync()
    folder = tmp_path / "t"
    record(play, folder)
    source.set("A", 3)
    record(play, folder)
    record(play, folder, full=True)
    assert [kinds(path).get("product", 0) for path in tapes(folder)] == [2, 1, 2]
    assert ["whole" in path.name for path in tapes(folder)] == [True, False, True]


def test_the_settings_record_every_run_and_let_old_tapes_go(tmp_path: Path) -> None:
    """With `[tapes] directory` each run leaves a tape; those older than `keep` go, no other files."""
    play, _, _ = make(tmp_path, {"A": 5})
    folder = tmp_path / "t"
    play.tapes = TapeSettings(folder, keep=timedelta(days=1))
    play.sync()
    (folder / "notes-of-mine.jsonl.gz").write_bytes(b"")
    first = tapes(folder)[0]
    play.clock.advance(2 * 86400)
    play.sync()
    assert first not in tapes(folder)
    assert len(tapes(folder)) == 2
    assert (folder / "notes-of-mine.jsonl.gz").exists()


def test_a_tape_that_cannot_be_written_stops_no_run(tmp_path: Path) -> None:
    """Where the folder should be there is a file: the numbers are sent, and the report says it."""
    play, _, account = make(tmp_path, {"A": 5})
    (tmp_path / "t").write_text("no folder", encoding="utf-8")
    report = record(play, tmp_path / "t")
    assert (report.exit_code, account.shown["A", "main"]) == (0, 5)
    assert any("could not be written" in note for note in report.notes)


def test_a_disk_that_is_full_stops_no_run(tmp_path: Path) -> None:
    """The tape ends where the disk does: what was written is read, the rest is passed over in silence."""
    tape = begin_tape(tmp_path, run=1, started=make(tmp_path, {})[0].clock.now(), header={"read": "x"})
    assert tape._file is not None
    tape._file.close()
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    tape._file = full.open("wb", buffering=0)
    tape.whole()
    tape.whole()
    assert "No space left" in tape.trouble


def test_no_secret_is_on_a_tape(tmp_path: Path) -> None:
    """What an adapter says of its failure goes there without its keys."""
    tape = begin_tape(
        tmp_path, run=1, started=make(tmp_path, {})[0].clock.now(), header={}, secrets=["s3cret-token"]
    )
    tape.break_off(make(tmp_path, {})[0].clock.now(), RuntimeError("GET /?key=s3cret-token failed"))
    assert "s3cret-token" not in json.dumps(lines(tape.path))
    assert lines(tape.path)[-1]["error"] == "RuntimeError: GET /?key=*** failed"


def test_a_killed_run_leaves_what_it_had_written(tmp_path: Path) -> None:
    """The process is gone in the midst of a push: what was reckoned before is replayed, the end is told."""
    play, _, _ = make(tmp_path, {"A": 5, "B": 7})
    record(play, tmp_path / "t")
    (path,) = tapes(tmp_path / "t")
    cut(path, whole_lines="product")
    result = again(tmp_path / "t")
    assert (result.numbers, result.otherwise) == (2, 0)
    assert result.torn == {path.name: "it ends before its run does"}


def cut(path: Path, *, whole_lines: str) -> None:
    """Let a tape end after the last line of one kind, as if the process had died there."""
    kept = lines(path)
    while kept[-1]["t"] != whole_lines:
        kept.pop()
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    text = "".join(json.dumps(line) + "\n" for line in kept)
    path.write_bytes(packer.compress(text.encode()) + packer.flush(zlib.Z_SYNC_FLUSH))


def test_a_tape_may_be_cut_off_at_any_byte(tmp_path: Path) -> None:
    """However much of it is left: what is whole is replayed and comes out the same, and the rest is told."""
    play, _, _ = make(tmp_path, {f"P{n}": n for n in range(20)})
    record(play, tmp_path / "t")
    (path,) = tapes(tmp_path / "t")
    whole = path.read_bytes()
    before = 0
    # The last bytes are a check sum: without them nothing is missing.
    for end in range(60, len(whole) - 20, 37):
        path.write_bytes(whole[:end])
        try:
            result = again(path)
        except ConfigurationError:
            # Not even the first line is there.
            assert before == 0
            continue
        assert result.otherwise == 0
        assert result.numbers >= before
        assert result.torn
        before = result.numbers
    assert before == 20


def test_what_is_damaged_is_told(tmp_path: Path) -> None:
    """Bytes that were changed on the disk end the tape there."""
    play, _, _ = make(tmp_path, {f"P{n}": n for n in range(50)})
    record(play, tmp_path / "t")
    (path,) = tapes(tmp_path / "t")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = b"\xff" * (len(data) - len(data) // 2)
    path.write_bytes(data)
    (why,) = (again(path).torn or {}).values()
    assert why


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.txt", b"hello", "is no tape of mpstock"),
        ("b.jsonl.gz", zlib.compress(b'{"t":"other"}\n', wbits=31), "is no tape of mpstock"),
        ("c.jsonl.gz", zlib.compress(b'{"t":"tape","v":99}\n', wbits=31), "newer mpstock"),
    ],
)
def test_what_is_no_tape_is_refused(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    """A file of something else, or of a later version, is named with what to do."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=says):
        again(tmp_path / name)


def test_a_folder_without_tapes_and_one_of_two_shops_are_refused(tmp_path: Path) -> None:
    """Nothing there, no tape in it, and tapes of two ledgers: each is said."""
    with pytest.raises(ConfigurationError, match="is not there"):
        again(tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match="has no tapes"):
        again(tmp_path)
    for shop in ("one", "two"):
        (tmp_path / shop).mkdir()
        play, _, _ = make(tmp_path / shop, {"A": 5})
        if shop == "two":
            play.clock.advance(60)
        record(play, tmp_path / "t")
    with pytest.raises(ConfigurationError, match="of another ledger"):
        again(tmp_path / "t")
