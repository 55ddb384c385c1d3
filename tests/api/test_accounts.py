"""Accounts through the schema: sign-in, visibility, administration, keys and the audit log, on both databases."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from resolvers.context import Services
from store import tables
from store.access.users import set_password
from store.access.workspaces import create_workspace
from store.sql.clock import utcnow, write_instant
from store.sql.viewer import LOCAL_ADMINISTRATOR, Role
from store.tables import AuditAction
from tests.api.accounts import ERRORS, PASSWORD, REFRESH, SECRET, SIGN_IN, Accounts, problem
from tests.api.calls import Api
from tests.resolvers.conftest import services
from tests.support import ROOT

__all__ = ["services"]

PAGE = (ROOT / "docs" / "audit.md").read_text()
NEW_PASSWORD = "Canary-Password-2"
CREATE_KEY = f"""mutation($input: CreateApiKeyInput!) {{ createApiKey(input: $input) {{
  apiKey {{ id name start role expiresAt workspace {{ slug }} createdBy {{ name }} }} key {ERRORS} }} }}"""
SET_ROLE = f"mutation($input: SetRoleInput!) {{ setRole(input: $input) {{ membership {{ id role }} {ERRORS} }} }}"
CREATE_USER = f"""mutation($input: CreateUserInput!) {{ createUser(input: $input) {{
  user {{ id name email memberships {{ role workspace {{ slug }} }} }} invitation {ERRORS} }} }}"""
ACCEPT = f"""mutation($input: AcceptInvitationInput!) {{ acceptInvitation(input: $input) {{
  tokens {{ accessToken refreshToken }} viewer {{ name }} {ERRORS} }} }}"""
SIGN_OUT = f"mutation($input: SignOutInput!) {{ signOut(input: $input) {{ signedOut {ERRORS} }} }}"
CHANGE = f"""mutation($input: ChangePasswordInput!) {{ changePassword(input: $input) {{
  viewer {{ name sessions {{ isCurrent }} }} {ERRORS} }} }}"""
UPDATE = f"""mutation($input: UpdateUserInput!) {{ updateUser(input: $input) {{
  user {{ isActive displayName }} {ERRORS} }} }}"""
REVOKE_KEY = f"""mutation($input: RevokeApiKeyInput!) {{ revokeApiKey(input: $input) {{
  apiKey {{ id revokedAt }} {ERRORS} }} }}"""
CREATE_WORKSPACE = f"""mutation($input: CreateWorkspaceInput!) {{ createWorkspace(input: $input) {{
  workspace {{ id }} {ERRORS} }} }}"""
VIEWER = "{ viewer { name role isAdministrator isSignedIn user { name } apiKey { id } workspace { slug } } }"
NODE = "query($id: ID!) { node(id: $id) { __typename id } }"
NO_USER = "user_01jd0000000000000000000000"
NO_WORKSPACE = "workspace_01jd0000000000000000000000"


@pytest.fixture
async def accounts(services: Services) -> AsyncIterator[Accounts]:
    one = Accounts(services)
    yield one
    one.passwords.close()


@pytest.fixture
async def other(accounts: Accounts) -> Any:
    """A second workspace, of which nobody is a member yet."""
    async with accounts.database.write() as connection:
        return await create_workspace(connection, "other", "Other", utcnow())


async def test_a_user_signs_in(accounts: Accounts) -> None:
    user = await accounts.user("ada", Role.ANALYST, email="ada@example.org")
    payload = await accounts.ask(SIGN_IN, input={"name": "ADA", "password": PASSWORD})
    assert payload["userErrors"] == []
    assert payload["viewer"] == {
        "name": "ada",
        "role": "ANALYST",
        "user": {"id": user.id, "name": "ada", "email": "ada@example.org"},
        "workspace": {"slug": "default"},
        "sessions": [{"isCurrent": True, "address": "192.0.2.7", "userAgent": "tests"}],
    }
    assert (await accounts.ask(VIEWER, payload["tokens"]["accessToken"])) == {
        "name": "ada",
        "role": "ANALYST",
        "isAdministrator": False,
        "isSignedIn": True,
        "user": {"name": "ada"},
        "apiKey": None,
        "workspace": {"slug": "default"},
    }
    (entry,) = await accounts.log()
    assert re.fullmatch("signin_.{26}", entry.pop("subjectId"))
    assert entry == {
        "action": "user.signed_in",
        "outcome": "DONE",
        "actorKind": "USER",
        "actorId": user.id,
        "actorName": "ada",
        "address": "192.0.2.7",
        "requestId": "request-1",
        "details": {},
        "workspace": None,
    }


async def test_nobody_is_signed_in_without_a_credential(accounts: Accounts) -> None:
    assert await accounts.ask(VIEWER) is None


async def test_wrong_sign_ins_look_the_same(accounts: Accounts) -> None:
    await accounts.user("ada", Role.VIEWER)
    gone = await accounts.user("gone", Role.VIEWER)
    async with accounts.database.write() as connection:
        await connection.execute(update(tables.user).where(tables.user.c.id == gone.id).values(is_active=False))
    tries = [
        ("ada", "wrong password"),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
        ("", PASSWORD),
        ("ada\0", PASSWORD),
        ("\ud800", PASSWORD),
        ("a" * 100_000, PASSWORD),
        ("ada", ""),
        ("ada", "p" * 100_000),
        ("ada", "\ud800"),
    ]
    answers = [await accounts.ask(SIGN_IN, input={"name": name, "password": text}) for name, text in tries]
    assert answers[0]["tokens"] is None
    assert problem(answers[0]) == ("INVALID", ["password"])
    assert all(answer == answers[0] for answer in answers)
    log = await accounts.log()
    assert {(entry["action"], entry["outcome"]) for entry in log} == {("user.sign_in_failed", "REFUSED")}
    assert [entry["actorName"] for entry in log][:7] == ["ada", "nobody", "gone", "-", "-", "-", "-"]
    assert len(log) == len(tries)


async def test_failed_sign_ins_are_throttled(accounts: Accounts) -> None:
    await accounts.user("ada", Role.VIEWER)
    for _ in range(5):
        await accounts.ask(SIGN_IN, input={"name": "ada", "password": "wrong"})
    body = await accounts.body(SIGN_IN, input={"name": "ada", "password": PASSWORD})
    (error,) = body["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert 1 <= error["extensions"]["retryAfter"] <= 60
    assert (await accounts.actions())[-1] == "signin.throttled"


async def test_successful_sign_ins_are_not_throttled(accounts: Accounts) -> None:
    await accounts.user("ada", Role.VIEWER)
    for _ in range(8):
        await accounts.signed_in("ada")


async def test_a_refresh_token_has_one_successor(accounts: Accounts) -> None:
    await accounts.user("ada", Role.VIEWER)
    token = (await accounts.signed_in("ada"))["refreshToken"]
    answers = await asyncio.gather(*(accounts.ask(REFRESH, input={"refreshToken": token}) for _ in range(10)))
    assert len({answer["tokens"]["refreshToken"] for answer in answers}) == 1
    again = answers[0]["tokens"]
    assert await accounts.ask(VIEWER, again["accessToken"]) is not None
    third = await accounts.ask(REFRESH, input={"refreshToken": again["refreshToken"]})
    assert third["userErrors"] == []
    reuse = await accounts.ask(REFRESH, input={"refreshToken": token})
    assert problem(reuse) == ("INVALID", ["refreshToken"])
    ended = await accounts.ask(REFRESH, input={"refreshToken": third["tokens"]["refreshToken"]})
    assert problem(ended) == ("INVALID", ["refreshToken"])
    assert await accounts.actions() == ["user.signed_in", "session.reused"]


async def test_a_refresh_survives_a_new_secret(accounts: Accounts) -> None:
    await accounts.user("ada", Role.VIEWER)
    token = (await accounts.signed_in("ada"))["refreshToken"]
    first = await accounts.ask(REFRESH, input={"refreshToken": token})
    rotated = Accounts(accounts.services, f"another secret of the tests with 32 bytes,{SECRET}")
    try:
        repeated = await rotated.ask(REFRESH, input={"refreshToken": token})
        assert repeated["tokens"]["refreshToken"] == first["tokens"]["refreshToken"]
        successor = {"refreshToken": first["tokens"]["refreshToken"]}
        assert (await rotated.ask(REFRESH, input=successor))["userErrors"] == []
    finally:
        rotated.passwords.close()


@pytest.mark.parametrize(
    "token", ["", "assayr_", "x" * 100_000, "\0", "\ud800"], ids=["empty", "prefix", "huge", "nul", "lone"]
)
async def test_texts_that_are_no_tokens_are_refused(accounts: Accounts, token: str) -> None:
    assert problem(await accounts.ask(REFRESH, input={"refreshToken": token})) == ("INVALID", ["refreshToken"])
    assert await accounts.ask(SIGN_OUT, input={"refreshToken": token}) == {"signedOut": 0, "userErrors": []}
    answer = await accounts.ask(ACCEPT, input={"invitation": token, "password": NEW_PASSWORD})
    assert problem(answer) == ("INVALID", ["invitation"])
    assert await accounts.log() == []


async def test_a_session_ends_by_sign_out(accounts: Accounts) -> None:
    await accounts.user("ada", Role.VIEWER)
    one, two, three, four = [await accounts.signed_in("ada") for _ in range(4)]
    assert (await accounts.ask(SIGN_OUT, input={"refreshToken": one["refreshToken"]}))["signedOut"] == 1
    assert (await accounts.ask(SIGN_OUT, input={"refreshToken": one["refreshToken"]}))["signedOut"] == 0
    assert problem(await accounts.ask(REFRESH, input={"refreshToken": one["refreshToken"]}))[0] == "INVALID"
    assert (await accounts.ask(SIGN_OUT, two["accessToken"], input={}))["signedOut"] == 1
    everywhere = {"refreshToken": three["refreshToken"], "everywhere": True}
    assert (await accounts.ask(SIGN_OUT, input=everywhere))["signedOut"] == 2
    assert problem(await accounts.ask(REFRESH, input={"refreshToken": four["refreshToken"]}))[0] == "INVALID"
    body = await accounts.body(SIGN_OUT, input={})
    assert body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    details = [entry["details"] for entry in await accounts.log() if entry["action"] == "user.signed_out"]
    assert details == [{"sessions": 1}, {"sessions": 1}, {"sessions": 2}]


async def test_a_new_password_ends_the_other_sessions(accounts: Accounts) -> None:
    await accounts.user("ada", Role.VIEWER)
    old, own = await accounts.signed_in("ada"), await accounts.token("ada")
    wrong = {"currentPassword": "wrong", "newPassword": NEW_PASSWORD}
    assert problem(await accounts.ask(CHANGE, own, input=wrong)) == ("INVALID", ["currentPassword"])
    for bad in ("short", "p" * 1_001, "\ud800" * 20):
        answer = await accounts.ask(CHANGE, own, input={"currentPassword": PASSWORD, "newPassword": bad})
        assert problem(answer) == ("INVALID", ["newPassword"])
    answer = await accounts.ask(CHANGE, own, input={"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD})
    assert answer == {"viewer": {"name": "ada", "sessions": [{"isCurrent": True}]}, "userErrors": []}
    assert problem(await accounts.ask(REFRESH, input={"refreshToken": old["refreshToken"]}))[0] == "INVALID"
    assert problem(await accounts.ask(SIGN_IN, input={"name": "ada", "password": PASSWORD}))[0] == "INVALID"
    await accounts.signed_in("ada", NEW_PASSWORD)
    changed = [entry["outcome"] for entry in await accounts.log() if entry["action"] == "password.changed"]
    assert changed == ["REFUSED", "DONE"]


async def test_a_password_that_was_replaced_meanwhile_changes_nothing(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await accounts.user("ada", Role.VIEWER)
    own, encode = await accounts.token("ada"), accounts.passwords.encode

    async def later(password: str) -> str:
        encoded = await encode("The-Password-of-an-invitation")
        async with accounts.database.write() as connection:
            await set_password(connection, user.id, encoded, utcnow())
        return await encode(password)

    monkeypatch.setattr(accounts.passwords, "encode", later)
    answer = await accounts.ask(CHANGE, own, input={"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD})
    assert problem(answer) == ("INVALID", ["currentPassword"])
    await accounts.signed_in("ada", "The-Password-of-an-invitation")


async def test_a_session_is_revoked_by_its_user_alone(accounts: Accounts) -> None:
    await accounts.user("ada", Role.ADMIN)
    await accounts.user("bob", Role.ADMIN)
    ada, bob = await accounts.token("ada"), await accounts.token("bob")
    revoke = f"mutation($input: RevokeSessionInput!) {{ revokeSession(input: $input) {{ deletedId {ERRORS} }} }}"
    (session,) = (await accounts.ask("{ viewer { sessions { id } } }", ada))["sessions"]
    assert await accounts.ask(NODE, bob, id=session["id"]) is None
    assert problem(await accounts.ask(revoke, bob, input=session)) == ("NOT_FOUND", ["id"])
    assert await accounts.ask(NODE, ada, id=session["id"]) == {"__typename": "SignInSession", **session}
    assert (await accounts.ask(revoke, ada, input=session))["deletedId"] == session["id"]
    assert (await accounts.actions())[-1] == "session.revoked"


async def test_an_invited_user_sets_a_password(accounts: Accounts) -> None:
    await accounts.user("root", is_administrator=True)
    root = await accounts.token("root")
    workspace = (await accounts.ask('{ workspace(slug: "default") { id } }', root))["id"]
    new = {"name": "Ada", "email": "ada@example.org", "workspaceId": workspace, "role": "VIEWER"}
    created = await accounts.ask(CREATE_USER, root, input=new)
    assert created["user"]["memberships"] == [{"role": "VIEWER", "workspace": {"slug": "default"}}]
    short = await accounts.ask(ACCEPT, input={"invitation": created["invitation"], "password": "short"})
    assert problem(short) == ("INVALID", ["password"])
    accept = {"invitation": created["invitation"], "password": NEW_PASSWORD}
    answers = await asyncio.gather(*(accounts.ask(ACCEPT, input=accept) for _ in range(4)))
    assert sorted(len(answer["userErrors"]) for answer in answers) == [0, 1, 1, 1]
    (accepted,) = [answer for answer in answers if not answer["userErrors"]]
    assert accepted["viewer"] == {"name": "ada"}
    await accounts.signed_in("ada", NEW_PASSWORD)
    invite = f"mutation($input: InviteUserInput!) {{ inviteUser(input: $input) {{ invitation {ERRORS} }} }}"
    assert (await accounts.ask(invite, root, input={"userId": created["user"]["id"]}))["invitation"]
    ended = {"refreshToken": accepted["tokens"]["refreshToken"]}
    assert problem(await accounts.ask(REFRESH, input=ended)) == ("INVALID", ["refreshToken"])
    assert problem(await accounts.ask(invite, root, input={"userId": NO_USER})) == ("NOT_FOUND", ["userId"])
    again = await accounts.ask(CREATE_USER, root, input={"name": "ADA"})
    assert problem(again) == ("CONFLICT", ["name"])
    assert (await accounts.actions())[1:] == [
        "user.created",
        "invitation.created",
        "membership.set",
        "invitation.accepted",
        "user.signed_in",
        "user.signed_in",
        "invitation.created",
    ]


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"name": ""}, ["name"]),
        ({"name": "a b"}, ["name"]),
        ({"name": "é"}, ["name"]),
        ({"name": "a" * 65}, ["name"]),
        ({"name": "ok", "email": "nobody"}, ["email"]),
        ({"name": "ok", "email": f"a@{'b' * 300}"}, ["email"]),
        ({"name": "ok", "displayName": ""}, ["displayName"]),
        ({"name": "ok", "displayName": "\ud800"}, ["displayName"]),
        ({"name": "ok", "displayName": "\0"}, ["displayName"]),
        ({"name": "ok", "workspaceId": "other"}, ["workspaceId"]),
    ],
)
async def test_a_wrong_user_is_not_created(accounts: Accounts, given: dict[str, Any], path: list[str]) -> None:
    await accounts.user("root", is_administrator=True)
    root = await accounts.token("root")
    assert problem(await accounts.ask(CREATE_USER, root, input=given)) == ("INVALID", path)
    missing = await accounts.ask(CREATE_USER, root, input={"name": "ok", "workspaceId": NO_WORKSPACE})
    assert problem(missing) == ("NOT_FOUND", ["workspaceId"])
    assert (await accounts.ask("{ users { totalCount } }", root))["totalCount"] == 1
    assert await accounts.actions() == ["user.signed_in"]


async def test_the_last_administrator_stays(accounts: Accounts) -> None:
    user = await accounts.user("root", is_administrator=True)
    root = await accounts.token("root")
    for change in ("isActive", "isAdministrator"):
        answer = await accounts.ask(UPDATE, root, input={"id": user.id, change: False})
        assert problem(answer) == ("CONFLICT", [change])
    answer = await accounts.ask(UPDATE, root, input={"id": user.id, "displayName": "Root"})
    assert answer["user"] == {"isActive": True, "displayName": "Root"}
    answer = await accounts.ask(UPDATE, root, input={"id": user.id, "displayName": None, "isActive": None})
    assert answer["user"] == {"isActive": True, "displayName": None}
    assert problem(await accounts.ask(UPDATE, root, input={"id": NO_USER, "isActive": True})) == ("NOT_FOUND", ["id"])
    assert (await accounts.actions())[1:] == ["user.updated", "user.updated"]


async def test_the_last_admin_stays(accounts: Accounts) -> None:
    ada, bob = await accounts.user("ada", Role.ADMIN), await accounts.user("bob", Role.VIEWER)
    token = await accounts.token("ada")
    place = (await accounts.ask("{ viewer { workspace { id } } }", token))["workspace"]["id"]
    for role in ("VIEWER", None):
        answer = await accounts.ask(SET_ROLE, token, input={"workspaceId": place, "userId": ada.id, "role": role})
        assert problem(answer) == ("CONFLICT", ["role"])
    same = await accounts.ask(SET_ROLE, token, input={"workspaceId": place, "userId": ada.id, "role": "ADMIN"})
    assert same["membership"]["role"] == "ADMIN"
    answer = await accounts.ask(SET_ROLE, token, input={"workspaceId": place, "userId": bob.id, "role": "ADMIN"})
    assert answer["membership"]["role"] == "ADMIN"
    answer = await accounts.ask(SET_ROLE, token, input={"workspaceId": place, "userId": ada.id, "role": None})
    assert answer == {"membership": None, "userErrors": []}
    log = (await accounts.log())[1:]
    assert [(entry["action"], entry["details"], entry["workspace"]) for entry in log] == [
        ("membership.set", {"user_id": bob.id, "role": "ADMIN"}, {"slug": "default"}),
        ("membership.removed", {"user_id": ada.id}, {"slug": "default"}),
    ]


async def test_of_two_last_admins_one_stays(accounts: Accounts) -> None:
    users = [await accounts.user(name, Role.ADMIN) for name in ("ada", "bob")]
    token = [await accounts.token(name) for name in ("ada", "bob")]
    place = (await accounts.ask("{ viewer { workspace { id } } }", token[0]))["workspace"]["id"]
    removals = [{"workspaceId": place, "userId": user.id, "role": None} for user in users]
    answers = await asyncio.gather(
        *(accounts.body(SET_ROLE, token[index], input=removals[index]) for index in range(2))
    )
    async with accounts.database.read() as connection:
        left = (await connection.execute(select(tables.membership.c.role))).scalars().all()
    assert left == ["ADMIN"], answers


async def test_an_object_of_another_workspace_does_not_exist(accounts: Accounts, other: Any) -> None:
    ada = await accounts.user("ada", Role.ADMIN, email="ada@example.org")
    eve = await accounts.user("eve", Role.ADMIN, other.key, email="eve@example.org")
    tokens = {name: await accounts.token(name) for name in ("ada", "eve")}
    key = await accounts.ask(CREATE_KEY, tokens["eve"], input={"name": "secret"})
    mine = "{ viewer { workspace { id } sessions { id } memberships { id } } auditLog { nodes { id } } }"
    found = (await accounts.body(mine, tokens["eve"]))["data"]
    ids = [
        eve.id,
        other.id,
        key["apiKey"]["id"],
        found["viewer"]["sessions"][0]["id"],
        found["viewer"]["memberships"][0]["id"],
        found["auditLog"]["nodes"][0]["id"],
    ]
    nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }"
    types = ["User", "Workspace", "ApiKey", "SignInSession", "Membership", "AuditEntry"]
    seen = await accounts.ask(nodes, tokens["eve"], ids=ids)
    assert seen == [{"id": id_, "__typename": type_} for id_, type_ in zip(ids, types, strict=True)]
    assert await accounts.ask(nodes, tokens["ada"], ids=ids) == [None] * 6
    assert await accounts.ask('{ workspace(slug: "other") { id } }', tokens["ada"]) is None
    assert await accounts.ask("query($id: ID!) { workspace(id: $id) { id } }", tokens["ada"], id=other.id) is None
    here = await accounts.ask("{ workspaces { totalCount nodes { slug id } } }", tokens["ada"])
    assert here["totalCount"] == 1
    refusals = [
        (REVOKE_KEY, {"id": ids[2]}, {"id": "apikey_01jd0000000000000000000000"}),
        (CREATE_KEY, {"name": "k", "workspaceId": other.id}, {"name": "k", "workspaceId": NO_WORKSPACE}),
        (
            SET_ROLE,
            {"workspaceId": other.id, "userId": ada.id, "role": "ADMIN"},
            {"workspaceId": NO_WORKSPACE, "userId": ada.id, "role": "ADMIN"},
        ),
        (
            SET_ROLE,
            {"workspaceId": here["nodes"][0]["id"], "userId": eve.id, "role": "VIEWER"},
            {"workspaceId": here["nodes"][0]["id"], "userId": NO_USER, "role": "VIEWER"},
        ),
    ]
    for document, theirs, nobodys in refusals:
        answer = await accounts.ask(document, tokens["ada"], input=theirs)
        assert problem(answer)[0] == "NOT_FOUND"
        assert answer == await accounts.ask(document, tokens["ada"], input=nobodys)


async def test_an_email_address_is_for_the_user_and_for_admins(accounts: Accounts) -> None:
    for name, role in (("ada", Role.ADMIN), ("bob", Role.ANALYST), ("eve", Role.VIEWER)):
        await accounts.user(name, role, email=f"{name}@example.org")
    await accounts.user("root", is_administrator=True)
    document = "{ viewer { workspace { members { nodes { user { name email } } } } } }"

    async def seen(name: str) -> dict[str, str | None]:
        members = (await accounts.ask(document, await accounts.token(name)))["workspace"]["members"]["nodes"]
        return {each["user"]["name"]: each["user"]["email"] for each in members}

    every = {name: f"{name}@example.org" for name in ("ada", "bob", "eve")}
    assert await seen("ada") == every
    assert await seen("root") == every
    assert await seen("bob") == {"ada": None, "bob": "bob@example.org", "eve": None}


async def test_an_api_key_acts_for_its_workspace(accounts: Accounts) -> None:
    await accounts.user("ada", Role.ANALYST, email="ada@example.org")
    ada = await accounts.token("ada")
    assert problem(await accounts.ask(CREATE_KEY, ada, input={"name": "k", "role": "ADMIN"})) == ("INVALID", ["role"])
    created = await accounts.ask(CREATE_KEY, ada, input={"name": "loader", "role": "VIEWER"})
    key = created["key"]
    assert created["apiKey"]["start"] == key[:12]
    assert created["apiKey"]["createdBy"] == {"name": "ada"}
    viewer = await accounts.ask(VIEWER, key)
    assert viewer == {
        "name": "loader",
        "role": "VIEWER",
        "isAdministrator": False,
        "isSignedIn": True,
        "user": {"name": "ada"},
        "apiKey": {"id": created["apiKey"]["id"]},
        "workspace": {"slug": "default"},
    }
    assert await accounts.ask("{ viewer { sessions { id } user { email } } }", key) == {
        "sessions": [],
        "user": {"email": None},
    }
    for document, given in (
        (CREATE_KEY, {"name": "k"}),
        (CHANGE, {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD}),
        (SIGN_OUT, {"everywhere": True}),
    ):
        body = await accounts.body(document, key, input=given)
        assert body["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    keys = "{ viewer { workspace { apiKeys { nodes { id } } } apiKeys { id } } }"
    assert await accounts.ask(keys, ada) == {
        "workspace": {"apiKeys": None},
        "apiKeys": [{"id": created["apiKey"]["id"]}],
    }
    for _ in range(2):
        assert (await accounts.ask(REVOKE_KEY, ada, input={"id": created["apiKey"]["id"]}))["apiKey"]["revokedAt"]
    assert [each for each in await accounts.actions() if each.startswith("apikey")] == [
        "apikey.created",
        "apikey.revoked",
    ]


async def test_an_api_key_expires_within_a_year(accounts: Accounts) -> None:
    await accounts.user("ada", Role.ANALYST)
    ada, now = await accounts.token("ada"), utcnow()
    for days in (-1, 366):
        late = write_instant(now + timedelta(days=days))
        answer = await accounts.ask(CREATE_KEY, ada, input={"name": "k", "expiresAt": late})
        assert problem(answer) == ("INVALID", ["expiresAt"])
    soon = write_instant(now + timedelta(days=1))
    answer = await accounts.ask(CREATE_KEY, ada, input={"name": "k", "expiresAt": soon})
    assert answer["apiKey"]["expiresAt"] == soon
    answer = await accounts.ask(CREATE_KEY, ada, input={"name": "k"})
    assert answer["apiKey"]["expiresAt"] is not None


async def test_workspaces_are_created_and_deleted(accounts: Accounts) -> None:
    await accounts.user("root", is_administrator=True)
    root = await accounts.token("root")
    delete = f"mutation($input: DeleteWorkspaceInput!) {{ deleteWorkspace(input: $input) {{ deletedId {ERRORS} }} }}"
    for slug in ("", "A", "a_b", "a" * 41, "a\n"):
        assert problem(await accounts.ask(CREATE_WORKSPACE, root, input={"slug": slug, "name": "N"})) == (
            "INVALID",
            ["slug"],
        )
    made = (await accounts.ask(CREATE_WORKSPACE, root, input={"slug": "lab", "name": "Lab"}))["workspace"]["id"]
    assert problem(await accounts.ask(CREATE_WORKSPACE, root, input={"slug": "lab", "name": "L"})) == (
        "CONFLICT",
        ["slug"],
    )
    assert (await accounts.ask("{ viewer { name } }", root, workspace="lab")) == {"name": "root"}
    assert problem(await accounts.ask(delete, root, input={"id": made, "slug": "x"})) == ("INVALID", ["slug"])
    first = (await accounts.ask('{ workspace(slug: "default") { id } }', root))["id"]
    assert problem(await accounts.ask(delete, root, input={"id": first, "slug": "default"})) == ("CONFLICT", ["id"])
    assert (await accounts.ask(delete, root, input={"id": made, "slug": "lab"}))["deletedId"] == made
    assert problem(await accounts.ask(delete, root, input={"id": made, "slug": "lab"})) == ("NOT_FOUND", ["id"])
    assert (await accounts.actions())[1:] == ["workspace.created", "workspace.deleted"]


async def test_lists_have_pages(accounts: Accounts) -> None:
    names = [f"user{number}" for number in range(5)]
    for name in names:
        await accounts.user(name, Role.VIEWER)
    await accounts.user("root", is_administrator=True)
    root = await accounts.token("root")
    document = """query($after: String) { users(first: 4, after: $after) {
      nodes { name } pageInfo { hasNextPage endCursor } totalCount } }"""
    first = await accounts.ask(document, root)
    second = await accounts.ask(document, root, after=first["pageInfo"]["endCursor"])
    assert [each["name"] for each in first["nodes"] + second["nodes"]] == [*names, "root"]
    assert (first["totalCount"], second["pageInfo"]["hasNextPage"]) == (6, False)
    for bad in ("first: 1001", "first: 1, last: 1", 'after: "x"', "last: -1"):
        for field in (f"users({bad}) {{ totalCount }}", f"auditLog({bad}) {{ nodes {{ id }} }}"):
            body = await accounts.body(f"{{ {field} }}", root)
            assert body["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_the_audit_log_has_filters(accounts: Accounts) -> None:
    await accounts.user("ada", Role.ADMIN)
    ada = await accounts.token("ada")
    key = await accounts.ask(CREATE_KEY, ada, input={"name": "k"})
    document = "query($filter: AuditFilter) { auditLog(filter: $filter) { nodes { action } } }"

    async def found(**given: Any) -> list[str]:
        return [each["action"] for each in (await accounts.ask(document, ada, filter=given))["nodes"]]

    assert await found() == ["apikey.created"]  # a sign-in belongs to no workspace
    assert await found(subjectId=key["apiKey"]["id"], outcome="DONE", action=["apikey.created"]) == ["apikey.created"]
    assert await found(action=["apikey.revoked"]) == await found(outcome="REFUSED") == []
    assert await found(after=write_instant(utcnow() + timedelta(days=1))) == []
    for bad in ({"action": ["no.thing"]}, {"actorId": "\0"}, {"subjectId": "\ud800"}, {"subjectId": "x" * 999}):
        body = await accounts.body(document, ada, filter=bad)
        assert body["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", body


async def test_an_open_server_needs_no_sign_in(accounts: Accounts) -> None:
    object.__setattr__(accounts.services, "sign_in", None)
    body = await accounts.body_of(LOCAL_ADMINISTRATOR, VIEWER)
    assert body["data"]["viewer"] == {
        "name": "local",
        "role": "ADMIN",
        "isAdministrator": True,
        "isSignedIn": False,
        "user": None,
        "apiKey": None,
        "workspace": {"slug": "default"},
    }
    for document, given in (
        (SIGN_IN, {"name": "ada", "password": PASSWORD}),
        (REFRESH, {"refreshToken": "x"}),
        (ACCEPT, {"invitation": "x", "password": NEW_PASSWORD}),
        (SIGN_OUT, {}),
        (CHANGE, {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD}),
        (CREATE_KEY, {"name": "k"}),
        (CREATE_USER, {"name": "ada"}),
    ):
        body = await accounts.body_of(LOCAL_ADMINISTRATOR, document, input=given)
        (payload,) = body["data"].values()
        assert payload["userErrors"] == [
            {"code": "CONFLICT", "message": "This server is open: it needs no sign-in.", "path": None}
        ]


async def test_no_credential_is_in_the_audit_log(
    accounts: Accounts, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    await accounts.user("root", Role.ADMIN, is_administrator=True)
    tokens = await accounts.signed_in("root")
    root = tokens["accessToken"]
    created = await accounts.ask(CREATE_USER, root, input={"name": "ada"})
    await accounts.ask(ACCEPT, input={"invitation": created["invitation"], "password": NEW_PASSWORD})
    await accounts.ask(SIGN_IN, input={"name": NEW_PASSWORD + "!", "password": NEW_PASSWORD})
    key = (await accounts.ask(CREATE_KEY, root, input={"name": "k"}))["key"]
    await accounts.ask(CHANGE, root, input={"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD})
    new = (await accounts.ask(REFRESH, input={"refreshToken": tokens["refreshToken"]}))["tokens"]
    async with accounts.database.read() as connection:
        rows = (await connection.execute(select(tables.audit))).all()
    assert len(rows) >= 8
    written = "\n".join(map(str, rows)) + caplog.text + "".join(capsys.readouterr())
    of_tokens = [pair[name] for pair in (tokens, new) for name in ("accessToken", "refreshToken")]
    assert [each for each in (*of_tokens, key, created["invitation"], PASSWORD, NEW_PASSWORD) if each in written] == []


def test_the_documentation_lists_all_actions() -> None:
    assert re.findall(r"^\| `([a-z_.]+)` \|", PAGE, re.MULTILINE) == list(AuditAction)


async def test_the_query_of_the_documentation_runs(accounts: Accounts) -> None:
    await accounts.ask(SIGN_IN, input={"name": "nobody", "password": "wrong"})
    (query,) = re.findall(r"```graphql\n(.*?)```", PAGE, re.DOTALL)
    body = await accounts.body_of(LOCAL_ADMINISTRATOR, query)
    assert [each["actorName"] for each in body["data"]["auditLog"]["nodes"]] == ["nobody"]


async def test_a_running_server_without_sign_in_is_open(api: Api) -> None:
    assert (await api(VIEWER))["viewer"]["isSignedIn"] is False
    payload = (await api(SIGN_IN, input={"name": "ada", "password": PASSWORD}))["signIn"]
    assert [each["code"] for each in payload["userErrors"]] == ["CONFLICT"]
    async with httpx.AsyncClient(timeout=300) as client:
        response = await client.get(f"{api.server.address}/audit.jsonl")
        refused = await client.post(f"{api.server.address}/auth/token", json={"username": "ada", "password": PASSWORD})
    entries = [json.loads(line) for line in response.text.splitlines()]
    assert [each["address"] for each in entries if each["action"] == "audit.exported"][-1] == "127.0.0.1"
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert PASSWORD not in api.server.log
