"""`submit` and `export`: batches of any size from and to files of JSON lines.

Both commands use the database directly, with or without a running server, and hold a few slices in memory. A batch's id
and exported lines go to standard output, all messages to standard error.
"""

from __future__ import annotations

import asyncio
import errno
import os
import selectors
import signal
import stat
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from commands.terminal import end, progress_bars
from settings import DatabaseSettings
from store.bounds import MAX_ATTEMPTS, MAX_PRIORITY, MAX_TIMEOUT_SECONDS, MIN_PRIORITY

if TYPE_CHECKING:
    from rich.progress import Progress

    from store.sql.database import Database

# Bytes of a read, 1 MiB.
CHUNK_BYTES = 1 << 20
# The most invalid lines that are reported.
MOST_FAULTS = 20
# Seconds between two reads of the batch's state by `submit --wait`.
POLL_SECONDS = 0.5


def submit(
    settings: DatabaseSettings,
    *,
    file: str,
    analyzer: str | None,
    name: str | None,
    priority: int,
    timeout_seconds: int,
    max_attempts: int,
    wait: bool,
) -> None:
    """Queue the items of a file of JSON lines as a batch."""
    from resolvers.user_errors import check_name, check_number
    from store.ingest import StreamBroken, StreamClosed

    faults = [
        *check_name("--name", name, []),
        *check_number("--priority", priority, MIN_PRIORITY, MAX_PRIORITY, []),
        *check_number("--timeout-seconds", timeout_seconds, 1, MAX_TIMEOUT_SECONDS, []),
        *check_number("--max-attempts", max_attempts, 1, MAX_ATTEMPTS, []),
    ]
    if faults:
        raise SystemExit("\n".join(fault.message for fault in faults))
    with _opened(file) as source:
        run = _submit(
            settings,
            source,
            analyzer=analyzer,
            name=name,
            priority=priority,
            timeout_seconds=timeout_seconds,
            max_attempts=max_attempts,
            wait=wait,
        )
        try:
            asyncio.run(_until_told(run))
        except StreamBroken as broken:
            end(f"{broken}\nThe queued items were canceled: correct the file and submit it again.")
        except StreamClosed:
            end("The batch takes no more items: it was canceled or timed out.")
        except (KeyboardInterrupt, asyncio.CancelledError):
            end("Interrupted.", 130)


def export(settings: DatabaseSettings, *, batch_id: str, out: Path | None, status: list[str], with_input: bool) -> None:
    """Write a batch's items as JSON lines, in order of position."""
    from resolvers.exports import ExportBroken

    try:
        asyncio.run(_export(settings, batch_id, out, status, with_input=with_input))
    except BrokenPipeError:  # the reader of the pipe has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except ExportBroken:
        end("The batch was deleted during the export.")
    except OSError as error:
        end(str(error))
    except KeyboardInterrupt:
        end("Interrupted.", 130)


async def _submit(
    settings: DatabaseSettings,
    source: BinaryIO,
    *,
    analyzer: str | None,
    name: str | None,
    priority: int,
    timeout_seconds: int,
    max_attempts: int,
    wait: bool,
) -> None:
    from rich.console import Console

    from analyzers.registry import load_registry
    from commands.connection import connected
    from resolvers.ingest import faults_of_lines, slices_of_lines
    from schema.build import fit
    from schema.ingest import ItemReader
    from store.ingest import insert_batch_stream
    from store.sql.ids import new_id
    from store.sql.viewer import LOCAL_ADMINISTRATOR

    schema, analyzers, _ = fit(load_registry().analyzers)
    if analyzer is not None and analyzer not in analyzers:
        raise SystemExit(f"There is no analyzer {analyzer!r}. The analyzers are: {', '.join(analyzers)}.")
    read = ItemReader(schema, analyzer, priority)
    batch_id = new_id("batch")
    refused = 0

    def refuse(line: int, message: str) -> None:
        nonlocal refused
        refused += 1
        if refused <= MOST_FAULTS:
            console.print(f"Line {line:,} FAILED: {message}", markup=False, highlight=False, soft_wrap=True)

    def inserted(total: int) -> None:
        if not progress.tasks[-1].completed:
            print(batch_id, flush=True)
        progress.update(task, completed=total)

    console = Console(stderr=True)
    progress = progress_bars(console)
    async with connected(settings, "Interrupted") as database:
        with progress:
            count = None
            if source.seekable():
                task = progress.add_task("checking", total=None)
                start = source.tell()
                count, faults = await faults_of_lines(_chunks(source), read, MOST_FAULTS)
                if faults:
                    raise SystemExit("\n".join([*faults, "Nothing was queued."]))
                source.seek(start)
                progress.remove_task(task)
            task = progress.add_task("queued", total=count)
            total = await insert_batch_stream(
                database,
                LOCAL_ADMINISTRATOR,
                batch_id,
                name,
                slices_of_lines(_chunks(source), read, analyzers, refuse),
                timeout_seconds=timeout_seconds,
                max_attempts=max_attempts,
                inserted=inserted,
            )
            if not total:
                raise SystemExit("The file has no items. Nothing was queued.")
            if refused:
                console.print(f"{refused:,} of {total:,} items FAILED at once: their input is invalid.")
            if wait:
                await _wait(database, batch_id, progress)


async def _wait(database: Database, batch_id: str, progress: Progress) -> None:
    """Wait until the batch has ended. Exits with 1 if its status is not COMPLETED."""
    from store.batches import batch_by_id
    from store.sql.viewer import LOCAL_ADMINISTRATOR

    task = progress.add_task("ended")
    while True:
        async with database.read() as connection:
            row = await batch_by_id(connection, LOCAL_ADMINISTRATOR, batch_id)
        if row is None:
            raise SystemExit("The batch was deleted.")
        progress.update(task, total=row.total_items, completed=row.total_items - row.queued - row.running)
        if row.finished_at is not None:
            break
        await asyncio.sleep(POLL_SECONDS)
    ends = {"completed": row.processed, "failed": row.failed, "canceled": row.canceled, "timed out": row.timed_out}
    told = ", ".join(f"{count:,} {end}" for end, count in ends.items() if count)
    progress.console.print(f"{row.status}: {told}", highlight=False)
    if row.status != "COMPLETED":
        raise SystemExit(1)


async def _export(
    settings: DatabaseSettings, batch_id: str, out: Path | None, status: list[str], *, with_input: bool
) -> None:
    from rich.console import Console

    from analyzers.registry import load_registry
    from commands.connection import connected
    from resolvers.exports import export_lines
    from store.batches import batch_by_id
    from store.sql.ids import kind_of
    from store.sql.viewer import LOCAL_ADMINISTRATOR
    from store.tables import AnalysisStatus

    if kind_of(batch_id) != "batch":
        raise SystemExit(f"{batch_id!r} is not the id of a batch: the form is batch_…")
    if unknown := sorted(set(status) - set(AnalysisStatus)):
        raise SystemExit(f"There is no status {unknown[0]!r}. The statuses are: {', '.join(AnalysisStatus)}.")
    async with connected(settings, "Interrupted") as database:
        async with database.read() as connection:
            batch = await batch_by_id(connection, LOCAL_ADMINISTRATOR, batch_id)
        if batch is None:
            raise SystemExit(f"There is no batch {batch_id}.")
        lines = export_lines(
            database,
            LOCAL_ADMINISTRATOR,
            load_registry().analyzers,
            batch,
            status=[AnalysisStatus(each) for each in status] or None,
            with_input=with_input,
        )
        with _written(out) as target, progress_bars(Console(stderr=True)) as progress:
            task = progress.add_task("exported", total=batch.total_items)
            async for position, chunk in lines:
                target.write(chunk)
                progress.update(task, completed=position)


def _opened(file: str) -> BinaryIO:
    if file == "-":
        return sys.stdin.buffer
    try:
        return open(file, "rb")
    except OSError as error:
        raise SystemExit(f"{file}: {error.strerror}.") from None


@contextmanager
def _written(out: Path | None) -> Iterator[BinaryIO]:
    """Open the target of an export: standard output, or `out`.

    A file is written as `out` + `.part` and renamed at the end. A pipe or device is written directly. Exits with a
    message if the file can't be created.
    """
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        if out.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        part = out.with_name(f"{out.name}.part") if out.is_file() or not out.exists() else out
        target = part.open("wb")
    except OSError as error:
        raise SystemExit(f"{out}: {error.strerror}.") from None
    with target:
        yield target
    if part != out:
        part.replace(out)


async def _chunks(source: BinaryIO) -> AsyncIterator[bytes]:
    """Yield the bytes of a file in chunks. Pipes are read on the event loop, so that the read can be cancelled."""
    if not _can_be_watched(source):
        while chunk := await asyncio.to_thread(source.read, CHUNK_BYTES):
            yield chunk
        return
    reader = asyncio.StreamReader(limit=CHUNK_BYTES)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), source
    )
    try:
        while chunk := await reader.read(CHUNK_BYTES):
            yield chunk
    finally:
        transport.close()


def _can_be_watched(source: BinaryIO) -> bool:
    """Return whether the event loop can wait for a source: true for pipes, sockets and terminals, not for files."""
    if stat.S_ISREG(os.fstat(source.fileno()).st_mode):
        return False
    with selectors.DefaultSelector() as selector:
        try:
            selector.register(source, selectors.EVENT_READ)
        except OSError:
            return False
    return True


async def _until_told(run: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine. SIGTERM cancels it, as SIGINT does."""
    task = asyncio.create_task(run)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task
