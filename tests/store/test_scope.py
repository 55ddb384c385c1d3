"""The workspace of a viewer: one place filters by it, and no read of the store goes around that place."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, union_all, update
from sqlmodel import SQLModel

import store.events
from store import tables
from store.sql.database import Database
from store.sql.scope import EVERYWHERE, mine, mine_or_everywhere, select_mine
from store.sql.viewer import LOCAL_ADMINISTRATOR
from store.statistics import running_batches
from tests import guard
from tests.guard import unscoped
from tests.resolvers.rows import event
from tests.support import ROOT

PACKAGES = ("commands", "events", "jobs", "resolvers", "store", "web")


async def test_a_viewer_sees_the_rows_of_its_workspace(database: Database) -> None:
    async with database.write() as connection:
        for workspace in ("default", "other", "default", tables.NOWHERE):
            row = event(workspace=workspace, subject=workspace)
            await connection.execute(insert(row.table), row.values)
    async with database.read() as connection:
        for viewer, count in ((LOCAL_ADMINISTRATOR, 2), (replace(LOCAL_ADMINISTRATOR, workspace="other"), 1)):
            found = (await connection.execute(select(tables.event).where(mine(tables.event, viewer)))).all()
            assert [row.subject for row in found] == [viewer.workspace] * count
            everything = (await connection.execute(select(tables.event))).all()
            assert select_mine(everything, viewer) == found


async def test_every_viewer_sees_the_events_of_the_installation(database: Database) -> None:
    async with database.write() as connection:
        for workspace in ("default", EVERYWHERE, "other", tables.NOWHERE):
            row = event(workspace=workspace, subject=workspace)
            await connection.execute(insert(row.table), row.values)
    seen = {}
    async with database.read() as connection:
        everything = (await connection.execute(select(tables.event))).all()
        for workspace in ("default", "other"):
            viewer = replace(LOCAL_ADMINISTRATOR, workspace=workspace)
            visible = select(tables.event).where(mine_or_everywhere(tables.event, viewer))
            found = (await connection.execute(visible)).all()
            assert select_mine(everything, viewer) == found
            seen[workspace] = {row.subject for row in found}
    assert seen == {"default": {"default", EVERYWHERE}, "other": {"other", EVERYWHERE}}


def test_only_the_scope_compares_workspaces_with_a_viewer() -> None:
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    comparing = [path for path in files if re.search(r"\.workspace\s*[=!]=\s*\w+\.workspace", path.read_text())]
    assert [str(path.relative_to(ROOT)) for path in comparing] == ["store/sql/scope.py"]


VIEWER = replace(LOCAL_ADMINISTRATOR, workspace="one")
ANALYSIS, BATCH, WORKER = tables.analysis, tables.batch, tables.worker
ITS_ANALYSES = select(ANALYSIS.c.id).where(mine(ANALYSIS, VIEWER))
ALL_ANALYSES = select(ANALYSIS.c.id).where(ANALYSIS.c.status == "QUEUED")
OTHER = ANALYSIS.alias("other")


@pytest.mark.parametrize(
    "statement",
    [
        select(WORKER),
        ITS_ANALYSES,
        select(tables.event).where(mine_or_everywhere(tables.event, VIEWER)),
        select(ANALYSIS).where(ANALYSIS.c.id == "one", (ANALYSIS.c.status == "FAILED") & mine(ANALYSIS, VIEWER)),
        select(BATCH)
        .join(ANALYSIS, (ANALYSIS.c.batch_id == BATCH.c.id) & mine(ANALYSIS, VIEWER))
        .where(mine(BATCH, VIEWER)),
        select(ITS_ANALYSES.subquery()),
        select(ITS_ANALYSES.cte()),
        union_all(ITS_ANALYSES, ITS_ANALYSES),
        select(select(func.count()).select_from(ITS_ANALYSES.subquery()).scalar_subquery()),
        # A condition on rows of one workspace.
        ITS_ANALYSES.where(ANALYSIS.c.batch_id.in_(select(BATCH.c.id))),
        select(WORKER).where(WORKER.c.id.in_(select(ANALYSIS.c.worker_id).where(mine(ANALYSIS, VIEWER)))),
        update(ANALYSIS).where(mine(ANALYSIS, VIEWER)).values(priority=1),
        delete(ANALYSIS).where(mine(ANALYSIS, VIEWER)),
        insert(BATCH).values(id="batch_1", workspace="one"),
        insert(tables.bulk_action_item).from_select(["action_id"], ITS_ANALYSES),
    ],
    ids=lambda _: "",
)
def test_the_guard_knows_statements_of_one_workspace(statement: Any) -> None:
    assert list(unscoped(statement)) == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (select(ANALYSIS), ["analysis"]),
        (ALL_ANALYSES, ["analysis"]),
        (select(func.count()).select_from(ANALYSIS), ["analysis"]),
        (select(ANALYSIS).where(ANALYSIS.c.workspace != "one"), ["analysis"]),
        (select(ANALYSIS).where(ANALYSIS.c.workspace > "one"), ["analysis"]),
        (select(ANALYSIS).where(mine(ANALYSIS, VIEWER) | (ANALYSIS.c.id == "one")), ["analysis"]),
        (select(ANALYSIS).where(~mine(ANALYSIS, VIEWER)), ["analysis"]),
        (select(ANALYSIS).where(mine(OTHER, VIEWER)), ["analysis"]),
        (select(BATCH).join(ANALYSIS, ANALYSIS.c.batch_id == BATCH.c.id).where(mine(BATCH, VIEWER)), ["analysis"]),
        (select(OTHER, ANALYSIS).where(mine(ANALYSIS, VIEWER)), ["other"]),
        (select(ALL_ANALYSES.subquery()), ["analysis"]),
        (select(ALL_ANALYSES.cte()), ["analysis"]),
        (union_all(ITS_ANALYSES, ALL_ANALYSES), ["analysis"]),
        (select(select(func.count()).select_from(ANALYSIS).scalar_subquery()), ["analysis"]),
        (select(WORKER).where(WORKER.c.id.in_(select(ANALYSIS.c.worker_id))), ["analysis"]),
        (update(ANALYSIS).where(ANALYSIS.c.id == "one").values(priority=1), ["analysis"]),
        (update(ANALYSIS).values(workspace="one"), ["analysis"]),
        (delete(ANALYSIS), ["analysis"]),
        (delete(tables.status_count).where(tables.status_count.c.total == 0), ["status_count"]),
        (insert(tables.bulk_action_item).from_select(["action_id"], ALL_ANALYSES), ["analysis"]),
    ],
    ids=lambda _: "",
)
def test_the_guard_finds_statements_of_all_workspaces(statement: Any, found: list[str]) -> None:
    assert sorted(set(unscoped(statement))) == found


async def test_the_guard_fails_a_statement_without_a_reason(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.read() as connection:
        assert await running_batches(connection) == 0
        monkeypatch.setattr(guard, "REASONS", {})
        with pytest.raises(guard.Unscoped, match=r"store/statistics\.py, running_batches: .* of batch"):
            await running_batches(connection)
        with pytest.raises(guard.Unscoped, match=r"store/events\.py, _newest: .* of event"):
            store.events._newest.__wrapped__(database.is_sqlite)
    assert len(guard.found) == 2
    guard.found.clear()


def test_each_reason_belongs_to_a_function() -> None:
    functions = {
        file: set(re.findall(r"^(?:async )?def (\w+)", (ROOT / "store" / file).read_text(), re.MULTILINE))
        for file in guard.REASONS
    }
    unknown = [(file, name) for file, names in guard.REASONS.items() for name in names if name not in functions[file]]
    assert unknown == []


def test_statements_as_text_have_a_reason() -> None:
    names = [table.name for table in SQLModel.metadata.sorted_tables if guard.has_workspaces(table)]
    assert set(names) > {"analysis", "batch", "event", "idempotency"}
    on_them = re.compile(rf"(FROM|UPDATE|INTO|JOIN)\s+({'|'.join(names)})\b")
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    found = {str(path.relative_to(ROOT)) for path in files if on_them.search(path.read_text())}
    assert {name for name in found if not name.startswith("store/migrations/")} == set(guard.TEXTS)
