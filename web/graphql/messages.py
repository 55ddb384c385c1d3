"""Parsing of the clients' graphql-transport-ws messages, and the exception that ends a socket."""

from __future__ import annotations

from typing import Any

import orjson

from execution.errors import BadRequest
from web.graphql.bodies import refuse_duplicates

MAX_MESSAGE_BYTES = 1_000_000
"""Largest message, in bytes. uvicorn's `ws_max_size` should be the same: it refuses a message before buffering it."""

MAX_REASON_BYTES = 123
"""Longest reason in a close frame (RFC 6455, 5.5)."""


class Close(Exception):
    """Ends the socket with this code and reason; without a code if the client is gone."""

    def __init__(self, code: int | None, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")


def resume_reason(why: str, cursor: str | None) -> str:
    """Return the reason of a close frame, with the cursor to resume from if there is one and all of it fits."""
    reason = f'{why}: resume with `after: "{cursor}"`.'
    if cursor is None or len(reason.encode()) > MAX_REASON_BYTES:
        return f"{why}: resume with `after` and the last cursor you have."
    return reason


def parse(text: str | None) -> dict[str, Any]:
    """Return the message in a frame, an object with a `type`. Raise Close for anything else."""
    if text is None:
        raise Close(4400, "Messages must be text frames.")
    encoded = text.encode()
    if len(encoded) > MAX_MESSAGE_BYTES:
        raise Close(1009, f"A message may have at most {MAX_MESSAGE_BYTES} bytes.")
    try:
        message = orjson.loads(encoded)
        refuse_duplicates(message, encoded, what="The message")
    except orjson.JSONDecodeError:
        raise Close(4400, "The message is not JSON.") from None
    except BadRequest as refusal:
        raise Close(4400, refusal.message) from None
    if not isinstance(message, dict):
        raise Close(4400, "A message must be a JSON object.")
    if not isinstance(message.get("type"), str):
        raise Close(4400, "A message must have a `type`, a string.")
    return message


def id_of(message: dict[str, Any]) -> str:
    """Return the id of a message's operation. Raise Close if it is missing or empty."""
    key = message.get("id")
    if not isinstance(key, str) or not key:
        raise Close(4400, f"`{message['type']}` must have an `id`, a string that is not empty.")
    return key


def payload_of(message: dict[str, Any]) -> dict[str, Any] | None:
    """Return the payload of a message, an object or None. Raise Close for anything else."""
    payload = message.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise Close(4400, f"The payload of `{message['type']}` must be an object, null or absent.")
    return payload
