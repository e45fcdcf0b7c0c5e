# SPDX-License-Identifier: Apache-2.0
"""The repository extension: which models there are, and loading and unloading them by name."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from trunkline.server.oip_models import VERSION, find_model

if TYPE_CHECKING:
    from trunkline.server.context import Server

__all__ = ["load_model", "model_index", "unload_model"]


def model_index(server: Server, *, ready: bool) -> list[dict[str, str]]:
    """Return every model there is, with its state.

    Args:
        server: Where they are.
        ready: Whether to leave out those that do not answer.
    """
    if server.repository is None:
        return [_entry(name, VERSION, "READY") for name in server.plane.models]
    return [
        _entry(each.name, each.version, each.state, each.reason)
        for each in server.repository.index()
        if each.state == "READY" or not ready
    ]


def _entry(name: str, version: str, state: str, reason: str = "") -> dict[str, str]:
    return {"name": name, "version": version, "state": state, "reason": reason}


async def load_model(server: Server, name: str) -> None:
    """Load a model that the repository has, again if it is loaded.

    Raises:
        NotFoundError: There is none of this name.
        BadRequestError: It cannot be read or run.
    """
    if server.repository is None:
        find_model(server, name)
    else:
        await asyncio.to_thread(server.repository.load, name)


async def unload_model(server: Server, name: str) -> None:
    """Unload a model.

    Raises:
        NotFoundError: None of this name is loaded.
    """
    find_model(server, name)
    if server.repository is None:
        await asyncio.to_thread(server.plane.models.remove, name)
    else:
        await asyncio.to_thread(server.repository.unload, name)
