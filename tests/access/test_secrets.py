"""Secrets of an installation, and opaque tokens."""

from __future__ import annotations

import re
from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.opaque import START, Kind, digest_of, is_token, new_token, successor_of
from access.secrets import keys_of, new_secret

SECRET = "0123456789abcdef0123456789abcdef"


def test_keys_come_from_the_secret_alone() -> None:
    (keys,) = keys_of(SECRET)
    assert keys_of(f" {SECRET} ") == [keys]
    assert len(keys.access) == len(keys.refresh) == 32
    assert keys.access != keys.refresh
    assert re.fullmatch("[0-9a-f]{8}", keys.kid)
    assert repr(keys) == f"Keys({keys.kid})"


def test_several_secrets() -> None:
    other = new_secret()
    assert [each.kid for each in keys_of(f"{other},{SECRET}")] == [keys_of(other)[0].kid, keys_of(SECRET)[0].kid]
    assert len(keys_of(f"{SECRET},{SECRET}")) == 1


@pytest.mark.parametrize(
    ("setting", "number"), [("", ""), ("short", ""), (f"{SECRET},", " number 2"), (",", " number 1")]
)
def test_a_short_secret_is_refused_without_its_text(setting: str, number: str) -> None:
    with pytest.raises(ValueError, match=f"The secret{number} has fewer than 32 bytes") as raised:
        keys_of(setting)
    assert "short" not in str(raised.value)


def test_new_secrets_are_long_enough_and_differ() -> None:
    assert len(new_secret().encode()) == 43
    assert new_secret() != new_secret()


@pytest.mark.parametrize("kind", Kind)
def test_a_token_has_prefix_length_and_checksum(kind: Kind) -> None:
    token = new_token(kind)
    assert re.fullmatch(rf"{kind}[0-9A-Za-z]{{38}}", token)
    assert is_token(kind, token)
    assert not is_token(next(each for each in Kind if each is not kind), token)
    assert len({new_token(kind) for _ in range(1_000)}) == 1_000
    assert len({new_token(kind)[:START] for _ in range(100)}) == 100, "a start identifies a key"


@given(st.integers(0, 44), st.sampled_from(ascii_letters + digits))
def test_a_changed_token_is_no_token(place: int, character: str) -> None:
    token = new_token(Kind.API_KEY)
    changed = token[:place] + character + token[place + 1 :]
    assert changed == token or not is_token(Kind.API_KEY, changed)


@given(st.text(max_size=60) | st.from_regex(r"assayk_[0-9A-Za-z]{38}", fullmatch=True))
def test_texts_without_the_checksum_are_no_tokens(text: str) -> None:
    assert not is_token(Kind.API_KEY, text)


def test_a_refresh_token_has_one_successor_for_each_key() -> None:
    token, (keys,), (others,) = new_token(Kind.REFRESH), keys_of(SECRET), keys_of(new_secret())
    successor = successor_of(token, keys.refresh)
    assert is_token(Kind.REFRESH, successor)
    assert successor == successor_of(token, keys.refresh)
    assert successor != successor_of(token, others.refresh)
    assert successor != successor_of(new_token(Kind.REFRESH), keys.refresh)


def test_the_digest_of_a_token_is_its_sha256() -> None:
    assert digest_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
