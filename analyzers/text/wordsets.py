"""Word lists, written as text."""

from __future__ import annotations


def word_set(words: str, separator: str | None = None) -> frozenset[str]:
    """Return the words of a text, separated by white space or by `separator`."""
    return frozenset(word.strip() for word in words.split(separator) if word.strip())
