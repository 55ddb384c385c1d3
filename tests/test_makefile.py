"""The first start: the installation shows its progress on a terminal, and nothing elsewhere."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest

from tests.support import ROOT


@pytest.mark.parametrize("on_a_terminal", [True, False])
def test_the_first_start_shows_its_progress_on_a_terminal(on_a_terminal: bool) -> None:
    master, terminal = pty.openpty()
    try:
        commands = subprocess.run(
            ["make", "--dry-run", "--always-make", "run"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=terminal if on_a_terminal else subprocess.DEVNULL,
            text=True,
            check=True,
        ).stdout
    finally:
        os.close(terminal)
        os.close(master)
    assert "about a minute, once" in commands
    installing = [line for line in commands.splitlines() if " -m pip install " in line or "uv sync " in line]
    assert len(installing) == 2
    assert [("--quiet" in line) for line in installing] == [not on_a_terminal] * 2
