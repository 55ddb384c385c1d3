"""An analyzer that does whatever its request says, as an installed package of a server's own."""

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
    """`text` says which input it is; the options say what happens to it."""

    text: str = Field(min_length=1, max_length=1000, description="Any text.")
    deed: str = Field(default="echo", description="What it does.")
    seconds: float = Field(default=0, description="How long it takes.")
    folder: str | None = Field(default=None, description="Where it leaves a note of each start, one file each.")
    until: str | None = Field(default=None, description="A file: it takes until there is one.")
    number: int = Field(default=0, description="How much of it.")
    extra: Any = Field(default=None, description="Any JSON.")


class TortureResult(Result):
    """What came of it."""

    extra: Any = Field(default=None, description="What was given.")


class Unspeakable(Exception):
    """Can't be pickled, and its text can't be had."""

    def __init__(self) -> None:
        self.lock = Lock()

    def __str__(self) -> str:
        raise RuntimeError("no text")


def note(request: TortureRequest) -> int:
    """Leave a note of this start; which one of this text's it is, from 1."""
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
    """After `seconds` asleep, and once there is the file `until`."""
    time.sleep(request.seconds)
    while request.until is not None and not Path(request.until).exists():
        time.sleep(0.01)


def flaky(request: TortureRequest, attempt: int) -> None:
    """Fails `number` times in a way that another try can mend."""
    if attempt <= request.number:
        raise AnalysisFailure("ANALYZER_FAILED", f"Try {attempt} fails.", retryable=True)


def eat(_request: TortureRequest) -> None:
    """All the memory that there is."""
    while True:
        HELD.append(bytearray(16 * 2**20))


def fork(request: TortureRequest) -> None:
    """Leave a process in the same group and one that left it, which hold `number` MiB."""
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
    """`number` MiB to each of the standard streams."""
    for _ in range(request.number):
        for descriptor in (1, 2):
            os.write(descriptor, b"y" * 2**20)
        print("z" * 1000)


def spin(_request: TortureRequest) -> None:
    """Hours in C code that holds the interpreter's lock."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def deaf(request: TortureRequest) -> None:
    """Ignores every signal that can be ignored, and computes for ever."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    spin(request)


def closed(_request: TortureRequest) -> None:
    """Close every descriptor."""
    os.closerange(0, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def homeless(_request: TortureRequest) -> None:
    """Delete the folder for temporary files, where it is one's own, and the one that it stands in."""
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
    """Do what the request says."""
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
    description="Does whatever the request says.",
    request=TortureRequest,
    result=TortureResult,
    run=run,
    memory_limit_mb=MEMORY_LIMIT_MB,
)
