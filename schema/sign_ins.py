"""Sign-in in the schema: sessions, passwords and invitations of the caller."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers import sign_ins as resolve
from schema.access import ANONYMOUS, VIEWER
from schema.accounts import Viewer
from schema.common import USER_ERRORS, Info, UserError


@strawberry.type(
    description=(
        "A token pair. Send the access token as `Authorization: Bearer`. The server returns the tokens only here."
    )
)
class Tokens:
    access_token: str = strawberry.field(description="Access token, a JWT valid for 15 minutes.")
    access_token_expires_at: datetime = strawberry.field(description="Expiry of the access token.")
    refresh_token: str = strawberry.field(
        description="Refresh token, `assayr_…`. Each token has one successor, returned by refreshToken."
    )
    refresh_token_expires_at: datetime = strawberry.field(
        description="Expiry of the refresh token: 14 days without use, at most 30 days after the sign-in."
    )


@strawberry.input(description="Input of signIn.")
class SignInInput:
    name: str = strawberry.field(description="Sign-in name.")
    password: str = strawberry.field(description="Password, at most 1,000 characters.")


@strawberry.type(description="Result of signIn.")
class SignInPayload:
    tokens: Tokens | None = strawberry.field(description="Tokens of the new session. Null if the sign-in failed.")
    viewer: Viewer | None = strawberry.field(description="The signed-in caller. Null if the sign-in failed.")
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Input of refreshToken.")
class RefreshTokenInput:
    refresh_token: str = strawberry.field(description="Current refresh token.")


@strawberry.type(description="Result of refreshToken.")
class RefreshTokenPayload:
    tokens: Tokens | None = strawberry.field(
        description=(
            "New token pair. A repeat within 10 seconds (default) returns the same new "
            "refresh token, if that token is still unused. Null if the token was rejected."
        )
    )
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Input of acceptInvitation.")
class AcceptInvitationInput:
    invitation: str = strawberry.field(description="Invitation from the link.")
    password: str = strawberry.field(description="New password, 12 to 1,000 characters.")


@strawberry.type(description="Result of acceptInvitation.")
class AcceptInvitationPayload:
    tokens: Tokens | None = strawberry.field(
        description="Tokens of the new session. Null if the invitation was rejected."
    )
    viewer: Viewer | None = strawberry.field(description="The signed-in caller. Null if the invitation was rejected.")
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(
    description=(
        "Input of signOut. Without `refreshToken`, the mutation ends the session of the access token in the request."
    )
)
class SignOutInput:
    refresh_token: str | None = strawberry.field(
        default=None, description="Refresh token of the session to end. Null selects the session of the access token."
    )
    everywhere: bool | None = strawberry.field(default=False, description="Whether to end all sessions of the user.")


@strawberry.type(description="Result of signOut.")
class SignOutPayload:
    signed_out: int = strawberry.field(description="Number of ended sessions.")
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Input of changePassword.")
class ChangePasswordInput:
    current_password: str = strawberry.field(description="Current password.")
    new_password: str = strawberry.field(description="New password, 12 to 1,000 characters.")


@strawberry.type(description="Result of changePassword. All other sessions of the user end.")
class ChangePasswordPayload:
    viewer: Viewer | None = strawberry.field(description="The caller. Null if the request was rejected.")
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Input of revokeSession.")
class RevokeSessionInput:
    id: strawberry.ID = strawberry.field(description="Id of the sign-in session to end, `signin_…`.")


@strawberry.type(description="Result of revokeSession.")
class RevokeSessionPayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        description="Id of the ended session. Null if the request was rejected."
    )
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.type
class SignInMutation:
    @strawberry.mutation(directives=ANONYMOUS, description="Signs in with name and password, and starts a session.")
    async def sign_in(
        self, info: Info, input: Annotated[SignInInput, strawberry.argument(description="Credentials.")]
    ) -> SignInPayload:
        return await resolve.sign_in(info.context, input.name, input.password)

    @strawberry.mutation(directives=ANONYMOUS, description="Exchanges a refresh token for a new token pair.")
    async def refresh_token(
        self,
        info: Info,
        input: Annotated[RefreshTokenInput, strawberry.argument(description="Refresh token to exchange.")],
    ) -> RefreshTokenPayload:
        return await resolve.refresh_token(info.context, input.refresh_token)

    @strawberry.mutation(
        directives=ANONYMOUS, description="Sets the password of an invited user, and signs the user in."
    )
    async def accept_invitation(
        self,
        info: Info,
        input: Annotated[AcceptInvitationInput, strawberry.argument(description="Invitation and new password.")],
    ) -> AcceptInvitationPayload:
        return await resolve.accept_invitation(info.context, input.invitation, input.password)

    @strawberry.mutation(directives=ANONYMOUS, description="Ends one session of the caller, or all of them.")
    async def sign_out(
        self, info: Info, input: Annotated[SignOutInput, strawberry.argument(description="Session to end.")]
    ) -> SignOutPayload:
        return await resolve.sign_out(info.context, input.refresh_token, everywhere=bool(input.everywhere))

    @strawberry.mutation(
        directives=VIEWER, description="Changes the caller's password. All other sessions of the user end."
    )
    async def change_password(
        self,
        info: Info,
        input: Annotated[ChangePasswordInput, strawberry.argument(description="Current and new password.")],
    ) -> ChangePasswordPayload:
        return await resolve.change_password(info.context, input.current_password, input.new_password)

    @strawberry.mutation(directives=VIEWER, description="Ends one of the caller's sign-in sessions.")
    async def revoke_session(
        self, info: Info, input: Annotated[RevokeSessionInput, strawberry.argument(description="Session to end.")]
    ) -> RevokeSessionPayload:
        return await resolve.revoke_session(info.context, input.id)
