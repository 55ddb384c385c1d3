"""The audit log in the schema."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers import accounts
from resolvers import audit as resolve
from resolvers.paging import page_request
from schema.access import ADMIN
from schema.accounts import Workspace
from schema.common import Edge, Info, Node, PageInfo, after_of, before_of, first_of, last_of
from schema.scalars import JSON, describe
from store.access.audit import AuditFilter as FilterValue
from store.tables import AuditActorKind, AuditOutcome, AuditRow

describe(
    AuditActorKind,
    "Kind of actor in an audit entry.",
    {
        "USER": "A signed-in user.",
        "API_KEY": "An API key.",
        "COMMAND_LINE": "A `server.py` command.",
        "SYSTEM": "The server itself.",
        "ANONYMOUS": "A caller without a valid credential.",
    },
)
describe(
    AuditOutcome,
    "Outcome of an audited action.",
    {"DONE": "The action was carried out.", "REFUSED": "The action was refused."},
)


@strawberry.type(description="An entry of the audit log. Entries are append-only and kept for 365 days by default.")
class AuditEntry(Node):
    id: strawberry.ID = strawberry.field(description="Global id, `audit_…`.")
    at: datetime = strawberry.field(description="Time of the action.")
    action: str = strawberry.field(
        description=(
            "Action, in the form noun.verb: user.signed_in, apikey.created, analysis.deleted, …. docs/audit.md lists "
            "all actions."
        )
    )
    outcome: AuditOutcome = strawberry.field(description="Outcome of the action.")
    actor_kind: AuditActorKind = strawberry.field(description="Kind of actor.")
    actor_id: strawberry.ID | None = strawberry.field(description="Id of the actor. Null for an actor without an id.")
    actor_name: str = strawberry.field(description="Name of the actor at the time of the action.")

    @strawberry.field(description="Workspace of the action. Null if the action belongs to no workspace.")
    async def workspace(root: strawberry.Parent[AuditRow], info: Info) -> Workspace | None:
        return await accounts.workspace_of(info.context, root.workspace)

    subject_id: strawberry.ID | None = strawberry.field(
        description="Id of the affected object. Null if the action affects no single object."
    )
    address: str | None = strawberry.field(description="IP address of the client. Null if unknown.")
    request_id: str | None = strawberry.field(description="Id of the request. Null if the action came from no request.")

    @strawberry.field(
        description="Changes made by the action, at most 2 kB. Never contains a password, a token or an input."
    )
    def details(root: strawberry.Parent[AuditRow]) -> JSON:
        return resolve.details_of(root)


# Without a total: the log is long.
@strawberry.type(description="A page of audit entries.")
class AuditEntryConnection:
    edges: list[Edge[AuditEntry]] = strawberry.field(description="Items of the page, with cursors.")
    nodes: list[AuditEntry] = strawberry.field(description="Items of the page.")
    page_info: PageInfo = strawberry.field(description="Page information.")


@strawberry.input(description="Conditions for audit entries. An entry must match all given conditions.")
class AuditFilter:
    action: list[str] | None = strawberry.field(default=None, description="Matches entries with any of these actions.")
    actor_id: strawberry.ID | None = strawberry.field(default=None, description="Matches entries of this actor.")
    subject_id: strawberry.ID | None = strawberry.field(default=None, description="Matches entries about this object.")
    outcome: AuditOutcome | None = strawberry.field(default=None, description="Matches entries with this outcome.")
    after: datetime | None = strawberry.field(default=None, description="Matches entries after this time.")
    before: datetime | None = strawberry.field(default=None, description="Matches entries before this time.")

    def value(self) -> FilterValue:
        """Return the filter for the store."""
        return FilterValue(
            actions=None if self.action is None else frozenset(self.action),
            actor_id=self.actor_id,
            subject_id=self.subject_id,
            outcome=self.outcome,
            after=self.after,
            before=self.before,
        )


@strawberry.type
class AuditQuery:
    @strawberry.field(
        directives=ADMIN,
        description=(
            "Lists audit entries: those of the workspace for an ADMIN, those of all workspaces for an administrator."
        ),
    )
    async def audit_log(
        self,
        info: Info,
        filter: Annotated[
            AuditFilter | None, strawberry.argument(description="Conditions. All entries if omitted.")
        ] = None,
        first: Annotated[int | None, first_of("entries")] = None,
        after: Annotated[str | None, after_of("entries")] = None,
        last: Annotated[int | None, last_of("entries")] = None,
        before: Annotated[str | None, before_of("entries")] = None,
    ) -> AuditEntryConnection:
        where = FilterValue() if filter is None else filter.value()
        return await resolve.audit_log(info.context, where, page_request(first, after, last, before))
