"""Bounded counters, accurate percentiles, a valid Prometheus exposition, and complete log lines."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from telemetry import MAX_OPERATION_NAMES, SLICE_SECONDS, SLICES, Latency, Percentiles, Telemetry, exposition
from tests.support import ROOT


class Clock:
    """A monotonic clock in seconds, set by the test."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(0.000_01, 36_000), min_size=1, max_size=300))
def test_percentiles_are_near_the_nearest_rank(seconds: list[float]) -> None:
    latency = Latency()
    for each in seconds:
        latency.record(each)
    ordered = sorted(seconds)
    figures = latency.percentiles()
    for rank, figure in ((0.5, figures.p50_ms), (0.95, figures.p95_ms), (0.99, figures.p99_ms)):
        exact = ordered[math.ceil(len(ordered) * rank) - 1] * 1000
        assert figure == pytest.approx(exact, rel=1 / 32, abs=0.000_6)  # half a bucket, or half a microsecond


def test_no_durations_have_no_percentiles() -> None:
    assert Latency().percentiles() == Percentiles(None, None, None)


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-9, 1e9])
def test_durations_out_of_range_are_in_the_outermost_buckets(seconds: float) -> None:
    latency = Latency()
    latency.record(seconds)
    assert latency.percentiles().p50_ms is not None
    assert latency.count == 1


def test_the_window_has_five_minutes_and_the_totals_all() -> None:
    clock = Clock()
    latency = Latency(clock)
    for step in range(3 * SLICES):
        latency.record(1.0 if step else 10.0)
        clock.now += SLICE_SECONDS
    figures = latency.percentiles()
    assert figures.p99_ms == pytest.approx(1000, rel=0.05)
    clock.now += (SLICES - 2) * SLICE_SECONDS
    assert latency.percentiles().p50_ms == pytest.approx(1000, rel=0.05)
    clock.now += SLICE_SECONDS
    assert latency.percentiles() == Percentiles(None, None, None)
    assert latency.count == 3 * SLICES
    assert dict(latency.cumulative())["+Inf"] == 3 * SLICES


def test_prometheus_buckets_are_cumulative() -> None:
    latency = Latency()
    for milliseconds in (0.05, 1, 10, 10, 1000, 100_000):
        latency.record(milliseconds / 1000)
    buckets = latency.cumulative()
    counts = [count for _, count in buckets]
    assert counts == sorted(counts)
    for bound, count in buckets:
        exact = sum(ms / 1000 <= float(bound) for ms in (0.05, 1, 10, 10, 1000, 100_000))
        assert count == exact


def test_names_of_operations_are_bounded() -> None:
    telemetry = Telemetry("one")
    for number in range(MAX_OPERATION_NAMES + 50):
        telemetry.operation(f"Name{number}").record(0.001, failed=number % 2 == 0)
    telemetry.operation(None).record(0.001, failed=False)
    counted = {each.name: each.count for each in telemetry.operations()}
    assert len(counted) == MAX_OPERATION_NAMES + 1
    assert next(iter(counted.items())) == ("other", 51)


def test_two_apps_in_one_process_have_separate_counters() -> None:
    one, other = Telemetry("one"), Telemetry("other")
    one.http.started()
    one.http.ended(404, 0.01)
    assert (one.http.requests_total, one.http.errors_total, one.http.in_flight) == (1, 1, 0)
    assert (other.http.requests_total, other.http.errors_total) == (0, 0)
    assert exposition(one) != exposition(other)


def test_prometheus_reads_the_exposition() -> None:
    telemetry = Telemetry("one")
    telemetry.http.started()
    telemetry.operation('a"b\n').record(0.002, failed=True)
    telemetry.subscriptions.active = 3
    samples = {
        (sample.name, sample.labels.get("operation")): sample.value
        for family in text_string_to_metric_families(exposition(telemetry).decode())
        for sample in family.samples
    }
    assert samples["assay_http_in_flight", None] == 1
    assert samples["assay_http_requests_total", None] == 1
    assert samples["assay_operation_errors_total", 'a"b\n'] == 1
    assert samples["assay_operation_seconds_count", 'a"b\n'] == 1
    assert samples["assay_subscriptions", None] == 3


WRITE_LINES = """
import logging, structlog
from settings import Settings
from telemetry import configure_logging
configure_logging({format!r}, "info", instance="here")
structlog.contextvars.bind_contextvars(request_id="r-1")
log = structlog.get_logger("test")
log.debug("too fine")
log.info("first", path="/x\\n{{}}", number=2**70, text="\\ud800")
logging.getLogger("uvicorn.error").warning("from %s", "uvicorn")
logging.getLogger("uvicorn.access").info("not twice")
try:
    secret_local = "s3cret-local"
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
"""


def written(log_format: str) -> str:
    script = WRITE_LINES.format(format=log_format)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == ""
    return done.stderr


def test_each_json_line_is_complete_with_instance_and_request() -> None:
    lines = [json.loads(line) for line in written("json").splitlines()]
    assert [line["event"] for line in lines] == ["first", "from uvicorn", "failed"]
    assert [line["level"] for line in lines] == ["info", "warning", "error"]
    assert all(line["instance"] == "here" and line["request_id"] == "r-1" and line["timestamp"] for line in lines)
    assert lines[0]["path"] == "/x\n{}"
    assert lines[0]["number"] == 2**70
    assert "ZeroDivisionError" in lines[2]["exception"]


def test_no_traceback_shows_values_of_variables() -> None:
    for log_format in ("json", "console"):
        text = written(log_format)
        assert "ZeroDivisionError" in text
        assert text.count("s3cret-local") == 0
