"""Classification of failures.

A failure is either a loss or final. After a loss (the server is unreachable, stops, or closes a socket with 1001,
1006, 1012, 1013 or a similar code) the client tries again, at random and growing intervals, until `retry_seconds` have
passed. Any other failure is raised at once.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any, NoReturn

import aiohttp
import msgspec
from gql.transport.exceptions import (
    TransportConnectionFailed,
    TransportError,
    TransportProtocolError,
    TransportQueryError,
    TransportServerError,
)
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidProxyStatus,
    InvalidStatus,
    ProxyError,
)

from assay_client.errors import (
    AssayError,
    HistoryGone,
    NotAllowed,
    NotFound,
    OperationFailed,
    ServerUnreachable,
    UnexpectedAnswer,
)

# Close codes of graphql-transport-ws and RFC 6455 after which the server would refuse a new connection too.
FINAL_CLOSE_CODES = {1002, 1003, 1007, 1008, 1009, 1010, 4004, 4005, 4400, 4401, 4403, 4406, 4409, 4429, 4500}
AWAY_STATUSES = {429, 502, 503, 504}
PROXY_AUTHENTICATION_REQUIRED = 407
AWAY_CODES = {"SERVICE_UNAVAILABLE", "RATE_LIMITED", "REQUEST_TIMEOUT"}


class Lost(Exception):
    """The server did not respond. `sent`: whether the server may have read the request."""

    def __init__(self, reason: str, *, sent: bool = True) -> None:
        super().__init__(reason.rstrip("."))
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Failures:
    """Raises each failure of one server as `Lost`, or as an exception of `assay_client.errors`."""

    url: str
    socket_url: str
    timeout: float

    def checked(self, data: Any, errors: Any) -> dict[str, Any]:
        """Return the data of a response. Raises if the response has errors."""
        if errors:
            self._raise_errors(errors)
        if not isinstance(data, dict):
            raise UnexpectedAnswer(f"The response of {self.url} has neither data nor errors.")
        return data

    def _raise_errors(self, errors: Any) -> NoReturn:
        if not (isinstance(errors, list) and all(isinstance(error, dict) for error in errors)):
            raise UnexpectedAnswer(f"The response of {self.url} has errors that are not in the form of GraphQL.")
        failed = OperationFailed(errors)
        if failed.code in AWAY_CODES:
            raise Lost(failed.message, sent=failed.code != "RATE_LIMITED")
        if failed.code in ("UNAUTHENTICATED", "FORBIDDEN"):
            raise NotAllowed(errors)
        if failed.code == "HISTORY_GONE":
            raise HistoryGone(errors)
        if failed.code == "NOT_FOUND" and "argument" in failed.extensions:
            raise NotFound(failed.message)
        if failed.code in ("NOT_FOUND", "METHOD_NOT_ALLOWED") and "path" not in errors[0]:
            raise UnexpectedAnswer(f"{self.url} is not a GraphQL endpoint: is the URL right?")
        raise failed

    def explain_refusal(self, status: int, body: bytes) -> NoReturn:
        """Raise the exception for an HTTP status other than 200."""
        try:
            errors = msgspec.json.decode(body, type=dict[str, Any]).get("errors")
        except ValueError:
            errors = None
        if isinstance(errors, list) and errors:
            if status == 404:
                raise NotFound(str(errors[0].get("message")))
            self._raise_errors(errors)
        self._explain_status(status)

    def _explain_status(self, status: int | None) -> NoReturn:
        reason = f"HTTP status {status}"
        if status in AWAY_STATUSES:
            raise Lost(reason, sent=status != 429)
        if status == PROXY_AUTHENTICATION_REQUIRED:
            self._explain_proxy(status)
        if status in (401, 403):
            code = "UNAUTHENTICATED" if status == 401 else "FORBIDDEN"
            raise NotAllowed([{"message": f"{self.url}: {reason}.", "extensions": {"code": code}}])
        raise UnexpectedAnswer(f"{self.url} does not speak GraphQL: {reason}. Is the URL right?")

    def _explain_proxy(self, status: int) -> NoReturn:
        """Raise the exception for the HTTP status of a proxy that refuses a connection to the server."""
        reason = f"the proxy refused the connection with HTTP status {status}"
        if status in AWAY_STATUSES:
            raise Lost(reason, sent=False)
        raise ServerUnreachable(f"{self.url}: {reason}. Check `proxy`, or HTTP_PROXY, HTTPS_PROXY and NO_PROXY.")

    def explain_http(self, error: TransportError) -> NoReturn:
        """Raise the exception for a failure in gql."""
        if isinstance(error, TransportServerError):
            self._explain_status(error.code)
        if isinstance(error, TransportConnectionFailed) and error.__cause__ is not None:
            self.explain_cause(error.__cause__)
        raise UnexpectedAnswer(f"{self.url} does not speak GraphQL. Is the URL right? {str(error)[:200]}") from error

    def explain_cause(self, cause: BaseException) -> NoReturn:
        """Raise the exception for a failure in HTTP or below."""
        reason = str(cause) or type(cause).__name__
        if isinstance(cause, aiohttp.ClientSSLError | ssl.SSLCertVerificationError):
            raise ServerUnreachable(f"{self.url}: {reason}") from cause
        if isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            raise Lost(reason, sent=False) from cause
        if isinstance(cause, TimeoutError):
            raise Lost(f"no response within {self.timeout:g} seconds") from cause
        if isinstance(cause, aiohttp.ClientHttpProxyError):
            self._explain_proxy(cause.status)
        if isinstance(cause, aiohttp.ClientResponseError):
            raise UnexpectedAnswer(f"{self.url} does not speak HTTP. Is the URL right? {reason[:200]}") from cause
        if isinstance(cause, aiohttp.ClientError | OSError):
            raise Lost(reason) from cause
        raise cause

    def explain_socket(self, error: BaseException) -> NoReturn:
        """Raise the exception for a failure of a WebSocket."""
        if isinstance(error, TransportQueryError):
            self._raise_errors(error.errors)
        if isinstance(error, TransportProtocolError):
            raise UnexpectedAnswer(f"{self.socket_url} does not speak graphql-transport-ws.") from error
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ConnectionClosed):
                self._explain_close(cause)
            if isinstance(cause, InvalidStatus):
                self.explain_refusal(cause.response.status_code, bytes(cause.response.body or b""))
            if isinstance(cause, InvalidProxyStatus):
                self._explain_proxy(cause.response.status_code)
            if isinstance(cause, InvalidHandshake) and not isinstance(cause, ProxyError) and not _broke_off(cause):
                raise UnexpectedAnswer(f"{self.socket_url} does not speak WebSocket. Is the URL right?") from error
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise ServerUnreachable(f"{self.socket_url}: {cause}") from error
            last, cause = cause, cause.__cause__
        raise Lost(str(last) or type(last).__name__) from error

    def _explain_close(self, closed: ConnectionClosed) -> NoReturn:
        code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
        said = f"the socket was closed with {code}{f' ({reason})' if reason else ''}"
        if code in (4401, 4403):
            kind = "UNAUTHENTICATED" if code == 4401 else "FORBIDDEN"
            raise NotAllowed([{"message": f"{self.url}: {said}.", "extensions": {"code": kind}}])
        if code in FINAL_CLOSE_CODES:
            raise UnexpectedAnswer(f"{self.url}: {said}.") from closed
        raise Lost(said) from closed


def unreachable(url: str, lost: Lost) -> AssayError:
    """Return the exception for a loss after the last attempt."""
    return ServerUnreachable(f"{url} does not respond: {lost}.")


def _broke_off(error: InvalidHandshake) -> bool:
    """Return whether the connection ended during its handshake, as it does when the server is killed."""
    return isinstance(error, InvalidMessage) and isinstance(error.__cause__, EOFError | OSError)
