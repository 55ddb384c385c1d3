"""Batches of any size from the command line: a file of JSON lines in, a file of JSON lines out.

Both work on the database itself, beside a server or without one, and hold a few slices in memory. A batch's id goes to
standard output, everything else to standard error.
"""

from __future__ import annotations

import argparse
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
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from settings import Settings
from store.bounds import (
    DEFAULT_ATTEMPTS,
    DEFAULT_PRIORITY,
    MAX_ATTEMPTS,
    MAX_NAME,
    MAX_PRIORITY,
    MAX_TIMEOUT_SECONDS,
    MIN_PRIORITY,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, Task

    from store.sql.database import Database

CHUNK_BYTES = 1 << 20
# Of what is wrong with a file so many lines are named.
MOST_FAULTS = 20
POLL_SECONDS = 0.5


def submit_arguments(parser: argparse.ArgumentParser) -> None:
    """What `submit` can be told."""
    parser.add_argument("file", metavar="FILE", help="JSON lines, each an item of batchProcess; - is standard input")
    parser.add_argument("--analyzer", help="each line's `request` is this analyzer's own, without its name around it")
    parser.add_argument("--name", help=f"a name for the batch, 1 to {MAX_NAME} characters")
    parser.add_argument(
        "--priority",
        type=int,
        default=DEFAULT_PRIORITY,
        help=f"of items without one, {MIN_PRIORITY} (last) to {MAX_PRIORITY} (first); %(default)s",
    )
    parser.add_argument(
        "--timeout-seconds",
        type=int,
        default=MAX_TIMEOUT_SECONDS,
        help=f"time of the whole batch, at most {MAX_TIMEOUT_SECONDS}; %(default)s",
    )
    parser.add_argument(
        "--max-attempts",
        type=int,
        default=DEFAULT_ATTEMPTS,
        help=f"attempts of each item, 1 to {MAX_ATTEMPTS}; %(default)s",
    )
    parser.add_argument("--wait", action="store_true", help="wait until the batch has ended")


def export_arguments(parser: argparse.ArgumentParser) -> None:
    """What `export` can be told."""
    parser.add_argument("batch_id", metavar="BATCH_ID", help="batch_…")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to; standard output if not given")
    parser.add_argument("--status", action="append", default=[], help="only items in it, as FAILED; may be repeated")
    parser.add_argument("--input", dest="with_input", action="store_true", help="with each item's input and options")


def submit(
    settings: Settings,
    *,
    file: str,
    analyzer: str | None,
    name: str | None,
    priority: int,
    timeout_seconds: int,
    max_attempts: int,
    wait: bool,
) -> None:
    """Queue a batch of a file of JSON lines."""
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
            _end(f"{broken}\nWhat of it was queued has been canceled: put this right, and submit it again.")
        except StreamClosed:
            _end("The batch takes no more items: it was canceled, or its time was up.")
        except (KeyboardInterrupt, asyncio.CancelledError):
            _end("Broken off.", 130)


def export(settings: Settings, *, batch_id: str, out: Path | None, status: list[str], with_input: bool) -> None:
    """Write a batch's items as JSON lines, in order of position."""
    from resolvers.exports import ExportBroken

    try:
        asyncio.run(_export(settings, batch_id, out, status, with_input=with_input))
    except BrokenPipeError:  # whoever reads has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except ExportBroken:
        _end("The batch was deleted meanwhile.")
    except OSError as error:
        _end(str(error))
    except KeyboardInterrupt:
        _end("Broken off.", 130)


async def _submit(
    settings: Settings,
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
        raise SystemExit(f"There is no analyzer {analyzer!r}: there are {', '.join(analyzers)}.")
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
    progress = _progress(console)
    async with connected(settings, "Broken off") as database:
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
                raise SystemExit("There are no items: nothing was queued.")
            if refused:
                console.print(f"{refused:,} of {total:,} items FAILED at once: their content is at fault.")
            if wait:
                await _wait(database, batch_id, progress)


async def _wait(database: Database, batch_id: str, progress: Progress) -> None:
    """Return when the batch has ended; end the program with 1 where it did otherwise than COMPLETED."""
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


async def _export(settings: Settings, batch_id: str, out: Path | None, status: list[str], *, with_input: bool) -> None:
    from rich.console import Console

    from analyzers.registry import load_registry
    from commands.connection import connected
    from resolvers.exports import export_lines
    from store.batches import batch_by_id
    from store.sql.ids import kind_of
    from store.sql.viewer import LOCAL_ADMINISTRATOR
    from store.tables import AnalysisStatus

    if kind_of(batch_id) != "batch":
        raise SystemExit(f"{batch_id!r} is no id of a batch: they are written batch_….")
    if unknown := sorted(set(status) - set(AnalysisStatus)):
        raise SystemExit(f"There is no status {unknown[0]!r}: it is one of {', '.join(AnalysisStatus)}.")
    async with connected(settings, "Broken off") as database:
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
        with _written(out) as target, _progress(Console(stderr=True)) as progress:
            task = progress.add_task("exported", total=batch.total_items)
            async for position, chunk in lines:
                target.write(chunk)
                progress.update(task, completed=position)


def _progress(console: Console) -> Progress:
    """Bars on a terminal, and nothing elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        """Items a second."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.0f}/s")

    return Progress(
        TextColumn("{task.description:>8}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _opened(file: str) -> BinaryIO:
    if file == "-":
        return sys.stdin.buffer
    try:
        return open(file, "rb")
    except OSError as error:
        raise SystemExit(f"{file}: {error.strerror}.") from None


@contextmanager
def _written(out: Path | None) -> Iterator[BinaryIO]:
    """Where an export goes: standard output, or a file beside `out` that takes its place when all is written.

    A pipe or a device is written to itself. Ends the program where there can be no such file.
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
    """The bytes of a file; those of a pipe as they come, since who waits for them must be able to stop."""
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
    """Whether it can be waited for: a pipe, a socket or a terminal, and no file or device such as /dev/null."""
    if stat.S_ISREG(os.fstat(source.fileno()).st_mode):
        return False
    with selectors.DefaultSelector() as selector:
        try:
            selector.register(source, selectors.EVENT_READ)
        except OSError:
            return False
    return True


async def _until_told(run: Coroutine[Any, Any, None]) -> None:
    """Run it; SIGTERM ends it in order, as SIGINT does."""
    task = asyncio.create_task(run)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task


def _end(message: str, code: int = 1) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(code)
