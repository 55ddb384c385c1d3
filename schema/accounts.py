"""Users, workspaces, memberships, API keys and sign-in sessions in the schema, and the caller."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers import accounts as resolve
from resolvers.paging import page_request
from schema.access import ADMIN, ADMINISTRATOR, ANONYMOUS, VIEWER
from schema.common import Connection, Info, Node, after_of, before_of, first_of, last_of
from store.sql.viewer import Role
from store.sql.viewer import Viewer as ViewerValue
from store.tables import ApiKeyRow, MembershipRow, SignInRow, UserRow, WorkspaceRow


@strawberry.type(description="A user account.")
class User(Node):
    id: strawberry.ID = strawberry.field(description="Global id, `user_…`.")
    name: str = strawberry.field(
        description=(
            "Sign-in name: 1 to 64 of the characters a-z, 0-9, `.`, `_`, `-` and `@`. Stored in lower case. Unique and "
            "never reused."
        )
    )
    display_name: str | None = strawberry.field(description="Name for display. Null if not set.")

    @strawberry.field(
        description=(
            "E-mail address. Null except for the user, an ADMIN of a shared workspace, and administrators; null for "
            "them too if not set. The server sends no mail."
        )
    )
    async def email(root: strawberry.Parent[UserRow], info: Info) -> str | None:
        return await resolve.email_of(info.context, root)

    is_administrator: bool = strawberry.field(
        description=(
            "Whether the user administers the whole installation: users, workspaces, and queue pause and concurrency."
        )
    )
    is_active: bool = strawberry.field(description="Whether the user can sign in.")
    issuer: str | None = strawberry.field(
        description="External token issuer of the user. Null for a user with a local password."
    )
    created_at: datetime = strawberry.field(description="Time of creation.")
    last_sign_in_at: datetime | None = strawberry.field(
        description="Time of the last sign-in. Null before the first sign-in."
    )

    @strawberry.field(description="Memberships of the user that are visible to the caller, at most 100, oldest first.")
    async def memberships(root: strawberry.Parent[UserRow], info: Info) -> list[Membership]:
        return await resolve.memberships(info.context, root.id)


@strawberry.type(description="A workspace: the tenant that owns analyses, files, models and conversations.")
class Workspace(Node):
    id: strawberry.ID = strawberry.field(description="Global id, `workspace_…`.")
    slug: str = strawberry.field(
        description=(
            "Short name: 1 to 40 of the characters a-z, 0-9 and `-`. Unique and immutable. Selects the workspace in "
            "the `X-Assay-Workspace` header."
        )
    )
    name: str = strawberry.field(description="Name for display.")
    created_at: datetime = strawberry.field(description="Time of creation.")

    @strawberry.field(directives=VIEWER, description="Members of the workspace.")
    async def members(
        root: strawberry.Parent[WorkspaceRow],
        info: Info,
        first: Annotated[int | None, first_of("members")] = None,
        after: Annotated[str | None, after_of("members")] = None,
        last: Annotated[int | None, last_of("members")] = None,
        before: Annotated[str | None, before_of("members")] = None,
    ) -> Connection[Membership]:
        return await resolve.members(info.context, root, page_request(first, after, last, before))

    @strawberry.field(directives=ADMIN, description="API keys of the workspace. Null for callers below the role ADMIN.")
    async def api_keys(
        root: strawberry.Parent[WorkspaceRow],
        info: Info,
        first: Annotated[int | None, first_of("API keys")] = None,
        after: Annotated[str | None, after_of("API keys")] = None,
        last: Annotated[int | None, last_of("API keys")] = None,
        before: Annotated[str | None, before_of("API keys")] = None,
    ) -> Connection[ApiKey] | None:
        return await resolve.api_keys(info.context, root, page_request(first, after, last, before))


@strawberry.type(description="Membership of a user in a workspace.")
class Membership(Node):
    id: strawberry.ID = strawberry.field(description="Global id, `membership_…`.")

    @strawberry.field(description="The member.")
    async def user(root: strawberry.Parent[MembershipRow], info: Info) -> User:
        return await resolve.user_of(info.context, root.user_id)

    @strawberry.field(description="The workspace.")
    async def workspace(root: strawberry.Parent[MembershipRow], info: Info) -> Workspace:
        return await resolve.workspace_of(info.context, root.workspace)

    role: Role = strawberry.field(description="Role of the user in the workspace.")
    created_at: datetime = strawberry.field(description="Time of creation.")


@strawberry.type(description="An API key of a workspace. An API key cannot create keys, change a password or sign out.")
class ApiKey(Node):
    id: strawberry.ID = strawberry.field(description="Global id, `apikey_…`.")
    name: str = strawberry.field(description="Name chosen by the creator.")
    start: str = strawberry.field(description="First twelve characters of the key, for identification.")
    role: Role = strawberry.field(description="Role of the key in its workspace.")

    @strawberry.field(description="Workspace of the key. The key gives access to no other workspace.")
    async def workspace(root: strawberry.Parent[ApiKeyRow], info: Info) -> Workspace:
        return await resolve.workspace_of(info.context, root.workspace)

    @strawberry.field(description="Creator of the key.")
    async def created_by(root: strawberry.Parent[ApiKeyRow], info: Info) -> User:
        return await resolve.user_of(info.context, root.created_by)

    created_at: datetime = strawberry.field(description="Time of creation.")
    expires_at: datetime | None = strawberry.field(description="Time of expiry. Null if the key never expires.")
    last_used_at: datetime | None = strawberry.field(
        description="Time of the last use, accurate to one minute. Null before the first use."
    )
    revoked_at: datetime | None = strawberry.field(description="Time of revocation. Null if the key is not revoked.")


@strawberry.type(
    description=(
        "A sign-in session: the refresh tokens of one signed-in browser or program. Reuse of an old refresh token ends "
        "the session."
    )
)
class SignInSession(Node):
    id: strawberry.ID = strawberry.field(description="Global id, `signin_…`.")

    @strawberry.field(description="User of the session.")
    async def user(root: strawberry.Parent[SignInRow], info: Info) -> User:
        return await resolve.user_of(info.context, root.user_id)

    created_at: datetime = strawberry.field(description="Time of the sign-in.")
    last_used_at: datetime = strawberry.field(description="Time of the last use.")
    expires_at: datetime = strawberry.field(
        description="Time of expiry: after 14 days without use, and at most 30 days after the sign-in."
    )
    address: str | None = strawberry.field(description="IP address of the client. Null if unknown.")
    user_agent: str | None = strawberry.field(description="User-Agent header of the client. Null if unknown.")

    @strawberry.field(description="Whether the request belongs to this session.")
    def is_current(root: strawberry.Parent[SignInRow], info: Info) -> bool:
        return root.id == info.context.viewer.credential_id


@strawberry.type(description="The caller of the request, with workspace and permissions.")
class Viewer:
    name: str = strawberry.field(description="Name of the caller.")

    @strawberry.field(
        description="User account of the caller. Null if the caller has none, for example on an open server."
    )
    async def user(root: strawberry.Parent[ViewerValue], info: Info) -> User | None:
        return None if root.user_id is None else await resolve.user_of(info.context, root.user_id)

    @strawberry.field(description="API key of the request. Null if the caller uses another credential.")
    async def api_key(root: strawberry.Parent[ViewerValue], info: Info) -> ApiKey | None:
        return await resolve.api_key(info.context)

    @strawberry.field(
        description=(
            "Workspace of the request: the workspace named in `X-Assay-Workspace`, or else the first workspace of the "
            "credential. An API key always uses its own workspace."
        )
    )
    async def workspace(root: strawberry.Parent[ViewerValue], info: Info) -> Workspace:
        return await resolve.workspace_of(info.context, root.workspace)

    role: Role = strawberry.field(description="Role of the caller in this workspace.")
    is_administrator: bool = strawberry.field(description="Whether the caller administers the whole installation.")

    @strawberry.field(
        description=(
            "Whether the caller is signed in. False on an open server: every caller is then the local administrator."
        )
    )
    def is_signed_in(root: strawberry.Parent[ViewerValue]) -> bool:
        return root.user_id is not None

    @strawberry.field(description="Memberships of the caller, at most 100, oldest first.")
    async def memberships(root: strawberry.Parent[ViewerValue], info: Info) -> list[Membership]:
        return [] if root.user_id is None else await resolve.memberships(info.context, root.user_id)

    @strawberry.field(description="Sign-in sessions of the caller, at most 100, last used first.")
    async def sessions(root: strawberry.Parent[ViewerValue], info: Info) -> list[SignInSession]:
        return await resolve.sessions(info.context)

    @strawberry.field(
        description="API keys of the caller, at most 100, newest first. Excludes the keys of other members."
    )
    async def api_keys(root: strawberry.Parent[ViewerValue], info: Info) -> list[ApiKey]:
        return await resolve.own_api_keys(info.context, root)


@strawberry.type
class AccountQuery:
    @strawberry.field(
        directives=ANONYMOUS,
        description=("Returns the caller: on an open server, the local administrator. Null if nobody is signed in."),
    )
    async def viewer(self, info: Info) -> Viewer | None:
        return resolve.viewer(info.context)

    @strawberry.field(directives=ADMINISTRATOR, description="Lists all users. Administrators only.")
    async def users(
        self,
        info: Info,
        first: Annotated[int | None, first_of("users")] = None,
        after: Annotated[str | None, after_of("users")] = None,
        last: Annotated[int | None, last_of("users")] = None,
        before: Annotated[str | None, before_of("users")] = None,
    ) -> Connection[User]:
        return await resolve.users(info.context, page_request(first, after, last, before))

    @strawberry.field(directives=VIEWER, description="Lists the workspaces of the caller.")
    async def workspaces(
        self,
        info: Info,
        first: Annotated[int | None, first_of("workspaces")] = None,
        after: Annotated[str | None, after_of("workspaces")] = None,
        last: Annotated[int | None, last_of("workspaces")] = None,
        before: Annotated[str | None, before_of("workspaces")] = None,
    ) -> Connection[Workspace]:
        return await resolve.workspaces(info.context, page_request(first, after, last, before))

    @strawberry.field(
        directives=VIEWER,
        description=(
            "Returns a workspace by id or slug. Null if the workspace does not exist or is not visible to the caller."
        ),
    )
    async def workspace(
        self,
        info: Info,
        id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Id of the workspace, `workspace_…`.")
        ] = None,
        slug: Annotated[str | None, strawberry.argument(description="Slug of the workspace.")] = None,
    ) -> Workspace | None:
        return await resolve.workspace(info.context, id, slug)
