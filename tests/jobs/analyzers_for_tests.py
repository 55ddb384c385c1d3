"""Analyzers that are slow, fail, crash or exhaust memory. Sandbox processes import this module by its name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from pydantic import Field

from analyzers.base import AnalysisFailure, Analyzer, Job, Request, Result


class Trial(Request):
    """An input, identified by its `text`, with options that determine how its analysis proceeds."""

    text: str = Field(description="Any text.")
    seconds: float = Field(default=0, description="Duration of the analysis.")
    folder: str = Field(default="", description="Folder for a marker file per start.")
    until: str = Field(default="", description="Path of a file: the analysis ends once it exists.")
    failures: int = Field(default=0, description="Number of attempts that fail, counted by the files in `folder`.")
    steps: int = Field(default=0, description="Number of progress reports.")


def noted(request: Trial) -> int:
    """Record this start in a marker file. Returns the number of starts with this text so far, from 1."""
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
    """Return a result with the text as its summary."""
    return Result(summary=request.text)


def echo(request: Trial, job: Job) -> Result:
    """Return the text after `seconds` of sleep, and once the file `until` exists, if given."""
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
    """Compute for `seconds` without yielding the processor."""
    noted(request)
    end = time.monotonic() + request.seconds
    while time.monotonic() < end:
        pass
    return said(request)


def flaky(request: Trial, job: Job) -> Result:
    """Fail the first `failures` attempts with a retryable error."""
    if noted(request) <= request.failures:
        raise AnalysisFailure("ANALYZER_FAILED", "not yet", retryable=True)
    return said(request)


def refuse(request: Trial, job: Job) -> Result:
    """Fail with an error that is not retryable."""
    noted(request)
    raise AnalysisFailure("INPUT_UNREADABLE", "never")


def crash(request: Trial, job: Job) -> Result:
    """Kill the process on a text that begins with "crash": in the first `failures` attempts if given, else in each."""
    attempt = noted(request)
    if request.text.startswith("crash") and (not request.failures or attempt <= request.failures):
        os.kill(os.getpid(), signal.SIGKILL)
    return said(request)


def devour(request: Trial, job: Job) -> Result:
    """Allocate more memory than the limit allows."""
    noted(request)
    return Result(summary=str(len(bytearray(2**40))))


def load() -> dict[str, Analyzer[Any, Any]]:
    """Return the analyzers by name, as `analyzers.registry.load_analyzers` does."""
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
