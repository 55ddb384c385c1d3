"""Opaque tokens: refresh tokens and API keys, 190 random bits with a prefix and a checksum.

The prefix lets scanners of code find a leaked token. The checksum refuses a mistyped or invented one without a look
into the database, which has only the SHA-256 of each token.
"""

from __future__ import annotations

import hmac
import re
import secrets
from enum import StrEnum
from hashlib import sha256
from string import ascii_lowercase, ascii_uppercase, digits
from zlib import crc32

_ALPHABET = digits + ascii_uppercase + ascii_lowercase
_RANDOM, _CHECKSUM = 32, 6
_FORM = re.compile(
    rf"(?P<prefix>assay[kr]_)(?P<random>[0-9A-Za-z]{{{_RANDOM}}})(?P<checksum>[0-9A-Za-z]{{{_CHECKSUM}}})"
)

START = 12
"""Characters at the beginning of an API key that are stored and shown."""


class Kind(StrEnum):
    """The prefix of a token."""

    API_KEY = "assayk_"
    REFRESH = "assayr_"


def new_token(kind: Kind) -> str:
    """Return a new random token of this kind, 45 characters."""
    return _with_checksum(kind, "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM)))


def is_token(kind: Kind, text: str) -> bool:
    """Return whether the text has the form of a token of this kind, with its checksum."""
    found = _FORM.fullmatch(text)
    return found is not None and found["prefix"] == kind and text == _with_checksum(kind, found["random"])


def successor_of(refresh_token: str, key: bytes) -> str:
    """Return the one successor of a refresh token, by HMAC-SHA-256."""
    number = int.from_bytes(hmac.digest(key, refresh_token.encode(), sha256))
    return _with_checksum(Kind.REFRESH, _base62(number, _RANDOM))


def digest_of(token: str) -> str:
    """Return the SHA-256 of a token in hexadecimal, the form in which the database has it."""
    return sha256(token.encode()).hexdigest()


def _with_checksum(kind: Kind, random: str) -> str:
    return f"{kind}{random}{_base62(crc32(random.encode()), _CHECKSUM)}"


def _base62(number: int, length: int) -> str:
    """Return the last digits of a number."""
    written = ""
    for _ in range(length):
        number, digit = divmod(number, 62)
        written = _ALPHABET[digit] + written
    return written
