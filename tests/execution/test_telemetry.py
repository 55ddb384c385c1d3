"""Bounded counters, accurate percentiles, and a valid Prometheus exposition."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from telemetry import (
    IDLE_SECONDS,
    MAX_OPERATION_NAME,
    MAX_OPERATION_NAMES,
    SLICE_SECONDS,
    SLICES,
    Latency,
    Percentiles,
    Telemetry,
    exposition,
)


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


def counted(telemetry: Telemetry) -> dict[str, tuple[int, int, int]]:
    """Return the operations, errors and durations of each name."""
    return {each.name: (each.count, each.errors, each.latency.count) for each in telemetry.operations()}


def test_names_of_operations_are_bounded() -> None:
    telemetry = Telemetry("one")
    for number in range(MAX_OPERATION_NAMES + 50):
        telemetry.record_operation(f"Name{number}", 0.001, failed=False)
    telemetry.record_operation(None, 0.001, failed=False)
    assert len(counted(telemetry)) == MAX_OPERATION_NAMES + 1
    assert next(iter(counted(telemetry).items())) == ("other", (51, 0, 51))


def test_long_names_and_names_that_never_ran_well_are_others() -> None:
    telemetry = Telemetry("one")
    longest = "n" * MAX_OPERATION_NAME
    for name in (longest, longest + "n", "n" * 90_000):
        telemetry.record_operation(name, 0.001, failed=False)
    for failed in (True, False, True):
        telemetry.record_operation("Good", 0.001, failed=failed)
    telemetry.record_operation("Bad", 0.001, failed=True)
    telemetry.record_operation(None, 0.001, failed=True)
    telemetry.record_operation("other", 0.001, failed=False)
    assert counted(telemetry) == {
        "other": (5, 2, 5),
        "Good": (2, 1, 2),
        "anonymous": (1, 1, 1),
        longest: (1, 0, 1),
    }
    assert len(exposition(telemetry)) < 50_000


def test_an_idle_name_loses_its_place_to_a_new_one() -> None:
    clock = Clock()
    telemetry = Telemetry("one", clock)
    for number in range(MAX_OPERATION_NAMES):
        telemetry.record_operation(f"Name{number}", 0.002, failed=False)
        clock.now += 0.001
    telemetry.record_operation("Name0", 0.002, failed=True)
    clock.now += IDLE_SECONDS - 0.25
    telemetry.record_operation("Early", 0.001, failed=False)
    assert {name: figures for name, figures in counted(telemetry).items() if not name.startswith("Name")} == {
        "other": (1, 0, 1)
    }
    clock.now += 0.1  # now the names without an operation since are idle, from the oldest on
    for name in ("Early", "Late"):
        telemetry.record_operation(name, 0.001, failed=False)
    figures = counted(telemetry)
    assert (figures["other"], figures["Early"], figures["Late"]) == ((3, 0, 3), (1, 0, 1), (1, 0, 1))
    assert len(figures) == MAX_OPERATION_NAMES + 1
    assert {"Name0", "Name3"} < set(figures)
    assert {"Name1", "Name2"}.isdisjoint(figures)
    # No operation is lost.
    assert sum(count for count, _, _ in figures.values()) == MAX_OPERATION_NAMES + 4
    assert sum(errors for _, errors, _ in figures.values()) == 1


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
    for failed in (False, True):
        telemetry.record_operation('a"b\n', 0.002, failed=failed)
    telemetry.subscriptions.active = 3
    telemetry.record_compiled()
    for reason in ("first_use", "gave_up", "first_use"):
        telemetry.record_interpreted(reason)
    samples = {
        (sample.name, sample.labels.get("operation", sample.labels.get("reason"))): sample.value
        for family in text_string_to_metric_families(exposition(telemetry).decode())
        for sample in family.samples
    }
    assert samples["assay_http_in_flight", None] == 1
    assert samples["assay_http_requests_total", None] == 1
    assert samples["assay_operation_errors_total", 'a"b\n'] == 1
    assert samples["assay_operation_seconds_count", 'a"b\n'] == 2
    assert samples["assay_subscriptions", None] == 3
    assert samples["assay_operations_compiled_total", None] == 1
    assert samples["assay_operations_interpreted_total", "first_use"] == 2
    assert samples["assay_operations_interpreted_total", "gave_up"] == 1
