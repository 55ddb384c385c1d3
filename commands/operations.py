"""The operator's commands. They use the database directly, with or without servers; servers follow within a second.

A command prints one line about its change, or raises Refused and changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from rich.markup import escape
from sqlalchemy.ext.asyncio import AsyncConnection

from analyzers.registry import load_analyzers
from commands.connection import connected
from commands.terminal import show, table, written
from jobs.cleanup import Ages, clean_up
from logs import configure_logging
from resolvers.user_errors import state_of
from settings import CleanupSettings, OperatorSettings
from store import tables
from store.analyses import analysis_by_id
from store.batches import batch_by_id, delete_batch, go_on_deleting, request_batch_stop
from store.deletions import delete_analysis
from store.queue import controls
from store.queue.retries import RETRY_SLICE, go_on_retrying, retry_analyses, retry_batch
from store.queue.workers import SILENCE, all_workers
from store.retention import Deleted
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import kind_of
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.statistics import queue_figures
from store.stops import request_stop
from store.subjects import SUBJECTS, count_old
from store.tables import AnalysisRow, AnalysisStatus, BatchRow, ControlRow


class Refused(SystemExit):
    """A command was refused. The program exits with the message, which has the reason and the rule."""


async def pause(
    database: Database, _settings: OperatorSettings, analyzer: str | None, reason: str | None = None
) -> None:
    """Stop starting analyses, of one analyzer or all. Running analyses finish, new ones are queued."""
    await _require_analyzer(database, analyzer)
    async with database.write() as connection:
        changed = await controls.pause(connection, analyzer, utcnow(), reason=reason)
    print(f"{_named(analyzer)} is {'' if changed else 'already '}paused.")


async def resume(database: Database, _settings: OperatorSettings, analyzer: str | None) -> None:
    """End the pause of the whole queue, or of one analyzer."""
    await _require_analyzer(database, analyzer)
    async with database.write() as connection:
        changed = await controls.resume(connection, analyzer, utcnow())
    print(f"{_named(analyzer)} {'is resumed' if changed else 'was not paused'}.")


async def concurrency(database: Database, _settings: OperatorSettings, analyzer: str | None, slots: int | None) -> None:
    """Set the concurrent analyses of each worker, in total or of one analyzer. None for `slots` removes the limit."""
    await _require_analyzer(database, analyzer)
    async with database.write() as connection:
        await controls.set_slots(connection, analyzer, slots, utcnow())
    if analyzer is None:
        print(f"Each worker runs {'as many analyses as at start' if slots is None else f'{slots} analyses'} at once.")
    else:
        print(f"Each worker runs {'any number' if slots is None else f'at most {slots}'} of {analyzer} at once.")


async def retry(database: Database, _settings: OperatorSettings, subject: str) -> None:
    """Queue a failed, canceled or timed-out analysis again, or all of a batch."""
    kind = _kind(subject)
    async with database.write() as connection:
        if kind == "batch":
            count = await retry_batch(connection, VIEWER, subject, utcnow())
        else:
            count = len(await retry_analyses(connection, VIEWER, tables.analysis.c.id == subject, now=utcnow()))
    if not count:
        allowed = "FAILED, CANCELED or TIMED_OUT analyses with valid input can be queued again"
        raise Refused(await _refusal(database, subject, allowed))
    if kind == "analysis":
        print(f"{subject} is queued again.")
    elif count < RETRY_SLICE:
        print(f"{subject}: {count:,} queued again.")
    else:
        await _slices(database, lambda connection: go_on_retrying(connection, utcnow()))
        print(f"{subject}: all failed, canceled and timed-out items queued again.")


async def cancel(database: Database, _settings: OperatorSettings, subject: str) -> None:
    """Cancel an analysis, or all unfinished items of a batch. Workers stop the running ones."""
    stop: Callable[..., Awaitable[object]] = request_batch_stop if _kind(subject) == "batch" else request_stop
    async with database.write() as connection:
        stopped = await stop(connection, VIEWER, subject, AnalysisStatus.CANCELED, utcnow())
    if not stopped:
        raise Refused(await _refusal(database, subject, "unfinished analyses and batches can be canceled, once"))
    row = await _row_of(database, subject)
    is_canceled = row is not None and row.status == "CANCELED"
    print(f"{subject} is {'canceled' if is_canceled else 'being stopped'}.")


async def delete(database: Database, _settings: OperatorSettings, subject: str) -> None:
    """Delete a finished analysis or batch. Its events stay in the log."""
    remove = delete_batch if _kind(subject) == "batch" else delete_analysis
    async with database.write() as connection:
        deleted = await remove(connection, VIEWER, subject, utcnow())
    if not deleted:
        allowed = "finished batches, and finished analyses outside unfinished batches, can be deleted"
        raise Refused(await _refusal(database, subject, allowed))
    await _slices(database, go_on_deleting)
    print(f"{subject} is deleted.")


async def cleanup(database: Database, settings: CleanupSettings, older_than: timedelta | None, dry_run: bool) -> None:
    """Delete analyses, batches and events beyond their age limit: the settings', or --older-than."""
    ages = Ages.of(settings) if older_than is None else Ages(older_than, older_than)
    if ages == Ages():
        raise Refused("No age is set: give --older-than, or set ASSAY_KEEP_ANALYSES_DAYS or ASSAY_KEEP_EVENTS_DAYS.")
    if dry_run:
        async with database.read() as connection:
            print(f"Would delete {_amounts(await count_old(connection, ages.before(utcnow())))}.")
        return
    deleted = await clean_up(database, ages, every=timedelta(0))
    if deleted is None:
        raise Refused("Another clean-up is running: wait until it has ended.")
    print(f"Deleted {_amounts(deleted)}.")


async def status(database: Database, _settings: OperatorSettings) -> None:
    """Show queued and running analyses, workers, pauses and limits."""
    now = utcnow()
    async with database.read() as connection:
        queue = await queue_figures(connection, now)
        workers = await all_workers(connection)
        held = {row.analyzer: row for row in await controls.control_rows(connection)}
    whole = held.pop(controls.WHOLE_QUEUE, ControlRow(analyzer=controls.WHOLE_QUEUE))
    alive = sum(now - worker.last_seen_at <= SILENCE for worker in workers)
    overview = table("", "")
    overview.show_header = False
    overview.add_row("Queue", "open" if whole.paused_at is None else f"paused since {_pause(whole)}")
    overview.add_row("Queued", f"{queue.depth:,}")
    overview.add_row("Running", f"{queue.running:,}")
    overview.add_row("Workers", f"{alive} alive" + (f", {len(workers) - alive} silent" if alive < len(workers) else ""))
    overview.add_row("Slots per worker", "as started" if whole.slots is None else f"{whole.slots}")
    priorities = table("Priority", "Queued")
    for each in queue.by_priority:
        priorities.add_row(f"{each.priority}", f"{each.depth:,}")
    analyzers = table("Analyzer", "Paused since", "Limit")
    for name, row in held.items():
        if row.paused_at is not None or row.slots is not None:
            paused = "" if row.paused_at is None else _pause(row)
            analyzers.add_row(name, paused, "" if row.slots is None else f"{row.slots}")
    show(overview, *(each for each in (priorities, analyzers) if each.row_count))


async def workers(database: Database, _settings: OperatorSettings) -> None:
    """Show all registered workers, oldest first."""
    now = utcnow()
    async with database.read() as connection:
        rows = await all_workers(connection)
    found = table("Worker", "Process", "Seen", "Busy", "Completed", "Failed", "CPU", "Memory")
    for row in rows:
        silent = now - row.last_seen_at
        seen = "alive" if silent <= SILENCE else f"{silent.total_seconds():,.0f} s ago"
        busy, memory = f"{row.busy} of {row.slots}", f"{row.memory_mb:,.0f} MiB"
        numbers = (f"{row.completed:,}", f"{row.failed:,}", f"{row.cpu_percent:.0f} %", memory)
        found.add_row(row.id, f"{row.host}:{row.pid}", seen, busy, *numbers)
    if rows:
        show(found)
    else:
        print("No worker is registered.")


def run(command: Callable[..., Awaitable[None]], settings: OperatorSettings, **given: Any) -> None:
    """Run one of these commands, with its arguments by name. Logs warnings and errors only."""
    configure_logging(settings.log_format, "warning")

    async def operate() -> None:
        async with connected(settings, "Nothing was changed") as database:
            await command(database, settings, **given)

    asyncio.run(operate())


async def _slices(database: Database, slice_: Callable[[AsyncConnection], Awaitable[bool]]) -> None:
    """Process the rest of a large batch in slices: possibly no server is running that would."""
    more = True
    while more:
        async with database.write() as connection:
            more = await slice_(connection)


async def _require_analyzer(database: Database, analyzer: str | None) -> None:
    if analyzer is None:
        return
    async with database.read() as connection:
        held = {row.analyzer for row in await controls.control_rows(connection)}
    known = sorted({*load_analyzers(), *held} - {controls.WHOLE_QUEUE})
    if analyzer not in known:
        raise Refused(f"There is no analyzer {analyzer!r}. The analyzers are: {', '.join(known)}.")


def _kind(id_: str) -> str:
    kind = kind_of(id_)
    if kind not in ("analysis", "batch"):
        raise Refused(f"{id_!r} is not the id of an analysis or batch: the forms are analysis_… and batch_…")
    return kind


async def _row_of(database: Database, id_: str) -> AnalysisRow | BatchRow | None:
    read: Callable[..., Awaitable[AnalysisRow | BatchRow | None]]
    read = batch_by_id if _kind(id_) == "batch" else analysis_by_id
    async with database.read() as connection:
        return await read(connection, VIEWER, id_)


async def _refusal(database: Database, id_: str, allowed: str) -> str:
    row = await _row_of(database, id_)
    return f"There is no {_kind(id_)} {id_}." if row is None else f"{id_} is {state_of(row)}: only {allowed}."


def _named(analyzer: str | None) -> str:
    return "The queue" if analyzer is None else f"The analyzer {analyzer}"


def _amounts(deleted: Deleted) -> str:
    names = (*(subject.name for subject in SUBJECTS.values()), "events")
    return ", ".join(f"{name.replace('_', ' ')}: {deleted[name]:,}" for name in names)


def _pause(row: ControlRow) -> str:
    assert row.paused_at is not None
    return written(row.paused_at) + (f": {escape(row.pause_reason)}" if row.pause_reason else "")
