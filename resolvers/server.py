"""The server's version, functions, missing packages and clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from resolvers.context import Services
from settings import version
from store.sql.clock import utcnow
from store.sql.viewer import Viewer


class Capability(StrEnum):
    """A function that a server can lack."""

    FILES = "FILES"
    SEARCH = "SEARCH"
    CHAT = "CHAT"
    TRAINING = "TRAINING"
    DEVELOPMENT = "DEVELOPMENT"
    ACCOUNTS = "ACCOUNTS"
    CACHE = "CACHE"
    WEBHOOKS = "WEBHOOKS"


# The functions of this program. A function of this enum is added here with its first release.
CAPABILITIES: frozenset[Capability] = frozenset()
ACCOUNTS_ALONE = (Capability.ACCOUNTS,)


@dataclass(frozen=True, slots=True)
class UnavailableAnalyzer:
    """An analyzer that lacks a package, and the command that installs the package."""

    name: str
    install: str


@dataclass(frozen=True, slots=True)
class Server:
    """The server, now."""

    version: str | None
    capabilities: Sequence[Capability]
    unavailable: Sequence[UnavailableAnalyzer]
    time: datetime
    public_url: str | None


def server(services: Services, viewer: Viewer) -> Server:
    """Return the server's version, functions, missing packages and clock. Without a credential, only the clock.

    A closed server, on which callers have a credential or none, has accounts.
    """
    if viewer.role is None:
        return Server(version=None, capabilities=ACCOUNTS_ALONE, unavailable=[], time=utcnow(), public_url=None)
    present = CAPABILITIES if viewer.credential_id is None else CAPABILITIES | {Capability.ACCOUNTS}
    return Server(
        version=version(),
        capabilities=[each for each in Capability if each in present],
        unavailable=[UnavailableAnalyzer(*each) for each in sorted(services.missing.items())],
        time=utcnow(),
        public_url=services.settings.public_url or None,
    )
