"""The meaning of settings, and the refusal of invalid ones."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from server import COMMANDS
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
def test_allowed_hosts_by_default(host: str, hosts: tuple[str, ...]) -> None:
    assert Settings.model_validate({"host": host}).hosts == hosts


@pytest.mark.parametrize("given", ["*", "assay.example,*.assay.test"])
def test_given_hosts_are_used_unchanged(given: str) -> None:
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
def test_an_invalid_database_url_is_refused(url: str, message: str) -> None:
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
def test_urls_of_databases(url: str, address: str) -> None:
    assert Settings.model_validate({"database_url": url}).database == address


def refused(command: str, *options: str) -> tuple[int, str]:
    """Run a command that must not start; return its exit code and output."""
    port = ("--port", "0") if command == "serve" else ()
    arguments = [sys.executable, "server.py", command, *port, *options]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_data_folder_that_is_a_file(tmp_path: Path, command: str) -> None:
    file = tmp_path / "file"
    file.touch()
    line = f"ASSAY_DATA_DIR: The folder {file} can't be made: File exists.\n"
    assert refused(command, "--data-dir", str(file)) == (1, line)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("a text, and longer than the header of a database" * 10)
    line = f"ASSAY_DATABASE_URL: The SQLite database {file} can't be used: file is not a database.\n"
    assert refused("serve", "--database-url", f"sqlite:///{file}") == (1, line)


def test_an_unreachable_database() -> None:
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
def test_urls_of_buses(url: str, database_url: str, address: str) -> None:
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
        ("redis://:secret@h/0?colour=blue", "The options after `?` are not valid for the Redis client."),
        ("redis://:secret@h/0?socket_timeout=long", "The options after `?` are not valid for the Redis client."),
        ("postgresql://u:secret@h:port/d", "It must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE."),
        ("postgresql://u:secret@h:70000/d", "Its port must be from 1 to 65535."),
    ],
)
def test_an_invalid_broadcast_url_is_refused(url: str, message: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings.model_validate({"broadcast_url": url})
    (fault,) = refusal.value.errors()
    assert fault["msg"] == f"Value error, {message}"


def test_an_invalid_broadcast_url_is_refused_at_start() -> None:
    code, output = refused("serve", "--broadcast-url", "nats://:secret@127.0.0.1")
    assert (code, output) == (2, f"ASSAY_BROADCAST_URL (--broadcast-url): {BUSES}\n")


DATABASE = {"--data-dir", "--database-url"}
OPERATOR = DATABASE | {"--log-format"}
RETENTION = {"--keep-analyses-days", "--keep-events-days"}
LISTED = {
    "serve": {f"--{name.replace('_', '-')}" for name in Settings.model_fields},
    "worker": OPERATOR | RETENTION | {"--log-level", "--broadcast-url", "--workers", "--stop-seconds"},
    "submit": DATABASE,
    "export": DATABASE,
    "migrate": DATABASE,
    "schema": set(),
    **dict.fromkeys(("status", "workers", "pause", "resume", "concurrency", "retry", "cancel", "delete"), OPERATOR),
    "cleanup": OPERATOR | RETENTION,
}


def test_each_command_lists_its_settings_and_no_others() -> None:
    """The types guarantee that a command reads no other: its function takes the class of these settings."""
    assert COMMANDS.keys() == LISTED.keys()
    for name in COMMANDS:
        arguments = [sys.executable, "server.py", name, "--help"]
        text = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert set(re.findall(r"^  (--[a-z-]+) VALUE", text, flags=re.MULTILINE)) == LISTED[name]


def test_a_setting_of_another_command_is_refused() -> None:
    arguments = [sys.executable, "server.py", "migrate", "--port", "1"]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "unrecognized arguments: --port 1" in done.stderr
