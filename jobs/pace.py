"""How many items make a chunk: about as much work as is lost, or waited for, without anybody minding."""

from __future__ import annotations

TARGET_MS = 50.0
# More than `MOST` makes quick items no cheaper, and holds up what is submitted meanwhile: a claim is one transaction.
FIRST, MOST = 4, 512
# The share of a new item in the running mean.
_WEIGHT = 0.1
# Below this the trip to the process costs more than the work.
_LEAST_MS = 0.01


class Pace:
    """The running mean of each analyzer's time an item, and the chunk that follows from it."""

    def __init__(self) -> None:
        self._means: dict[str, float] = {}

    def measured(self, analyzer: str, milliseconds: float) -> None:
        """One item took so long."""
        mean = self._means.get(analyzer, milliseconds)
        self._means[analyzer] = mean + _WEIGHT * (milliseconds - mean)

    def chunk(self, analyzer: str) -> int:
        """Items that take about `TARGET_MS`, from 1 to `MOST`; `FIRST` before any was measured."""
        mean = self._means.get(analyzer)
        return FIRST if mean is None else max(1, min(MOST, int(TARGET_MS / max(mean, _LEAST_MS))))
