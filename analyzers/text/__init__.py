"""The text analyzer: `analyzer` has its types and `run`; the other modules hold one method each."""

from analyzers.text.analyzer import ANALYZER

__all__ = ["ANALYZER"]
