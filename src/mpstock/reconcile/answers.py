"""What a sink's answer to one push means, also where the answer is an exception."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from mpstock.errors import InDoubtError, MpstockError, NotSentError
from mpstock.model import Outcome, OutcomeStatus
from mpstock.reconcile.adapters import BuiltSink, Failure
from mpstock.tracing import traced

if TYPE_CHECKING:
    from mpstock.model import Change

__all__ = ["Answer", "ask"]


@frozen
class Answer:
    """One outcome for each change and, where the push went wrong as a whole, why.

    `paused`: it may go better in a moment, after `retry_after` seconds if the sink said so. `defect`: the
    plugin's own exception, which a single change may have caused.
    """

    outcomes: Sequence[Outcome]
    failure: Failure | None = None
    retry_after: float | None = None
    paused: bool = False
    defect: bool = False


@traced("mpstock.push", "built", "changes")
async def ask(built: BuiltSink, changes: Sequence[Change]) -> Answer:
    """Push these changes once, and say what came of it."""
    size = len(changes)
    try:
        built.gate.check()
        outcomes = list(await built.sink.push(changes))
    except NotSentError as error:
        told = Outcome(OutcomeStatus.UNSENT, "", str(error))
        return Answer([told] * size, Failure.of(error, built.config), error.retry_after, paused=True)
    except InDoubtError as error:
        told = Outcome(OutcomeStatus.DOUBT, "", str(error), error.retry_after)
        return Answer([told] * size, Failure.of(error, built.config), error.retry_after, paused=True)
    except asyncio.CancelledError:
        # Hard stop: the intent stays without an outcome, and the next run treats it as doubt.
        raise
    except Exception as error:
        failure = Failure.of(error, built.config)
        if isinstance(error, MpstockError):
            status = OutcomeStatus.UNSENT if failure.kind == "refused" else OutcomeStatus.DOUBT
            return Answer([Outcome(status, "", failure.message, 0.0)] * size, failure)
        return Answer([Outcome(OutcomeStatus.WHOLE, "", failure.message)] * size, failure, defect=True)
    if len(outcomes) != size:
        message = f"a defect of the plugin: {len(outcomes)} outcomes for {size} changes"
        failure = Failure("failed", f"{built.name}: {message}")
        return Answer([Outcome(OutcomeStatus.DOUBT, "", message)] * size, failure)
    return Answer(outcomes)
