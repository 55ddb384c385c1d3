"""An analyzer whose analyses run until they are let go: a batch stands in the middle of its run, on any machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support import Server, install_analyzer, post

SOURCE = '''
import time
from pathlib import Path

from analyzers.base import Analyzer, Job, Request, Result
from pydantic import Field


class HoldRequest(Request):
    """What to wait for."""

    text: str = Field(description="A file: it runs until there is one.")


class HoldResult(Result):
    """Nothing more."""


def run(request: HoldRequest, job: Job) -> HoldResult:
    while not Path(request.text).exists():
        time.sleep(0.01)
    return HoldResult(summary="Let go.")


HOLD = Analyzer(name="hold", version="1", description="Waits.", request=HoldRequest, result=HoldResult, run=run)
'''


ONE_AT_ONCE = 'mutation { setConcurrency(input: {analyzer: "hold", limit: 1}) { userErrors { message } } }'


class Hold:
    """Of the servers that are started after it, with `workers=2`: one is held, the other goes on with other work."""

    def __init__(self, folder: Path) -> None:
        self.path = install_analyzer(folder, "hold", SOURCE)
        self._file = folder / "let-go"

    def second_half_of(self, items: list[dict[str, Any]], server: Server) -> list[dict[str, Any]]:
        """These items, of which the second half is held: the first ends, whatever the machine."""
        answer = post(server.url, ONE_AT_ONCE)
        assert answer == {"data": {"setConcurrency": {"userErrors": []}}}
        half = len(items) // 2
        return [*items[:half], *[{"request": {"hold": {"text": str(self._file)}}}] * (len(items) - half)]

    def let_go(self) -> None:
        self._file.touch()
