"""An analyzer whose analyses wait for a signal, so that a batch stays halfway on machines of any speed."""

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
    """The file to wait for."""

    text: str = Field(description="The path of a file. The analysis runs until the file exists.")


class HoldResult(Result):
    """A result without fields of its own."""


def run(request: HoldRequest, job: Job) -> HoldResult:
    while not Path(request.text).exists():
        time.sleep(0.01)
    return HoldResult(summary="Let go.")


HOLD = Analyzer(name="hold", version="1", description="Waits.", request=HoldRequest, result=HoldResult, run=run)
'''


ONE_AT_ONCE = 'mutation { setConcurrency(input: {analyzer: "hold", limit: 1}) { userErrors { message } } }'


class Hold:
    """Holds one of the two workers of later servers with `workers=2`; the other worker runs other analyses."""

    def __init__(self, folder: Path) -> None:
        self.path = install_analyzer(folder, "hold", SOURCE)
        self._file = folder / "let-go"

    def second_half_of(self, items: list[dict[str, Any]], server: Server) -> list[dict[str, Any]]:
        """Return the items with the second half replaced by held ones; the first half can end."""
        answer = post(server.url, ONE_AT_ONCE)
        assert answer == {"data": {"setConcurrency": {"userErrors": []}}}
        half = len(items) // 2
        return [*items[:half], *[{"request": {"hold": {"text": str(self._file)}}}] * (len(items) - half)]

    def let_go(self) -> None:
        self._file.touch()
