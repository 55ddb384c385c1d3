"""How far work has come, how fast it moves, and when it will end.

A batch's rate is exponentially weighted over its ends. Their weight falls by e within ten seconds or within 200 ends,
whichever takes longer: by time alone a few slow items would decide, by ends alone a burst of short ones, which end by
the hundred. Short of that, it is the mean since the start.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

import orjson

from store.sql.clock import utcnow
from store.tables import AnalysisRow, AnalysisStatus, BatchRow, BatchStatus

_HORIZON_SECONDS, _HORIZON_ENDS = 10.0, 200.0
# Fewer ends than this say nothing about the rate yet.
_LEAST_ENDS, _LEAST_SHARE = 20, 0.03
_MOST_IN_HAND = 0.1
# For so long no end is no news.
_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ProgressValue:
    """`fraction` from 0 to 1, a step in words, and the seconds until the end where they can be reckoned."""

    fraction: float
    step: str | None
    eta_seconds: float | None


def progress_of_analysis(row: AnalysisRow) -> ProgressValue:
    """A running analysis's ETA assumes that the rest takes as long, for its share, as what has been done."""
    if row.status == AnalysisStatus.COMPLETED:
        return ProgressValue(1.0, None, None)
    eta = None
    if row.status == AnalysisStatus.RUNNING and row.started_at is not None and row.progress > 0:
        elapsed = max((utcnow() - row.started_at).total_seconds(), 0.0)
        eta = round(elapsed * (1 - row.progress) / row.progress, 1)
    return ProgressValue(row.progress, row.progress_step, eta)


def after_more_ends(recent_ends: str, ended: int, started_at: datetime | None, now: datetime) -> str:
    """`BatchRow.recent_ends` once `ended` more items have ended now.

    It is how many ended and in how many seconds, both weighted, and the instant of the last end in seconds since 1970.
    """
    ends, seconds, last = orjson.loads(recent_ends) or (0.0, 0.0, (started_at or now).timestamp())
    instant = now.timestamp()
    passed = max(instant - last, 0.0)
    kept = max(math.exp(-passed / _HORIZON_SECONDS), math.exp(-ended / _HORIZON_ENDS))
    return orjson.dumps([ends * kept + ended, seconds * kept + passed, instant]).decode()


def items_per_second(row: BatchRow, now: datetime) -> float | None:
    """Items ended a second of late, whatever their end; None before the first has.

    It falls while nothing ends for longer than what runs should take.
    """
    ends, seconds, last = orjson.loads(row.recent_ends) or (0.0, 0.0, 0.0)
    if not ends:
        return None
    idle = now.timestamp() - last - _PATIENCE_SECONDS - row.running * seconds / ends
    over = BatchStatus(row.status).ended or idle < 0
    return ends / max(seconds if over else seconds + idle, 0.001)


def progress_of_batch(row: BatchRow, now: datetime) -> ProgressValue:
    """By items that have ended, whatever their end. No ETA before 20 items or 3 % have.

    It counts down between two ends, as far as to the time that what waits will take.
    """
    open_items = row.queued + row.running
    ended = row.total_items - open_items
    if BatchStatus(row.status).ended:
        return ProgressValue(1.0, None, None)
    eta = None
    rate = items_per_second(row, now) if row.open_until is None else None  # how many more come is not known
    if rate and (ended >= _LEAST_ENDS or ended >= _LEAST_SHARE * row.total_items):
        # What workers have in hand is half done, on the average, which makes a difference where ends are few. Where
        # they are many, much of it may not have begun.
        rate *= 1 + min(row.running / 2 / ended, _MOST_IN_HAND)
        since = max((now - row.updated_at).total_seconds(), 0.0)
        eta = round(max(open_items / rate - since, row.queued / rate), 1)
    return ProgressValue(ended / row.total_items, f"{ended:,} of {row.total_items:,} items", eta)
