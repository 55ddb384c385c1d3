"""The socket to listen on, bound before anything else is done: an address that is taken is found out at once."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import ExitStack

UNREAD_MILLISECONDS = 30_000
"""A peer that takes nothing more is cut off after so long, in place of never."""

UNSENT_BYTES = 131_072
"""What the kernel keeps for a peer that takes nothing more, aside from what is on its way, in place of megabytes."""


class CannotListen(Exception):
    """Why not, and what would do, for the operator."""


def bind(host: str, port: int) -> list[socket.socket]:
    """Bound sockets, one for each address of `host`, all of one port; an empty host means every address.

    Raises:
        CannotListen: The port is taken, or the address is not one of this machine's.
    """
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise CannotListen(f"ASSAY_HOST: {host} can't be listened on: {error.strerror}.") from None
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    with ExitStack() as undo:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            try:
                one = undo.enter_context(socket.socket(family, kind, protocol))
                _set_options(one)
                one.bind((address[0], port, *address[2:]))
            except OSError as error:
                # A name such as `localhost` may have an address of a kind that this machine does without.
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise CannotListen(reason(host, port, error)) from None
                missing = error
                continue
            sockets.append(one)
            port = one.getsockname()[1]
        if missing is not None and not sockets:
            raise CannotListen(reason(host, port, missing))
        undo.pop_all()
    return sockets


def reason(host: str, port: int, error: OSError) -> str:
    """What to tell the operator of this error."""
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken: choose another with --port or ASSAY_PORT."
    if error.errno == errno.EACCES:
        return f"Port {port} is not for this user: choose another with --port or ASSAY_PORT, from 1024 on."
    return f"ASSAY_HOST: {host} can't be listened on: {os.strerror(error.errno or 0)}."


def _set_options(one: socket.socket) -> None:
    if os.name == "posix":  # elsewhere it would let two listen on one port
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if one.family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MILLISECONDS)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
