"""The caller of each request, socket and stream, by its credential.

The credential is the header `Authorization`. A WebSocket has the same in the payload of `connection_init`, because
browsers can't set headers of a handshake. No cookie and no parameter of a URL is a credential.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from access.gate import NoSuchWorkspace, NotRecognized
from access.issuer import IssuerUnavailable
from execution.errors import ErrorCode
from resolvers.user_errors import explain
from store.access.sessions import Client
from store.sql.clock import utcnow
from store.sql.viewer import ANONYMOUS, LOCAL_ADMINISTRATOR
from web.responses import RefusedRequest, error_response

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection, Request
    from starlette.responses import Response

    from access.gate import Gate
    from execution.executor import OperationContext
    from store.sql.viewer import Viewer

WORKSPACE_HEADER = "X-Assay-Workspace"

AGAIN_SECONDS = 1.0
"""Pause before a caller of an open socket is looked up again, if the database or the issuer does not answer."""

SIGN_IN_AGAIN = 4401
REFRESH = 4403
TRY_AGAIN = 1013
"""Close codes: the first is final for clients, the second asks them to refresh the token and reconnect."""

Found = TypeVar("Found")
AnyContext = TypeVar("AnyContext")


class CallerRefused(RefusedRequest):
    """The credential or the workspace of a caller is refused. `close_code` ends a socket."""

    def __init__(
        self, status: int, code: str, message: str, close_code: int, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, code, message, headers)
        self.close_code = close_code


def anonymous(message: str) -> CallerRefused:
    """Return the refusal of a request without a credential."""
    return CallerRefused(401, ErrorCode.UNAUTHENTICATED, message, SIGN_IN_AGAIN, {"www-authenticate": "Bearer"})


ContextFactory = Callable[["HTTPConnection"], "OperationContext | Coroutine[Any, Any, OperationContext]"]
"""Returns the context of a new operation: at once, or after a look-up of its caller. Both raise CallerRefused."""


def client_of(connection: HTTPConnection) -> Client:
    """Return the address and the program of a client."""
    return Client(connection.client.host if connection.client else None, connection.headers.get("user-agent"))


async def context_of(
    factory: Callable[[HTTPConnection], AnyContext | Coroutine[Any, Any, AnyContext]], connection: HTTPConnection
) -> AnyContext:
    """Return the context of a new operation. Waits for nothing if the caller is known. Raises CallerRefused."""
    found = factory(connection)
    return await found if isinstance(found, Coroutine) else found


class Callers:
    """The callers of one server. Without a gate the server is open, and each caller is the local administrator."""

    def __init__(self, gate: Gate | None) -> None:
        self._gate = gate

    @property
    def are_recognized(self) -> bool:
        """Whether the server is closed."""
        return self._gate is not None

    def viewer(self, connection: HTTPConnection) -> Viewer | Coroutine[Any, Any, Viewer]:
        """Return the viewer of a connection: at once for a remembered credential, otherwise its look-up.

        Raises CallerRefused, and so does the look-up.
        """
        if self._gate is None:
            return LOCAL_ADMINISTRATOR
        authorization, workspace = _given(connection)
        if not authorization:
            return ANONYMOUS
        caller = self._gate.remembered(authorization)
        if caller is not None:
            with suppress(NoSuchWorkspace):  # an administrator is in every workspace: the look-up decides
                return caller.viewer(workspace)
        return _looked_up(self._gate.viewer(authorization, workspace))

    async def follow(self, connection: HTTPConnection) -> AsyncGenerator[None, None]:
        """Yield at the beginning, after each change of access that may concern the caller, and at its token's expiry.

        Returns at once without a credential, and on an open server. While the caller can't be looked up, nothing is
        yielded. Raises CallerRefused.
        """
        gate = self._gate
        authorization, workspace = _given(connection)
        if gate is None or not authorization:
            return
        changed = asyncio.Event()
        caller = gate.remembered(authorization)
        if caller is None:
            caller = await _persistently(partial(gate.recognize, authorization))
        end = gate.watch(caller, changed.set)
        try:
            while True:
                await _persistently(partial(gate.viewer, authorization, workspace))
                yield
                with suppress(TimeoutError):
                    async with asyncio.timeout(_seconds_until(caller.expires_at)):
                        await changed.wait()
                changed.clear()
        finally:
            end()


OPEN = Callers(None)
"""The callers of an open server."""


async def _looked_up(look_up: Awaitable[Found]) -> Found:
    """Return the result of the gate. Raises CallerRefused."""
    try:
        return await look_up
    except NotRecognized as error:
        challenge = {"www-authenticate": 'Bearer error="invalid_token"'}
        close_code = REFRESH if error.expired else SIGN_IN_AGAIN
        raise CallerRefused(401, ErrorCode.UNAUTHENTICATED, error.message, close_code, challenge) from None
    except NoSuchWorkspace:
        message = "There is no workspace with this name among yours."
        raise CallerRefused(404, ErrorCode.NOT_FOUND, message, SIGN_IN_AGAIN) from None
    except IssuerUnavailable:
        message = "The issuer of the token does not answer: try again later."
        raise _unavailable(message) from None
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        raise _unavailable(explained.message) from error


def _unavailable(message: str) -> CallerRefused:
    headers = {"retry-after": f"{AGAIN_SECONDS:.0f}"}
    return CallerRefused(503, ErrorCode.SERVICE_UNAVAILABLE, message, TRY_AGAIN, headers)


async def refusal(_request: Request, error: Exception) -> Response:
    """Return the response to a refused caller, outside of GraphQL's endpoint."""
    assert isinstance(error, CallerRefused)
    return error_response(error.status, error.code, error.message, headers=error.headers)


async def _persistently(look_up: Callable[[], Awaitable[Found]]) -> Found:
    """Look up again until the database and the issuer answer. Raises CallerRefused. The gate logs the failures."""
    while True:
        try:
            return await _looked_up(look_up())
        except CallerRefused as refused:
            if refused.close_code != TRY_AGAIN:
                raise
        await asyncio.sleep(AGAIN_SECONDS)


def _given(connection: HTTPConnection) -> tuple[str | None, str | None]:
    """Return the value of `Authorization` and the workspace that a client gave; None for those it did not give."""
    headers = connection.headers
    authorization, workspace = headers.get("authorization"), headers.get(WORKSPACE_HEADER)
    if connection.scope["type"] == "websocket":
        payload = connection.state.connection_init or {}
        given = {name.lower(): value for name, value in payload.items()}
        authorization, workspace = given.get("authorization", authorization), given.get("workspace", workspace)
        for name, value in (("authorization", authorization), ("workspace", workspace)):
            if value is not None and not isinstance(value, str):
                message = f"`{name}` in the payload of `connection_init` must be a string."
                raise CallerRefused(401, ErrorCode.UNAUTHENTICATED, message, SIGN_IN_AGAIN)
    return authorization or None, workspace or None


def _seconds_until(expiry: datetime | None) -> float | None:
    """Return the time until the expiry. After it, while the clocks of issuers differ, the time until another look."""
    if expiry is None:
        return None
    seconds = (expiry - utcnow()).total_seconds()
    return seconds if seconds > 0 else AGAIN_SECONDS
