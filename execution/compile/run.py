"""One run of a compiled operation.

The compiled functions are synchronous. For an awaitable of a resolver they leave a place in the answer and a `Pending`;
the run awaits all of these at the same time, so that loaders see all their keys together, and fills in the places.

Anything unusual raises, and the run gives up: graphql-core then completes the root values that are kept here. No root
resolver is called twice. Resolvers below the root can be: they have no effects.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from types import CoroutineType
from typing import TYPE_CHECKING, Any, NamedTuple

from graphql import MiddlewareManager
from graphql.pyutils import Path

from execution.eager import Eager

if TYPE_CHECKING:
    from graphql.execution import Executor as Operation

    from execution.compile.values import Arguments, Site

SLICE_SECONDS = 0.005
"""Longest time without a yield to the event loop, apart from the completion of one object."""

Position = tuple[Any, str | int, str | None]
"""A place in the answer: the place above, key or index, and the type's name for a key. None is the root."""

Complete = Callable[[Any, Any, "Run"], Any]


class Pending(NamedTuple):
    """An awaited value, its completion, and its place in the answer."""

    awaitable: Awaitable[Any]
    complete: Complete
    position: Position | None
    container: dict[str, Any]
    key: str


class Root(NamedTuple):
    """A root field: its resolver, and the completion of the resolver's value."""

    key: str
    call: Callable[[Any, Any], Any]
    complete: Complete
    position: Position
    at_once: bool = False
    """Whether the resolver is a coroutine that usually ends without a wait."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled operation."""

    roots: Sequence[Root]
    serial: bool
    """Whether each root field waits for the end of the one before: a mutation."""
    is_awaitable: Callable[[Any], bool]
    source: str
    """The code. Each text in an answer has a name in it."""
    texts: Mapping[str, str]
    """The texts by name."""
    size: int
    """Bytes of memory, approximately."""


class _Raised(NamedTuple):
    error: Exception


class Run:
    """One run of a program. `begin` does the synchronous part, `finish` the rest.

    Both raise an exception of any kind if the run gives up: then the caller runs `replay`, which gives the answer.
    """

    def __init__(self, program: Program, operation: Operation[Any]) -> None:
        self.program = program
        self.operation = operation
        self.context = operation.context_value
        self.steps: bool = getattr(self.context, "answers_at_once", False)
        """Whether coroutines that usually end without a wait begin where they are made: see `AT_ONCE`."""
        self.data: dict[str, Any] = {}
        self.waiting: list[Pending] = []
        self.arguments: dict[Arguments, dict[str, Any]] = {}
        """The arguments that were coerced in this run and can be shared."""
        self._roots = iter(program.roots)
        self._kept: dict[str, Any] = {}
        """The values of the root resolvers, or awaitables of them, by key."""
        self._done: set[str] = set()
        """The keys of the root fields that are complete. A later mutation could change their objects."""
        self._lists: deque[tuple[Iterator[Any], Complete, Any, list[Any]]] = deque()
        """The lists of which a part is not complete yet."""
        self._ready: deque[tuple[Pending, asyncio.Future[Any]]] = deque()
        self._tasks: set[asyncio.Future[Any]] = set()
        self._running = 0
        self._wake: asyncio.Future[None] | None = None
        self._until = perf_counter() + SLICE_SECONDS

    def begin(self) -> bool:
        """Call the root resolvers until something must be awaited. Returns whether the answer is complete."""
        source = self.operation.root_value
        for root in self._roots:
            try:
                value = root.call(source, self)
                if root.at_once and self.steps:
                    value = step(value)
            except Exception as error:
                self._kept[root.key] = _Raised(error)
                raise
            self._kept[root.key] = value
            self.data[root.key] = None
            pending = Pending(value, root.complete, root.position, self.data, root.key)
            if self.program.is_awaitable(value):
                self.waiting.append(pending)
            else:
                self._fill(pending, value)
            if self.program.serial and (self.waiting or self._lists):
                return False
        return not (self.waiting or self._lists)

    async def finish(self) -> None:
        """Complete the answer after `begin` has returned False."""
        await self._settle()
        self._done.update(self.data)
        while not self.begin():
            await self._settle()
            self._done.update(self.data)

    def replay(self) -> Any:
        """Return graphql-core's result for the root values of this run, or an awaitable of it.

        graphql-core itself calls the root resolvers that this run has not called.
        """
        for pending in self.waiting:
            if pending.container is not self.data and isinstance(pending.awaitable, (CoroutineType, Eager)):
                pending.awaitable.close()
        self.waiting.clear()
        self.operation.middleware_manager = MiddlewareManager(self)
        whole = self.operation.execute_field

        def execute_field(parent: Any, source: Any, details: Any, path: Path, position: Any) -> Any:
            if path.prev is None and path.key in self._done:
                return self.data[str(path.key)]
            return whole(parent, source, details, path, position)

        self.operation.execute_field = execute_field  # type: ignore[method-assign, assignment]
        return self.operation.execute_operation()

    def resolve(self, resolve: Callable[..., Any], source: Any, info: Any, **arguments: Any) -> Any:
        """Return the kept value of a root field, as a middleware of graphql-core."""
        if info.path.prev is not None or info.path.key not in self._kept:
            return resolve(source, info, **arguments)
        kept = self._kept[info.path.key]
        if isinstance(kept, _Raised):
            raise kept.error
        return kept

    async def close(self) -> None:
        """Cancel the awaitables that still run."""
        left = [task for task in self._tasks if not task.done()]
        for task in left:
            task.cancel()
        if left:
            await asyncio.gather(*left, return_exceptions=True)
        for pending in self.waiting:
            if isinstance(pending.awaitable, (CoroutineType, Eager)):
                pending.awaitable.close()

    def long(self, items: Iterable[Any], complete: Complete, position: Any) -> list[Any]:
        """Complete a long list: the part beyond the time slice comes later. `position` is None if no item needs it."""
        done: list[Any] = []
        self._go_on(iter(enumerate(items)), complete, position, done)
        return done

    def leave(self, awaitable: Any) -> None:
        """Let graphql-core end an awaitable that the run has no use for."""
        if self.program.is_awaitable(awaitable):
            self.operation.settle_in_background([awaitable])

    def site_info(self, site: Site, position: Position) -> Any:
        """Return graphql-core's info of a field."""
        return self.operation.build_resolve_info(site.definition, list(site.nodes), site.parent, self.path(position))

    @staticmethod
    def path(position: Position) -> Path:
        """Return graphql-core's path of a position."""
        return path_of(position)

    def _go_on(self, items: Iterator[Any], complete: Complete, position: Any, done: list[Any]) -> None:
        for index, item in items:
            done.append(complete(item, None if position is None else (position, index, None), self))
            if perf_counter() > self._until:
                self._lists.append((items, complete, position, done))
                return

    async def _settle(self) -> None:
        """Await all that is pending, and complete it. New awaitables start together, after all completions."""
        self._until = perf_counter() + SLICE_SECONDS
        while True:
            while self._lists or self._ready:
                if perf_counter() > self._until:
                    await asyncio.sleep(0)
                    self._until = perf_counter() + SLICE_SECONDS
                if self._lists:
                    self._go_on(*self._lists.popleft())
                else:
                    pending, task = self._ready.popleft()
                    self._fill(pending, task.result())
            if len(self.waiting) == 1 and not self._running:
                await self._await_one(self.waiting.pop())
            elif self.waiting:
                self._start()
            elif self._running:
                self._wake = asyncio.get_running_loop().create_future()
                await self._wake
                self._until = perf_counter() + SLICE_SECONDS
            else:
                return

    async def _await_one(self, pending: Pending) -> None:
        """Await a single awaitable without a task of its own."""
        try:
            value = await pending.awaitable
        except Exception as error:
            if pending.container is self.data:
                self._kept[pending.key] = _Raised(error)
            raise
        if pending.container is self.data:
            self._kept[pending.key] = value
        self._until = perf_counter() + SLICE_SECONDS
        self._fill(pending, value)

    def _start(self) -> None:
        for pending in self.waiting:
            task = asyncio.ensure_future(pending.awaitable)
            if pending.container is self.data:
                self._kept[pending.key] = task
            self._tasks.add(task)
            self._running += 1
            task.add_done_callback(partial(self._ended, pending))
        self.waiting.clear()

    def _ended(self, pending: Pending, task: asyncio.Future[Any]) -> None:
        if not task.cancelled():
            task.exception()  # marks the exception as seen, in case the run has given up
        self._tasks.discard(task)
        self._running -= 1
        self._ready.append((pending, task))
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _fill(self, pending: Pending, value: Any) -> None:
        before = len(self.waiting) + len(self._lists)
        pending.container[pending.key] = pending.complete(value, pending.position, self)
        if pending.container is self.data and before == len(self.waiting) + len(self._lists):
            self._done.add(pending.key)


def step(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its first wait. Return its result, or the rest of it as an awaitable."""
    running = Eager(coroutine)
    return running.result if running.done else running


def path_of(position: Position) -> Path:
    """Return graphql-core's path of a position."""
    steps = []
    place: Position | None = position
    while place is not None:
        above, key, name = place
        steps.append((key, name))
        place = above
    path: Path | None = None
    for key, name in reversed(steps):
        path = Path(path, key, name)
    assert path is not None
    return path
