# SPDX-License-Identifier: Apache-2.0
"""What a person is told when the server is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline import __version__
from trunkline.server.binding import address_of
from trunkline.server.live import page_installed
from trunkline.server.metrics import shape_of

if TYPE_CHECKING:
    import socket

    from trunkline.server.context import Server

__all__ = ["greeting"]


def greeting(server: Server, listener: socket.socket, grpc_port: int | None = None) -> str:
    """Return a paragraph: the address, the models, the APIs, and whether a key is needed.

    Args:
        server: The server, its models loaded.
        listener: Where it listens for HTTP.
        grpc_port: Where it listens for gRPC; None where it does not.
    """
    shape = shape_of(server.plane.models.plan)
    address = f"http://{address_of(listener)}"
    grpc = f" (gRPC on port {grpc_port})" if grpc_port else ""
    return (
        f"Trunkline {__version__} is ready at {address}{grpc} and serves "
        f"{_counted(shape.models, 'model')} on {_counted(shape.trunks, 'trunk')}. It speaks the "
        "Custom Vision prediction API, the exported container's API, the Open Inference Protocol "
        f"and its own, which {address}/docs describes. {_about_page(address)}"
        f"{_about_keys(server)} Ctrl-C stops it."
    )


def _about_page(address: str) -> str:
    return f"{address}/live is a page for people. " if page_installed() else ""


def _about_keys(server: Server) -> str:
    if server.keys.required:
        return f"A key is needed, one of those in {server.keys.path}."
    return "No key is needed, for only this machine can connect; any key will do."


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
