"""The gate: callers by their credentials, remembered until a change of access, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from sqlalchemy import event

import access.gate
from access.gate import Gate, NoSuchWorkspace, NotRecognized
from access.opaque import START, Kind, digest_of, new_token
from access.secrets import keys_of, new_secret
from access.tokens import AccessTokens
from store.access.api_keys import NewApiKey, create_api_key, revoke_api_key
from store.access.changes import changes_after
from store.access.identities import identify_session
from store.access.memberships import set_role
from store.access.sessions import Client, end_session, end_sessions, start_session
from store.access.users import NewUser, create_user
from store.access.workspaces import create_workspace, delete_workspace
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.viewer import ANONYMOUS, Role, Viewer
from store.tables import ApiKeyRow, UserRow, WorkspaceRow
from tests.store.access.calls import write
from tests.support import until

TOKENS = AccessTokens(keys_of(new_secret()))


class Counted(NamedTuple):
    """A gate whose changes are read on request, and the statements on its database."""

    gate: Gate
    database: Database
    statements: list[str]

    async def viewer(self, credential: str, workspace: str | None = None) -> Viewer:
        return await self.gate.viewer(f"Bearer {credential}", workspace)

    async def catch_up(self) -> None:
        """Read the changes now, as `run` does."""
        await self.gate._read()
        self.statements.clear()


@pytest.fixture
async def counted(database: Database) -> AsyncIterator[Counted]:
    statements: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    engine = database._reader.sync_engine
    event.listen(engine, "before_cursor_execute", count)
    made = Counted(Gate(database, TOKENS), database, statements)
    await made.catch_up()
    yield made
    event.remove(engine, "before_cursor_execute", count)


async def user(database: Database, name: str, role: Role | None = Role.ANALYST, **values: Any) -> UserRow:
    made = await write(database, create_user, NewUser(name=name, **values), utcnow())
    if role is not None:
        await write(database, set_role, "default", made.id, role, utcnow())
    return made


async def session_of(database: Database, of: UserRow) -> tuple[str, str]:
    """A new session's id and access token."""
    session = await write(database, start_session, of.id, digest_of(new_token(Kind.REFRESH)), Client(), utcnow())
    assert session is not None
    return session.id, TOKENS.sign(of.id, session.id, utcnow())[0]


async def key_of(database: Database, of: UserRow, workspace: str = "default", **values: Any) -> tuple[ApiKeyRow, str]:
    key = new_token(Kind.API_KEY)
    given = {"name": "script", "role": Role.ANALYST, "expires_at": None} | values
    new = NewApiKey(workspace=workspace, start=key[:START], hash=digest_of(key), created_by=of.id, **given)
    return await write(database, create_api_key, new, utcnow()), key


async def other_workspace(database: Database, slug: str) -> WorkspaceRow:
    return await write(database, create_workspace, slug, slug, utcnow())


async def test_a_caller_without_a_credential_is_anonymous(counted: Counted) -> None:
    for header in (None, ""):
        assert await counted.gate.viewer(header, None) == ANONYMOUS
        assert await counted.gate.viewer(header, "default") == ANONYMOUS
    assert counted.statements == []


async def test_an_access_token(counted: Counted) -> None:
    ann = await user(counted.database, "ann")
    session, token = await session_of(counted.database, ann)
    expected = Viewer("ann", "default", Role.ANALYST, user_id=ann.id, credential_id=session)
    await counted.catch_up()
    assert await counted.viewer(token) == expected
    assert len(counted.statements) == 1
    assert await counted.viewer(token) == expected
    assert await counted.gate.viewer(f"bearer {token}", "default") == expected
    assert len(counted.statements) == 2, "remembered by the header, of which this is another"
    await write(counted.database, end_session, ann.id, session, utcnow())
    await counted.catch_up()
    with pytest.raises(NotRecognized, match="session has ended") as refused:
        await counted.viewer(token)
    assert not refused.value.expired


async def test_an_api_key(counted: Counted) -> None:
    ann = await user(counted.database, "ann", is_administrator=True)
    row, key = await key_of(counted.database, ann)
    await counted.catch_up()
    expected = Viewer("script", "default", Role.ANALYST, user_id=ann.id, credential_id=row.id)
    assert await counted.viewer(key) == expected
    assert await counted.viewer(key, "default") == expected
    assert len(counted.statements) == 1
    await other_workspace(counted.database, "beta")
    with pytest.raises(NoSuchWorkspace):  # a key of an administrator, too
        await counted.viewer(key, "beta")
    await write(counted.database, revoke_api_key, "default", row.id, utcnow())
    await counted.catch_up()
    with pytest.raises(NotRecognized, match="API key"):
        await counted.viewer(key)


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Basic YW5uOnNlY3JldA==",
        "Token abc",
        "Bearer abc def",
        "Bearer a.b.c",
        "Bearer assayk_",
        f"Bearer assayk_{'0' * 38}",
        "Bearer assayr_TMxb9cJ9CfZpRPnQUFGxMAsBCGFyLL2f4HNa8o",
        f"Bearer {'x' * 10_000}",
        "Bearer \ud800",
        "Bearer é",
        "Bearer \0",
        "\0",
    ],
    ids=lambda header: header[:24].encode("unicode_escape").decode(),
)
async def test_malformed_credentials_are_refused_without_a_statement(counted: Counted, header: str) -> None:
    with pytest.raises(NotRecognized):
        await counted.gate.viewer(header, None)
    assert counted.statements == []
    assert not counted.gate._remembered


async def test_an_unknown_key_is_refused_by_a_statement(counted: Counted) -> None:
    with pytest.raises(NotRecognized):
        await counted.viewer(new_token(Kind.API_KEY))
    assert len(counted.statements) == 1


async def test_an_expired_token_is_to_be_refreshed(counted: Counted) -> None:
    ann = await user(counted.database, "ann")
    session, _ = await session_of(counted.database, ann)
    token, _ = TOKENS.sign(ann.id, session, utcnow() - timedelta(minutes=16))
    with pytest.raises(NotRecognized, match="expired") as refused:
        await counted.viewer(token)
    assert refused.value.expired


async def test_a_remembered_token_expires(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = await user(counted.database, "ann")
    session, _ = await session_of(counted.database, ann)
    token, expires = TOKENS.sign(ann.id, session, utcnow())
    assert await counted.viewer(token)
    assert counted.gate._remembered
    monkeypatch.setattr(access.gate, "utcnow", lambda: expires)
    with pytest.raises(NotRecognized, match="expired"):
        await counted.viewer(token)


async def test_a_token_of_another_user_s_session(counted: Counted) -> None:
    ann, bob = await user(counted.database, "ann"), await user(counted.database, "bob")
    session, _ = await session_of(counted.database, ann)
    with pytest.raises(NotRecognized):
        await counted.viewer(TOKENS.sign(bob.id, session, utcnow())[0])


async def test_the_workspace_of_a_request(counted: Counted) -> None:
    ann = await user(counted.database, "ann")
    _, token = await session_of(counted.database, ann)
    beta, gamma = [await other_workspace(counted.database, slug) for slug in ("beta", "gamma")]
    await write(counted.database, set_role, beta.key, ann.id, Role.ADMIN, utcnow())
    assert (await counted.viewer(token)).workspace == "default", "the oldest membership"
    for name in ("beta", beta.id):
        found = await counted.viewer(token, name)
        assert (found.workspace, found.role) == (beta.id, Role.ADMIN)
    for name in ("gamma", gamma.id, "delta", "", "\0", "x" * 1_000, "' OR 1=1"):
        with pytest.raises(NoSuchWorkspace):
            await counted.viewer(token, name)


async def test_a_user_without_a_workspace(counted: Counted) -> None:
    _, token = await session_of(counted.database, await user(counted.database, "ann", None))
    with pytest.raises(NoSuchWorkspace):
        await counted.viewer(token)


async def test_an_administrator_enters_each_workspace_as_its_admin(counted: Counted) -> None:
    ann = await user(counted.database, "ann", None, is_administrator=True)
    session, token = await session_of(counted.database, ann)
    beta = await other_workspace(counted.database, "beta")
    assert await counted.viewer(token) == Viewer("ann", "default", Role.ADMIN, True, ann.id, session)
    for name in ("beta", beta.id):
        assert (await counted.viewer(token, name)).workspace == beta.id
    for name in ("gamma", "", "\0", "x" * 1_000):
        with pytest.raises(NoSuchWorkspace):
            await counted.viewer(token, name)
    await write(counted.database, delete_workspace, beta.id, utcnow())
    with pytest.raises(NoSuchWorkspace):
        await counted.viewer(token, "beta")


async def test_a_changed_role_holds_after_the_next_read_of_the_changes(counted: Counted) -> None:
    ann = await user(counted.database, "ann")
    _, token = await session_of(counted.database, ann)
    _, key = await key_of(counted.database, ann)
    for credential in (token, key):
        assert (await counted.viewer(credential)).role is Role.ANALYST
    await write(counted.database, set_role, "default", ann.id, Role.VIEWER, utcnow())
    await counted.catch_up()
    for credential in (token, key):
        assert (await counted.viewer(credential)).role is Role.VIEWER
    await write(counted.database, set_role, "default", ann.id, None, utcnow())
    await counted.catch_up()
    with pytest.raises(NoSuchWorkspace):
        await counted.viewer(token)
    with pytest.raises(NotRecognized):
        await counted.viewer(key)


async def test_others_are_still_remembered_after_a_change(counted: Counted) -> None:
    ann, bob = await user(counted.database, "ann"), await user(counted.database, "bob")
    (ended, gone), (_, kept) = await session_of(counted.database, ann), await session_of(counted.database, bob)
    await counted.catch_up()
    for token in (gone, kept):
        await counted.viewer(token)
    await write(counted.database, end_session, ann.id, ended, utcnow())
    await counted.catch_up()
    await counted.viewer(kept)
    assert counted.statements == []


async def test_a_change_during_a_recognition_is_not_lost(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The statement has read the old state, and the change is read before its outcome is remembered."""
    ann = await user(counted.database, "ann")
    session, token = await session_of(counted.database, ann)
    identify = identify_session

    async def slow(*given: Any) -> Any:
        found = await identify(*given)
        await write(counted.database, end_session, ann.id, session, utcnow())
        await counted.catch_up()
        return found

    monkeypatch.setattr(access.gate, "identify_session", slow)
    assert await counted.viewer(token)
    monkeypatch.undo()
    with pytest.raises(NotRecognized):
        await counted.viewer(token)


async def test_nothing_is_remembered_before_the_changes_are_read(database: Database) -> None:
    gate = Gate(database, TOKENS)
    _, token = await session_of(database, await user(database, "ann"))
    assert await gate.viewer(f"Bearer {token}", None)
    assert not gate._remembered


async def test_the_oldest_is_forgotten_first(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access.gate, "MOST_REMEMBERED", 3)
    ann = await user(counted.database, "ann")
    keys = [(await key_of(counted.database, ann))[1] for _ in range(4)]
    await counted.catch_up()
    for key in (*keys[:3], keys[0], keys[3]):
        await counted.viewer(key)
    assert len(counted.gate._remembered) == 3
    counted.statements.clear()
    await counted.viewer(keys[0])
    assert counted.statements == []
    await counted.viewer(keys[1])
    assert len(counted.statements) == 1


async def test_the_indexes_shrink_with_the_remembered_callers(counted: Counted) -> None:
    ann = await user(counted.database, "ann")
    for _ in range(5):
        _, token = await session_of(counted.database, ann)
        await counted.viewer(token)
    assert len(counted.gate._remembered) == 5
    await write(counted.database, end_sessions, ann.id, utcnow())
    await counted.catch_up()
    assert not counted.gate._remembered
    assert not counted.gate._of


async def test_watches_are_called_for_their_callers_alone(counted: Counted) -> None:
    ann, bob = await user(counted.database, "ann"), await user(counted.database, "bob")
    (first, of_ann), (_, of_bob) = await session_of(counted.database, ann), await session_of(counted.database, bob)
    await counted.catch_up()
    called: list[str] = []
    ends = [
        counted.gate.watch(await counted.viewer(token), lambda name=name: called.append(name))  # type: ignore[misc]
        for token, name in ((of_ann, "ann"), (of_bob, "bob"))
    ]
    await write(counted.database, end_session, ann.id, first, utcnow())
    await counted.catch_up()
    assert set(called) == {"ann"}
    called.clear()
    for end in ends:
        end()
        end()
    await write(counted.database, set_role, "default", bob.id, Role.VIEWER, utcnow())
    await counted.catch_up()
    assert called == []
    assert not counted.gate._watches


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a read of the changes take longer than on a machine without other load."""
    monkeypatch.setattr(access.gate, "READ_SECONDS", 60.0)


@pytest.mark.usefixtures("patient")
async def test_two_gates_on_one_database(database: Database) -> None:
    """Each instance learns of a change, by its own `run`."""
    gates = [Gate(database, TOKENS) for _ in range(2)]
    ann = await user(database, "ann")
    session, token = await session_of(database, ann)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(gate.run()) for gate in gates]
        database.on_commit(gates[0].hear)
        await until(lambda: all(gate._number is not None for gate in gates))
        ended = [asyncio.Event() for _ in gates]
        for gate, each in zip(gates, ended, strict=True):
            gate.watch(await gate.viewer(f"Bearer {token}", None), each.set)
            assert gate._remembered
        await write(database, end_session, ann.id, session, utcnow())
        for gate, each in zip(gates, ended, strict=True):
            await each.wait()
            with pytest.raises(NotRecognized):
                await gate.viewer(f"Bearer {token}", None)
        for task in running:
            task.cancel()


@pytest.mark.usefixtures("patient")
async def test_a_database_that_is_away(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is remembered meanwhile, and watchers ask again."""
    gate = Gate(database, TOKENS)
    _, token = await session_of(database, await user(database, "ann"))

    async def broken(*_: Any) -> Any:
        raise OSError("away")

    running = asyncio.create_task(gate.run())
    await until(lambda: gate._number is not None)
    viewer = await gate.viewer(f"Bearer {token}", None)
    asked = asyncio.Event()
    gate.watch(viewer, asked.set)
    monkeypatch.setattr(access.gate, "changes_after", broken)
    gate.wake()
    await asked.wait()
    assert not gate._remembered
    monkeypatch.setattr(access.gate, "changes_after", changes_after)
    gate.wake()
    await until(lambda: gate._number is not None)
    assert await gate.viewer(f"Bearer {token}", None) == viewer
    assert gate._remembered
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
