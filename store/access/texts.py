"""Texts of clients, in a form that both databases store."""

from __future__ import annotations

# Longest stored User-Agent header, address or name of an unknown user, in characters.
MAX_TEXT = 512


def storable(text: str) -> str:
    """Return the text with U+FFFD for NUL and `?` for lone surrogates, cut to MAX_TEXT characters."""
    return text[:MAX_TEXT].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def storable_or_none(text: str | None) -> str | None:
    """`storable`; None for None."""
    return None if text is None else storable(text)
