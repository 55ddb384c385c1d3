"""Access tokens of an external OpenID Connect issuer.

The issuer's keys come from its discovery document, and again when a token names an unknown one: that is how issuers
change keys. While the issuer does not answer, the keys of the last answer stay valid for a day.
"""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from urllib.request import HTTPRedirectHandler, Request, build_opener

import orjson
import structlog
from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey

from access.tokens import LONGEST, ExpiredToken

ALGORITHMS = ("RS256", "ES256")
"""The algorithms by default. All of a list must be asymmetric."""

LEEWAY = timedelta(seconds=30)
"""The largest difference between the clocks of the issuer and this machine."""

AGAIN_SECONDS = 30.0
"""Shortest time between two requests for the keys."""

VALID_SECONDS = 86_400.0
"""The time for which keys stay valid without an answer of the issuer."""

ANSWER_SECONDS = 5.0
MAX_BYTES = 1 << 20
"""Time limit, and size, of an answer of the issuer."""

_DISCOVERY = "/.well-known/openid-configuration"

log = structlog.stdlib.get_logger(__name__)


class IssuerUnavailable(Exception):
    """The issuer gives no keys, and there are none from before: no token can be checked."""


@dataclass(frozen=True, slots=True)
class ExternalToken:
    """The content of a valid token."""

    subject: str
    expires_at: datetime
    claims: Mapping[str, Any]


class Issuer:
    """The issuer at an address, for tokens to these audiences. Safe to share."""

    def __init__(self, address: str, audiences: Sequence[str], algorithms: Sequence[str] = ALGORITHMS) -> None:
        """Raises ValueError without an audience, and for an algorithm that is not asymmetric."""
        if not audiences:
            raise ValueError("An issuer needs an audience: otherwise tokens for other programs would be accepted.")
        if wrong := sorted(set(algorithms) - {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384"}):
            raise ValueError(f"{', '.join(wrong)}: not an asymmetric algorithm of an issuer.")
        self.address = address.rstrip("/")
        self._audiences = list(audiences)
        self._algorithms = list(algorithms)
        self._registry = jws.JWSRegistry(algorithms=self._algorithms)
        self._keys: dict[str | None, RSAKey | ECKey] = {}
        self._issuer = address
        self._asked_at = self._answered_at = -VALID_SECONDS
        self._asking = asyncio.Lock()

    async def verify(self, token: str, now: datetime) -> ExternalToken | None:
        """Return the content of a token; None if it is not valid. Raises ExpiredToken and IssuerUnavailable."""
        if len(token) > LONGEST or not token.isascii():
            return None
        kid = _kid_of(token)
        if kid not in self._keys or monotonic() - self._answered_at > VALID_SECONDS:
            await self.ask()
        if not self._keys or monotonic() - self._answered_at > VALID_SECONDS:
            raise IssuerUnavailable
        if kid not in self._keys:
            return None
        rules = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=int(LEEWAY.total_seconds()),
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "values": self._audiences},
            sub={"essential": True},
            exp={"essential": True},
        )
        try:
            found = jwt.decode(token, self._keys[kid], algorithms=self._algorithms, registry=self._registry)
            rules.validate(found.claims)
            expires = datetime.fromtimestamp(found.claims["exp"], now.tzinfo)
        except ExpiredTokenError:
            raise ExpiredToken from None
        except (JoseError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None
        return ExternalToken(found.claims["sub"], expires, found.claims)

    async def ask(self) -> None:
        """Get the keys, at most once in `AGAIN_SECONDS`. A failure is logged, and leaves the keys from before."""
        async with self._asking:
            if monotonic() - self._asked_at < AGAIN_SECONDS:
                return
            self._asked_at = monotonic()
            try:
                self._issuer, self._keys = await asyncio.to_thread(_keys_at, self.address)
            except Exception as error:  # it may answer anything
                log.warning("the token issuer gives no keys", issuer=self.address, error=str(error)[:200])
            else:
                self._answered_at = self._asked_at


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_opener = build_opener(_NoRedirect)


def _keys_at(address: str) -> tuple[str, dict[str | None, RSAKey | ECKey]]:
    """Return the issuer's own name and its keys by id. Raises OSError and ValueError."""
    document = _get(address + _DISCOVERY)
    if document["issuer"].rstrip("/") != address:
        raise ValueError("the discovery document is of another issuer")
    if not document["jwks_uri"].startswith(address.partition("://")[0] + "://"):
        raise ValueError("the keys have an address of another scheme")
    keys: dict[str | None, RSAKey | ECKey] = {}
    for each in _get(document["jwks_uri"])["keys"]:
        if each.get("kty") in ("RSA", "EC") and each.get("use", "sig") == "sig":
            key = JWKRegistry.import_key(each)
            if isinstance(key, RSAKey | ECKey):
                keys[each.get("kid")] = key
    return document["issuer"], keys


def _get(address: str) -> Any:
    if not address.startswith(("https://", "http://")):
        raise ValueError("not an address of HTTP")
    request = Request(address, headers={"accept": "application/json"})  # noqa: S310 - checked above
    with _opener.open(request, timeout=ANSWER_SECONDS) as answer:
        body = answer.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise ValueError(f"the answer has more than {MAX_BYTES:,} bytes")
    return orjson.loads(body)


def _kid_of(token: str) -> str | None:
    """Return the id of the key that the token names; None without one, or for any other text."""
    try:
        header = orjson.loads(urlsafe_b64decode(token.partition(".")[0] + "=="))
    except ValueError:
        return None
    kid = header.get("kid") if isinstance(header, dict) else None
    return kid if isinstance(kid, str) else None
