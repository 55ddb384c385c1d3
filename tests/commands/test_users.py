"""The commands of users, each in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from access.opaque import digest_of
from access.passwords import Passwords
from access.secrets import keys_of, new_secret, write_secret
from store.access.audit import audit_after
from store.access.invitations import accept_invitation
from store.access.memberships import membership_of
from store.access.sessions import Client, sessions_of_user, start_session
from store.access.users import user_by_name
from store.sql.clock import utcnow
from store.sql.database import Database
from store.tables import AuditActorKind, Role, UserRow
from tests.commands.calls import ACCOUNTS, call, refused, said
from tests.store.access.calls import read, write
from tests.support import ROOT

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("prompt")]

PASSWORD = "correct horse battery staple"
SECRET = new_secret()


async def user(database: Database, name: str) -> UserRow:
    found = await read(database, user_by_name, name)
    assert found is not None
    return found


async def audited(database: Database) -> list[tuple[str, str | None, dict[str, object]]]:
    """Return the action, subject and details of each entry; all are of the command line."""
    rows = await read(database, audit_after, None, None, 1_000)
    assert {row.actor_kind for row in rows} <= {AuditActorKind.COMMAND_LINE}
    return [(row.action, row.subject_id, json.loads(row.details)) for row in rows]


async def has_password(database: Database, name: str, password: str) -> bool:
    passwords = Passwords()
    try:
        return (await passwords.verify(password, (await user(database, name)).password)).right
    finally:
        passwords.close()


async def create(url: str, words: str, stdin: str = PASSWORD + "\n") -> str:
    """Create a user with a password; return the output."""
    code, out, error = await call(url, f"user create {words} --password-stdin", stdin, ASSAY_SECRET=SECRET)
    assert (code, error) == (0, ""), (words, error)
    return out


def test_a_secret_is_new_and_long_enough() -> None:
    command = [sys.executable, "server.py", "secret"]
    first, second = (subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True) for _ in range(2))
    assert first.stdout != second.stdout
    assert first.stdout == first.stdout.strip() + "\n"
    assert len(keys_of(first.stdout.strip())) == 1


async def test_users_are_created(database: Database, database_url: str) -> None:
    assert await said(database_url, "user list") == "There is no user.\n"
    words = "Ada --administrator --display-name 'Ada [red]L' --email ada@example.org"
    assert await create(database_url, words) == "The user ada is created.\n"
    assert await create(database_url, "bob --workspace default --role analyst") == "The user bob is created.\n"
    ada, bob = await user(database, "ada"), await user(database, "bob")
    assert (ada.is_administrator, ada.display_name, ada.email) == (True, "Ada [red]L", "ada@example.org")
    assert (bob.is_administrator, bob.display_name, bob.email) == (False, None, None)
    assert await has_password(database, "ada", PASSWORD)
    member = await read(database, membership_of, "default", bob.id)
    assert member is not None
    assert member.role == "ANALYST"
    assert await audited(database) == [
        ("user.created", ada.id, {"name": "ada", "is_administrator": True}),
        ("user.created", bob.id, {"name": "bob", "is_administrator": False}),
        ("membership.set", member.id, {"user_id": bob.id, "role": "ANALYST"}),
    ]
    lines = (await said(database_url, "user list")).splitlines()
    assert [line.split() for line in lines if "never" in line] == [
        ["ada", "Ada", "[red]L", "active", "yes", "never"],
        ["bob", "active", "no", "default:", "ANALYST", "never"],
    ]


async def test_an_invitation_sets_a_password(database: Database, database_url: str) -> None:
    code, invitation, error = await call(database_url, "user create ada", ASSAY_SECRET=SECRET)
    assert code == 0
    assert error.splitlines() == [
        "The user ada is created.",
        "Give ada this invitation: /dashboard/invitation/… of a server sets the password, once, within 72 hours.",
    ]
    assert (await user(database, "ada")).password is None
    code, later, _ = await call(database_url, "user invite ada")
    assert code == 0
    now = utcnow()
    for given, is_valid in ((invitation, False), (later, True), (later, False)):
        accepted = await write(database, accept_invitation, digest_of(given.strip()), "encoded", now)
        assert (accepted is not None) is is_valid
    id_ = (await user(database, "ada")).id
    assert await audited(database) == [
        ("user.created", id_, {"name": "ada", "is_administrator": False}),
        ("invitation.created", id_, {}),
        ("invitation.created", id_, {}),
    ]


async def test_a_user_is_deactivated_and_activated(database: Database, database_url: str) -> None:
    await create(database_url, "ada --administrator")
    await create(database_url, "bob --administrator")
    ada = await user(database, "ada")
    await write(database, start_session, ada.id, "hash", Client(), utcnow())
    assert await said(database_url, "user deactivate ada") == "The user ada is inactive.\n"
    assert await said(database_url, "user deactivate ada") == "The user ada is already inactive.\n"
    assert not (await user(database, "ada")).is_active
    assert not await read(database, sessions_of_user, ada.id, utcnow())
    last = "The user bob is the last active administrator: create another one first."
    assert await refused(database_url, "user deactivate bob") == last
    assert (await refused(database_url, "user invite ada")).startswith("The user ada is inactive: ")
    assert await said(database_url, "user activate ada") == "The user ada is active.\n"
    assert (await audited(database))[2:] == [
        ("user.updated", ada.id, {"changed": ["is_active"], "flags": {"is_active": False}}),
        ("user.updated", ada.id, {"changed": ["is_active"], "flags": {"is_active": True}}),
    ]


async def test_roles_are_set(database: Database, database_url: str) -> None:
    await create(database_url, "ada")
    ada = await user(database, "ada")
    for role in ("admin", "ADMIN"):
        assert await said(database_url, f"user role ada default {role}") == "The user ada is ADMIN in default.\n"
    last = "The user ada is the last ADMIN of default: name another one first."
    assert await refused(database_url, "user role ada default viewer") == last
    assert await refused(database_url, "user role ada default none") == last
    await create(database_url, "bob --workspace default --role ADMIN")
    for _ in range(2):
        assert await said(database_url, "user role ada default none") == "The user ada is not a member of default.\n"
    assert await read(database, membership_of, "default", ada.id) is None
    actions = [(action, details) for action, _, details in await audited(database) if details.get("user_id") == ada.id]
    assert actions == [
        ("membership.set", {"user_id": ada.id, "role": "ADMIN"}),
        ("membership.removed", {"user_id": ada.id}),
    ]


async def test_sessions_are_shown_and_ended(database: Database, database_url: str) -> None:
    await create(database_url, "ada")
    ada = await user(database, "ada")
    assert await said(database_url, "user sessions ada") == "The user ada has no open session.\n"
    session = await write(database, start_session, ada.id, "hash", Client("192.0.2.7", "[b]Browser"), utcnow())
    assert session is not None
    shown = await said(database_url, "user sessions ada")
    assert [text for text in (session.id, "192.0.2.7", "[b]Browser") if text not in shown] == []
    assert await said(database_url, "user sessions ada --end") == "Ended sessions of ada: 1.\n"
    assert await said(database_url, "user sessions ada --end") == "Ended sessions of ada: 0.\n"
    assert (await audited(database))[1:] == [("session.revoked", ada.id, {"sessions": 1})]


async def test_wrong_commands_change_nothing(database: Database, database_url: str) -> None:
    name = "a user's name has 1 to 64 of the characters a-z, 0-9, ., _, - and @"
    nobody = "There is no user eve: `server.py user list` shows all."
    place = "There is no workspace none: `server.py workspace list` shows all."
    wrong = {
        "user create ''": (2, f"server.py user create: error: argument NAME: {name}"),
        "user create 'a b'": (2, f"server.py user create: error: argument NAME: {name}"),
        "user create a --role owner": (
            2,
            f"server.py user create: error: argument --role: 'owner' is not a role: the roles are {', '.join(Role)}",
        ),
        "user create a --role viewer": (1, "`--workspace` and `--role` belong together: give both or none."),
        "user create a --workspace none --role viewer": (1, place),
        "user create a --display-name ''": (1, "`--display-name` has 0 characters: it must have from 1 to 200."),
        "user create a --password-stdin": (1, "A password has 12 to 1,000 characters."),
        "user invite eve": (1, nobody),
        "user deactivate eve": (1, nobody),
        "user activate eve": (1, nobody),
        "user sessions eve": (1, nobody),
        "user role eve default viewer": (1, nobody),
        "user crate a": (2, "server.py user: error: there is no command crate: use create"),
    }
    for command, (code, line) in wrong.items():
        assert await refused(database_url, command, code, ASSAY_SECRET=SECRET) == line
    assert await audited(database) == []
    await create(database_url, "ada")
    taken = "There is a user ada, active or not: names are never used twice."
    assert await refused(database_url, "user create ADA", ASSAY_SECRET=SECRET) == taken
    short = "ASSAY_SECRET: The secret has fewer than 32 bytes."
    assert await refused(database_url, "user create bob", ASSAY_SECRET="short") == short
    assert len(await audited(database)) == 1


async def test_the_first_user_of_a_sqlite_file_writes_a_secret(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    code, out, error = await call("", "user create ada --password-stdin", PASSWORD, ASSAY_DATA_DIR=str(folder))
    path = folder / "secret"
    assert (code, out) == (0, "The user ada is created.\n")
    line = f"The secret is written to {path}. Start running servers again: they then require sign-in.\n"
    assert error == line
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secret = path.read_text()
    assert len(keys_of(secret.strip())) == 1
    assert not [name for name in os.listdir(folder) if name.startswith("secret.")]
    code, _, error = await call("", "user create bob --password-stdin", PASSWORD, ASSAY_DATA_DIR=str(folder))
    assert (code, error, path.read_text()) == (0, "", secret)


async def test_a_refused_user_and_a_given_secret_write_none(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'assay.db'}"
    folder = tmp_path / "data"
    line = await refused(url, "user create ada --workspace none --role viewer", ASSAY_DATA_DIR=str(folder))
    assert line.startswith("There is no workspace none: ")
    code, _, error = await call(
        url, "user create ada --password-stdin", PASSWORD, ASSAY_DATA_DIR=str(folder), ASSAY_SECRET=SECRET
    )
    assert (code, error) == (0, "")
    assert not (folder / "secret").exists()


async def test_one_of_concurrent_calls_writes_the_secret(tmp_path: Path) -> None:
    calls = await asyncio.gather(*(asyncio.to_thread(write_secret, tmp_path / "data") for _ in range(8)))
    assert sorted(calls) == [False] * 7 + [True]
    assert os.listdir(tmp_path / "data") == ["secret"]


@pytest.mark.needs("postgresql")
async def test_postgresql_requires_a_secret(tables: None, postgresql_url: str) -> None:
    line = await refused(postgresql_url, "user create ada")
    assert line == "ASSAY_SECRET: Set it to the output of `server.py secret`, the same on every instance."


@pytest.mark.parametrize("second", [PASSWORD, "another password"], ids=["same", "different"])
async def test_a_password_is_read_twice_from_the_terminal(database: Database, database_url: str, second: str) -> None:
    """Check that the terminal does not show the password."""

    def ask() -> tuple[int, bytes, bytes]:
        terminal, end = os.openpty()
        with subprocess.Popen(
            [sys.executable, "server.py", "user", "create", "ada"],
            cwd=ROOT,
            env=os.environ | {"ASSAY_DATABASE_URL": database_url, "ASSAY_SECRET": SECRET},
            stdin=end,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            os.close(end)
            for prompt, answer in ((b"invitation): ", PASSWORD), (b"again: ", second)):
                written = b""
                while not written.endswith(prompt):
                    read_ = process.stderr.read(1)
                    assert read_, written
                    written += read_
                os.write(terminal, answer.encode() + b"\n")
            out, error = process.stdout.read(), process.stderr.read()
            os.close(terminal)
            return process.wait(), out, error

    code, out, error = await asyncio.to_thread(ask)
    assert PASSWORD.encode() not in out + error
    if second == PASSWORD:
        assert (code, out) == (0, b"The user ada is created.\n")
        assert await has_password(database, "ada", PASSWORD)
    else:
        assert (code, out, error.splitlines()[-1]) == (1, b"", b"The two passwords differ.")
        assert await audited(database) == []


async def test_the_page_about_commands_is_right(tmp_path: Path) -> None:
    """Check that the page has each command, and that its commands work in their order."""
    url = f"sqlite:///{tmp_path / 'assay.db'}"
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    found = re.findall(r"^    python server\.py (.+)$", page, flags=re.MULTILINE)
    missing = [name for name in [*ACCOUNTS, "secret"] if not any(f"{each} ".startswith(f"{name} ") for each in found)]
    assert not missing
    for command in found:
        code, _, error = await call(url, command.replace(" ID", " apikey_1"), PASSWORD, ASSAY_SECRET=SECRET)
        assert code == (1 if command.endswith(" ID") else 0), (command, error)
