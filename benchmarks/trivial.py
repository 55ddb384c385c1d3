"""An analyzer with almost no work, or a fixed number of microseconds, so that benchmarks measure the engine."""

from __future__ import annotations

from time import perf_counter_ns
from typing import Any

from pydantic import Field

from analyzers.base import Analyzer, Job, Request, Result


class Trivial(Request):
    """A text, and the time to compute."""

    text: str = Field(description="Any text.")
    microseconds: int = Field(default=0, description="The time to compute, in microseconds.")


def run(request: Trivial, job: Job) -> Result:
    """Count the words."""
    end = perf_counter_ns() + request.microseconds * 1000
    while perf_counter_ns() < end:
        pass
    return Result(summary=f"{len(request.text.split())} words")


def load() -> dict[str, Analyzer[Any, Any]]:
    """Return the analyzer by its name."""
    analyzer = Analyzer(
        name="trivial",
        version="1",
        description="Counts words.",
        request=Trivial,
        result=Result,
        run=run,
        memory_limit_mb=512,
    )
    return {"trivial": analyzer}
