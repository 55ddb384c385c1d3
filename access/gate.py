"""The gate: the caller of each request, by its credential.

A recognized credential is remembered, so that most requests need neither a signature's check nor a statement. It is
forgotten with a change of access (`store.access.changes`), which every instance reads within a second, and after a
minute. Open sockets and streams are told of changes too, and ask again.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from access.issuer import Issuer
from access.opaque import Kind, digest_of, is_token
from access.tokens import LONGEST, AccessTokens, ExpiredToken
from store.access.changes import changes_after, last_change
from store.access.identities import Place, UserIdentity, identify_external, identify_key, identify_session
from store.access.workspaces import workspace_by_slug, workspaces_by_id, workspaces_by_key
from store.sql.clock import utcnow
from store.sql.viewer import ANONYMOUS, DEFAULT_WORKSPACE, Role, Viewer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from store.sql.database import Database

REMEMBERED_SECONDS = 60.0
MOST_REMEMBERED = 10_000
"""How long a credential is remembered, and how many."""

POLL_SECONDS = 1.0
"""Interval of reads of the changes without an announcement: the time by which a lost one is late."""

MOST_READ = 1_000
"""Changes of one read."""

READ_SECONDS = 0.9
"""Time limit of a read of the changes. Nothing is remembered while they can't be read."""

EXPIRED = "The access token has expired: refresh it."

_SCHEME = "bearer "
_NAME = re.compile(r"[0-9A-Za-z_-]{1,100}")

log = structlog.stdlib.get_logger(__name__)


class NotRecognized(Exception):
    """The credential is not valid. `expired` if the client should refresh it and try again."""

    def __init__(self, message: str, *, expired: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.expired = expired


class NoSuchWorkspace(Exception):
    """The workspace does not exist, or the caller is not a member: both look the same."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A recognized credential: its user or key, its workspaces, and its end."""

    name: str
    user_id: str
    credential_id: str
    is_administrator: bool
    places: Sequence[Place]
    expires_at: datetime | None

    def viewer(self, workspace: str | None) -> Viewer:
        """Return the viewer in a workspace by its slug or id, by default the first one. Raises NoSuchWorkspace."""
        for place in self.places:
            if workspace in (None, place.slug, place.workspace_id):
                return Viewer(
                    name=self.name,
                    workspace=place.workspace,
                    role=place.role,
                    is_administrator=self.is_administrator,
                    user_id=self.user_id,
                    credential_id=self.credential_id,
                )
        raise NoSuchWorkspace


class Gate:
    """Recognizes callers. `run` must run: until its first read, nothing is remembered."""

    def __init__(self, database: Database, tokens: AccessTokens, issuer: Issuer | None = None) -> None:
        self._database = database
        self._tokens = tokens
        self._issuer = issuer
        self._remembered: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()
        self._of: dict[str, set[bytes]] = {}
        """The remembered credentials by the ids of their users, sessions, keys and workspaces."""
        self._watches: dict[str, dict[Hashable, Callable[[], None]]] = {}
        self._number: int | None = None
        """The last change that was read; None if the changes can't be read."""
        self._generation = 0
        self._wake = asyncio.Event()

    async def viewer(self, authorization: str | None, workspace: str | None) -> Viewer:
        """Return the viewer of a request by its `Authorization` header and the slug or id of a workspace.

        Without a header, the anonymous viewer. Raises NotRecognized, NoSuchWorkspace and IssuerUnavailable.
        """
        if not authorization:
            return ANONYMOUS
        caller = self.remembered(authorization) or await self.recognize(authorization)
        try:
            return caller.viewer(workspace)
        except NoSuchWorkspace:
            if not caller.is_administrator:
                raise
        async with self._database.read() as connection:
            place = await _place(connection, workspace)
        if place is None:
            raise NoSuchWorkspace
        return replace(caller, places=[place]).viewer(None)

    def remembered(self, authorization: str) -> Caller | None:
        """Return the caller if it is remembered. Takes no time worth a task."""
        key = _key_of(authorization)
        found = self._remembered.get(key)
        if found is None:
            return None
        until, caller = found
        if monotonic() >= until or (caller.expires_at is not None and utcnow() >= caller.expires_at):
            self._forget([key])
            return None
        self._remembered.move_to_end(key)
        return caller

    async def recognize(self, authorization: str) -> Caller:
        """Return the caller by checks and a statement. Raises NotRecognized and IssuerUnavailable."""
        generation = self._generation
        caller = await self._recognize(_credential(authorization))
        if generation == self._generation and self._number is not None:
            self._remember(_key_of(authorization), caller)
        return caller

    def watch(self, caller: Viewer | Caller, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` after each change of access that may concern a caller. Returns the end of the watch.

        While the changes can't be read, it is called after each interval: a caller whose right is doubtful asks again.
        """
        key = object()
        subjects = [each for each in (caller.user_id, caller.credential_id) if each is not None]
        for subject in subjects:
            self._watches.setdefault(subject, {})[key] = changed

        def end() -> None:
            for subject in subjects:
                watches = self._watches.get(subject, {})
                watches.pop(key, None)
                if not watches:
                    self._watches.pop(subject, None)

        return end

    def hear(self, news: frozenset[str]) -> None:
        """Read the changes now, after an announcement by this instance or another."""
        if "access" in news:
            self.wake()

    def wake(self) -> None:
        """Read the changes now."""
        self._wake.set()

    async def run(self) -> None:
        """Read the changes until cancelled."""
        while True:
            try:
                async with asyncio.timeout(READ_SECONDS):
                    await self._read()
            except Exception:
                if self._number is not None:
                    log.exception("changes of access can't be read: nothing is remembered", retry_seconds=POLL_SECONDS)
                self._lose()
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wake.wait()
            self._wake.clear()

    async def _read(self) -> None:
        async with self._database.read() as connection:
            if self._number is None:
                self._number = await last_change(connection)
                return
            changes = await changes_after(connection, self._number, MOST_READ)
        for change in changes:
            self._number = change.number
            self._change([each for each in (change.subject_id, change.user_id) if each is not None])
        if len(changes) == MOST_READ:
            self.wake()

    def _lose(self) -> None:
        """Forget all: changes may have been missed."""
        self._number = None
        self._generation += 1
        self._forget(list(self._remembered))
        for watches in list(self._watches.values()):
            for changed in list(watches.values()):
                changed()

    def _change(self, subjects: Sequence[str]) -> None:
        self._generation += 1
        for subject in subjects:
            self._forget(list(self._of.get(subject, ())))
            for changed in list(self._watches.get(subject, {}).values()):
                changed()

    def _remember(self, key: bytes, caller: Caller) -> None:
        self._remembered[key] = monotonic() + REMEMBERED_SECONDS, caller
        for subject in _subjects(caller):
            self._of.setdefault(subject, set()).add(key)
        if len(self._remembered) > MOST_REMEMBERED:
            self._forget([next(iter(self._remembered))])

    def _forget(self, keys: Sequence[bytes]) -> None:
        for key in keys:
            _, caller = self._remembered.pop(key)
            for subject in _subjects(caller):
                remembered = self._of[subject]
                remembered.discard(key)
                if not remembered:
                    del self._of[subject]

    async def _recognize(self, credential: str) -> Caller:
        if credential.startswith(Kind.API_KEY):
            return await self._by_key(credential)
        now = utcnow()
        try:
            token = self._tokens.verify(credential, now)
        except ExpiredToken:
            raise NotRecognized(EXPIRED, expired=True) from None
        if token is not None:
            async with self._database.read() as connection:
                user = await identify_session(connection, token.session_id, now)
            if user is None or user.id != token.user_id:
                raise NotRecognized("The session has ended: sign in again.")
            return _of_user(user, token.session_id, token.expires_at)
        if self._issuer is not None:
            return await self._by_issuer(self._issuer, credential, now)
        raise NotRecognized("The credential is not valid.")

    async def _by_key(self, credential: str) -> Caller:
        if not is_token(Kind.API_KEY, credential):
            raise NotRecognized("The API key is not valid: a part of it is missing or mistyped.")
        async with self._database.read() as connection:
            key = await identify_key(connection, digest_of(credential), utcnow())
        if key is None:
            raise NotRecognized("The API key is not valid.")
        return Caller(
            name=key.name,
            user_id=key.user_id,
            credential_id=key.id,
            is_administrator=False,
            places=[key.place],
            expires_at=key.expires_at,
        )

    async def _by_issuer(self, issuer: Issuer, credential: str, now: datetime) -> Caller:
        try:
            token = await issuer.verify(credential, now)
        except ExpiredToken:
            raise NotRecognized(EXPIRED, expired=True) from None
        if token is None:
            raise NotRecognized("The credential is not valid.")
        async with self._database.read() as connection:
            user = await identify_external(connection, issuer.address, token.subject)
        if user is None:
            raise NotRecognized("The issuer's user has no account here.")
        return _of_user(user, user.id, token.expires_at)


def _of_user(user: UserIdentity, credential_id: str, expires_at: datetime) -> Caller:
    return Caller(user.name, user.id, credential_id, user.is_administrator, user.places, expires_at)


async def _place(connection: AsyncConnection, workspace: str | None) -> Place | None:
    """Return the place of an administrator in a workspace, by its slug or id; in the first one by default."""
    if workspace is None:
        found = (await workspaces_by_key(connection, [DEFAULT_WORKSPACE])).get(DEFAULT_WORKSPACE)
    elif not _NAME.fullmatch(workspace):
        return None
    else:
        by_id = await workspaces_by_id(connection, [workspace])
        found = by_id.get(workspace) or await workspace_by_slug(connection, workspace)
    return None if found is None else Place(found.key, found.id, found.slug, Role.ADMIN)


def _subjects(caller: Caller) -> set[str]:
    return {caller.user_id, caller.credential_id, *(place.workspace_id for place in caller.places)}


def _credential(authorization: str) -> str:
    """Return the credential in the header. Raises NotRecognized."""
    if len(authorization) > LONGEST or authorization[: len(_SCHEME)].lower() != _SCHEME:
        raise NotRecognized(f"`Authorization` must be `Bearer` and a credential of at most {LONGEST:,} characters.")
    return authorization[len(_SCHEME) :].strip(" ")


def _key_of(authorization: str) -> bytes:
    return sha256(authorization.encode("utf-8", "surrogatepass")).digest()
