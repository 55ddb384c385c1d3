"""The log: its lines, and standard error, which takes them without a wait.

A process has one standard error, `LOG`. Its reader may be slow or gone: a line without room is dropped and counted.
Lines of requests are written together: the output holds at most `HELD_LINES` of them for at most `HELD_SECONDS`. Any
other text writes them first, so the lines of the log keep their order.
"""

from __future__ import annotations

import asyncio
import atexit
import fcntl
import io
import json
import logging
import logging.config
import os
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Protocol, TextIO, cast

import orjson
import structlog

if TYPE_CHECKING:
    from collections.abc import Sequence


def default_instance() -> str:
    """Return this process's name in logs and metrics: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


HELD_LINES = 64
"""Most lines that wait for a common write: two system calls for each 4 KiB instead of for each line."""

HELD_SECONDS = 1.0
"""Longest wait of a line, for a reader who follows the log."""


class Output(io.TextIOBase):
    """Standard output or standard error. `write` neither waits nor raises: without room or a reader, it drops the text.

    `dropped` counts the texts and held lines that were not written whole. The next text begins a new line.
    """

    encoding = "utf-8"

    def __init__(self, descriptor: int) -> None:
        self.dropped = 0
        self._held: deque[bytes] = deque()
        self._descriptor = descriptor
        self._is_cut = False
        self._poll: select.poll | None = None
        self._lock = threading.Lock()

    def fileno(self) -> int:
        return self._descriptor

    def write(self, text: str) -> int:
        self._held.append(text.encode("utf-8", "backslashreplace"))
        self.flush()
        return len(text)

    def hold(self, line: bytes) -> None:
        """Write a line, with its end, together with others: before the next text, or at `flush`."""
        self._held.append(line)
        if len(self._held) >= HELD_LINES:
            self.flush()

    def flush(self) -> None:
        """Write the held texts. A call that is doing so already also writes the later ones."""
        # A wait for the lock could last for ever: a finalizer or a signal handler may interrupt its owner, and log.
        while self._held and self._lock.acquire(blocking=False):
            try:
                self._put([self._held.popleft() for _ in range(len(self._held))])
            finally:
                self._lock.release()

    def isatty(self) -> bool:
        with suppress(OSError):
            return os.isatty(self._descriptor)
        return False

    def _put(self, texts: Sequence[bytes]) -> None:
        """Write these texts together. The caller has the lock."""
        begin = b"\n" if self._is_cut else b""
        data = begin + b"".join(texts)
        written = self._write(data)
        if written < len(data):
            ends = accumulate(map(len, texts), initial=len(begin))
            next(ends)
            self.dropped += sum(end > written for end in ends)
        if written:
            self._is_cut = written < len(data) and data[written - 1 : written] != b"\n"

    def _write(self, data: bytes) -> int:
        """Write as much as there is room for, and return the number of bytes."""
        written = 0
        with suppress(OSError):  # no reader, no room on the disk or in the pipe, or a closed descriptor
            poll = self._prepared()
            while written < len(data) and poll.poll(0):
                # A pipe with room takes this many bytes without waiting (pipe(7)).
                written += os.write(self._descriptor, data[written : written + select.PIPE_BUF])
        return written

    def _prepared(self) -> select.poll:
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self._descriptor, select.POLLOUT)
            with suppress(OSError, AttributeError):  # no pipe, or no such call on this system
                fcntl.fcntl(self._descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return self._poll


PIPE_BYTES = 1_048_576
"""Size of the pipe of a log's reader: some thousand lines, for a reader that pauses. Linux's default is 64 KiB."""

LOG = Output(2)
"""Standard error, of which a process has one."""


def guard_output() -> None:
    """Let no `print` of this process wait or raise, also none of a plug-in."""
    sys.stdout, sys.stderr = Output(1), LOG


def configure_logging(
    log_format: str = "console", log_level: str = "info", *, instance: str | None = None
) -> AccessLog:
    """Return the log of requests, and send all other lines to standard error in the same format.

    These are the lines of structlog and of the standard library's loggers, with uvicorn's.

    Every line has `event`, `level`, `timestamp` and `instance`, and `request_id` if one is bound. uvicorn's access log
    is off: `web.middleware` writes a line for each request, with its id. A log call neither waits nor raises: the
    metric `assay_log_lines_dropped_total` counts the lines that could not be made or written.
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
                colors=LOG.isatty(),
                repr_native_str=True,  # escaped: a text controls no terminal and looks like no other line
                exception_formatter=structlog.dev.plain_traceback,  # the rich one prints variables, and so secrets
            ),
        ]
    structlog.configure(
        processors=[*shared, _made(rendering)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, LOG)),
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
            "handlers": {"stderr": {"()": _Handler, "formatter": "structlog", "stream": LOG}},
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
    if level > logging.INFO:
        return lambda *_: None
    return _AccessLog(_json_form(name) if log_format == "json" else _console_form(name, rendering[-1]))


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        LOG.dropped += 1


def _made(processors: Sequence[structlog.typing.Processor]) -> structlog.typing.Processor:
    """Return one processor for all of these, which drops a line if a value of it can't be written."""

    def make(logger: Any, method: str, event: Any) -> Any:
        try:
            for each in processors:
                event = each(logger, method, event)
        except Exception:
            LOG.dropped += 1
            raise structlog.DropEvent from None
        return event

    return make


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


class AccessLog(Protocol):
    """A function that writes the line of a request."""

    def __call__(self, request_id: str, method: str, path: str, status: int, milliseconds: float, /) -> None: ...


Form = Callable[[str, str, str, int, float, str], bytes]
"""Returns a line for request id, method, path, status, milliseconds and timestamp."""


class _AccessLog:
    """Formats lines without structlog and writes them together. Needs a running event loop."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._timer: asyncio.TimerHandle | None = None
        atexit.register(LOG.flush)  # SIGTERM ends the server by an exception

    def __call__(self, request_id: str, method: str, path: str, status: int, milliseconds: float, /) -> None:
        seconds, microseconds = divmod(time.time_ns() // 1_000, 1_000_000)
        timestamp = f"{_second(seconds)}.{microseconds:06d}Z"
        LOG.hold(self._form(request_id, method, path, status, milliseconds, timestamp))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(HELD_SECONDS, self._flush)

    def _flush(self) -> None:
        self._timer = None
        LOG.flush()


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _json_form(instance: str) -> Form:
    def form(request_id: str, method: str, path: str, status: int, milliseconds: float, timestamp: str) -> bytes:
        line = {
            "method": method,
            "path": path,
            "status": status,
            "milliseconds": milliseconds,
            "event": "request",
            "request_id": request_id,
            "level": "info",
            "timestamp": timestamp,
            "instance": instance,
        }
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)

    return form


def _console_form(instance: str, renderer: structlog.typing.Processor) -> Form:
    """Return a form made of a line of structlog's renderer, which places and colors the values."""
    marks = {name: f"<{name}>" for name in ("method", "milliseconds", "path", "request_id", "status")}
    event = {"event": "request", "level": "info", "timestamp": "<timestamp>", "instance": instance, **marks}
    line = str(renderer(None, "info", event)).replace("%", "%%").replace("<timestamp>", "%(timestamp)s") + "\n"
    for name, mark in marks.items():
        line = line.replace(repr(mark), f"%({name})r")

    def form(request_id: str, method: str, path: str, status: int, milliseconds: float, timestamp: str) -> bytes:
        values = {
            "timestamp": timestamp,
            "method": method,
            "milliseconds": milliseconds,
            "path": path,
            "request_id": request_id,
            "status": status,
        }
        return (line % values).encode("utf-8", "backslashreplace")

    return form
