"""All settings: environment variables with the prefix `ASSAY_`, and options of `server.py`.

The classes group the settings by the commands that read them. README's table lists every setting, which a test
requires.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import cache
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
}


SECRETS = frozenset({"database_url", "broadcast_url", "limits_url", "secret", "metrics_token"})
"""Settings that are secret or can hold a password: no message shows their values."""

MAX_SECRET_BYTES = 8_192

OTHERS = ("ASSAY_TEST_", "ASSAY_URL")
"""Beginnings of variables that other programs of this repository read: tests and examples."""

_HOST = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?/?")
# Of a path, the characters of RFC 3986 without encoding, and encoded bytes.
_BASE = re.compile(
    r"(https?)://([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?((?:/(?:[\w.~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*)",
    re.ASCII,
)
_PORTS = {"http": "80", "https": "443"}


class NoSettings(BaseSettings):
    """The base of all settings, and the settings of a command without any. An empty variable counts as not set."""

    model_config = SettingsConfigDict(env_prefix="ASSAY_", env_ignore_empty=True, extra="ignore", frozen=True)


class DatabaseSettings(NoSettings):
    """The database, and the folder of all files."""

    data_dir: Path = Field(Path("data"), description="The folder for the SQLite database and files.")
    database_url: str = Field("", description="`postgresql://…`, or empty for SQLite in the data folder.")
    database_connections: int = Field(
        20, ge=4, le=1_000, description="Most connections of this process to PostgreSQL, with those that listen."
    )

    database_url_file: Path | None = Field(None, description="A file with the value of ASSAY_DATABASE_URL.")
    database_password_file: Path | None = Field(
        None, description="A file with the password of the user in ASSAY_DATABASE_URL."
    )

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, given: dict[str, Any]) -> dict[str, Any]:
        given = {**_with_file(given, "database_url")}
        if file := given.get("database_password_file"):
            variable = "ASSAY_DATABASE_PASSWORD_FILE"
            given["database_url"] = _with_password(given.get("database_url"), _read_secret(variable, file))
        return given

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


class SecretSettings(NoSettings):
    """The secret of the installation."""

    secret: str = Field(
        "",
        description="The secret of the installation, at least 32 bytes; several are separated by commas, the newest "
        "first. Empty: the file `secret` in the data folder on SQLite, if there is one.",
    )
    secret_file: Path | None = Field(None, description="A file with the value of ASSAY_SECRET.")

    @model_validator(mode="before")
    @classmethod
    def _read_secret_file(cls, given: dict[str, Any]) -> dict[str, Any]:
        return _with_file(given, "secret")


class EnvironmentSettings(NoSettings):
    """The kind of the installation."""

    environment: Literal["development", "production"] = Field(
        "development",
        description="`production` closes GET queries without a preflight header, except persisted ones, and hides "
        "suggestions.",
    )


class NewUserSettings(SecretSettings, OperatorSettings):
    """The settings of a command that creates users, and a secret if there is none."""


class SeedSettings(EnvironmentSettings, NewUserSettings):
    """The settings of a command that creates demo users."""


class WorkerSettings(RetentionSettings, LogSettings, DatabaseSettings):
    """The settings of a worker, with or without a server."""

    broadcast_url: str = Field(
        "",
        description="The bus that wakes servers and workers: `redis://…`, `rediss://…`, `postgresql://…`, or "
        "`memory://` for none. Empty: the database if it is PostgreSQL, and none on SQLite.",
    )
    broadcast_url_file: Path | None = Field(None, description="A file with the value of ASSAY_BROADCAST_URL.")
    workers: int = Field(3, ge=0, le=256, description="Concurrent analyses in this server; 0 runs none.")
    stop_seconds: float = Field(8, gt=0, le=300, description="The time for running work to end after SIGTERM.")

    @model_validator(mode="before")
    @classmethod
    def _read_bus_file(cls, given: dict[str, Any]) -> dict[str, Any]:
        return _with_file(given, "broadcast_url")

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


class HostSettings(NoSettings):
    """The address of a port."""

    host: str = Field("127.0.0.1", description="The address to listen on.")

    @property
    def is_loopback(self) -> bool:
        """Return whether only programs on this machine can reach the port."""
        return _is_loopback(self.host)


class AccessSettings(SecretSettings):
    """The credentials that a server accepts. A server with a secret or an issuer is closed: its callers sign in."""

    admin_password_file: Path | None = Field(
        None,
        description="A file with the password of the administrator `admin`, whom the first start without users "
        "creates.",
    )
    metrics_token: str = Field(
        "", description="The Bearer token that /metrics of a closed server requires. Empty: /metrics is refused there."
    )
    metrics_token_file: Path | None = Field(None, description="A file with the value of ASSAY_METRICS_TOKEN.")
    oidc_issuer: str = Field(
        "", description="The address of an OpenID Connect issuer, whose access tokens are accepted too."
    )
    oidc_audience: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="The audiences of the issuer's tokens for this server, separated by commas."
    )
    oidc_algorithms: Annotated[tuple[str, ...], NoDecode] = Field(
        ("RS256", "ES256"), description="The algorithms of the issuer's signatures, separated by commas."
    )

    @model_validator(mode="before")
    @classmethod
    def _read_access_files(cls, given: dict[str, Any]) -> dict[str, Any]:
        return _with_file(given, "metrics_token")

    @field_validator("oidc_audience", "oidc_algorithms", mode="before")
    @classmethod
    def _split_oidc(cls, value: object) -> object:
        return _parts(value)

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://")):
            raise ValueError(f"{value!r} must be an address with https:// or http://.")
        return value

    @property
    def admin_password(self) -> str:
        """Return the password of the first administrator; empty for none. Raises ValueError."""
        file = self.admin_password_file
        return "" if file is None else _read_secret("ASSAY_ADMIN_PASSWORD_FILE", file)

    @model_validator(mode="after")
    def _has_admin_password(self) -> AccessSettings:
        _ = self.admin_password
        return self

    @model_validator(mode="after")
    def _has_audience(self) -> AccessSettings:
        if self.oidc_issuer and not self.oidc_audience:
            raise ValueError("ASSAY_OIDC_ISSUER is set: set ASSAY_OIDC_AUDIENCE too.")
        return self


class WorkerCommandSettings(HostSettings, WorkerSettings):
    """The settings of a worker without a server."""

    worker_port: int = Field(
        0, ge=0, le=65535, description="The port of a worker for /health/live, /health/ready and /metrics; 0 is none."
    )


class Settings(EnvironmentSettings, AccessSettings, HostSettings, WorkerSettings):
    """All settings: those of a server. Names have the units. Values out of bounds are refused at start."""

    port: int = Field(8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    keep_alive_seconds: int = Field(
        75, ge=1, le=3600, description="The time after which an idle HTTP connection is closed."
    )
    drain_seconds: float = Field(
        0,
        ge=0,
        le=300,
        description="The time after SIGTERM for which the server serves all requests and is not ready, before it "
        "stops.",
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins of other sites whose pages may call this server, separated by commas."
    )
    public_url: str = Field(
        "",
        description="Base of absolute links to this server, such as https://assay.example/tools; empty if unknown.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Host names that requests may use, separated by commas; `*` allows all. Empty: the loopback names "
        "if the server listens on a loopback address, otherwise all.",
    )
    forwarded_allow_ips: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        validation_alias="forwarded_allow_ips",  # the variable of uvicorn and others, without the prefix
        description="Addresses and networks of the proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are "
        "believed, separated by commas. Empty: none.",
    )
    trusted_documents: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Manifests of trusted documents, separated by commas."
    )
    trusted_documents_only: bool = Field(
        False, description="Whether nothing but trusted documents and the operations of the dashboard run."
    )
    max_body_bytes: int = Field(
        10_000_000, ge=1_000, description="The largest request body, before and after the inflation of gzip."
    )
    max_answer_bytes: int = Field(
        32 * 1024 * 1024,
        ge=1_000_000,
        description="The largest answer to an operation, or to one event of a subscription.",
    )
    answer_cache_bytes: int = Field(
        32 * 1024 * 1024, ge=0, description="Memory of the cache of answers about ended analyses; 0 keeps none."
    )
    operation_timeout_seconds: float = Field(
        30,
        gt=0,
        le=3600,
        description="The longest time for a query or mutation, in addition to its own wait, and for the start of a "
        "subscription.",
    )
    max_cost: int = Field(
        20_000,
        ge=0,
        description="The largest cost of an operation in points, about one for each object that it reads; 0 means no "
        "limit.",
    )
    key_days: int = Field(
        365, ge=0, le=36_500, description="The longest lifetime of a new API key in days; 0 means no limit."
    )
    limits: str = Field(
        "",
        description="Changes to the limits of use, such as `VIEWER=50000/2000`: points of a full bucket, and points "
        "restored per second. Commas separate several.",
    )
    limits_url: str = Field(
        "",
        description="The Redis that shares the limits of use between servers: `redis://…`, `rediss://…`, or "
        "`memory://` for none. Empty: the bus if it is Redis, and none otherwise.",
    )
    slow_ms: int = Field(
        0, ge=0, le=3_600_000, description="Milliseconds from which an operation is logged as slow; 0 logs none."
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

    @field_validator("allowed_origins", "allowed_hosts", "forwarded_allow_ips", "trusted_documents", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return _parts(value)

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_host, value))

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_origin, value))

    @field_validator("limits")
    @classmethod
    def _are_limits(cls, value: str) -> str:
        from access.rules import parse_rules

        parse_rules(value)
        return value

    @field_validator("limits_url")
    @classmethod
    def _is_redis(cls, value: str) -> str:
        if value.startswith(("redis:", "rediss:")):
            _require_redis(value)
        elif value not in ("", "memory://"):
            raise ValueError("It must begin with redis:// or rediss://, or be memory:// or empty.")
        return value

    @field_validator("public_url")
    @classmethod
    def _is_base(cls, value: str) -> str:
        match = _BASE.fullmatch(value)
        if value and (match is None or (match[3] and not 0 < int(match[3]) <= 65535)):
            form = "http:// or https://, a host, and at most a port and a path, such as https://assay.example/tools"
            raise ValueError(f"{value!r} must be {form}, without user, query and fragment.")
        return value.rstrip("/")

    @field_validator("forwarded_allow_ips")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            try:
                ip_network(each)
            except ValueError:
                raise ValueError(
                    f"{each!r} must be an address or a network, such as 10.0.0.1 or 10.0.0.0/8. `*` is refused: every "
                    "client could then choose its address."
                ) from None
        return value

    @model_validator(mode="after")
    def _has_trusted_documents(self) -> Settings:
        if self.trusted_documents_only and not self.trusted_documents:
            raise ValueError("ASSAY_TRUSTED_DOCUMENTS_ONLY is set: set ASSAY_TRUSTED_DOCUMENTS too.")
        return self

    @property
    def limits_redis(self) -> str:
        """Return the URL of the Redis that shares the limits of use; empty if each server has its own."""
        url = self.limits_url or self.bus
        return url if url.startswith(("redis:", "rediss:")) else ""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Return the host names that requests may use in `Host`.

        Another site can point its own name to 127.0.0.1 (DNS rebinding). Its pages then have the same origin as this
        server, and only the name in `Host` tells them apart.
        """
        if self.allowed_hosts:
            return self.allowed_hosts
        if not self.is_loopback:
            return ("*",)
        own = f"[{self.host}]" if ":" in self.host else self.host
        return tuple(dict.fromkeys(("localhost", "127.0.0.1", "[::1]", own)))


def misspelt(variables: Iterable[str], names: Sequence[str]) -> list[str]:
    """Return a message for each variable that begins with ASSAY_ and is none of these names, with the nearest."""
    messages = []
    for variable in sorted(set(variables)):
        name = variable.upper()
        if name.startswith("ASSAY_") and name not in names and not name.startswith(OTHERS):
            near = get_close_matches(name, names, n=1, cutoff=0.7)
            messages.append(f"{variable} is not a setting and has no effect{f': use {near[0]}' if near else ''}.")
    return messages


def _parts(value: object) -> object:
    """Return the parts of a text with commas, or any other value as it is."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _host(given: str) -> str:
    """Return a host name of `allowed_hosts` as requests write it, in lower case. Raises ValueError."""
    host = given.lower().removesuffix(".")
    if host == "*" or _HOST.fullmatch(host):
        return host
    try:
        return f"[{IPv6Address(host.removeprefix('[').removesuffix(']')).compressed}]"
    except ValueError:
        form = "a host name without scheme, port and path, such as assay.example, *.assay.example, [::1] or *"
        raise ValueError(f"{given!r} must be {form}; commas separate several, without brackets and quotes.") from None


def _origin(given: str) -> str:
    """Return an origin as browsers write it, without the default port of its scheme. Raises ValueError."""
    if given == "*":
        raise ValueError("'*' is refused: any page could submit and delete. List each origin: https://app.example.")
    match = _ORIGIN.fullmatch(given.lower())
    if match is None or (match[3] and not 0 < int(match[3]) <= 65535):
        form = "a scheme, a host and at most a port, such as https://app.example or http://localhost:5173"
        raise ValueError(f"{given!r} must be {form}; commas separate several, without brackets and quotes.")
    scheme, host, port = match.groups()
    return f"{scheme}://{host}" + (f":{int(port)}" if port and port != _PORTS.get(scheme) else "")


def _with_file(given: dict[str, Any], setting: str) -> dict[str, Any]:
    """Return the settings with this one from its file, if one is given. Raises ValueError."""
    file, variable = given.get(f"{setting}_file"), f"ASSAY_{setting.upper()}"
    if not file:
        return given
    if given.get(setting):
        raise ValueError(f"{variable} and {variable}_FILE are both set: set one of them.")
    return given | {setting: _read_secret(f"{variable}_FILE", file)}


def _read_secret(variable: str, file: Path | str) -> str:
    """Return the only line of a file, without its end. Raises ValueError, with no part of the line."""
    try:
        with open(file, "rb") as opened:
            text = opened.read(MAX_SECRET_BYTES + 1).decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise ValueError(f"{variable}: The file {file} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ValueError(f"{variable}: The file {file} must be text in UTF-8.") from None
    if not text or len(text) > MAX_SECRET_BYTES or not text.isprintable():
        raise ValueError(
            f"{variable}: The file {file} must hold one line of 1 to {MAX_SECRET_BYTES:,} characters, without controls."
        )
    return text


def variable(settings: type[BaseSettings], field: str) -> str:
    """Return the environment variable of a setting."""
    return field.upper() if settings.model_fields[field].validation_alias else f"ASSAY_{field.upper()}"


@cache
def version() -> str:
    """Return the version of the program, from `pyproject.toml` beside it."""
    found: str = tomllib.loads(Path(__file__).with_name("pyproject.toml").read_text("utf-8"))["project"]["version"]
    return found


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
    if "@" in (url.host or ""):  # its part of the password would be shown as the host
        raise ValueError("An @ in the user or the password must be written as %40.")
    if url.port is not None and not 0 < url.port <= 65535:
        raise ValueError("Its port must be from 1 to 65535.")
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise ValueError("A SQLite database must be a file, sqlite:///PATH.")


def _with_password(url: Any, password: str) -> str:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parts = make_url(url or "")
    except (ArgumentError, ValueError):
        parts = None
    if parts is None or not parts.username:
        raise ValueError("ASSAY_DATABASE_PASSWORD_FILE: ASSAY_DATABASE_URL must be postgresql://USER@HOST/DATABASE.")
    return parts.set(password=password).render_as_string(hide_password=False)


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
