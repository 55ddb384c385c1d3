"""The server's counters.

Each app has one `Telemetry`: `web` and `execution` write to it, resolvers read it, and `exposition` prints it for
Prometheus. It has its own registry, so that two apps in one process stay apart. Recording costs a few additions. Only
the event loop's thread records, so no lock is needed. Memory is bounded: `MAX_OPERATION_NAMES` and `MAX_OPERATION_NAME`
limit the names of operations, and latencies have fixed buckets.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from logs import LOG, default_instance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from prometheus_client.metrics_core import Metric


MAX_OPERATION_NAMES = 200
"""The most operation names with their own counters. Clients choose the names; further names are counted as `other`."""

MAX_OPERATION_NAME = 100
"""Longest operation name with its own counters, in characters. Each scrape has a name in 45 lines."""

IDLE_SECONDS = 300.0
"""Time without an operation of a name after which a new name may take its place: its percentiles are empty by then."""

PERSISTED = ("hit", "miss", "registered")
"""Outcomes of an automatic persisted query: a known hash, an unknown one, and the first text of a hash."""

OTHER, ANONYMOUS = "other", "anonymous"

SLICE_SECONDS = 30.0
SLICES = 10

PERCENTS = (50, 95, 99)

_STEPS = 4  # 2^4 buckets to each doubling

_EXPOSED = [160 << power for power in range(19)]
"""Upper bounds of Prometheus's buckets, in microseconds: 0.16 ms to 42 s. Each is the lower bound of a bucket here."""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Percentiles of durations by nearest rank, in milliseconds; None if there were no durations."""

    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


def nearest_rank(count: Any, percent: int) -> Any:
    """Return the rank of a percentile among `count` sorted values, from 1. `count` may be a column of a statement."""
    return (count * percent + 99) // 100


def bucket_of(microseconds: int) -> int:
    """Return the bucket of a duration that is not negative."""
    shift = max(microseconds.bit_length() - _STEPS - 1, 0)
    return (shift << _STEPS) + (microseconds >> shift)


def _bounds(bucket: int) -> tuple[int, int]:
    """Return the shortest duration in the bucket, and in the next one, in microseconds."""
    shift = max((bucket >> _STEPS) - 1, 0)
    step = bucket - (shift << _STEPS)
    return step << shift, (step + 1) << shift


@dataclass(slots=True)
class Histogram:
    """Durations, counted in the buckets of HdrHistogram with 16 to each doubling: a percentile is at most 3.2 % off."""

    counts: dict[int, int] = field(default_factory=dict)
    microseconds: int = 0
    """Sum of all durations."""

    def record(self, microseconds: int, times: int = 1) -> None:
        """Count a duration. A negative one, from clocks that differ, counts as zero."""
        microseconds = max(microseconds, 0)
        bucket = bucket_of(microseconds)
        self.counts[bucket] = self.counts.get(bucket, 0) + times
        self.microseconds += microseconds * times

    def add(self, other: Histogram) -> None:
        """Count all durations of the other."""
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.microseconds += other.microseconds

    def less(self, other: Histogram) -> Histogram:
        """Return the durations that were counted since `other`, an earlier state of this histogram."""
        counts = {bucket: count - other.counts.get(bucket, 0) for bucket, count in self.counts.items()}
        return Histogram(
            {bucket: count for bucket, count in counts.items() if count}, self.microseconds - other.microseconds
        )

    @property
    def count(self) -> int:
        """Number of durations."""
        return sum(self.counts.values())

    def percentiles(self) -> Percentiles:
        """Return the percentiles: for each, the middle of its bucket."""
        ordered, count = sorted(self.counts.items()), self.count
        return Percentiles(*(_percentile(ordered, nearest_rank(count, percent)) for percent in PERCENTS))

    def below(self, microseconds: int) -> int:
        """Return the number of shorter durations. Exact if `microseconds` is the lower bound of a bucket."""
        bound = bucket_of(microseconds)
        return sum(count for bucket, count in self.counts.items() if bucket < bound)


def _percentile(ordered: list[tuple[int, int]], rank: int) -> float | None:
    for bucket, count in ordered:
        rank -= count
        if rank <= 0:
            return sum(_bounds(bucket)) / 2 / 1000
    return None


class Latency:
    """Durations since the start, for Prometheus, and of the last five minutes, in slices.

    The window has `SLICES` slices of `SLICE_SECONDS`, of which the newest is still filling: four and a half to five
    minutes. Recording is O(1), reading is O(slices x buckets).
    """

    __slots__ = ("_clock", "_older", "_slices", "sum_seconds")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._older = Histogram()
        self._slices: deque[tuple[int, Histogram]] = deque()
        self.sum_seconds = 0.0

    def record(self, seconds: float) -> None:
        """Count a duration."""
        now = int(self._clock() / SLICE_SECONDS)
        if not self._slices or self._slices[-1][0] != now:
            self._begin(now)
        self._slices[-1][1].record(int(seconds * 1_000_000))
        self.sum_seconds += seconds

    def _begin(self, now: int) -> None:
        self._slices.append((now, Histogram()))
        if len(self._slices) > SLICES:
            self._older.add(self._slices.popleft()[1])

    def add(self, other: Latency) -> None:
        """Count all durations of the other as older than the window."""
        self._older.add(other.total())
        self.sum_seconds += other.sum_seconds

    @property
    def count(self) -> int:
        """Number of durations since the start."""
        return self.total().count

    def percentiles(self) -> Percentiles:
        """Return the percentiles of the last five minutes."""
        oldest = int(self._clock() / SLICE_SECONDS) - SLICES
        window = Histogram()
        for number, histogram in self._slices:
            if number > oldest:
                window.add(histogram)
        return window.percentiles()

    def cumulative(self) -> list[tuple[str, float]]:
        """Return Prometheus's buckets: upper bounds in seconds, and the numbers of durations below them."""
        return exposed_buckets(self.total(), _EXPOSED)

    def total(self) -> Histogram:
        """Return all durations since the start."""
        total = Histogram()
        for histogram in (self._older, *(histogram for _, histogram in self._slices)):
            total.add(histogram)
        return total


def exposed_buckets(histogram: Histogram, bounds: Sequence[int]) -> list[tuple[str, float]]:
    """Return Prometheus's buckets of a histogram. Bounds are in microseconds, and lower bounds of its own buckets."""
    buckets = [(f"{bound / 1e6:g}", float(histogram.below(bound))) for bound in bounds]
    return [*buckets, ("+Inf", float(histogram.count))]


@dataclass(slots=True)
class HttpTelemetry:
    """Counters of HTTP requests. A response with a status of 400 or more is an error."""

    requests_total: int = 0
    errors_total: int = 0
    in_flight: int = 0
    half_open: Counter[str] = field(default_factory=Counter)
    """Connections without a complete request, by the peer's address."""
    latency: Latency = field(default_factory=Latency)

    def started(self) -> None:
        self.requests_total += 1
        self.in_flight += 1

    def ended(self, status: int, seconds: float | None) -> None:
        """Count a response. `seconds` is None for streams, whose duration is not a latency."""
        self.in_flight -= 1
        self.errors_total += status >= 400
        if seconds is not None:
            self.latency.record(seconds)


@dataclass(slots=True)
class OperationTelemetry:
    """Counters of one operation name on all transports. A response with `errors` is an error."""

    name: str
    count: int = 0
    errors: int = 0
    latency: Latency = field(default_factory=Latency)
    last_at: float = 0.0
    """Time of the last operation, by the clock of its `Telemetry`."""

    def record(self, seconds: float, *, failed: bool) -> None:
        self.count += 1
        self.errors += failed
        self.latency.record(seconds)

    def add(self, other: OperationTelemetry) -> None:
        """Count all operations of the other."""
        self.count += other.count
        self.errors += other.errors
        self.latency.add(other.latency)


@dataclass(slots=True)
class SubscriptionTelemetry:
    """Counters of open sockets and HTTP streams, their running subscriptions, and delivered events."""

    connections: int = 0
    active: int = 0
    delivered: int = 0
    overflowed: int = 0


@dataclass(slots=True)
class AnswerTelemetry:
    """Counters of the cache of answers, and its present size."""

    hits: int = 0
    misses: int = 0
    """Operations with an answer of a kind that is kept, without a kept one."""
    dropped: int = 0
    """Answers dropped after a change of what they are made of."""
    entries: int = 0
    bytes: int = 0


class Telemetry:
    """The counters of one app. `instance` is the server's name in metrics, logs and the API."""

    def __init__(self, instance: str | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.instance = instance or default_instance()
        self.started_at = time.monotonic()
        self.http = HttpTelemetry()
        self.subscriptions = SubscriptionTelemetry()
        self.compiled = 0
        """Answers by compiled operations, one for each event of a subscription."""
        self.interpreted: Counter[str] = Counter()
        """Answers by graphql-core, by reason."""
        self.answers = AnswerTelemetry()
        self.persisted: Counter[str] = Counter(dict.fromkeys(PERSISTED, 0))
        """Requests of automatic persisted queries, by outcome."""
        self._other = OperationTelemetry(OTHER)
        self._operations: dict[str, OperationTelemetry] = {}
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(_Exposed(self))

    @property
    def uptime_seconds(self) -> float:
        return time.monotonic() - self.started_at

    def record_operation(self, name: str | None, seconds: float, *, failed: bool) -> None:
        """Count an operation by its name.

        A new name gets its own counters if its operation did not fail, and if a place is free or idle. Otherwise, and
        for a name above `MAX_OPERATION_NAME`, the operation counts as `other`.
        """
        key = name or ANONYMOUS
        found = self._other if key == OTHER else self._operations.get(key)
        if found is None:
            if (failed and name) or len(key) > MAX_OPERATION_NAME or not self._has_place():
                found = self._other
            else:
                found = self._operations[key] = OperationTelemetry(key)
        found.last_at = self._clock()
        found.record(seconds, failed=failed)

    def record_compiled(self) -> None:
        """Count an answer by a compiled operation."""
        self.compiled += 1

    def record_interpreted(self, reason: str) -> None:
        """Count an answer by graphql-core. The reasons are those of `execution`: clients can't add to them."""
        self.interpreted[reason] += 1

    def _has_place(self) -> bool:
        """Return whether a new name has a place. If all are taken, the most idle name becomes part of `other`."""
        if len(self._operations) < MAX_OPERATION_NAMES:
            return True
        idle = min(self._operations.values(), key=lambda each: each.last_at)
        if self._clock() - idle.last_at < IDLE_SECONDS:
            return False
        self._other.add(self._operations.pop(idle.name))
        return True

    def operations(self) -> list[OperationTelemetry]:
        """Return the counters of all operation names and of `other`, most frequent first."""
        found = [*self._operations.values(), *([self._other] if self._other.count else [])]
        return sorted(found, key=lambda each: (-each.count, each.name))


def exposition(telemetry: Telemetry) -> bytes:
    """Return all counters in Prometheus's text format 0.0.4 (`text/plain; version=0.0.4; charset=utf-8`)."""
    return generate_latest(telemetry.registry)


class _Exposed(Collector):
    """A collector that reads the counters at each scrape."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def collect(self) -> Iterable[Metric]:
        http, subscriptions = self._telemetry.http, self._telemetry.subscriptions
        yield CounterMetricFamily("assay_log_lines_dropped", "Log lines not written.", value=LOG.dropped)
        yield CounterMetricFamily("assay_http_requests", "Requests over HTTP.", value=http.requests_total)
        yield CounterMetricFamily("assay_http_errors", "Responses with status 400 or more.", value=http.errors_total)
        yield GaugeMetricFamily("assay_http_in_flight", "Requests in progress.", value=http.in_flight)
        yield GaugeMetricFamily(
            "assay_half_open_connections", "Connections without a complete request.", value=http.half_open.total()
        )
        latency = HistogramMetricFamily("assay_http_request_seconds", "Time from a request to its response.")
        latency.add_metric([], http.latency.cumulative(), http.latency.sum_seconds)
        yield latency
        count = CounterMetricFamily("assay_operations", "GraphQL operations.", labels=["operation"])
        errors = CounterMetricFamily("assay_operation_errors", "Operations with errors.", labels=["operation"])
        seconds = HistogramMetricFamily("assay_operation_seconds", "Time of an operation.", labels=["operation"])
        for operation in self._telemetry.operations():
            count.add_metric([operation.name], operation.count)
            errors.add_metric([operation.name], operation.errors)
            seconds.add_metric([operation.name], operation.latency.cumulative(), operation.latency.sum_seconds)
        yield from (count, errors, seconds)
        yield CounterMetricFamily(
            "assay_operations_compiled", "Answers by compiled operations.", value=self._telemetry.compiled
        )
        interpreted = CounterMetricFamily(
            "assay_operations_interpreted", "Answers by graphql-core, by reason.", labels=["reason"]
        )
        for reason, number in sorted(self._telemetry.interpreted.items()):
            interpreted.add_metric([reason], number)
        yield interpreted
        answers = self._telemetry.answers
        yield CounterMetricFamily("assay_answer_cache_hits", "Answers from the cache.", value=answers.hits)
        yield CounterMetricFamily("assay_answer_cache_misses", "Answers not in the cache.", value=answers.misses)
        yield CounterMetricFamily("assay_answer_cache_dropped", "Answers dropped by changes.", value=answers.dropped)
        yield GaugeMetricFamily("assay_answer_cache_entries", "Answers in the cache.", value=answers.entries)
        yield GaugeMetricFamily("assay_answer_cache_bytes", "Memory of the cache.", value=answers.bytes)
        persisted = CounterMetricFamily(
            "assay_persisted_queries", "Automatic persisted queries, by outcome.", labels=["outcome"]
        )
        for outcome, number in self._telemetry.persisted.items():
            persisted.add_metric([outcome], number)
        yield persisted
        yield GaugeMetricFamily(
            "assay_sockets", "Open WebSockets and streams over HTTP.", value=subscriptions.connections
        )
        yield GaugeMetricFamily("assay_subscriptions", "Running subscriptions.", value=subscriptions.active)
        yield CounterMetricFamily("assay_events_delivered", "Events sent.", value=subscriptions.delivered)
        yield CounterMetricFamily(
            "assay_subscribers_overflowed", "Subscribers disconnected for slowness.", value=subscriptions.overflowed
        )
