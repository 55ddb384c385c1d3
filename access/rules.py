"""The rules of all limits, their defaults, and the setting that changes them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType

from access.buckets import Rule

_ALL = (
    # Points of operations, by user or API key: `execution.cost`.
    Rule("VIEWER", 50_000, 2_000),
    Rule("ANALYST", 100_000, 5_000),
    Rule("ADMIN", 200_000, 10_000),
    # Requests of an address without a credential.
    Rule("ADDRESS", 100, 2, "address"),
    # Failed sign-ins: `access.sign_in_throttle`.
    Rule("SIGN_IN_NAME_AND_ADDRESS", 5, 1 / 60, "sign-in"),
    Rule("SIGN_IN_ADDRESS", 20, 1 / 3, "sign-in"),
    Rule("SIGN_IN_NAME", 100, 1 / 36, "sign-in"),
)

DEFAULT_RULES: Mapping[str, Rule] = MappingProxyType({rule.name: rule for rule in _ALL})
"""The rules by name."""

MAX_CAPACITY = 1_000_000_000
MAX_SECONDS = 86_400
"""Longest time in which a full bucket becomes empty: no limit locks anybody out for more than a day."""

_ENTRY = re.compile(r"(\w+)\s*=\s*([0-9]{1,10})\s*/\s*([0-9]{1,10}(?:\.[0-9]{1,10})?)", re.ASCII)


def parse_rules(text: str) -> Mapping[str, Rule]:
    """Return all rules, with the changes of `ASSAY_LIMITS` to the defaults.

    The text has entries NAME=CAPACITY/DRAIN, separated by commas: `VIEWER=50000/2000, SIGN_IN_NAME=100/0.03`. The
    capacity is in points, requests or failures, the drain in the same a second. Raises ValueError.
    """
    rules: dict[str, Rule] = dict(DEFAULT_RULES)
    seen: set[str] = set()
    for entry in filter(None, map(str.strip, text.split(","))):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise ValueError(
                f"{entry!r} must be NAME=CAPACITY/DRAIN, such as VIEWER=50000/2000; commas separate several."
            )
        name, capacity, drain = match[1].upper(), int(match[2]), float(match[3])
        if name not in rules:
            raise ValueError(f"{match[1]} is not a limit: the limits are {', '.join(rules)}.")
        if name in seen:
            raise ValueError(f"{name} is given twice: give each limit once.")
        seen.add(name)
        if not 1 <= capacity <= MAX_CAPACITY:
            raise ValueError(f"The capacity of {name} must be from 1 to {MAX_CAPACITY:,}.")
        if not capacity / MAX_SECONDS <= drain <= MAX_CAPACITY:
            least = math.ceil(capacity / MAX_SECONDS * 1e6) / 1e6
            raise ValueError(
                f"The drain of {name} must be from {least:.6f} to {MAX_CAPACITY:,} a second: a full bucket must be "
                "empty within a day."
            )
        rules[name] = rules[name]._replace(capacity=capacity, drain=drain)
    return MappingProxyType(rules)
