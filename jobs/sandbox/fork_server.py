"""The fork server, the parent of the sandbox processes: `python -m jobs.sandbox.fork_server`.

The fork server imports every analyzer once, then forks on request. A fork is ready in milliseconds and shares the
imported pages. The fork server runs no analyzer itself, and shares one socket with the server, the control channel.

Invariants:

- The fork server ends with the server, also after a kill. During the imports (which may hang, also in C code) the
  kernel's SIGIO at the hang-up of the control channel ends it. Afterwards its loop reads the hang-up, kills its forks
  and exits.
- The forks end with the fork server, by PR_SET_PDEATHSIG, which an analyzer can't lose by closing files.
- A dead process stays unreaped until the server has acknowledged its death. A process id that the server may still
  kill is therefore never reused.
- With a fork die its whole process group and, on Linux, the orphans that it left to the fork server.

The control channel. From the server, five bytes: `f` and 0, with the descriptors (channel, frames, output, tickets) of
a new process; or `r` and the id of a process to reap; or `p` and 0, to be answered. To the server, a JSON object a
line: `ready`, `failed`, `forked`, `refused`, `exited`, `alive`.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import fcntl
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from analyzers.base import Analyzer
from jobs.sandbox.frames import EXIT_BROKEN, Limits
from jobs.sandbox.outcome import describe
from jobs.sandbox.runner import Runner

REQUEST = struct.Struct("<cI")
FORK, REAP, PING = b"f", b"r", b"p"
CHANNEL_FD = 900  # above the range of an analyzer that closes "all" low descriptors; below the limit

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
ON_LINUX = sys.platform == "linux"


def control_process(option: int, value: int) -> None:
    """Call Linux's prctl(2). On other systems do nothing: the loop of the fork server kills the processes."""
    if ON_LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def load_analyzers(where: str) -> dict[str, Analyzer[Any, Any]]:
    """Call `module:function`, which returns the analyzers by name."""
    module, _, function = where.partition(":")
    found: dict[str, Analyzer[Any, Any]] = getattr(importlib.import_module(module), function)()
    return found


class Forks:
    """The loop of the fork server: forks on request, reports deaths, reaps on request."""

    def __init__(self, control: socket.socket, analyzers: Mapping[str, Analyzer[Any, Any]], limits: Limits) -> None:
        self._control = control
        self._analyzers = analyzers
        self._limits = limits
        self._running: set[int] = set()
        self._dead: set[int] = set()

    def serve(self) -> None:
        """Serve until the server hangs up."""
        self._wake, wake = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake, False)
        self._wake_end = wake
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _nothing)
        control_process(PR_SET_CHILD_SUBREAPER, 1)
        try:
            self._say({"ready": os.getpid(), "threads": _threads()})
            while self._turn():
                pass
        except ConnectionError:
            pass
        for pid in self._running:
            _kill_group(pid)
        while left := list(_children()):  # the children of an orphan become ours at its death
            for pid in left:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)

    def _turn(self) -> bool:
        readable, _, _ = select.select([self._control.fileno(), self._wake], [], [])
        if self._wake in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 4096)
            self._look_for_dead()
        if self._control.fileno() in readable:
            message, descriptors, _, _ = socket.recv_fds(self._control, REQUEST.size, 4)
            if not message:
                return False
            kind, number = REQUEST.unpack(message)
            if kind == FORK:
                self._fork(*descriptors)
            elif kind == REAP:
                self._dead.discard(number)
                os.waitpid(number, 0)
            elif kind == PING:
                self._say({"alive": os.getpid()})
        return True

    def _say(self, note: dict[str, object]) -> None:
        self._control.sendall(json.dumps(note).encode() + b"\n")

    def _fork(self, channel: int, frames: int, output: int, tickets: int) -> None:
        template, note = os.getpid(), dict[str, object]()
        try:
            pid = os.fork()
        except OSError as error:
            note["refused"] = describe(error)
        else:
            if pid == 0:
                self._be_child(template, channel, frames, output, tickets)
            with contextlib.suppress(OSError):  # the child does the same; the first call wins
                os.setpgid(pid, pid)
            self._running.add(pid)
            note["forked"] = pid
        # Before the answer: a hanging fork server with these open would hide the end of that process from the server.
        for descriptor in (channel, frames, output, tickets):
            os.close(descriptor)
        self._say(note)

    def _look_for_dead(self) -> None:
        for pid in tuple(self._running):
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is not None:
                _kill_group(pid)
                self._running.discard(pid)
                self._dead.add(pid)
                code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
                self._say({"exited": pid, "code": code})
        for pid in _children():
            if pid not in self._running and pid not in self._dead:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, os.WNOHANG)

    def _be_child(self, template: int, channel: int, frames: int, output: int, tickets: int) -> None:
        """Turn this fork into a sandbox process; never returns."""
        try:
            os.setpgid(0, 0)
            control_process(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != template:  # the fork server ended just before the prctl
                os._exit(EXIT_BROKEN)
            self._control.close()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(self._wake)
            os.close(self._wake_end)
            limits = replace(self._limits, open_files=_allowed(self._limits.open_files))
            resource.setrlimit(resource.RLIMIT_NOFILE, (limits.open_files,) * 2)
            lowest = min(CHANNEL_FD, limits.open_files - 64)
            low = (channel, frames, tickets)
            high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, lowest) for descriptor in low]
            for descriptor in low:
                os.close(descriptor)
            for stream in (1, 2):
                os.dup2(output, stream)
            os.close(output)
            sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
            sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
            faulthandler.enable(2)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            with contextlib.suppress(OSError):  # out of memory, the kernel should kill this process, not the server
                Path("/proc/self/oom_score_adj").write_text("900")
            runner = Runner(self._analyzers, limits, *high)
            os.register_at_fork(after_in_child=runner.disown)
            runner.serve()
        except BaseException:
            traceback.print_exc()
            os._exit(EXIT_BROKEN)
        finally:
            os._exit(0)


def _allowed(files: int) -> int:
    """Return this number of open files, or the hard limit if that is lower."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return files if hard == resource.RLIM_INFINITY else min(files, hard)


def _nothing(*_: object) -> None:
    """Do nothing. A handler instead of SIG_IGN, which programs started by an analyzer would inherit."""


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _children() -> Iterator[int]:
    """Yield the ids of this process's children, adopted orphans included; none if the kernel has no such file."""
    with contextlib.suppress(OSError):
        yield from map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def _threads() -> int:
    with contextlib.suppress(OSError):
        return len(os.listdir("/proc/self/task"))
    return 1


def main(control: socket.socket, where: str, limits: Limits) -> None:
    """Import the analyzers, then serve forks. SIGINT, SIGTERM and SIGHUP are left to the server."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _nothing)
    fcntl.fcntl(control, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(control, fcntl.F_GETFL)
    fcntl.fcntl(control, fcntl.F_SETFL, flags | os.O_ASYNC)  # the server sends nothing before `ready`
    warnings.filterwarnings("ignore", message="This process .* is multi-threaded", category=DeprecationWarning)
    try:
        analyzers = load_analyzers(where)
    except BaseException as error:
        control.sendall(json.dumps({"failed": describe(error)}).encode() + b"\n")
        traceback.print_exc()
        return
    fcntl.fcntl(control, fcntl.F_SETFL, flags)
    gc.collect()
    gc.freeze()  # the collector leaves the shared pages alone
    Forks(control, analyzers, limits).serve()


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2], Limits(**json.loads(sys.argv[3])))
