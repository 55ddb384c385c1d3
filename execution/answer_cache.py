"""A cache of answers as bytes, until an object or a list in them changes.

A query of lasting fields (`execution.lasting`) reports the tags of all that it reads. Its answer is kept under
everything that it depends on besides: text, operation name, variables and viewer. The app knows the changes: before
each look-up the cache takes the tags that have changed, and drops their answers.

An answer is kept only if no change was taken between its look-up and its end. A change that the answer lacks was
committed after its look-up: it is taken by a later look-up, which drops the answer.
"""

from __future__ import annotations

from collections import OrderedDict
from sys import getsizeof
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable

    from execution.lasting import Reads
    from execution.selection import Selected
    from telemetry import AnswerTelemetry

ENTRY_BYTES = 800
"""Memory of an answer besides its bytes, its text and its variables."""

TAG_BYTES = 300
"""Memory of a tag of an answer."""

MAX_SHARE = 16
"""An answer above this part of the memory is not kept, so that no answer drops many others."""

Key = tuple[str, str | None, bytes, "Hashable"]


class Changes(Protocol):
    """The changes of the objects and lists that answers are made of."""

    def take(self) -> tuple[bool, Collection[str] | None]:
        """Return whether all changes so far are known, and the tags that changed since the last call; None: any tag."""


class Missed(NamedTuple):
    """The key of an answer that is not kept yet."""

    key: Key
    reads: Reads
    generation: int


class Kept(NamedTuple):
    """An answer, what it depends on, and its size in bytes of memory."""

    answer: bytes
    tags: Collection[str]
    size: int
    cost: int
    """The actual cost of the operation in points."""


class AnswerCache:
    """The kept answers of one schema, at most `max_bytes`. The least recently used one leaves first."""

    def __init__(self, changes: Changes, telemetry: AnswerTelemetry, max_bytes: int) -> None:
        self._changes = changes
        self._telemetry = telemetry
        self._max_bytes = max_bytes
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._keys: dict[str, set[Key]] = {}
        self._generation = 0

    def get(self, selected: Selected, reads: Reads | None) -> Kept | Missed | None:
        """Return the kept answer, or the key to keep it by; None if the answer can't be kept."""
        if reads is None or not self._max_bytes or selected.name not in selected.document.lasting:
            return None
        if not self._catch_up():
            self._telemetry.misses += 1
            return None
        try:
            variables = orjson.dumps(selected.request.variables)
        except orjson.JSONEncodeError:  # integers beyond 64 bits
            return None
        key = selected.text, selected.name, variables, reads.viewer
        found = self._kept.get(key)
        if found is None:
            self._telemetry.misses += 1
            return Missed(key, reads, self._generation)
        self._telemetry.hits += 1
        self._kept.move_to_end(key)
        return found

    def keep(self, missed: Missed, answer: bytes, cost: int = 0) -> None:
        """Keep an answer without errors, if all that it depends on was reported and did not change meanwhile."""
        key, reads, generation = missed
        if not reads.is_final or not reads.tags or generation != self._generation:
            return
        size = ENTRY_BYTES + getsizeof(key[0]) + len(key[2]) + len(answer) + TAG_BYTES * len(reads.tags)
        if size > self._max_bytes / MAX_SHARE:
            return
        self._remove(key)
        self._kept[key] = Kept(answer, frozenset(reads.tags), size, cost)
        for tag in reads.tags:
            self._keys.setdefault(tag, set()).add(key)
        self._telemetry.bytes += size
        self._telemetry.entries += 1
        while self._telemetry.bytes > self._max_bytes:
            self._remove(next(iter(self._kept)))

    def _catch_up(self) -> bool:
        """Drop all changed answers; return whether the others are current."""
        is_current, tags = self._changes.take()
        if tags is None:
            self._generation += 1
            self._drop(list(self._kept))
        elif tags:
            self._generation += 1
            for tag in tags:
                self._drop(list(self._keys.get(tag, ())))
        return is_current

    def _drop(self, keys: Collection[Key]) -> None:
        self._telemetry.dropped += len(keys)
        for key in keys:
            self._remove(key)

    def _remove(self, key: Key) -> None:
        kept: Any = self._kept.pop(key, None)
        if kept is None:
            return
        self._telemetry.bytes -= kept.size
        self._telemetry.entries -= 1
        for tag in kept.tags:
            keys = self._keys[tag]
            keys.discard(key)
            if not keys:
                del self._keys[tag]
