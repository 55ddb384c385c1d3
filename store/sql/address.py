"""The address of a PostgreSQL server with libpq's options, as providers hand it out.

One reading serves the database, the bus and permits. asyncpg reads most options as libpq does; this module refuses the
others by name, because asyncpg would send them to PostgreSQL as settings of the session.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from sqlalchemy import URL

_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile")
_TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
# asyncpg supports neither channel binding nor encryption by GSSAPI: "prefer" then means "without", as in libpq.
_VALUES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "channel_binding": ("disable", "prefer"),
    "gssencmode": ("disable", "prefer"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "ssl_min_protocol_version": _TLS_VERSIONS,
    "ssl_max_protocol_version": _TLS_VERSIONS,
}
_FREE = ("host", "port", "user", "password", "dbname", "application_name", "connect_timeout", "options", "sslpassword")
KNOWN = tuple(sorted({*_FILES, *_VALUES, *_FREE}))
_SYSTEM = "system"
"""The value of `sslrootcert` for the certificates of the operating system (libpq 16)."""
APPLICATION = "assay"


class WrongAddress(ValueError):
    """An option of an address is unknown or invalid. The message names it, without its value."""


def connect_arguments(url: URL) -> dict[str, Any]:
    """Return the arguments of `asyncpg.connect` for this address.

    Raises:
        WrongAddress: An option is unknown, has an invalid value, or names a missing file.
    """
    options = {name: value if isinstance(value, str) else value[-1] for name, value in url.query.items()}
    if "ssl" in options:  # asyncpg's and JDBC's name
        mode = options.pop("ssl")
        options.setdefault("sslmode", {"true": "require", "false": "disable"}.get(mode, mode))
    for name, value in options.items():
        _require_valid(name, value)
    arguments: dict[str, Any] = {
        "server_settings": {"application_name": options.pop("application_name", "") or APPLICATION}
    }
    if (seconds := options.pop("connect_timeout", "")) and int(seconds) != 0:
        arguments["timeout"] = int(seconds)
    for name in ("channel_binding", "gssencmode"):
        options.pop(name, None)
    if options.get("sslrootcert") == _SYSTEM:
        if options.pop("sslmode", "verify-full") != "verify-full":
            raise WrongAddress("The option sslrootcert=system requires sslmode=verify-full.")
        del options["sslrootcert"]
        arguments["ssl"] = ssl.create_default_context()
    plain = url.set(drivername="postgresql", query=options)
    return {"dsn": plain.render_as_string(hide_password=False), **arguments}


def _require_valid(name: str, value: str) -> None:
    if name not in KNOWN:
        raise WrongAddress(f"The option {name[:100]!r} is unknown. The known ones: {', '.join(KNOWN)}.")
    if name in _VALUES and value not in _VALUES[name]:
        raise WrongAddress(f"The option {name} must be one of {', '.join(_VALUES[name])}.")
    if name == "connect_timeout" and not (value.isascii() and value.isdecimal() and len(value) <= 9):
        raise WrongAddress("The option connect_timeout must be a whole number of seconds; 0 means asyncpg's 60.")
    if name in _FILES and (name, value) != ("sslrootcert", _SYSTEM) and not Path(value).is_file():
        raise WrongAddress(f"The option {name} must name a file: there is none at {value}.")
