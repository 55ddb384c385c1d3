"""The context of resolvers: the server's services, the viewer, and the rows that one operation has read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any, Protocol, TypeVar

from strawberry.dataloader import DataLoader

from access.charging import Charged, Charging
from access.limits import Limits
from access.sign_in import Origin, SignIn
from analyzers.base import Analyzer
from events.bus import Bus
from events.feed import Feed
from execution.answer_size import AnswerSize
from execution.eager import TimeLimit
from execution.lasting import Reads
from resolvers.monitor import Monitor
from settings import Settings
from store.access.sessions import Client
from store.changes import analyses_of, lists_of
from store.contents import contents_by_id
from store.queue.workers import work_of
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.short import Reader
from store.sql.viewer import Viewer
from store.submissions import Submissions
from store.tables import AnalysisRow, AnalysisStatus
from telemetry import Telemetry

# As texts: a page has up to a thousand rows.
_UNENDED = frozenset(each.value for each in AnalysisStatus if not each.ended)

MAX_LOADED = 500
"""Most rows that one statement loads by their ids."""

RowT = TypeVar("RowT")
RowT_co = TypeVar("RowT_co", covariant=True)


class Load(Protocol[RowT_co]):
    """A function of the store that reads rows by their ids, those that the viewer may see."""

    def __call__(self, reader: Reader, viewer: Viewer, ids: Sequence[str]) -> Awaitable[Mapping[str, RowT_co]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts of one server instance. `plugin_failures` has the plug-ins that failed to load, and the reasons.

    `missing` has the analyzers that lack a package, and the commands that install the packages.
    `sign_in` is None on an open server.
    `stopping` is set when the instance begins to stop: resolvers that wait for a client then answer at once.
    """

    settings: Settings
    database: Database
    submissions: Submissions
    feed: Feed
    bus: Bus
    telemetry: Telemetry
    analyzers: Mapping[str, Analyzer[Any, Any]]
    plugin_failures: Mapping[str, str]
    instance: str
    missing: Mapping[str, str] = field(default_factory=dict)
    started_at: datetime = field(default_factory=utcnow)
    monitor: Monitor = field(default_factory=Monitor)
    charging: Charging = field(default_factory=lambda: Charging(Limits()))
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    sign_in: SignIn | None = None


class Context:
    """The context of one operation. Nothing here outlives it, so that its rows can't become stale."""

    def __init__(self, services: Services, viewer: Viewer, request_id: str, client: Client | None = None) -> None:
        self.services = services
        self.viewer = viewer
        self.request_id = request_id
        self.client = client or Client()
        self.time_limit: TimeLimit | None = None
        self.last_event_id: str | None = None
        self.events_end: str | None = None
        self.answer_size = AnswerSize(services.settings.max_answer_bytes)
        self.charged: Charged | None = None
        self.reads: Reads | None = Reads(viewer.rights)
        self._contents: dict[str, DataLoader[str, AnalysisRow | None]] = {}
        self._kept: dict[Load[Any], dict[str, Any]] = {}
        self._expected: dict[Load[Any], list[Callable[[], Iterable[str]]]] = {}
        self._loaders: dict[Load[Any], DataLoader[str, Any]] = {}
        # Without a cache: a subscription loads again and again in one context, and work moves on.
        self.work: DataLoader[str, list[AnalysisRow]] = DataLoader(load_fn=self._load_work, cache=False)

        self.neighbors: dict[str, list[str]] = {}
        """By kind, ids of objects that are likely to be loaded soon. One statement can read them all."""

    @property
    def answers_at_once(self) -> bool:
        """Whether short reads end without a wait now, apart from rare exceptions."""
        return self.services.database.answers_at_once

    def shared(self) -> Context:
        """Return a context for all callers with the same rights that has read nothing, and knows no user."""
        return Context(self.services, self.viewer.without_person(), self.request_id)

    @property
    def address(self) -> str:
        """The address of the client; empty if it is unknown."""
        return self.client.address or ""

    @property
    def origin(self) -> Origin:
        """The client and the id of the request, for the audit log."""
        return Origin(self.client, self.request_id)

    def become(self, viewer: Viewer) -> None:
        """Answer the rest of the current field for the viewer who has just signed in."""
        self.viewer = viewer
        self.forget()

    async def load(self, read: Load[RowT], id_: str) -> RowT | None:
        """Return the row with this id by a short read. None if the viewer can't see one.

        The operation reads each row once, until it calls `forget`. On SQLite, where a statement costs less than a wait
        for others, this ends without a wait. On PostgreSQL it is the same as `load_together`.
        """
        if self.answers_at_once:
            return (await self._rows(read, [id_]))[id_]
        return await self.load_together(read, id_)

    async def load_together(self, read: Load[RowT], id_: str) -> RowT | None:
        """`load` by a statement that is not short. It reads all rows that are loaded at the same time."""
        row: RowT | None = await self._loader(read).load(id_)
        return row

    def expect(self, read: Load[Any], ids: Callable[[], Iterable[str]]) -> None:
        """Read the rows of these ids together, with the first of them that is loaded: those of a list's items."""
        if self.answers_at_once:  # loaders collect ids by themselves
            self._expected.setdefault(read, []).append(ids)

    async def load_many(self, read: Load[RowT], ids: Sequence[str]) -> list[RowT | None]:
        """`load` for each of these ids."""
        if self.answers_at_once:
            rows = await self._rows(read, ids)
            return [rows[id_] for id_ in ids]
        return await self._loader(read).load_many(ids)

    async def _rows(self, read: Load[RowT], ids: Sequence[str]) -> Mapping[str, RowT | None]:
        """Return the rows with these ids, and perhaps others. Reads those in one statement that are not kept yet."""
        kept = self._kept.setdefault(read, {})
        new = [id_ for id_ in ids if id_ not in kept]
        if new and (expected := self._expected.pop(read, None)):
            together = dict.fromkeys(chain(new, *(each() for each in expected)))
            new = [id_ for id_ in together if id_ not in kept]
        for first in range(0, len(new), MAX_LOADED):
            some = new[first : first + MAX_LOADED]
            found = await read(self.services.database, self.viewer, some)
            kept.update((id_, found.get(id_)) for id_ in some)
        return kept

    async def content(self, name: str, id_: str) -> AnalysisRow | None:
        """Return a row with one of the contents, of any size. Raise AnswerTooLarge if the answer is too large by now.

        Aliases at the same place share one read. The context keeps nothing: a subscription would collect contents.
        """
        if (loader := self._contents.get(name)) is None:

            async def load(ids: list[str]) -> list[AnalysisRow | None]:
                self.answer_size.check()
                async with self.services.database.read() as connection:
                    rows = await contents_by_id(connection, self.viewer, name, ids)
                return [rows.get(id_) for id_ in ids]

            loader = self._contents[name] = DataLoader(load_fn=load, max_batch_size=500, cache=False)
        return await loader.load(id_)

    def report(self, rows: Iterable[AnalysisRow | None], *, as_list: bool = False) -> None:
        """Report the analyses that the answer is made of, for the cache of answers: by their ids, or a whole page."""
        if self.reads is None:
            return
        workspace = self.viewer.workspace
        self.reads.add(analyses_of(workspace), *([lists_of(workspace)] if as_list else ()))
        for row in rows:
            if row is None or row.status in _UNENDED:
                self.reads.changing()
                return
            if not as_list:
                self.reads.add(row.id)

    def forget(self) -> None:
        """Read rows again from now on: a mutation has changed them, or a subscription has come to another event."""
        self._kept.clear()
        self._expected.clear()
        for loader in self._loaders.values():
            loader.clear_all()

    def allow_more_time(self, seconds: float) -> None:
        """Extend the operation's time limit by the seconds that the client asked to wait."""
        if self.time_limit is not None:
            self.time_limit.extend(seconds)

    def _loader(self, read: Load[RowT]) -> DataLoader[str, RowT | None]:
        if (found := self._loaders.get(read)) is not None:
            return found

        async def load(ids: list[str]) -> list[RowT | None]:
            rows = await read(self.services.database, self.viewer, ids)
            return [rows.get(id_) for id_ in ids]

        loader = self._loaders[read] = DataLoader[str, RowT | None](load_fn=load, max_batch_size=MAX_LOADED)
        return loader

    async def _load_work(self, worker_ids: list[str]) -> list[list[AnalysisRow]]:
        work: dict[str | None, list[AnalysisRow]] = {}
        async with self.services.database.read() as connection:
            for row in await work_of(connection, self.viewer, worker_ids):
                work.setdefault(row.worker_id, []).append(row)
        return [work.get(worker_id, []) for worker_id in worker_ids]
