"""What resolvers work with: the server's services, who is asking, and what belongs to one operation alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection
from strawberry.dataloader import DataLoader

from analyzers.base import Analyzer
from events.bus import Bus
from events.feed import Feed
from resolvers.monitor import Monitor
from settings import Settings
from store.analyses import analyses_by_id
from store.batches import batches_by_id
from store.queue.workers import work_of
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.viewer import Viewer
from store.tables import AnalysisRow, BatchRow
from telemetry import Telemetry

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What one server instance has. `plugin_failures` names the plug-ins that failed to load, and why.

    `stopping` is set when the instance begins to stop: who waits at a client's wish then answers with what there is.
    """

    settings: Settings
    database: Database
    feed: Feed
    bus: Bus
    telemetry: Telemetry
    analyzers: Mapping[str, Analyzer[Any, Any]]
    plugin_failures: Mapping[str, str]
    instance: str
    started_at: datetime = field(default_factory=utcnow)
    monitor: Monitor = field(default_factory=Monitor)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


class Context:
    """One operation's context: nothing here outlives it, so that what its loaders remember can't go stale."""

    def __init__(self, services: Services, viewer: Viewer, request_id: str) -> None:
        self.services = services
        self.viewer = viewer
        self.request_id = request_id
        self.time_limit: asyncio.Timeout | None = None
        self.last_event_id: str | None = None
        self.events_end: str | None = None
        self.analyses: DataLoader[str, AnalysisRow | None] = self._loader(analyses_by_id)
        self.batches: DataLoader[str, BatchRow | None] = self._loader(batches_by_id)
        # Not remembered: a subscription asks again and again in one context, and work moves on.
        self.work: DataLoader[str, list[AnalysisRow]] = DataLoader(load_fn=self._load_work, cache=False)

        self.neighbors: list[str] = []
        """Analyses that will be asked for soon, one after the other, and may as well be read at once."""

    def anew(self) -> Context:
        """A context for the same caller that has seen nothing yet."""
        return Context(self.services, self.viewer, self.request_id)

    def forget(self) -> None:
        """Read again what is asked for from now on: a mutation changes it, and a subscription sees many moments."""
        self.analyses.clear_all()
        self.batches.clear_all()

    def allow_more_time(self, seconds: float) -> None:
        """Push the operation's time limit out: the client asked to wait that long."""
        if self.time_limit is not None and (when := self.time_limit.when()) is not None:
            self.time_limit.reschedule(when + seconds)

    def _loader(
        self, read: Callable[[AsyncConnection, Viewer, Sequence[str]], Awaitable[dict[str, RowT]]]
    ) -> DataLoader[str, RowT | None]:
        async def load(ids: list[str]) -> list[RowT | None]:
            async with self.services.database.read() as connection:
                rows = await read(connection, self.viewer, ids)
            return [rows.get(id_) for id_ in ids]

        return DataLoader(load_fn=load, max_batch_size=500)

    async def _load_work(self, worker_ids: list[str]) -> list[list[AnalysisRow]]:
        work: dict[str | None, list[AnalysisRow]] = {}
        async with self.services.database.read() as connection:
            for row in await work_of(connection, self.viewer, worker_ids):
                work.setdefault(row.worker_id, []).append(row)
        return [work.get(worker_id, []) for worker_id in worker_ids]
