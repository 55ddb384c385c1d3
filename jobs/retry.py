"""Retries: whether a failed attempt is the last, and the pause before the next.

A fault that may be transient (`Fault.retryable`) is tried again while attempts are left. The pause grows exponentially
with full jitter: uniform up to 0.5 s after the first attempt, 1 s after the second, and so on up to 60 s. Full jitter
best spreads attempts that failed together (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from store.queue.claims import Claimed
from store.queue.finish import End, Outcome
from store.queue.leases import LONGEST_PAUSE
from store.queue.transitions import STOP_FAULTS, Fault
from store.tables import AnalysisStatus

BASE_SECONDS = 0.5
LONGEST_SECONDS = LONGEST_PAUSE.total_seconds()

# A dead process says little about the input: the next process may survive it.
RETRYABLE_DEATHS = frozenset({"WORKER_LOST"})
LOST = Fault("WORKER_LOST", "The worker that ran it is gone.", retryable=True)


def pause_seconds(attempt: int) -> float:
    """Return a random pause in seconds after this attempt, counted from 1."""
    # The bound of the exponent prevents an overflow of the power.
    return random.uniform(0, min(LONGEST_SECONDS, BASE_SECONDS * 2 ** min(attempt - 1, 30)))  # noqa: S311


def failed(row: Claimed, fault: Fault, now: datetime, milliseconds: float | None = None) -> Outcome:
    """Return the outcome of a failed attempt: AGAIN for a retryable fault with attempts left, else FAILED."""
    if fault.retryable and row.attempt < row.max_attempts:
        retry_at = now + timedelta(seconds=pause_seconds(row.attempt))
        return Outcome(row.id, row.lease, End.AGAIN, fault=fault, processing_time_ms=milliseconds, retry_at=retry_at)
    return Outcome(row.id, row.lease, End.FAILED, fault=fault, processing_time_ms=milliseconds)


def stopped(row: Claimed, end: AnalysisStatus, milliseconds: float | None = None) -> Outcome:
    """Return the outcome of a stopped row: `end` is CANCELED or TIMED_OUT."""
    ends = {AnalysisStatus.CANCELED: End.CANCELED, AnalysisStatus.TIMED_OUT: End.TIMED_OUT}
    return Outcome(row.id, row.lease, ends[end], fault=STOP_FAULTS[end], processing_time_ms=milliseconds)


def given_back(row: Claimed) -> Outcome:
    """Return the outcome that puts a row back into the queue, without charging an attempt."""
    return Outcome(row.id, row.lease, End.GIVEN_BACK)


def lost(row: Claimed, now: datetime) -> Outcome:
    """Return the outcome of a row whose worker died: the requested stop, or a failed attempt."""
    if row.stop_requested is not None:
        return stopped(row, AnalysisStatus(row.stop_requested))
    return failed(row, LOST, now)
