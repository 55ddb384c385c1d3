"""Mutations of API keys in the schema."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers import api_keys as resolve
from schema.access import VIEWER
from schema.accounts import ApiKey
from schema.common import USER_ERRORS, Info, UserError
from store.sql.viewer import Role


@strawberry.input(description="Input of createApiKey.")
class CreateApiKeyInput:
    name: str = strawberry.field(description="Name of the key.")
    role: Role | None = strawberry.field(default=Role.ANALYST, description="Role of the key in its workspace.")
    workspace_id: strawberry.ID | None = strawberry.field(
        default=None, description="Workspace of the key. Null selects the workspace of the request."
    )
    expires_at: datetime | None = strawberry.field(
        default=None,
        description=(
            "Time of expiry, at most one year after creation (`ASSAY_KEY_DAYS`, 365; 0 sets "
            "no limit). Null: the latest time allowed."
        ),
    )


@strawberry.type(description="Result of createApiKey.")
class CreateApiKeyPayload:
    api_key: ApiKey | None = strawberry.field(description="Created key. Null if the request was rejected.")
    key: str | None = strawberry.field(
        description="The key itself, `assayk_…`. The server returns the key only once, here."
    )
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Input of revokeApiKey.")
class RevokeApiKeyInput:
    id: strawberry.ID = strawberry.field(description="Id of the key to revoke, `apikey_…`.")


@strawberry.type(description="Result of revokeApiKey.")
class RevokeApiKeyPayload:
    api_key: ApiKey | None = strawberry.field(description="Revoked key. Null if the request was rejected.")
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.type
class ApiKeyMutation:
    @strawberry.mutation(directives=VIEWER, description="Creates an API key for the caller.")
    async def create_api_key(
        self, info: Info, input: Annotated[CreateApiKeyInput, strawberry.argument(description="Key to create.")]
    ) -> CreateApiKeyPayload:
        role = input.role or Role.ANALYST
        return await resolve.create(info.context, input.name, role, input.workspace_id, input.expires_at)

    @strawberry.mutation(
        directives=VIEWER,
        description="Revokes one of the caller's API keys. An ADMIN can revoke any key of the workspace.",
    )
    async def revoke_api_key(
        self, info: Info, input: Annotated[RevokeApiKeyInput, strawberry.argument(description="Key to revoke.")]
    ) -> RevokeApiKeyPayload:
        return await resolve.revoke(info.context, input.id)
