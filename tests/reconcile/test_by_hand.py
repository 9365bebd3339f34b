"""What people decide goes before the formula, at once, and not above what there is (semantics §9)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from mpstock import Change, Report, Shop
from mpstock.errors import ConfigurationError
from mpstock.ledger import Ledger
from tests.reconcile.shops import (
    ERROR,
    Account,
    Play,
    make,
    shows,
    sink_config,
    skus,
)

HOUR = timedelta(hours=1)


def stopped(report: Report, sink: str = "shop") -> int:
    """How many changes of a sink a run did not send because somebody has stopped them."""
    return report.sinks[sink].stopped


@contextmanager
def opened(play: Play) -> Iterator[Ledger]:
    """The play's ledger, as another process has it open."""
    ledger = Ledger(f"sqlite:///{play.ledger}")
    try:
        yield ledger
    finally:
        ledger.close()


def causes(play: Play, sku: str) -> list[str]:
    """What the log says caused the changes of a product, the oldest first."""
    with play.open() as shop:
        return [entry.cause for entry in reversed(shop.log(sku=sku))]


# ---------------------------------------------------------------------- zero


def test_a_zero_is_sent_by_the_next_run_and_taken_back_by_resume(tmp_path: Path) -> None:
    """A broken lot: 0 whatever the source says, until somebody takes it back; the log says a person did."""
    play, source, account = make(tmp_path, {"A": 5, "B": 7})
    play.sync()
    with play.open() as shop:
        (zero,) = shop.zero(skus=["A"], actor="anna", reason="broken lot")
    assert (zero.kind, zero.sku, zero.actor, zero.reason) == ("zero", "A", "anna", "broken lot")
    assert play.sync().exit_code == 0
    assert shows(account) == {"A": 0, "B": 7}
    source.set("A", 9)
    assert play.sync().pushed == 0
    with play.open() as shop:
        (ended,) = shop.resume(skus=["A"], actor="boris")
    assert (ended.id, ended.ended_by) == (zero.id, "boris")
    play.sync()
    assert shows(account) == {"A": 9, "B": 7}
    assert causes(play, "A") == ["erp", "manual", "manual"]


def test_a_zero_ends_by_itself_when_its_time_is_over(tmp_path: Path) -> None:
    """For two hours: the run after that raises again, though nothing else has moved."""
    play, _, account = make(tmp_path, {"A": 5})
    play.sync()
    with play.open() as shop:
        shop.zero(skus=["A"], lasts=2 * HOUR)
    play.sync()
    assert shows(account) == {"A": 0}
    play.clock.advance(7_000)
    assert play.sync().pushed == 0
    play.clock.advance(300)
    play.sync()
    assert shows(account) == {"A": 5}
    with play.open() as shop:
        assert shop.interventions() == []


def test_a_zero_marks_exactly_what_it_concerns(tmp_path: Path) -> None:
    """One product of a thousand is zeroed: one is planned."""
    play, _, _ = make(tmp_path, dict.fromkeys(skus(50), 5))
    play.sync()
    with play.open() as shop:
        shop.zero(skus=["P00007"])
        assert shop.status().dirty == 1
    assert play.sync().pushed == 1
    with play.open() as shop:
        assert shop.status().dirty == 0


def test_no_guard_holds_what_a_person_has_zeroed(tmp_path: Path) -> None:
    """All of a shop at once: that is what was asked for."""
    play, _, account = make(tmp_path, dict.fromkeys(skus(60), 5))
    play.sync()
    with play.open() as shop:
        shop.zero(sink="shop", reason="moving house")
    report = play.sync()
    assert (report.exit_code, report.pushed) == (0, 60)
    assert set(shows(account).values()) == {0}


def test_a_zero_lets_no_other_zeros_through_the_guard(tmp_path: Path) -> None:
    """The source empties a second sink's listings too: held, as they are not the person's."""
    play, source, account = make(tmp_path, dict.fromkeys(skus(60), 5))
    other = Account(skus(60), clock=play.clock)
    play.sinks["other"] = sink_config("other", other)
    play.sync()
    for sku in skus(60):
        source.set(sku, 0)
    with play.open() as shop:
        shop.zero(sink="shop")
    report = play.sync()
    assert set(shows(account).values()) == {0}
    assert set(shows(other).values()) == {5}
    assert [held.sink for held in report.held] == ["other"]
    with play.open() as shop:
        shop.resume(sink="shop")
        shop.zero(sink="shop")
    play.sync()
    assert set(shows(other).values()) == {5}, "planned once more for the person's sake, and held as before"


def test_a_zero_that_a_guard_held_goes_when_a_person_asks_for_it(tmp_path: Path) -> None:
    """Zeros that wait for a look: the person has looked, at some of them."""
    play, source, account = make(tmp_path, dict.fromkeys(skus(60), 5))
    play.sync()
    for sku in skus(60):
        source.set(sku, 0)
    assert play.sync().pushed == 0
    with play.open() as shop:
        shop.zero(skus=skus(3))
    assert play.sync().pushed == 3
    assert sorted(sku for sku, shown in shows(account).items() if shown == 0) == skus(3)


def test_a_zero_needs_no_source_and_no_base(tmp_path: Path) -> None:
    """The source is down and what the listing shows is not known: zero is safe all the same."""
    play, source, account = make(tmp_path, {"A": None}, shown={("A", "main"): 4})
    account.fail_read(RuntimeError("down"), times=1)
    play.sync()
    account.heal()
    source.fail(RuntimeError("down"))
    with play.open() as shop:
        shop.zero(skus=["A"])
    play.sync()
    assert shows(account) == {"A": 0}
    with play.open() as shop:
        assert shop.status().dirty == 0, "nothing about it has to be known"


# ---------------------------------------------------------------------- pin


def test_a_pin_goes_before_the_buffer_but_never_above_what_there_is(tmp_path: Path) -> None:
    """Pinned at 5: with 9, 5 (the buffer would say 6); with 3, 3 (the buffer would say 0)."""
    play, source, account = make(tmp_path, {"A": 9})
    play.set_sink("shop", buffer={"absolute": 3})
    play.sync()
    assert shows(account) == {"A": 6}
    with play.open() as shop:
        shop.pin(5, skus=["A"])
    play.sync()
    assert shows(account) == {"A": 5}
    source.set("A", 3)
    play.sync()
    assert shows(account) == {"A": 3}
    source.set("A", -2)
    play.sync()
    assert shows(account) == {"A": 0}


def test_a_pin_raises_nothing_on_stock_that_is_not_known(tmp_path: Path) -> None:
    """The source is down: a pin above what is shown waits for it, one below counts at once."""
    play, source, account = make(tmp_path, {"A": 20, "B": 20})
    play.set_sink("shop", buffer={"cap": 10, "absolute": 0})
    play.sync()
    with play.open() as shop:
        shop.pin(15, skus=["A"])
        shop.pin(4, skus=["B"])
    source.fail(RuntimeError("down"))
    play.sync()
    assert shows(account) == {"A": 10, "B": 4}
    play.sync()
    assert shows(account) == {"A": 15, "B": 4}


def test_the_most_specific_pin_counts_and_a_zero_before_all(tmp_path: Path) -> None:
    """Product and sink warehouse before product and sink before product before sink; zero before any."""
    play, _, account = make(tmp_path, {"A": 50})
    wide = Account(["A"], warehouses=("1", "2"), clock=play.clock)
    play.sinks["wide"] = sink_config("wide", wide)
    with play.open() as shop:
        shop.sync()
        shop.pin(9, sink="wide")
        shop.pin(8, skus=["A"])
        shop.pin(7, skus=["A"], sink="wide")
        shop.pin(6, skus=["A"], sink="wide", warehouse="2")
    play.sync()
    assert (shows(account), shows(wide, "1"), shows(wide, "2")) == ({"A": 8}, {"A": 7}, {"A": 6})
    with play.open() as shop:
        shop.zero(sink="wide", warehouse="2")
        shop.resume(skus=["A"], sink="wide")
        shop.resume(skus=["A"])
    play.sync()
    assert (shows(account), shows(wide, "1"), shows(wide, "2")) == ({"A": 50}, {"A": 9}, {"A": 0})


def test_a_second_pin_of_the_same_scope_replaces_the_first(tmp_path: Path) -> None:
    """Undoing it once is enough."""
    play, _, account = make(tmp_path, {"A": 50})
    with play.open() as shop:
        shop.sync()
        shop.pin(9, skus=["A"])
        shop.pin(3, skus=["A"])
        assert [one.quantity for one in shop.interventions()] == [3]
        shop.sync()
        assert shows(account) == {"A": 3}
        shop.resume(skus=["A"])
        shop.sync()
    assert shows(account) == {"A": 50}


# ---------------------------------------------------------------------- stop


def test_a_stop_holds_zeros_falls_and_raises_and_what_becomes_due_later(tmp_path: Path) -> None:
    """Nothing at all goes out; everything does when it is taken back, as it is wanted then."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5, "C": 5, "D": 5})
    play.sync()
    account.pushes.clear()
    with play.open() as shop:
        shop.stop(actor="anna", reason="inventory")
    source.set("A", 0)
    source.set("B", 3)
    source.set("C", 9)
    report = play.sync()
    assert (report.exit_code, report.pushed, stopped(report), account.pushes) == (0, 0, 3, [])
    assert report.sinks["shop"].pending == 0
    source.set("D", 1)
    report = play.sync()
    assert (stopped(report), account.pushes) == (4, [])
    source.set("B", 4)
    with play.open() as shop:
        shop.resume()
    play.sync()
    assert shows(account) == {"A": 0, "B": 4, "C": 9, "D": 1}


def test_the_plan_and_the_report_say_who_has_stopped_it_since_when_and_why(tmp_path: Path) -> None:
    """A stopped change is in the plan, held, with the person, the time, the end and the reason."""
    play, source, _ = make(tmp_path, {"A": 5})
    play.sync()
    with play.open() as shop:
        (stop,) = shop.stop(sink="shop", lasts=3 * HOUR, actor="anna", reason="inventory")
    source.set("A", 0)
    (change,) = play.plan().changes
    assert (change.held, change.new) == ("stop", 0)
    for part in ("anna", "inventory", f"since {stop.created_at:%Y-%m-%d %H:%M}Z", "until"):
        assert part in change.reason
    report = play.sync()
    assert "anna" in report.sinks["shop"].stop
    assert any("inventory" in line and "1 stopped by hand" in line for line in report.lines())


def test_a_stop_of_one_sink_stops_no_other(tmp_path: Path) -> None:
    """Two sinks, one stopped: the other follows the stock."""
    play, source, account = make(tmp_path, {"A": 5})
    other = Account(["A"], clock=play.clock)
    play.sinks["other"] = sink_config("other", other)
    play.sync()
    with play.open() as shop:
        shop.stop(sink="other")
    source.set("A", 0)
    report = play.sync()
    assert (shows(account), shows(other)) == ({"A": 0}, {"A": 5})
    assert (report.sinks["shop"].stop, stopped(report, "other")) == ("", 1)


def test_a_stop_goes_before_zero_and_pin(tmp_path: Path) -> None:
    """Zeroed and pinned what is stopped: nothing is sent until the stop ends, then the zero is."""
    play, _, account = make(tmp_path, {"A": 5, "B": 5})
    play.sync()
    with play.open() as shop:
        shop.stop(lasts=HOUR)
        shop.zero(skus=["A"])
        shop.pin(2, skus=["B"])
    play.sync()
    assert shows(account) == {"A": 5, "B": 5}
    play.clock.advance(3_600)
    play.sync()
    assert shows(account) == {"A": 0, "B": 2}


def test_two_stops_have_to_be_taken_back_both(tmp_path: Path) -> None:
    """Of the sink and of the product: the one that is left still stops."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5})
    play.sync()
    with play.open() as shop:
        shop.stop(sink="shop")
        shop.stop(skus=["A"])
    source.set("A", 1)
    source.set("B", 1)
    with play.open() as shop:
        shop.resume(sink="shop")
    play.sync()
    assert shows(account) == {"A": 5, "B": 1}


def test_what_a_guard_has_held_is_not_sent_by_its_release_while_it_is_stopped(tmp_path: Path) -> None:
    """Fifty zeros are held, and one of them is stopped: the release sends the others."""
    names = skus(50)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for name in names:
        source.set(name, 0)
    assert play.sync().pushed == 0
    with play.open() as shop:
        shop.stop(skus=names[:1])
    report = play.sync(release=["zeroing"])
    assert (report.pushed, stopped(report)) == (49, 1)
    assert shows(account)[names[0]] == 5
    with play.open() as shop:
        shop.resume(skus=names[:1])
    play.sync(release=["zeroing"])
    assert shows(account)[names[0]] == 0


def test_a_new_listing_of_a_stopped_sink_is_stopped(tmp_path: Path) -> None:
    """It was tied after the stop: nothing is sent to it either."""
    play, _, account = make(tmp_path, {"A": 5, "B": 5}, sells=["A"])
    play.sync()
    with play.open() as shop:
        shop.stop(sink="shop")
    account.sell_also("B")
    report = play.sync()
    assert (shows(account), stopped(report)) == ({"A": 5}, 1)
    with play.open() as shop:
        shop.resume(sink="shop")
    play.sync()
    assert shows(account) == {"A": 5, "B": 5}


def in_another_process(account: Account, play: Play, decide: str) -> None:
    """Let another process decide something while this one's first push is under way."""

    def hook(_changes: Sequence[Change]) -> None:
        account.hook = None
        with play.open() as shop:
            _decide(shop, decide)

    account.hook = hook


def _decide(shop: Shop, decide: str) -> None:
    if decide == "stop":
        shop.stop(sink="shop")
    elif decide == "zero":
        shop.zero(skus=["Z"])
    else:
        shop.resume(sink="shop")


def test_a_stop_counts_in_the_middle_of_a_run_of_another_process(tmp_path: Path) -> None:
    """What is on the wire is recorded, what has not left does not leave."""
    play, _, account = make(tmp_path, dict.fromkeys(skus(40), 5), batch=10)
    in_another_process(account, play, "stop")
    report = play.sync()
    # Batches overlap: those that were composed before the stop was recorded are on their way.
    assert report.pushed < 40
    assert report.pushed + stopped(report) == 40
    before = len(account.pushes)
    assert stopped(play.sync()) == 40 - report.pushed
    assert len(account.pushes) == before


def test_a_batch_in_doubt_is_not_sent_again_once_it_is_stopped(tmp_path: Path) -> None:
    """Timed out, stopped meanwhile: it is not retried, and not by the next run either."""
    play, _, account = make(tmp_path, {"A": 5})
    account.doubt(applied=False)
    in_another_process(account, play, "stop")
    report = play.sync()
    assert (len(account.pushes), stopped(report)) == (1, 1)
    play.clock.advance(3_600)
    play.sync()
    assert len(account.pushes) == 1


def test_a_zero_counts_in_the_middle_of_a_run_of_another_process(tmp_path: Path) -> None:
    """A product that is not in the run at all is zeroed by hand: it goes out with the next batch."""
    play, source, account = make(tmp_path, {**dict.fromkeys(skus(30), 5), "Z": 5}, batch=1)
    play.sync()
    for sku in skus(30):
        source.set(sku, 6)
    in_another_process(account, play, "zero")
    account.pushes.clear()
    play.sync()
    assert shows(account)["Z"] == 0
    sent = [push[0][0] for push in account.sent]
    assert sent.index("Z") <= 17, "behind what was in flight already, before the other raises"


def test_what_is_resumed_in_the_middle_of_a_run_goes_out_in_it(tmp_path: Path) -> None:
    """The stop of another product ends while the run sends: its fall goes out at once."""
    play, source, account = make(tmp_path, {**dict.fromkeys(skus(30), 5), "Z": 5}, batch=1)
    play.sync()
    with play.open() as shop:
        shop.stop(skus=["Z"])
    for sku in (*skus(30), "Z"):
        source.set(sku, 4)

    def hook(_changes: Sequence[Change]) -> None:
        account.hook = None
        with play.open() as shop:
            shop.resume(skus=["Z"])

    account.hook = hook
    play.sync()
    assert shows(account)["Z"] == 4


def test_a_stop_that_expires_in_the_middle_of_a_run_ends_in_it(tmp_path: Path) -> None:
    """Judged by the clock at each batch, not by the run's beginning."""
    play, source, account = make(tmp_path, {**dict.fromkeys(skus(30), 5), "Z": 5}, batch=1)
    play.sync()
    with play.open() as shop:
        shop.stop(skus=["Z"], lasts=timedelta(seconds=30))
    for sku in (*skus(30), "Z"):
        source.set(sku, 4)

    def hook(_changes: Sequence[Change]) -> None:
        account.hook = None
        play.clock.advance(60)

    account.hook = hook
    play.sync()
    assert shows(account)["Z"] == 4


def test_a_refused_item_that_is_stopped_is_not_tried_again(tmp_path: Path) -> None:
    """Refused, then stopped: each run would try it, and none does."""
    play, source, account = make(tmp_path, {"A": 5})
    play.sync()
    source.set("A", 0)
    account.refuse("A", "BROKEN", status=ERROR, times=-1)
    play.sync()
    with play.open() as shop:
        shop.stop(skus=["A"])
    count = len(account.pushes)
    play.clock.advance(7_200)
    play.sync()
    assert len(account.pushes) == count


# ---------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        ({"skus": ["a"]}, "no source knows 'a'"),
        ({"skus": []}, "no sku is given"),
        ({"sink": "shpo"}, "there is no sink 'shpo'; did you mean shop?"),
        ({"warehouse": "mian"}, "did you mean main?"),
        ({"brand": "Acme"}, "there is no brand 'Acme'"),
        ({"lasts": timedelta(0)}, "over already"),
    ],
)
def test_a_word_that_is_not_known_is_told_and_nothing_is_decided(
    tmp_path: Path, scope: dict[str, object], message: str
) -> None:
    """A misspelt scope must not be taken for one that covers nothing, or all."""
    play, _, _ = make(tmp_path, {"A": 5})
    play.sync()
    with play.open() as shop:
        with pytest.raises(ConfigurationError, match=message.replace("?", r"\?")):
            shop.zero(**scope)  # type: ignore[arg-type]
        assert shop.interventions() == []


def test_resume_takes_back_exactly_what_it_names(tmp_path: Path) -> None:
    """A sink that goes on does not put a broken product back on sale; what is in force is named."""
    play, _, _ = make(tmp_path, {"A": 5})
    play.sync()
    with play.open() as shop:
        (zero,) = shop.zero(skus=["A"])
        shop.stop(sink="shop")
        shop.resume(sink="shop")
        assert [one.id for one in shop.interventions()] == [zero.id]
        with pytest.raises(ConfigurationError, match=f"number {zero.id}: zero of A"):
            shop.resume(sink="shop")
        with pytest.raises(ConfigurationError, match="number 77 is not in force"):
            shop.resume(numbers=[77])
        shop.resume(numbers=[zero.id])
        with pytest.raises(ConfigurationError, match="nothing at all is in force"):
            shop.resume()


def test_what_people_do_is_recorded(tmp_path: Path) -> None:
    """Who, what, of what, why: beside the changes that came of it."""
    play, _, _ = make(tmp_path, {"A": 5})
    play.sync()
    with play.open() as shop:
        shop.pin(2, skus=["A"], actor="anna", reason="two are promised")
        shop.resume(skus=["A"], actor="boris")
    with opened(play) as ledger:
        resume, pin = ledger.actions.last()
    assert (pin.action, pin.actor, pin.reason) == ("pin", "anna", "two are promised")
    assert pin.scope == {"skus": ["A"], "quantity": 2}
    assert (resume.action, resume.actor) == ("resume", "boris")


# ---------------------------------------------------------------------- told


def test_explain_says_which_decision_counts_and_whose_it_is(tmp_path: Path) -> None:
    """A pin under a zero under a stop: the zero counts, and nothing is sent; both with the person."""
    play, _, _ = make(tmp_path, {"A": 5})
    play.sync()
    with play.open() as shop:
        shop.pin(2, skus=["A"], actor="clara")
        shop.zero(skus=["A"], actor="anna", reason="broken lot")
        shop.stop(sink="shop", actor="boris", reason="inventory")
        (listing,) = shop.explain("A").listings
    assert (listing.advertised, listing.wanted) == (0, 0)
    told = "\n".join(listing.notes)
    for part in ("zero by anna", "broken lot", "nothing is sent: stop by boris", "inventory"):
        assert part in told
    assert "clara" not in told


def test_status_names_what_is_in_force_and_warns_of_a_stop_that_may_be_forgotten(tmp_path: Path) -> None:
    """After a day: what is stopped still sells what it shows, and somebody should know."""
    play, source, _ = make(tmp_path, {"A": 5, "B": 5})
    play.sync()
    with play.open() as shop:
        (stop,) = shop.stop(sink="shop", actor="anna")
        shop.zero(skus=["B"], actor="boris")
        status = shop.status()
    assert [one.kind for one in status.interventions] == ["stop", "zero"]
    assert any("stop by anna" in line for line in status.lines())
    assert status.notes == []
    source.set("A", 0)
    play.sync()
    play.clock.advance(90_000)
    with play.open() as shop:
        (note,) = shop.status().notes
    assert "2 listings still sell what they show, 2 of them show something else" in note
    assert f"--number {stop.id}" in note


# ---------------------------------------------------------------------- the products file


def test_a_pin_of_the_products_file_counts_below_one_by_hand(tmp_path: Path) -> None:
    """0 is the stop-list; what the file says anew moves its products alone; a person's pin goes before."""
    play, _, account = make(tmp_path, {"A": 10, "B": 10, "C": 10}, shown={("A", "main"): 3})
    play.products = tmp_path / "products.csv"
    play.products.write_text("sku,pin,shop.pin\nA,0,\nB,7,5\n", encoding="utf-8")
    play.sync()
    assert shows(account) == {"A": 0, "B": 5, "C": 10}
    with play.open() as shop:
        shop.pin(8, skus=["B"], sink="shop")
        assert any("pin 0 by products.csv line 2" in note for note in shop.explain("A").listings[0].notes)
    play.sync()
    assert shows(account) == {"A": 0, "B": 8, "C": 10}
    account.pushes.clear()
    play.products.write_text("sku,pin\nA,2\nB,7\n", encoding="utf-8")
    play.sync()
    assert account.sent == [[("A", 2)]]


def test_a_brand_is_stopped_and_zeroed_as_the_products_file_says_now(tmp_path: Path) -> None:
    """A product that changes its brand leaves the zero of the one and comes under the stop of the other."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5, "C": 5})
    play.products = tmp_path / "products.csv"
    play.products.write_text("sku,brand\nA,Acme\nB,Bolt\n", encoding="utf-8")
    play.sync()
    with play.open() as shop:
        shop.zero(brand="Acme")
        shop.stop(brand="Bolt")
    for sku in ("A", "B", "C"):
        source.set(sku, 6)
    play.sync()
    assert shows(account) == {"A": 0, "B": 5, "C": 6}
    play.products.write_text("sku,brand\nA,Bolt\nB,Acme\n", encoding="utf-8")
    report = play.sync()
    assert (shows(account), stopped(report)) == ({"A": 0, "B": 0, "C": 6}, 1)
    with play.open() as shop:
        shop.resume(brand="Bolt")
    play.sync()
    assert shows(account) == {"A": 6, "B": 0, "C": 6}


def test_a_brand_that_the_file_names_since_a_moment_ago_can_be_zeroed(tmp_path: Path) -> None:
    """No run has read the file meanwhile: nobody has to wait for one."""
    play, _, account = make(tmp_path, {"A": 5, "B": 5})
    play.sync()
    play.products = tmp_path / "products.csv"
    play.products.write_text("sku,brand\nA,Acme\n", encoding="utf-8")
    with play.open() as shop:
        shop.zero(brand="Acme")
    play.sync()
    assert shows(account) == {"A": 0, "B": 5}
