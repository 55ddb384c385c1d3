"""Fingerprints of errors: equal for errors of one code that differ only in numbers, ids, paths and quoted texts."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b

# Stored fingerprints are those of these rules: a change needs a migration that computes them again.
_QUOTED = r""" "[^"]*" | (?<!\w)'[^']*'(?!\w) | “[^”]*” | ‘[^’]*’ | «[^»]*» """
_ADDRESS = r" \b[a-z][a-z0-9+.-]*://\S+ "
_PATH = r" (?<![\w.])(?:[A-Za-z]:|~|\.{1,2})?(?:[/\\][\w.@+-]+)+[/\\]? "
# A word with a digit: a number, with its sign, separators and unit, or an id.
_NUMBER = r" (?<![\w-])[\w-]*?\d(?:[\w-]|[.,:+](?=\w))* "
_DIFFERING = re.compile("|".join((_QUOTED, _ADDRESS, _PATH, _NUMBER)), re.VERBOSE)
_REPEATED = re.compile(r"…(?:[\s,;]*…)+")


def pattern_of(message: str) -> str:
    """Return the message with … in place of each number, id, path and quoted text; lists of them have one …."""
    return _REPEATED.sub("…", _DIFFERING.sub("…", message))


@lru_cache(maxsize=1_000)
def fingerprint_of(code: str, message: str) -> str | None:
    """Return the fingerprint of an error, 16 hexadecimal digits; None for a cancel, which is no failure."""
    if code == "CANCELED":
        return None
    return blake2b(f"{code}\n{pattern_of(message)}".encode("utf-8", "replace"), digest_size=8).hexdigest()
