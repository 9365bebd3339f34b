"""A place under the limits comes first, the quantity after it; restarts keep to the limits too."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from mpstock import Context, Outcome, Rate, SinkSpec
from mpstock.config import SinkConfig, SinkWarehouse
from mpstock.transport import HttpTransport
from tests.reconcile.shops import NO_BUFFER, Account, NoSettings, Play, make, tell_ledger


class Paced(Account):
    """An account behind a limiter: one request a minute."""

    context: Context

    async def push(self, changes: Any) -> Any:
        self.at.append(self.clock.monotonic())
        await self.context.transport.request("PUT", "http://sink/", scopes=("push",), push=True)
        result: list[Outcome] = list(await super().push(changes))
        return result

    @property
    def at(self) -> list[float]:
        """When the requests went out."""
        return self.__dict__.setdefault("_at", [])


@pytest.fixture
def paced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Play, Any, Paced]:
    answers = httpx.MockTransport(lambda request: httpx.Response(204))
    monkeypatch.setattr("mpstock.transport.HttpTransport", partial(HttpTransport, client_transport=answers))
    play, source, _ = make(tmp_path, {"A": 10, "B": 10})
    account = Paced(
        ["A", "B"],
        clock=play.clock,
        batch=1,
        account="paced",
        rates=(Rate("push", 1, 60.0),),
        push_scopes=("push",),
    )

    def build(_settings: object, context: Context) -> Paced:
        account.context = context
        return account

    spec = SinkSpec("paced", "made by a test", NoSettings, build)
    play.sinks["shop"] = SinkConfig(
        "shop", spec, NoSettings(), warehouses=(SinkWarehouse("main"),), buffer=NO_BUFFER
    )
    return play, source, account


def test_what_changes_while_a_batch_waits_for_the_limiter_is_in_it(paced: tuple[Play, Any, Paced]) -> None:
    """B waits a minute for its place and sells 4 meanwhile: 6 goes out, and never 10."""
    play, _, account = paced

    def sold(changes: object) -> None:
        account.hook = None
        play.clock.advance(5)
        tell_ledger(play, B=6)

    account.hook = sold
    assert play.sync().exit_code == 0
    assert account.sent == [[("A", 10)], [("B", 6)]]
    assert account.at[1] - account.at[0] >= 60


def test_a_restart_keeps_to_the_limits(paced: tuple[Play, Any, Paced]) -> None:
    """Each command is a restart: the limiter's state is in the ledger."""
    play, source, account = paced
    play.sync()
    for quantity in (9, 8):
        source.set("A", quantity)
        play.sync()
    gaps = [late - early for early, late in zip(account.at, account.at[1:], strict=False)]
    assert len(gaps) == 3
    assert min(gaps) >= 60
