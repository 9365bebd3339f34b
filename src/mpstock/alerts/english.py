"""The texts of every kind of trouble in English; see `mpstock.alerts.catalogue` for the placeholders."""

from __future__ import annotations

from collections.abc import Mapping

from mpstock.alerts.wording import Texts

__all__ = ["ENGLISH"]

_RELEASE = "Look at it (mpstock status, mpstock plan). If it is right: mpstock sync --release {}"

ENGLISH: Mapping[str, Texts] = {
    "shows_zero": Texts(
        "{sink}: {count:listing|listings} out of stock though there is some",
        "{count:listing|listings} on {sink} have shown 0 since {since:@} or later, and should show "
        "{units:unit|units}: {first:;}",
        "See why: mpstock explain SKU, mpstock log --sink {sink}. In the cabinet look whether the "
        "cards are "
        "blocked or the warehouse is switched off.",
    ),
    "refused": Texts(
        "{sink} refuses {count:listing|listings} again and again",
        "{count:listing|listings} were refused up to {most:time|times} in a row: {first:;}. "
        "{sink} says: {words}",
        "Mend what {sink} complains of; then mpstock sync --retry.",
    ),
    "fall_refused": Texts(
        "{sink} does not let {sku} be lowered",
        "{sink} refused to lower {external_id} on {warehouse} from {old} to {new}: {words}. Until it "
        "goes "
        "through, what is not there can be bought.",
        "mpstock goes on trying; lower it in the cabinet meanwhile.",
    ),
    "zeroing": Texts(
        "{sink}: {count:listing|listings} would fall to 0, held",
        "{source} would take {count:listing|listings} with {units:unit|units} on {sink} {warehouse} to "
        "zero. "
        "That is too many to be believed; they are held, all else goes on.",
        _RELEASE.format("zeroing"),
    ),
    "raising": Texts(
        "{sink}: {count:listing|listings} would jump up, held",
        "{source} would raise {count:listing|listings} that show {units:unit|units} on {sink} "
        "{warehouse} "
        "many times over. A unit or a decimal point may be wrong; they are held.",
        _RELEASE.format("raising"),
    ),
    "takeover": Texts(
        "{sink}: the first run would change {count:listing|listings} a lot, held",
        "On {sink} {warehouse}, which mpstock has not written to before, {source} would take "
        "{count:listing|listings} with {units:unit|units} to zero or raise them many times over.",
        _RELEASE.format("takeover"),
    ),
    "shrunken": Texts(
        "{source}: {count:row|rows} missing from a complete reading",
        "A complete reading of {source} left out {count:row|rows} that had stock. They count as unknown, "
        "not as zero: nothing is raised by them.",
        "Look at what {source} answers. If they are really gone: mpstock sync --full --release shrunken",
    ),
    "unreadable": Texts(
        "{source}: a reading that cannot be trusted",
        "{source} was read completely, but not trustworthily: {count:row|rows} that had stock are "
        "missing. "
        "They count as unknown, not as zero.",
        "Mend what {source} answers; the next run reads everything again.",
    ),
    "schema": Texts(
        "{source}: {count:row|rows} without a quantity that can be read",
        "{count:row|rows} that {source} told have no quantity any more that can be read; they count as "
        "unknown. Has a column or a field been renamed?",
        "Mend what {source} answers, or its settings.",
    ),
    "stale": Texts(
        "{source} is too old to be believed",
        "{source} was last read at {since:@}, and may be {longest:~} old (max_age). Nothing is raised by it.",
        "See why it is not read: mpstock status, mpstock check.",
    ),
    "source_failing": Texts(
        "{source} cannot be read",
        "{source} has failed since {since:@}: {words}. Nothing is raised by it meanwhile.",
        "Look whether it is up, and whether its address and password are right: mpstock check.",
    ),
    "sink_failing": Texts(
        "{sink} cannot be reached",
        "{sink} has failed since {since:@}: {words}. What it shows may be wrong meanwhile.",
        "Look whether it is up, and whether the key is right: mpstock check.",
    ),
    "orders_unread": Texts(
        "{sink}: its orders cannot be read",
        "The orders of {sink} have not been read since {since:@}: {words}. Nothing that it sells is "
        "raised "
        "meanwhile.",
        "Look whether the key has the right for orders: mpstock check.",
    ),
    "run_failed": Texts(
        "mpstock: run {run} has broken off",
        "Run {run} broke off at {since:@}: {words}",
        "Run mpstock doctor; if the ledger is well, please report it.",
    ),
    "credential_ends": Texts(
        "{adapter}: the {name:!} ends soon",
        "The {name:!} of {adapter} is good until {at:@}. After that nothing can be read or written with it.",
        "Make a new one in the cabinet, put it into the settings, and run mpstock check.",
    ),
    "credential_ended": Texts(
        "{adapter}: the {name:!} has ended",
        "The {name:!} of {adapter} was good until {at:@}. Nothing can be read or written with it any more.",
        "Make a new one in the cabinet, put it into the settings, and run mpstock check.",
    ),
    "another_writer": Texts(
        "somebody else writes to {sink}",
        "Since {since:@} listings of {sink} show numbers that mpstock did not put there. The latest: "
        "{first:;}",
        "Switch off whatever else sets stock there: 1C's own exchange, another integration, a robot or a "
        "person in the cabinet. mpstock verify says when it has ended.",
    ),
    "lost_writes": Texts(
        "{sink} accepts stock and does not show it",
        "{count:write|writes} in a row were accepted by {sink} and never shown. The latest: {first:;}",
        "Look at these listings in the cabinet, lower them there by hand, and see mpstock log --sink {sink}.",
    ),
    "drift": Texts(
        "{sink}: {count:listing|listings} out of step",
        "Within an hour {count:listing|listings} of {sink} showed something else than was known, and no "
        "order explains it: {first:;}",
        "mpstock verify says more; what differs is corrected by itself.",
    ),
    "unknown_order": Texts(
        "{sink}: an order of {external_id}, which nobody knows",
        "{units:unit|units} of {external_id} are on order at {sink}, and no product is known for it: "
        "nothing "
        "keeps them back where they are sold as well.",
        "Tie the listing to its product in the products file, or let a source list the article.",
    ),
    "oversold": Texts(
        "{sink}: {units:unit|units} sold that were not there",
        "Within a day {sink} names {orders:order|orders} of {units:unit|units} that were sold, or "
        "cancelled, "
        "for lack of stock: {first:;}",
        "See why: mpstock explain SKU --at TIME. A larger buffer for these products helps.",
    ),
    "invariant": Texts(
        "mpstock: a defect",
        "a defect: {words}. What it shows was kept, or lowered",
        "please report it, with what mpstock explain says of the article",
    ),
    "sink_renamed": Texts(
        "{old} is called {new} from now on",
        "the sink {old} is called {new} from now on: both are one account. What was known of its "
        "listings and orders goes on; the log before this run says the old name",
        "nothing, if it was renamed; look whether `absorbs` still names the old one",
    ),
    "restored": Texts(
        "the ledger was put back from a copy",
        "the ledger is a copy of {made_at:@}: what {listings:listing|listings} show, "
        "and what the sources say, is read anew before anything is sent",
        "stops, zeros, pins and carts since then are not in it: set them again",
    ),
    "tidying": Texts(
        "the ledger cannot be tidied",
        "what is too old could not be let go: {words}",
        "the next run tries again; mpstock doctor looks after the ledger",
    ),
}
"""By kind."""
