"""Helpers for the tests of the text analyzer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from analyzers.text.analyzer import TextOperation, TextRequest, TextResult, run

DATA = Path(__file__).parent / "data"
EVERY = list(TextOperation)

GETTYSBURG = (DATA / "gettysburg.txt").read_text(encoding="utf-8")


class Recorder:
    """A job that records its progress."""

    def __init__(self) -> None:
        self.told: list[tuple[float, str | None]] = []

    def progress(self, fraction: float, step: str | None = None) -> None:
        self.told.append((fraction, step))


def analyze(text: str, *operations: TextOperation, language: str | None = None) -> TextResult:
    """Return the result of these operations, or of the default operations."""
    return run(TextRequest(text=text, operations=list(operations) or None, language=language), Recorder())


def languages() -> dict[str, list[str]]:
    """Return example sentences by language code."""
    loaded: dict[str, Any] = json.loads((DATA / "languages.json").read_text(encoding="utf-8"))
    return loaded
