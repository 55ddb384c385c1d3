"""graphql-core's execution in time slices: long answers leave time for other clients.

Compiled operations have slices of their own (`execution.compile.run`).
"""

from __future__ import annotations

import asyncio
from time import thread_time
from typing import TYPE_CHECKING, Any

from graphql.pyutils import Path

from execution.strawberry_parts import StrawberryGraphQLCoreExecutionContext

if TYPE_CHECKING:
    from collections.abc import Sequence

SLICE_SECONDS = 0.005
"""Longest processor time without a yield to the event loop, apart from the completion of `PART` items.

Not the time on the clock: on a busy machine, an answer of ordinary size would be divided too.
"""

LONG = 20
"""Items of a list from which its completion is divided."""

MANY = 100
"""Awaited values of an operation from which each continues in its turn. Before, loaders see all their keys together."""

PART = 4
"""Items that are completed together: an item takes some 100 microseconds."""


class Sliced(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's execution context, which yields between the parts of long lists and between awaited values."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._until = thread_time() + SLICE_SECONDS
        self._yielding = asyncio.Lock()
        self._awaited = 0

    def complete_iterable_value(
        self, item_type: Any, field_details_list: Any, info: Any, path: Path, items: Any, position_context: Any
    ) -> Any:
        """Complete a list; return an awaitable of a long one."""
        whole = item_type, field_details_list, info, path, items, position_context
        if isinstance(items, (list, tuple)) and len(items) >= LONG:
            return self._complete_parts(*whole)
        return super().complete_iterable_value(*whole)

    async def complete_awaitable_value(
        self, return_type: Any, field_details_list: Any, info: Any, path: Path, result: Any, position_context: Any
    ) -> Any:
        """Complete a value of a resolver in its turn: hundreds can be ready at once."""
        mine = self._in_turn(result)
        return await super().complete_awaitable_value(
            return_type, field_details_list, info, path, mine, position_context
        )

    async def _complete_parts(
        self, item_type: Any, details: Any, info: Any, path: Path, items: Sequence[Any], position: Any
    ) -> list[Any]:
        parts: list[Any] = []
        try:
            for start in range(0, len(items), PART):
                await self._turn()
                shifted, part = _Shifted.by(path, start), items[start : start + PART]
                parts.append(super().complete_iterable_value(item_type, details, info, shifted, part, position))
        except Exception:
            self.track_async_work(parts)
            raise
        waiting = [index for index, part in enumerate(parts) if self.is_awaitable(part)]
        # All awaitables start together, so that loaders see all their keys.
        awaited = await self.gather_async_work([parts[index] for index in waiting]) if waiting else []
        for index, part in zip(waiting, awaited, strict=True):
            parts[index] = part
        return [item for part in parts for item in part]

    async def _in_turn(self, awaitable: Any) -> Any:
        value = await awaitable
        self._awaited += 1
        if self._awaited > MANY:
            await self._turn()
        return value

    async def _turn(self) -> None:
        """Yield to the event loop if the time slice is over. Waiting calls continue one by one."""
        if thread_time() > self._until:
            async with self._yielding:
                if thread_time() > self._until:
                    await asyncio.sleep(0)
                    self._until = thread_time() + SLICE_SECONDS


class _Shifted(Path):
    """The path of a list, for a part of the list that begins at a later index."""

    start: int
    whole: Path

    @classmethod
    def by(cls, path: Path, start: int) -> _Shifted:
        """Return the path for the items from `start`."""
        made = cls(*path)
        made.whole, made.start = path, start
        return made

    def add_key(self, key: str | int, typename: str | None = None) -> Path:
        """Return the path of an item."""
        return Path(self.whole, int(key) + self.start, typename)
