"""Analyzers that misbehave, for the sandbox's tests. A `Template` calls one of the functions named `load…`."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import faulthandler
import os
import re
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from analyzers.base import AnalysisFailure, Analyzer, Job, Request, Result

HELD: list[object] = []
PREPARED: list[str] = []


class Deed(Request):
    """The name of a function in this module, and its argument."""

    text: str
    argument: str = ""


class Answer(Result):
    """A result to which analyzers can assign invalid values."""

    number: float = 0.0
    pid: int = 0


class Other(Result):
    """A result of another type than the analyzer declares."""


class Unspeakable(Exception):
    """An exception that can't be pickled and has no text."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Base(BaseException):
    """An exception that `except Exception` does not catch."""


def answer(summary: str = "ok", **fields: Any) -> Answer:
    return Answer(summary=summary, pid=os.getpid(), **fields)


def throw(error: BaseException) -> NoReturn:
    raise error


def echo(argument: str, job: Job) -> Answer:
    return answer(argument)


def environment(argument: str, job: Job) -> Answer:
    """Return the process's directory, limits, open files, and the names of its environment variables."""
    files = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            files.append(os.readlink(f"/proc/self/fd/{name}"))
    limits = [resource.getrlimit(limit)[0] for limit in (resource.RLIMIT_CORE, resource.RLIMIT_NOFILE)]
    return answer("\n".join([os.getcwd(), repr(limits), repr(sorted(files)), repr(sorted(os.environ))]))


def note(argument: str, job: Job) -> Answer:
    """Append a line to a file."""
    with open(argument, "a") as file:
        file.write("begun\n")
    return answer()


def eat(argument: str, job: Job) -> Answer:
    while True:
        HELD.append(bytearray(16 * 2**20))


def touch(argument: str, job: Job) -> Answer:
    """Allocate the given number of MiB, and never free it."""
    HELD.append(b"x" * (int(argument) * 2**20))
    return answer()


def recurse(argument: str, job: Job) -> Answer:
    return recurse(argument, job)


def overflow(argument: str, job: Job) -> Answer:
    """Recurse in C code until the stack is full."""
    faulthandler._stack_overflow()  # type: ignore[attr-defined]
    return answer()


def hang_in_regex(argument: str, job: Job) -> Answer:
    """Run for hours in C code that holds the interpreter lock."""
    Path(argument).write_text(str(os.getpid()))
    re.match(r"(a+)+$", "a" * 60 + "b")
    return answer()


def hang_in_sleep(argument: str, job: Job) -> Answer:
    Path(argument).write_text(str(os.getpid()))
    time.sleep(10**6)
    return answer()


def wait_for(argument: str, job: Job) -> Answer:
    """Run until the file exists."""
    Path(argument + ".started").write_text(str(os.getpid()))
    while not Path(argument).exists():
        time.sleep(0.005)
    return answer()


def crash(argument: str, job: Job) -> Answer:
    faulthandler.disable()
    ctypes.string_at(0)
    return answer()


def bad_alloc(argument: str, job: Job) -> Answer:
    """Abort as a C++ library does if `new` fails."""
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def close_all(argument: str, job: Job) -> Answer:
    os.closerange(0, 1_024)
    return answer()


def write_everywhere(argument: str, job: Job) -> Answer:
    """Write invalid frames to every open descriptor."""
    for descriptor in range(3, 1_024):
        with contextlib.suppress(OSError):
            os.write(descriptor, b"\xff" * 64)
    return answer()


def write_frame(argument: str, job: Job) -> Answer:
    """Write these bytes, in hexadecimal, into the pipe of the frames, ring the bell, and hang."""
    bells = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            descriptor, target = int(name), os.readlink(f"/proc/self/fd/{name}")
            if descriptor > 2 and target.startswith("socket:"):
                bells.append(descriptor)
            elif descriptor > 2 and target.startswith("pipe:"):
                os.write(descriptor, bytes.fromhex(argument))  # the other pipe is open for reading only
    for bell in bells:
        os.write(bell, b"!")
    time.sleep(10**6)
    return answer()


def hang_up(argument: str, job: Job) -> Answer:
    """Close the channel and never return."""
    for descriptor in range(3, 1_024):
        with contextlib.suppress(OSError):
            os.close(descriptor)
    time.sleep(10**6)
    return answer()


def print_much(argument: str, job: Job) -> Answer:
    print(argument)
    os.write(1, b"by descriptor 1\n")
    os.write(2, b"by descriptor 2\n")
    return answer()


def print_without_end(argument: str, job: Job) -> Answer:
    for _ in range(20):
        os.write(1, b"x" * 65_536)
    return answer()


def fork_and_return(argument: str, job: Job) -> Answer:
    os.fork()
    return answer()


def fork_and_stay(argument: str, job: Job) -> Answer:
    """Fork one process in the same process group and one in its own, and write their ids to the file."""
    pids = []
    for leaves in (False, True):
        pid = os.fork()
        if pid == 0:
            if leaves:
                os.setsid()
            while True:
                time.sleep(10**6)
        pids.append(pid)
    part = Path(argument + ".part")
    part.write_text(" ".join(map(str, pids)))
    part.rename(argument)
    if argument.endswith("hang"):
        time.sleep(10**6)
    return answer()


def leave_thread(argument: str, job: Job) -> Answer:
    threading.Thread(target=time.sleep, args=(10**6,), daemon=True).start()
    return answer()


def leave_threads_of_note(argument: str, job: Job) -> Answer:
    """Start a thread that reports progress for ever."""

    def go_on() -> None:
        while True:
            job.progress(0.5, "late")
            time.sleep(0.001)

    threading.Thread(target=go_on, daemon=True).start()
    return answer()


def leave_traces(argument: str, job: Job) -> Answer:
    os.chdir("/")
    sys.setrecursionlimit(77_777)
    signal.signal(signal.SIGALRM, lambda *_: throw(RuntimeError("late alarm")))
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    return answer()


def see_traces(argument: str, job: Job) -> Answer:
    stop = time.monotonic() + 0.25
    while time.monotonic() < stop:
        pass
    print("still heard")
    return answer(f"{os.getcwd()} {sys.getrecursionlimit() == 77_777} {threading.active_count()}")


def close_output(argument: str, job: Job) -> Answer:
    sys.stdout.close()
    return answer()


def leak_files(argument: str, job: Job) -> Answer:
    HELD.extend(socket.socket() for _ in range(600))
    return answer()


def progress(argument: str, job: Job) -> Answer:
    for fraction in (0.25, 0.1, -3.0, float("nan"), 7.0):
        job.progress(fraction, f"step {fraction}\0\ud800" + "x" * 1000)
    return answer()


def progress_much(argument: str, job: Job) -> Answer:
    for n in range(20_000):
        job.progress(n / 20_000)
    return answer()


def wrong_field(argument: str, job: Job) -> Answer:
    result = answer()
    result.tags = {1: object()}  # type: ignore[assignment]
    return result


def fail_strangely(argument: str, job: Job) -> Answer:
    failure = AnalysisFailure("ANALYZER_FAILED", "")
    del failure.message
    raise failure


DEEDS: dict[str, Callable[[str, Job], Any]] = {
    "value error": lambda argument, job: throw(ValueError(argument)),
    "unspeakable": lambda argument, job: throw(Unspeakable()),
    "base": lambda argument, job: throw(Base("out")),
    "interrupt": lambda argument, job: throw(KeyboardInterrupt()),
    "sys.exit": lambda argument, job: sys.exit(3),
    "generator exit": lambda argument, job: throw(GeneratorExit()),
    "lost connection": lambda argument, job: throw(ConnectionResetError("gone")),
    "timeout": lambda argument, job: throw(TimeoutError("slow")),
    "no file": lambda argument, job: throw(FileNotFoundError(2, "No such file", "model.bin")),
    "no memory": lambda argument, job: throw(OSError(errno.ENOMEM, "Cannot allocate memory")),
    "failure": lambda argument, job: throw(AnalysisFailure("INPUT_UNREADABLE", "not a text", retryable=False)),
    "failure to retry": lambda argument, job: throw(AnalysisFailure("ANALYZER_FAILED", "busy", retryable=True)),
    "failure of its own": lambda argument, job: throw(AnalysisFailure("MY_CODE", "mine")),
    "exit": lambda argument, job: os._exit(int(argument)),
    "abort": lambda argument, job: os.abort(),
    "signal": lambda argument, job: os.kill(os.getpid(), int(argument)),
    "none": lambda argument, job: None,
    "other type": lambda argument, job: Other(summary="other"),
    "nan": lambda argument, job: answer(number=float("nan")),
    "infinite": lambda argument, job: answer(number=float("-inf")),
    "surrogate": lambda argument, job: answer("\ud800"),
    "nul": lambda argument, job: answer("a\0b"),
    "no nul": lambda argument, job: answer(r"a\u0000b"),
    "large": lambda argument, job: answer("x" * int(argument)),
}


def run(request: Deed, job: Job) -> Any:
    deed = DEEDS.get(request.text) or globals()[request.text]
    return deed(request.argument, job)


def prepare_slowly() -> None:
    Path(os.environ["PREPARE_STARTED"]).write_text(str(os.getpid()))
    while not Path(os.environ["PREPARE_GO"]).exists():
        time.sleep(0.005)


def prepare_badly() -> None:
    raise ConnectionError("no model")


def analyzer(name: str, run: Callable[[Deed, Job], Any] = run, **fields: Any) -> Analyzer[Deed, Answer]:
    return Analyzer(name=name, version="1", description="", request=Deed, result=Answer, run=run, **fields)


def load() -> dict[str, Analyzer[Deed, Answer]]:
    analyzers = [
        analyzer("deeds", memory_limit_mb=256),
        analyzer("small", memory_limit_mb=64),
        analyzer("prepared", lambda request, job: answer(str(PREPARED)), prepare=lambda: PREPARED.append("once")),
        analyzer("slow", prepare=prepare_slowly),
        analyzer("unprepared", prepare=prepare_badly),
        analyzer("crashing", prepare=lambda: os._exit(5)),
    ]
    return {each.name: each for each in analyzers}


def _count_start() -> None:
    with open(os.environ["STARTS"], "a") as file:
        file.write("x")


def load_nothing() -> NoReturn:
    _count_start()
    raise ImportError("no analyzers here")


def load_and_die() -> NoReturn:
    os._exit(9)


def load_for_ever() -> NoReturn:
    Path(os.environ["LOADING"]).write_text(str(os.getpid()))
    re.match(r"(a+)+$", "a" * 60 + "b")
    raise AssertionError


def load_dying_forks() -> dict[str, Analyzer[Deed, Answer]]:
    """Make each fork of the template exit before it is ready."""
    os.register_at_fork(before=_count_start, after_in_child=lambda: os._exit(9))
    return load()
