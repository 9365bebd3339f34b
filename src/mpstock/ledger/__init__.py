"""The ledger: what was read, decided, sent and answered. SQLite; it knows no network and no policy."""

from __future__ import annotations

from mpstock.ledger.actions import Actions
from mpstock.ledger.backup import Copies
from mpstock.ledger.dirt import Dirt
from mpstock.ledger.doubts import Doubts
from mpstock.ledger.drifts import Drifts
from mpstock.ledger.explanations import Explanations
from mpstock.ledger.holds import Holds
from mpstock.ledger.interventions import Interventions
from mpstock.ledger.leases import Leases
from mpstock.ledger.levels import Levels
from mpstock.ledger.listings import Listings
from mpstock.ledger.log import SyncLog
from mpstock.ledger.notices import Notices
from mpstock.ledger.observing import Observations
from mpstock.ledger.opening import DEFAULT_TENANT, open_database
from mpstock.ledger.orders import Orders
from mpstock.ledger.orphans import Orphans
from mpstock.ledger.pages import Pages
from mpstock.ledger.plans import Plans
from mpstock.ledger.pushes import Pushes
from mpstock.ledger.quarantine import Quarantine
from mpstock.ledger.receipts import Receipts
from mpstock.ledger.recipes import Recipes
from mpstock.ledger.recovering import Recovery
from mpstock.ledger.retention import Retention
from mpstock.ledger.runs import Runs
from mpstock.ledger.sampling import Samples
from mpstock.ledger.sealing import Seals
from mpstock.ledger.shadows import Shadows
from mpstock.ledger.slices import Slices
from mpstock.ledger.stocks import Stocks
from mpstock.ledger.symptoms import Symptoms
from mpstock.ledger.timetable import Timetable
from mpstock.ledger.troubles import Troubles
from mpstock.ledger.vitals import Vitals

__all__ = ["Ledger"]


class Ledger:
    """An open ledger. It is synchronous and belongs to one thread (`mpstock.ledger.worker`).

    Args:
        url: `sqlite:///path`, or `sqlite://` for one in memory that is gone with the process; or
            `postgresql://user:password@host/database`.
        tenant: on PostgreSQL whose ledger it is; many share one database.

    Raises:
        ConfigurationError: the URL cannot be used.
        LedgerVersionError: the ledger was written by a newer mpstock.
        LedgerLockedError: another process holds it.
        LedgerFullError: it cannot be written.
        LedgerError: it cannot be reached.
    """

    def __init__(self, url: str, tenant: str = DEFAULT_TENANT) -> None:
        self.database = open_database(url, tenant)
        try:
            self.database.migrate()
        except BaseException:
            self.database.close()
            raise
        self.dirt = Dirt(self.database)
        self.levels = Levels(self.database, self.dirt)
        self.holds = Holds(self.database, self.dirt, self.levels)
        self.recipes = Recipes(self.database, self.dirt, self.levels)
        self.orders = Orders(self.database, self.dirt, self.recipes)
        self.listings = Listings(self.database, self.dirt, self.levels)
        self.stocks = Stocks(self.database, self.dirt)
        self.slices = Slices(self.database)
        self.quarantine = Quarantine(self.database)
        self.seals = Seals(self.database)
        self.log = SyncLog(self.database, self.seals)
        self.recovery = Recovery(self.database, self.dirt, self.log)
        self.pushes = Pushes(self.database, self.dirt, self.log, self.recovery, self.quarantine)
        self.leases = Leases(self.database)
        self.explanations = Explanations(self.database)
        self.drifts = Drifts(self.database)
        self.observations = Observations(self.database, self.dirt, self.drifts)
        self.doubts = Doubts(self.database)
        self.samples = Samples(self.database)
        self.runs = Runs(self.database)
        self.shadows = Shadows(self.database)
        self.plans = Plans(self.database)
        self.pages = Pages(self.database)
        self.actions = Actions(self.database, self.seals)
        self.interventions = Interventions(self.database, self.dirt)
        self.retention = Retention(self.database, self.runs, self.actions, self.shadows)
        self.orphans = Orphans(self.database, self.dirt)
        self.receipts = Receipts(self.database)
        self.copies = Copies(self.database, self.runs, self.actions)
        self.timetable = Timetable(self.database)
        self.vitals = Vitals(self.database)
        self.symptoms = Symptoms(self.database)
        self.troubles = Troubles(self.database)
        self.notices = Notices(self.database)
        self.transaction = self.database.transaction

    @property
    def place(self) -> str:
        """Where the ledger is, for messages."""
        return self.database.place

    def close(self) -> None:
        """Close the ledger; a second call does nothing."""
        self.database.close()
