"""The process that runs the commands of tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.commands.calls import PROMPT
from tests.support import ROOT


@pytest.fixture(scope="package")
def prompt() -> Iterator[None]:
    """The process that forks for each command."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.commands.prompt"],
        cwd=ROOT,
        env=clean | {"NO_COLOR": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        PROMPT.append(process)
        yield
        PROMPT.clear()
