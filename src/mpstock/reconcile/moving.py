"""Settings that move: sinks and their warehouses that come, go, come back, or have another name.

What a place has shown last goes on being promised when it has left the settings: nobody lowers it any more.
So it is remembered which places there have been, with their feeds, and what they show counts for their
account, and for all where sharing is exclusive or split, until it is zeroed or somebody forgets the sink.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import field, frozen

from mpstock.reconcile.places import LeftPlace

if TYPE_CHECKING:
    from mpstock.ledger import Ledger
    from mpstock.reconcile.adapters import BuiltSink

__all__ = [
    "Kept",
    "gone_sinks",
    "keep_places",
    "keep_silent",
    "kept_places",
    "left_places",
    "silent_warehouses",
    "write_places",
]

_PLACES = "places"
_SOURCES = "sources"
_SILENT = "silent warehouses"

Feeds = Sequence[str] | None


@frozen
class Kept:
    """What is remembered of a sink: its account, and each warehouse that it has had with its feeds.

    `served` are those of the last run. A sink that has left the settings serves none.
    """

    account: str
    feeds: Mapping[str, Feeds] = field(factory=dict[str, "Feeds"])
    served: Sequence[str] = ()


def kept_places(ledger: Ledger) -> dict[str, Kept]:
    """Return what is remembered, by the names of the sinks. Runs in the ledger's thread."""
    return {
        name: Kept(account, feeds, served)
        for name, (account, feeds, served) in json.loads(ledger.runs.recall(_PLACES) or "{}").items()
    }


def write_places(ledger: Ledger, kept: Mapping[str, Kept]) -> None:
    """Remember this. Runs in the ledger's thread."""
    ledger.runs.remember(_PLACES, _told(kept))


def _told(kept: Mapping[str, Kept]) -> str:
    told = {name: (k.account, dict(k.feeds), sorted(k.served)) for name, k in kept.items()}
    return json.dumps(told, ensure_ascii=False, sort_keys=True)


def keep_places(ledger: Ledger, sinks: Sequence[BuiltSink], now: datetime) -> list[tuple[str, str]]:
    """Take in which places the settings serve now; returns the (old, new) names of renamed sinks.

    A sink with a new name and the account of one that has gone is that one: what is known of it stays known.
    What has come back is read back before anything is sent to it. Runs in the ledger's thread.
    """
    before = kept_places(ledger)
    known = _told(before)
    with ledger.transaction():
        renamed = [
            (old, built.name) for built in sinks if (old := _earlier_name(built, sinks, before)) is not None
        ]
        for old, new in renamed:
            before[new] = before.pop(old)
            ledger.orphans.rename_sink(old, new)
        kept = {name: Kept(k.account, k.feeds) for name, k in before.items()}
        for built in sinks:
            last = before.get(built.name, Kept(""))
            feeds: dict[str, Feeds] = {served.code: served.feeds for served in built.config.warehouses}
            kept[built.name] = Kept(built.sink.limits.account, {**last.feeds, **feeds}, tuple(feeds))
            for code in last.feeds:
                if (code in feeds) is not (code in last.served):
                    ledger.dirt.mark_sink_warehouse(built.name, code, "settings", now)
                    if code in feeds:
                        ledger.orphans.forget_shown(built.name, code)
        if _told(kept) != known:
            write_places(ledger, kept)
    return renamed


def _earlier_name(built: BuiltSink, sinks: Sequence[BuiltSink], before: Mapping[str, Kept]) -> str | None:
    """Return the name that a new sink had before, if its account is that of exactly one that has gone."""
    names = {one.name for one in sinks}
    account = built.sink.limits.account
    if built.name in before or sum(one.sink.limits.account == account for one in sinks) > 1:
        return None
    gone = [name for name, kept in before.items() if name not in names and kept.account == account]
    return gone[0] if len(gone) == 1 else None


def left_places(
    ledger: Ledger, sinks: Sequence[BuiltSink], codes: Mapping[str, int]
) -> dict[tuple[str, str], LeftPlace]:
    """Return the places that have left the settings, by (sink, code). Runs in the ledger's thread.

    `codes` are the ids of the own warehouses.
    """
    served = {(built.name, code) for built in sinks for code in built.config.codes}
    accounts = {built.sink.limits.account: built for built in sinks}
    names = {built.name for built in sinks}
    found = {}
    for name, kept in kept_places(ledger).items():
        for code, feeds in kept.feeds.items():
            if (name, code) in served:
                continue
            heir = name if name in names else ""
            if name not in names and (same := accounts.get(kept.account)) is not None:
                # The same account under another name: what that serves is no promise beside it.
                if code in same.config.codes:
                    continue
                heir = same.name
            own = None if feeds is None else frozenset(codes[one] for one in feeds if one in codes)
            found[name, code] = LeftPlace(own, heir, reachable=name in names)
    return found


def gone_sinks(kept: Mapping[str, Kept], configured: Collection[str]) -> list[str]:
    """Return the sinks that have left the settings."""
    return sorted(name for name in kept if name not in configured)


def keep_silent(ledger: Ledger, sources: Sequence[str]) -> frozenset[int]:
    """Find the own warehouses of which only sources speak that have left the settings, and remember them.

    It is looked for when the sources move, and as long as there are such. Runs in the ledger's thread.
    """
    told = json.dumps(sorted(sources), ensure_ascii=False)
    before = ledger.runs.remember(_SOURCES, told)
    silent = silent_warehouses(ledger)
    if not silent and before in (None, told):
        return silent
    silent = ledger.levels.silent(sources)
    ledger.runs.remember(_SILENT, json.dumps(sorted(silent)))
    return silent


def silent_warehouses(ledger: Ledger) -> frozenset[int]:
    """Return those warehouses as they were found last. Runs in the ledger's thread."""
    return frozenset(json.loads(ledger.runs.recall(_SILENT) or "[]"))
