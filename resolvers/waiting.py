"""Waiting for the end of an object, by the event log."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from resolvers.context import Context
from resolvers.subjects import SUBJECTS
from store.sql.ids import kind_of
from store.subjects import events_of


async def wait_until_ended(context: Context, id_: str, *, seconds: float) -> None:
    """Return when the object has ended or is gone, after this time, or when the server stops.

    The object is of a kind whose rows have `finished_at`.
    """
    context.allow_more_time(seconds)
    if context.services.stopping.is_set():
        return
    ended = asyncio.create_task(_until_ended(context, id_))
    stopping = asyncio.create_task(context.services.stopping.wait())
    try:
        await asyncio.wait((ended, stopping), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            ended.result()
    finally:
        ended.cancel()
        stopping.cancel()
        await asyncio.wait((ended, stopping))


async def _until_ended(context: Context, id_: str) -> None:
    services, viewer = context.services, context.viewer
    load = SUBJECTS[kind_of(id_) or ""].load
    async with aclosing(services.feed.follow(viewer, events_of(id_))) as pages:
        async for _ in pages:
            row = (await load(services.database, viewer, [id_])).get(id_)
            if row is None or row.finished_at is not None:
                return
