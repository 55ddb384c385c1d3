"""What a worker may claim now: what operators hold, what its slots are busy with, and what has waited for too long.

Priorities are strict but for aging: a lane (an analyzer and a priority) in which something waits and of which this
worker has taken nothing for `AGING_SECONDS` gets one slot's chunk, whatever waits above it. So that priorities still
tell where items are slow, at least `BETWEEN` claims by priority go between two that are due to age.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from store.queue.controls import Controls
from store.queue.fairness import Head, Lane

AGING_SECONDS = 30.0
BETWEEN = 4


class Admission:
    """For a worker that knows these analyzers and was started with so many slots."""

    def __init__(self, analyzers: Collection[str], slots: int) -> None:
        self._known = frozenset(analyzers)
        self._started_with = slots
        self._controls = Controls(paused=False, paused_analyzers=frozenset(), limits={}, slots=None)
        self._waiting_unknown: frozenset[str] = frozenset()
        self._served: dict[Lane, float] = {}
        self._by_priority = BETWEEN

    @property
    def slots(self) -> int:
        """How many slots the worker is to have."""
        return self._started_with if self._controls.slots is None else self._controls.slots

    def look(self, controls: Controls, heads: Sequence[Head], others: Collection[str] = ()) -> None:
        """Note what operators hold, in which lanes something waits, and which analyzers other workers have."""
        self._controls = controls
        now = time.monotonic()
        heads = [head for head in heads if head.analyzer in self._known or head.analyzer not in others]
        self._served = {head.lane: self._served.get(head.lane, now) for head in heads}
        # Where nobody has it, somebody has to say that there is no such analyzer any more.
        self._waiting_unknown = frozenset(head.analyzer for head in heads) - self._known

    def is_paused(self, analyzer: str) -> bool:
        """Whether nothing of it may begin."""
        return self._controls.paused or analyzer in self._controls.paused_analyzers

    def is_limited(self, analyzer: str) -> bool:
        """Whether not every slot may run it."""
        return analyzer in self._controls.limits

    def room(self, analyzer: str, busy: Collection[str]) -> int:
        """How many more slots it may have, where these are the analyzers of the slots that are busy."""
        if self.is_paused(analyzer):
            return 0
        most = min(self._controls.limits.get(analyzer, self.slots), self.slots)
        return max(0, most - sum(each == analyzer for each in busy))

    def admitted(self, busy: Collection[str]) -> list[str]:
        """The analyzers for which something may be claimed."""
        return [name for name in self._known | self._waiting_unknown if self.room(name, busy)]

    def starved(self, busy: Collection[str]) -> Lane | None:
        """The lane that has waited longest of those whose turn it is by age."""
        if self._by_priority < BETWEEN:
            return None
        over = time.monotonic() - AGING_SECONDS
        due = [(since, lane) for lane, since in self._served.items() if since < over and self.room(lane.analyzer, busy)]
        return min(due)[1] if due else None

    def served(self, lane: Lane, *, by_age: bool) -> None:
        """Something of this lane was claimed, or nothing waits there any more."""
        self._served[lane] = time.monotonic()
        self._by_priority = 0 if by_age else self._by_priority + 1
