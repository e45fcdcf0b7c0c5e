# SPDX-License-Identifier: Apache-2.0
"""The live page next to ``trunkline watch``: ``--page [HOST:]PORT``."""

from __future__ import annotations

import importlib.util
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from trunkline.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.engine.modelset import ModelSet
    from trunkline.streams.watching import Watcher

__all__ = ["Address", "AddressType", "LivePage", "check_page"]

_HOST = "127.0.0.1"
_MOST = 65_535


@dataclass(frozen=True, slots=True)
class Address:
    """Where the page is to be.

    Attributes:
        host: A name or address of this machine.
        port: 0 for a free one.
    """

    host: str
    port: int


class AddressType(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """``PORT`` on this machine's own address, or ``HOST:PORT``."""

    name = "[HOST:]PORT"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """Return the address."""
        if not isinstance(value, str):
            return value
        host, _, port = value.rpartition(":")
        if not port.isascii() or not port.isdecimal() or int(port) > _MOST:
            return self.fail(
                f"{value!r} names no port; give a number, 8080 for example, or HOST:8080.",
                param,
                ctx,
            )
        return Address(host.strip("[]") or _HOST, int(port))


def check_page() -> None:
    """Make sure that what makes the page is installed.

    Raises:
        MissingExtraError: It is not.
    """
    if importlib.util.find_spec("nicegui") is None:
        raise MissingExtraError("The live page", package="nicegui", extra="page")


class LivePage:
    """The page, and the sink that it needs.

    Args:
        address: Where it is to be.

    Attributes:
        sinks: What the watcher must be given.
    """

    def __init__(self, address: Address) -> None:
        from trunkline.streams.showing import Showing

        self._address = address
        self._showing = Showing()
        self.sinks = (self._showing,)

    @contextmanager
    def shown(self, watcher: Watcher, models: ModelSet) -> Iterator[None]:
        """Show it for as long as the context lasts, and say where on standard error.

        Raises:
            TrunklineError: Other machines could reach the address, or the port is taken.
        """
        from trunkline.page.standing import PageServer
        from trunkline.streams.pageview import WatcherView

        title = f"Trunkline on {socket.gethostname()}"
        view = WatcherView(watcher, models, self._showing, title)
        server = PageServer(view, self._address.host, self._address.port)
        server.start()
        try:
            click.echo(f"The live page is at {server.url}", err=True)
            yield
        finally:
            server.close()
