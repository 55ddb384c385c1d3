"""The commands of workspaces and API keys, each in a process of its own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from access.opaque import Kind, digest_of, is_token
from store.access.identities import identify_key
from store.access.workspaces import workspace_by_slug
from store.sql.clock import utcnow
from store.sql.database import Database
from tests.commands.calls import call, refused, said
from tests.commands.test_users import audited, create, user
from tests.store.access.calls import read

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("prompt")]


async def test_a_key_is_created_listed_and_revoked(database: Database, database_url: str) -> None:
    assert await said(database_url, "workspace create lab --name '[b]Lab'") == "The workspace lab is created.\n"
    assert await refused(database_url, "workspace create lab") == "There is a workspace lab: choose another slug."
    shown = (await said(database_url, "workspace list")).splitlines()
    assert [line.split()[:3] for line in shown if "lab" in line] == [["lab", "[b]Lab", "0"]]
    assert await said(database_url, "key list") == "There is no API key.\n"
    await create(database_url, "ada --workspace lab --role analyst")
    command = "key create [i]Import --user ada --workspace lab --role"
    more = "The user ada is ANALYST in lab: a key has at most this role."
    assert await refused(database_url, f"{command} admin") == more
    none = "The user ada is not a member of default: the user of a key is one."
    assert await refused(database_url, "key create a --user ada --workspace default --role viewer") == none
    code, out, error = await call(database_url, f"{command} viewer --days 7")
    key = out.strip()
    assert (code, is_token(Kind.API_KEY, key), error.count("\n")) == (0, True, 1)
    found = await read(database, identify_key, digest_of(key), utcnow())
    assert found is not None
    assert (found.place.slug, found.place.role, found.user_id) == ("lab", "VIEWER", (await user(database, "ada")).id)
    assert found.expires_at is not None
    assert timedelta(days=6) < found.expires_at - utcnow() <= timedelta(days=7)
    for listed in ("key list", "key list --workspace lab"):
        rows = [line.split() for line in (await said(database_url, listed)).splitlines() if found.id in line]
        assert [row[:6] for row in rows] == [[found.id, "[i]Import", key[:12], "lab", "VIEWER", "ada"]]
    assert await said(database_url, "key list --workspace default") == "There is no API key.\n"
    assert await said(database_url, f"key revoke {found.id}") == f"The API key {found.id} is revoked.\n"
    assert await said(database_url, f"key revoke {found.id}") == f"The API key {found.id} is already revoked.\n"
    assert await read(database, identify_key, digest_of(key), utcnow()) is None
    place = await read(database, workspace_by_slug, "lab")
    assert place is not None
    entries = await audited(database)
    assert entries[0] == ("workspace.created", place.id, {"slug": "lab", "name": "[b]Lab"})
    assert [(action, id_) for action, id_, _ in entries[3:]] == [
        ("apikey.created", found.id),
        ("apikey.revoked", found.id),
    ]
    assert key not in str(entries)


async def test_wrong_commands_change_nothing(database: Database, database_url: str) -> None:
    await create(database_url, "ada --administrator")
    unknown = f"apikey_{(await user(database, 'ada')).id.removeprefix('user_')}"
    key = "key create a --user ada --workspace default --role viewer"
    place = "There is no workspace none: `server.py workspace list` shows all."
    slug = "a workspace's slug has 1 to 40 of the characters a-z, 0-9 and -"
    wrong = {
        "workspace create A": (2, f"server.py workspace create: error: argument SLUG: {slug}"),
        "workspace create a --name ''": (1, "`--name` has 0 characters: it must have from 1 to 200."),
        f"{key} --days 36501": (
            2,
            "server.py key create: error: argument --days: '36501' is not a number from 0 to 36500",
        ),
        key.replace("default", "none"): (1, place),
        key.replace("ada", "eve"): (1, "There is no user eve: `server.py user list` shows all."),
        "key list --workspace none": (1, place),
        "key revoke ada": (1, "'ada' is not the id of an API key: the form is apikey_…"),
        f"key revoke {unknown}": (1, f"There is no API key {unknown}: `server.py key list` shows all."),
    }
    for command, (code, line) in wrong.items():
        assert await refused(database_url, command, code) == line
    assert len(await audited(database)) == 1
    code, out, error = await call(database_url, f"{key} --days 0")
    assert (code, is_token(Kind.API_KEY, out.strip()), "never expires" in error) == (0, True, True)
