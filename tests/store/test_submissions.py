"""Submissions: rows equal to those of a read, shared transactions, and failures that concern only their own member."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from store import tables
from store.analyses import analyses_by_id
from store.batches import batch_by_id
from store.idempotency import IdempotencyMismatch, take_key
from store.queue.enqueue import Limits, NewAnalysis
from store.queue.transitions import Fault
from store.sql.clock import utcnow
from store.sql.database import CONNECTIONS, Database
from store.sql.failures import is_full, is_out_of_reach
from store.sql.group import MOST
from store.sql.ids import new_id, new_ids
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.submissions import Key, Submission, Submissions, Submitted
from store.tables import INLINE_BYTES, AnalysisRow
from tests.store.truth import assert_consistent, whole_log
from tests.support import until

LIMITS = Limits(VIEWER.workspace, 60, 3)
OPTIONS = '{"operations":["STATISTICS"]}'
REFUSED = Fault("INPUT_TOO_LARGE", "`text` is too long: it must have at most 5 characters.")
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
# The database refuses a text that begins with "faulty", which no check before it can foresee.
FAULTY_SQLITE = """
    CREATE TRIGGER faulty BEFORE INSERT ON analysis WHEN NEW.input_text LIKE 'faulty%'
    BEGIN SELECT RAISE(ABORT, 'a fault of the test'); END
    """
FAULT = "CREATE FUNCTION fault() RETURNS trigger AS $$ BEGIN {} RETURN NEW; END $$ LANGUAGE plpgsql"
FAULTY_POSTGRESQL = """
    CREATE TRIGGER faulty BEFORE INSERT ON analysis FOR EACH ROW WHEN (NEW.input_text LIKE 'faulty%')
    EXECUTE FUNCTION fault()
    """


@pytest.fixture
async def submissions(database: Database) -> AsyncIterator[Submissions]:
    found = Submissions(database)
    yield found
    await found.close()


@pytest.fixture
def commits(database: Database) -> list[frozenset[str]]:
    """The announcements of each commit."""
    found: list[frozenset[str]] = []
    database.on_commit(found.append)
    return found


def item(content: str = "A text.", **other: Any) -> NewAnalysis:
    return NewAnalysis("text", OPTIONS, 5, input_text=content)._replace(**other)


def submission(content: str = "A text.", *, key: Key | None = None, id_: str | None = None) -> Submission:
    return Submission(id_ or new_id("analysis"), item(content), LIMITS, key)


async def settled(calls: list[Any]) -> list[Submitted | BaseException]:
    return list(await asyncio.gather(*calls, return_exceptions=True))


async def stored(database: Database) -> set[str]:
    async with database.read() as connection:
        return set((await connection.execute(select(tables.analysis.c.id))).scalars())


async def fail_some(database: Database, fault: str = "RAISE EXCEPTION 'a fault of the test';") -> None:
    """Make the database refuse texts that begin with "faulty"; on PostgreSQL by this statement."""
    statements = [FAULTY_SQLITE] if database.is_sqlite else [FAULT.format(fault), FAULTY_POSTGRESQL]
    async with database.write() as connection:
        for statement in statements:
            await connection.execute(text(statement))


def shown(row: AnalysisRow) -> dict[str, Any]:
    """Return the values of a row with their types, by name."""
    return {column.name: (type(value := getattr(row, column.name)), value) for column in tables.shown}


@pytest.mark.parametrize(
    "new",
    [
        item(),
        item("ünïcode 🤷🏽‍♀️"),
        item("x" * INLINE_BYTES),
        item("x" * (INLINE_BYTES + 1)),
        item("ü" * INLINE_BYTES),
        item(""),
        item(options='{"words":["' + "x" * INLINE_BYTES + '"]}', priority=10),
        NewAnalysis("record", "{}", 1, input_data='{"a":[1,2.5,null]}'),
        NewAnalysis("record", "{}", 1, input_data='"' + "x" * INLINE_BYTES + '"'),
        NewAnalysis("record", "{}", 1),
    ],
    ids=["text", "unicode", "inline", "above", "bytes", "empty", "options", "data", "large data", "nothing"],
)
async def test_the_row_is_that_of_a_read(database: Database, submissions: Submissions, new: NewAnalysis) -> None:
    id_ = new_id("analysis")
    submitted = await submissions.submit(Submission(id_, new, Limits(VIEWER.workspace, 86_400, 10)))
    async with database.read() as connection:
        [read] = (await analyses_by_id(connection, VIEWER, [id_])).values()
    assert submitted.row is not None
    assert shown(submitted.row) == shown(read)
    assert vars(submitted.row).keys() == shown(read).keys()


@pytest.mark.parametrize("faults", [[None] * 3, [None, REFUSED, None], [REFUSED] * 3], ids=["none", "one", "all"])
async def test_the_row_of_a_batch_is_that_of_a_read(
    database: Database, submissions: Submissions, faults: list[Fault | None]
) -> None:
    items = [item(key=str(number), fault=fault) for number, fault in enumerate(faults)]
    batch_id = new_id("batch")
    submitted = await submissions.submit_batch(batch_id, "Letters", items, LIMITS, None)
    async with database.read() as connection:
        read = await batch_by_id(connection, VIEWER, batch_id)
    assert read is not None
    assert not isinstance(submitted, str)
    values = {name: getattr(submitted, name) for name in tables.batch.c.keys()}  # noqa: SIM118 - of columns
    assert values == {name: getattr(read, name) for name in values}
    refused = len([fault for fault in faults if fault])
    assert (read.queued, read.failed, read.status) == (3 - refused, refused, "COMPLETED" if refused == 3 else "QUEUED")
    assert database.take_ends() == (Counter({("text", "FAILED"): refused}) if refused else Counter())
    await assert_consistent(database)


async def test_a_thousand_at_once_share_transactions(
    database: Database, submissions: Submissions, commits: list[frozenset[str]]
) -> None:
    ids = new_ids("analysis", 1_000)
    answers = await asyncio.gather(*(submissions.submit(submission(id_=id_)) for id_ in ids))
    assert [answer.id for answer in answers] == ids
    events = await whole_log(database)
    assert [(event.type, event.subject) for event in events] == [("ANALYSIS_QUEUED", id_) for id_ in ids]
    assert commits == [frozenset({"events", "queue", "alone"})] * -(-1_000 // MOST)
    turns = [answer.row.turn for answer in answers if answer.row]
    assert turns == list(range(1_000))
    await assert_consistent(database)


async def test_one_alone_has_a_transaction_of_its_own(submissions: Submissions, commits: list[frozenset[str]]) -> None:
    for _ in range(3):
        await submissions.submit(submission())
    assert len(commits) == 3


async def test_an_answer_comes_after_its_commit(database: Database, submissions: Submissions) -> None:
    async def submit() -> bool:
        answer = await submissions.submit(submission())
        return answer.id in await stored(database)

    assert await asyncio.gather(*(submit() for _ in range(50))) == [True] * 50


async def test_a_faulty_member_fails_alone(database: Database, submissions: Submissions) -> None:
    await fail_some(database)
    members = [submission("faulty" if number % 7 == 3 else f"{number}") for number in range(20)]
    answers = await settled([submissions.submit(member) for member in members])
    good = [member.id for member in members if member.item.input_text != "faulty"]
    assert [answer.id for answer in answers if isinstance(answer, Submitted)] == good
    errors = [answer for answer in answers if isinstance(answer, BaseException)]
    assert len(errors) == 3
    for error in errors:
        assert isinstance(error, DBAPIError)
        assert "a fault of the test" in str(error.orig)
    assert await stored(database) == set(good)
    assert [event.subject for event in await whole_log(database)] == good
    await assert_consistent(database)


async def test_a_failed_member_leaves_its_key_free(database: Database, submissions: Submissions) -> None:
    await fail_some(database)
    key = Key("key", "hash")
    answers = await settled([submissions.submit(submission("faulty", key=key)), submissions.submit(submission())])
    assert isinstance(answers[0], DBAPIError)
    again = submission(key=key)
    assert (await submissions.submit(again)).id == again.id


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_full_disk_fails_only_its_member(database: Database, submissions: Submissions) -> None:
    await submissions.submit(submission())
    async with database.write() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        await connection.execute(text(f"PRAGMA max_page_count = {pages + 100}"))
    members = [submission("x" * 1_000_000 if number == 2 else "small") for number in range(5)]
    answers = await settled([submissions.submit(member) for member in members])
    assert [isinstance(answer, Submitted) for answer in answers] == [True, True, False, True, True]
    assert isinstance(error := answers[2], BaseException)
    assert is_full(error)
    await assert_consistent(database)


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_lost_connection_fails_the_group_without_a_second_try(
    database: Database, submissions: Submissions
) -> None:
    """The commit may have happened: a second try could fail on a stored row, and call it an error."""
    await fail_some(database, "PERFORM pg_terminate_backend(pg_backend_pid());")
    answers = await settled([submissions.submit(submission(each)) for each in ("a", "faulty", "b")])
    assert [isinstance(answer, Exception) and is_out_of_reach(answer) for answer in answers] == [True] * 3
    assert await stored(database) == set()
    again = await submissions.submit(submission())
    assert await stored(database) == {again.id}


async def test_keys_within_a_group(database: Database, submissions: Submissions) -> None:
    """A repeat is answered with the first analysis; another input is refused; the others are queued."""
    one, other = Key("key", "hash"), Key("key", "other hash")
    first, repeat, mismatch, alone = (submission(key=key) for key in (one, one, other, None))
    elsewhere = Submission(new_id("analysis"), item(), LIMITS._replace(workspace="other"), other)
    members = [first, repeat, mismatch, alone, elsewhere]
    answers = await settled([submissions.submit(member) for member in members])
    assert isinstance(answers[2], IdempotencyMismatch)
    found = [answer.id for answer in answers if isinstance(answer, Submitted)]
    assert found == [first.id, first.id, alone.id, elsewhere.id]
    assert await stored(database) == {first.id, alone.id, elsewhere.id}
    later = await submissions.submit(submission(key=one))
    assert later == Submitted(first.id, None)
    with pytest.raises(IdempotencyMismatch):
        await submissions.submit(submission(key=other))
    await assert_consistent(database)


async def test_a_repeated_batch(database: Database, submissions: Submissions) -> None:
    first, second = new_id("batch"), new_id("batch")
    await submissions.submit_batch(first, None, [item()], LIMITS, Key("key", "hash"))
    assert await submissions.submit_batch(second, None, [item()], LIMITS, Key("key", "hash")) == first
    with pytest.raises(IdempotencyMismatch):
        await submissions.submit_batch(second, None, [item()], LIMITS, Key("key", "other"))
    async with database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(tables.batch))).scalar_one() == 1


async def test_two_instances_on_one_database(database: Database) -> None:
    """Both submit the same keys in opposite orders, in groups: one analysis of each key, and no deadlock."""
    other = Database(database.url.render_as_string(hide_password=False))
    here, there = Submissions(database), Submissions(other)
    keys = [Key(f"key {number}", "hash") for number in range(100)]
    try:
        calls = [here.submit(submission(key=key)) for key in keys]
        calls += [there.submit(submission(key=key)) for key in reversed(keys)]
        answers = await asyncio.gather(*calls)
    finally:
        await asyncio.gather(here.close(), there.close())
        await other.close()
    ids = [answer.id for answer in answers]
    assert ids[:100] == ids[:99:-1]
    assert await stored(database) == set(ids)
    assert sorted(event.subject for event in await whole_log(database)) == sorted(set(ids))
    await assert_consistent(database)


async def test_many_kinds_in_one_group_get_turns_as_one_by_one(database: Database, submissions: Submissions) -> None:
    async with database.write() as connection:
        await connection.execute(text("DELETE FROM analysis"))
    given = [(analyzer, priority) for analyzer in ("text", "record") for priority in (5, 7)] * 3
    members = [
        Submission(new_id("analysis"), item(analyzer=analyzer, priority=priority), LIMITS)
        for analyzer, priority in given
    ]
    answers = await asyncio.gather(*(submissions.submit(member) for member in members))
    assert [answer.row.turn for answer in answers if answer.row] == [number // 4 for number in range(12)]
    assert [event.subject for event in await whole_log(database)] == [member.id for member in members]
    now = utcnow()
    assert all(answer.row is not None and answer.row.created_at <= now for answer in answers)


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_canceled_batch_is_rolled_back(database: Database, submissions: Submissions) -> None:
    """Another transaction holds the key, so that the batch waits inside its transaction."""
    async with database.write() as connection:
        await take_key(connection, VIEWER, "key", "hash", "batch_other", utcnow())
        call = asyncio.create_task(
            submissions.submit_batch(new_id("batch"), None, [item()], LIMITS, Key("key", "hash"))
        )
        waiting = text(f"{SESSIONS} AND wait_event_type = 'Lock'")

        async def waits() -> bool:
            async with database.read() as reading:
                return bool((await reading.execute(waiting)).scalar_one())

        await until(waits)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert await stored(database) == set()
    for _ in range(CONNECTIONS):  # none is left inside a transaction
        await submissions.submit(submission())
    async with database.read() as connection:
        idle = text(f"{SESSIONS} AND state LIKE 'idle in%'")
        assert (await connection.execute(idle)).scalar_one() == 0
