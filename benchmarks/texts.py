"""The texts of the benchmarks, and their floor: a plain loop over the analyzer."""

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
        """Ignore the progress."""


def analyze_all(items: int) -> float:
    """Analyze `items` texts in sequence, with results as JSON, and return the texts a second."""
    if ANALYZER.prepare is not None:
        ANALYZER.prepare()
    began = perf_counter()
    for number in range(items):
        request = ANALYZER.request(text=TEXTS[number % len(TEXTS)])
        ANALYZER.run(request, _Silent()).model_dump_json()
    return items / (perf_counter() - began)
