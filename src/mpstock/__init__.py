"""mpstock keeps the stock shown on marketplaces equal to what the warehouse system can promise.

The public names, nothing else. Each is imported from its module when it is first asked for, so that
`import mpstock` costs next to nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mpstock import errors as errors
    from mpstock import plugins as plugins
    from mpstock import simulation as simulation
    from mpstock import testing as testing
    from mpstock import validators as validators
    from mpstock.alerts.desk import SentNotice
    from mpstock.alerts.told import ToldTrouble
    from mpstock.clock import Clock, ScaledClock, SystemClock
    from mpstock.config import SinkConfig, SinkWarehouse
    from mpstock.contract_versions import CONTRACT
    from mpstock.events import Alert, Notice, Planned, Pushed, RunFinished
    from mpstock.facade import AsyncShop, Shop, aopen, open  # noqa: A004  (mpstock.open, as gzip.open)
    from mpstock.frames import Frame
    from mpstock.functions import FunctionSink, FunctionSource, sink, source
    from mpstock.hookspecs import hookimpl
    from mpstock.interfaces import (
        BufferPolicy,
        BufferPolicySpec,
        CheckedAdapter,
        Context,
        Inbox,
        Limits,
        Rate,
        Sink,
        SinkSpec,
        Source,
        SourceSpec,
        TellsCredentials,
        Transport,
        WarehouseTelling,
        WriteTestable,
    )
    from mpstock.ledger.actions import Action
    from mpstock.ledger.backup import Backup
    from mpstock.ledger.chain import LogBreak, LogVerification
    from mpstock.ledger.drifts import Drift, DriftKind
    from mpstock.ledger.inspecting import LedgerFinding
    from mpstock.ledger.interventions import Intervention
    from mpstock.ledger.orphans import Orphan
    from mpstock.ledger.retention import Tidied
    from mpstock.ledger.shadows import ModeDecision
    from mpstock.ledger.troubles import Trouble
    from mpstock.model import (
        AccountWarehouse,
        Change,
        Credential,
        Finding,
        Hold,
        Level,
        Listing,
        ListingPage,
        Observation,
        Order,
        OrderPage,
        OrderStage,
        Outcome,
        OutcomeStatus,
        Problem,
        Reading,
    )
    from mpstock.notifying import Notification, Notified
    from mpstock.reconcile.checking import AdapterFindings
    from mpstock.reconcile.derivation import ExplanationNode
    from mpstock.reconcile.doctoring import Repair, Repairs
    from mpstock.reconcile.engine import Progress
    from mpstock.reconcile.explanation import (
        Explanation,
        HoldExplanation,
        ListingExplanation,
        PoolExplanation,
        StageExplanation,
        StockExplanation,
        TermExplanation,
    )
    from mpstock.reconcile.orphans import Forgotten
    from mpstock.reconcile.plans import MovedListing, Plan, PlannedChange, SkippedListing
    from mpstock.reconcile.report import HeldSlice, Report, SinkReport, SourceReport
    from mpstock.reconcile.shadow_report import ShadowReport, SinkShadow
    from mpstock.reconcile.status import LogEntry, Status
    from mpstock.reconcile.verification import SinkVerification, Verification
    from mpstock.reconcile.why_not import WhyNot
    from mpstock.secret import Secret
    from mpstock.tapes.replaying import replay
    from mpstock.tapes.report import Replay, ReplayedNumber, ReplayedSink, ReplayedSums

    __version__: str

__all__ = [
    "CONTRACT",
    "AccountWarehouse",
    "Action",
    "AdapterFindings",
    "Alert",
    "AsyncShop",
    "Backup",
    "BufferPolicy",
    "BufferPolicySpec",
    "Change",
    "CheckedAdapter",
    "Clock",
    "Context",
    "Credential",
    "Drift",
    "DriftKind",
    "Explanation",
    "ExplanationNode",
    "Finding",
    "Forgotten",
    "Frame",
    "FunctionSink",
    "FunctionSource",
    "HeldSlice",
    "Hold",
    "HoldExplanation",
    "Inbox",
    "Intervention",
    "LedgerFinding",
    "Level",
    "Limits",
    "Listing",
    "ListingExplanation",
    "ListingPage",
    "LogBreak",
    "LogEntry",
    "LogVerification",
    "ModeDecision",
    "MovedListing",
    "Notice",
    "Notification",
    "Notified",
    "Observation",
    "Order",
    "OrderPage",
    "OrderStage",
    "Orphan",
    "Outcome",
    "OutcomeStatus",
    "Plan",
    "Planned",
    "PlannedChange",
    "PoolExplanation",
    "Problem",
    "Progress",
    "Pushed",
    "Rate",
    "Reading",
    "Repair",
    "Repairs",
    "Replay",
    "ReplayedNumber",
    "ReplayedSink",
    "ReplayedSums",
    "Report",
    "RunFinished",
    "ScaledClock",
    "Secret",
    "SentNotice",
    "ShadowReport",
    "Shop",
    "Sink",
    "SinkConfig",
    "SinkReport",
    "SinkShadow",
    "SinkSpec",
    "SinkVerification",
    "SinkWarehouse",
    "SkippedListing",
    "Source",
    "SourceReport",
    "SourceSpec",
    "StageExplanation",
    "Status",
    "StockExplanation",
    "SystemClock",
    "TellsCredentials",
    "TermExplanation",
    "Tidied",
    "ToldTrouble",
    "Transport",
    "Trouble",
    "Verification",
    "WarehouseTelling",
    "WhyNot",
    "WriteTestable",
    "aopen",
    "hookimpl",
    "open",
    "replay",
    "sink",
    "source",
]

# Where each of them lives. A test holds these, the imports above and `__all__` level.
_HOMES = {
    "alerts.desk": "SentNotice",
    "alerts.told": "ToldTrouble",
    "clock": "Clock ScaledClock SystemClock",
    "config": "SinkConfig SinkWarehouse",
    "contract_versions": "CONTRACT",
    "events": "Alert Notice Planned Pushed RunFinished",
    "facade": "AsyncShop Shop aopen open",
    "frames": "Frame",
    "functions": "FunctionSink FunctionSource sink source",
    "hookspecs": "hookimpl",
    "interfaces": (
        "BufferPolicy BufferPolicySpec CheckedAdapter Context Inbox Limits Rate Sink SinkSpec "
        "Source SourceSpec TellsCredentials Transport WarehouseTelling WriteTestable"
    ),
    "ledger.actions": "Action",
    "ledger.backup": "Backup",
    "ledger.chain": "LogBreak LogVerification",
    "ledger.inspecting": "LedgerFinding",
    "ledger.interventions": "Intervention",
    "ledger.orphans": "Orphan",
    "ledger.retention": "Tidied",
    "ledger.troubles": "Trouble",
    "ledger.shadows": "ModeDecision",
    "ledger.drifts": "Drift DriftKind",
    "model": (
        "AccountWarehouse Change Credential Finding Hold Level Listing ListingPage Observation "
        "Order OrderPage OrderStage Outcome OutcomeStatus Problem Reading"
    ),
    "notifying": "Notification Notified",
    "reconcile.checking": "AdapterFindings",
    "reconcile.derivation": "ExplanationNode",
    "reconcile.doctoring": "Repair Repairs",
    "reconcile.engine": "Progress",
    "reconcile.explanation": (
        "Explanation HoldExplanation ListingExplanation PoolExplanation StageExplanation StockExplanation "
        "TermExplanation"
    ),
    "reconcile.orphans": "Forgotten",
    "reconcile.plans": "MovedListing Plan PlannedChange SkippedListing",
    "reconcile.report": "HeldSlice Report SinkReport SourceReport",
    "reconcile.shadow_report": "ShadowReport SinkShadow",
    "reconcile.status": "LogEntry Status",
    "reconcile.verification": "SinkVerification Verification",
    "reconcile.why_not": "WhyNot",
    "secret": "Secret",
    "tapes.replaying": "replay",
    "tapes.report": "Replay ReplayedNumber ReplayedSink ReplayedSums",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}
_PUBLIC_MODULES = ("errors", "plugins", "rows", "simulation", "testing", "validators")


def __getattr__(name: str) -> Any:
    from importlib import import_module

    value: object
    if name in _HOME:
        value = getattr(import_module(f"mpstock.{_HOME[name]}"), name)
    elif name in _PUBLIC_MODULES:
        return import_module(f"mpstock.{name}")
    elif name == "__version__":
        value = _version()
    else:
        raise AttributeError(f"module 'mpstock' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PUBLIC_MODULES, "__version__"})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("mpstock")
    except PackageNotFoundError:
        # Run from sources that nobody installed: there is no version to tell.
        return "0+unknown"
