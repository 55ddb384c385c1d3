"""Typed ids: a prefix for the type and a UUIDv7, in the form of TypeID (jetify-com/typeid, specification 0.3).

`analysis_01jd…`: the prefix, `_`, and the UUID's 128 bits in 26 characters of Crockford's base 32, lower case.
Ids of one process grow strictly: their order is the order of creation.
"""

from __future__ import annotations

import re
from random import Random, SystemRandom
from threading import Lock

from store.sql.clock import now_ns

Kind = str
"""The prefix of an id: a subject's (`store.subjects`), `worker` or `lease`."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_SHIFTS = range(120, -1, -10)
# The first character holds 3 bits: 26 characters are 130 bits, a UUID has 128.
_SUFFIX = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}")

# Of a UUIDv7's bits 74 are random, below 48 of milliseconds.
_RANDOM_BITS = 74
_LOW_BITS = 62
_LOW_MASK = (1 << _LOW_BITS) - 1
# The last bits and characters, in which ids of one millisecond differ.
_LAST_BITS, _LAST_CHARACTERS = 60, 12
_random = SystemRandom()
_step = Random()  # noqa: S311 - the first id of a millisecond is from SystemRandom
_lock = Lock()
_last = 0


def new_id(kind: Kind) -> str:
    """Return a new id of this kind: `<kind>_` and 26 characters."""
    return new_ids(kind, 1)[0]


def new_ids(kind: Kind, count: int) -> list[str]:
    """Return `count` new ids in ascending order."""
    ids = []
    first, begun = -1, ""
    for number in _new_uuids(count):
        if number >> _LAST_BITS != first:
            first = number >> _LAST_BITS
            begun = write_id(kind, number)[:-_LAST_CHARACTERS]
        ids.append(
            begun
            + _PAIRS[number >> 50 & 1023]
            + _PAIRS[number >> 40 & 1023]
            + _PAIRS[number >> 30 & 1023]
            + _PAIRS[number >> 20 & 1023]
            + _PAIRS[number >> 10 & 1023]
            + _PAIRS[number & 1023]
        )
    return ids


def write_id(kind: str, number: int) -> str:
    """Return the typed id of a UUID's 128 bits."""
    return kind + "_" + "".join([_PAIRS[(number >> shift) & 1023] for shift in _SHIFTS])


def kind_of(typed_id: str) -> str | None:
    """Return the prefix of a well-formed typed id; None otherwise. Does not check that the object exists."""
    prefix, _, suffix = typed_id.rpartition("_")
    return prefix if prefix and _SUFFIX.fullmatch(suffix) else None


def prefix_of(typed_id: str) -> str:
    """Return the prefix of a well-formed typed id. `kind_of` is for ids from outside, which may be malformed."""
    return typed_id.rpartition("_")[0]


def _new_uuids(count: int) -> list[int]:
    """Return UUIDv7s by the clock of `store.sql.clock` (RFC 9562, sections 5.7 and 6.2).

    Within a millisecond the random bits are those of the previous id plus a random step. All ids of one call have the
    same millisecond.
    """
    global _last
    numbers = []
    with _lock:
        millisecond = now_ns() // 1_000_000
        if millisecond > _last >> _RANDOM_BITS:
            bits = millisecond << _RANDOM_BITS | _random.getrandbits(_RANDOM_BITS)
        else:
            bits = _last + 1 + _step.getrandbits(32)
        for _ in range(count):
            numbers.append(
                (bits >> _RANDOM_BITS << 16 | 7 << 12 | bits >> _LOW_BITS & 0xFFF) << 64
                | 2 << _LOW_BITS
                | bits & _LOW_MASK
            )
            _last = bits
            bits += 1 + _step.getrandbits(32)
    return numbers
