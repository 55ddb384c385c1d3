"""Chunk sizes: about `TARGET_MS` of work, so that a lost process and a wait for a slot cost little."""

from __future__ import annotations

TARGET_MS = 50.0
# Chunk sizes before the first measurement, and at most. Larger chunks make quick items no cheaper, and a claim is one
# transaction, for which new submissions wait.
FIRST, MOST = 4, 512
# The share of a new item in the running mean.
_WEIGHT = 0.1
# Floor of the mean: below it the trip to the process costs more than the work.
_LEAST_MS = 0.01


class Pace:
    """Running means of the milliseconds per item, by analyzer, and the resulting chunk sizes."""

    def __init__(self) -> None:
        self._means: dict[str, float] = {}

    def measured(self, analyzer: str, milliseconds: float) -> None:
        """Add one item's time."""
        mean = self._means.get(analyzer, milliseconds)
        self._means[analyzer] = mean + _WEIGHT * (milliseconds - mean)

    def chunk(self, analyzer: str) -> int:
        """Return the number of items that take about `TARGET_MS`, 1 to `MOST`; `FIRST` before a measurement."""
        mean = self._means.get(analyzer)
        return FIRST if mean is None else max(1, min(MOST, int(TARGET_MS / max(mean, _LEAST_MS))))
