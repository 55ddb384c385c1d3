"""The file descriptors of a process: the three standard ones are open, and the limit is high enough.

A process with a closed standard descriptor would open its database under that number, and print into it.
"""

from __future__ import annotations

import os
import resource
import sys
from contextlib import suppress

BASE = 160
"""Descriptors of a server or worker without slots and clients: 40 connections to a SQLite file, and the rest."""

OF_A_SLOT = 8
"""A channel, two pipes and the tickets of a sandbox process, and room for its successor's."""


def open_standard() -> None:
    """Open closed standard descriptors on /dev/null. Must run before any other file is opened."""
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", errors="backslashreplace", closefd=False))  # noqa: SIM115


def require_descriptors(slots: int, clients: int = 0) -> None:
    """Raise the soft limit of descriptors for these slots and clients, as far as the hard limit allows.

    Raises SystemExit, with a message of one line, if not even the slots have enough.
    """
    needed = BASE + OF_A_SLOT * slots
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = needed + clients if hard == resource.RLIM_INFINITY else min(needed + clients, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(ValueError, OSError):  # macOS has a lower limit than it reports
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    if soft != resource.RLIM_INFINITY and soft < needed:
        raise SystemExit(
            f"The limit of open files is {soft}: a process with {slots} workers needs {needed}. Raise it with "
            f"`ulimit -n {needed}`, LimitNOFILE of systemd or --ulimit nofile of a container."
        )
