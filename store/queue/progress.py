"""Progress, rate and estimated end of analyses and batches.

The rate of a batch is an exponentially weighted mean over its ended items. Their weight falls by e within ten seconds
or within 200 items, whichever is longer: by time alone a few slow items would dominate, by items alone a burst of quick
ones. Before that the rate is the mean since the start.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

import orjson

from store.sql.clock import utcnow
from store.tables import AnalysisRow, AnalysisStatus, BatchRow, BatchStatus

_HORIZON_SECONDS, _HORIZON_ENDS = 10.0, 200.0
# Ended items, or their share of the total, required for an ETA.
_LEAST_ENDS, _LEAST_SHARE = 20, 0.03
_MOST_IN_HAND = 0.1
# Grace period in seconds: a shorter pause between ended items does not lower the rate.
_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ProgressValue:
    """A fraction from 0 to 1, a step in words, and the estimated seconds to the end; None if unknown."""

    fraction: float
    step: str | None
    eta_seconds: float | None


def progress_of_analysis(row: AnalysisRow) -> ProgressValue:
    """Return the progress of an analysis. The ETA assumes a constant rate since the start."""
    if row.status == AnalysisStatus.COMPLETED:
        return ProgressValue(1.0, None, None)
    eta = None
    if row.status == AnalysisStatus.RUNNING and row.started_at is not None and row.progress > 0:
        elapsed = max((utcnow() - row.started_at).total_seconds(), 0.0)
        eta = round(elapsed * (1 - row.progress) / row.progress, 1)
    return ProgressValue(row.progress, row.progress_step, eta)


def after_more_ends(recent_ends: str, ended: int, started_at: datetime | None, now: datetime) -> str:
    """Return the new `BatchRow.recent_ends` after `ended` more items ended now.

    The value is JSON: the weighted number of ended items, their weighted seconds, and the last end in seconds since
    1970.
    """
    ends, seconds, last = orjson.loads(recent_ends) or (0.0, 0.0, (started_at or now).timestamp())
    instant = now.timestamp()
    passed = max(instant - last, 0.0)
    kept = max(math.exp(-passed / _HORIZON_SECONDS), math.exp(-ended / _HORIZON_ENDS))
    return orjson.dumps([ends * kept + ended, seconds * kept + passed, instant]).decode()


def no_ends(started_at: datetime) -> str:
    """Return the `BatchRow.recent_ends` of a run that starts now."""
    return orjson.dumps([0.0, 0.0, started_at.timestamp()]).decode()


def items_per_second(row: BatchRow, now: datetime) -> float | None:
    """Return the recent rate of ended items per second, of any outcome; None before the first.

    The rate falls while no item ends for longer than the running ones should take.
    """
    ends, seconds, last = orjson.loads(row.recent_ends) or (0.0, 0.0, 0.0)
    if not ends:
        return None
    idle = now.timestamp() - last - _PATIENCE_SECONDS - row.running * seconds / ends
    over = BatchStatus(row.status).ended or idle < 0
    return ends / max(seconds if over else seconds + idle, 0.001)


def progress_of_batch(row: BatchRow, now: datetime) -> ProgressValue:
    """Return the progress of a batch, by ended items of any outcome. No ETA before 20 items or 3 % have ended.

    Between two ends the ETA counts down, at most to the time that the queued items need.
    """
    open_items = row.queued + row.running
    ended = row.total_items - open_items
    if BatchStatus(row.status).ended:
        return ProgressValue(1.0, None, None)
    eta = None
    rate = items_per_second(row, now) if row.open_until is None else None  # an open stream has no known total
    if rate and (ended >= _LEAST_ENDS or ended >= _LEAST_SHARE * row.total_items):
        # Running items are half done on average, which matters while few have ended. The bound is for chunks, whose
        # claimed items may not have begun.
        rate *= 1 + min(row.running / 2 / ended, _MOST_IN_HAND)
        since = max((now - row.updated_at).total_seconds(), 0.0)
        eta = round(max(open_items / rate - since, row.queued / rate), 1)
    return ProgressValue(ended / row.total_items, f"{ended:,} of {row.total_items:,} items", eta)
