"""The operator's commands and their arguments. This module imports none of the program, so that `--help` is quick.

The function of a command has its name, in `commands.operations`.
"""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from datetime import timedelta

MOST_SLOTS = 256
LEAST_AGE, MOST_AGE = timedelta(hours=1), timedelta(days=36_500)

OPERATIONS: Mapping[str, str] = {
    "status": "Show queued and running analyses, workers, pauses and limits.",
    "workers": "Show all registered workers, oldest first.",
    "pause": "Stop starting analyses, of one analyzer or all. Running analyses finish, new ones are queued.",
    "resume": "End the pause of the whole queue, or of one analyzer.",
    "concurrency": "Set the concurrent analyses of each worker, in total or of one analyzer.",
    "retry": "Queue a failed, canceled or timed-out analysis again, or all of a batch.",
    "cancel": "Cancel an analysis, or all unfinished items of a batch.",
    "delete": "Delete a finished analysis or batch. Its events stay in the log.",
    "cleanup": "Delete data older than ASSAY_KEEP_ANALYSES_DAYS and ASSAY_KEEP_EVENTS_DAYS, or than --older-than.",
}
# The settings that these commands also have as options.
OPERATION_SETTINGS = frozenset({"data_dir", "database_url"})


def add_arguments(parser: ArgumentParser, command: str) -> None:
    """Add a command's arguments other than settings, named as its function's parameters."""
    if command in ("pause", "resume", "concurrency"):
        parser.add_argument("analyzer", metavar="ANALYZER", nargs="?", help="this analyzer only; without it, all")
    if command == "concurrency":
        parser.add_argument("slots", metavar="N", type=slots, help=f"1 to {MOST_SLOTS}, or `default`")
    if command in ("retry", "cancel", "delete"):
        parser.add_argument("subject", metavar="ID", help="analysis_… or batch_…")
    if command == "cleanup":
        about = "minimum age, in place of the settings: 30d is thirty days, 12h is twelve hours"
        parser.add_argument("--older-than", metavar="AGE", type=age, help=about)
        parser.add_argument("--dry-run", action="store_true", help="count the rows, and delete nothing")


def slots(text: str) -> int | None:
    """Parse a number of slots. Returns None for `default`. Raises ArgumentTypeError."""
    if text == "default":
        return None
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= MOST_SLOTS:
        raise ArgumentTypeError(f"{text!r} is neither a number from 1 to {MOST_SLOTS} nor `default`")
    return int(text)


def age(text: str) -> timedelta:
    """Parse an age in whole days or hours. Raises ArgumentTypeError."""
    match = re.fullmatch("([0-9]{1,7})([dh])", text)
    found = match and timedelta(**{"days" if match[2] == "d" else "hours": int(match[1])})
    if not found or not LEAST_AGE <= found <= MOST_AGE:
        raise ArgumentTypeError(f"{text!r} is not an age from 1h to {MOST_AGE.days}d, for example 30d or 12h")
    return found
