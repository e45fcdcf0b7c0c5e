# SPDX-License-Identifier: Apache-2.0
"""Taking the address to listen on, and refusing one that strangers could reach."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

from trunkline.errors import TrunklineError
from trunkline.page.loopback import is_loopback

if TYPE_CHECKING:
    from trunkline.server.keys import KeyRing

__all__ = ["address_of", "bind"]

_BACKLOG = 2048


def bind(host: str, port: int, keys: KeyRing) -> socket.socket:
    """Return a socket that listens; what connects waits until it is served.

    Args:
        host: A name or an address.
        port: 0 takes a free one.
        keys: Without a key, only this machine may be able to connect.

    Raises:
        TrunklineError: The address cannot be had, or needs a key.
    """
    family, address = _resolved(host, port)
    # asyncio sets TCP_NODELAY only on sockets that say they are TCP; without it, answers over a
    # connection that is kept wait some 40 ms for the client's acknowledgement (RFC 896).
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        _check_key(host, listener.getsockname()[0], keys)
        listener.listen(_BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - its one parameter has no name
    except OSError as error:
        listener.close()
        raise _refused(host, port, error) from error
    except TrunklineError:
        listener.close()
        raise
    return listener


def address_of(listener: socket.socket) -> str:
    """Return where a socket listens, as in a URL."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise TrunklineError(
            f"{host}: this machine has no such address ({error}); choose another with --host."
        ) from error
    # "localhost" is two addresses on most machines; clients try 127.0.0.1 in any case.
    found.sort(key=lambda each: each[0] != socket.AF_INET)
    family, _, _, _, address = found[0]
    return family, (str(address[0]), port)


def _check_key(host: str, address: str, keys: KeyRing) -> None:
    if not is_loopback(address) and not keys.required:
        raise TrunklineError(
            f"{host or address} can be reached from other machines, and {keys.path} has no key. "
            "Add one with: trunkline keys add --scope predict. Or serve this machine alone, with "
            "--host 127.0.0.1."
        )


def _refused(host: str, port: int, error: OSError) -> TrunklineError:
    match error.errno:
        case errno.EADDRINUSE:
            why = "the port is taken, perhaps by another server; choose another with --port"
        case errno.EACCES:
            why = "ports below 1024 are for the system; choose another with --port"
        case errno.EADDRNOTAVAIL:
            why = "this machine has no such address; choose another with --host"
        case _:
            why = str(error)
    return TrunklineError(f"Cannot listen on {host}:{port}: {why}.")
