"""Idempotency keys of mutations: the hash of an input, and the refusals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import orjson

from resolvers.user_errors import Refused, UserError, UserErrorCode
from store.idempotency import IdempotencyMismatch


def digest_of(said: list[Any]) -> str:
    """Return the hash of an input, in any order of the keys of its objects."""
    return sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


@contextmanager
def refusing_other_input() -> Iterator[None]:
    """Turn IdempotencyMismatch into the error for the client."""
    try:
        yield
    except IdempotencyMismatch:
        message = "The key was used within the last day with other input: use another key, or the same input."
        raise Refused(UserError(UserErrorCode.IDEMPOTENCY_MISMATCH, message, ["idempotencyKey"])) from None


def deleted() -> Refused:
    """Return CONFLICT for a repeated key whose object is gone."""
    message = "The object that the first call with this key created has been deleted: use another key."
    return Refused(UserError(UserErrorCode.CONFLICT, message, ["idempotencyKey"]))
