"""A small schema with each kind of resolver error, and an executor for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.types import Info

from execution.answer_size import AnswerSize
from execution.charging import Charged
from execution.eager import TimeLimit
from execution.errors import ClientError, Explain
from execution.executor import Answer, Executor, Limits, OperationRequest, OperationType
from execution.lasting import Reads
from settings import Settings
from telemetry import Telemetry

SECRET = "postgresql://app:s3cret-pw@db/etc/path"


@dataclass
class Probe:
    """Counters of the resolvers' actions."""

    bumped: int = 0
    waiting: int = 0
    cancelled: int = 0
    opened: int = 0
    closed: int = 0


@dataclass
class Context:
    request_id: str = "request-1"
    probe: Probe = field(default_factory=Probe)
    time_limit: TimeLimit | None = None
    last_event_id: str | None = None
    reads: Reads | None = None
    charged: Charged | None = None
    answer_size: AnswerSize = field(default_factory=lambda: AnswerSize(0))


@strawberry.enum
class Colour(Enum):
    RED = "red"
    GREEN = "green"


def _probe(info: Info[Context, None]) -> Probe:
    return info.context.probe


async def _wait_for_ever(probe: Probe) -> str:
    probe.waiting += 1
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        probe.cancelled += 1
        raise
    return ""


@strawberry.type
class Item:
    number: int

    @strawberry.field
    def checked(self) -> int | None:
        raise ValueError(f"{SECRET} {self.number}")

    @strawberry.field
    def refused(self) -> int | None:
        raise ClientError("NOT_FOUND", f"There is no item {self.number}.", number=self.number)


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"Hello {name}"

    @strawberry.field
    def deeper(self) -> Query:
        return Query()

    @strawberry.field
    def colour(self, of: Colour = Colour.RED) -> Colour:
        return of

    @strawberry.field
    def request_id(self, info: Info[Context, None]) -> str:
        return info.context.request_id

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError(SECRET)

    @strawberry.field
    def broken_required(self) -> str:
        raise RuntimeError(SECRET)

    @strawberry.field
    def null_required(self) -> str:
        return None  # type: ignore[return-value]

    @strawberry.field
    def not_a_number(self) -> int | None:
        return SECRET  # type: ignore[return-value]

    @strawberry.field
    def coded(self) -> str | None:
        raise GraphQLError("Sign in first.", extensions={"code": "UNAUTHENTICATED"})

    @strawberry.field
    def uncoded(self) -> str | None:
        raise GraphQLError(SECRET)

    @strawberry.field
    def node(self, key: strawberry.ID) -> str | None:
        if not key.startswith("item_"):
            raise ClientError("BAD_USER_INPUT", "This is no id of an item.")
        return None

    @strawberry.field
    def items(self, count: int = 3) -> list[Item]:
        return [Item(number=number) for number in range(count)]

    @strawberry.field
    async def slow(self, info: Info[Context, None]) -> str:
        return await _wait_for_ever(_probe(info))

    @strawberry.field
    async def patient(self, info: Info[Context, None], seconds: float) -> bool:
        """Whether the resolver could extend its time limit."""
        limit = info.context.time_limit
        assert limit is not None
        before = limit.seconds
        limit.extend(seconds)
        return limit.seconds == before + seconds


@strawberry.type
class Mutation:
    @strawberry.mutation
    def bump(self, info: Info[Context, None]) -> int:
        _probe(info).bumped += 1
        return _probe(info).bumped


@strawberry.type
class Stuck:
    @strawberry.field
    async def slow(self, info: Info[Context, None]) -> str:
        return await _wait_for_ever(_probe(info))


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, info: Info[Context, None], to: int) -> AsyncGenerator[int, None]:
        probe = _probe(info)
        probe.opened += 1
        try:
            for number in range(to):
                yield number
            await asyncio.Event().wait()
        finally:
            probe.closed += 1

    @strawberry.subscription
    async def letters(self, counts: list[int]) -> AsyncGenerator[str, None]:
        for count in counts:
            yield "x" * count

    @strawberry.subscription
    async def throwing(self, after: int = 1) -> AsyncGenerator[int, None]:
        for number in range(after):
            yield number
        raise RuntimeError(SECRET)

    @strawberry.subscription
    async def refused(self) -> AsyncGenerator[int, None]:
        raise ClientError("NOT_FOUND", "There is no such batch.")
        yield 0

    @strawberry.subscription
    async def late(self, info: Info[Context, None]) -> AsyncGenerator[int, None]:
        await _wait_for_ever(_probe(info))
        raise AssertionError

    @strawberry.subscription
    async def items(self) -> AsyncGenerator[Item, None]:
        yield Item(number=1)

    @strawberry.subscription
    async def stuck(self) -> AsyncGenerator[Stuck, None]:
        yield Stuck()


def schema() -> strawberry.Schema:
    return strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription)


class Toy:
    """An executor over the schema, with its context and telemetry."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        explain: Explain | None = None,
        own_documents: dict[str, str] | None = None,
        **settings: Any,
    ) -> None:
        self.telemetry = Telemetry()
        self.schema = schema()
        self.executor = Executor(
            self.schema,
            settings=Settings(**settings),
            telemetry=self.telemetry,
            limits=limits,
            explain=explain,
            own_documents=own_documents,
        )
        self.context = Context()

    async def body(self, query: str, **request: Any) -> dict[str, Any]:
        answer = await self.executor.execute(OperationRequest(query, **request), self.context)
        return answer.body


def type_of(toy: Toy, request: OperationRequest) -> OperationType | Answer:
    """Return the type of a request's operation, or the answer that refuses the request."""
    selected = toy.executor.select(request)
    return selected if isinstance(selected, Answer) else selected.type
