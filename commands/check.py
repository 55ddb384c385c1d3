"""`server.py check`: all that an operator should change before others use a server, a line for each finding.

Each check is a plain function of settings or figures. `ERROR` means that the server is not safe, or does not start.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import func, make_url, select

from access.admission import MustBeClosed, new_gate, require_no_user
from access.secrets import FILE, read_secret
from settings import Settings
from store import tables
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.preflight import Unusable, require_usable

MOST_CLOCK_SECONDS = 5.0
DEMO = "demo-"
"""The beginning of the names of demo users."""

_LOCAL = ("localhost", "127.0.0.1", "::1", "")


class Finding(NamedTuple):
    """A finding: ERROR or WARN, and a sentence with the remedy."""

    level: str
    message: str


def error(message: str) -> Finding:
    return Finding("ERROR", message)


def warning(message: str) -> Finding:
    return Finding("WARN", message)


def check_settings(settings: Settings) -> Iterator[Finding]:
    """Check the settings alone."""
    if not settings.is_loopback:
        if "*" in settings.hosts:
            yield warning("ASSAY_ALLOWED_HOSTS allows every name: set it to the names of the server.")
        if not settings.public_url.startswith("https:") and not settings.forwarded_allow_ips:
            yield warning(
                "The server speaks plain HTTP on a network: passwords can be read there, and browsers keep no session. "
                "Put a proxy with TLS in front, and set FORWARDED_ALLOW_IPS and ASSAY_PUBLIC_URL."
            )
    for origin in settings.allowed_origins:
        if _is_far(origin) and origin.startswith("http:"):
            yield warning(f"ASSAY_ALLOWED_ORIGINS has {origin}: its pages come over plain HTTP.")
    if _is_far(settings.oidc_issuer) and settings.oidc_issuer.startswith("http:"):
        yield error("ASSAY_OIDC_ISSUER is an address with http: anybody on the way can issue tokens.")
    for name, url in {"ASSAY_BROADCAST_URL": settings.bus, "ASSAY_LIMITS_URL": settings.limits_url}.items():
        if url.startswith(("redis:", "rediss:")) and _is_far(url):
            if urlsplit(url).password is None:
                yield error(f"{name}: The Redis has no password.")
            if url.startswith("redis:"):
                yield warning(f"{name}: The Redis is reached without TLS: begin the address with rediss:.")
    database = make_url(settings.database)
    if database.get_backend_name() == "postgresql" and (database.host or "") not in _LOCAL:
        if database.password is None:
            yield warning("ASSAY_DATABASE_URL has no password.")
        if database.query.get("sslmode") not in ("require", "verify-ca", "verify-full"):
            yield warning("ASSAY_DATABASE_URL does not require TLS: add `?sslmode=verify-full`.")
    if settings.key_days == 0:
        yield warning("ASSAY_KEY_DAYS is 0: API keys may never expire.")


def check_files(settings: Settings) -> Iterator[Finding]:
    """Check the permissions of the data folder and of the secret in it."""
    if settings.data_dir.exists() and stat.S_IMODE(settings.data_dir.stat().st_mode) & 0o077:
        yield warning(f"Other users of this machine can enter the data folder: `chmod 700 {settings.data_dir}`.")
    secret = settings.data_dir / FILE
    if secret.exists() and stat.S_IMODE(secret.stat().st_mode) & 0o077:
        yield error(f"Other users of this machine can read the secret: `chmod 600 {secret}`.")


def check_secret(secret: str) -> Iterator[Finding]:
    """Check the secret. `new_gate` refuses a short one."""
    for each in filter(None, map(str.strip, secret.split(","))):
        if len(set(each)) < 10 or "secret" in each.lower() or "change" in each.lower():
            yield error("ASSAY_SECRET looks like an example: take one of `python server.py secret`.")


def check_clock(now: datetime, database: datetime) -> Iterator[Finding]:
    """Compare the clock of this machine with the clock of the database."""
    seconds = abs((now - database).total_seconds())
    if seconds > MOST_CLOCK_SECONDS:
        yield error(f"The clocks of this machine and of the database differ by {seconds:,.0f} s: synchronize them.")


async def check_database(database: Database) -> list[Finding]:
    """Check users, API keys and the clock. The database has this program's tables."""
    findings = []
    user, key = tables.user, tables.api_key
    async with database.read() as connection:
        demo = select(func.count()).where(user.c.name.startswith(DEMO), user.c.is_active)
        if count := (await connection.execute(demo)).scalar_one():
            findings.append(warning(f"{count} demo users can sign in: `python server.py user deactivate NAME`."))
        lasting = select(func.count()).where(key.c.expires_at.is_(None), key.c.revoked_at.is_(None))
        if count := (await connection.execute(lasting)).scalar_one():
            findings.append(warning(f"{count} API keys never expire: `python server.py key list` shows them."))
        if not database.is_sqlite:
            found = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
            findings += check_clock(utcnow(), found)
    return findings


async def findings_of(settings: Settings) -> list[Finding]:
    """Return all findings, the errors first."""
    found = [*check_settings(settings), *check_files(settings)]
    database = Database(settings.database)
    try:
        found += check_secret(read_secret(settings))
        gate = new_gate(settings, database)
        await require_usable(settings.database, migrated=True)
        if gate is None:
            await require_no_user(database)
        found += await check_database(database)
    except (MustBeClosed, Unusable, ValueError) as refused:
        found.append(error(str(refused)))
    finally:
        await database.close()
    return sorted(found)


def check(settings: Settings) -> None:
    """Print a line for each finding. Exits with status 1 after an error."""
    found = asyncio.run(findings_of(settings))
    for level, message in found:
        print(f"{level:<5} {message}".replace(os.linesep, " "))
    if not found:
        print("Nothing was found.")
    if any(level == "ERROR" for level, _ in found):
        sys.exit(1)


def _is_far(url: str) -> bool:
    """Return whether a URL leads to another machine."""
    return bool(url) and (urlsplit(url).hostname or "") not in _LOCAL
