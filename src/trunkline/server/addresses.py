# SPDX-License-Identifier: Apache-2.0
"""Which addresses of the internet protocol are anyone's, and which are inside some network."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

__all__ = ["is_public"]

# IANA's registry of special-purpose IPv4 addresses. Listed here, and not left to
# ``ipaddress.is_global``, whose list is another in every release of Python.
_CLOSED = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by a carrier's customers; also a cloud's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host, as its virtual machines see it
        "169.254.0.0/16",  # link-local; also most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4, withdrawn
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# Everything else of IPv6 is loopback, private, link-local, multicast or not given out.
_GIVEN_OUT = IPv6Network("2000::/3")
_CLOSED_6 = tuple(
    IPv6Network(each)
    for each in (
        "2001::/23",  # protocol assignments, Teredo's tunnels among them
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the IPv4 address is in the last 32 bits


def is_public(address: str) -> bool:
    """Return whether an address is one of the public internet.

    An IPv6 address that leads to an IPv4 one (mapped, 6to4, NAT64) is what that one is.

    Args:
        address: A numeric address; anything else is not public.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv4Address):
        return not any(found in network for network in _CLOSED)
    inner = _inner(found)
    if inner is not None:
        return is_public(str(inner))
    return found in _GIVEN_OUT and not any(found in network for network in _CLOSED_6)


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
