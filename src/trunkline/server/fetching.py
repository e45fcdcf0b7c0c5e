# SPDX-License-Identifier: Apache-2.0
"""Getting a picture from an address that a request names, without lending out this machine.

Whoever may ask for a prediction must not be able to reach what only this machine can reach. So the
host's name is resolved once, every address found must be public, and the connection goes to an
address that was checked, not to the name: a second answer of the name server changes nothing.
Each redirect begins anew. Proxies, cookies and credentials are not used.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import h11

from trunkline.server.addresses import is_public
from trunkline.server.faults import BadRequestError, BusyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from trunkline.server.settings import FetchSettings

    Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

__all__ = ["Fetcher"]

_PORTS = {"http": 80, "https": 443}
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MOST_AT_ONCE = 16  # each may hold a whole picture
_CHUNK = 65_536
_HOST = re.compile(r"[a-z0-9._:-]+")
# What may stand in a path or a query as it is (RFC 3986); "%" because it is quoted already.
_PLAIN = "/?%:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class _Target:
    scheme: str
    host: str
    port: int
    path: str
    trusted: bool


class Fetcher:
    """Gets pictures from addresses.

    Args:
        settings: Whether, from where, how much, how long. A host of ``settings.hosts`` is an
            operator's own choice and may be private; it stands there as ``host`` for ports 80 and
            443, or as ``host:port``. Where there are any, no other host is asked.
        resolve: Returns the addresses of a host, given its name and port.
    """

    def __init__(self, settings: FetchSettings, *, resolve: Resolve | None = None) -> None:
        self._settings = settings
        self._hosts = frozenset(re.sub(r"[\[\]]", "", host).lower() for host in settings.hosts)
        self._resolve = resolve or _resolve
        self._running = 0

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()  # reads all certificates: not before the first use

    async def fetch(self, url: str) -> bytes:
        """Return what is at an address.

        Args:
            url: With ``http`` or ``https``.

        Raises:
            BadRequestError: The server does not fetch; the address is not one it asks, does not
                answer with 200, or takes too long or holds too much.
            BusyError: Too many are being fetched.
        """
        if not self._settings.allowed:
            raise BadRequestError(
                "This server does not fetch pictures by url: send the picture itself, or have the "
                "server's operator set fetch.allowed.",
                code="BadRequestOperationNotSupported",
            )
        if self._running >= _MOST_AT_ONCE:
            raise BusyError("Too many pictures are being fetched; try again.", retry_after=1)
        self._running += 1
        try:
            async with asyncio.timeout(self._settings.seconds):
                return await self._follow(url)
        except TimeoutError as error:
            raise _refusal(
                f"it did not answer within {self._settings.seconds:g} seconds"
            ) from error
        except (OSError, h11.ProtocolError) as error:
            raise _refusal(
                f"it cannot be reached, or does not speak HTTP ({type(error).__name__})"
            ) from error
        finally:
            self._running -= 1

    async def _follow(self, url: str) -> bytes:
        for _ in range(self._settings.redirects + 1):
            answer = await self._ask(self._target(url))
            if isinstance(answer, bytes):
                return answer
            url = _joined(url, answer)
        raise _refusal(f"it redirects more than {self._settings.redirects} times")

    def _target(self, url: str) -> _Target:
        """Take an address apart, and refuse one that no connection should be made for."""
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS.get(parts.scheme, 0)
            host = (parts.hostname or "").rstrip(".").encode("idna").decode().lower()
        except ValueError as error:  # UnicodeError among them
            raise _refusal("it is not in form") from error
        if parts.scheme not in _PORTS:
            raise _refusal("only http and https addresses are fetched")
        if not _HOST.fullmatch(host):
            raise _refusal("it names no host")
        if parts.username is not None or parts.password is not None:
            raise _refusal("it holds a user's name or password")
        trusted = self._is_trusted(host, port)
        if not trusted and port not in _PORTS.values():
            raise _refusal(f"port {port} is not fetched from, only 80 and 443")
        return _Target(parts.scheme, host, port, _path(parts), trusted)

    def _is_trusted(self, host: str, port: int) -> bool:
        if not self._hosts:
            return False
        if f"{host}:{port}" in self._hosts or (host in self._hosts and port in _PORTS.values()):
            return True
        raise _refusal(
            f"{host}:{port} is not among the hosts that the server's operator has listed"
        )

    async def _ask(self, target: _Target) -> bytes | str:
        """Return what a target holds, or where it redirects to."""
        reader, writer = await self._connect(target)
        try:
            link = h11.Connection(h11.CLIENT)
            writer.write(_request(link, target))
            return await self._read(link, reader)
        finally:
            writer.transport.abort()  # a slow goodbye is the other side's to wait for

    async def _connect(self, target: _Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        addresses = await self._resolve(target.host, target.port)
        if not target.trusted and not all(map(is_public, addresses)):
            raise _refusal(f"{target.host} is not a public host")
        problem: OSError = OSError("the host has no address")
        secure = target.scheme == "https"
        for address in addresses:
            try:
                return await asyncio.open_connection(
                    address,
                    target.port,
                    ssl=self._tls if secure else None,
                    server_hostname=target.host if secure else None,
                )
            except OSError as error:
                problem = error
        raise problem

    async def _read(self, link: h11.Connection, reader: asyncio.StreamReader) -> bytes | str:
        body = bytearray()
        while not isinstance(event := await _next_event(link, reader), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                if (elsewhere := _checked(event)) is not None:
                    return elsewhere
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > self._settings.max_bytes:
                    raise BadRequestError(
                        f"The url's picture is larger than {self._settings.max_bytes:,} bytes.",
                        code="BadRequestImageSizeBytes",
                    )
        return bytes(body)


def _joined(url: str, elsewhere: str) -> str:
    try:
        return urljoin(url, elsewhere)
    except ValueError as error:
        raise _refusal("it redirects to an address that is not in form") from error


async def _resolve(host: str, port: int) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _path(parts: SplitResult) -> str:
    query = f"?{parts.query}" if parts.query else ""
    return quote((parts.path or "/") + query, safe=_PLAIN)


def _request(link: h11.Connection, target: _Target) -> bytes:
    host = f"[{target.host}]" if ":" in target.host else target.host
    port = "" if target.port == _PORTS[target.scheme] else f":{target.port}"
    headers = [
        ("Host", host + port),
        ("User-Agent", "trunkline"),
        ("Accept", "image/*"),
        ("Accept-Encoding", "identity"),  # a small answer that grows is no picture
        ("Connection", "close"),
    ]
    asked = link.send(h11.Request(method="GET", target=target.path, headers=headers))
    return (asked or b"") + (link.send(h11.EndOfMessage()) or b"")


async def _next_event(link: h11.Connection, reader: asyncio.StreamReader) -> object:
    while (event := link.next_event()) is h11.NEED_DATA:
        link.receive_data(await reader.read(_CHUNK))
    return event


def _checked(response: h11.Response) -> str | None:
    """Return where a response redirects to, or None where its body follows."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
    if response.status_code in _REDIRECTS and "location" in headers:
        return headers["location"]
    if response.status_code != 200:
        raise _refusal(f"it answers with status {response.status_code}")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise _refusal("it sends the picture compressed, which is not undone")
    return None


def _refusal(why: str) -> BadRequestError:
    return BadRequestError(f"The url cannot be fetched: {why}.", code="BadRequestImageUrl")
