"""Access tokens: JSON Web Tokens with HS256, which only Assay reads.

A token names a user and a sign-in session, and no role: roles are read at each use, so that a change takes effect at
once. It is an access token by RFC 9068 (`typ: at+jwt`), though its audience is Assay itself.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import OctKey
from uuid_utils import uuid7

from access.secrets import Keys

LIFETIME = timedelta(minutes=15)
LONGEST = 4_096
"""Characters of a token, at most."""

_ALGORITHM, _TYPE, _NAME = "HS256", "at+jwt", "assay"


class ExpiredToken(Exception):
    """The token was valid, and has expired."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The content of a valid token."""

    user_id: str
    session_id: str
    expires_at: datetime


class AccessTokens:
    """Signs tokens with the first keys, and verifies those of all keys. Safe to share."""

    def __init__(self, keys: Sequence[Keys]) -> None:
        self._kid = keys[0].kid
        self._keys = {each.kid: OctKey.import_key(each.access) for each in keys}

    def sign(self, user_id: str, session_id: str, now: datetime) -> tuple[str, datetime]:
        """Return a new token, and the time of its expiry in whole seconds."""
        issued = int(now.timestamp())
        expires = issued + int(LIFETIME.total_seconds())
        header = {"alg": _ALGORITHM, "typ": _TYPE, "kid": self._kid}
        claims = {"iss": _NAME, "aud": _NAME, "sub": user_id, "sid": session_id, "iat": issued, "exp": expires}
        token = jwt.encode(header, {**claims, "jti": str(uuid7())}, self._keys[self._kid], algorithms=[_ALGORITHM])
        return token, datetime.fromtimestamp(expires, now.tzinfo)

    def verify(self, token: str, now: datetime) -> AccessToken | None:
        """Return the content of a token; None if it is not valid. Raises ExpiredToken from its expiry on."""
        if len(token) > LONGEST or not token.isascii() or not _is_canonical(token):
            return None
        rules = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            iss={"essential": True, "value": _NAME},
            aud={"essential": True, "value": _NAME},
            sub={"essential": True},
            iat={"essential": True},
            exp={"essential": True},
        )
        try:
            found = jwt.decode(token, self._key, algorithms=[_ALGORITHM])
            rules.validate(found.claims)
        except ExpiredTokenError:
            raise ExpiredToken from None
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            return None
        claims, session_id = found.claims, found.claims.get("sid")
        if found.header.get("typ") != _TYPE or not isinstance(session_id, str):
            return None
        return AccessToken(claims["sub"], session_id, datetime.fromtimestamp(claims["exp"], now.tzinfo))

    def _key(self, header: object) -> OctKey:
        return self._keys[header.headers()["kid"]]  # type: ignore[attr-defined]


def _is_canonical(token: str) -> bool:
    """Whether the signature's last character has no unused bits: otherwise one token would have several forms."""
    signature = token.rpartition(".")[2]
    try:
        return urlsafe_b64encode(urlsafe_b64decode(signature + "=")).decode().rstrip("=") == signature
    except ValueError:
        return False
