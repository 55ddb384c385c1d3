"""What is wrong with what a client asked for: `userErrors` of mutations, coded errors of queries."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from execution.errors import ClientError, ErrorCode
from store.sql.failures import is_full, is_out_of_reach
from store.sql.ids import Kind, kind_of
from store.tables import AnalysisRow, BatchRow

MAX_NAME = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class UserErrorCode(StrEnum):
    """The kinds of fault that a mutation can name."""

    INVALID = "INVALID"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    TOO_LARGE = "TOO_LARGE"
    UNSUPPORTED = "UNSUPPORTED"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"


@dataclass(frozen=True, slots=True)
class UserError:
    """One fault: what is wrong and what would be right, and the way to the field at fault, from the input down."""

    code: UserErrorCode
    message: str
    path: Sequence[str] | None = None


def explain(error: BaseException) -> ClientError | None:
    """What a client may know of a failure that is the database's, and not a fault of this program; None of others."""
    if is_full(error):
        message = "The database has no room left: nothing was changed. The server's operator can give it more."
        return ClientError(ErrorCode.STORAGE_FULL, message)
    if is_out_of_reach(error):
        return ClientError(
            ErrorCode.SERVICE_UNAVAILABLE, "The database is busy or out of reach: try again in a moment."
        )
    return None


def check_id(kind: Kind, id_: str, path: Sequence[str] = ("id",)) -> UserError | None:
    """The fault of an id that can't name a thing of this kind; whether there is such a thing is another question."""
    found = kind_of(id_)
    if found is None:
        return UserError(UserErrorCode.INVALID, f"This is no id: one of this type is written `{kind}_…`.", path)
    if found != kind:
        message = f"This is the id of another type, `{found}`: one of this type is written `{kind}_…`."
        return UserError(UserErrorCode.INVALID, message, path)
    return None


def require_id(kind: Kind, id_: str, argument: str = "id") -> str:
    """The id, where it can name a thing of this kind. Raises ClientError otherwise."""
    fault = check_id(kind, id_, (argument,))
    if fault is not None:
        raise ClientError(ErrorCode.BAD_USER_INPUT, fault.message, argument=argument)
    return id_


def check_number(name: str, value: float, low: float, high: float, path: Sequence[str]) -> Iterable[UserError]:
    """The fault of a number outside its bounds, if it is one."""
    if not (math.isfinite(value) and low <= value <= high):
        yield UserError(UserErrorCode.INVALID, f"`{name}` is {value:g}: it goes from {low:g} to {high:,g}.", path)


def check_name(name: str, value: str | None, path: Sequence[str]) -> Iterable[UserError]:
    """The fault of a name or key that is empty, longer than 200 characters, or holds control characters."""
    if value is None:
        return
    if not 1 <= len(value) <= MAX_NAME:
        message = f"`{name}` has {len(value):,} characters: it has from 1 to {MAX_NAME}."
        yield UserError(UserErrorCode.INVALID, message, path)
    elif _CONTROL.search(value):
        yield UserError(UserErrorCode.INVALID, f"`{name}` holds a control character: take it out.", path)


def state_of(row: AnalysisRow | BatchRow) -> str:
    """Its status, and that it is being stopped already where it is."""
    if row.finished_at is not None or row.stop_requested is None:
        return row.status
    return f"{row.status}, and is being {'canceled' if row.stop_requested == 'CANCELED' else 'timed out'} already"


def not_found(kind: Kind) -> UserError:
    """There is no such thing, or it is not the viewer's to see: the answer is the same."""
    return UserError(UserErrorCode.NOT_FOUND, f"There is no {kind} of this id.", ["id"])
