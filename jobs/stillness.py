"""Silence of other processes, measured by this process's own clock: clocks of other machines may be wrong."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime


class Stillness:
    """Measures for how long values have not changed, by this process's monotonic clock."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[datetime, float]] = {}

    def look(self, values: Mapping[str, datetime]) -> dict[str, float]:
        """Return the seconds since the last change of each value. A missing key is forgotten."""
        now = time.monotonic()
        seen = {}
        for key, value in values.items():
            before = self._seen.get(key)
            seen[key] = before if before is not None and before[0] == value else (value, now)
        self._seen = seen
        return {key: now - since for key, (_, since) in seen.items()}
