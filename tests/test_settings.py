"""What settings mean, and what is refused as one."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from settings import Settings
from tests.support import ROOT, free_port

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@pytest.mark.parametrize(
    ("host", "hosts"),
    [
        ("127.0.0.1", LOOPBACK),
        ("localhost", LOOPBACK),
        ("::1", LOOPBACK),
        ("127.0.0.2", (*LOOPBACK, "127.0.0.2")),
        ("0.0.0.0", ("*",)),
        ("::", ("*",)),
        ("", ("*",)),
        ("192.0.2.1", ("*",)),
        ("assay.example", ("*",)),
    ],
)
def test_the_hosts_that_requests_may_name(host: str, hosts: tuple[str, ...]) -> None:
    assert Settings.model_validate({"host": host}).hosts == hosts


@pytest.mark.parametrize("given", ["*", "assay.example,*.assay.test"])
def test_hosts_that_are_set_are_taken_as_they_are(given: str) -> None:
    assert Settings.model_validate({"allowed_hosts": given}).hosts == tuple(given.split(","))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "It must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or empty for SQLite."),
        ("postgresql://u:secret@h:abc/d", "It must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or empty for"),
        ("mysql://u:secret@h/d", "It must begin with postgresql:// or sqlite:///, or be empty for SQLite."),
        ("postgresql+psycopg://u:secret@h/d", "It must begin with postgresql:// or sqlite:///, or be empty"),
        ("postgresql://u:secret@h:70000/d", "Its port must be from 1 to 65535."),
        ("sqlite://", "A SQLite database must be a file, sqlite:///PATH."),
        ("sqlite:///:memory:", "A SQLite database must be a file, sqlite:///PATH."),
    ],
)
def test_what_is_no_address_of_a_database(url: str, message: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings.model_validate({"database_url": url})
    (fault,) = refusal.value.errors()
    assert fault["msg"].removeprefix("Value error, ").startswith(message)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql://u:p%40@[::1]:5433/d", "postgresql+asyncpg://u:p%40@[::1]:5433/d"),
        ("postgresql+asyncpg://h/d", "postgresql+asyncpg://h/d"),
        ("sqlite:////srv/x.db", "sqlite+aiosqlite:////srv/x.db"),
        ("", "sqlite+aiosqlite:///data/assay.db"),
    ],
)
def test_addresses_of_databases(url: str, address: str) -> None:
    assert Settings.model_validate({"database_url": url}).database == address


def refused(command: str, *options: str) -> tuple[int, str]:
    """Exit status and output of a program that does not start."""
    arguments = [sys.executable, "server.py", command, "--port", "0", *options]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_data_folder_that_is_a_file(tmp_path: Path, command: str) -> None:
    file = tmp_path / "file"
    file.touch()
    line = f"ASSAY_DATA_DIR: The folder {file} can't be made: File exists.\n"
    assert refused(command, "--data-dir", str(file)) == (1, line)


def test_a_database_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("a text, and longer than the header of a database" * 10)
    line = f"ASSAY_DATABASE_URL: The SQLite database {file} can't be used: file is not a database.\n"
    assert refused("serve", "--database-url", f"sqlite:///{file}") == (1, line)


def test_a_database_that_is_not_there() -> None:
    port = free_port()
    code, output = refused("serve", "--database-url", f"postgresql://u:secret@127.0.0.1:{port}/d")
    assert code == 1
    assert output.startswith(f"ASSAY_DATABASE_URL: The database d on 127.0.0.1:{port} can't be used: ")
    assert output.count("\n") == 1
    assert "secret" not in output


@pytest.mark.needs("postgresql")
async def test_a_database_without_the_tables(postgresql_url: str) -> None:
    line = "ASSAY_DATABASE_URL: The database lacks this program's tables: run `python server.py migrate` first.\n"
    assert await asyncio.to_thread(refused, "serve", "--database-url", postgresql_url) == (1, line)


@pytest.mark.parametrize(
    ("url", "database_url", "address"),
    [
        ("", "", "memory://"),
        ("", "sqlite:////srv/x.db", "memory://"),
        ("", "postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("memory://", "postgres://u:p@h/d", "memory://"),
        ("postgresql://other/d?ssl=require", "postgres://u:p@h/d", "postgresql+asyncpg://other/d?ssl=require"),
        ("redis://h", "", "redis://h"),
        ("rediss://u:p%40@[::1]:6380/15?ssl_cert_reqs=none", "", "rediss://u:p%40@[::1]:6380/15?ssl_cert_reqs=none"),
    ],
)
def test_addresses_of_buses(url: str, database_url: str, address: str) -> None:
    assert Settings.model_validate({"broadcast_url": url, "database_url": database_url}).bus == address


BUSES = "It must begin with redis://, rediss:// or postgresql://, or be memory:// or empty."
REDISES = "It must be redis://USER:PASSWORD@HOST:PORT/NUMBER, or the same with rediss:// for TLS."


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", BUSES),
        ("kafka://:secret@h", BUSES),
        ("redis-stream://:secret@h", BUSES),
        ("memory://secret", BUSES),
        ("sqlite:////srv/secret.db", BUSES),
        ("redis", REDISES),
        ("redis://", REDISES),
        ("redis://:secret@", REDISES),
        ("redis://:secret@h:port/0", REDISES),
        ("redis://:secret@h:70000/0", REDISES),
        ("redis://:secret@h:0", "Its port must be from 1 to 65535."),
        ("rediss://:secret@h/first", REDISES),
        ("redis://:secret@[h", REDISES),
        ("redis://:secret@h/0?colour=blue", "What stands behind its `?` are no options of the Redis client."),
        ("redis://:secret@h/0?socket_timeout=long", "What stands behind its `?` are no options of the Redis client."),
        ("postgresql://u:secret@h:port/d", "It must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE."),
        ("postgresql://u:secret@h:70000/d", "Its port must be from 1 to 65535."),
    ],
)
def test_what_is_no_address_of_a_bus(url: str, message: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings.model_validate({"broadcast_url": url})
    (fault,) = refusal.value.errors()
    assert fault["msg"] == f"Value error, {message}"


def test_a_bus_that_can_not_be_is_refused_at_start() -> None:
    code, output = refused("serve", "--broadcast-url", "nats://:secret@127.0.0.1")
    assert (code, output) == (2, f"ASSAY_BROADCAST_URL (--broadcast-url): {BUSES}\n")
