"""The sandbox processes of the test's own process."""

from __future__ import annotations

import psutil


def sandbox_processes() -> list[psutil.Process]:
    """The templates of this process and all below them; servers that other tests keep have theirs below themselves."""
    templates = [each for each in psutil.Process().children() if _is_template(each)]
    return templates + [each for template in templates for each in _below(template)]


def _is_template(process: psutil.Process) -> bool:
    try:
        return "jobs.sandbox_child" in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def _below(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
