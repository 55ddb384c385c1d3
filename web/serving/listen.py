"""The listening sockets, bound before all other work: an address in use fails at once."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import ExitStack

UNREAD_MILLISECONDS = 30_000
"""Time after which the kernel drops a peer that acknowledges nothing. Its default is no limit."""

UNSENT_BYTES = 131_072
"""Unsent bytes that the kernel keeps for a slow peer. Its default is megabytes."""


class CannotListen(Exception):
    """The address can't be listened on. The message has the reason and a remedy."""


def bind(host: str, port: int, setting: str = "ASSAY_PORT") -> list[socket.socket]:
    """Bind one socket for each address of `host`, all of one port; an empty host means every address.

    `setting` is the port's, for messages.

    Raises:
        CannotListen: The port is in use, or this machine has no such address.
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
                # A name may have an address of a family that this machine lacks, like `localhost` without IPv6.
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise CannotListen(reason(host, port, error, setting)) from None
                missing = error
                continue
            sockets.append(one)
            port = one.getsockname()[1]
        if missing is not None and not sockets:
            raise CannotListen(reason(host, port, missing, setting))
        undo.pop_all()
    return sockets


def reason(host: str, port: int, error: OSError, setting: str = "ASSAY_PORT") -> str:
    """Return the message for the operator."""
    other = f"choose another with --{setting.removeprefix('ASSAY_').lower().replace('_', '-')} or {setting}"
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken: {other}."
    if error.errno == errno.EACCES:
        return f"Port {port} is not for this user: {other}, from 1024 on."
    return f"ASSAY_HOST: {host} can't be listened on: {os.strerror(error.errno or 0)}."


def _set_options(one: socket.socket) -> None:
    if os.name == "posix":  # on Windows the option lets two processes listen on one port
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if one.family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MILLISECONDS)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
