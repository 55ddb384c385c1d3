"""The server's counters and its log configuration.

Each app has one `Telemetry`: `web` and `execution` write to it, resolvers read it, and `exposition` prints it for
Prometheus. It has its own registry, so that two apps in one process stay apart. Recording costs a few additions. Only
the event loop's thread records, so no lock is needed. Memory is bounded: `MAX_OPERATION_NAMES` limits the names of
operations, and latencies have fixed buckets.
"""

from __future__ import annotations

import json
import logging
import logging.config
import os
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from prometheus_client.metrics_core import Metric


MAX_OPERATION_NAMES = 200
"""The most operation names with their own counters. Clients choose the names; further names are counted as `other`."""

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

    @property
    def count(self) -> int:
        """Number of durations since the start."""
        return self._total().count

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
        return exposed_buckets(self._total(), _EXPOSED)

    def _total(self) -> Histogram:
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

    def record(self, seconds: float, *, failed: bool) -> None:
        self.count += 1
        self.errors += failed
        self.latency.record(seconds)


@dataclass(slots=True)
class SubscriptionTelemetry:
    """Counters of open sockets and HTTP streams, their running subscriptions, and delivered events."""

    connections: int = 0
    active: int = 0
    delivered: int = 0
    overflowed: int = 0


class Telemetry:
    """The counters of one app. `instance` is the server's name in metrics, logs and the API."""

    def __init__(self, instance: str | None = None) -> None:
        self.instance = instance or default_instance()
        self.started_at = time.monotonic()
        self.http = HttpTelemetry()
        self.subscriptions = SubscriptionTelemetry()
        self._operations: dict[str, OperationTelemetry] = {}
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(_Exposed(self))

    @property
    def uptime_seconds(self) -> float:
        return time.monotonic() - self.started_at

    def operation(self, name: str | None) -> OperationTelemetry:
        """Return the counters of an operation name, or those of `other` above `MAX_OPERATION_NAMES`."""
        key = name or ANONYMOUS
        found = self._operations.get(key)
        if found is None:
            if len(self._operations) >= MAX_OPERATION_NAMES:
                key = OTHER
            found = self._operations.setdefault(key, OperationTelemetry(key))
        return found

    def operations(self) -> list[OperationTelemetry]:
        """Return the counters of all operation names, most frequent first."""
        return sorted(self._operations.values(), key=lambda each: (-each.count, each.name))


def exposition(telemetry: Telemetry) -> bytes:
    """Return all counters in Prometheus's text format 0.0.4 (`text/plain; version=0.0.4; charset=utf-8`)."""
    return generate_latest(telemetry.registry)


class _Exposed(Collector):
    """A collector that reads the counters at each scrape."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def collect(self) -> Iterable[Metric]:
        http, subscriptions = self._telemetry.http, self._telemetry.subscriptions
        yield CounterMetricFamily("assay_http_requests", "Requests over HTTP.", value=http.requests_total)
        yield CounterMetricFamily("assay_http_errors", "Responses with status 400 or more.", value=http.errors_total)
        yield GaugeMetricFamily("assay_http_in_flight", "Requests in progress.", value=http.in_flight)
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
        yield GaugeMetricFamily(
            "assay_sockets", "Open WebSockets and streams over HTTP.", value=subscriptions.connections
        )
        yield GaugeMetricFamily("assay_subscriptions", "Running subscriptions.", value=subscriptions.active)
        yield CounterMetricFamily("assay_events_delivered", "Events sent.", value=subscriptions.delivered)
        yield CounterMetricFamily(
            "assay_subscribers_overflowed", "Subscribers disconnected for slowness.", value=subscriptions.overflowed
        )


def default_instance() -> str:
    """Return this process's name in logs and metrics: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


def configure_logging(log_format: str = "console", log_level: str = "info", *, instance: str | None = None) -> None:
    """Send the lines of structlog and of the standard library's loggers, with uvicorn's, to stderr in one format.

    Every line has `event`, `level`, `timestamp` and `instance`, and `request_id` if one is bound. uvicorn's access log
    is off: `web.middleware` writes a line for each request, with its id.
    """
    level = getattr(logging, log_level.upper())
    name = instance or default_instance()

    def add_instance(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["instance"] = name
        event.pop("color_message", None)  # uvicorn's copy of the message for terminals
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_instance,
    ]
    rendering: list[structlog.typing.Processor]
    if log_format == "json":
        renderer = structlog.processors.JSONRenderer(serializer=_json_line)
        rendering = [structlog.processors.format_exc_info, renderer]
    else:
        rendering = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                exception_formatter=structlog.dev.plain_traceback,  # the rich one prints variables, and so secrets
            )
        ]
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [structlog.stdlib.ExtraAdder(), *shared],
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"structlog": formatter},
            "filters": {"intended": {"()": lambda: _is_unintended}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structlog"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                "uvicorn": {"handlers": [], "propagate": True},
                "uvicorn.error": {
                    "handlers": [],
                    "propagate": True,
                    "filters": ["intended"],
                    "level": max(level, logging.WARNING),  # INFO has two lines for each socket
                },
                "alembic": {"level": logging.WARNING},
                "uvicorn.access": {"handlers": [], "propagate": False, "level": logging.CRITICAL},
            },
        }
    )


def _is_unintended(record: logging.LogRecord) -> bool:
    """Return whether a record is unexpected. uvicorn logs three cases as errors that the server handles itself.

    Clients could fill the log with two of them: refused handshakes, and text frames that are not UTF-8. The third is a
    response cut off on purpose, as for streams when the server stops, which the request's own line reports.
    """
    return record.msg not in (
        "ASGI callable returned without completing handshake.",
        "Invalid UTF-8 sequence received from client.",
        "ASGI callable returned without completing response.",
    )


def _json_line(event: dict[str, Any], **options: Any) -> str:
    default = options.get("default", str)
    try:
        return orjson.dumps(event, default=default, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # lone surrogates, and integers beyond 64 bits
        return json.dumps(event, default=default)
