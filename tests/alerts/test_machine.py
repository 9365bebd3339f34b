"""The list and the queue together, whatever comes when: nothing lost, nothing twice, nobody woken."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mpstock.alerts.following import Manner
from mpstock.alerts.found import Found
from mpstock.alerts.judging import keep
from mpstock.config import AlertSettings
from mpstock.ledger import Ledger
from mpstock.ledger.notices import WaitingNotice

SUBJECTS = ("drift:a", "drift:b", "refused:c")
ZONE = ZoneInfo("Europe/Moscow")
QUIET = AlertSettings(quiet="22:00-08:00")
CLAIM = timedelta(minutes=5)


class Alerts(RuleBasedStateMachine):
    """Looks of two processes, deliveries that succeed, fail or die half-way, at any hour."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger("sqlite://")
        self.now = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
        self.there: dict[str, Found] = {}
        self.told: list[tuple[datetime, WaitingNotice]] = []
        self.taken: set[int] = set()

    def teardown(self) -> None:
        self.ledger.close()

    def _quiet(self) -> datetime | None:
        return QUIET.quiet_until(self.now, ZONE)

    @rule(subject=st.sampled_from(SUBJECTS), severity=st.sampled_from(["warning", "critical"]))
    def begins(self, subject: str, severity: str) -> None:
        """Something is the matter, or is worse or less."""
        self.there[subject] = Found(subject, "critical" if severity == "critical" else "warning")

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def ends(self, data: st.DataObject) -> None:
        """It is mended."""
        del self.there[data.draw(st.sampled_from(sorted(self.there)))]

    @rule(minutes=st.sampled_from([1, 7, 45, 200, 700]))
    def passes(self, minutes: int) -> None:
        """Time goes by."""
        self.now += timedelta(minutes=minutes)

    @rule(processes=st.integers(1, 2))
    def looks(self, processes: int) -> None:
        """One process looks, or two in the same moment: the second has nothing to tell."""
        made = [keep(self.ledger, self.there, self.now, Manner(), self._quiet()) for _ in range(processes)]
        assert made[1:] in ([], [0])

    @rule(dies=st.booleans())
    def delivers(self, dies: bool) -> None:
        """One takes what is due and tells it; or dies before it could."""
        for one in self.ledger.notices.claim(self.now, CLAIM, quiet=self._quiet() is not None):
            if not dies:
                self.told.append((self.now, one))
                self.ledger.notices.told([one])

    @invariant()
    def nothing_is_told_twice(self) -> None:
        """Each notice goes out once."""
        told = Counter((one.notice.at, one.notice.subject, one.notice.state) for _, one in self.told)
        assert max(told.values(), default=0) <= 1

    @invariant()
    def nobody_is_woken_for_a_warning(self) -> None:
        """What is told in the quiet hours is critical, also where an earlier try has died."""
        for at, one in self.told:
            assert one.notice.severity == "critical" or not QUIET.is_quiet(at, ZONE)

    @invariant()
    def what_stands_was_told_or_waits(self) -> None:
        """For each trouble in the list there is a notice that was told, or one that waits."""
        known = {one.notice.subject for _, one in self.told}
        waiting = {row[0] for row in self.ledger.database.query("SELECT subject FROM notices")}
        lost = self.now - timedelta(days=2)
        for trouble in self.ledger.troubles.rows():
            assert trouble.subject in known | waiting or (
                trouble.told_at is not None and trouble.told_at < lost
            )


Alerts.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestAlerts = Alerts.TestCase
