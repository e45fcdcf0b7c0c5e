# SPDX-License-Identifier: Apache-2.0
"""The server's settings: one frozen value, checked as a whole before anything starts.

``trunkline.server.settingsources`` makes it from flags, the environment and a file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping  # noqa: TC003 - pydantic reads annotations
from pathlib import Path  # noqa: TC003
from typing import Annotated, Any, Literal
from uuid import UUID  # noqa: TC003

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt

__all__ = ["FetchSettings", "ProjectSettings", "Settings", "Versions"]

_MEBIBYTE = 1024 * 1024
_A_DAY = 86_400


def _listed(value: object) -> object:
    """Return a text, as an environment has it, as a list: a JSON array, or words and commas."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [word.strip() for word in value.split(",") if word.strip()]


def _numbered(value: object) -> object:
    return _listed(value) if isinstance(value, str) and re.match(r"\s*[\d\[]", value) else value


def _or_off(value: object) -> object:
    """Return None for "off" and false: neither TOML nor an environment can say null."""
    off = value is False or (isinstance(value, str) and value.strip().lower() in {"off", "false"})
    return None if off else value


Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Bytes = Annotated[int, Field(ge=1, le=1 << 40)]
Seconds = Annotated[float, Field(gt=0, le=_A_DAY, allow_inf_nan=False)]
SecondsOrZero = Annotated[float, Field(ge=0, le=_A_DAY, allow_inf_nan=False)]
Versions = Literal["latest", "all"] | tuple[PositiveInt, ...]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FetchSettings(_Table):
    """Whether and how the server gets pictures from addresses that requests name.

    Attributes:
        allowed: Whether it does at all.
        hosts: The only hosts to get from, which may be private then: ``host`` for ports 80 and
            443, or ``host:port``. Where empty, any public one.
        max_bytes: The largest picture.
        seconds: The longest time for one picture, redirects included.
        redirects: How many redirects to follow.
    """

    allowed: bool = False
    hosts: Words = ()
    max_bytes: Bytes = 20 * _MEBIBYTE
    seconds: Seconds = 5.0
    redirects: Annotated[int, Field(ge=0, le=20)] = 3


class ProjectSettings(_Table):
    """How one model answers in the service's own API.

    Attributes:
        project_id: The only project id that it answers to; None for any.
        published_name: What requests call it; None for its own name.
    """

    project_id: UUID | None = None
    published_name: Annotated[str, Field(min_length=1)] | None = None


class Settings(_Table):
    """Everything that can be set, with the values that hold where nothing is.

    Attributes:
        host: The address to listen on; any but a loopback one needs a key.
        port: For HTTP; 0 takes a free one.
        grpc_port: For gRPC; 0 takes a free one, None (``"off"``) does without.
        models: Exports to load: ``PATH`` or ``NAME=PATH``, folders of exports among them.
        cores: How many cores to use; None for all that the process may.
        versions: Which versions of a ``name/<version>/`` folder to serve.
        watch_seconds: How often to look for changed models; None (``"off"``) for never.
        upload_folder: Where models that come over HTTP are kept; None for memory alone.
        keys_file: Where the keys are; None for ``trunkline.server.keyfile.default_keys_file``.
        projects: By model name, how it answers in the service's own API.
        fetch: About pictures that requests name by address.
        allowed_hosts: What requests may call this server while no key is needed, beside this
            machine's own names; ``"*"`` for anything.
        cors_origins: Web pages of which origins may call; ``"*"`` for all.
        max_body_bytes: The largest body of a request for predictions.
        max_models_body_bytes: The largest body of a request that brings a model.
        max_pixels: The largest picture, in pixels.
        waiting: How many requests may wait for a thread; more are refused.
        deadline: Seconds that a request may wait for a thread.
        header_seconds: How long a client may take to send a request's headers.
        body_seconds: How long a client may take to send a body.
        keep_alive_seconds: How long a connection may idle between requests.
        drain_seconds: How long requests that run may take to end when the server is stopped.
        log_format: ``"text"`` for people, ``"json"`` for machines.
        tracing: Whether OpenTelemetry's traces are made and sent.
    """

    host: str = "127.0.0.1"
    port: Port = 8000
    grpc_port: Annotated[Port | None, BeforeValidator(_or_off)] = 8001
    models: Words = ()
    cores: PositiveInt | None = None
    versions: Annotated[Versions, BeforeValidator(_numbered)] = "latest"
    watch_seconds: Annotated[Seconds | None, BeforeValidator(_or_off)] = None
    upload_folder: Path | None = None
    keys_file: Path | None = None
    projects: Mapping[str, ProjectSettings] = Field(default_factory=dict)
    fetch: FetchSettings = FetchSettings()
    allowed_hosts: Words = ()
    cors_origins: Words = ()
    max_body_bytes: Bytes = 20 * _MEBIBYTE
    max_models_body_bytes: Bytes = 512 * _MEBIBYTE
    max_pixels: Annotated[int, Field(ge=1)] = 50_000_000
    waiting: Annotated[int, Field(ge=0)] = 64
    deadline: Seconds = 10.0
    header_seconds: Seconds = 10.0
    body_seconds: Seconds = 30.0
    keep_alive_seconds: Seconds = 5.0
    drain_seconds: SecondsOrZero = 30.0
    log_format: Literal["text", "json"] = "text"
    tracing: bool = False

    def project(self, model: str) -> ProjectSettings:
        """Return how a model answers in the service's own API."""
        return self.projects.get(model, ProjectSettings())

    def to_plain(self) -> dict[str, Any]:
        """Return plain values, ready for TOML but for None."""
        return self.model_dump(mode="json")
