"""The proof that all servers do the same work: equal answers, and equal rows after mutations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import select

from benchmarks.queries.cases import CURSORS, Case, Place, graphql
from benchmarks.queries.load import Load
from benchmarks.queries.servers import Running
from settings import Settings
from store import tables
from store.sql.database import Database

# Columns that differ between two submissions of the same text. Assay computes the turn by its fair queueing.
_OWN = {
    "id",
    "batch_id",
    "turn",
    "created_at",
    "updated_at",
    "deadline_at",
    "position",
    "xid",
    "subject",
    "occurred_at",
}


async def places(assay: Running, most: int) -> list[Place]:
    """Return the places of at most this number of analyses, the newest first, as a client of Assay reads them."""
    found: list[Place] = []
    async with Load(assay.port, 1) as load:
        while len(found) < most:
            after = found[-1].cursor if found else None
            answer = orjson.loads(await load.one(graphql(CURSORS, after=after)))
            edges = answer["data"]["analyses"]["edges"]
            if not edges:
                break
            found.extend(Place(edge["node"]["id"], edge["cursor"]) for edge in edges)
    return found


async def require_equal_answers(running: Sequence[Running], case: Case, times: int) -> None:
    """Require that the first answers of all servers agree. Raises AssertionError.

    Data of the endpoint and of Assay are equal byte for byte, key order included; others may write 1.0 as 1.
    """
    answers: dict[str, list[bytes]] = {}
    for server in running:
        requests = getattr(case, server.kind)()
        async with Load(server.port, 1) as load:
            answers[server.name] = [_data(await load.one(next(requests))) for _ in range(times)]
    first, *others = running
    for other in others:
        for mine, theirs in zip(answers[first.name], answers[other.name], strict=True):
            if other.kind == "plain":
                assert mine == theirs, f"{case.name}: {first.name} {mine[:500]!r}, {other.name} {theirs[:500]!r}"
            else:
                assert orjson.loads(mine) == orjson.loads(theirs), f"{case.name}: {mine!r}, {other.name} {theirs!r}"


def _data(body: bytes) -> bytes:
    """Return the value of `data` in an answer as it was sent, without the spaces that Python's json adds."""
    head, _, data = body.partition(b'"data":')
    assert head.strip() == b"{", body[:200]
    return data.rstrip().removesuffix(b"}").strip()


async def require_equal_rows(running: Sequence[Running], case: Case, url: str) -> None:
    """Require that a mutation stores equal rows on all servers, with answers of one shape. Raises AssertionError."""
    stored = {}
    database = Database(Settings(database_url=url).database)
    try:
        for server in running:
            async with Load(server.port, 1) as load:
                answer = orjson.loads(await load.one(next(getattr(case, server.kind)())))
            assert not next(iter(answer["data"].values()))["userErrors"], answer
            stored[server.name] = [_shape(answer), *await _newest(database)]
    finally:
        await database.close()
    first, *others = stored
    for other in others:
        assert stored[first] == stored[other], f"{case.name}: {first} {stored[first]}, {other} {stored[other]}"


async def _newest(database: Database) -> list[Any]:
    """Return the newest analysis, its event, and its batch, without the columns that always differ."""
    async with database.read() as connection:
        newest = select(tables.analysis).order_by(tables.analysis.c.id.desc()).limit(1)
        analysis = (await connection.execute(newest)).one()
        of_event = select(tables.event).where(tables.event.c.subject == analysis.id)
        events = (await connection.execute(of_event)).all()
        of_batch = select(tables.batch).where(tables.batch.c.id == analysis.batch_id)
        batches = (await connection.execute(of_batch)).all()
    rows = [analysis, *events, *batches]
    return [{name: value for name, value in row._mapping.items() if name not in _OWN} for row in rows]


def _shape(value: Any) -> Any:
    """Return a value with the names of types in the places of leaves."""
    if isinstance(value, dict):
        return {name: _shape(each) for name, each in value.items()}
    return [_shape(each) for each in value] if isinstance(value, list) else type(value).__name__
