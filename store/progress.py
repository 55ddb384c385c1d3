"""How far work has come, how fast it moves, and when it will end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import orjson

from store.columns import utcnow
from store.tables import AnalysisRow, AnalysisStatus, BatchRow, BatchStatus

_SECONDS_KEPT = 10
# Fewer ends than this say nothing about the rate yet.
_LEAST_ENDS, _LEAST_SHARE = 20, 0.03


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
        elapsed = (utcnow() - row.started_at).total_seconds()
        eta = round(elapsed * (1 - row.progress) / row.progress, 1)
    return ProgressValue(row.progress, row.progress_step, eta)


def after_more_ends(recent_ends: str, ended: int, now: datetime) -> str:
    """`BatchRow.recent_ends` once `ended` more items have ended now."""
    ends: list[list[int]] = orjson.loads(recent_ends)
    second = int(now.timestamp())
    if ends and ends[-1][0] >= second:  # a clock that went back counts into the last second
        ends[-1][1] += ended
    else:
        ends.append([second, ended])
    return orjson.dumps(ends[-_SECONDS_KEPT:]).decode()


def items_per_second(row: BatchRow) -> float | None:
    """Items ended a second, over the last ten seconds in which some did; None before the first has."""
    ends: list[list[int]] = orjson.loads(row.recent_ends)
    if not ends:
        return None
    covered = float(len(ends))
    # The last second ends with the last item, and the first begins with the batch.
    last_end = row.updated_at.timestamp()
    if ends[-1][0] <= last_end < ends[-1][0] + 1:
        covered -= ends[-1][0] + 1 - last_end
    if row.started_at is not None and ends[0][0] <= row.started_at.timestamp() < ends[0][0] + 1:
        covered -= row.started_at.timestamp() - ends[0][0]
    return sum(count for _, count in ends) / max(covered, 0.001)


def progress_of_batch(row: BatchRow) -> ProgressValue:
    """By items that have ended, whatever their end. No ETA before 20 items or 3 % have."""
    open_items = row.queued + row.running
    ended = row.total_items - open_items
    if BatchStatus(row.status).ended:
        return ProgressValue(1.0, None, None)
    rate = items_per_second(row) if row.open_until is None else None  # how many more come is not known
    reckoned = rate and (ended >= _LEAST_ENDS or ended >= _LEAST_SHARE * row.total_items)
    eta = round(open_items / rate, 1) if rate and reckoned else None
    return ProgressValue(ended / row.total_items, f"{ended:,} of {row.total_items:,} items", eta)
