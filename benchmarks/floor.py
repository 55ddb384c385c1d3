"""The floor of the benchmarks: a plain Starlette endpoint over plain sqlite3, with the same rows and the same bytes.

It has no schema, no validation, no events, and only SQLite's durability. The remaining cost of HTTP, JSON and the
database is the minimum for these requests in Python.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

_COLUMNS = "id, status, priority, input_text, attempt, created_at, finished_at, result"
_NAMES = [name.strip() for name in _COLUMNS.split(",")]


def create_app(path: Path) -> Starlette:
    """Return the app, with a new database."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute(
        "CREATE TABLE analysis (id TEXT PRIMARY KEY, status TEXT, priority INTEGER, input_text TEXT, attempt INTEGER,"
        " created_at TEXT, finished_at TEXT, result TEXT)"
    )

    async def submit(request: Request) -> Response:
        """Insert the rows of the body in one transaction."""
        rows = orjson.loads(await request.body())
        database.execute("BEGIN IMMEDIATE")
        database.executemany(
            f"INSERT INTO analysis ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [[row[name] for name in _NAMES] for row in rows],
        )
        database.execute("COMMIT")
        return Response(b'{"accepted": true}', media_type="application/json")

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


if __name__ == "__main__":
    uvicorn.run(
        create_app(Path(sys.argv[1])),
        port=int(sys.argv[2]),
        log_level="error",
        access_log=False,
        ws="websockets-sansio",
    )
