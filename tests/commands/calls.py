"""Calls of commands, each in a process of its own. The tests use the fixture `prompt`."""

from __future__ import annotations

import asyncio
import json
import shlex
import subprocess

from server import COMMANDS

PROMPT: list[subprocess.Popen[str]] = []

ACCOUNTS = [
    name for name in COMMANDS if name.partition(" ")[0] in ("user", "workspace", "key", "audit", "seed", "check")
]
"""The commands of docs/commands.md that read the database."""


async def call(url: str, command: str, stdin: str = "", **environment: str) -> tuple[int, str, str]:
    """Run a command on this database, with this standard input; return its exit code, output and errors."""

    def ask() -> tuple[int, str, str]:
        (process,) = PROMPT
        assert process.stdin is not None
        assert process.stdout is not None
        print(
            json.dumps([shlex.split(command), {"ASSAY_DATABASE_URL": url, **environment}, stdin]),
            file=process.stdin,
            flush=True,
        )
        code, out, error = json.loads(process.stdout.readline())
        return code, out, error

    return await asyncio.to_thread(ask)


async def said(url: str, command: str, **environment: str) -> str:
    """Run a command that must succeed; return its output."""
    code, out, error = await call(url, command, **environment)
    assert (code, error) == (0, ""), (command, code, out, error)
    return out


async def refused(url: str, command: str, code: int = 1, **environment: str) -> str:
    """Run a command that must be refused; return its last line. Only a usage text may precede it."""
    found, out, error = await call(url, command, **environment)
    assert (found, out) == (code, ""), (command, found, out, error)
    assert "Traceback" not in error
    assert code == 2 or error.count("\n") == 1
    return error.splitlines()[-1]
