"""Strawberry with SQLAlchemy's asynchronous ORM, as their documentation shows both, on aiosqlite or asyncpg.

    python -m benchmarks.queries.orm DATABASE_URL PORT

The part of Assay's schema that the cases use, without limits, metrics and access log.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import strawberry
import uvicorn
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL

from benchmarks.queries.queued import WORKSPACE, Batch, analyses_of, batch_of
from store import tables
from store.sql.clock import write_instant
from store.sql.columns import instant_of


class Base(DeclarativeBase):
    """The registry of the mapped classes."""


class AnalysisModel(Base):
    """A mapped row of `analysis`."""

    __table__ = tables.analysis


_column = tables.analysis.c


class EventModel(Base):
    """A mapped row of `event`."""

    __table__ = tables.event


class BatchModel(Base):
    """A mapped row of `batch`."""

    __table__ = tables.batch


@strawberry.type
class Language:
    """The language of a text."""

    code: str
    name: str
    score: float


@strawberry.type
class Sentiment:
    """The sentiment of a text."""

    label: str
    score: float


@strawberry.type
class Keyword:
    """A keyword of a text."""

    text: str
    score: float
    count: int


@strawberry.interface
class AnalysisResult:
    """The fields of all results."""

    score: float | None
    tags: list[str]
    summary: str


@strawberry.type
class TextResult(AnalysisResult):
    """The result of the analysis of a text."""

    language: Language | None
    sentiment: Sentiment | None
    keywords: list[Keyword] | None


def result_of(stored: str) -> TextResult:
    """Return the selected parts of a stored result."""
    data = json.loads(stored)
    language, sentiment, keywords = data["language"], data["sentiment"], data["keywords"]
    return TextResult(
        score=data["score"],
        tags=data["tags"],
        summary=data["summary"],
        language=language and Language(code=language["code"], name=language["name"], score=language["score"]),
        sentiment=sentiment and Sentiment(label=sentiment["label"], score=sentiment["score"]),
        keywords=keywords
        and [Keyword(text=each["text"], score=each["score"], count=each["count"]) for each in keywords],
    )


@strawberry.type
class Analysis:
    """An analysis, made from its mapped row."""

    id: strawberry.ID
    status: str
    priority: int
    attempt: int
    max_attempts: int
    created_at: str
    started_at: str | None
    finished_at: str | None
    processing_time_ms: float | None
    result: AnalysisResult | None


def analysis_of(row: Any) -> Analysis:
    """Return the analysis of a mapped row."""
    return Analysis(
        id=row.id,
        status=row.status,
        priority=row.priority,
        attempt=row.attempt,
        max_attempts=row.max_attempts,
        created_at=write_instant(row.created_at),
        started_at=row.started_at and write_instant(row.started_at),
        finished_at=row.finished_at and write_instant(row.finished_at),
        processing_time_ms=row.processing_time_ms,
        result=None if row.result is None else result_of(row.result),
    )


@strawberry.type
class Connection:
    """A page of analyses."""

    nodes: list[Analysis]


@strawberry.type
class UserError:
    """The reason of a refusal."""

    code: str
    message: str


@strawberry.type
class SubmitAnalysisPayload:
    """A new analysis."""

    analysis: Analysis | None
    user_errors: list[UserError]


@strawberry.type
class SubmittedBatch:
    """A new batch."""

    id: strawberry.ID
    status: str
    total_items: int


@strawberry.type
class BatchProcessPayload:
    """A new batch."""

    batch: SubmittedBatch | None
    user_errors: list[UserError]


@strawberry.input
class TextRequest:
    """A text."""

    text: str


@strawberry.input
class AnalysisRequest:
    """A request to the analyzer of texts."""

    text: TextRequest


@strawberry.input
class SubmitAnalysisInput:
    """One request."""

    request: AnalysisRequest


@strawberry.input
class BatchProcessInput:
    """Requests for one batch."""

    items: list[SubmitAnalysisInput]


def schema_over(session: async_sessionmaker[AsyncSession]) -> strawberry.Schema:
    """Return the schema with its resolvers."""

    async def insert(texts: Sequence[str], batch: Batch | None) -> list[AnalysisModel]:
        rows, events = analyses_of(list(texts), batch and batch.id)
        models = [AnalysisModel(**_values(row)) for row in rows]
        async with session() as opened:
            if batch is not None:
                opened.add(BatchModel(**_values(batch)))
            opened.add_all(models)
            opened.add_all([EventModel(**_values(each)) for each in events])
            await opened.commit()
        return models

    @strawberry.type
    class Query:
        @strawberry.field
        async def analysis(self, id: strawberry.ID) -> Analysis | None:  # noqa: A002
            async with session() as opened:
                statement = select(AnalysisModel).where(_column.id == id, _column.workspace == WORKSPACE)
                row = (await opened.scalars(statement)).one_or_none()
            return None if row is None else analysis_of(row)

        @strawberry.field
        async def analyses(self, first: int, after: str | None = None) -> Connection:
            statement = select(AnalysisModel).where(_column.workspace == WORKSPACE)
            if after is not None:
                statement = statement.where(_column.id < after)
            async with session() as opened:
                rows = await opened.scalars(statement.order_by(_column.id.desc()).limit(first))
                return Connection(nodes=[analysis_of(row) for row in rows])

    @strawberry.type
    class Mutation:
        @strawberry.mutation
        async def submit_analysis(self, input: SubmitAnalysisInput) -> SubmitAnalysisPayload:  # noqa: A002
            [row] = await insert([input.request.text.text], None)
            return SubmitAnalysisPayload(analysis=analysis_of(row), user_errors=[])

        @strawberry.mutation
        async def batch_process(self, input: BatchProcessInput) -> BatchProcessPayload:  # noqa: A002
            batch = batch_of(len(input.items))
            await insert([item.request.text.text for item in input.items], batch)
            shown = SubmittedBatch(id=strawberry.ID(batch.id), status=batch.status, total_items=batch.total_items)
            return BatchProcessPayload(batch=shown, user_errors=[])

    return strawberry.Schema(query=Query, mutation=Mutation, types=[TextResult])


def _values(row: Any) -> dict[str, Any]:
    """Return the values of a row by their columns, with instants as the mapped classes have them."""
    return {name: instant_of(value) if name.endswith("_at") else value for name, value in row._asdict().items()}


def create_app(url: str) -> Starlette:
    """Return the app on this database, `sqlite:///…` or `postgresql://…`."""
    scheme, address = url.split(":", 1)
    driver = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}[scheme]
    engine = create_async_engine(f"{driver}:{address}")
    if scheme == "sqlite":

        @event.listens_for(engine.sync_engine, "connect")
        def configure(connection: Any, _record: Any) -> None:
            cursor = connection.cursor()
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 15000", "cache_size = -65536"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

    schema = schema_over(async_sessionmaker(engine, expire_on_commit=False))
    graphql: Any = GraphQL(schema)
    return Starlette(routes=[Route("/graphql", graphql)])


if __name__ == "__main__":
    uvicorn.run(
        create_app(sys.argv[1]), port=int(sys.argv[2]), log_level="error", access_log=False, timeout_keep_alive=75
    )
