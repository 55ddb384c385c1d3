"""The package's exceptions. All are subclasses of `AssayError`.

The package also raises `TimeoutError` after a `timeout` of yours, `TypeError` for an id in place of an analysis or
batch, and `RuntimeError` for a call of a closed client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay_client.models import Analysis, UserError


class AssayError(Exception):
    """The base class of the package's exceptions."""


class ServerUnreachable(AssayError):
    """The server did not respond for `retry_seconds`. The message has the reason.

    The server may still have executed a mutation without an idempotency key, if the connection broke after the request.
    """


class UnexpectedAnswer(AssayError):
    """The response is not from an Assay server, or this version does not understand it. Is the URL right?"""


class OperationFailed(AssayError):
    """The server refused an operation, or an operation failed.

    `code` is one of the API's error codes (`BAD_USER_INPUT`, `INTERNAL_SERVER_ERROR`, …); `errors` is the
    response's list.
    """

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        self.errors = errors
        first: Mapping[str, Any] = errors[0] if errors else {}
        self.extensions: Mapping[str, Any] = first.get("extensions") or {}
        self.code: str = str(self.extensions.get("code", "UNKNOWN"))
        self.message: str = str(first.get("message", "The server gave no reason."))
        super().__init__(f"{self.code}: {self.message}")


class NotAllowed(OperationFailed):
    """The caller is not authenticated, or lacks the permission: check `token` and `headers`."""


class HistoryGone(OperationFailed):
    """The server no longer has all events after the cursor.

    It deleted them because of their age, or its database was replaced or restored from a backup.

    Read the current state of your analyses and batches, then resume with `after=history_begins`: the server has all
    events after that cursor.
    """

    @property
    def history_begins(self) -> str:
        """Return the earliest cursor after which the server has all events."""
        return str(self.extensions["historyBegins"])


class UserErrors(AssayError):
    """The server refused a mutation, and changed nothing.

    Each of `errors` has a `code`, a `message` and the `path` of the invalid input.
    """

    def __init__(self, errors: Sequence[UserError]) -> None:
        self.errors = errors
        super().__init__("\n".join(map(_line, errors)))

    @property
    def code(self) -> str:
        """Return the first error's code."""
        return self.errors[0].code


class NotFound(AssayError):
    """No object has this id, or it was deleted, or the caller may not see it."""


class AnalysisFailed(AssayError):
    """An analysis ended FAILED, CANCELED or TIMED_OUT. `analysis.error` has the reason."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        error = analysis.error
        super().__init__(f"{analysis.id} {analysis.status}" + (f": {error.code}: {error.message}" if error else ""))


def _line(error: UserError) -> str:
    place = f" ({'.'.join(error.path)})" if error.path else ""
    return f"{error.code}: {error.message}{place}"
