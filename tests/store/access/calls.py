"""Calls of the store's functions, each in a transaction of its own, and users to call them with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from store.access.changes import changes_after
from store.access.memberships import set_role
from store.access.sessions import Client, start_session
from store.access.users import NewUser, create_user
from store.sql.database import Database
from store.tables import Role, SignInRow, UserRow
from tests.resolvers.rows import NOW


@dataclass(frozen=True)
class Caller:
    """A `store.access.memberships.Reader`."""

    workspace: str
    user_id: str | None
    credential_id: str | None = None
    is_administrator: bool = False


T = TypeVar("T")
P = ParamSpec("P")
Function = Callable[Concatenate[AsyncConnection, P], Awaitable[T]]


async def write(database: Database, function: Function[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Call a function that writes."""
    async with database.write() as connection:
        return await function(connection, *arguments, **named)


async def read(database: Database, function: Function[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Call a function that reads."""
    async with database.read() as connection:
        return await function(connection, *arguments, **named)


async def outcomes(*calls: Awaitable[Any]) -> list[Any]:
    """Make the calls at the same time. Returns their results, or errors."""
    return await asyncio.gather(*calls, return_exceptions=True)


async def new_user(database: Database, name: str, role: Role | None = None, **values: Any) -> UserRow:
    """Create a user, with this role in the first workspace."""
    user = await write(database, create_user, NewUser(name=name, **values), NOW)
    if role is not None:
        await write(database, set_role, "default", user.id, role, NOW)
    return user


async def signed_in(database: Database, user: UserRow, token: str, now: datetime = NOW) -> SignInRow:
    """Start a session with this text as the hash of its first refresh token."""
    session = await write(database, start_session, user.id, token, Client(), now)
    assert session is not None
    return session


async def changes(database: Database, number: int = 0) -> list[tuple[str, str | None]]:
    """Return the subject and the user of the changes after this number."""
    return [(row.subject_id, row.user_id) for row in await read(database, changes_after, number)]
