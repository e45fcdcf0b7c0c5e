# SPDX-License-Identifier: Apache-2.0
"""What each method of ``inference.GRPCInferenceService`` answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format

from trunkline.server.faults import BadRequestError, UnavailableError
from trunkline.server.oip_grpc_requests import read_message, write_message
from trunkline.server.oip_infer import infer
from trunkline.server.oip_messages import message
from trunkline.server.oip_models import (
    check_ready,
    every_model,
    find_model,
    model_config,
    model_metadata,
    model_statistics,
    server_metadata,
)
from trunkline.server.oip_repository import load_model, model_index, unload_model

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from trunkline.exports.messages import Message
    from trunkline.server.context import Server
    from trunkline.server.keyfile import Scope

    Method = Callable[[Server, Message], Awaitable[Message]]

__all__ = ["METHODS", "model_infer"]


def _filled(name: str, values: Mapping[str, Any]) -> Message:
    """Return a message with what it has a field for."""
    return json_format.ParseDict(values, message(name)(), ignore_unknown_fields=True)


async def _server_live(_: Server, __: Message) -> Message:
    return message("ServerLiveResponse")(live=True)


def _is_ready(server: Server) -> bool:
    try:
        check_ready(server)
    except UnavailableError:
        return False
    return True


async def _server_ready(server: Server, _: Message) -> Message:
    return message("ServerReadyResponse")(ready=_is_ready(server))


async def _model_ready(server: Server, sent: Message) -> Message:
    find_model(server, sent.name, sent.version)
    return message("ModelReadyResponse")(ready=_is_ready(server))


async def _server_metadata(_: Server, __: Message) -> Message:
    return _filled("ServerMetadataResponse", server_metadata())


async def _model_metadata(server: Server, sent: Message) -> Message:
    asked = find_model(server, sent.name, sent.version)
    return _filled("ModelMetadataResponse", model_metadata(asked))


async def _model_config(server: Server, sent: Message) -> Message:
    asked = find_model(server, sent.name, sent.version)
    return _filled("ModelConfigResponse", {"config": model_config(asked)})


async def _model_statistics(server: Server, sent: Message) -> Message:
    models = [find_model(server, sent.name, sent.version)] if sent.name else every_model(server)
    return _filled("ModelStatisticsResponse", model_statistics(server, models))


async def model_infer(server: Server, sent: Message) -> Message:
    """Answer a ``ModelInferRequest``."""
    asked = find_model(server, sent.model_name, sent.model_version)
    # Large messages take their time; the event loop has others to serve.
    request = await asyncio.to_thread(read_message, sent)
    outputs = await infer(server.plane, asked.model, request)
    return write_message(asked.name, asked.version, request, outputs)


async def _repository_index(server: Server, sent: Message) -> Message:
    return _filled("RepositoryIndexResponse", {"models": model_index(server, ready=sent.ready)})


async def _load(server: Server, sent: Message) -> Message:
    if sent.parameters:
        raise BadRequestError(
            "A model is loaded as its files are; parameters such as a config are not taken."
        )
    await load_model(server, sent.model_name)
    return message("RepositoryModelLoadResponse")()


async def _unload(server: Server, sent: Message) -> Message:
    await unload_model(server, sent.model_name)
    return message("RepositoryModelUnloadResponse")()


METHODS: Mapping[str, tuple[Scope | None, Method]] = {
    "ServerLive": (None, _server_live),
    "ServerReady": (None, _server_ready),
    "ServerMetadata": (None, _server_metadata),
    "ModelReady": ("predict", _model_ready),
    "ModelMetadata": ("predict", _model_metadata),
    "ModelConfig": ("predict", _model_config),
    "ModelStatistics": ("predict", _model_statistics),
    "ModelInfer": ("predict", model_infer),
    "RepositoryIndex": ("predict", _repository_index),
    "RepositoryModelLoad": ("manage", _load),
    "RepositoryModelUnload": ("manage", _unload),
}
"""By method, what a key must be for and what answers."""
