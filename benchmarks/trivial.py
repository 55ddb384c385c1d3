"""An analyzer that does next to nothing, or computes for so many microseconds: what is measured is the engine."""

from __future__ import annotations

from time import perf_counter_ns
from typing import Any

from pydantic import Field

from analyzers.base import Analyzer, Job, Request, Result


class Trivial(Request):
    """Any text."""

    text: str = Field(description="Any text.")
    microseconds: int = Field(default=0, description="How long it computes.")


def run(request: Trivial, job: Job) -> Result:
    """Count the words."""
    end = perf_counter_ns() + request.microseconds * 1000
    while perf_counter_ns() < end:
        pass
    return Result(summary=f"{len(request.text.split())} words")


def load() -> dict[str, Analyzer[Any, Any]]:
    """By name."""
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
