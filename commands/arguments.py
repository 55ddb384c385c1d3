"""The operator's commands and their arguments. Loads nothing of the program, so that `--help` is quick.

What each does is the function of its name in `commands.operations`.
"""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from datetime import timedelta

MOST_SLOTS = 256
LEAST_AGE, MOST_AGE = timedelta(hours=1), timedelta(days=36_500)

OPERATIONS: Mapping[str, str] = {
    "status": "Show what waits, what runs, who works, and what is paused or limited.",
    "workers": "Show every worker that has not said goodbye, oldest first.",
    "pause": "Have nothing more begin, of one analyzer or at all. What runs goes on, what is submitted waits.",
    "resume": "Take back a pause: that of the whole queue, or that of one analyzer.",
    "concurrency": "Set how many analyses each worker runs at once, or how many of them may be one analyzer's.",
    "retry": "Run a failed, canceled or timed-out analysis again, or all such items of a batch.",
    "cancel": "Take back what of an analysis or batch waits, and stop what runs.",
    "delete": "Delete an analysis or batch that has ended. Its events stay in the log.",
    "cleanup": "Delete what is older than ASSAY_KEEP_ANALYSES_DAYS and ASSAY_KEEP_EVENTS_DAYS say, or --older-than.",
}
# The settings that are options of these commands too.
OPERATION_SETTINGS = frozenset({"data_dir", "database_url"})


def add_arguments(parser: ArgumentParser, command: str) -> None:
    """What a command takes besides settings, by the names of its function's parameters."""
    if command in ("pause", "resume", "concurrency"):
        parser.add_argument("analyzer", metavar="ANALYZER", nargs="?", help="only this analyzer; all without it")
    if command == "concurrency":
        parser.add_argument("slots", metavar="N", type=slots, help=f"1 to {MOST_SLOTS}, or `default`")
    if command in ("retry", "cancel", "delete"):
        parser.add_argument("subject", metavar="ID", help="analysis_… or batch_…")
    if command == "cleanup":
        about = "what ended or happened longer ago, whatever is set: 30d is thirty days, 12h is twelve hours"
        parser.add_argument("--older-than", metavar="AGE", type=age, help=about)
        parser.add_argument("--dry-run", action="store_true", help="say what would be deleted, and delete nothing")


def slots(text: str) -> int | None:
    """A number of slots; None for `default`. Raises ArgumentTypeError."""
    if text == "default":
        return None
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= MOST_SLOTS:
        raise ArgumentTypeError(f"{text!r} is neither a number from 1 to {MOST_SLOTS} nor `default`")
    return int(text)


def age(text: str) -> timedelta:
    """An age of whole days or hours. Raises ArgumentTypeError."""
    match = re.fullmatch("([0-9]{1,7})([dh])", text)
    found = match and timedelta(**{"days" if match[2] == "d" else "hours": int(match[1])})
    if not found or not LEAST_AGE <= found <= MOST_AGE:
        raise ArgumentTypeError(f"{text!r} is no age from 1h to {MOST_AGE.days}d, such as 30d or 12h")
    return found
