"""The log: complete lines, and an output that neither waits nor raises, and counts the dropped texts."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from logs import Output
from tests.support import ROOT


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for descriptor in (reading, writing):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def read_all(descriptor: int) -> bytes:
    os.set_blocking(descriptor, False)
    data = b""
    while True:
        try:
            data += os.read(descriptor, 1 << 20)
        except BlockingIOError:
            return data


def test_a_text_is_written_whole(pipe: tuple[int, int]) -> None:
    output = Output(pipe[1])
    output.write("é\ud800" * 5_000 + "\n")
    assert (read_all(pipe[0]), output.dropped) == ("é\\ud800".encode() * 5_000 + b"\n", 0)


def test_a_pipe_without_a_reader(pipe: tuple[int, int]) -> None:
    output = Output(pipe[1])
    os.close(pipe[0])
    for _ in range(3):
        output.write("line\n")
    assert output.dropped == 3


def test_a_full_pipe_that_nobody_reads(pipe: tuple[int, int]) -> None:
    output = Output(pipe[1])
    line = "x" * 9_999 + "\n"
    written = 0
    while not output.dropped:
        output.write(line)
        written += 1
    for _ in range(4):
        output.write(line)
    assert output.dropped == 5
    *whole, cut = read_all(pipe[0]).decode().split("\n")
    assert whole == ["x" * 9_999] * (written - 1)
    output.write("after\n")
    assert read_all(pipe[0]) == (b"\nafter\n" if cut else b"after\n")
    assert output.dropped == 5


def test_a_full_disk() -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        output = Output(full.fileno())
        output.write("line\n")
        output.write("line\n")
    assert output.dropped == 2


def test_a_closed_descriptor(pipe: tuple[int, int]) -> None:
    output = Output(pipe[1])
    os.close(pipe[1])
    output.write("line\n")
    assert output.dropped == 1
    assert output.isatty() is False


BAD_LINES = """
import logging, structlog
from logs import LOG, configure_logging

class Bad:
    def __str__(self):
        raise RuntimeError("no text")
    __repr__ = __str__

configure_logging({format!r}, "info")
structlog.get_logger("test").info("first", value=Bad())
logging.getLogger("other").warning("from %s", Bad())
logging.getLogger("other").warning("from", extra={{"value": Bad()}})
structlog.get_logger("test").info("last")
print(LOG.dropped)
"""


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_value_without_a_text_raises_nothing(log_format: str) -> None:
    script = BAD_LINES.format(format=log_format)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n"), "last" in done.stderr) == (0, 1, True), done.stderr
    assert done.stdout == "3\n"


def test_a_text_controls_no_terminal_and_forges_no_line() -> None:
    script = """
import structlog
from logs import configure_logging
configure_logging("console", "info")
structlog.get_logger("test").info("printed", bare="b\\x1b", text="a\\x1b[2J\\r\\x9b\\u202e\\nforged")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    [line] = done.stderr.splitlines()
    assert line.endswith(r"text='a\x1b[2J\r\x9b\u202e\nforged'")
    assert line.isprintable()


GOOD_LINES = """
import logging, structlog
from settings import Settings
from logs import configure_logging
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
    script = GOOD_LINES.format(format=log_format)
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
