"""`server.py serve` with a trace: each SQL statement of a request and, at SIGUSR1, the open followers and streams.

The trace is the file that TRACE_FILE names, with a JSON object per line. The server's timers also send statements, at
any time: these are not in the trace.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
from contextvars import ContextVar
from types import AsyncGeneratorType
from typing import Any

from sqlalchemy import Engine, event
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

import server
from events.feed import Feed
from store.sql.database import Database

STREAMS = {"follow", "_happenings", "_answers", "_log_answers", "_follow_row", "_follow_metrics"}

in_request = ContextVar("in_request", default=False)
answer = Starlette.__call__


async def answer_request(app: Starlette, scope: Scope, receive: Receive, send: Send) -> None:
    """Mark the context of the request, which its tasks inherit."""
    if scope["type"] != "lifespan":
        in_request.set(True)
    await answer(app, scope, receive, send)


def main() -> None:
    """Run the server and write the trace."""
    with open(os.environ["TRACE_FILE"], "a", buffering=1) as notes:

        def note(**entry: Any) -> None:
            notes.write(json.dumps(entry) + "\n")

        def note_statement(_c: object, _cursor: object, statement: str, *_more: object) -> None:
            if in_request.get():
                note(sql=" ".join(statement.split()))

        fetch = Database.fetch

        async def note_short(database: Database, text: str, values: Any) -> Any:
            note_statement(None, None, text)
            marked = in_request.get()
            in_request.set(False)  # not twice, if the pool executes the statement
            try:
                return await fetch(database, text, values)
            finally:
                in_request.set(marked)

        def note_open_soon(*_: object) -> None:
            # Not at once: the signal may interrupt the writing of a line.
            asyncio.get_running_loop().call_soon_threadsafe(note_open)

        # Recorded at creation: `gc.get_objects()` does not list them, since the server freezes its objects at start.
        feeds: list[Feed] = []
        begin = Feed.__init__

        def note_feed(feed: Feed, *arguments: Any) -> None:
            feeds.append(feed)
            begin(feed, *arguments)

        def note_open() -> None:
            followers = sum(feed._followers for feed in feeds)
            generators = [
                thing.ag_code.co_name
                for thing in gc.get_objects()
                if isinstance(thing, AsyncGeneratorType) and thing.ag_code.co_name in STREAMS and thing.ag_frame
            ]
            note(followers=followers, generators=sorted(generators))

        Database.fetch = note_short  # type: ignore[method-assign, assignment]
        Feed.__init__ = note_feed  # type: ignore[method-assign, assignment]
        event.listen(Engine, "before_cursor_execute", note_statement)
        signal.signal(signal.SIGUSR1, note_open_soon)
        Starlette.__call__ = answer_request  # type: ignore[method-assign, assignment]
        server.main(["serve"])


if __name__ == "__main__":
    main()
