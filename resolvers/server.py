"""The server's version, functions, missing packages and clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from resolvers.context import Services
from settings import version
from store.sql.clock import utcnow


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


@dataclass(frozen=True, slots=True)
class UnavailableAnalyzer:
    """An analyzer that lacks a package, and the command that installs the package."""

    name: str
    install: str


@dataclass(frozen=True, slots=True)
class Server:
    """The server, now."""

    version: str
    capabilities: Sequence[Capability]
    unavailable: Sequence[UnavailableAnalyzer]
    time: datetime
    public_url: str | None


def server(services: Services) -> Server:
    """Return the server's version, functions, missing packages and clock."""
    return Server(
        version=version(),
        capabilities=[each for each in Capability if each in CAPABILITIES],
        unavailable=[UnavailableAnalyzer(*each) for each in sorted(services.missing.items())],
        time=utcnow(),
        public_url=services.settings.public_url or None,
    )
