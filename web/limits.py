"""The header fields of answers to callers with a rate limit, by draft-ietf-httpapi-ratelimit-headers-11."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from execution.charging import Charged

LIMIT_HEADERS = ("RateLimit-Policy", "RateLimit", "Retry-After")


def limited(response: ASGIApp, charged: Charged | None) -> ASGIApp:
    """Return the response with the state of the caller's bucket; the same response if no limit applies."""
    if charged is None:
        return response
    fields = [(name.encode(), value.encode()) for name, value in charged.headers().items()]

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_fields(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *fields]
            await send(message)

        await response(scope, receive, send_with_fields)

    return respond
