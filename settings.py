"""All settings: environment variables with the prefix `ASSAY_`, and options of `server.py`.

The classes group the settings by the commands that read them. README's table lists every setting, which a test
requires.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
}


class NoSettings(BaseSettings):
    """The base of all settings, and the settings of a command without any."""

    model_config = SettingsConfigDict(env_prefix="ASSAY_", extra="ignore", frozen=True)


class DatabaseSettings(NoSettings):
    """The database, and the folder of all files."""

    data_dir: Path = Field(Path("data"), description="The folder for the SQLite database and files.")
    database_url: str = Field("", description="`postgresql://…`, or empty for SQLite in the data folder.")

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: str) -> str:
        if value:
            _require_database(value, "It must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or empty for SQLite.")
        return value

    @property
    def database(self) -> str:
        """Return the database's URL for SQLAlchemy, with the async driver."""
        return _with_driver(self.database_url or f"sqlite:///{self.data_dir / 'assay.db'}")


class LogFormatSettings(NoSettings):
    """The format of the log."""

    log_format: Literal["console", "json"] = Field("console", description="The format of log lines.")


class LogSettings(LogFormatSettings):
    """The format and the level of the log."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The lowest level that is logged."
    )


class RetentionSettings(NoSettings):
    """The time for which analyses and events are kept."""

    keep_analyses_days: int = Field(
        0, ge=0, le=36_500, description="Days to keep analyses and batches after their end; 0 keeps them forever."
    )
    keep_events_days: int = Field(0, ge=0, le=36_500, description="Days to keep events; 0 keeps them forever.")


class OperatorSettings(LogFormatSettings, DatabaseSettings):
    """The settings of an operator's command."""


class CleanupSettings(RetentionSettings, OperatorSettings):
    """The settings of a clean-up."""


class WorkerSettings(RetentionSettings, LogSettings, DatabaseSettings):
    """The settings of a worker, with or without a server."""

    broadcast_url: str = Field(
        "",
        description="The bus that wakes servers and workers: `redis://…`, `rediss://…`, `postgresql://…`, or "
        "`memory://` for none. Empty: the database if it is PostgreSQL, and none on SQLite.",
    )
    workers: int = Field(3, ge=0, le=256, description="Concurrent analyses in this server; 0 runs none.")
    stop_seconds: float = Field(8, gt=0, le=300, description="The time for running work to end after SIGTERM.")

    @field_validator("broadcast_url")
    @classmethod
    def _is_bus(cls, value: str) -> str:
        scheme = value.partition(":")[0]
        if scheme in ("redis", "rediss"):
            _require_redis(value)
        elif scheme in ("postgres", "postgresql", "postgresql+asyncpg"):
            _require_database(value, "It must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE.")
        elif value not in ("", "memory://"):
            raise ValueError("It must begin with redis://, rediss:// or postgresql://, or be memory:// or empty.")
        return value

    @property
    def bus(self) -> str:
        """Return the bus's URL: `broadcast_url`, or the database if it is PostgreSQL, or `memory://`."""
        if self.broadcast_url:
            return _with_driver(self.broadcast_url)
        return "memory://" if self.database.startswith("sqlite") else self.database


class Settings(WorkerSettings):
    """All settings: those of a server. Names have the units. Values out of bounds are refused at start."""

    environment: Literal["development", "production"] = Field(
        "development", description="`production` closes GET queries without a preflight header and hides suggestions."
    )
    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins of other sites whose pages may call this server, separated by commas."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Host names that requests may use, separated by commas; `*` allows all. Empty: the loopback names "
        "if the server listens on a loopback address, otherwise all.",
    )
    max_body_bytes: int = Field(10_000_000, ge=1_000, description="The largest request body.")
    operation_timeout_seconds: float = Field(
        30,
        gt=0,
        le=3600,
        description="The longest time for a query or mutation, in addition to its own wait, and for the start of a "
        "subscription.",
    )
    max_sockets: int = Field(
        12_000, ge=1, description="Most open WebSockets of this server, and most open HTTP streams."
    )
    max_sockets_per_address: int = Field(1_000, ge=0, description="The same for one client address; 0 means no limit.")
    max_socket_operations: int = Field(100, ge=1, description="Most concurrent operations on one WebSocket.")
    socket_init_seconds: float = Field(
        10, gt=0, le=3600, description="The time until a WebSocket's client must have sent `connection_init`."
    )
    socket_unsent_bytes: int = Field(
        262_144, ge=4_096, description="Unsent bytes of a WebSocket, above which its client counts as slow."
    )
    socket_send_seconds: float = Field(
        10, gt=0, le=3600, description="The longest time for a subscriber to be slow before it is disconnected."
    )

    @field_validator("allowed_origins", "allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @property
    def hosts(self) -> tuple[str, ...]:
        """Return the host names that requests may use in `Host`.

        Another site can point its own name to 127.0.0.1 (DNS rebinding). Its pages then have the same origin as this
        server, and only the name in `Host` tells them apart.
        """
        if self.allowed_hosts:
            return self.allowed_hosts
        if not _is_loopback(self.host):
            return ("*",)
        own = f"[{self.host}]" if ":" in self.host else self.host
        return tuple(dict.fromkeys(("localhost", "127.0.0.1", "[::1]", own)))


def _with_driver(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{_DRIVERS.get(scheme, scheme)}://{rest}"


# The messages contain no part of a value, which can have a password. The imports are inside the functions, because
# sandbox processes load this module and don't need them.


def _require_database(value: str, form: str) -> None:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        raise ValueError(form) from None
    if url.drivername not in _DRIVERS and url.drivername not in _DRIVERS.values():
        raise ValueError("It must begin with postgresql:// or sqlite:///, or be empty for SQLite.")
    if url.port is not None and not 0 < url.port <= 65535:
        raise ValueError("Its port must be from 1 to 65535.")
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise ValueError("A SQLite database must be a file, sqlite:///PATH.")


def _require_redis(value: str) -> None:
    from urllib.parse import urlsplit

    from redis.asyncio import ConnectionPool

    form = "It must be redis://USER:PASSWORD@HOST:PORT/NUMBER, or the same with rediss:// for TLS."
    try:
        url = urlsplit(value)
        port = url.port
    except ValueError:
        raise ValueError(form) from None
    if port == 0:
        raise ValueError("Its port must be from 1 to 65535.")
    # The client reads any other path as database 0.
    if not url.hostname or not (url.path in ("", "/") or url.path[1:].isdecimal()):
        raise ValueError(form)
    try:
        ConnectionPool.from_url(value).make_connection()
    except Exception:  # the client has no common class for invalid options
        raise ValueError("The options after `?` are not valid for the Redis client.") from None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
