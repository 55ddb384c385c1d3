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
import math
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
    from collections.abc import Callable, Iterable

    from prometheus_client.metrics_core import Metric


MAX_OPERATION_NAMES = 200
"""The most operation names with their own counters. Clients choose the names; further names are counted as `other`."""

OTHER, ANONYMOUS = "other", "anonymous"

SLICE_SECONDS = 30.0
SLICES = 10

_LEAST_MS = 0.01
_STEPS_PER_DOUBLING = 8  # neighboring bounds are 9 % apart: a percentile's error is at most 4.5 %
_BUCKETS = 32 * _STEPS_PER_DOUBLING  # the last bound is 0.01 ms * 2^32, about twelve hours
_HALF_STEP = math.exp2(-0.5 / _STEPS_PER_DOUBLING)
_STEPS_PER_NEPER = _STEPS_PER_DOUBLING / math.log(2)
_EXPOSED = range(4 * _STEPS_PER_DOUBLING, 23 * _STEPS_PER_DOUBLING, _STEPS_PER_DOUBLING)  # 0.16 ms to 42 s


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Percentiles in milliseconds; None if nothing was recorded in the window."""

    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Latency:
    """Durations in geometric buckets: since the start for Prometheus, and in slices over the last five minutes.

    The window has `SLICES` slices of `SLICE_SECONDS`. The newest slice is incomplete, so the window covers four and a
    half to five minutes. Recording is O(1), reading is O(slices x buckets).
    """

    __slots__ = ("_clock", "_slices", "_totals", "count", "sum_seconds")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._slices: deque[tuple[int, dict[int, int]]] = deque(maxlen=SLICES)
        self._totals: dict[int, int] = {}
        self.count = 0
        self.sum_seconds = 0.0

    def record(self, seconds: float) -> None:
        """Record a duration. Values that are not positive numbers go to the first bucket."""
        milliseconds = seconds * 1000
        bucket = 0
        if milliseconds > _LEAST_MS:
            bucket = min(math.ceil(math.log(milliseconds / _LEAST_MS) * _STEPS_PER_NEPER), _BUCKETS - 1)
        now = int(self._clock() / SLICE_SECONDS)
        if not self._slices or self._slices[-1][0] != now:
            self._slices.append((now, {}))
        window = self._slices[-1][1]
        window[bucket] = window.get(bucket, 0) + 1
        self._totals[bucket] = self._totals.get(bucket, 0) + 1
        self.count += 1
        self.sum_seconds += seconds

    def percentiles(self) -> Percentiles:
        """Return the 50th, 95th and 99th percentile of the last five minutes, each within 4.5 %."""
        oldest = int(self._clock() / SLICE_SECONDS) - SLICES
        merged: dict[int, int] = {}
        for number, window in self._slices:
            if number > oldest:
                for bucket, count in window.items():
                    merged[bucket] = merged.get(bucket, 0) + count
        total = sum(merged.values())
        if not total:
            return Percentiles(None, None, None)
        ordered = sorted(merged.items())
        return Percentiles(*(_percentile(ordered, total, rank) for rank in (0.50, 0.95, 0.99)))

    def cumulative(self) -> list[tuple[str, float]]:
        """Return Prometheus's buckets: upper bound in seconds, and the number of durations up to that bound."""
        buckets: list[tuple[str, float]] = []
        for exposed in _EXPOSED:
            below = sum(count for bucket, count in self._totals.items() if bucket <= exposed)
            buckets.append((f"{_bound_ms(exposed) / 1000:g}", below))
        return [*buckets, ("+Inf", self.count)]


def _bound_ms(bucket: int) -> float:
    return _LEAST_MS * math.exp2(bucket / _STEPS_PER_DOUBLING)


def _percentile(ordered: list[tuple[int, int]], total: int, rank: float) -> float:
    """Return the geometric middle of the nearest-rank percentile's bucket."""
    wanted = math.ceil(total * rank)
    for bucket, count in ordered:
        wanted -= count
        if wanted <= 0:
            return float(f"{_bound_ms(bucket) * _HALF_STEP:.3g}")
    raise AssertionError("unreachable: the counts add up to the total")


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
