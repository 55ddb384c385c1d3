"""Errors that a client can correct: `userErrors` of mutations, and coded errors of queries and subscriptions.

A function named `require_…` raises `Refused`. Functions named `check_…` yield errors, so that a caller can report all
errors of one input together.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from unicodedata import category

from analyzers.base import CONTROLS
from execution.errors import ClientError, ErrorCode
from store.bounds import MAX_NAME
from store.sql.failures import is_full, is_out_of_reach
from store.sql.ids import Kind, kind_of
from store.tables import AnalysisRow, BatchRow

# Letters and symbols without a glyph: the fillers of Hangul, and the blank of Braille.
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# Categories of Unicode without a glyph of their own: controls, formats (joiners), surrogates, separators, marks.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Mn", "Me", "Mc"})

P = ParamSpec("P")
PayloadT = TypeVar("PayloadT")


class UserErrorCode(StrEnum):
    """Codes of `userErrors`."""

    INVALID = "INVALID"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    TOO_LARGE = "TOO_LARGE"
    UNSUPPORTED = "UNSUPPORTED"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    INPUT_UNREADABLE = "INPUT_UNREADABLE"
    INPUT_TOO_LARGE = "INPUT_TOO_LARGE"
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"


@dataclass(frozen=True, slots=True)
class UserError:
    """One error: a message with the problem and the rule, and the path of the input field, from the input down."""

    code: UserErrorCode
    message: str
    path: Sequence[str] | None = None


class Refused(ClientError):
    """A request is refused and changes nothing.

    In a mutation under `answers`, all `errors` become its `userErrors`. In any other field, the first of them becomes
    an error with a code.
    """

    def __init__(self, *errors: UserError) -> None:
        first = errors[0]
        code = ErrorCode.NOT_FOUND if first.code is UserErrorCode.NOT_FOUND else ErrorCode.BAD_USER_INPUT
        extensions = {"argument": ".".join(first.path)} if first.path else {}
        super().__init__(code, first.message, **extensions)
        self.errors = errors


def answers(
    payload: Callable[..., PayloadT],
) -> Callable[[Callable[P, Awaitable[PayloadT]]], Callable[P, Coroutine[Any, Any, PayloadT]]]:
    """Decorate the resolver of a mutation: if it raises Refused, return a payload that holds only the errors."""

    def decorate(resolve: Callable[P, Awaitable[PayloadT]]) -> Callable[P, Coroutine[Any, Any, PayloadT]]:
        @wraps(resolve)
        async def answer(*args: P.args, **kwargs: P.kwargs) -> PayloadT:
            try:
                return await resolve(*args, **kwargs)
            except Refused as refused:
                return payload(user_errors=refused.errors)

        return answer

    return decorate


def explain(error: BaseException) -> ClientError | None:
    """Return the error to show to clients for a failure of the database; None for any other exception."""
    if is_full(error):
        message = "The database has no room left: nothing was changed. The server's operator can give it more."
        return ClientError(ErrorCode.STORAGE_FULL, message)
    if is_out_of_reach(error):
        return ClientError(
            ErrorCode.SERVICE_UNAVAILABLE, "The database is busy or out of reach: try again in a moment."
        )
    return None


def require_none(errors: Iterable[UserError]) -> None:
    """Raise Refused with all of these errors, if there are any."""
    if found := list(errors):
        raise Refused(*found)


def require_id(kind: Kind, id_: str, argument: str = "id") -> str:
    """Return the id. Raise Refused if it is not an id of this kind; the object itself may still be missing."""
    found = kind_of(id_)
    if found == kind:
        return id_
    if found is None:
        message = f"This is not an id: an id of this type has the form `{kind}_…`."
    else:
        message = f"This is the id of another type, `{found}`: an id of this type has the form `{kind}_…`."
    raise Refused(UserError(UserErrorCode.INVALID, message, argument.split(".")))


def check_number(name: str, value: float, low: float, high: float, path: Sequence[str]) -> Iterable[UserError]:
    """Yield an error if the number is not finite, or out of its bounds."""
    if not (math.isfinite(value) and low <= value <= high):
        bounds = f"it must be from {_shown(low)} to {_shown(high)}"
        number = value if isinstance(value, int) else f"{value:g}"
        yield UserError(UserErrorCode.INVALID, f"`{name}` is {number}: {bounds}.", path)


def _shown(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


def check_name(name: str, value: str | None, path: Sequence[str], most: int = MAX_NAME) -> Iterable[UserError]:
    """Yield an error if a name or key is empty, longer than `most`, has a control, or has nothing visible."""
    if value is None:
        return
    if not 1 <= len(value) <= most:
        message = f"`{name}` has {len(value):,} characters: it must have from 1 to {most}."
        yield UserError(UserErrorCode.INVALID, message, path)
    elif found := CONTROLS.search(value):
        message = f"`{name}` contains a control character, U+{ord(found[0]):04X}: remove it."
        yield UserError(UserErrorCode.INVALID, message, path)
    elif not any(map(_is_visible, value)):
        message = f"`{name}` has no visible character: it must have at least one letter, digit or symbol."
        yield UserError(UserErrorCode.INVALID, message, path)


def _is_visible(character: str) -> bool:
    return category(character) not in _INVISIBLE and character not in _BLANKS


def state_of(row: AnalysisRow | BatchRow) -> str:
    """Return the status, with a remark if a stop was requested and is still in progress."""
    if row.finished_at is not None or row.stop_requested is None:
        return row.status
    return f"{row.status}, and already being {'canceled' if row.stop_requested == 'CANCELED' else 'timed out'}"


def wrong_state(kind: Kind, row: AnalysisRow | BatchRow | None, rule: str) -> Refused:
    """Return CONFLICT with the row's state and the rule; NOT_FOUND if the viewer can't see a row of this id."""
    if row is None:
        return Refused(UserError(UserErrorCode.NOT_FOUND, f"There is no {kind} with this id.", ["id"]))
    return Refused(UserError(UserErrorCode.CONFLICT, f"The {kind} is {state_of(row)}: {rule}.", ["id"]))
