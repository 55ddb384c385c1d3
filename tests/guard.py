"""A guard of all tests: a statement of the program on a table with workspaces has a condition on the workspace.

`REASONS` lists the functions with statements for all workspaces. Other statements raise `Unscoped`. Statements as text
are in `TEXTS`, which tests/store/test_scope.py compares with the files.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

import pytest
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import operators
from sqlalchemy.sql.dml import Delete, Insert, Update
from sqlalchemy.sql.elements import BinaryExpression, BooleanClauseList, ClauseElement, Grouping
from sqlalchemy.sql.selectable import Alias, CompoundSelect, Join, Select

from store.sql.short import Statement
from tests.support import ROOT

WORKERS = "Workers and the keeper serve the queue of all workspaces."
CLEAN_UP = "The clean-up goes by age alone."
COPY = "A backup has all workspaces."
LOG = "The log has one order for all workspaces: the reader of a server selects each viewer's events afterwards."
FOUND = "The ids come from a statement with a condition on the workspace, in the same transaction."
FIGURES = "Figures of the whole installation."
INDEX = "The kept numbers of all workspaces are compared or counted again."

# By file in store/ and function.
REASONS: Mapping[str, Mapping[str, str]] = {
    "analyses.py": {
        "ended_analyses": CLEAN_UP,
        "count_old_analyses": CLEAN_UP,
        "delete_lone_analyses": CLEAN_UP,
    },
    "backup.py": {"back_up": COPY, "restore": COPY, "_take": COPY, "_begin_log": COPY},
    "batches.py": {
        "time_out_batches": WORKERS,
        "stop_batch": "The caller gives the condition: the keeper's is the deadline.",
        "_stop_items": FOUND,
        "go_on_stopping": WORKERS,
        "bring_deadlines_near": WORKERS,
        "next_deadline": WORKERS,
        "go_on_deleting": WORKERS,
        "_delete_items": FOUND,
        "ended_batches": CLEAN_UP,
        "delete_batches": CLEAN_UP,
        "count_old_batches": CLEAN_UP,
    },
    "bulk_actions.py": {
        "count_selection": "Whether the batches of the viewer's analyses are open.",
        "_delete": CLEAN_UP,
        "count_old_bulk_actions": CLEAN_UP,
    },
    "bulk_slices.py": {"running_actions": WORKERS, "carry_out": WORKERS, "release": WORKERS},
    "cursors.py": {"_at_place": LOG, "cursor_at": LOG},
    "deletions.py": {"delete_analyses": FOUND},
    "emptying.py": {"deleted_with_data": "Deleted workspaces of which any row is left."},
    "events.py": {
        "events_after": LOG,
        "last_event": LOG,
        "oldest_behind": LOG,
        "_newest": LOG,
        "oldest_held_back": LOG,
    },
    "history.py": {"levels": FIGURES},
    "idempotency.py": {"trim_keys": CLEAN_UP},
    "ingest.py": {"break_silent_streams": WORKERS},
    "queue/finish.py": {"_finish_read": WORKERS, "report_progress": WORKERS, "lock_batches_of": FOUND},
    "queue/leases.py": {
        "stops": WORKERS,
        "next_wake": WORKERS,
        "lost": WORKERS,
        "running_leases": WORKERS,
        "renew": WORKERS,
        "wake_waiting": WORKERS,
    },
    "queue/retries.py": {
        "_figures": "The items of the viewer's batches.",
        "go_on_retrying": WORKERS,
        "_retry_slice": FOUND,
        "_reopen_batches": FOUND,
    },
    "queue/status_counts.py": {"correct": INDEX, "count_again": INDEX},
    "queue/tags.py": {"delete_tags": FOUND},
    "retention.py": {"delete_events": CLEAN_UP, "count_old_events": CLEAN_UP},
    "statistics.py": {
        "analyzer_figures": FIGURES,
        "batch_figures": FIGURES,
        "running_batches": FIGURES,
        "queue_figures": FIGURES,
        "storage_figures": FIGURES,
    },
}

# These execute a statement or a condition of their caller, which needs the reason.
_OF_CALLERS = {
    *("shown", "_in_front", "stop_queued", "_delete_analyses", "lock_batches_where", "oldest_by_lane", "_rows_in"),
    *("_batch_durations",),
}

# Files with statements as text on these tables, and the reasons.
TEXTS: Mapping[str, str] = {
    "store/changes.py": LOG,
    "store/events.py": "An INSERT with the workspace.",
    "store/idempotency.py": "An INSERT with the workspace, which is a part of the key.",
    "store/queue/claims.py": WORKERS,
    "store/queue/enqueue.py": "The turn of an item of the batch that the caller submits.",
    "store/queue/fairness.py": WORKERS,
    "store/queue/finish.py": WORKERS,
    "store/queue/status_counts.py": "Changes of the kept numbers, by workspace.",
    "store/queue/transitions.py": "The batch of changed analyses.",
    "store/sql/history.py": "The move of the whole log to another cluster.",
}


class Unscoped(AssertionError):
    """A statement reads or changes rows of all workspaces, without a reason."""


found: list[Unscoped] = []
"""The errors so far. The program may catch one: the test fails at its end."""


def unscoped(statement: Any) -> Iterator[str]:
    """Yield the tables with workspaces whose rows the statement returns or changes without a condition on them.

    A subquery of a condition may look at all rows if the condition selects among rows of one workspace. An INSERT
    always sets the workspace; its SELECT is checked.
    """
    froms: list[Any]
    conditions: list[Any]
    if isinstance(statement, (Update, Delete)):
        froms, conditions = [statement.table], list(statement._where_criteria)
    elif isinstance(statement, Select):
        froms, conditions = list(statement.get_final_froms()), list(statement._where_criteria)
        for column in statement._raw_columns:
            yield from () if isinstance(column, Table) else unscoped_below(column)
    elif isinstance(statement, Insert):
        yield from unscoped(statement.select)
        return
    elif isinstance(statement, CompoundSelect):
        for part in statement.selects:
            yield from unscoped(part)
        return
    else:
        return
    scoped = False
    for each in froms:
        if isinstance(each, Join):
            froms += (each.left, each.right)
            conditions.append(each.onclause)
    for each in froms:
        if not has_workspaces(each):
            yield from unscoped_below(each)
        elif any(_is_scoped(condition, each) for condition in conditions):
            scoped = True
        else:
            yield getattr(each, "name", str(each))
    if not scoped:
        for condition in conditions:
            yield from unscoped_below(condition)


def unscoped_below(part: Any) -> Iterator[str]:
    """Yield the same for all statements inside a part of a statement."""
    if isinstance(part, (Select, CompoundSelect, Update, Delete, Insert)):
        yield from unscoped(part)
    elif isinstance(part, ClauseElement) and not isinstance(part, (Table, Join)):
        for each in part.get_children():
            yield from unscoped_below(each)


def has_workspaces(each: Any) -> bool:
    """Return whether this is a table of a subject with workspaces, or an alias of one."""
    table = each.element if isinstance(each, Alias) else each
    return isinstance(table, Table) and "workspace" in table.c and table.name not in _OF_ACCESS


# The functions of these take a user, a credential or a workspace.
_OF_ACCESS = {"api_key", "audit", "membership"}


def _is_scoped(condition: Any, table: Any) -> bool:
    """Return whether the condition holds for rows of given workspaces alone."""
    if isinstance(condition, Grouping):
        return _is_scoped(condition.element, table)
    if isinstance(condition, BooleanClauseList):
        whole = all if condition.operator is operators.or_ else any
        return whole(_is_scoped(each, table) for each in condition.clauses)
    if isinstance(condition, BinaryExpression) and condition.operator in (operators.eq, operators.in_op):
        return any(each is table.c.workspace for each in (condition.left, condition.right))
    return False


def check(statement: Any) -> None:
    """Raise Unscoped for a statement of the program on rows of all workspaces, if its function has no reason."""
    names = sorted(set(unscoped(statement)))
    if not names:
        return
    file, function = _function()
    if not file.startswith("tests/") and function not in REASONS.get(file.removeprefix("store/"), {}):
        error = Unscoped(f"{file}, {function}: no condition on the workspace of {', '.join(names)}: {statement}")
        found.append(error)
        raise error


def _function() -> tuple[str, str]:
    """Return the file and name of the function that made the present statement."""
    frame: FrameType | None = sys._getframe(2)
    folder = f"{ROOT}/"
    while frame is not None:
        file, name = frame.f_code.co_filename.removeprefix(folder), frame.f_code.co_name
        is_own = frame.f_code.co_filename.startswith(folder) and not file.startswith((".venv/", "store/sql/"))
        # Comprehensions and generators are parts of their functions.
        if is_own and not name.startswith("<") and name not in _OF_CALLERS and frame.f_globals["__name__"] != __name__:
            return file, name
        frame = frame.f_back
    return "?", "?"


def install(patch: pytest.MonkeyPatch) -> None:
    """Check each statement that SQLAlchemy executes or `store.sql.short` compiles."""
    execute, compile_ = AsyncConnection.execute, Statement.__init__

    async def checked_execute(connection: AsyncConnection, statement: Any, *arguments: Any, **options: Any) -> Any:
        check(statement)
        return await execute(connection, statement, *arguments, **options)

    def checked_compile(self: Statement, statement: Any, *, sqlite: bool) -> None:
        check(statement)
        compile_(self, statement, sqlite=sqlite)

    patch.setattr(AsyncConnection, "execute", checked_execute)
    patch.setattr(Statement, "__init__", checked_compile)
