"""The texts that are analyzed, and the floor for analyzing them: a plain loop."""

from __future__ import annotations

import csv
from pathlib import Path
from time import perf_counter

from analyzers.text.analyzer import ANALYZER

_FILE = Path(__file__).parent.parent / "frontend-examples" / "python" / "texts.tsv"


def _texts() -> list[str]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


TEXTS = _texts()


class _Silent:
    def progress(self, fraction: float, step: str | None = None) -> None:
        """Nobody listens."""


def analyze_all(items: int) -> float:
    """Analyze so many texts one after the other, results to JSON; returns how many a second."""
    if ANALYZER.prepare is not None:
        ANALYZER.prepare()
    began = perf_counter()
    for number in range(items):
        request = ANALYZER.request(text=TEXTS[number % len(TEXTS)])
        ANALYZER.run(request, _Silent()).model_dump_json()
    return items / (perf_counter() - began)
