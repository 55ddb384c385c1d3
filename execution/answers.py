"""An operation's answer: the response body, and of what kind it is, so that each door can say so in its own way."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

import orjson


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


@dataclass(frozen=True, slots=True)
class StreamAnswer:
    """One answer of a subscription, written: whoever wants the same is sent the same bytes."""

    json: bytes
    """The response body, a JSON object. It has `data` unless the stream failed."""
    cursor: str | None = None
    """What to subscribe after, to go on behind this answer; None where the stream has no cursors."""
    failed: bool = False
    """Whether this is the last answer, for the stream did not start or broke: `json` has `errors` and no `data`."""
    may_pass: bool = False
    """Whether it `failed` for a reason that may be gone in a moment: who subscribes again gets on."""
    has_errors: bool = False
    """Whether `json` has `errors`, beside `data` or without."""


def encode_json(body: object) -> bytes:
    """The bytes of a JSON document. What orjson refuses (integers beyond 64 bits) the standard library writes."""
    try:
        return orjson.dumps(body)
    except TypeError:
        return json.dumps(body).encode()
