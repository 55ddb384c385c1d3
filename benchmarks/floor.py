"""The floor of the benchmarks: a plain Starlette endpoint over plain sqlite3, with the same rows and the same bytes.

It has no schema, no validation, no events, and only the database's durability. The remaining cost of HTTP, JSON and the
database is the minimum for these requests in Python. With the URL of a PostgreSQL database in place of a file, the
endpoint of submissions uses plain asyncpg.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

_COLUMNS = "id, status, priority, input_text, attempt, created_at, finished_at, result"
_NAMES = [name.strip() for name in _COLUMNS.split(",")]
_TABLE = (
    "CREATE TABLE analysis (id TEXT PRIMARY KEY, status TEXT, priority INTEGER, input_text TEXT, attempt INTEGER,"
    " created_at TEXT, finished_at TEXT, result TEXT)"
)
_ACCEPTED = b'{"accepted": true}'


def create_app(path: Path) -> Starlette:
    """Return the app, with a new database."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute(_TABLE)

    async def submit(request: Request) -> Response:
        """Insert the rows of the body in one transaction."""
        rows = orjson.loads(await request.body())
        database.execute("BEGIN IMMEDIATE")
        database.executemany(
            f"INSERT INTO analysis ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [[row[name] for name in _NAMES] for row in rows],
        )
        database.execute("COMMIT")
        return Response(_ACCEPTED, media_type="application/json")

    def answer(rows: list[tuple[object, ...]]) -> Response:
        body = [dict(zip(_NAMES, row, strict=True)) for row in rows]
        for each in body:
            each["result"] = orjson.loads(str(each["result"]))
        return Response(orjson.dumps({"data": body}), media_type="application/json")

    async def one(request: Request) -> Response:
        """Return one row by its key."""
        statement = f"SELECT {_COLUMNS} FROM analysis WHERE id = ?"
        return answer(database.execute(statement, (request.path_params["id"],)).fetchall())

    async def page(_request: Request) -> Response:
        """Return the newest twenty rows."""
        return answer(database.execute(f"SELECT {_COLUMNS} FROM analysis ORDER BY id DESC LIMIT 20").fetchall())

    async def echo(websocket: WebSocket) -> None:
        """Return each message to its sender."""
        await websocket.accept()
        while True:
            message = await websocket.receive()
            if message["type"] != "websocket.receive":
                return
            await websocket.send_text(message["text"])

    return Starlette(
        routes=[
            Route("/analyses", submit, methods=["POST"]),
            Route("/analyses/{id}", one),
            Route("/page", page),
            WebSocketRoute("/echo", echo),
        ]
    )


def create_postgresql_app(url: str) -> Starlette:
    """Return the app for submissions to a new PostgreSQL database."""
    pools: list[asyncpg.Pool] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with asyncpg.create_pool(url) as pool:
            await pool.execute(_TABLE)
            pools.append(pool)
            yield

    async def submit(request: Request) -> Response:
        """Insert the rows of the body in one transaction."""
        rows = orjson.loads(await request.body())
        statement = f"INSERT INTO analysis ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        async with pools[0].acquire() as connection:
            await connection.executemany(statement, [[row[name] for name in _NAMES] for row in rows])
        return Response(_ACCEPTED, media_type="application/json")

    return Starlette(routes=[Route("/analyses", submit, methods=["POST"])], lifespan=lifespan)


if __name__ == "__main__":
    place = sys.argv[1]
    uvicorn.run(
        create_postgresql_app(place) if place.startswith("postgresql:") else create_app(Path(place)),
        port=int(sys.argv[2]),
        log_level="error",
        access_log=False,
        ws="websockets-sansio",
    )
