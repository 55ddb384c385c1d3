"""Passwords: rules, encoding, and the number of callers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import process_time

import pytest

from access.passwords import (
    LONGEST,
    SHORTEST,
    THREADS,
    WAITING,
    Passwords,
    TooManyPasswords,
    UnusablePassword,
    Verified,
)

PASSWORD = "correct horse battery"


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    made = Passwords(memory=1_024, passes=1, lanes=1)
    yield made
    made.close()


async def test_a_password_is_recognized(passwords: Passwords) -> None:
    encoded = await passwords.encode(PASSWORD)
    assert encoded.startswith("$argon2id$v=19$m=1024,t=1,p=1$")
    assert PASSWORD not in encoded
    assert await passwords.verify(PASSWORD, encoded) == Verified(True)
    assert await passwords.verify(PASSWORD + " ", encoded) == Verified(False)
    assert await passwords.encode(PASSWORD) != encoded, "each has its own salt"


async def test_the_two_forms_of_an_accent_are_one_password(passwords: Passwords) -> None:
    encoded = await passwords.encode("une clé très sûre")
    assert (await passwords.verify("une cle\u0301 tre\u0300s su\u0302re", encoded)).right


async def test_a_raised_cost_gives_a_new_form(passwords: Passwords) -> None:
    encoded = await passwords.encode(PASSWORD)
    stronger = Passwords(memory=2_048, passes=2, lanes=1)
    try:
        right, new = await stronger.verify(PASSWORD, encoded)
        assert right
        assert new is not None
        assert new.startswith("$argon2id$v=19$m=2048,t=2,p=1$")
        assert await stronger.verify(PASSWORD, new) == Verified(True)
        assert await stronger.verify("another password", encoded) == Verified(False)
    finally:
        stronger.close()


@pytest.mark.parametrize("encoded", [None, "", "plain text", "$2b$12$abc", "$argon2id$v=19$m=1024,t=1,p=1$broken"])
async def test_nobody_has_no_password(passwords: Passwords, encoded: str | None) -> None:
    assert await passwords.verify(PASSWORD, encoded) == Verified(False)


@pytest.mark.parametrize("password", ["", "x" * (SHORTEST - 1), "x" * (LONGEST + 1), "a lone \ud800 surrogate"])
async def test_unusable_passwords(passwords: Passwords, password: str) -> None:
    with pytest.raises(UnusablePassword):
        await passwords.encode(password)
    assert await passwords.verify(password, await passwords.encode(PASSWORD)) == Verified(False)


async def test_the_longest_and_the_shortest_password(passwords: Passwords) -> None:
    for length in (SHORTEST, LONGEST):
        assert (await passwords.verify("x" * length, await passwords.encode("x" * length))).right


async def test_an_overlong_password_costs_no_hash(passwords: Passwords) -> None:
    encoded = await passwords.encode(PASSWORD)
    slow = Passwords(memory=65_536, passes=3, lanes=1)
    try:
        began = process_time()
        await slow.verify("x" * 10_000_000, encoded)
        overlong = process_time() - began
        began = process_time()
        await slow.verify("x" * LONGEST, None)
        assert overlong < (process_time() - began) / 2
    finally:
        slow.close()


async def test_unknown_names_take_as_many_hashes_as_known_ones(passwords: Passwords) -> None:
    """The first check of nobody also makes the form of nobody; later ones make one hash, as for a known name."""
    hashes = []
    hasher = passwords._hashes.hashers[0]
    verify = hasher.verify
    hasher.verify = lambda *given: hashes.append(1) or verify(*given)  # type: ignore[method-assign, func-returns-value]
    encoded = await passwords.encode(PASSWORD)
    await passwords.verify("a wrong password", encoded)
    assert len(hashes) == 1
    await passwords.verify("a wrong password", None)
    assert len(hashes) == 2


async def test_the_loop_goes_on_and_callers_in_excess_are_refused() -> None:
    passwords = Passwords(memory=65_536, passes=2, lanes=1)
    try:
        callers = [asyncio.ensure_future(passwords.verify(PASSWORD, None)) for _ in range(THREADS + WAITING)]
        await asyncio.sleep(0)  # the callers begin
        assert not any(each.done() for each in callers)
        with pytest.raises(TooManyPasswords):
            await passwords.verify(PASSWORD, None)
        # A caller that leaves keeps its place until its hash ends: otherwise a flood would fill the memory.
        callers[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await callers[0]
        assert await asyncio.gather(*callers[1:]) == [Verified(False)] * (THREADS + WAITING - 1)
        assert await passwords.verify(PASSWORD, None) == Verified(False)
    finally:
        passwords.close()
