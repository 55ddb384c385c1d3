"""Progress, tables and messages of a command on the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console
    from rich.progress import Progress, Task
    from rich.table import Table


def progress_bars(console: Console) -> Progress:
    """Return progress bars that are drawn on terminals only."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        """Items per second."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.0f}/s")

    return Progress(
        TextColumn("{task.description:>8}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def table(*columns: str) -> Table:
    """Return an empty table with these columns."""
    from rich import box
    from rich.table import Table

    return Table(*columns, box=box.SIMPLE, pad_edge=False)


def show(*tables: Table) -> None:
    """Print tables. Output to a file or pipe is not cut to a terminal's width."""
    from rich.console import Console

    console = Console()
    console = console if console.is_terminal else Console(width=200)
    for each in tables:
        console.print(each)


def written(instant: datetime | None) -> str:
    """Return an instant in UTC, to the second; "never" for None."""
    return "never" if instant is None else f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def end(message: str, code: int = 1) -> NoReturn:
    """Print a message and exit with this code."""
    print(message, file=sys.stderr)
    raise SystemExit(code)
