"""Administration in the schema: users, workspaces and roles."""

from __future__ import annotations

from typing import Annotated

import strawberry

from resolvers import administration as resolve
from schema.access import ADMIN, ADMINISTRATOR
from schema.accounts import Membership, User, Workspace
from schema.common import USER_ERRORS, Info, UserError
from store.access.users import NewUser, UserChanges
from store.sql.viewer import Role


@strawberry.input(description="Input of createUser.")
class CreateUserInput:
    name: str = strawberry.field(
        description="Sign-in name: 1 to 64 of the characters a-z, 0-9, `.`, `_`, `-` and `@`. Stored in lower case."
    )
    display_name: str | None = strawberry.field(default=None, description="Name for display.")
    email: str | None = strawberry.field(default=None, description="E-mail address.")
    is_administrator: bool | None = strawberry.field(
        default=False, description="Whether the user administers the whole installation."
    )
    workspace_id: strawberry.ID | None = strawberry.field(
        default=None, description="Workspace of the first membership. Null creates no membership."
    )
    role: Role | None = strawberry.field(default=Role.ANALYST, description="Role in that workspace.")


@strawberry.type(
    description="Result of createUser. The invitation is the last segment of a link, valid once and for 72 hours."
)
class CreateUserPayload:
    user: User | None = strawberry.field(description="Created user. Null if the request was rejected.")
    invitation: str | None = strawberry.field(
        description=(
            "Invitation, valid once and for 72 hours: the last segment of the invitation "
            "link. Null if the request was rejected."
        )
    )
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Input of updateUser. Omitted fields keep their values.")
class UpdateUserInput:
    id: strawberry.ID = strawberry.field(description="Id of the user to update, `user_…`.")
    display_name: str | None = strawberry.field(default=strawberry.UNSET, description="New name for display.")
    email: str | None = strawberry.field(default=strawberry.UNSET, description="New e-mail address.")
    is_active: bool | None = strawberry.field(default=strawberry.UNSET, description="Whether the user can sign in.")
    is_administrator: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether the user administers the whole installation."
    )

    def changes(self) -> UserChanges:
        """Return the given fields. A null flag counts as omitted."""
        changes: UserChanges = {}
        if self.display_name is not strawberry.UNSET:
            changes["display_name"] = self.display_name
        if self.email is not strawberry.UNSET:
            changes["email"] = self.email
        if isinstance(self.is_active, bool):
            changes["is_active"] = self.is_active
        if isinstance(self.is_administrator, bool):
            changes["is_administrator"] = self.is_administrator
        return changes


@strawberry.type(description="Result of updateUser.")
class UpdateUserPayload:
    user: User | None = strawberry.field(description="Updated user. Null if the request was rejected.")
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Input of inviteUser.")
class InviteUserInput:
    user_id: strawberry.ID = strawberry.field(description="Id of the user to invite, `user_…`.")


@strawberry.type(
    description="Result of inviteUser: a new invitation for a user with a lost password. All sessions of the user end."
)
class InviteUserPayload:
    user: User | None = strawberry.field(description="Invited user. Null if the request was rejected.")
    invitation: str | None = strawberry.field(
        description=(
            "Invitation, valid once and for 72 hours: the last segment of the invitation "
            "link. Null if the request was rejected."
        )
    )
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Input of createWorkspace.")
class CreateWorkspaceInput:
    slug: str = strawberry.field(
        description="Short name: 1 to 40 of the characters a-z, 0-9 and `-`. Unique and immutable."
    )
    name: str = strawberry.field(description="Name for display.")


@strawberry.type(description="Result of createWorkspace.")
class CreateWorkspacePayload:
    workspace: Workspace | None = strawberry.field(description="Created workspace. Null if the request was rejected.")
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Input of deleteWorkspace.")
class DeleteWorkspaceInput:
    id: strawberry.ID = strawberry.field(description="Id of the workspace to delete, `workspace_…`.")
    slug: str = strawberry.field(description="Slug of the workspace, as a confirmation.")


@strawberry.type(description="Result of deleteWorkspace.")
class DeleteWorkspacePayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        description="Id of the deleted workspace. Null if the request was rejected."
    )
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Input of setRole. A null role removes the membership.")
class SetRoleInput:
    workspace_id: strawberry.ID = strawberry.field(description="Id of the workspace, `workspace_…`.")
    user_id: strawberry.ID = strawberry.field(description="Id of the user, `user_…`.")
    role: Role | None = strawberry.field(default=None, description="New role. Null removes the membership.")


@strawberry.type(description="Result of setRole.")
class SetRolePayload:
    membership: Membership | None = strawberry.field(
        description="Membership with the new role. Null if the membership was removed or the request was rejected."
    )
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.type
class AdministrationMutation:
    @strawberry.mutation(directives=ADMINISTRATOR, description="Creates a user and an invitation. Administrators only.")
    async def create_user(
        self, info: Info, input: Annotated[CreateUserInput, strawberry.argument(description="User to create.")]
    ) -> CreateUserPayload:
        new = NewUser(
            name=input.name,
            display_name=input.display_name,
            email=input.email,
            is_administrator=bool(input.is_administrator),
        )
        return await resolve.create(info.context, new, input.workspace_id, input.role or Role.ANALYST)

    @strawberry.mutation(directives=ADMINISTRATOR, description="Changes a user. Administrators only.")
    async def update_user(
        self, info: Info, input: Annotated[UpdateUserInput, strawberry.argument(description="User and changes.")]
    ) -> UpdateUserPayload:
        return await resolve.update(info.context, input.id, input.changes())

    @strawberry.mutation(
        directives=ADMINISTRATOR,
        description=(
            "Creates a new invitation for a user with a lost password. All sessions of the "
            "user end. Administrators only."
        ),
    )
    async def invite_user(
        self, info: Info, input: Annotated[InviteUserInput, strawberry.argument(description="User to invite.")]
    ) -> InviteUserPayload:
        return await resolve.invite(info.context, input.user_id)

    @strawberry.mutation(directives=ADMINISTRATOR, description="Creates a workspace. Administrators only.")
    async def create_workspace(
        self,
        info: Info,
        input: Annotated[CreateWorkspaceInput, strawberry.argument(description="Workspace to create.")],
    ) -> CreateWorkspacePayload:
        return await resolve.create_place(info.context, input.slug, input.name)

    @strawberry.mutation(directives=ADMINISTRATOR, description="Deletes a workspace. Administrators only.")
    async def delete_workspace(
        self,
        info: Info,
        input: Annotated[DeleteWorkspaceInput, strawberry.argument(description="Workspace to delete.")],
    ) -> DeleteWorkspacePayload:
        return await resolve.delete_place(info.context, input.id, input.slug)

    @strawberry.mutation(
        directives=ADMIN,
        description=(
            "Sets or removes the role of a user in a workspace. The last ADMIN of a workspace cannot be removed."
        ),
    )
    async def set_role(
        self, info: Info, input: Annotated[SetRoleInput, strawberry.argument(description="Workspace, user and role.")]
    ) -> SetRolePayload:
        return await resolve.set_member(info.context, input.workspace_id, input.user_id, input.role)
