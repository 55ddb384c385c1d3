"""An operation's answer: the response body, and of what kind it is, so that each door can say so in its own way."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class AnswerKind(Enum):
    """What came of an operation. Only DATA, PARTIAL and TIMEOUT have a `data` key."""

    DATA = "data"
    PARTIAL = "partial"  # data (or a null that a non-null field left of it) and errors
    TIMEOUT = "timeout"  # ran, and was ended at the time limit: `data` is null
    BAD_REQUEST = "bad_request"  # not shaped as GraphQL requests are
    PARSE_ERROR = "parse_error"
    VALIDATION_ERROR = "validation_error"
    LIMIT = "limit"  # refused by execution.limits
    OPERATION_ERROR = "operation_error"  # unknown operationName, or several operations and none named
    METHOD = "method"  # this door does not run operations of this type
    VARIABLES_ERROR = "variables_error"
    FAULT = "fault"  # an exception outside all fields, or a subscription whose source stream could not be made


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished response body, ready to be written as JSON."""

    body: dict[str, Any]
    kind: AnswerKind
