"""The log: complete lines, and an output that neither waits nor raises, and counts the dropped texts.

Lines of requests have the form of all other lines, and are written together.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from logs import HELD_LINES, Output, _console_form, _json_form, _json_line
from tests.support import ROOT, Server, until


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


INTERRUPTED = """
import os, signal
from logs import Output
output = Output(1)

def interrupt(*_):
    output.write("interrupted\\n")
    signal.setitimer(signal.ITIMER_REAL, 0.0002)

signal.signal(signal.SIGALRM, interrupt)
interrupt()
for number in range(20_000):
    output.write(f"{number}\\n")
signal.signal(signal.SIGALRM, signal.SIG_IGN)
assert not output.dropped
"""


def test_a_text_within_a_text_comes_after_it() -> None:
    # As a finalizer or a signal handler that logs, at any place within `write`.
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], cwd=ROOT, capture_output=True, text=True, check=True, timeout=300
    )
    lines = done.stdout.splitlines()
    assert [line for line in lines if line != "interrupted"] == [str(number) for number in range(20_000)]
    assert len(lines) > 20_001


# Held lines


def test_held_lines_are_written_together(pipe: tuple[int, int]) -> None:
    output = Output(pipe[1])
    lines = [b"%d\n" % number for number in range(HELD_LINES + 1)]
    for line in lines[: HELD_LINES - 1]:
        output.hold(line)
    assert read_all(pipe[0]) == b""
    output.hold(lines[HELD_LINES - 1])
    assert read_all(pipe[0]) == b"".join(lines[:HELD_LINES])
    output.hold(lines[HELD_LINES])
    output.flush()
    assert read_all(pipe[0]) == lines[HELD_LINES]
    output.flush()
    assert read_all(pipe[0]) == b""


def test_another_text_follows_the_held_lines(pipe: tuple[int, int]) -> None:
    output = Output(pipe[1])
    output.hold(b"first\n")
    output.write("second\n")
    output.hold(b"third\n")
    output.flush()
    assert read_all(pipe[0]) == b"first\nsecond\nthird\n"


def test_each_held_line_without_room_is_counted() -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        output = Output(full.fileno())
        for number in range(3):
            output.hold(b"%d\n" % number)
        output.write("text\n")
        assert output.dropped == 4
        output.hold(b"line\n")
        output.flush()
        assert output.dropped == 5


@pytest.mark.parametrize("length", [1, 100, 4_095, 4_096, 4_097, 9_999])
def test_held_lines_in_a_full_pipe_are_whole_or_counted(pipe: tuple[int, int], length: int) -> None:
    output = Output(pipe[1])
    line = b"x" * length + b"\n"
    held = 0
    while not output.dropped:
        for _ in range(HELD_LINES):
            output.hold(line)
        held += HELD_LINES
    for _ in range(HELD_LINES):
        output.hold(line)
    held += HELD_LINES
    *whole, cut = read_all(pipe[0]).split(b"\n")
    assert set(whole) == {line[:-1]}
    assert len(whole) + output.dropped == held
    output.write("after\n")
    assert read_all(pipe[0]) == (b"\nafter\n" if cut else b"after\n")


# Lines of requests

REQUEST = ("r-1:2/3+4=", "POST", "/graphql", 200, 0.123)
TIMESTAMP = "2026-01-02T03:04:05.000006Z"


@given(
    path=st.text(st.characters(max_codepoint=255)),
    status=st.integers(100, 999),
    milliseconds=st.floats(0, 1e9).map(lambda value: round(value, 3)),
)
@pytest.mark.parametrize("colors", [None, False, True])
def test_a_line_has_the_form_of_all_lines(path: str, status: int, milliseconds: float, colors: bool | None) -> None:
    instance = "host-%d'\"é:1"
    event = {"method": "GET", "path": path, "status": status, "milliseconds": milliseconds, "event": "request"}
    event |= {"request_id": "r1", "level": "info", "timestamp": TIMESTAMP, "instance": instance}
    if colors is None:
        form, expected = _json_form(instance), _json_line(event)
    else:
        render = structlog.dev.ConsoleRenderer(colors=colors, force_colors=colors, repr_native_str=True)
        form, expected = _console_form(instance, render), render(None, "info", dict(event))
    line = form("r1", "GET", path, status, milliseconds, TIMESTAMP).decode()
    assert line == expected + "\n"
    assert line.count("\n") == 1


REQUEST_LINES = r"""
import asyncio, structlog, sys
from logs import configure_logging
access_log = configure_logging({format!r}, {level!r}, instance="here")

async def main():
    structlog.contextvars.bind_contextvars(request_id="r-1")
    for path in ("/", "/%0a", "/a b\"'=\x9b"):
        given = dict(method="GET", path=path, status=404, milliseconds=1.5)
        structlog.get_logger("access").info("request", **given)
        access_log("r-1", *given.values())

asyncio.run(main())
{end}
"""


@pytest.mark.parametrize("end", ["", "sys.exit(0)", "raise KeyError"])
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_lines_of_requests_are_those_of_structlog_in_order_until_the_exit(log_format: str, end: str) -> None:
    script = REQUEST_LINES.format(format=log_format, level="info", end=end)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if "here" in line]
    assert len(lines) == 6

    def without_time(line: str) -> object:
        if log_format == "console":
            return line.partition("Z ")[2]
        return {**json.loads(line), "timestamp": None}, [*json.loads(line)]

    assert [without_time(line) for line in lines[::2]] == [without_time(line) for line in lines[1::2]]
    for line in lines:
        time = json.loads(line)["timestamp"] if log_format == "json" else line.partition(" ")[0]
        assert len(time) == len(TIMESTAMP)


def test_a_level_above_info_has_no_lines_of_requests() -> None:
    script = REQUEST_LINES.format(format="json", level="warning", end="")
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == ""


async def test_a_line_appears_without_further_requests(tmp_path: Path) -> None:
    server = Server(tmp_path, {"workers": 0})
    await server.start()
    try:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=120)
        connection.request("GET", "/health/live", headers={"X-Request-ID": "the-only-one"})
        assert connection.getresponse().status == 200
        connection.close()
        await until(lambda: "the-only-one" in server.log, what="the line of the request")
    finally:
        await server.close()


@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_sigterm_under_load_loses_no_line(tmp_path: Path, log_format: str) -> None:
    server = Server(tmp_path, {"workers": 0, "log_format": log_format})
    await server.start()
    answered: list[str] = []

    def load(client: int) -> None:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=120)
        with contextlib.suppress(OSError, HTTPException), contextlib.closing(connection):
            for number in range(1_000_000):
                name = f"client-{client}-{number}-"
                connection.request("GET", "/health/live", headers={"X-Request-ID": name})
                connection.getresponse().read()
                answered.append(name)

    clients = [threading.Thread(target=load, args=(client,)) for client in range(3)]
    try:
        for client in clients:
            client.start()
        await until(lambda: len(answered) > 3 * HELD_LINES, what="answers")
        server.process.send_signal(signal.SIGTERM)
        await until(lambda: server.process.poll() is not None, what="the server to end")
    finally:
        await server.close()
        for client in clients:
            client.join()
    log = server.log
    assert server.process.returncode == 0
    assert [name for name in answered if log.count(name) != 1] == []


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
