"""A small schema with fields for every kind of fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

import strawberry
from strawberry.scalars import JSON
from strawberry.types import Info

from execution.answer_size import AnswerSize
from execution.charging import Charged
from execution.eager import TimeLimit
from execution.errors import ClientError, ErrorCode
from execution.lasting import Reads

SECRET = "postgresql://assay:s3cret@db/etc/passwd"


@dataclass
class Probe:
    """Counters inside the server, and events that hold it up."""

    ran: int = 0
    """Operations that ran a resolver."""
    waiting: int = 0
    """Resolvers that currently wait."""
    cancelled: int = 0
    bumped: int = 0
    opened: int = 0
    """Source streams that have begun."""
    closed: int = 0
    produced: int = 0
    """Events produced by `flood`."""
    may_close: asyncio.Event = field(default_factory=asyncio.Event)
    """Closed streams `endless` finish closing once this is set."""
    may_bump: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_close.set()

    @contextmanager
    def streaming(self) -> Iterator[None]:
        self.opened += 1
        try:
            yield
        finally:
            self.closed += 1

    @contextmanager
    def running(self) -> Iterator[None]:
        self.waiting += 1
        try:
            yield
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.waiting -= 1


@dataclass
class Context:
    request_id: str
    probe: Probe
    time_limit: TimeLimit | None = None
    last_event_id: str | None = None
    reads: Reads | None = None
    charged: Charged | None = None
    answer_size: AnswerSize = field(default_factory=lambda: AnswerSize(0))


def _probe(info: Info[Context, None]) -> Probe:
    return info.context.probe


@strawberry.enum
class Colour(Enum):
    RED = "red"
    GREEN = "green"


@strawberry.input
class BoxInput:
    width: int
    height: int = 1


@strawberry.type
class Broken:
    @strawberry.field
    def value(self) -> int | None:
        raise RuntimeError(SECRET)


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, info: Info[Context, None], name: str = "world") -> str:
        _probe(info).ran += 1
        return f"Hello {name}"

    @strawberry.field
    def request_id(self, info: Info[Context, None]) -> str:
        return info.context.request_id

    @strawberry.field
    def echo(self, value: JSON) -> JSON:
        return value

    @strawberry.field
    def colour(self, of: Colour) -> Colour:
        return of

    @strawberry.field
    def area(self, box: BoxInput) -> int:
        return box.width * box.height

    @strawberry.field
    def item(self, id: strawberry.ID) -> str | None:  # noqa: A002
        if not id.startswith("item_"):
            raise ClientError(ErrorCode.BAD_USER_INPUT, f"`{id}` is no id of an item.", argument="id")
        return "The first" if id == "item_1" else None

    @strawberry.field
    def leak(self) -> str | None:
        raise RuntimeError(SECRET)

    @strawberry.field
    def required(self) -> str:
        raise RuntimeError(SECRET)

    @strawberry.field
    def misfit(self) -> int | None:
        return SECRET  # type: ignore[return-value]

    @strawberry.field
    def many(self, count: int) -> list[Broken]:
        return [Broken() for _ in range(count)]

    @strawberry.field
    def huge(self) -> JSON:
        return JSON(2**70)

    @strawberry.field
    def surrogate(self) -> str:
        return "\ud800"

    @strawberry.field
    def unwritable(self) -> JSON:
        return JSON(object())

    @strawberry.field
    async def slow(self, info: Info[Context, None]) -> str:
        with _probe(info).running():
            await asyncio.Event().wait()
        return ""

    @strawberry.field
    def deeper(self) -> Query:
        return Query()


@strawberry.type
class Mutation:
    @strawberry.mutation
    def bump(self, info: Info[Context, None]) -> int:
        _probe(info).bumped += 1
        return _probe(info).bumped

    @strawberry.mutation
    async def bump_later(self, info: Info[Context, None]) -> int:
        probe = _probe(info)
        with probe.running():
            await probe.may_bump.wait()
        probe.bumped += 1
        return probe.bumped


@strawberry.type
class Place:
    """An event of a log whose events are the numbers from 0."""

    number: int

    @strawberry.field
    def cursor(self) -> str:
        return f"place-{self.number}"


@dataclass(frozen=True)
class Happening:
    number: int

    @property
    def cursor(self) -> str:
        return f"place-{self.number}"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncGenerator[int, None]:
        yield 0

    @strawberry.subscription
    async def count(self, info: Info[Context, None], to: int) -> AsyncGenerator[int, None]:
        with _probe(info).streaming():
            for number in range(to):
                yield number

    @strawberry.subscription
    async def said(self, text: str) -> AsyncGenerator[str, None]:
        yield text

    @strawberry.subscription
    async def places(self, info: Info[Context, None], to: int, after: str | None = None) -> AsyncGenerator[Place, None]:
        """Stream the log's events after a cursor."""
        cursor = info.context.last_event_id or after
        with _probe(info).streaming():
            if cursor is not None and not cursor.startswith("place-"):
                raise ClientError(ErrorCode.BAD_USER_INPUT, "`after` is no cursor.", argument="after")
            for number in range(int(cursor.removeprefix("place-")) + 1 if cursor else 0, to):
                yield Happening(number)  # type: ignore[misc]

    @strawberry.subscription
    async def endless(self, info: Info[Context, None]) -> AsyncGenerator[int, None]:
        """Yield one event, and then wait. Closing waits for the probe."""
        probe = _probe(info)
        with probe.streaming():
            yield 0
            try:
                await asyncio.Event().wait()
            finally:
                await probe.may_close.wait()

    @strawberry.subscription
    async def flood(self, info: Info[Context, None], size: int = 100_000) -> AsyncGenerator[str, None]:
        probe = _probe(info)
        with probe.streaming():
            while True:
                probe.produced += 1
                yield "x" * size

    @strawberry.subscription
    async def throwing(self, info: Info[Context, None], after: int = 0) -> AsyncGenerator[int, None]:
        with _probe(info).streaming():
            for number in range(after):
                yield number
            raise RuntimeError(SECRET)

    @strawberry.subscription
    async def interrupted(self, info: Info[Context, None], after: int = 0) -> AsyncGenerator[int, None]:
        """Fail with a transient error."""
        with _probe(info).streaming():
            for number in range(after):
                yield number
            raise ClientError(ErrorCode.SERVICE_UNAVAILABLE, "Try again.")

    @strawberry.subscription
    async def broken(self, info: Info[Context, None]) -> AsyncGenerator[Broken, None]:
        with _probe(info).streaming():
            yield Broken()

    @strawberry.subscription
    async def unwritable(self, info: Info[Context, None]) -> AsyncGenerator[JSON, None]:
        with _probe(info).streaming():
            yield JSON(object())
