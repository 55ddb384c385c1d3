"""The reference: a hand-written Starlette endpoint for exactly these cases, on sqlite3 or asyncpg.

    python -m benchmarks.queries.endpoint DATABASE_URL PORT

It has no schema, no validation, no limits, no log and no metrics.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol, TypedDict

import asyncpg
import msgspec
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.queries.queued import WORKSPACE, Analysis, Batch, Event, analyses_of, batch_of

_COLUMNS = (
    "id, status, priority, attempt, max_attempts, created_at, started_at, finished_at, processing_time_ms, result"
)
_ONE = f"SELECT {_COLUMNS} FROM analysis WHERE id = $1 AND workspace = $2"
_NEWEST = f"SELECT {_COLUMNS} FROM analysis WHERE workspace = $2 ORDER BY id DESC LIMIT $1"
_AFTER = f"SELECT {_COLUMNS} FROM analysis WHERE workspace = $2 AND id < $3 ORDER BY id DESC LIMIT $1"


class _Language(TypedDict):
    code: str
    name: str
    score: float


class _Sentiment(TypedDict):
    label: str
    score: float


class _Keyword(TypedDict):
    text: str
    score: float
    count: int


class _Result(TypedDict):
    """The selected fields of a stored result: the decoder skips all others."""

    score: float | None
    tags: list[str]
    summary: str
    language: _Language | None
    sentiment: _Sentiment | None
    keywords: list[_Keyword] | None


_decode = msgspec.json.Decoder(_Result).decode


def _instant(value: int | None) -> str | None:
    """Return the RFC 3339 text of microseconds since 1970, with milliseconds."""
    if value is None:
        return None
    return datetime.fromtimestamp(value // 1000 / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _shown(row: Sequence[Any]) -> dict[str, Any]:
    id_, status, priority, attempt, max_attempts, created_at, started_at, finished_at, took, result = row
    return {
        "id": id_,
        "status": status,
        "priority": priority,
        "attempt": attempt,
        "maxAttempts": max_attempts,
        "createdAt": _instant(created_at),
        "startedAt": _instant(started_at),
        "finishedAt": _instant(finished_at),
        "processingTimeMs": took,
        "result": None if result is None else _decode(result),
    }


def _insert(table: str, columns: Sequence[str]) -> str:
    values = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"


_INSERT_ANALYSIS = _insert("analysis", Analysis._fields)
_INSERT_EVENT = _insert("event", Event._fields)
_INSERT_BATCH = _insert("batch", Batch._fields)


class Store(Protocol):
    """The statements of the endpoint. A mutation is one durable transaction."""

    async def rows(self, statement: str, *values: Any) -> Sequence[Sequence[Any]]:
        """Return the rows of a statement."""

    async def insert(self, analyses: list[Analysis], events: list[Event], batch: Batch | None) -> None:
        """Commit these rows."""


class _SQLite:
    """Statements in the event loop's thread."""

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 15000", "cache_size = -65536"):
            self._database.execute(f"PRAGMA {pragma}")

    async def rows(self, statement: str, *values: Any) -> Sequence[Sequence[Any]]:
        return self._database.execute(statement.replace("$", "?"), values).fetchall()

    async def insert(self, analyses: list[Analysis], events: list[Event], batch: Batch | None) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        if batch is not None:
            self._database.execute(_INSERT_BATCH.replace("$", "?"), batch)
        self._database.executemany(_INSERT_ANALYSIS.replace("$", "?"), analyses)
        self._database.executemany(_INSERT_EVENT.replace("$", "?"), events)
        self._database.execute("COMMIT")


class _PostgreSQL:
    """A pool of asyncpg, which prepares each statement once for each connection."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def rows(self, statement: str, *values: Any) -> Sequence[Sequence[Any]]:
        found: Sequence[Sequence[Any]] = await self._pool.fetch(statement, *values)
        return found

    async def insert(self, analyses: list[Analysis], events: list[Event], batch: Batch | None) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            if batch is None:
                await connection.execute(_INSERT_ANALYSIS, *analyses[0])
                await connection.execute(_INSERT_EVENT, *events[0])
                return
            await connection.execute(_INSERT_BATCH, *batch)
            await connection.copy_records_to_table("analysis", records=analyses, columns=Analysis._fields)
            await connection.copy_records_to_table("event", records=events, columns=Event._fields)


def create_app(url: str) -> Starlette:
    """Return the app on this database, `sqlite:///…` or `postgresql://…`."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Store]]:
        if url.startswith("sqlite:///"):
            yield {"store": _SQLite(url.removeprefix("sqlite:///"))}
        else:
            async with asyncpg.create_pool(url, min_size=8, max_size=16) as pool:
                yield {"store": _PostgreSQL(pool)}

    def answer(data: dict[str, Any]) -> Response:
        return Response(orjson.dumps({"data": data}), media_type="application/json")

    async def one(request: Request) -> Response:
        rows = await request.state.store.rows(_ONE, request.path_params["id"], WORKSPACE)
        return answer({"analysis": _shown(rows[0]) if rows else None})

    async def page(request: Request) -> Response:
        query = request.query_params
        first, after = int(query["first"]), query.get("after")
        if after is None:
            rows = await request.state.store.rows(_NEWEST, first, WORKSPACE)
        else:
            rows = await request.state.store.rows(_AFTER, first, WORKSPACE, after)
        return answer({"analyses": {"nodes": [_shown(row) for row in rows]}})

    async def submit(request: Request) -> Response:
        text = orjson.loads(await request.body())["text"]
        analyses, events = analyses_of([text])
        await request.state.store.insert(analyses, events, None)
        row = analyses[0]
        analysis = {"id": row.id, "status": row.status, "createdAt": _instant(row.created_at)}
        return answer({"submitAnalysis": {"analysis": analysis, "userErrors": []}})

    async def submit_many(request: Request) -> Response:
        texts = orjson.loads(await request.body())["texts"]
        batch = batch_of(len(texts))
        await request.state.store.insert(*analyses_of(texts, batch.id), batch)
        shown = {"id": batch.id, "status": batch.status, "totalItems": batch.total_items}
        return answer({"batchProcess": {"batch": shown, "userErrors": []}})

    routes = [
        Route("/analyses/{id}", one),
        Route("/analyses", page),
        Route("/analyses", submit, methods=["POST"]),
        Route("/batches", submit_many, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


if __name__ == "__main__":
    uvicorn.run(
        create_app(sys.argv[1]), port=int(sys.argv[2]), log_level="error", access_log=False, timeout_keep_alive=75
    )
