"""The query and the subscription `metrics`, over a real database, through the executor."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import event as sql_event

from execution.executor import Executor, OperationRequest
from execution.subscriptions import Stream
from resolvers.context import Context, Services
from resolvers.metrics import BLOBS
from resolvers.monitor import Monitor
from store.queue.timings import Timings, minute_of
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.viewer import LOCAL_ADMINISTRATOR
from tests.resolvers.conftest import Ask
from tests.resolvers.rows import NOW, analysis, batch, event, timing, worker
from tests.support import until

Add = Callable[..., Awaitable[None]]


@pytest.fixture
def statements(database: Database) -> list[str]:
    """Return a list to which every later read statement is added."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("INSERT"):  # on PostgreSQL, reads and writes share an engine
            asked.append(statement)

    sql_event.listen(database._reader.sync_engine, "before_cursor_execute", note)
    return asked


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_instance_and_its_start(ask: Ask) -> None:
    found = (await ask("{ metrics { timestamp instance uptimeSeconds } }"))["metrics"]
    assert found["instance"] == "server:1"
    assert found["uptimeSeconds"] > 0
    assert found["timestamp"].endswith("Z")


async def test_batches(ask: Ask, add: Add) -> None:
    now = utcnow()
    await add(
        batch(processed=90, failed=10, started_at=now - timedelta(milliseconds=250), finished_at=now),
        batch("RUNNING", processed=5, failed=0, running=5, started_at=NOW),
    )
    query = "{ metrics { batches { total running itemsProcessed itemsFailed latency { p50Ms p99Ms } } } }"
    assert (await ask(query))["metrics"]["batches"] == {
        "total": 2,
        "running": 1,
        "itemsProcessed": 95,
        "itemsFailed": 10,
        "latency": {"p50Ms": 250.0, "p99Ms": 250.0},
    }


async def test_the_queue(ask: Ask, add: Add) -> None:
    query = """{ metrics { queue {
        depth running oldestSeconds byPriority { priority depth oldestSeconds } byAnalyzer { analyzer depth } } } }"""
    nothing: dict[str, Any] = {"depth": 0, "running": 0, "oldestSeconds": None, "byPriority": [], "byAnalyzer": []}
    assert (await ask(query))["metrics"]["queue"] == nothing
    since = utcnow() - timedelta(seconds=100)
    later = utcnow() + timedelta(hours=1)  # written before the clock was set back
    await add(
        analysis(priority=10, updated_at=later),
        analysis(priority=2, updated_at=since),
        analysis(priority=2, updated_at=later),
        analysis("RUNNING"),
    )
    found = (await ask(query))["metrics"]["queue"]
    oldest = found.pop("oldestSeconds")
    assert oldest >= 100
    assert found == {
        "depth": 3,
        "running": 1,
        "byPriority": [
            {"priority": 10, "depth": 1, "oldestSeconds": 0.0},
            {"priority": 2, "depth": 2, "oldestSeconds": oldest},
        ],
        "byAnalyzer": [{"analyzer": "text", "depth": 3}],
    }


async def test_the_workers_recent_rates_and_latencies(ask: Ask, add: Add) -> None:
    query = """{ metrics {
        batches { itemsPerSecond }
        queue {
            throughput { lastTenSeconds lastFiveMinutes }
            latency { waiting { p50Ms } processing { p50Ms p95Ms p99Ms } total { p50Ms } }
        }
    } }"""
    none = dict.fromkeys(("p50Ms", "p95Ms", "p99Ms"))
    assert (await ask(query))["metrics"] == {
        "batches": {"itemsPerSecond": 0.0},
        "queue": {
            "throughput": {"lastTenSeconds": 0.0, "lastFiveMinutes": 0.0},
            "latency": {"waiting": {"p50Ms": None}, "processing": none, "total": {"p50Ms": None}},
        },
    }
    now = utcnow()
    # 10 analyses ended in every second from six minutes ago (rates end a second before now) to one minute ahead, which
    # bounds the test's duration.
    for minute in range(minute_of(now) - 6, minute_of(now) + 2):
        counted = Timings(seconds=Counter(dict.fromkeys(range(minute * 60, minute * 60 + 60), 6)))
        counted.processing.record(16_000, 600)
        other = Timings(seconds=Counter(dict.fromkeys(range(minute * 60, minute * 60 + 60), 4)))
        other.waiting.record(1_000_000, 3)
        await add(timing(minute, counted, "one"), timing(minute, other, "two"))
    found = (await ask(query))["metrics"]
    assert found["batches"] == {"itemsPerSecond": 10.0}
    latency = found["queue"].pop("latency")
    assert found["queue"] == {"throughput": {"lastTenSeconds": 10.0, "lastFiveMinutes": 10.0}}
    assert latency == {
        "waiting": {"p50Ms": pytest.approx(1000, rel=1 / 32)},
        "processing": {name: pytest.approx(16, rel=1 / 32) for name in none},
        "total": {"p50Ms": None},
    }


async def test_workers_and_their_running_analyses(ask: Ask, add: Add, statements: list[str]) -> None:
    first, second, third = sorted(new_id("worker") for _ in range(3))
    mine = sorted(new_id("analysis") for _ in range(3))
    others, ended, moved = (new_id("analysis") for _ in range(3))
    await add(
        worker(id=third, silent_seconds=60, instance="server:9"),
        worker(
            id=first,
            completed=2**40,
            failed=3,
            cpu_percent=150.5,
            memory_mb=96.25,
            slots=4,
            busy=3,
            current=orjson.dumps([mine[2], mine[1], others, ended]).decode(),
        ),
        worker(id=second, current=orjson.dumps([mine[0], moved]).decode()),
        *(analysis("RUNNING", id=id_, worker_id=first) for id_ in mine[1:]),
        analysis("RUNNING", id=mine[0], worker_id=second),
        analysis("RUNNING", worker_id=first),  # claimed but not begun
        analysis("RUNNING", id=moved, worker_id=third),  # its lease expired, and another worker claimed it
        analysis("RUNNING", id=others, worker_id=first, workspace="another"),
        analysis("COMPLETED", id=ended, worker_id=first),
    )
    query = """{ metrics { workers {
        id instance host pid slots busy alive startedAt completed failed cpuPercent memoryMb
        current { id status } } } }"""
    found = (await ask(query))["metrics"]["workers"]
    running = [{"id": id_, "status": "RUNNING"} for id_ in mine]
    assert [each.pop("current") for each in found] == [
        running[1:],
        running[:1],
        [{"id": moved, "status": "RUNNING"}],
    ]
    assert found[0] == {
        "id": first,
        "instance": "server:1",
        "host": "server",
        "pid": 1,
        "slots": 4,
        "busy": 3,
        "alive": True,
        "startedAt": "2026-11-21T10:00:00.000Z",
        "completed": 2**40,
        "failed": 3,
        "cpuPercent": 150.5,
        "memoryMb": 96.25,
    }
    assert [(each["id"], each["alive"]) for each in found[1:]] == [(second, True), (third, False)]
    assert len(statements) == 3  # the workers, the ids that they report as running, and those analyses


async def test_storage(ask: Ask, add: Add, services: Services) -> None:
    query = "{ metrics { storage { databaseBytes fileBytes files analyses events } } }"
    before = (await ask(query))["metrics"]["storage"]
    assert before.pop("databaseBytes") > 0
    assert before == {"fileBytes": 0, "files": 0, "analyses": 0, "events": 0}
    await asyncio.to_thread(write_file, services.settings.data_dir / BLOBS / "a", 1234)
    await add(*(analysis() for _ in range(3)), event(), event())
    found = (await ask(query))["metrics"]["storage"]
    assert found.pop("databaseBytes") > 0
    assert found == {"fileBytes": 1234, "files": 1, "analyses": 3, "events": 2}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_servers_own_counts(ask: Ask, services: Services) -> None:
    http, subscriptions = services.telemetry.http, services.telemetry.subscriptions
    for status in (200, 200, 404):
        http.started()
        http.ended(status, 0.1)
    http.started()
    for failed in (False, True):
        services.telemetry.record_operation("Look", 0.02, failed=failed)
    services.telemetry.record_operation(None, 0.01, failed=False)
    subscriptions.connections, subscriptions.active = 2, 3
    subscriptions.delivered, subscriptions.overflowed = 2**40, 1
    found = (
        await ask(
            """{ metrics {
                http {
                    requestsTotal errorsTotal inFlight
                    latency { p50Ms p95Ms p99Ms }
                    operations { name count errors latency { p50Ms } }
                }
                subscriptions { connections active delivered overflowed }
            } }"""
        )
    )["metrics"]
    # A percentile is the middle of a bucket: at most 3.2 % off.
    latencies = found["http"].pop("latency")
    assert latencies == {name: pytest.approx(100, rel=1 / 32) for name in ("p50Ms", "p95Ms", "p99Ms")}
    medians = [each.pop("latency")["p50Ms"] for each in found["http"]["operations"]]
    assert medians == [pytest.approx(20, rel=1 / 32), pytest.approx(10, rel=1 / 32)]
    assert found == {
        "http": {
            "requestsTotal": 4,
            "errorsTotal": 1,
            "inFlight": 1,
            "operations": [{"name": "Look", "count": 2, "errors": 1}, {"name": "anonymous", "count": 1, "errors": 0}],
        },
        "subscriptions": {"connections": 2, "active": 3, "delivered": 2**40, "overflowed": 1},
    }


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_machine(ask: Ask) -> None:
    found = (await ask("{ metrics { system { cpuPercent memoryPercent memoryMb diskPercent } } }"))["metrics"]["system"]
    assert found["cpuPercent"] == 0  # not sampled yet
    assert found["memoryMb"] > 10
    assert 0 < found["memoryPercent"] <= 100
    assert 0 < found["diskPercent"] <= 100


@pytest.mark.parametrize(
    ("selected", "tables"),
    [
        ("instance uptimeSeconds system { cpuPercent } http { inFlight } subscriptions { active }", set()),
        ("workers { id alive }", {"worker"}),
        ("queue { depth }", {"analysis"}),
        ("batches { total latency { p50Ms } }", {"batch"}),
        ("batches { itemsPerSecond }", {"batch", "timing"}),
        ("queue { throughput { lastTenSeconds } }", {"analysis", "timing"}),
        ("storage { files analyses }", {"analysis", "event"}),
    ],
)
async def test_only_selected_figures_are_read(ask: Ask, statements: list[str], selected: str, tables: set[str]) -> None:
    await ask(f"{{ metrics {{ {selected} }} }}")
    words = {word for statement in statements for word in statement.replace("\n", " ").split(" ")}
    assert words & {"worker", "analysis", "batch", "event", "timing"} == tables


async def test_a_figure_selected_twice_in_one_query_is_read_once(ask: Ask, statements: list[str]) -> None:
    await ask("{ metrics { storage { analyses } } other: metrics { storage { events } } }")
    counted = [statement for statement in statements if "FROM event" in statement]
    assert len(counted) == 1


async def test_the_subscription_sends_at_once_and_then_current_figures(
    services: Services, executor: Executor, add: Add
) -> None:
    query = "subscription { metrics(intervalSeconds: 0.5) { timestamp queue { depth } workers { current { id } } } }"
    id_ = new_id("worker")
    taken = new_id("analysis")
    await add(worker(id=id_, current=f'["{taken}"]'))
    before = asyncio.all_tasks()
    async with aclosing(await subscribe(services, executor, query)) as bodies:
        first = (await anext(bodies))["data"]["metrics"]
        assert first["queue"] == {"depth": 0}
        assert first["workers"] == [{"current": []}]
        await add(analysis(), analysis("RUNNING", id=taken, worker_id=id_))
        # A figure that was slow to read is cached: the second answer may still have the first one's.
        async for body in bodies:
            last = body["data"]["metrics"]
            assert last["timestamp"] > first["timestamp"]
            if last["queue"] == {"depth": 1}:
                break
    assert last["workers"] == [{"current": [{"id": taken}]}]
    await until(lambda: asyncio.all_tasks() <= before, what="nothing to be left over")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("interval", ["0.49", "60.1", "0", "-5", "1e300"])
async def test_an_interval_out_of_bounds_is_refused(services: Services, executor: Executor, interval: str) -> None:
    query = f"subscription {{ metrics(intervalSeconds: {interval}) {{ instance }} }}"
    async with aclosing(await subscribe(services, executor, query)) as bodies:
        refused = [body async for body in bodies]
    (body,) = refused
    assert body["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT", "argument": "intervalSeconds"}
    assert body["errors"][0]["message"].endswith(": it must be from 0.5 to 60.")


@pytest.mark.parametrize(
    "arguments", ["", "(intervalSeconds: null)", "(intervalSeconds: 60)", "(intervalSeconds: 0.5)"]
)
async def test_an_interval_within_bounds_or_none(services: Services, executor: Executor, arguments: str) -> None:
    async with aclosing(
        await subscribe(services, executor, f"subscription {{ metrics{arguments} {{ instance }} }}")
    ) as bodies:
        assert await anext(bodies) == {"data": {"metrics": {"instance": "server:1"}}}


def write_file(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * size)


async def subscribe(services: Services, executor: Executor, query: str) -> AsyncGenerator[dict[str, Any], None]:
    context = Context(replace(services, monitor=Monitor()), LOCAL_ADMINISTRATOR, "test")
    stream = await executor.open(OperationRequest(query=query), context)
    assert isinstance(stream, Stream)

    async def bodies() -> AsyncGenerator[dict[str, Any], None]:
        async with aclosing(stream.follow(None)) as pages:
            async for page in pages:
                for _, answer in page:
                    yield orjson.loads(answer.json)

    return bodies()
