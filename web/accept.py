"""Weights in the headers `Accept` and `Accept-Encoding` (RFC 9110, section 12.4.2), and the values of headers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope


def header(scope: Scope, name: bytes) -> str:
    """Return a request's header, empty if absent, and the values of a repeated one joined by commas."""
    return b",".join([value for each, value in scope["headers"] if each == name]).decode("latin-1")


def weights(text: str) -> Mapping[str, float]:
    """Return the weights by name, in lower case; of two entries for one name, the higher."""
    found: dict[str, float] = {}
    for item in text.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        found[name] = max(found.get(name, 0.0), _weight(parameters))
    return found


def _weight(parameters: Sequence[str]) -> float:
    """Return the value of `q`, from 0 to 1; 1 if it is missing, and 0 if it is malformed."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
