"""Classification of database errors: a fault of the statement, or of the moment."""

from __future__ import annotations

import socket
import sqlite3

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# PostgreSQL's classes of SQLSTATE (appendix A): data exception, integrity violation, program limit exceeded.
_LASTING = ("22", "23", "54")


def may_pass(error: BaseException) -> bool:
    """Whether the same statement may succeed later: a lock, a lost connection, a full disk, a deadlock."""
    if isinstance(error, OSError | PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError) or isinstance(error, DataError | IntegrityError):
        return False
    return not str(getattr(error.orig, "sqlstate", None) or "").startswith(_LASTING)


# Lost connection, deadlock, insufficient resources, lock not available, server stops or starts.
_MOMENTARY = ("08", "40", "53", "55P03", "57P")
# Object not in the required state: while connecting, a database that refuses connections for now.
_WRONG_STATE = "55000"
_DISK_FULL = "53100"
_TOO_MANY = "53300"
_NO_PRIVILEGE = "42501"
_PROTOCOL = "08P01"
# PgBouncer 1.18 gives its refusal the code of a protocol violation.
_TOO_MANY_CLIENTS = "no more connections allowed"


def is_full(error: BaseException) -> bool:
    """Whether the database's disk is full."""
    return _sqlite_code(error) == sqlite3.SQLITE_FULL or _sqlstate(error) == _DISK_FULL


def is_too_many(error: BaseException) -> bool:
    """Whether PostgreSQL or PgBouncer refuses a further connection, and would accept one in place of another."""
    return _sqlstate(error) == _TOO_MANY or (_sqlstate(error) == _PROTOCOL and _TOO_MANY_CLIENTS in str(error))


def is_forbidden(error: BaseException) -> bool:
    """Whether the role, or the mode of a SQLite file, does not allow the statement."""
    return _sqlstate(error) == _NO_PRIVILEGE or _sqlite_code(error) == sqlite3.SQLITE_READONLY


def is_out_of_reach(error: BaseException) -> bool:
    """Whether the database is locked, busy, silent or gone. A subset of `may_pass`: no statement is at fault."""
    if isinstance(error, ConnectionError | TimeoutError | socket.gaierror | PoolTimeoutError):
        return True
    if isinstance(error, DBAPIError):
        is_connecting = error.statement is None
        if error.connection_invalidated or (is_connecting and _sqlstate(error) == _WRONG_STATE):
            return True
    return _sqlite_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or _sqlstate(error).startswith(
        _MOMENTARY
    )


def _sqlite_code(error: BaseException) -> int | None:
    """Return SQLite's primary result code."""
    code = getattr(error.orig, "sqlite_errorcode", None) if isinstance(error, DBAPIError) else None
    return None if code is None else code & 0xFF


def _sqlstate(error: BaseException) -> str:
    """Return PostgreSQL's SQLSTATE. Errors of connecting come unwrapped from the driver."""
    orig = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(orig, "sqlstate", None) or "")
