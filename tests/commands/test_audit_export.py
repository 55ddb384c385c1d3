"""`audit export`, in a process of its own."""

from __future__ import annotations

import csv
import json
from io import StringIO

import pytest

from store.access.audit import Actor, AuditEntry, write_audit
from store.sql.clock import utcnow
from store.sql.database import Database
from store.tables import AuditAction, AuditActorKind
from tests.commands.calls import refused, said
from tests.commands.test_users import create
from tests.store.access.calls import write

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("prompt")]


async def test_the_log_is_exported(database: Database, database_url: str) -> None:
    await create(database_url, "ada --workspace default --role admin")
    actor = Actor(AuditActorKind.ANONYMOUS, "=HYPERLINK(1)")
    entry = AuditEntry(action=AuditAction.SIGN_IN_THROTTLED, actor=actor, details={"a": 1})
    formula = await write(database, write_audit, entry, utcnow())
    rows = [json.loads(line) for line in (await said(database_url, "audit export")).splitlines()]
    actions = ["user.created", "membership.set", "signin.throttled", "audit.exported"]
    assert [row["action"] for row in rows] == actions
    assert (rows[2]["id"], rows[2]["actorName"], rows[2]["details"]) == (formula.id, "=HYPERLINK(1)", {"a": 1})
    after = await said(database_url, f"audit export --format csv --after {rows[1]['id']}")
    cells = list(csv.DictReader(StringIO(after)))
    assert [cell["action"] for cell in cells][:2] == ["signin.throttled", "audit.exported"]
    assert (cells[0]["actorName"], json.loads(cells[0]["details"])) == ("'=HYPERLINK(1)", {"a": 1})
    ours = [json.loads(line) for line in (await said(database_url, "audit export --workspace default")).splitlines()]
    assert ours[0] == rows[1]
    assert {row["workspace"] for row in ours} == {"default"}
    unknown = "There is no audit entry audit_1: it must be an id of this log."
    assert await refused(database_url, "audit export --after audit_1") == unknown
