"""Who is asking. Every read of what a user can name takes a viewer and sees that viewer's workspace alone."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_WORKSPACE = "default"


@dataclass(frozen=True, slots=True)
class Viewer:
    """One caller: a name for the log, the workspace that it works in, and its role there."""

    name: str
    workspace: str
    role: str

    @property
    def is_administrator(self) -> bool:
        """Whether it may change what every workspace shares: the queue's pace, and what is kept how long."""
        return self.role == "administrator"


LOCAL_ADMINISTRATOR = Viewer(name="local", workspace=DEFAULT_WORKSPACE, role="administrator")
