"""The CPU time of names: a text result for a client, an export line, and the request of a batch's item.

    python -m benchmarks.names [--rounds 7] [--against CHECKOUT]

CHECKOUT is another state of this program. Both are measured in turns, each round in a process of its own; the least of
the rounds counts, in microseconds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any

ROOT = Path(__file__).parent.parent
TEXT = ROOT / "tests" / "analyzers" / "data" / "gettysburg.txt"
PIECE_SECONDS, PIECES = 0.02, 20
"""The CPU time of one measurement, and the measurements of a figure in a round: the least counts."""


class _Job:
    def progress(self, fraction: float, step: str | None = None) -> None:
        pass


def cost(do: Callable[[], object]) -> float:
    """Return the CPU time of a call in microseconds."""

    def taken(calls: int) -> float:
        began = process_time()
        for _ in range(calls):
            do()
        return process_time() - began

    calls = 1
    while taken(calls) < PIECE_SECONDS:
        calls *= 2
    return min(taken(calls) for _ in range(PIECES)) / calls * 1e6


def measure() -> dict[str, float]:
    """The figures of the checkout on PYTHONPATH."""
    from analyzers.registry import load_registry
    from jobs.sandbox.outcome import result_json
    from resolvers.exports import line_of
    from resolvers.submissions import checked
    from schema.analyzers import AnalysisResult
    from schema.build import build_schema
    from schema.ingest import ItemReader
    from store.tables import AnalysisRow

    analyzers = load_registry().analyzers
    text = analyzers["text"]
    given = TEXT.read_text(encoding="utf-8")
    request = text.request(text=given, operations=list(_operations()))
    result = text.run(request, _Job())
    schema = build_schema(analyzers)
    fields: Any = AnalysisResult.__strawberry_definition__.fields  # type: ignore[attr-defined]
    (data,) = [field.base_resolver.wrapped_func for field in fields if field.python_name == "data"]
    json_type: Any = schema._schema.type_map["JSON"]
    now = datetime.now(UTC)
    values: dict[str, Any] = dict.fromkeys(("created_at", "updated_at", "started_at", "finished_at"), now)
    forms: dict[str, Any] = {name: 1 for name in ("input_form", "result_form") if name in AnalysisRow.model_fields}
    row = AnalysisRow(
        id="analysis_01jd0000000000000000000000",
        workspace="default",
        analyzer="text",
        status="COMPLETED",
        priority=5,
        input_text=given,
        options=text.options_of(request),
        result=result_json(text, result, 10_000_000).decode(),
        max_attempts=3,
        timeout_seconds=300,
        processing_time_ms=1.0,
        **values,
        **forms,
    )
    line = json.dumps({"key": "k", "request": {"text": "All is well.", "operations": ["STATISTICS"]}}).encode()
    read = ItemReader(schema, "text")

    def item() -> object:
        found = read(line)
        return checked(analyzers, found.requested, found.priority, ["request"], found.key)

    return {
        "a text result's `data`": cost(lambda: json_type.coerce_output_value(data(result))),
        "an export line": cost(lambda: line_of(row, analyzers, with_input=False)),
        "an export line with its input": cost(lambda: line_of(row, analyzers, with_input=True)),
        "a batch item, read and checked": cost(item),
    }


def _operations() -> list[str]:
    return ["STATISTICS", "LANGUAGE", "SENTIMENT", "KEYWORDS", "TOPICS", "ENTITIES", "SUMMARY"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure()))
        return
    checkouts = [ROOT, *([options.against.resolve()] if options.against else [])]
    least: list[dict[str, float]] = [{} for _ in checkouts]
    for _ in range(options.rounds):
        for checkout, figures in zip(checkouts, least, strict=True):
            # -P: this file's folder must not be searched, for some of its modules have the names of packages.
            command = [sys.executable, "-P", __file__, "--measure"]
            environment = {**os.environ, "PYTHONPATH": str(checkout)}
            done = subprocess.run(command, cwd=checkout, env=environment, stdout=subprocess.PIPE, check=True)
            for name, figure in json.loads(done.stdout).items():
                figures[name] = min(figure, figures.get(name, figure))
    for name in least[0]:
        print(f"{name:34}" + "".join(f"{figures[name]:10.1f}" for figures in least))


if __name__ == "__main__":
    main()
