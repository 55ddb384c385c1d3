"""Waiting for work to end, by the event log."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from resolvers.context import Context
from store.analyses import analysis_by_id
from store.batches import batch_by_id
from store.events import EventFilter
from store.tables import AnalysisStatus, BatchStatus


async def wait_until_ended(
    context: Context, *, seconds: float, analysis_id: str | None = None, batch_id: str | None = None
) -> None:
    """Return when this analysis or batch has ended or is gone, after so many seconds, or when the server stops."""
    context.allow_more_time(seconds)
    ended = asyncio.create_task(_until_ended(context, analysis_id, batch_id))
    stopping = asyncio.create_task(context.services.stopping.wait())
    try:
        await asyncio.wait((ended, stopping), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            ended.result()
    finally:
        ended.cancel()
        stopping.cancel()
        await asyncio.wait((ended, stopping))


async def _until_ended(context: Context, analysis_id: str | None, batch_id: str | None) -> None:
    services, viewer = context.services, context.viewer
    where = EventFilter(analysis_id=analysis_id, batch_id=batch_id)
    async with aclosing(services.feed.follow(viewer, where)) as pages:
        async for _ in pages:
            async with services.database.read() as connection:
                if analysis_id is not None:
                    analysis = await analysis_by_id(connection, viewer, analysis_id)
                    ended = analysis is None or AnalysisStatus(analysis.status).ended
                else:
                    batch = await batch_by_id(connection, viewer, batch_id or "")
                    ended = batch is None or BatchStatus(batch.status).ended
            if ended:
                return
