"""Typed ids: a prefix that names the type and a UUIDv7, written as TypeID (jetify-com/typeid, specification 0.3).

`analysis_01jd…`: the prefix, `_`, and the UUID's 128 bits in 26 characters of Crockford's base 32, lower case.
Ids of one process grow strictly, so that their order is the order of creation.
"""

from __future__ import annotations

import re
from typing import Literal

import uuid_utils

Kind = Literal["analysis", "batch", "worker", "lease"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_SHIFTS = range(120, -1, -10)
# The first character holds 3 bits: 26 characters are 130 bits, a UUID has 128.
_SUFFIX = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}")


def new_id(kind: Kind) -> str:
    """A new id of this kind: `<kind>_` and 26 characters."""
    number = uuid_utils.uuid7().int
    return kind + "_" + "".join([_PAIRS[(number >> shift) & 1023] for shift in _SHIFTS])


def kind_of(typed_id: str) -> str | None:
    """The prefix of a well-formed typed id; None for anything else. Whether such a thing exists is another question."""
    prefix, _, suffix = typed_id.rpartition("_")
    return prefix if prefix and _SUFFIX.fullmatch(suffix) else None
