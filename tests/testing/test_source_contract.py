"""The kit lets a good source pass, and finds each source that breaks a promise of the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from attrs import evolve

from mpstock import Clock, Context, Level, Reading, SourceSpec
from mpstock.errors import AdapterError
from mpstock.testing import SourceContract
from tests.testing.toys import OpenSettings, ToySettings, ToySource, ToyWarehouse, source_spec


class TestGood(SourceContract):
    """A source that keeps every promise, over a double of pages."""

    spec = source_spec()

    def make_simulator(self, clock: Clock) -> ToyWarehouse:
        return ToyWarehouse(clock)

    def spoil(self, simulator: Any, sku: str, warehouse: str) -> None:
        simulator.set_level(sku, "нет", warehouse)

    def duplicate(self, simulator: Any, sku: str, warehouse: str) -> None:
        simulator.twice.append((sku, warehouse))

    def reserve(self, simulator: Any, sku: str, warehouse: str, quantity: int) -> None:
        simulator.rows[sku, warehouse]["reserved"] = quantity


def contract_of(cls: type[ToySource], settings: type = ToySettings, **declared: Any) -> TestGood:
    """Return the contract of a source that is not good."""
    spec: SourceSpec = evolve(source_spec(cls, settings), **declared)
    return type("Mutant", (TestGood,), {"spec": spec})()


class LateAsOf(ToySource):
    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        async for page in super().read(cursor):
            yield evolve(page, as_of=self.context.clock.now())


class ServerTime(ToySource):
    """Believes the server's clock."""

    date = ""

    def decoded(self, answer: Any) -> Any:
        self.date = answer.headers.get("date", "")
        return super().decoded(answer)

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        async for page in super().read(cursor):
            yield evolve(page, as_of=parsedate_to_datetime(self.date)) if self.date else page


class UnknownIsZero(ToySource):
    def quantity(self, value: Any) -> int | None:
        return super().quantity(value) or 0


class RoundsUp(ToySource):
    def quantity(self, value: Any) -> int | None:
        found = super().quantity(value)
        return found if found is None or found == value else found + 1


class ClampsAtZero(ToySource):
    def quantity(self, value: Any) -> int | None:
        found = super().quantity(value)
        return None if found is None else max(found, 0)


class Floats(ToySource):
    def quantity(self, value: Any) -> Any:
        return float(value) if isinstance(value, int) else super().quantity(value)


class LosesDigits(ToySource):
    def quantity(self, value: Any) -> int | None:
        found = super().quantity(value)
        return (
            found
            if found is None or abs(found) < 10**6
            else int(f"{found:.5e}".split("e", maxsplit=1)[0][:1])
        )


class KeepsBlanks(ToySource):
    def sku(self, value: str) -> str:
        return value


class TellsTwice(ToySource):
    def merged(self, levels: list[Level]) -> list[Level]:
        return levels


class CompleteTooSoon(ToySource):
    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        async for page in super().read(cursor):
            yield evolve(page, levels=page.levels[:5], cursor=None)
            yield evolve(page, levels=page.levels[5:])


class SwallowsErrors(ToySource):
    """Ends where a page fails, and says that this was all."""

    async def ask(self, since: int, page: int) -> Any:
        try:
            return await super().ask(since, page)
        except AdapterError:
            return {"rows": [], "revision": 0, "next": None}


class Raw(ToySource):
    def decoded(self, answer: Any) -> Any:
        data = answer.json()
        return {**data, "rows": data["rows"], "revision": data["revision"]}


class LeavesZeroOut(ToySource):
    def kept(self, row: Any, since: int) -> bool:
        return not since or row["quantity"] != 0


class EmptyIsGone(ToySource):
    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        async for page in super().read(cursor):
            yield evolve(page, absent="zero")


class BadCursorIsNothing(ToySource):
    def since(self, cursor: str | None) -> int:
        return super().since(cursor) or (10**9 if cursor else 0)


class ForgetsTheCursor(ToySource):
    def since(self, cursor: str | None) -> int:
        return 0


class Logs(ToySource):
    async def ask(self, since: int, page: int) -> Any:
        import logging

        logging.getLogger("toy").info("asking with %s", self.token)
        return await super().ask(since, page)


class TellsTheToken(ToySource):
    def decoded(self, answer: Any) -> Any:
        if answer.status_code == 404:
            raise AdapterError(f"404 for {self.token}")
        return super().decoded(answer)


class FollowsRedirects(ToySource):
    """Goes where it is sent, with everything that it has."""

    async def ask(self, since: int, page: int) -> Any:
        async with httpx.AsyncClient(follow_redirects=True) as client:
            answer = await client.get(f"{self.url}/stock", headers={"Api-Key": self.token})
        return self.decoded(answer)


class NamesNoScope(ToySource):
    def __init__(self, settings: Any, context: Context) -> None:
        super().__init__(settings, context)
        self.rates = (evolve(ToySource.rates[0], scope="other"),)


class Writes(ToySource):
    async def ask(self, since: int, page: int) -> Any:
        options: dict[str, Any] = {"params": {"since": str(since), "page": str(page)}}
        answer = await self.context.transport.request(
            "GET",
            f"{self.url}/stock",
            scopes=["all"],
            push=True,
            headers={"Authorization": self.token},
            **options,
        )
        return self.decoded(answer)


BROKEN: list[tuple[type[ToySource], str, tuple[Any, ...], str]] = [
    (LateAsOf, "test_as_of_is_when_the_request_began", (), "clock.now"),
    (ServerTime, "test_as_of_is_when_the_request_began", (), "clock.now"),
    (ServerTime, "test_odd_answer_is_read_right_or_refused", ("a clock of tomorrow",), "server's clock"),
    (UnknownIsZero, "test_bad_row_is_a_problem_and_unknown", (), "told as 0, not None"),
    (RoundsUp, "test_fractions_are_rounded_down", (12.5, 12), "told is 13, not 12"),
    (ClampsAtZero, "test_negative_quantities_stay_negative", (), "told is 0, not -3"),
    (Floats, "test_quantities_are_whole_and_sku_and_warehouse_are_plain_text", (), "must be int or None"),
    (LosesDigits, "test_large_numbers_are_read_to_the_unit", (), "not 987654321"),
    (KeepsBlanks, "test_blanks_around_an_article_are_stripped", (), "strip articles"),
    (TellsTwice, "test_duplicate_rows_are_told_once", (), "told twice"),
    (CompleteTooSoon, "test_full_read_tells_every_level_once", (), "last page"),
    (SwallowsErrors, "test_lasting_fault_is_an_error", ("500",), "nothing was raised"),
    (
        SwallowsErrors,
        "test_later_page_that_fails_is_an_error",
        ("connection lost in the body",),
        "after 1 of",
    ),
    (Raw, "test_lasting_fault_is_an_error", ("an empty object",), "KeyError got out"),
    (Raw, "test_lasting_fault_is_an_error", ("a page for people",), "JSONDecodeError got out"),
    (Raw, "test_lasting_fault_is_an_error", ("deep JSON",), "RecursionError got out"),
    (LeavesZeroOut, "test_fall_to_zero_is_told", (), "told is nothing"),
    (EmptyIsGone, "test_empty_answer_zeroes_nothing", (), "zeroes the whole shop"),
    (
        BadCursorIsNothing,
        "test_foreign_cursor_is_answered_with_everything_or_an_error",
        ("нет",),
        "not told",
    ),
    (ForgetsTheCursor, "test_incremental_read_leaves_out_what_is_as_it_was", (), "everything is told"),
    (Logs, "test_full_read_tells_every_level_once", (), "stands in the log"),
    (TellsTheToken, "test_lasting_fault_is_an_error", ("404",), "secret of the settings stands"),
    (FollowsRedirects, "test_secrets_do_not_follow_a_redirect", (302,), "secret was taken"),
    (NamesNoScope, "test_requests_name_their_declared_scopes", (), "not declared"),
    (Writes, "test_requests_name_their_declared_scopes", (), "has sent a push"),
]


@pytest.mark.parametrize(("cls", "test", "arguments", "says"), BROKEN)
def test_a_broken_promise_is_found(
    cls: type[ToySource], test: str, arguments: tuple[Any, ...], says: str
) -> None:
    """Each source that breaks one promise fails at its test, with words that lead to the mistake."""
    with pytest.raises(AssertionError, match=says):
        getattr(contract_of(cls), test)(*arguments)


def test_a_plain_token_is_found() -> None:
    """A token that is no Secret is found in the settings."""
    with pytest.raises(AssertionError, match="make them"):
        contract_of(ToySource, OpenSettings).test_settings_mask_their_secrets()


def test_a_wrong_declaration_of_reserves_is_found() -> None:
    """A descriptor that says "no reserves", over levels that carry some."""
    with pytest.raises(AssertionError, match="tells_reserved says no"):
        contract_of(ToySource, tells_reserved=lambda _: False).test_reserves_are_told_as_declared()


def test_what_does_not_apply_is_skipped_with_its_reason() -> None:
    """A hook that the author left out is told in the report, and nothing is passed in silence."""

    class NoHooks(SourceContract):
        spec = source_spec()

        def make_simulator(self, clock: Clock) -> ToyWarehouse:
            return ToyWarehouse(clock)

    with pytest.raises(pytest.skip.Exception, match="override `spoil`"):
        NoHooks().test_bad_row_is_a_problem_and_unknown()
