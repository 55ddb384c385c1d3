"""Weights in the headers `Accept` and `Accept-Encoding` (RFC 9110, section 12.4.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def weights(header: str) -> Mapping[str, float]:
    """Return the weights by name, in lower case; of two entries for one name, the higher."""
    found: dict[str, float] = {}
    for item in header.split(","):
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
