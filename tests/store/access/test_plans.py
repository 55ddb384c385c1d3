"""No lookup for a request, a refresh or a sign-in reads a whole table."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from store.access.api_keys import api_keys_of_user, revoke_api_key, touch_api_key
from store.access.audit import AuditFilter, audit_after, audit_by_id, page_of_audit
from store.access.changes import changes_after, last_change
from store.access.identities import identify_external, identify_key, identify_session
from store.access.invitations import accept_invitation, create_invitation
from store.access.memberships import membership_of, memberships_of_user, page_of_members
from store.access.refresh import refresh
from store.access.sessions import Client, end_sessions, sessions_of_user, start_session, trim_sessions
from store.access.users import set_password, user_by_name, user_by_subject, users_by_id
from store.access.workspaces import workspace_by_slug, workspaces_by_id, workspaces_by_key
from store.sql.database import Database
from store.sql.paging import PageArguments
from tests.resolvers.rows import NOW
from tests.store.access.calls import Caller

CALLER = Caller("default", "user_1")
PAGE = PageArguments()
CALLS: dict[Any, tuple[Any, ...]] = {
    identify_session: ("signin_1", NOW),
    identify_external: ("issuer", "subject"),
    identify_key: ("hash", NOW),
    refresh: ("t0", "t1", "kid", NOW),
    start_session: ("user_1", "t0", Client(), NOW),
    end_sessions: ("user_1", NOW),
    sessions_of_user: ("user_1", NOW),
    trim_sessions: (NOW, 1),
    create_invitation: ("user_1", "hash", NOW),
    accept_invitation: ("hash", "encoded", NOW),
    set_password: ("user_1", "encoded", NOW),
    user_by_name: ("ada",),
    user_by_subject: ("issuer", "subject"),
    users_by_id: (["user_1"],),
    membership_of: ("default", "user_1"),
    memberships_of_user: (CALLER, "user_1"),
    page_of_members: ("default", PAGE),
    workspace_by_slug: ("default",),
    workspaces_by_id: (["workspace_1"],),
    workspaces_by_key: (["default"],),
    api_keys_of_user: ("user_1",),
    revoke_api_key: ("default", "apikey_1", NOW),
    touch_api_key: ("apikey_1", NOW),
    changes_after: (0,),
    last_change: (),
    page_of_audit: ("default", AuditFilter(), PAGE),
    audit_after: ("default", None, 1),
    audit_by_id: ("default", ["audit_1"]),
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_lookups_use_an_index(database: Database) -> None:
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        statements.append((statement, values[0] if many else values))

    engine = database._writer.sync_engine
    scans = []
    for function, arguments in CALLS.items():
        statements.clear()
        event.listen(engine, "before_cursor_execute", note)
        async with database.write() as connection:
            await function(connection, *arguments)
        event.remove(engine, "before_cursor_execute", note)
        planned = [each for each in statements if not each[0].startswith("BEGIN")]
        assert planned, function
        async with database.write() as connection:
            for statement, values in planned:
                plan: Any = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)).all()
                scans += [(function.__name__, row[3]) for row in plan if row[3].startswith(("SCAN", "MATERIALIZE"))]
    assert scans == []
