"""Access tokens: those that are valid, and the many that are not."""

from __future__ import annotations

import hmac
import json
import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from access.secrets import keys_of, new_secret
from access.tokens import LIFETIME, AccessToken, AccessTokens, ExpiredToken

NOW = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
KEYS = keys_of(new_secret())
TOKENS = AccessTokens(KEYS)
NESTED = f"{urlsafe_b64encode(b'[' * 1_500).decode()}.e30.e30A"


def written(header: dict[str, Any] | None = None, *, key: bytes = KEYS[0].access, **claims: Any) -> str:
    """A signed token, with changes to its header and claims. None removes a header or a claim."""
    now = int(NOW.timestamp())
    plain = {"iss": "assay", "aud": "assay", "sub": "user_1", "sid": "signin_1", "iat": now, "exp": now + 900}
    content = {name: value for name, value in {**plain, **claims}.items() if value is not None}
    head = {"alg": "HS256", "typ": "at+jwt", "kid": KEYS[0].kid, **(header or {})}
    signed = f"{part({name: value for name, value in head.items() if value is not None})}.{part(content)}"
    return f"{signed}.{base64(hmac.digest(key, signed.encode(), 'sha256'))}"


def part(value: object) -> str:
    return base64(json.dumps(value).encode())


def base64(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")


def test_a_token_names_user_session_and_expiry() -> None:
    token, expires = TOKENS.sign("user_1", "signin_1", NOW)
    assert expires == NOW.replace(microsecond=0) + LIFETIME
    assert TOKENS.verify(token, NOW) == AccessToken("user_1", "signin_1", expires)
    header, claims = (json.loads(urlsafe_b64decode(each + "==")) for each in token.split(".")[:2])
    assert header == {"alg": "HS256", "typ": "at+jwt", "kid": KEYS[0].kid}
    assert set(claims) == {"iss", "aud", "sub", "sid", "iat", "exp", "jti"}
    assert token != TOKENS.sign("user_1", "signin_1", NOW)[0]


def test_a_token_ends_without_leeway() -> None:
    token, expires = TOKENS.sign("user_1", "signin_1", NOW)
    assert TOKENS.verify(token, expires - timedelta(seconds=1)) is not None
    with pytest.raises(ExpiredToken):
        TOKENS.verify(token, expires)
    assert TOKENS.verify(token, NOW - timedelta(seconds=1)) is None, "from the future"


def test_the_helper_of_these_tests_makes_a_valid_token() -> None:
    assert TOKENS.verify(written(), NOW) is not None


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "other"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"aud": ["other"]},
        {"sub": None},
        {"sub": 1},
        {"sid": None},
        {"sid": ["signin_1"]},
        {"iat": None},
        {"exp": None},
        {"exp": str(int(NOW.timestamp()) + 900)},
        {"exp": True},
        {"exp": [int(NOW.timestamp()) + 900]},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"nbf": int(NOW.timestamp()) + 60},
    ],
    ids=str,
)
def test_wrong_claims_are_refused(claims: dict[str, Any]) -> None:
    assert TOKENS.verify(written(**claims), NOW) is None


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"typ": None}, {"kid": "00000000"}, {"kid": None}, {"kid": 1}])
def test_wrong_headers_are_refused(header: dict[str, Any]) -> None:
    assert TOKENS.verify(written(header), NOW) is None


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS512", "RS256", "", None])
def test_other_algorithms_are_refused(algorithm: str | None) -> None:
    header, payload, signature = written().split(".")
    head = json.loads(urlsafe_b64decode(header + "=="))
    head["alg"] = algorithm
    for end in (signature, ""):
        assert TOKENS.verify(f"{part(head)}.{payload}.{end}", NOW) is None


def test_a_public_key_is_no_key() -> None:
    public = RSAKey.generate_key(2048).as_pem(private=False)
    assert TOKENS.verify(written(key=public), NOW) is None


def test_the_key_of_refresh_tokens_signs_no_access_token() -> None:
    assert TOKENS.verify(written(key=KEYS[0].refresh), NOW) is None


def test_a_new_secret_signs_and_the_old_one_verifies() -> None:
    old, new = new_secret(), new_secret()
    before, during, after = (AccessTokens(keys_of(each)) for each in (old, f"{new}, {old}", new))
    first, _ = before.sign("user_1", "signin_1", NOW)
    second, _ = during.sign("user_1", "signin_1", NOW)
    assert during.verify(first, NOW)
    assert during.verify(second, NOW)
    assert before.verify(second, NOW) is None
    assert after.verify(second, NOW)
    assert after.verify(first, NOW) is None


def test_ten_thousand_mutated_tokens_open_nothing() -> None:
    generator = random.Random(7)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \0é"
    token, _ = TOKENS.sign("user_1", "signin_1", NOW)
    for _ in range(10_000):
        changed = list(token)
        for _ in range(generator.choice([1, 1, 1, 2, 5])):
            place = generator.randrange(len(changed))
            match generator.randrange(4):
                case 0:
                    changed[place] = generator.choice(alphabet)
                case 1:
                    changed.insert(place, generator.choice(alphabet))
                case 2:
                    del changed[place]
                case _:
                    other = generator.randrange(len(changed))
                    changed[place], changed[other] = changed[other], changed[place]
        mutated = "".join(changed)
        assert mutated == token or TOKENS.verify(mutated, NOW) is None, mutated


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "Bearer",
        "=" * 100,
        "." * 4_096,
        "\ud800",
        "x" * 10_000_000,
        "e30.e30.",
        "W10.W10.W10",
        NESTED,
    ],
    ids=lambda text: text[:10].encode("unicode_escape").decode(),
)
def test_rubbish_is_refused(text: str) -> None:
    assert TOKENS.verify(text, NOW) is None


def test_a_token_with_another_end_is_refused() -> None:
    """The last character of a signature has two unused bits."""
    token, _ = TOKENS.sign("user_1", "signin_1", NOW)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    accepted = [each for each in alphabet if TOKENS.verify(token[:-1] + each, NOW)]
    assert accepted == [token[-1]]
    assert TOKENS.verify(token + "=", NOW) is None
