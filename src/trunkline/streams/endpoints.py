# SPDX-License-Identifier: Apache-2.0
"""Where sinks deliver to: ``scheme://[user:password@]host[:port]/path``, their secrets kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from trunkline.errors import TrunklineError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Endpoint", "read_endpoint"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a sink delivers to.

    Attributes:
        scheme: In lower case.
        host: A name or an IP address, without brackets.
        port: 1 to 65535.
        user: Empty where none is given.
        password: Empty where none is given.
        path: As it was given, with its query; it may hold a token.
    """

    scheme: str
    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    path: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """The address without user, password, path and query."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def read_endpoint(text: str, ports: Mapping[str, int], *, shape: str) -> Endpoint:
    """Read an address.

    Args:
        text: The address.
        ports: The schemes that are allowed, each with its usual port.
        shape: What an address looks like, for the message.

    Raises:
        TrunklineError: It is none; the message does not quote it, for it may hold a password.
    """
    try:
        endpoint = _endpoint(text, ports)
        # What sockets and HTTP do with them, and raise no OSError where they cannot.
        endpoint.host.encode("idna")
        endpoint.path.encode("ascii")
    except (ValueError, KeyError):
        kinds = " or ".join(ports)
        raise TrunklineError(f"The {kinds} address cannot be read. It looks like {shape}") from None
    return endpoint


def _endpoint(text: str, ports: Mapping[str, int]) -> Endpoint:
    if any(ord(letter) <= 32 or ord(letter) == 127 for letter in text):
        raise ValueError
    parts = urlsplit(text)
    if not parts.hostname or parts.port == 0:
        raise ValueError
    usual = ports[parts.scheme]
    return Endpoint(
        scheme=parts.scheme,
        host=parts.hostname,
        port=parts.port or usual,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        path=parts.path + (f"?{parts.query}" if parts.query else ""),
    )
