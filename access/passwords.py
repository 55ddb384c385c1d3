"""Passwords: argon2id by pwdlib, off the event loop.

A hash takes 64 MiB of memory and some 180 ms of CPU time by default. Two threads compute hashes, and a bounded number
of callers waits for them. A name without a password costs the same time as a wrong password.
"""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher

T = TypeVar("T")

SHORTEST, LONGEST = 12, 1_000
"""Characters of a new password, at least and at most."""

THREADS = 2
WAITING = 20
"""Most callers that wait for a thread."""


class UnusablePassword(ValueError):
    """A new password is too short, too long, or not text. The message states the rule."""


class TooManyPasswords(Exception):
    """`WAITING` callers wait already: try again in a second."""


class Verified(NamedTuple):
    """The outcome of a check: whether the password is right, and its new encoded form if the old one is outdated."""

    right: bool
    encoded: str | None = None


class Passwords:
    """Hashes and checks passwords. `memory` is in KiB; `close` must be called."""

    def __init__(self, *, memory: int = 65_536, passes: int = 3, lanes: int = 4) -> None:
        self._hashes = PasswordHash((Argon2Hasher(time_cost=passes, memory_cost=memory, parallelism=lanes),))
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._callers = 0
        self._nobody: str | None = None

    async def encode(self, password: str) -> str:
        """Return the encoded form of a new password. Raises UnusablePassword and TooManyPasswords."""
        require_usable(password)
        return await self._run(self._hashes.hash, _normal(password))

    async def verify(self, password: str, encoded: str | None) -> Verified:
        """Check a password against its encoded form, or against none in the same time. Raises TooManyPasswords."""
        if len(password) > LONGEST or not _is_text(password):
            return Verified(False)
        return await self._run(self._verify, _normal(password), encoded)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password: str, encoded: str | None) -> Verified:
        try:
            right, new = self._hashes.verify_and_update(password, encoded or self._of_nobody())
        except PwdlibError:  # of another program: nobody's password
            return Verified(False)
        return Verified(right, new) if right and encoded else Verified(False)

    def _of_nobody(self) -> str:
        if self._nobody is None:
            self._nobody = self._hashes.hash(secrets.token_urlsafe())
        return self._nobody

    async def _run(self, function: Callable[..., T], *given: str | None) -> T:
        if self._callers >= THREADS + WAITING:
            raise TooManyPasswords
        self._callers += 1
        running = asyncio.get_running_loop().run_in_executor(self._threads, function, *given)
        # A caller that leaves does not stop the thread.
        running.add_done_callback(self._ended)
        return await asyncio.shield(running)

    def _ended(self, running: asyncio.Future[Any]) -> None:
        self._callers -= 1
        if not running.cancelled():
            running.exception()


def require_usable(password: str) -> None:
    """Raise UnusablePassword for a text that can't become a password."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UnusablePassword(f"A password has {SHORTEST} to {LONGEST:,} characters.")
    if not _is_text(password):
        raise UnusablePassword("The password has a character that is not valid Unicode.")


def _is_text(password: str) -> bool:
    try:
        password.encode()
    except UnicodeEncodeError:
        return False
    return True


def _normal(password: str) -> str:
    # Keyboards and systems write an é in two ways.
    return unicodedata.normalize("NFC", password)
