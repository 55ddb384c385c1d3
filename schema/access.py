"""The permission that each field requires, as the directive `@access`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import strawberry
from graphql import GraphQLField
from strawberry import UNSET
from strawberry.schema_directive import Location

from execution.access import FieldRule
from execution.errors import ClientError, ErrorCode
from execution.strawberry_parts import definition_of
from resolvers.context import Context
from schema.scalars import describe
from store.sql.viewer import Role

describe(
    Role,
    "Role of a member in a workspace. Each role includes the permissions of all roles before it.",
    {
        "VIEWER": "Reads and subscribes.",
        "ANALYST": (
            "Reads, subscribes, submits, cancels, retries and deletes work, uploads files, trains models and chats."
        ),
        "ADMIN": (
            "All permissions of ANALYST. Manages members, webhooks and all API keys of the workspace, and reads its "
            "audit log."
        ),
    },
)


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    description=(
        "Declares the permission that a field requires. The schema test fails for a root field without this directive."
    ),
)
class Access:
    role: Role | None = strawberry.field(default=UNSET, description="Lowest sufficient role in the workspace.")
    administrator: bool | None = strawberry.field(
        default=False, description="Whether the field requires an administrator of the installation."
    )
    anonymous: bool | None = strawberry.field(
        default=False, description="Whether the field is available without a credential."
    )


def _access(**rule: Any) -> Sequence[Access]:
    """Return the directives of a field. The schema shows only the given arguments."""
    return (Access(**{name: rule.get(name, UNSET) for name in ("role", "administrator", "anonymous")}),)


ANONYMOUS = _access(anonymous=True)
VIEWER = _access(role=Role.VIEWER)
ANALYST = _access(role=Role.ANALYST)
ADMIN = _access(role=Role.ADMIN)
ADMINISTRATOR = _access(administrator=True)


_ADMINISTRATION = "ADMINISTRATOR"


def rule_of(field: GraphQLField | None) -> str | None:
    """Return the rule of a root field: a role, or the administration; None if the field is for everybody.

    Introspection and `__typename` need any credential.
    """
    given = () if field is None else definition_of(field).directives
    access = next((each for each in given if isinstance(each, Access)), VIEWER[0])
    if access.anonymous is True:
        return None
    return _ADMINISTRATION if access.administrator is True else access.role


def refuse(context: Context, rules: Sequence[FieldRule]) -> ClientError | None:
    """Return the error for a viewer who does not meet these rules; None if the viewer meets them."""
    viewer = context.viewer
    for name, rule in rules:
        if viewer.role is None:
            return ClientError(ErrorCode.UNAUTHENTICATED, f"Sign in: `{name}` needs a credential.", path=[name])
        if rule == _ADMINISTRATION:
            if not viewer.is_administrator:
                message = f"`{name}` is for administrators of the installation."
                return ClientError(ErrorCode.FORBIDDEN, message, requires=rule, path=[name])
        elif viewer.role.rank < Role(rule).rank:
            message = f"`{name}` needs the role {rule} in the workspace: yours is {viewer.role}."
            return ClientError(ErrorCode.FORBIDDEN, message, requires=rule, path=[name])
    return None
