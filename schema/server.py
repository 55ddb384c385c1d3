"""The server in the schema: version, functions, missing packages, clock."""

from __future__ import annotations

from datetime import datetime

import strawberry

from resolvers import server as resolve
from resolvers.server import Capability
from schema.access import ANONYMOUS
from schema.common import Info
from schema.scalars import describe

describe(
    Capability,
    "A function that a server can lack.",
    {
        "FILES": "Files, uploads and upload sessions.",
        "SEARCH": "Search and near-duplicates.",
        "CHAT": "Chat with a configured model.",
        "TRAINING": "Data sets, training and classification.",
        "DEVELOPMENT": "Analytics of AI-assisted development.",
        "ACCOUNTS": "Sign-in, users, workspaces and API keys.",
        "CACHE": "Result cache.",
        "WEBHOOKS": "Webhooks.",
    },
)


@strawberry.type(
    description="An analyzer without its optional packages on this server. It has no field in AnalysisRequest."
)
class UnavailableAnalyzer:
    name: str = strawberry.field(description='Name of the analyzer: "audio", "video".')
    install: str = strawberry.field(description="Command for installing the missing packages.")


@strawberry.type(
    description=(
        "Version and capabilities of the server. Pages hide functions of missing capabilities. On a server with "
        "sign-in, a caller without a credential sees only `time` and the capability ACCOUNTS."
    )
)
class Server:
    version: str | None = strawberry.field(
        description="Version of the server. Null for a caller without a credential on a server with sign-in."
    )
    capabilities: list[Capability] = strawberry.field(
        description="Installed and enabled functions of the server, in the order of the enum."
    )
    unavailable: list[UnavailableAnalyzer] = strawberry.field(
        description=("Analyzers that the server knows but cannot run for lack of a package, by name. Empty if none.")
    )
    time: datetime = strawberry.field(description="Time of the server's clock, for ages and countdowns.")
    public_url: str | None = strawberry.field(
        description="Base of absolute links, from `ASSAY_PUBLIC_URL`. Null if not set."
    )


@strawberry.type
class ServerQuery:
    @strawberry.field(
        directives=ANONYMOUS,
        description="Returns version and capabilities of the server, also to a caller without a credential.",
    )
    def server(self, info: Info) -> Server:
        return resolve.server(info.context.services, info.context.viewer)
