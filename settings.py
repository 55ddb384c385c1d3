"""Everything that can be set, by environment variables with the prefix `ASSAY_` or options of `server.py`.

Every setting stands in README's table; a test fails while one does not.
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


class Settings(BaseSettings):
    """One server's settings. Units stand in the names; the bounds are refused at start, not later."""

    model_config = SettingsConfigDict(env_prefix="ASSAY_", extra="ignore", frozen=True)

    environment: Literal["development", "production"] = Field(
        "development", description="`production` closes GET queries without a preflight header and hides suggestions."
    )
    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    data_dir: Path = Field(Path("data"), description="The folder for the SQLite database and files.")
    database_url: str = Field("", description="`postgresql://…`, or empty for SQLite in the data folder.")
    broadcast_url: str = Field(
        "",
        description="What carries news between servers and workers: `redis://…`, `rediss://…`, `postgresql://…`, or "
        "`memory://` for nothing. Empty: the database where that is PostgreSQL, and nothing on SQLite.",
    )
    workers: int = Field(3, ge=0, le=256, description="Analyses that run at once in this server; 0 runs none.")
    log_format: Literal["console", "json"] = Field("console", description="How log lines look.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least level that is logged."
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins of other sites whose pages may call this server, separated by commas."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Host names that requests may name, separated by commas; `*` allows all. Empty: the loopback names "
        "where the server listens on a loopback address, and all where it does not.",
    )
    max_body_bytes: int = Field(10_000_000, ge=1_000, description="The largest request body.")
    operation_timeout_seconds: float = Field(
        30,
        gt=0,
        le=3600,
        description="The longest that a query or mutation may take, beyond what it asks to wait, and a subscription to "
        "begin.",
    )
    max_sockets: int = Field(
        12_000, ge=1, description="WebSockets that are open at once in this server, and as many HTTP streams."
    )
    max_sockets_per_address: int = Field(1_000, ge=0, description="The same of one client address; 0 is no limit.")
    max_socket_operations: int = Field(100, ge=1, description="Operations that run at once on one WebSocket.")
    socket_init_seconds: float = Field(
        10, gt=0, le=3600, description="The time in which a WebSocket's client must initialise the connection."
    )
    socket_unsent_bytes: int = Field(
        262_144, ge=4_096, description="What waits for a WebSocket's client to read it, before it is too slow."
    )
    socket_send_seconds: float = Field(
        10, gt=0, le=3600, description="How long a subscriber may be too slow before it is closed."
    )
    keep_analyses_days: int = Field(
        0, ge=0, le=36_500, description="Days for which analyses and batches are kept after their end; 0 is for ever."
    )
    keep_events_days: int = Field(
        0, ge=0, le=36_500, description="Days for which the event log goes back; 0 is to its beginning."
    )
    stop_seconds: float = Field(8, gt=0, le=300, description="The time that running work has to end after SIGTERM.")

    @field_validator("allowed_origins", "allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: str) -> str:
        if value:
            _require_database(value, "It must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or empty for SQLite.")
        return value

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
    def hosts(self) -> tuple[str, ...]:
        """The host names that requests may name.

        A page of another site can have its own name lead to 127.0.0.1 (DNS rebinding), and is then of the same origin
        as this server: only the name in `Host` gives it away.
        """
        if self.allowed_hosts:
            return self.allowed_hosts
        if not _is_loopback(self.host):
            return ("*",)
        own = f"[{self.host}]" if ":" in self.host else self.host
        return tuple(dict.fromkeys(("localhost", "127.0.0.1", "[::1]", own)))

    @property
    def database(self) -> str:
        """The database's address in SQLAlchemy's form, with the async driver named."""
        return _with_driver(self.database_url or f"sqlite:///{self.data_dir / 'assay.db'}")

    @property
    def bus(self) -> str:
        """The address of what carries news between instances: what is set, or else the database if it can."""
        if self.broadcast_url:
            return _with_driver(self.broadcast_url)
        return "memory://" if self.database.startswith("sqlite") else self.database


def _with_driver(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{_DRIVERS.get(scheme, scheme)}://{rest}"


# Nothing of a value is in a message: it can hold a password. What these import few need, and sandbox processes load
# this module too.


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
    # The client takes any other path for the database 0.
    if not url.hostname or not (url.path in ("", "/") or url.path[1:].isdecimal()):
        raise ValueError(form)
    try:
        ConnectionPool.from_url(value).make_connection()
    except Exception:  # whatever the client says of an option that it doesn't know, or of its value
        raise ValueError("What stands behind its `?` are no options of the Redis client.") from None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
