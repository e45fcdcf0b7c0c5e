# SPDX-License-Identifier: Apache-2.0
"""Which names and addresses are this machine's own, for whoever answers without a key."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

__all__ = ["host_in", "is_loopback"]


def is_loopback(host: str) -> bool:
    """Return whether an address or name, as in a URL, is this machine's own for certain."""
    bare = host.strip("[]").rstrip(".").lower()
    if bare == "localhost" or bare.endswith(".localhost"):  # RFC 6761, section 6.3
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def host_in(header: str) -> str:
    """Return the name or address in a Host header, without the port; empty where there is none."""
    try:
        return (urlsplit(f"//{header}").hostname or "").rstrip(".")
    except ValueError:
        return ""
