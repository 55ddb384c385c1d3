"""The secret of an installation, and the keys derived from it.

`ASSAY_SECRET` may hold several, separated by commas: the first signs, and all verify. So a secret is replaced without a
sign-out: put the new one in front, and remove the old one after the lifetime of an access token.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if TYPE_CHECKING:
    from settings import Settings

SHORTEST_BYTES = 32
"""Bytes of a secret, at least: a shorter one can be guessed."""

FILE = "secret"
"""The file in the data folder that holds the secret of an installation on SQLite."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one secret. `kid` names them in tokens."""

    kid: str
    access: bytes
    """Signs access tokens."""
    refresh: bytes
    """Makes the successors of refresh tokens."""

    def __repr__(self) -> str:
        return f"Keys({self.kid})"


def new_secret() -> str:
    """Return a new secret: 43 characters with 256 random bits."""
    return secrets.token_urlsafe(32)


def read_secret(settings: Settings) -> str:
    """Return the installation's secret: `ASSAY_SECRET`, or on SQLite the content of the file in the data folder.

    Empty without either. Raises ValueError if the file can't be read.
    """
    if settings.secret or not settings.database.startswith("sqlite"):
        return settings.secret
    path = settings.data_dir / FILE
    try:
        return path.read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"The secret in {path} can't be read: {error}.") from None


def write_secret(data_dir: Path) -> bool:
    """Write a new secret to the file in the data folder, with mode 0600. Returns False if the file exists.

    Of concurrent calls, one writes the file, and no reader sees a part of it. Raises OSError.
    """
    path = data_dir / FILE
    if path.exists():
        return False
    data_dir.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=data_dir, prefix=f"{FILE}.") as part:  # with mode 0600
        part.write(new_secret().encode() + b"\n")
        part.flush()
        os.fsync(part.fileno())
        try:
            os.link(part.name, path)  # in contrast to a rename, fails if the file exists
        except FileExistsError:
            return False
    folder = os.open(data_dir, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    return True


def keys_of(setting: str) -> Sequence[Keys]:
    """Return the keys of each secret in the setting, the signing ones first. Raises ValueError for a short secret."""
    found = [each.strip() for each in setting.split(",")]
    if short := [number for number, each in enumerate(found, 1) if len(each.encode()) < SHORTEST_BYTES]:
        number = f" number {short[0]}" if len(found) > 1 else ""
        raise ValueError(f"The secret{number} has fewer than {SHORTEST_BYTES} bytes.")
    return [_keys(each.encode()) for each in dict.fromkeys(found)]


def _keys(secret: bytes) -> Keys:
    access, refresh = _derived(secret, b"access"), _derived(secret, b"refresh")
    return Keys(sha256(access).hexdigest()[:8], access, refresh)


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"assay " + purpose).derive(secret)
