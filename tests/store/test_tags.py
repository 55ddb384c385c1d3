"""Tags of results: written with the result, deleted with the analysis, and found by the filter. The filter by keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from itertools import combinations
from random import Random
from typing import Any

import orjson
import pytest
from sqlalchemy import select, update

from jobs.cleanup import Ages, clean_up
from store import tables
from store.analyses import AnalysisOrderField, count_analyses, page_of_analyses
from store.batches import delete_batch, insert_batch
from store.bulk_actions import Selection, count_selection
from store.deletions import delete_analyses, delete_analysis
from store.error_groups import error_groups
from store.filters import AnalysisFilter, write_filter
from store.queue import claims, finish
from store.queue.enqueue import NewAnalysis, insert_analyses
from store.queue.finish import End, Origin, Outcome
from store.queue.retries import retry_analyses
from store.queue.tags import MOST_CHARACTERS, MOST_TAGS, tags_of
from store.queue.transitions import Fault
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id, new_ids
from store.sql.paging import PageArguments
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.sql.viewer import Role, Viewer
from store.status_counts import status_counts
from store.tables import AnalysisRow, AnalysisStatus, BulkActionKind
from tests.store.test_results import plans_of, walk
from tests.store.truth import assert_consistent

NOW = utcnow()
OTHER = Viewer("other", "other", Role.ADMIN)
ITEM = NewAnalysis("text", "{}", 5, input_text="x")
TAGS = ["english", "positive", "Positive", "a, b", "é 🎉", "'%_"]


async def claimed(database: Database, count: int, viewer: Viewer = VIEWER, batch_id: str | None = None) -> list[Any]:
    """Insert this many analyses, in this batch or in none, and claim them."""
    terms: dict[str, Any] = {"timeout_seconds": 60, "max_attempts": 3}
    async with database.write() as connection:
        if batch_id is None:
            await insert_analyses(connection, viewer, [ITEM] * count, NOW, **terms)
        else:
            await insert_batch(connection, viewer, batch_id, None, [ITEM] * count, NOW, **terms)
        rows: list[Any] = []
        while len(rows) < count:
            rows += await claims.claim(connection, "w", lambda _: count, NOW)
    return rows


def completed(row: Any, tags: Sequence[str], *, quick: bool = True) -> Outcome:
    """Return the outcome of a row with these tags. `quick`: it is recorded by the columns of the claim alone."""
    result = orjson.dumps({"tags": tags, "summary": "s"}).decode()
    origin = Origin(row.workspace, row.batch_id, row.attempt, row.analyzer) if quick else None
    return Outcome(row.id, row.lease, End.COMPLETED, result, origin=origin, tags=tags_of({"tags": tags}))


async def record(database: Database, outcomes: Sequence[Outcome]) -> list[Outcome]:
    async with database.write() as connection:
        return await finish.finish(connection, outcomes, NOW)


async def stored(database: Database) -> dict[str, set[str]]:
    """Return the stored tags by analysis."""
    found: dict[str, set[str]] = {}
    async with database.read() as connection:
        for row in (await connection.execute(select(tables.analysis_tag))).all():
            found.setdefault(row.analysis_id, set()).add(row.tag)
    return found


async def ids_of(database: Database, where: AnalysisFilter, viewer: Viewer = VIEWER) -> set[str]:
    async with database.read() as connection:
        return {row.id for row in (await page_of_analyses(connection, viewer, where, PageArguments(1000))).rows}


@pytest.mark.parametrize(
    ("result", "tags"),
    [
        ({}, []),
        ({"tags": []}, []),
        ({"tags": None}, []),
        ({"tags": "abc"}, []),
        ({"tags": {"a": "b"}}, []),
        ({"tags": ["b", 1, None, ["c"], "a", "b", ""]}, ["b", "a", ""]),
        ({"tags": ["é" * MOST_CHARACTERS]}, ["é" * MOST_CHARACTERS]),
        ({"tags": ["é" * (MOST_CHARACTERS + 1), "a"]}, ["a"]),
        ({"tags": [str(n) for n in range(MOST_TAGS + 1)]}, [str(n) for n in range(MOST_TAGS)]),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_tags_that_a_filter_finds(result: dict[str, Any], tags: list[str]) -> None:
    assert tags_of(result) == tags


async def test_the_longest_tags_can_be_stored(database: Database) -> None:
    tags = [f"{number:03}".ljust(MOST_CHARACTERS, "🎉") for number in range(MOST_TAGS)]
    [row] = await claimed(database, 1)
    assert len(await record(database, [completed(row, tags)])) == 1
    assert await stored(database) == {row.id: set(tags)}
    assert await ids_of(database, AnalysisFilter(tags=tags[-10:])) == {row.id}


@pytest.mark.parametrize("quick", [True, False])
async def test_tags_are_written_with_the_result_and_only_for_a_valid_lease(database: Database, quick: bool) -> None:
    rows = await claimed(database, 4)
    outcomes = [completed(row, [TAGS[0], TAGS[number]], quick=quick) for number, row in enumerate(rows[:3])]
    outcomes[1] = outcomes[1]._replace(lease="another")
    outcomes.append(Outcome(rows[3].id, rows[3].lease, End.FAILED, fault=Fault("ANALYZER_FAILED", "no")))
    held = await record(database, outcomes)
    assert {each.id for each in held} == {rows[0].id, rows[2].id, rows[3].id}
    assert await stored(database) == {rows[0].id: {TAGS[0]}, rows[2].id: {TAGS[0], TAGS[2]}}
    assert await record(database, outcomes) == []
    await assert_consistent(database)


async def test_a_retry_of_all_keeps_the_tags_of_completed_analyses(database: Database) -> None:
    rows = await claimed(database, 2)
    fault = Fault("ANALYZER_FAILED", "no")
    await record(database, [completed(rows[0], ["a"]), Outcome(rows[1].id, rows[1].lease, End.FAILED, fault=fault)])
    async with database.write() as connection:
        assert await retry_analyses(connection, VIEWER, now=NOW) == [rows[1].id]
        [again] = await claims.claim(connection, "w", lambda _: 1, NOW)
    await record(database, [completed(again, ["b"])])
    assert await stored(database) == {rows[0].id: {"a"}, rows[1].id: {"b"}}
    await assert_consistent(database)


async def test_a_deletion_leaves_no_tags(database: Database) -> None:
    batch_id = new_id("batch")
    alone, items = await claimed(database, 6), await claimed(database, 6, batch_id=batch_id)
    await record(database, [completed(row, ["a", row.id]) for row in alone + items])
    left = [*alone, *items]
    assert (await stored(database)).keys() == {row.id for row in left}
    async with database.write() as connection:
        assert await delete_analysis(connection, VIEWER, alone[0].id, NOW)
        some = tables.analysis.c.id.in_([alone[1].id, items[0].id])
        assert await delete_analyses(connection, VIEWER, some, now=NOW) == 2
    assert (await stored(database)).keys() == {row.id for row in alone[2:] + items[1:]}
    async with database.write() as connection:
        assert await delete_batch(connection, VIEWER, batch_id, NOW)
    assert (await stored(database)).keys() == {row.id for row in alone[2:]}


async def test_the_clean_up_leaves_no_tags(database: Database) -> None:
    batch_id = new_id("batch")
    old, items = await claimed(database, 3), await claimed(database, 3, batch_id=batch_id)
    await record(database, [completed(row, ["a"]) for row in old + items])
    [young] = await claimed(database, 1)
    await record(database, [completed(young, ["a"])])
    ended = {"finished_at": NOW - timedelta(days=9)}
    async with database.write() as connection:
        of_old = tables.analysis.c.id.in_([row.id for row in old + items])
        await connection.execute(update(tables.analysis).where(of_old).values(ended))
        await connection.execute(update(tables.batch).values(ended))
    assert await clean_up(database, Ages(analyses=timedelta(days=5))) is not None
    assert await stored(database) == {young.id: {"a"}}


async def tagged(database: Database) -> list[AnalysisRow]:
    """Insert 80 analyses with random tags in two workspaces, and 10 of each without a result. Returns all rows."""
    random = Random(5)
    for viewer in (VIEWER, OTHER):
        rows = await claimed(database, 45, viewer)
        fault = Fault("ANALYZER_FAILED", "no")
        outcomes = [completed(row, random.sample(TAGS, random.randint(0, 4))) for row in rows[:40]]
        await record(database, [*outcomes, Outcome(rows[40].id, rows[40].lease, End.FAILED, fault=fault)])
    async with database.read() as connection:
        return list((await connection.execute(select(tables.analysis))).all())  # type: ignore[arg-type]


def has(row: AnalysisRow, where: AnalysisFilter) -> bool:
    """Whether the row matches a filter of tags, statuses and exclusions."""
    tags = orjson.loads(row.result)["tags"] if row.result else []
    return (
        set(where.tags or ()) <= set(tags)
        and (where.status is None or row.status in where.status)
        and not (where.excluded is not None and has(row, where.excluded))
    )


FILTERS = [
    AnalysisFilter(tags=[]),
    *(AnalysisFilter(tags=[tag]) for tag in [*TAGS, "none", "", "POSITIVE", "%"]),
    *(AnalysisFilter(tags=pair) for pair in combinations(TAGS, 2)),
    AnalysisFilter(tags=TAGS[:3]),
    AnalysisFilter(tags=TAGS),
    AnalysisFilter(tags=TAGS[:1], status=[AnalysisStatus.COMPLETED]),
    AnalysisFilter(tags=TAGS[:1], status=[AnalysisStatus.FAILED, AnalysisStatus.RUNNING]),
    AnalysisFilter(tags=TAGS[:1], excluded=AnalysisFilter(tags=TAGS[1:2])),
    AnalysisFilter(excluded=AnalysisFilter(tags=TAGS[:2])),
    AnalysisFilter(excluded=AnalysisFilter(tags=["none"])),
    AnalysisFilter(excluded=AnalysisFilter(tags=TAGS[:1], status=[AnalysisStatus.COMPLETED])),
]


async def test_the_filter_finds_analyses_with_all_of_the_tags(database: Database) -> None:
    rows = await tagged(database)
    for where in FILTERS:
        for viewer in (VIEWER, OTHER):
            expected = [row for row in rows if row.workspace == viewer.workspace and has(row, where)]
            assert await ids_of(database, where, viewer) == {row.id for row in expected}, where
            async with database.read() as connection:
                assert await count_analyses(connection, viewer, where) == len(expected)
                selection = Selection(BulkActionKind.DELETE, where, (), NOW)
                assert (await count_selection(connection, viewer, selection)).matched == len(expected)
                failed = [row for row in expected if row.status == AnalysisStatus.FAILED]
                groups = await error_groups(connection, viewer, where, 10)
                assert sum(group.count for group in groups) == len(failed)
                if where.status is None:
                    counts = await status_counts(connection, viewer, where)
                    found = {each.status: each.count for each in counts}
                    assert found == {status: sum(row.status == status for row in expected) for status in AnalysisStatus}


async def test_pages_of_a_tag_are_complete_in_each_order(database: Database) -> None:
    rows = await tagged(database)
    where = AnalysisFilter(tags=TAGS[:1])
    expected = {row.id for row in rows if row.workspace == VIEWER.workspace and has(row, where)}
    assert len(expected) > 6
    for order in AnalysisOrderField:

        async def read(connection: Any, page: PageArguments, order: AnalysisOrderField = order) -> Any:
            return await page_of_analyses(connection, VIEWER, where, page, order=order)

        met = await walk(database, read, 3, backward=False)
        assert (len(met), {row.id for row in met}) == (len(expected), expected)
        assert await walk(database, partial(read), 3, backward=True) == met


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_tag_is_found_by_its_key(database: Database) -> None:
    await tagged(database)
    for where in (AnalysisFilter(tags=TAGS[:2]), AnalysisFilter(tags=TAGS[:1], status=[AnalysisStatus.COMPLETED])):
        async with plans_of(database) as plans, database.read() as connection:
            await page_of_analyses(connection, VIEWER, where, PageArguments(5))
            await count_analyses(connection, VIEWER, where)
            await status_counts(connection, VIEWER, where)
        steps = {plan for plan in plans if "analysis" in plan}
        assert "SEARCH analysis_tag USING PRIMARY KEY (workspace=? AND tag=?)" in steps
        assert [plan for plan in steps if plan.startswith("SCAN")] == []
        assert [plan for plan in plans if "TEMP B-TREE" in plan] == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_keys_are_found_by_their_index(database: Database) -> None:
    keyed = [ITEM._replace(key=key) for key in ("a", "b", "a", "c", None)]
    ids = new_ids("analysis", len(keyed))
    async with database.write() as connection:
        await insert_analyses(connection, VIEWER, keyed, NOW, timeout_seconds=60, max_attempts=3, ids=ids)
    for order in AnalysisOrderField:
        where = AnalysisFilter(key=["a", "b", "none"])
        async with plans_of(database) as plans, database.read() as connection:
            page = await page_of_analyses(connection, VIEWER, where, PageArguments(5), order=order)
            assert await count_analyses(connection, VIEWER, where) == 3
        assert {row.id for row in page.rows} == set(ids[:3])
        assert "SEARCH keyed USING COVERING INDEX analysis_key (workspace=? AND key=?)" in plans
    assert await ids_of(database, AnalysisFilter(key=["a"]), OTHER) == set()
    assert await ids_of(database, AnalysisFilter(excluded=AnalysisFilter(key=["a"]))) == {ids[1], *ids[3:]}


def test_a_filter_of_tags_as_json() -> None:
    assert write_filter(AnalysisFilter(tags=["é", "b"])) == '{"tags":["é","b"]}'
    assert AnalysisFilter(tags=[]).matches_all
    assert not AnalysisFilter(tags=["a"]).matches_all
    assert not AnalysisFilter(tags=[]).matches_none
