"""The viewer: the caller of an operation. Every read of a user's rows takes a viewer, and sees only its workspace."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_WORKSPACE = "default"


@dataclass(frozen=True, slots=True)
class Viewer:
    """One caller: its name in logs, its workspace, and its role there."""

    name: str
    workspace: str
    role: str

    @property
    def is_administrator(self) -> bool:
        """Whether the viewer may change settings shared by all workspaces: queue controls and retention."""
        return self.role == "administrator"


LOCAL_ADMINISTRATOR = Viewer(name="local", workspace=DEFAULT_WORKSPACE, role="administrator")
