# SPDX-License-Identifier: Apache-2.0
"""The Open Inference Protocol over HTTP, described."""

from __future__ import annotations

from typing import Any

from trunkline.server.openapi_parts import (
    BINARY,
    BOOLEAN,
    INTEGER,
    STRING,
    answer,
    array,
    errors,
    header,
    json_body,
    json_of,
    operation,
    path,
    record,
    ref,
)

__all__ = ["paths", "schemas"]

_TAG = "Open Inference Protocol"
_MODEL = path("model", "The model's name.")
_VERSION = path("version", "Its version; 1 where it has none.")
_ANYTHING: dict[str, Any] = {"type": "object"}


def _wrong(*statuses: int) -> dict[str, Any]:
    return errors(ref("OpenInferenceError"), "application/json", *statuses)


def schemas() -> dict[str, Any]:
    """Return the schemas, by name."""
    spec = record(
        "parameters", name=STRING, datatype=STRING, shape=array(INTEGER), parameters=_ANYTHING
    )
    tensor = record(
        "parameters",
        "data",
        name=STRING,
        datatype=STRING,
        shape=array(INTEGER),
        parameters=_ANYTHING,
        data={"type": "array"},
    )
    wanted = record("parameters", name=STRING, parameters=_ANYTHING)
    entry = record(name=STRING, version=STRING, state=STRING, reason=STRING)
    return {
        "OpenInferenceError": record(error=STRING),
        "ServerMetadata": record(name=STRING, version=STRING, extensions=array(STRING)),
        "ModelMetadata": record(
            name=STRING,
            versions=array(STRING),
            platform=STRING,
            inputs=array(spec),
            outputs=array(spec),
        ),
        "ModelStatistics": record(model_stats=array(_ANYTHING)),
        "InferenceRequest": record(
            "id",
            "parameters",
            "outputs",
            id=STRING,
            parameters=_ANYTHING,
            inputs=array(tensor),
            outputs=array(wanted),
        ),
        "InferenceResponse": record(
            "id", model_name=STRING, model_version=STRING, id=STRING, outputs=array(tensor)
        ),
        "RepositoryIndex": array(entry),
    }


def paths() -> dict[str, Any]:
    """Return the operations, by path and method."""
    made = {
        "/v2": {"get": _get("serverMetadata", "What the server is", ref("ServerMetadata"))},
        "/v2/health/live": {
            "get": _get("serverLive", "Whether it lives", record(live=BOOLEAN), keyed=False)
        },
        "/v2/health/ready": {
            "get": _get("serverReady", "Whether it answers", record(ready=BOOLEAN), keyed=False)
        },
        "/v2/models/stats": {
            "get": _get("allStatistics", "Every model's statistics", ref("ModelStatistics"))
        },
        "/v2/repository/index": {"post": _index()},
        "/v2/repository/models/{model}/load": {"post": _change("load", "Load a model")},
        "/v2/repository/models/{model}/unload": {"post": _change("unload", "Unload a model")},
    }
    for version in (False, True):
        made |= _of_model(version=version)
    return made


def _of_model(*, version: bool) -> dict[str, Any]:
    base = "/v2/models/{model}" + ("/versions/{version}" if version else "")
    end = "OfVersion" if version else ""
    parameters = [_MODEL, _VERSION] if version else [_MODEL]
    ready = record(name=STRING, ready=BOOLEAN)
    reads = {
        "": ("modelMetadata", "What a model takes and gives", ref("ModelMetadata")),
        "/ready": ("modelReady", "Whether a model answers", ready),
        "/config": ("modelConfig", "The same, as Triton has it", _ANYTHING),
        "/stats": ("modelStatistics", "A model's statistics", ref("ModelStatistics")),
    }
    made = {
        base + tail: {"get": _get(identifier + end, summary, schema, parameters=parameters)}
        for tail, (identifier, summary, schema) in reads.items()
    }
    return made | {f"{base}/infer": {"post": _infer(end, parameters)}}


def _get(identifier: str, summary: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401
    responses = {"200": answer("It is so.", json_of(schema)), **_wrong(404)}
    return operation(_TAG, identifier, summary, responses, **more)


def _infer(end: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    binary = {"application/octet-stream": {"schema": BINARY}}
    length = header(
        "Inference-Header-Content-Length",
        "How many bytes of the body are JSON, where tensors follow it as they are.",
    )
    return operation(
        _TAG,
        f"infer{end}",
        "A model's answer",
        {
            "200": answer("The outputs.", json_of(ref("InferenceResponse")) | binary),
            **_wrong(400, 404, 408, 413),
        },
        parameters=[*parameters, length],
        body={"required": True, "content": json_of(ref("InferenceRequest")) | binary},
    )


def _index() -> dict[str, Any]:
    return operation(
        _TAG,
        "repositoryIndex",
        "The models there are",
        {
            "200": answer("All of them.", json_of(ref("RepositoryIndex"))),
            **_wrong(400, 408, 413),
        },
        body=json_body(record("ready", ready=BOOLEAN), required=False),
    )


def _change(identifier: str, summary: str) -> dict[str, Any]:
    return operation(
        _TAG,
        identifier,
        summary,
        {"200": answer("Done.", json_of(_ANYTHING)), **_wrong(400, 404, 408, 413)},
        parameters=[_MODEL],
        body=json_body(record("parameters", parameters=_ANYTHING), required=False),
    )
