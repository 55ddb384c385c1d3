"""The viewer: the caller of an operation. Every read of a user's rows takes a viewer, and sees only its workspace."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

DEFAULT_WORKSPACE = "default"


class Role(StrEnum):
    """The role of a member in a workspace. Each includes the permissions of all roles before it."""

    VIEWER = "VIEWER"
    ANALYST = "ANALYST"
    ADMIN = "ADMIN"

    @property
    def rank(self) -> int:
        """Position in the order of roles, from 0."""
        return _ROLES.index(self)


_ROLES = list(Role)


@dataclass(frozen=True, slots=True)
class Viewer:
    """One caller: its name in logs, its workspace and its role there, and its account and credential if it has them."""

    name: str
    workspace: str
    role: Role | None
    """None without a credential."""
    is_administrator: bool = False
    """Whether the viewer may change settings shared by all workspaces: queue controls and retention."""
    user_id: str | None = None
    credential_id: str | None = None
    """The sign-in session or the API key."""

    @property
    def is_local(self) -> bool:
        """Whether this is an administrator without a credential: a caller of a server without sign-in."""
        return self.is_administrator and self.credential_id is None

    @property
    def rights(self) -> tuple[str, Role | None, bool]:
        """All that an answer to several callers of one server may depend on."""
        return self.workspace, self.role, self.is_administrator

    def without_person(self) -> Viewer:
        """Return a viewer with these rights but without the person, for answers to several callers."""
        return self if self.is_local else replace(self, name="", user_id="", credential_id="")


ANONYMOUS = Viewer("anonymous", workspace="-", role=None)
"""A caller without a credential on a server with sign-in. Nothing is in its workspace."""

LOCAL_ADMINISTRATOR = Viewer("local", DEFAULT_WORKSPACE, Role.ADMIN, is_administrator=True)
"""Each caller of a server without sign-in."""
