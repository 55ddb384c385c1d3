"""Anything by its id."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from execution.errors import ClientError, ErrorCode
from resolvers.context import Context
from store.queue.workers import workers_by_id
from store.sql.ids import kind_of

MAX_NODES = 100
ANALYZER_PREFIX = "analyzer_"


async def node(context: Context, id_: str, argument: str = "id") -> Any | None:
    """The analysis, batch, worker or analyzer of this id; None where there is none. Raises ClientError for no id."""
    if id_.startswith(ANALYZER_PREFIX):
        return context.services.analyzers.get(id_.removeprefix(ANALYZER_PREFIX))
    match kind_of(id_):
        case "analysis":
            return await context.analyses.load(id_)
        case "batch":
            return await context.batches.load(id_)
        case "worker":
            async with context.services.database.read() as connection:
                return (await workers_by_id(connection, [id_])).get(id_)
    message = f"`{argument}` is no id: one is written with its type's prefix, such as `analysis_…` or `batch_…`."
    raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument=argument)


async def nodes(context: Context, ids: Sequence[str]) -> list[Any | None]:
    """One place for each id. Raises ClientError for more than 100."""
    if len(ids) > MAX_NODES:
        message = f"`ids` has {len(ids):,} ids: it has at most {MAX_NODES}."
        raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="ids")
    return list(await asyncio.gather(*(node(context, id_, "ids") for id_ in ids)))
