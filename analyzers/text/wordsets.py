"""Word lists, written as text."""

from __future__ import annotations


def word_set(words: str, separator: str | None = None) -> frozenset[str]:
    """The words of a text that white space parts, or `separator`."""
    return frozenset(word.strip() for word in words.split(separator) if word.strip())
