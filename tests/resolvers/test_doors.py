"""The endpoints for probes and Prometheus, over ASGI."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from starlette.applications import Starlette

from resolvers.context import Services
from store.queue.timings import Timings, minute_of
from store.sql.clock import utcnow
from store.sql.database import Database
from tests.resolvers.rows import NOW, analysis, batch, event, timing, worker
from web.health import Readiness, health_routes

Add = Callable[..., Awaitable[None]]


def client_of(services: Services, readiness: Readiness) -> httpx.AsyncClient:
    app = Starlette(routes=list(health_routes(services, readiness)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server")


@pytest.fixture
def readiness() -> Readiness:
    """Return the readiness of an instance that has started."""
    begun = Readiness()
    begun.begin()
    return begun


@pytest.fixture
async def http(services: Services, readiness: Readiness) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(services, readiness) as client:
        yield client


@pytest.fixture
async def away(services: Services) -> AsyncIterator[Services]:
    """Yield the same services with a database URL on which nothing listens."""
    database = Database("postgresql+asyncpg://assay:secret@127.0.0.1:1/assay")
    yield replace(services, database=database)
    await database.close()


def statuses(answer: httpx.Response) -> dict[str, str]:
    return {component["name"]: component["status"] for component in answer.json()["components"]}


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
async def test_only_get_and_head(http: httpx.AsyncClient, path: str) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = await http.request(method, path)
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
    got, head = await http.get(path), await http.head(path)
    assert (got.status_code, head.status_code) == (200, 200)
    assert head.headers["content-type"] == got.headers["content-type"]
    assert got.headers["cache-control"] == "no-store"
    assert head.content == b""


async def test_live_without_a_database(away: Services) -> None:
    async with client_of(away, Readiness()) as http:
        answer = await http.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "HEALTHY"})


async def test_ready_from_the_end_of_startup_to_the_beginning_of_shutdown(services: Services) -> None:
    readiness = Readiness()
    async with client_of(services, readiness) as http:
        answer = await http.get("/health/ready")
        assert answer.status_code == 503
        assert answer.json() == {
            "status": "UNHEALTHY",
            "components": [
                {"name": "server", "status": "UNHEALTHY", "message": "The server is starting.", "latencyMs": None}
            ],
        }
        readiness.begin()
        answer = await http.get("/health/ready")
        assert (answer.status_code, answer.json()["status"]) == (200, "HEALTHY")
        assert statuses(answer) == {"server": "HEALTHY", "database": "HEALTHY", "migrations": "HEALTHY"}
        readiness.end()
        answer = await http.get("/health/ready")
        assert answer.status_code == 503
        assert answer.json()["components"][0]["message"] == "The server is stopping."


async def test_not_ready_while_the_database_is_away(away: Services, readiness: Readiness) -> None:
    async with client_of(away, readiness) as http:
        answer = await http.get("/health/ready")
    assert answer.status_code == 503
    assert statuses(answer) == {"server": "HEALTHY", "database": "UNHEALTHY"}
    assert "secret" not in answer.text
    assert "127.0.0.1" not in answer.text


async def test_not_ready_before_the_migrations_but_ready_after_newer_ones(
    http: httpx.AsyncClient, database: Database
) -> None:
    async def set_version(version: str) -> None:
        async with database.write() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})

    async with database.read() as connection:
        current = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one()
    await set_version("0000")
    answer = await http.get("/health/ready")
    assert answer.status_code == 503
    assert statuses(answer)["migrations"] == "UNHEALTHY"
    await set_version(current)
    assert (await http.get("/health/ready")).status_code == 200
    await set_version("9999")
    assert (await http.get("/health/ready")).status_code == 200


async def scrape(http: httpx.AsyncClient) -> dict[str, Metric]:
    answer = await http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = list(text_string_to_metric_families(answer.text))
    by_name = {family.name: family for family in families}
    assert len(by_name) == len(families)
    return by_name


def value(families: dict[str, Metric], name: str, **labels: str) -> float:
    """Return the value of the one sample with this name and these labels."""
    family = families[re.sub("_(total|count|sum)$", "", name)]
    (found,) = (sample.value for sample in family.samples if sample.name == name and sample.labels == labels)
    return found


async def test_prometheus(http: httpx.AsyncClient, services: Services, add: Add) -> None:
    telemetry = services.telemetry
    for status in (200, 500):
        telemetry.http.started()
        telemetry.http.ended(status, 0.1)
    for failed in (False, True):
        telemetry.record_operation('Odd"name\n', 0.1, failed=failed)
    telemetry.subscriptions.connections = 4
    services.monitor.note_lag(0.125)
    since = utcnow() - timedelta(seconds=50)
    await add(
        *(analysis(priority=10) for _ in range(2)),
        analysis(priority=1, updated_at=since),
        *(analysis("RUNNING") for _ in range(4)),
        worker(),
        worker(silent_seconds=60),
        batch("RUNNING", started_at=NOW),
        batch(),
        *(event() for _ in range(6)),
    )
    found = await scrape(http)
    expected = {
        "assay_http_requests_total": 2,
        "assay_http_errors_total": 1,
        "assay_http_in_flight": 0,
        "assay_sockets": 4,
        "assay_running": 4,
        "assay_workers_alive": 1,
        "assay_slots": 2,
        "assay_slots_busy": 0,
        "assay_batches_running": 1,
        "assay_batches": 2,
        "assay_analyses": 7,
        "assay_events": 6,
        "assay_event_loop_lag_seconds": 0.125,
        "assay_bus_live": 1,
        "assay_bus_reconnects_total": 0,
        "assay_feed_lag_seconds": 0,
        "assay_database_up": 1,
    }
    assert {name: value(found, name) for name in expected} == expected
    assert found["assay_sockets"].documentation == "Open WebSockets and streams over HTTP."
    assert "assay_bus_round_trip_seconds" not in found
    assert value(found, "assay_events_held_back_seconds") >= 0  # transactions of PostgreSQL itself may hold back events
    assert value(found, "assay_operation_errors_total", operation='Odd"name\n') == 1
    depths = {sample.labels["priority"]: sample.value for sample in found["assay_queue_depth"].samples}
    assert depths == {**{str(priority): 0 for priority in range(1, 11)}, "10": 2, "1": 1}
    assert value(found, "assay_queue_oldest_seconds") >= 50
    assert value(found, "assay_queue_priority_oldest_seconds", priority="1") >= 50
    assert value(found, "assay_queue_priority_oldest_seconds", priority="2") == 0
    assert value(found, "assay_memory_bytes") > 10_000_000
    assert value(found, "assay_database_bytes") > 0
    assert value(found, "assay_uptime_seconds") > 0


async def test_histograms_of_the_workers_counts(http: httpx.AsyncClient, add: Add) -> None:
    counted = Timings(ends=Counter(COMPLETED=3, FAILED=1))
    for microseconds in (511, 512, 1_000_000, 2**33):
        counted.total.record(microseconds)
    counted.waiting.record(2_000_000, 5)
    other = Timings(ends=Counter(COMPLETED=2**40))
    other.waiting.record(1_000)
    await add(timing(minute_of(NOW), counted, "one"), timing(minute_of(NOW) - 600, other, "two"))
    found = await scrape(http)
    assert found["assay_analysis_seconds"].type == "histogram"
    buckets = [
        (float(sample.labels["le"]), sample.value)
        for sample in found["assay_analysis_seconds"].samples
        if sample.name == "assay_analysis_seconds_bucket"
    ]
    assert [bound for bound, _ in buckets] == sorted({bound for bound, _ in buckets})
    by_bound = dict(buckets)
    assert [by_bound[bound] for bound in (0.000512, 0.001024, 0.524288, 1.04858, 4294.97)] == [1, 2, 2, 3, 3]
    assert by_bound[float("inf")] == value(found, "assay_analysis_seconds_count") == 4
    assert value(found, "assay_analysis_seconds_sum") == pytest.approx(1.001023 + 2**33 / 1e6)
    assert value(found, "assay_analysis_waiting_seconds_count") == 6
    assert value(found, "assay_analysis_waiting_seconds_sum") == pytest.approx(10.001)
    assert value(found, "assay_analysis_processing_seconds_count") == 0
    ended = {sample.labels["status"]: sample.value for sample in found["assay_analyses_ended"].samples}
    assert ended == {"COMPLETED": 2**40 + 3, "FAILED": 1, "CANCELED": 0, "TIMED_OUT": 0}


async def test_prometheus_while_the_database_is_away(away: Services, readiness: Readiness) -> None:
    async with client_of(away, readiness) as http:
        found = await scrape(http)
    assert value(found, "assay_database_up") == 0
    assert value(found, "assay_http_requests_total") == 0
    assert "assay_queue_depth" not in found
