"""An analyzer that runs the deed named in its request. Servers load it as an installed package."""

from __future__ import annotations

import ctypes
import os
import re
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import Field

from analyzers.base import AnalysisFailure, Analyzer, Job, Request, Result

MEMORY_LIMIT_MB = 512
HELD: list[object] = []


class TortureRequest(Request):
    """An input, identified by its `text`, with options that determine how its analysis proceeds."""

    text: str = Field(min_length=1, max_length=1000, description="Any text.")
    deed: str = Field(default="echo", description="Name of the deed to run.")
    seconds: float = Field(default=0, description="Duration of the deed `echo`.")
    folder: str | None = Field(default=None, description="Folder for a marker file per start.")
    until: str | None = Field(default=None, description="Path of a file: the deed `echo` ends once it exists.")
    number: int = Field(default=0, description="Size or number, with a meaning per deed.")
    extra: Any = Field(default=None, description="Any JSON.")


class TortureResult(Result):
    """The text, with the request's `extra` value."""

    extra: Any = Field(default=None, description="The request's value.")


class Unspeakable(Exception):
    """An exception that can't be pickled and has no text."""

    def __init__(self) -> None:
        self.lock = Lock()

    def __str__(self) -> str:
        raise RuntimeError("no text")


def note(request: TortureRequest) -> int:
    """Record this start in a marker file. Returns the number of starts with this text so far, from 1."""
    if request.folder is None:
        return 1
    for attempt in range(1, 1000):
        try:
            path = Path(request.folder) / f"{request.text}.{attempt}"
            with path.open("x") as file:
                file.write(str(os.getpid()))
        except FileExistsError:
            continue
        return attempt
    raise AssertionError("started a thousand times")


def echo(request: TortureRequest) -> None:
    """Sleep for `seconds`, and wait until the file `until` exists, if given."""
    time.sleep(request.seconds)
    while request.until is not None and not Path(request.until).exists():
        time.sleep(0.01)


def flaky(request: TortureRequest, attempt: int) -> None:
    """Fail the first `number` attempts with a retryable error."""
    if attempt <= request.number:
        raise AnalysisFailure("ANALYZER_FAILED", f"Try {attempt} fails.", retryable=True)


def eat(_request: TortureRequest) -> None:
    """Allocate memory without end."""
    while True:
        HELD.append(bytearray(16 * 2**20))


def fork(request: TortureRequest) -> None:
    """Fork one process in the same process group and one in its own, each with `number` MiB."""
    for leaves in (False, True):
        pid = os.fork()
        if pid == 0:
            if leaves:
                os.setsid()
            held = bytearray(b"x" * request.number * 2**20)
            while held:
                time.sleep(10**6)
        (Path(request.folder or ".") / f"child {int(leaves)}").write_text(str(pid))


def write(request: TortureRequest) -> None:
    """Write `number` MiB to each of stdout and stderr."""
    for _ in range(request.number):
        for descriptor in (1, 2):
            os.write(descriptor, b"y" * 2**20)
        print("z" * 1000)


def spin(_request: TortureRequest) -> None:
    """Run for hours in C code that holds the interpreter lock."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def deaf(request: TortureRequest) -> None:
    """Ignore five signals that would end the process, and compute for hours."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    spin(request)


def closed(_request: TortureRequest) -> None:
    """Close every descriptor."""
    os.closerange(0, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def homeless(_request: TortureRequest) -> None:
    """Delete the current directory."""
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    os.rmdir(folder)


def raises(error: BaseException) -> None:
    raise error


def crash(_request: TortureRequest) -> None:
    ctypes.string_at(0)


DEEDS: dict[str, Callable[[TortureRequest], object]] = {
    "echo": echo,
    "eat": eat,
    "fork": fork,
    "write": write,
    "spin": spin,
    "deaf": deaf,
    "close": closed,
    "homeless": homeless,
    "crash": crash,
    "unspeakable": lambda _: raises(Unspeakable()),
    "exit": lambda request: os._exit(request.number),
    "sys.exit": lambda request: sys.exit(request.number),
    "refuse": lambda _: raises(AnalysisFailure("INPUT_UNREADABLE", "It can't be read.")),
    "signal": lambda request: os.kill(os.getpid(), request.number),
}


def run(request: TortureRequest, job: Job) -> TortureResult:
    """Run the request's deed."""
    attempt = note(request)
    if request.deed == "flaky":
        flaky(request, attempt)
    elif request.deed == "large":
        return TortureResult(summary="x" * request.number * 2**20)
    else:
        DEEDS[request.deed](request)
    return TortureResult(summary=request.text, extra=request.extra)


TORTURE = Analyzer(
    name="torture",
    version="1",
    description="Runs the deed named in the request.",
    request=TortureRequest,
    result=TortureResult,
    run=run,
    memory_limit_mb=MEMORY_LIMIT_MB,
)
