"""The arguments of the commands. This module imports only bounds and roles, so that `--help` is quick."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from pathlib import Path

from store.bounds import (
    DEFAULT_ATTEMPTS,
    DEFAULT_PRIORITY,
    MAX_ATTEMPTS,
    MAX_NAME,
    MAX_PRIORITY,
    MAX_REASON,
    MAX_SLOTS,
    MAX_TIMEOUT_SECONDS,
    MIN_PRIORITY,
)
from store.sql.viewer import Role

# Repeated here, because the import of the enum would take longer than all of `--help`. A test compares both.
STATUSES = ("QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELED", "TIMED_OUT")

USER_NAME_RULE = "1 to 64 of the characters a-z, 0-9, ., _, - and @"
DEFAULT_KEY_DAYS, MAX_KEY_DAYS = 365, 36_500
"""Lifetime of an API key in days."""
MAX_EMAIL = 254
"""Longest e-mail address, in characters (RFC 5321 with its erratum 1690)."""

LEAST_AGE, MOST_AGE = timedelta(hours=1), timedelta(days=36_500)


def add_analyzer(parser: ArgumentParser) -> None:
    """Add the argument of `resume`."""
    parser.add_argument("analyzer", metavar="ANALYZER", nargs="?", help="this analyzer only; without it, all")


def add_pause(parser: ArgumentParser) -> None:
    """Add the arguments of `pause`."""
    add_analyzer(parser)
    about = f"the reason, for display, 1 to {MAX_REASON} characters; an earlier pause keeps its reason"
    parser.add_argument("--reason", metavar="TEXT", type=reason, help=about)


def add_concurrency(parser: ArgumentParser) -> None:
    """Add the arguments of `concurrency`."""
    add_analyzer(parser)
    parser.add_argument("slots", metavar="N", type=slots, help=f"1 to {MAX_SLOTS}, or `default`")


def add_subject(parser: ArgumentParser) -> None:
    """Add the arguments of `retry`, `cancel` and `delete`."""
    parser.add_argument("subject", metavar="ID", help="analysis_… or batch_…")


def add_cleanup(parser: ArgumentParser) -> None:
    """Add the arguments of `cleanup`."""
    about = "minimum age, in place of the settings: 30d is thirty days, 12h is twelve hours"
    parser.add_argument("--older-than", metavar="AGE", type=age, help=about)
    parser.add_argument("--dry-run", action="store_true", help="count the rows, and delete nothing")


def add_submit(parser: ArgumentParser) -> None:
    """Add the arguments of `submit`."""
    parser.add_argument("file", metavar="FILE", help="JSON lines, each an item of batchProcess; - reads standard input")
    parser.add_argument("--analyzer", help="each line's `request` is this analyzer's input, without its name as key")
    parser.add_argument("--name", help=f"a name for the batch, 1 to {MAX_NAME} characters")
    parser.add_argument(
        "--priority",
        type=int,
        default=DEFAULT_PRIORITY,
        help=f"priority of items without one, {MIN_PRIORITY} (last) to {MAX_PRIORITY} (first); default %(default)s",
    )
    parser.add_argument(
        "--timeout-seconds",
        type=int,
        default=MAX_TIMEOUT_SECONDS,
        help=f"time for the whole batch, at most {MAX_TIMEOUT_SECONDS}; default %(default)s",
    )
    parser.add_argument(
        "--max-attempts",
        type=int,
        default=DEFAULT_ATTEMPTS,
        help=f"most attempts of an item, 1 to {MAX_ATTEMPTS}; default %(default)s",
    )
    parser.add_argument("--wait", action="store_true", help="wait until the batch has ended")


def add_export(parser: ArgumentParser) -> None:
    """Add the arguments of `export`."""
    parser.add_argument("batch_id", metavar="BATCH_ID", help="batch_…")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the file to write; default standard output")
    about = f"only items with this status; may be repeated. One of {', '.join(STATUSES)}"
    parser.add_argument("--status", action="append", default=[], help=about)
    parser.add_argument("--input", dest="with_input", action="store_true", help="include each item's input and options")


def add_backup(parser: ArgumentParser) -> None:
    """Add the arguments of `backup`."""
    parser.add_argument("file", metavar="FILE", help="the file to write; - writes to standard output")
    parser.add_argument("--force", action="store_true", help="replace an existing file")


def add_restore(parser: ArgumentParser) -> None:
    """Add the arguments of `restore`."""
    parser.add_argument("file", metavar="FILE", help="a file of `backup`; - reads standard input")


def add_schema(parser: ArgumentParser) -> None:
    """Add the arguments of `schema`."""
    about = "leave out plug-ins and single files in analyzers/, which are a user's own"
    parser.add_argument("--built-in", action="store_true", help=about)


def add_explain(parser: ArgumentParser) -> None:
    """Add the arguments of `explain`."""
    parser.add_argument("file", metavar="FILE", help="a GraphQL document; - reads standard input")
    parser.add_argument("--operation", metavar="NAME", help="the operation, if the document has several")
    about = "the variables of @skip and @include, as a JSON object; default %(default)s"
    parser.add_argument("--variables", metavar="JSON", default="{}", help=about)


def add_user(parser: ArgumentParser) -> None:
    """Add the argument of the commands for a user."""
    parser.add_argument("name", metavar="NAME", type=user_name, help=f"the user's name: {USER_NAME_RULE}")


def add_new_user(parser: ArgumentParser) -> None:
    """Add the arguments of `user create`."""
    add_user(parser)
    parser.add_argument("--administrator", action="store_true", help="let the user administer the installation")
    parser.add_argument("--display-name", metavar="TEXT", help=f"the name to show, 1 to {MAX_NAME} characters")
    parser.add_argument("--email", metavar="ADDRESS", help=f"the e-mail address, at most {MAX_EMAIL} characters")
    parser.add_argument("--workspace", metavar="SLUG", type=slug, help="make the user a member of this workspace")
    parser.add_argument("--role", metavar="ROLE", type=role, help="the role there: VIEWER, ANALYST or ADMIN")
    about = "read the password, one line, from standard input in place of the terminal"
    parser.add_argument("--password-stdin", action="store_true", help=about)


def add_seed(parser: ArgumentParser) -> None:
    """Add the argument of `seed`."""
    about = "create the users demo-viewer, demo-analyst and demo-admin, with random passwords, and two workspaces"
    parser.add_argument("--demo", action="store_true", required=True, help=about)


def add_user_role(parser: ArgumentParser) -> None:
    """Add the arguments of `user role`."""
    add_user(parser)
    parser.add_argument("workspace", metavar="WORKSPACE", type=slug, help="the workspace's slug")
    about = "VIEWER, ANALYST or ADMIN; `none` ends the membership"
    parser.add_argument("role", metavar="ROLE", type=role_or_none, help=about)


def add_user_sessions(parser: ArgumentParser) -> None:
    """Add the arguments of `user sessions`."""
    add_user(parser)
    parser.add_argument("--end", action="store_true", help="end all open sessions of the user")


def add_new_workspace(parser: ArgumentParser) -> None:
    """Add the arguments of `workspace create`."""
    parser.add_argument("slug", metavar="SLUG", type=slug, help="1 to 40 of the characters a-z, 0-9 and -")
    parser.add_argument(
        "--name", metavar="TEXT", help=f"the name to show, 1 to {MAX_NAME} characters; default the slug"
    )


def add_key_list(parser: ArgumentParser) -> None:
    """Add the arguments of `key list`."""
    parser.add_argument("--workspace", metavar="SLUG", type=slug, help="the keys of this workspace only")


def add_new_key(parser: ArgumentParser) -> None:
    """Add the arguments of `key create`."""
    parser.add_argument("name", metavar="NAME", help=f"the key's name, for display, 1 to {MAX_NAME} characters")
    about = "the user of the key, a member of the workspace or an administrator"
    parser.add_argument("--user", metavar="NAME", type=user_name, required=True, help=about)
    parser.add_argument("--workspace", metavar="SLUG", type=slug, required=True, help="the workspace of the key")
    about = "VIEWER, ANALYST or ADMIN, at most the role of the user"
    parser.add_argument("--role", metavar="ROLE", type=role, required=True, help=about)
    about = f"days until the key expires, at most {MAX_KEY_DAYS}; 0 means never; default %(default)s"
    parser.add_argument("--days", metavar="N", type=days, default=DEFAULT_KEY_DAYS, help=about)


def add_key(parser: ArgumentParser) -> None:
    """Add the argument of `key revoke`."""
    parser.add_argument("id_", metavar="ID", help="apikey_…")


def add_audit_export(parser: ArgumentParser) -> None:
    """Add the arguments of `audit export`."""
    about = "JSON lines, or CSV; default %(default)s"
    parser.add_argument("--format", dest="form", choices=("jsonl", "csv"), default="jsonl", help=about)
    parser.add_argument("--after", metavar="ID", help="only entries after this one, audit_…")
    parser.add_argument("--workspace", metavar="SLUG", type=slug, help="only entries of this workspace")


def days(text: str) -> int:
    """Parse the lifetime of a key in days. Raises ArgumentTypeError."""
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > MAX_KEY_DAYS:
        raise ArgumentTypeError(f"{text!r} is not a number from 0 to {MAX_KEY_DAYS}")
    return int(text)


def user_name(text: str) -> str:
    """Return the name of a user, in lower case. Raises ArgumentTypeError."""
    if not re.fullmatch("[a-z0-9._@-]{1,64}", text.lower()):
        raise ArgumentTypeError(f"a user's name has {USER_NAME_RULE}")
    return text.lower()


def slug(text: str) -> str:
    """Return the slug of a workspace. Raises ArgumentTypeError."""
    if not re.fullmatch("[a-z0-9-]{1,40}", text):
        raise ArgumentTypeError("a workspace's slug has 1 to 40 of the characters a-z, 0-9 and -")
    return text


def role(text: str) -> Role:
    """Parse a role, in any case. Raises ArgumentTypeError."""
    if text.upper() not in [*Role]:
        raise ArgumentTypeError(f"{text!r} is not a role: the roles are {', '.join(Role)}")
    return Role(text.upper())


def role_or_none(text: str) -> Role | None:
    """Parse a role, or `none`. Raises ArgumentTypeError."""
    return None if text.lower() == "none" else role(text)


def slots(text: str) -> int | None:
    """Parse a number of slots. Returns None for `default`. Raises ArgumentTypeError."""
    if text == "default":
        return None
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_SLOTS:
        raise ArgumentTypeError(f"{text!r} is neither a number from 1 to {MAX_SLOTS} nor `default`")
    return int(text)


def reason(text: str) -> str:
    """Return the reason for a pause. Raises ArgumentTypeError."""
    if not 1 <= len(text) <= MAX_REASON or not text.isprintable() or text.isspace():
        raise ArgumentTypeError(f"a reason has 1 to {MAX_REASON} printable characters")
    return text


def age(text: str) -> timedelta:
    """Parse an age in whole days or hours. Raises ArgumentTypeError."""
    match = re.fullmatch("([0-9]{1,7})([dh])", text)
    found = match and timedelta(**{"days" if match[2] == "d" else "hours": int(match[1])})
    if not found or not LEAST_AGE <= found <= MOST_AGE:
        raise ArgumentTypeError(f"{text!r} is not an age from 1h to {MOST_AGE.days}d, for example 30d or 12h")
    return found
