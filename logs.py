"""The log: its lines, and standard error, which takes them without a wait.

A process has one standard error, `LOG`. Its reader may be slow or gone: a line without room is dropped and counted.
"""

from __future__ import annotations

import errno
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
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

import orjson
import structlog

if TYPE_CHECKING:
    from collections.abc import Sequence


def default_instance() -> str:
    """Return this process's name in logs and metrics: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Output(io.TextIOBase):
    """Standard output or standard error. `write` neither waits nor raises: without room or a reader, it drops the text.

    `dropped` counts the texts that were not written whole. The text after one of these begins a new line.
    """

    encoding = "utf-8"

    def __init__(self, descriptor: int) -> None:
        self.dropped = 0
        self._descriptor = descriptor
        self._is_cut = False
        self._poll: select.poll | None = None
        self._lock = threading.Lock()

    def fileno(self) -> int:
        return self._descriptor

    def write(self, text: str) -> int:
        data = text.encode("utf-8", "backslashreplace")
        with self._lock:
            try:
                self._write(b"\n" + data if self._is_cut else data)
                self._is_cut = False
            except OSError:  # no reader, no room on the disk or in the pipe, or a closed descriptor
                self.dropped += 1
        return len(text)

    def isatty(self) -> bool:
        with suppress(OSError):
            return os.isatty(self._descriptor)
        return False

    def _write(self, data: bytes) -> None:
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self._descriptor, select.POLLOUT)
            with suppress(OSError, AttributeError):  # no pipe, or no such call on this system
                fcntl.fcntl(self._descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        written = 0
        while written < len(data):
            if not self._poll.poll(0):
                raise OSError(errno.EAGAIN, "no room")
            # A pipe with room takes this many bytes without waiting (pipe(7)).
            written += os.write(self._descriptor, data[written : written + select.PIPE_BUF])
            self._is_cut = written < len(data)


PIPE_BYTES = 1_048_576
"""Size of the pipe of a log's reader: some thousand lines, for a reader that pauses. Linux's default is 64 KiB."""

LOG = Output(2)
"""Standard error, of which a process has one."""


def guard_output() -> None:
    """Let no `print` of this process wait or raise, also none of a plug-in."""
    sys.stdout, sys.stderr = Output(1), LOG


def configure_logging(log_format: str = "console", log_level: str = "info", *, instance: str | None = None) -> None:
    """Send the lines of structlog and of the standard library's loggers, with uvicorn's, to stderr in one format.

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
