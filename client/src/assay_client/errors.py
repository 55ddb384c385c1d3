"""What can go wrong. Every exception that this package raises of its own is an `AssayError`.

Beside them there are `TimeoutError`, where a `timeout` of yours has passed, `TypeError`, where an id is given for an
analysis or a batch, and `RuntimeError`, where a client is used after it was closed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay_client.models import Analysis, UserError


class AssayError(Exception):
    """The base of all others."""


class ServerUnreachable(AssayError):
    """The server did not answer for as long as `retry_seconds`; the message tells why.

    A mutation that has no idempotency key may have been done all the same, if it was sent before the connection broke.
    """


class UnexpectedAnswer(AssayError):
    """What answers is not an Assay server, or none that this version understands. Is the URL right?"""


class OperationFailed(AssayError):
    """The server refused an operation, or failed at it.

    `code` is one of the API's error codes (`BAD_USER_INPUT`, `INTERNAL_SERVER_ERROR`, …); `errors` is all that it said.
    """

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        self.errors = errors
        first: Mapping[str, Any] = errors[0] if errors else {}
        self.extensions: Mapping[str, Any] = first.get("extensions") or {}
        self.code: str = str(self.extensions.get("code", "UNKNOWN"))
        self.message: str = str(first.get("message", "The server gave no reason."))
        super().__init__(f"{self.code}: {self.message}")


class NotAllowed(OperationFailed):
    """The server does not know who is asking, or it is not theirs to ask: look at `token` and `headers`."""


class HistoryGone(OperationFailed):
    """The events behind the cursor have been deleted for their age.

    Read anew whatever you follow, then go on with `after=history_begins`, behind which everything is kept.
    """

    @property
    def history_begins(self) -> str:
        """The cursor behind which everything is kept."""
        return str(self.extensions["historyBegins"])


class UserErrors(AssayError):
    """A mutation did not do what was asked, and nothing was changed. `errors` says what is wrong, each with its
    `code`, `message` and the `path` to the input at fault."""

    def __init__(self, errors: Sequence[UserError]) -> None:
        self.errors = errors
        super().__init__("\n".join(map(_line, errors)))

    @property
    def code(self) -> str:
        """The first one's."""
        return self.errors[0].code


class NotFound(AssayError):
    """There is nothing of this id, or it is not the caller's to see, or it was deleted."""


class AnalysisFailed(AssayError):
    """An analysis ended otherwise than COMPLETED; `analysis.error` says why."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        error = analysis.error
        super().__init__(f"{analysis.id} {analysis.status}" + (f": {error.code}: {error.message}" if error else ""))


def _line(error: UserError) -> str:
    place = f" ({'.'.join(error.path)})" if error.path else ""
    return f"{error.code}: {error.message}{place}"
