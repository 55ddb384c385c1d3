"""Admission: the analyzers that a worker may claim for now, by pauses, limits, busy slots and aging.

Priorities are strict, with one exception. A lane (an analyzer and a priority) with queued rows that this worker has not
served for `AGING_SECONDS` gets one slot's chunk, before any higher priority. Between two such claims are at least
`BETWEEN` claims by priority, so that priorities keep their effect when items are slow.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from store.queue.controls import Controls
from store.queue.fairness import Head, Lane

AGING_SECONDS = 30.0
BETWEEN = 4


class Admission:
    """The admission of one worker, by its analyzers and its configured number of slots."""

    def __init__(self, analyzers: Collection[str], slots: int) -> None:
        self._known = frozenset(analyzers)
        self._started_with = slots
        self._controls = Controls(paused=False, paused_analyzers=frozenset(), limits={}, slots=None)
        self._waiting_unknown: frozenset[str] = frozenset()
        self._served: dict[Lane, float] = {}
        self._by_priority = BETWEEN

    @property
    def slots(self) -> int:
        """The number of slots that the worker should have now."""
        return self._started_with if self._controls.slots is None else self._controls.slots

    def look(self, controls: Controls, heads: Sequence[Head], others: Collection[str] = ()) -> None:
        """Take in the operators' controls, the heads of all lanes, and the analyzers of other workers."""
        self._controls = controls
        now = time.monotonic()
        heads = [head for head in heads if head.analyzer in self._known or head.analyzer not in others]
        self._served = {head.lane: self._served.get(head.lane, now) for head in heads}
        # An analyzer that no worker has: one worker must claim the rows and fail them.
        self._waiting_unknown = frozenset(head.analyzer for head in heads) - self._known

    def is_paused(self, analyzer: str) -> bool:
        """Whether the analyzer, or the whole queue, is paused."""
        return self._controls.paused or analyzer in self._controls.paused_analyzers

    def is_limited(self, analyzer: str) -> bool:
        """Whether operators limit the slots of this analyzer."""
        return analyzer in self._controls.limits

    def room(self, analyzer: str, busy: Collection[str]) -> int:
        """The number of further slots that the analyzer may use. `busy` lists the analyzers of the busy slots."""
        if self.is_paused(analyzer):
            return 0
        most = min(self._controls.limits.get(analyzer, self.slots), self.slots)
        return max(0, most - sum(each == analyzer for each in busy))

    def admitted(self, busy: Collection[str]) -> list[str]:
        """The analyzers with room for another slot."""
        return [name for name in self._known | self._waiting_unknown if self.room(name, busy)]

    def starved(self, busy: Collection[str]) -> Lane | None:
        """The longest-unserved lane that is due by age; None if none is due."""
        if self._by_priority < BETWEEN:
            return None
        over = time.monotonic() - AGING_SECONDS
        due = [(since, lane) for lane, since in self._served.items() if since < over and self.room(lane.analyzer, busy)]
        return min(due)[1] if due else None

    def served(self, lane: Lane, *, by_age: bool) -> None:
        """Note that this lane was served, or is empty."""
        self._served[lane] = time.monotonic()
        self._by_priority = 0 if by_age else self._by_priority + 1
