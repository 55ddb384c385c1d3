"""The limit of answers in bytes, checked by the stored sizes of contents before their reading.

A resolver counts each content before it reads it: a content under four aliases counts four times. Other values are not
counted: the executor compares the encoded answer with the limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from execution.answers import Answer, AnswerKind
from execution.errors import ClientError, ErrorCode

if TYPE_CHECKING:
    from graphql.pyutils import Path

_REMEDY = (
    "request a smaller page or fewer fields, or download contents from /analyses/ID/input and /analyses/ID/result.json."
)


class AnswerTooLarge(ClientError):
    """The answer is above the limit. The extensions have its `bytes`, the `limit`, and the `path` of a large field."""

    def __init__(self, bytes_: int, limit: int, path: list[str | int] | None = None) -> None:
        message = f"The answer would have {bytes_:,} bytes, above the limit of {limit:,}: {_REMEDY}"
        super().__init__(ErrorCode.ANSWER_TOO_LARGE, message, bytes=bytes_, limit=limit, path=path)
        self.path = path

    def answer(self) -> Answer:
        """Return the answer in place of one that is too large."""
        entry: dict[str, Any] = {"message": self.message}
        if self.path is not None:
            entry["path"] = self.path
        entry["extensions"] = {"code": self.code, **self.extensions}
        return Answer({"data": None, "errors": [entry]}, AnswerKind.PARTIAL)


class AnswerSize:
    """The bytes of the contents in one answer."""

    __slots__ = ("bytes", "limit", "path")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0
        self.path: list[str | int] | None = None
        """The path of the first field that did not fit."""

    def add(self, size: int, path: Path) -> None:
        """Count a content of this size at this path. Raise AnswerTooLarge if it does not fit."""
        self.bytes += size
        if self.bytes > self.limit and self.path is None:
            self.path = path.as_list()
        self.check()

    def check(self) -> None:
        """Raise AnswerTooLarge if a content did not fit."""
        if self.path is not None:
            raise self.error

    @property
    def error(self) -> AnswerTooLarge:
        """The error for the contents so far."""
        return AnswerTooLarge(self.bytes, self.limit, self.path)
