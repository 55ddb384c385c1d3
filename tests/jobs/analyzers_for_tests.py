"""Analyzers that do what real ones do on a bad day. The sandbox's processes import this module by its name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from pydantic import Field

from analyzers.base import AnalysisFailure, Analyzer, Job, Request, Result


class Trial(Request):
    """`text` says which input it is; the options say what happens to it."""

    text: str = Field(description="Any text.")
    seconds: float = Field(default=0, description="How long it takes.")
    folder: str = Field(default="", description="Where it leaves a note of each start, one file each.")
    until: str = Field(default="", description="A file: it takes until there is one.")
    failures: int = Field(default=0, description="So many attempts fail: `folder` keeps count.")
    steps: int = Field(default=0, description="So many notes of progress.")


def noted(request: Trial) -> int:
    """Leave a note of this start; which one of this text's it is, from 1."""
    if not request.folder:
        return 1
    for attempt in range(1, 1000):
        try:
            (Path(request.folder) / f"{request.text}.{attempt}").touch(exist_ok=False)
        except FileExistsError:
            continue
        return attempt
    raise AssertionError("started a thousand times")


def said(request: Trial) -> Result:
    """The text is its own summary."""
    return Result(summary=request.text)


def echo(request: Trial, job: Job) -> Result:
    """At once, or after `seconds` asleep, or once there is the file `until`."""
    noted(request)
    for step in range(request.steps):
        job.progress((step + 1) / request.steps, f"step {step + 1} of {request.steps}")
        time.sleep(request.seconds / request.steps)
    if not request.steps:
        time.sleep(request.seconds)
    while request.until and not Path(request.until).exists():
        time.sleep(0.01)
    return said(request)


def spin(request: Trial, job: Job) -> Result:
    """Computes without ever letting go, for `seconds`."""
    noted(request)
    end = time.monotonic() + request.seconds
    while time.monotonic() < end:
        pass
    return said(request)


def flaky(request: Trial, job: Job) -> Result:
    """Fails `failures` times in a way that another try can mend."""
    if noted(request) <= request.failures:
        raise AnalysisFailure("ANALYZER_FAILED", "not yet", retryable=True)
    return said(request)


def refuse(request: Trial, job: Job) -> Result:
    """Fails in a way that no other try can mend."""
    noted(request)
    raise AnalysisFailure("INPUT_UNREADABLE", "never")


def crash(request: Trial, job: Job) -> Result:
    """A text that begins with "crash" kills its process, `failures` times if that is given."""
    attempt = noted(request)
    if request.text.startswith("crash") and (not request.failures or attempt <= request.failures):
        os.kill(os.getpid(), signal.SIGKILL)
    return said(request)


def devour(request: Trial, job: Job) -> Result:
    """Takes more memory than it may."""
    noted(request)
    return Result(summary=str(len(bytearray(2**40))))


def load() -> dict[str, Analyzer[Any, Any]]:
    """By name, as `analyzers.registry.load_analyzers` gives the real ones."""
    runs = (echo, spin, flaky, refuse, crash, devour)
    return {
        run.__name__: Analyzer(
            name=run.__name__,
            version="1",
            description=run.__doc__ or "",
            request=Trial,
            result=Result,
            run=run,
            memory_limit_mb=512,
        )
        for run in runs
    }
