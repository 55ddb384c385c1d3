"""`backup` and `restore`: a whole database to and from one file, without regard to the kind of database.

A backup may go to standard output, and a restore may come from standard input. All messages then go to standard error.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, NoReturn, cast

import asyncpg
from rich.console import Console
from sqlalchemy.exc import DBAPIError

from commands.connection import connected
from commands.terminal import end, progress_bars
from jobs import retry
from settings import DatabaseSettings
from store import backup
from store.backup import Backup, BackupBroken, NotRestored
from store.queue import finish
from store.queue.leases import lost, running_leases
from store.sql.clock import utcnow
from store.sql.preflight import Unusable, require_usable


def back_up(settings: DatabaseSettings, *, file: str, force: bool) -> None:
    """Write a backup of the database, while servers and workers continue."""
    _run(lambda: asyncio.run(_back_up(settings, file, force=force)), file)


def restore(settings: DatabaseSettings, *, file: str) -> None:
    """Fill an empty database from a backup. After an error, the database is as before."""
    _run(lambda: asyncio.run(_restore(settings, file)), file)


def _run(command: Callable[[], None], file: str) -> None:
    interrupted = False

    def interrupt(*_: object) -> NoReturn:
        nonlocal interrupted
        interrupted = True
        logging.disable()  # asyncio's words about the interrupted statement
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)  # at once, also in a blocked write to a pipe
    try:
        command()
    except (KeyboardInterrupt, asyncio.CancelledError):
        end("Interrupted.", 130)
    except SystemExit:  # with the words of a statement that could not end
        if interrupted:
            end("Interrupted.", 130)
        raise
    except BrokenPipeError:  # of standard output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        end("The reader of the backup has closed its end: the backup is not complete.")
    except OSError as error:
        end(f"{file}: {error.strerror or error}.")


async def _back_up(settings: DatabaseSettings, file: str, *, force: bool) -> None:
    with _written(file, force=force) as target, progress_bars(Console(stderr=True)) as progress:
        task = progress.add_task("rows", total=None)
        async with connected(settings, "The backup is not complete") as database:
            counts = await backup.back_up(
                database,
                target,
                begin=lambda total: progress.update(task, total=total),
                wrote=lambda done: progress.update(task, completed=done),
            )
    print(f"Backed up {_figures(counts)}.", file=sys.stderr if file == "-" else sys.stdout)


async def _restore(settings: DatabaseSettings, file: str) -> None:
    with _opened(file) as source, progress_bars(Console(stderr=True)) as progress:
        try:
            given = Backup(source)  # before the first access to the database: a wrong file leaves no trace
            await require_usable(settings.database, migrated=False)
            task = progress.add_task("rows", total=sum(given.counts.values()))
            async with connected(settings, "Nothing was restored", alone=True) as database:
                await backup.require_unused(database)
                async with database.write() as connection:
                    await backup.restore(connection, given, lambda done: progress.update(task, completed=done))
                    # The workers of these leases are gone.
                    now = utcnow()
                    running = await lost(connection, (), await running_leases(connection))
                    await finish.finish(connection, [retry.lost(row, now) for row in running], now)
        except Unusable as error:
            raise SystemExit(f"Nothing was restored. {error}") from None
        except BackupBroken as broken:
            raise SystemExit(f"Nothing was restored: {file} {broken}.") from None
        except NotRestored as refusal:
            raise SystemExit(f"Nothing was restored: {database.name} {refusal}.") from None
        except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise SystemExit(f"Nothing was restored: {database.name} refused it: {reason}.") from None
    print(f"Restored {_figures(given.counts)}. Running analyses that count as a lost attempt: {len(running)}.")


def _figures(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {count:,}" for name, count in counts.items())


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    with open(file, "rb") as source:
        yield source


@contextmanager
def _written(file: str, *, force: bool) -> Iterator[BinaryIO]:
    """Open the target of a backup. A file has its name only once it is complete and on the disk, with mode 0600."""
    if file == "-":
        if sys.stdout.isatty():
            raise SystemExit("A backup is no text: `-` needs a pipe or a file as standard output.")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(file)
    if path.exists() and not path.is_file():
        raise SystemExit(f"{file} is not a file.")
    if path.exists() and not force:
        raise SystemExit(f"{file} exists: `--force` replaces it.")
    with NamedTemporaryFile(dir=path.parent, prefix=f"{path.name}.", suffix=".part", delete=False) as part:
        try:
            yield cast(BinaryIO, part)
            part.flush()
            os.fsync(part.fileno())
            os.replace(part.name, path)
        except BaseException:
            os.unlink(part.name)
            raise
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
