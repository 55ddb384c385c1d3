"""The outcome of a task as bytes: the analyzer's result, or its failure.

Everything that an analyzer returns or raises becomes an outcome here. No method of its objects is called unguarded.
"""

from __future__ import annotations

import json
import traceback
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from analyzers.base import MESSAGE_CHARACTERS, AnalysisFailure, Analyzer, clean
from analyzers.faults import sentence

TRACEBACK_CHARACTERS = 8_000
FAILURE_CODES = frozenset({"INPUT_UNREADABLE", "INPUT_TOO_LARGE", "UNSUPPORTED_FORMAT", "ANALYZER_FAILED"})
CODES = FAILURE_CODES | {"MEMORY_EXCEEDED"}  # of all FAILED frames
# An OSError counts as transient (a network, a full disk), except these, which point to a fault of code or install.
LASTING_ERRORS = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError)

_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode


class TooLarge(Exception):
    """The result has more bytes than the limit."""


def describe(error: BaseException) -> str:
    """Return the exception's type and text; only the type if the text raises."""
    name = type(error).__name__
    try:
        text = str(error)
    except BaseException:
        text = ""
    return clean(f"{name}: {text}" if text else name, MESSAGE_CHARACTERS)


def unreadable(error: ValidationError) -> str:
    """Return a sentence about the first fault of a stored request, which an earlier version accepted."""
    detail = error.errors(include_url=False)[0]
    return clean(sentence(".".join(map(str, detail["loc"])) or "request", detail), MESSAGE_CHARACTERS)


def failure(code: str, message: str, *, retryable: bool = False, error: BaseException | None = None) -> bytes:
    """Return the payload of a FAILED frame. The traceback is for the server's log, not for clients."""
    trace = ""
    if error is not None:
        try:
            trace = "".join(traceback.format_exception(error))[-TRACEBACK_CHARACTERS:]
        except BaseException:
            trace = "(the traceback can't be written)"
    note = {"code": code, "message": clean(message, MESSAGE_CHARACTERS), "retryable": retryable, "traceback": trace}
    return json.dumps(note).encode()


def failure_of(error: BaseException) -> bytes:
    """Return the failure for an exception of the analyzer. Only OSErrors are retryable: bugs would fail again."""
    if isinstance(error, AnalysisFailure):
        code = error.code if error.code in FAILURE_CODES else "ANALYZER_FAILED"
        return failure(code, str(error.message), retryable=bool(error.retryable))
    if isinstance(error, TooLarge):
        return failure("INPUT_TOO_LARGE", str(error))
    retryable = isinstance(error, OSError) and not isinstance(error, LASTING_ERRORS)
    return failure("ANALYZER_FAILED", describe(error), retryable=retryable, error=error)


def result_json(analyzer: Analyzer[Any, Any], result: object, most: int) -> bytes:
    """Return the result as JSON in the clients' spelling.

    All numbers are finite, and there are no NULs and no lone surrogates: every reader and database accepts the text.
    """
    if not isinstance(result, analyzer.result):
        raise TypeError(f"run returned {type(result).__name__} instead of {analyzer.result.__name__}")
    plain = result.model_dump(mode="json", by_alias=True, warnings="error")
    data = to_json(plain, inf_nan_mode="constants")
    if b"NaN" in data or b"Infinity" in data:  # numbers, or words of a text: this raises for numbers
        data = _encode(plain).encode()
    if len(data) > most:
        raise TooLarge(f"The result takes {len(data):,} bytes of JSON; at most {most:,} are kept.")
    if has_nul(data):
        raise ValueError("the result holds a NUL character")
    return data


def has_nul(data: bytes) -> bool:
    """Whether a text of this JSON has the character U+0000, which PostgreSQL can't keep."""
    # An escaped backslash before u0000 is no NUL: the search ignores those pairs.
    return b"\\u0000" in data and b"\\u0000" in data.replace(b"\\\\", b"")
