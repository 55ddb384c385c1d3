"""`server.py explain`: the plan of an operation, and its code."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def explain_file(file: str, operation: str | None, variables: str) -> None:
    """Print the plan and the code of an operation. Exits with a message for an invalid document."""
    from analyzers.registry import load_registry
    from execution.explain import NotExplained, explain_text
    from schema.build import fit

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SystemExit(f"{file}: {error}") from None
    schema, _, _ = fit(load_registry().analyzers)
    try:
        sys.stdout.write(explain_text(schema, text, operation, _object(variables)))
    except NotExplained as refused:
        raise SystemExit(f"{file}: {refused}") from None


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise SystemExit("--variables is not a JSON object")
    return found
