"""What the server counts about itself, and how it writes its log.

One `Telemetry` belongs to one app: `web` and `execution` write to it, resolvers read from it, and `exposition` prints
it for Prometheus from a registry of its own, so that two apps in one process never mix. Recording costs a few plain
additions; it is done in the event loop's thread only, and so needs no lock. Memory is bounded: names of operations
by `MAX_OPERATION_NAMES`, latencies by fixed buckets.
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

    from settings import Settings

MAX_OPERATION_NAMES = 200
"""Operations counted by name. Clients choose the names, so the rest is counted together as `other`."""

OTHER, ANONYMOUS = "other", "anonymous"

SLICE_SECONDS = 30.0
SLICES = 10

_LEAST_MS = 0.01
_STEPS_PER_DOUBLING = 8  # neighbouring bounds are 9 % apart: a percentile is at most 4.5 % off
_BUCKETS = 32 * _STEPS_PER_DOUBLING  # the last bound is 0.01 ms * 2^32, about twelve hours
_HALF_STEP = math.exp2(-0.5 / _STEPS_PER_DOUBLING)
_STEPS_PER_NEPER = _STEPS_PER_DOUBLING / math.log(2)
_EXPOSED = range(4 * _STEPS_PER_DOUBLING, 23 * _STEPS_PER_DOUBLING, _STEPS_PER_DOUBLING)  # 0.16 ms to 42 s


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds; None where nothing was recorded in the window."""

    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Latency:
    """Durations in geometric buckets: since the start for Prometheus, and over the last five minutes by slices.

    The window is `SLICES` slices of `SLICE_SECONDS`, the newest of them still filling: four and a half to five
    minutes. Recording is O(1), reading is O(slices x buckets).
    """

    __slots__ = ("_clock", "_slices", "_totals", "count", "sum_seconds")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._slices: deque[tuple[int, dict[int, int]]] = deque(maxlen=SLICES)
        self._totals: dict[int, int] = {}
        self.count = 0
        self.sum_seconds = 0.0

    def record(self, seconds: float) -> None:
        """Count one duration; what is not a positive number counts as the shortest."""
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
        """The 50th, 95th and 99th percentile of the last five minutes, each within 4.5 %."""
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
        """Prometheus's buckets: upper bound in seconds, and how many durations lie at or below it."""
        buckets: list[tuple[str, float]] = []
        for exposed in _EXPOSED:
            below = sum(count for bucket, count in self._totals.items() if bucket <= exposed)
            buckets.append((f"{_bound_ms(exposed) / 1000:g}", below))
        return [*buckets, ("+Inf", self.count)]


def _bound_ms(bucket: int) -> float:
    return _LEAST_MS * math.exp2(bucket / _STEPS_PER_DOUBLING)


def _percentile(ordered: list[tuple[int, int]], total: int, rank: float) -> float:
    """The geometric middle of the bucket in which the nearest-rank percentile lies."""
    wanted = math.ceil(total * rank)
    for bucket, count in ordered:
        wanted -= count
        if wanted <= 0:
            return float(f"{_bound_ms(bucket) * _HALF_STEP:.3g}")
    raise AssertionError("unreachable: the counts add up to the total")


@dataclass(slots=True)
class HttpTelemetry:
    """Requests over HTTP; an error is an answer with a status of 400 or more."""

    requests_total: int = 0
    errors_total: int = 0
    in_flight: int = 0
    latency: Latency = field(default_factory=Latency)

    def started(self) -> None:
        self.requests_total += 1
        self.in_flight += 1

    def ended(self, status: int, seconds: float | None) -> None:
        """Count one answer; without a duration where that says nothing, as of a stream."""
        self.in_flight -= 1
        self.errors_total += status >= 400
        if seconds is not None:
            self.latency.record(seconds)


@dataclass(slots=True)
class OperationTelemetry:
    """One operation name over all transports; an error is an answer with `errors`."""

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
    """Sockets and HTTP streams that are open, subscriptions that run on them, and what became of their events."""

    connections: int = 0
    active: int = 0
    delivered: int = 0
    overflowed: int = 0


class Telemetry:
    """Everything one app counts. `instance` names this server in metrics, logs and the graph."""

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
        """The counters of the operation with this name, or of `other` once there are too many names."""
        key = name or ANONYMOUS
        found = self._operations.get(key)
        if found is None:
            if len(self._operations) >= MAX_OPERATION_NAMES:
                key = OTHER
            found = self._operations.setdefault(key, OperationTelemetry(key))
        return found

    def operations(self) -> list[OperationTelemetry]:
        """Every counted operation, the most frequent first."""
        return sorted(self._operations.values(), key=lambda each: (-each.count, each.name))


def exposition(telemetry: Telemetry) -> bytes:
    """All counters in Prometheus's text format 0.0.4 (`text/plain; version=0.0.4; charset=utf-8`)."""
    return generate_latest(telemetry.registry)


class _Exposed(Collector):
    """Reads the counters when Prometheus asks."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def collect(self) -> Iterable[Metric]:
        http, subscriptions = self._telemetry.http, self._telemetry.subscriptions
        yield CounterMetricFamily("assay_http_requests", "Requests over HTTP.", value=http.requests_total)
        yield CounterMetricFamily("assay_http_errors", "Answers with status 400 or more.", value=http.errors_total)
        yield GaugeMetricFamily("assay_http_in_flight", "Requests being answered.", value=http.in_flight)
        latency = HistogramMetricFamily("assay_http_request_seconds", "Time to answer a request.")
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
            "assay_subscribers_overflowed", "Subscribers ended for not keeping up.", value=subscriptions.overflowed
        )


def default_instance() -> str:
    """This process's name in logs and metrics: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


def configure_logging(settings: Settings, *, instance: str | None = None) -> None:
    """Send structlog's lines and those of the standard library's loggers, uvicorn's among them, to stderr alike.

    Every line has `event`, `level`, `timestamp` and `instance`, and `request_id` where one is bound. uvicorn's access
    log is off: `web.middleware` writes one line a request, with its id.
    """
    level = getattr(logging, settings.log_level.upper())
    name = instance or default_instance()

    def add_instance(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["instance"] = name
        event.pop("color_message", None)  # uvicorn's own form of a line, for terminals
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_instance,
    ]
    rendering: list[structlog.typing.Processor]
    if settings.log_format == "json":
        renderer = structlog.processors.JSONRenderer(serializer=_json_line)
        rendering = [structlog.processors.format_exc_info, renderer]
    else:
        rendering = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                exception_formatter=structlog.dev.plain_traceback,  # the rich one prints locals, secrets among them
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
                    "level": max(level, logging.WARNING),  # below are two lines a socket, and what our own banner says
                },
                "alembic": {"level": logging.WARNING},
                "uvicorn.access": {"handlers": [], "propagate": False, "level": logging.CRITICAL},
            },
        }
    )


def _is_unintended(record: logging.LogRecord) -> bool:
    """Whether it is anything but uvicorn's error on what the doors mean to do, and to uvicorn looks forgotten.

    A handshake that is refused with an answer, and a text frame that is no text: any client could fill the log with
    them. And a response that is ended before its end, as streams are when the server stops: the request's own line
    tells of it.
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
