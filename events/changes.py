"""Changes of ended analyses and of lists for the cache of answers of one instance (`store.changes`).

On SQLite each look-up sees all commits before it, of any process. On PostgreSQL a reader follows the log: an instance
knows of its own commits at once, and of those of others by their announcements. An announcement can be lost with its
sender, therefore the reader also polls. Without a live bus no answer is current.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Collection
from contextlib import suppress

import structlog

from events.bus import Bus
from store.changes import Changed, FileChanges, changes_after
from store.sql.database import Database

log = structlog.stdlib.get_logger(__name__)

# Interval of reads without an announcement.
POLL_SECONDS = 1.0
# Age of the last read up to which the known changes are current, if nothing was announced: the time by which an answer
# can be late after a lost announcement.
CURRENT_SECONDS = 2.0
# Shortest interval between two reads: announcements within it are read together.
GAP_SECONDS = 0.005
# Time limit of a read.
ANSWER_SECONDS = 10.0
# Most tags that wait to be taken. After more of them any tag counts as changed.
MOST_TAGS = 10_000

Taken = tuple[bool, Collection[str] | None]


class LocalChanges:
    """The changes of a SQLite file. Opens the file at the first call of `take`, in that thread."""

    def __init__(self, database: Database) -> None:
        self._path = database.url.database or ""
        self._file: FileChanges | None = None
        self._last: Changed | None = None

    def take(self) -> Taken:
        """Return whether all changes so far are known, and the tags that changed since the last call; None: any tag."""
        try:
            if self._file is None:
                self._file = FileChanges(self._path)
            found = self._file.after(self._last)
        except sqlite3.OperationalError:  # locked, or out of reach
            return False, ()
        if found is None:
            return self._last is not None and self._last.is_complete, ()
        self._last = found
        return found.is_complete, found.tags

    def hear(self, _news: frozenset[str]) -> None:
        """Do nothing: each call of `take` looks at the file."""

    async def run(self) -> None:
        """Do nothing until cancelled."""
        await asyncio.Event().wait()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


class SharedChanges:
    """The changes of a PostgreSQL database, as `run` reads them. It reads only while answers are looked up."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus
        self._wake = asyncio.Event()
        self._wanted = False
        self._heard, self._known = 1, 0
        """The number of announcements, and the number of those before the start of the last complete read."""
        self._last: Changed | None = None
        self._read_at = float("-inf")
        self._failing = False
        self._tags: set[str] | None = set()

    def take(self) -> Taken:
        """Return whether all changes so far are known, and the tags that changed since the last call; None: any tag."""
        self._wanted = True
        tags, self._tags = self._tags, set()
        if self._known < self._heard or asyncio.get_running_loop().time() - self._read_at > CURRENT_SECONDS:
            self._wake.set()
            return False, tags
        is_live = self._bus.has_broker and self._bus.live
        return is_live and self._last is not None and self._last.is_complete, tags

    def hear(self, news: frozenset[str]) -> None:
        """Note an announcement, by this instance or another: no answer is current until the next read."""
        if "events" in news:
            self._heard += 1
            self._wake.set()

    async def run(self) -> None:
        """Read the changes until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            if self._wanted:
                self._wanted = False
                try:
                    await self._read()
                    self._failing = False
                except Exception:
                    self._known = 0
                    if not self._failing:
                        log.exception("changes of answers can't be read: none is kept", retry_seconds=POLL_SECONDS)
                    self._failing = True
            await asyncio.sleep(GAP_SECONDS)

    async def _read(self) -> None:
        # The present state stays until the end of the read, and an announcement during the read asks for another one.
        began, heard = asyncio.get_running_loop().time(), self._heard
        async with asyncio.timeout(ANSWER_SECONDS), self._database.read() as connection:
            found = await changes_after(connection, self._last)
        self._last, self._read_at, self._known = found, began, heard
        if self._tags is None or found.tags is None or len(self._tags) > MOST_TAGS:
            self._tags = None
        else:
            self._tags |= found.tags

    def close(self) -> None:
        """Do nothing: the database closes its connections."""


def changes_in(database: Database, bus: Bus) -> LocalChanges | SharedChanges:
    """Return the changes of a database."""
    return LocalChanges(database) if database.is_sqlite else SharedChanges(database, bus)
