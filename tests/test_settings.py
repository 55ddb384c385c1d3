"""The meaning of settings, and the refusal of invalid ones."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import make_url

from server import COMMANDS
from settings import Settings, misspelt, variable
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


@pytest.mark.parametrize("given", ["*", "assay.example,*.assay.test", "127.0.0.1,[::1]"])
def test_given_hosts_are_used_unchanged(given: str) -> None:
    assert Settings.model_validate({"allowed_hosts": given}).hosts == tuple(given.split(","))


@pytest.mark.parametrize(
    ("field", "given", "used"),
    [
        ("allowed_hosts", "Assay.Example", ("assay.example",)),
        ("allowed_hosts", "assay.example., my_host", ("assay.example", "my_host")),
        ("allowed_hosts", "::1,[2001:DB8:0::1]", ("[::1]", "[2001:db8::1]")),
        ("allowed_origins", "https://App.Example/", ("https://app.example",)),
        ("allowed_origins", "https://a.example:443,http://a.example:80", ("https://a.example", "http://a.example")),
        ("allowed_origins", "http://localhost:5173, http://[::1]:3000", ("http://localhost:5173", "http://[::1]:3000")),
        ("allowed_origins", "chrome-extension://abcdef", ("chrome-extension://abcdef",)),
    ],
)
def test_lists_are_used_as_requests_write_them(field: str, given: str, used: tuple[str, ...]) -> None:
    assert getattr(Settings.model_validate({field: given}), field) == used


HOSTS = "a host name without scheme, port and path, such as assay.example, *.assay.example, [::1] or *"
ORIGINS = "a scheme, a host and at most a port, such as https://app.example or http://localhost:5173"
SEVERAL = "commas separate several, without brackets and quotes."


@pytest.mark.parametrize(
    ("field", "given", "form"),
    [
        *(
            ("allowed_hosts", given, HOSTS)
            for given in (
                '["assay.example"]',
                "https://assay.example",
                "assay.example:8000",
                "[::1]:8000",
                "[127.0.0.1]",
                "assay.example/path",
                "*.example.*",
                "*assay.example",
                "assay example",
                "assay.example;other.example",
                "bücher.example",
            )
        ),
        *(
            ("allowed_origins", given, ORIGINS)
            for given in (
                '["https://app.example"]',
                "app.example",
                "app.example:443",
                "//app.example",
                "https://app.example/start",
                "https://app.example?a",
                "https://app.example#a",
                "https://user@app.example",
                "https://*.app.example",
                "https://app.example:0",
                "https://app.example:65536",
                "https://a.example https://b.example",
                "null",
            )
        ),
    ],
)
def test_a_host_or_origin_that_matches_nothing_is_refused(field: str, given: str, form: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings.model_validate({field: given})
    (fault,) = refusal.value.errors()
    assert fault["loc"] == (field,)
    assert fault["msg"] == f"Value error, {given!r} must be {form}; {SEVERAL}"


def test_all_origins_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"'\*' is refused: any page could submit and delete"):
        Settings.model_validate({"allowed_origins": "https://app.example,*"})


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("", ""),
        ("https://assay.example", "https://assay.example"),
        ("https://assay.example/", "https://assay.example"),
        ("http://[::1]:8000/tools/a%20b/", "http://[::1]:8000/tools/a%20b"),
        ("http://localhost:65535/~me", "http://localhost:65535/~me"),
    ],
)
def test_the_base_of_links_has_no_slash_at_its_end(given: str, used: str) -> None:
    assert Settings.model_validate({"public_url": given}).public_url == used


@pytest.mark.parametrize(
    "given",
    [
        "assay.example",
        "//assay.example",
        "ftp://assay.example",
        "https://",
        "https://user@assay.example",
        "https://assay.example:0",
        "https://assay.example:65536",
        "https://assay.example?a",
        "https://assay.example/#a",
        "https://assay.example/a b",
        "https://assay.example/%zz",
        "https://bücher.example",
        "javascript:alert(1)",
    ],
)
def test_a_base_of_no_links_is_refused(given: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings.model_validate({"public_url": given})
    (fault,) = refusal.value.errors()
    assert fault["loc"] == ("public_url",)
    assert fault["msg"] == (
        f"Value error, {given!r} must be http:// or https://, a host, and at most a port and a path, such as "
        "https://assay.example/tools, without user, query and fragment."
    )


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(f"ASSAY_{field.upper()}", raising=False)
    unset = Settings()
    for field in Settings.model_fields:
        monkeypatch.setenv(f"ASSAY_{field.upper()}", "")
    assert Settings() == unset


def test_misspelt_variables_are_named_with_the_nearest_setting() -> None:
    variables = ["PATH", "ASSAY_PORT", "assay_port", "ASSAY_WORKRES", "ASSAY_ALLOWED_HOST", "ASSAY_ZZZ"]
    variables += ["ASSAY_FORWARDED_ALLOW_IPS", "FORWARDED_ALLOW_IPS"]
    others = ["ASSAY_TEST_REDIS_URL", "ASSAY_URL", "ASSAYER"]
    assert misspelt([*variables, *others], [variable(Settings, field) for field in Settings.model_fields]) == [
        "ASSAY_ALLOWED_HOST is not a setting and has no effect: use ASSAY_ALLOWED_HOSTS.",
        "ASSAY_FORWARDED_ALLOW_IPS is not a setting and has no effect: use FORWARDED_ALLOW_IPS.",
        "ASSAY_WORKRES is not a setting and has no effect: use ASSAY_WORKERS.",
        "ASSAY_ZZZ is not a setting and has no effect.",
    ]


URL = "postgresql://app@h:5433/d?application_name=x"


def test_secrets_are_read_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database, bus, password = tmp_path / "database", tmp_path / "bus", tmp_path / "password"
    database.write_bytes(b"postgres://u:p%40@h/d\r\n")
    bus.write_text("redis://:secret@h/1\n")
    monkeypatch.setenv("ASSAY_DATABASE_URL_FILE", str(database))
    monkeypatch.setenv("ASSAY_DATABASE_URL", "")
    settings = Settings.model_validate({"broadcast_url_file": str(bus)})
    assert (settings.database, settings.bus) == ("postgresql+asyncpg://u:p%40@h/d", "redis://:secret@h/1")
    monkeypatch.delenv("ASSAY_DATABASE_URL_FILE")
    password.write_text("p@ss:/ w%rd#é\n")
    given = {"database_url": URL, "database_password_file": str(password)}
    settings = Settings.model_validate(given)
    assert make_url(settings.database).password == "p@ss:/ w%rd#é"
    assert settings.database == "postgresql+asyncpg://app:p%40ss%3A%2F w%25rd%23%C3%A9@h:5433/d?application_name=x"
    replaced = Settings.model_validate(given | {"database_url": "postgresql://app:old@h/d"})
    assert make_url(replaced.database).password == "p@ss:/ w%rd#é"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "must hold one line of 1 to 8,192 characters, without controls."),
        (b"\n", "must hold one line of 1 to 8,192 characters, without controls."),
        (b"se\ncret", "must hold one line of 1 to 8,192 characters, without controls."),
        (b"secret\0", "must hold one line of 1 to 8,192 characters, without controls."),
        (b"secret" * 2_000, "must hold one line of 1 to 8,192 characters, without controls."),
        (b"secret\xff", "must be text in UTF-8."),
        (None, "can't be read: No such file or directory."),
    ],
)
@pytest.mark.parametrize("name", ["database_url", "broadcast_url", "database_password"])
def test_a_file_without_a_secret_is_refused(tmp_path: Path, name: str, content: bytes | None, problem: str) -> None:
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    given = {f"{name}_file": file} | ({"database_url": URL} if name == "database_password" else {})
    with pytest.raises(ValidationError) as refusal:
        Settings.model_validate(given)
    (fault,) = refusal.value.errors()
    assert fault["msg"] == f"Value error, ASSAY_{name.upper()}_FILE: The file {file} {problem}"


@pytest.mark.parametrize("url", ["", "sqlite:////srv/x.db", "postgresql://h/d", "nonsense"])
def test_a_password_without_a_user_is_refused(tmp_path: Path, url: str) -> None:
    (tmp_path / "file").write_text("secret")
    with pytest.raises(ValidationError) as refusal:
        Settings.model_validate({"database_url": url, "database_password_file": tmp_path / "file"})
    assert "ASSAY_DATABASE_URL must be postgresql://USER@HOST/DATABASE." in str(refusal.value)


def test_refusals_at_start_are_one_line_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "url").write_text("mysql://u:secret@h/d")
    line = (
        "ASSAY_DATABASE_URL (--database-url): It must begin with postgresql:// or sqlite:///, or be empty for SQLite.\n"
    )
    assert refused("migrate", "--database-url-file", str(tmp_path / "url")) == (2, line)
    line = "ASSAY_DATABASE_URL and ASSAY_DATABASE_URL_FILE are both set: set one of them.\n"
    monkeypatch.setenv("ASSAY_DATABASE_URL", "postgresql://u:secret@h/d")
    monkeypatch.setenv("ASSAY_DATABASE_URL_FILE", str(tmp_path / "url"))
    assert refused("serve") == (2, line)
    monkeypatch.delenv("ASSAY_DATABASE_URL_FILE")
    monkeypatch.setenv("ASSAY_PORT", "tcp://10.0.0.1:8000")
    code, output = refused("serve")
    assert code == 2
    assert output.startswith("ASSAY_PORT (--port) is 'tcp://10.0.0.1:8000': it must be a whole number")
    assert output.count("\n") == 1


def test_a_misspelt_variable_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ASSAY_DATABASE_ULR", "postgresql://u:secret@h/d")
    warning = "Warning: ASSAY_DATABASE_ULR is not a setting and has no effect: use ASSAY_DATABASE_URL.\n"
    assert refused("migrate") == (0, "The database's tables are up to date.\n" + warning)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "It must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or empty for SQLite."),
        ("postgresql://u:secret@h:abc/d", "It must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or empty for"),
        ("mysql://u:secret@h/d", "It must begin with postgresql:// or sqlite:///, or be empty for SQLite."),
        ("postgresql+psycopg://u:secret@h/d", "It must begin with postgresql:// or sqlite:///, or be empty"),
        ("postgresql://u:secret@h:70000/d", "Its port must be from 1 to 65535."),
        ("postgresql://u:x@secret@h/d", "An @ in the user or the password must be written as %40."),
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
    port = ("--port", "0") if command == "serve" and "ASSAY_PORT" not in os.environ else ()
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
        ("postgresql://u:x@secret@h/d", "An @ in the user or the password must be written as %40."),
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


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ({}, ""),
        ({"database_url": "postgresql://h/d"}, ""),
        ({"broadcast_url": "redis://h/1"}, "redis://h/1"),
        ({"broadcast_url": "redis://h/1", "limits_url": "memory://"}, ""),
        ({"broadcast_url": "redis://h/1", "limits_url": "rediss://other"}, "rediss://other"),
    ],
)
def test_the_redis_of_the_limits_is_that_of_the_bus_by_default(given: dict[str, str], used: str) -> None:
    assert Settings.model_validate(given).limits_redis == used


def test_an_invalid_limits_url_is_refused_without_its_password() -> None:
    message = "It must begin with redis:// or rediss://, or be memory:// or empty."
    line = f"ASSAY_LIMITS_URL (--limits-url): {message}\n"
    assert refused("serve", "--limits-url", "postgresql://u:secret@h/d") == (2, line)
    assert refused("serve", "--limits-url", "redis://:secret@h/first") == (2, line.replace(message, REDISES))


def test_invalid_limits_are_refused_at_start() -> None:
    message = "'VIEWER' must be NAME=CAPACITY/DRAIN, such as VIEWER=50000/2000; commas separate several."
    assert refused("serve", "--limits", "VIEWER") == (2, f"ASSAY_LIMITS (--limits): {message}\n")


def test_a_proxy_that_is_everybody_is_refused_at_start() -> None:
    message = (
        "'*' must be an address or a network, such as 10.0.0.1 or 10.0.0.0/8. `*` is refused: every client could then "
        "choose its address."
    )
    line = f"FORWARDED_ALLOW_IPS (--forwarded-allow-ips): {message}\n"
    assert refused("serve", "--forwarded-allow-ips", "*") == (2, line)


DATABASE = {"--data-dir", "--database-url", "--database-url-file", "--database-password-file", "--database-connections"}
OPERATOR = DATABASE | {"--log-format"}
RETENTION = {"--keep-analyses-days", "--keep-events-days"}
USER = ("list", "invite", "deactivate", "activate", "role", "sessions")
LISTED = {
    "serve": {f"--{name.replace('_', '-')}" for name in Settings.model_fields},
    "worker": OPERATOR
    | RETENTION
    | {
        "--log-level",
        "--broadcast-url",
        "--broadcast-url-file",
        "--workers",
        "--stop-seconds",
        "--host",
        "--worker-port",
    },
    "submit": DATABASE,
    "export": DATABASE,
    "migrate": DATABASE,
    "backup": DATABASE,
    "restore": DATABASE,
    "schema": set(),
    "explain": set(),
    **dict.fromkeys(("status", "workers", "pause", "resume", "concurrency", "retry", "cancel", "delete"), OPERATOR),
    "cleanup": OPERATOR | RETENTION,
    "secret": set(),
    "check": {f"--{name.replace('_', '-')}" for name in Settings.model_fields},
    "user create": OPERATOR | {"--secret", "--secret-file"},
    "seed": OPERATOR | {"--secret", "--secret-file", "--environment"},
    **dict.fromkeys((f"user {name}" for name in USER), OPERATOR),
    **dict.fromkeys(
        ("workspace list", "workspace create", "key list", "key create", "key revoke", "audit export"), OPERATOR
    ),
}


@pytest.mark.long
def test_each_command_lists_its_settings_and_no_others() -> None:
    """The types guarantee that a command reads no other: its function takes the class of these settings."""
    assert COMMANDS.keys() == LISTED.keys()
    for name in COMMANDS:
        arguments = [sys.executable, "server.py", *name.split(), "--help"]
        text = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        _, *settings = text.split("settings, each also an environment variable:")
        assert set(re.findall(r"^  (--[a-z-]+) ", "".join(settings), flags=re.MULTILINE)) == LISTED[name]


def test_a_setting_of_another_command_is_refused() -> None:
    arguments = [sys.executable, "server.py", "migrate", "--port", "1"]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith("server.py migrate: error: there is no option --port\n")
