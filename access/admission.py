"""Open or closed: whether each caller is the local administrator, or needs a credential.

A server without a secret and without an issuer is open. Only a development server on a loopback address, whose database
has no user, may be open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from access.gate import Gate
from access.issuer import Issuer
from access.secrets import keys_of, new_secret, read_secret
from access.tokens import AccessTokens
from store.access.users import any_user
from store.sql.database import Database

if TYPE_CHECKING:
    from settings import Settings

COMMANDS = """\
export ASSAY_SECRET=$(python server.py secret)
python server.py user create NAME --administrator"""
"""The commands that close a server."""


class MustBeClosed(Exception):
    """The server has no secret and no issuer, and may not be open. The message has the reason and the commands."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason} requires sign-in. Run these commands before the server:\n{COMMANDS}")


def new_gate(settings: Settings, database: Database) -> Gate | None:
    """Return the gate of a closed server; None for an open one.

    Raises MustBeClosed, and ValueError for an invalid secret, issuer or algorithm.
    """
    secret = read_secret(settings)
    issuer = None
    if settings.oidc_issuer:
        issuer = Issuer(settings.oidc_issuer, settings.oidc_audience, settings.oidc_algorithms)
    if secret or issuer is not None:
        # Without a secret, nobody knows the key: no token of Assay itself is valid.
        return Gate(database, AccessTokens(keys_of(secret or new_secret())), issuer)
    if not settings.is_loopback:
        raise MustBeClosed(f"A server on the address {settings.host}" if settings.host else "A server on every address")
    if settings.environment == "production":
        raise MustBeClosed("A server in production")
    return None


async def require_admissible(settings: Settings) -> None:
    """Raise as `new_gate` and `require_no_user` do, before a server starts."""
    database = Database(settings.database)
    try:
        if new_gate(settings, database) is None:
            await require_no_user(database)
    finally:
        await database.close()


async def require_no_user(database: Database) -> None:
    """Raise MustBeClosed if the database has a user: its data is not for everybody."""
    async with database.read() as connection:
        if await any_user(connection):
            raise MustBeClosed("A database with users")
