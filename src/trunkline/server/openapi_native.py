# SPDX-License-Identifier: Apache-2.0
"""Trunkline's own API and the routes for operating the server, described."""

from __future__ import annotations

from typing import Any

from trunkline.server.openapi_parts import (
    BINARY,
    BOOLEAN,
    INTEGER,
    NUMBER,
    PICTURE_BODY,
    STRING,
    answer,
    array,
    errors,
    json_of,
    operation,
    path,
    query,
    record,
    ref,
)

__all__ = ["paths", "schemas"]

_TAG, _OPERATING = "Trunkline", "Operating"
_NAME = path("name", "The model's name.")
_MODELS = query("models", "The models whose answers are wanted, with commas between; else all.")
_UUID = {"type": "string", "format": "uuid"}
_TASK = {"type": "string", "enum": ["multiclass", "multilabel", "detection"]}


def _wrong(*statuses: int) -> dict[str, Any]:
    return errors(ref("Problem"), "application/problem+json", *statuses)


def schemas() -> dict[str, Any]:
    """Return the schemas, by name."""
    rank = record(label=STRING, probability=NUMBER)
    box = record(**dict.fromkeys(("left", "top", "width", "height"), NUMBER))
    box = record(label=STRING, probability=NUMBER, **box["properties"])
    model = _model()
    return {
        "Problem": record(type=STRING, title=STRING, status=INTEGER, detail=STRING, code=STRING),
        "Classification": record(task=_TASK, label=STRING, probability=NUMBER, labels=array(rank)),
        "Detection": record(task={"const": "detection"}, boxes=array(box)),
        "Answers": record(
            frame=STRING,
            predictions={
                "type": "object",
                "additionalProperties": {"anyOf": [ref("Classification"), ref("Detection")]},
            },
        ),
        "Model": record(**model),
        "ModelInFull": record("kept", "note", **model, **_more()),
        "Models": record(models=array(ref("Model")), failures=array(ref("Failure"))),
        "Failure": record(name=STRING, source=STRING, state=STRING, reason=STRING),
        "Removal": record(name=STRING, removed=BOOLEAN, note=STRING),
        "Status": record(status=STRING),
    }


def _model() -> dict[str, Any]:
    return {
        "name": STRING,
        "version": STRING,
        "state": STRING,
        "reason": STRING,
        "task": _TASK,
        "labels": array(STRING),
        "trunk": INTEGER,
        "project_id": _UUID,
        "published_name": STRING,
        "format": STRING,
        "source": STRING,
    }


def _more() -> dict[str, Any]:
    return {
        "input": record(height=INTEGER, width=INTEGER, preset=STRING, order=STRING),
        "decisions": array(record(what=STRING, value=STRING, because=STRING)),
        "notes": array(STRING),
        "kept": BOOLEAN,
        "note": STRING,
    }


def paths() -> dict[str, Any]:
    """Return the operations, by path and method."""
    return {
        "/predict": {"post": _predict()},
        "/models": {
            "get": operation(
                _TAG,
                "listModels",
                "The models that answer, and what keeps others from it",
                {"200": answer("All of them.", json_of(ref("Models"))), **_wrong()},
            )
        },
        "/models/{name}": {
            "get": operation(
                _TAG,
                "getModel",
                "One model in full",
                {"200": answer("The model.", json_of(ref("ModelInFull"))), **_wrong(404)},
                parameters=[_NAME],
            ),
            "post": _upload("addModel", "Add a model", 201, 409),
            "put": _upload("putModel", "Add a model, or replace it without a gap", 200, 201),
            "delete": operation(
                _TAG,
                "removeModel",
                "Remove a model",
                {"200": answer("It is gone.", json_of(ref("Removal"))), **_wrong(404)},
                description="An upload is gone for good. Other models' files are left alone; they "
                "come back when these change or the server starts again.",
                parameters=[_NAME],
            ),
        },
        **_operating(),
    }


def _predict() -> dict[str, Any]:
    lines = {"application/x-ndjson": {"schema": STRING}}
    mixed = {"multipart/mixed": {"schema": {"type": "object"}}}
    return operation(
        _TAG,
        "predict",
        "Every model's answer for a picture",
        {
            "200": answer(
                "The answers: one JSON object, or for several pictures a line of JSON for each.",
                json_of(ref("Answers")) | lines,
            ),
            **_wrong(400, 404, 408, 413),
        },
        description="Several parts, and parts of multipart/mixed, are answered one by one as they "
        "arrive, as lines of JSON. A WebSocket at /stream takes pictures as binary messages and "
        "answers with the same JSON.",
        parameters=[_MODELS],
        body={**PICTURE_BODY, "content": PICTURE_BODY["content"] | mixed},
    )


def _upload(identifier: str, summary: str, *statuses: int) -> dict[str, Any]:
    good = {
        str(status): answer("The model answers.", json_of(ref("ModelInFull")))
        for status in statuses
        if status < 300
    }
    bad = [status for status in statuses if status >= 400]
    form = {"type": "object", "properties": {"file": BINARY}, "required": ["file"]}
    return operation(
        _TAG,
        identifier,
        summary,
        {**good, **_wrong(400, 404, 408, 413, *bad)},
        description="The body is a zip of an export, or a model file. It answers requests as soon "
        "as this one is answered.",
        parameters=[_NAME, query("filename", "What the file is called, such as model.onnx.")],
        body={
            "required": True,
            "content": {
                "application/zip": {"schema": BINARY},
                "application/octet-stream": {"schema": BINARY},
                "multipart/form-data": {"schema": form},
            },
        },
    )


def _operating() -> dict[str, Any]:
    status = json_of(ref("Status"))
    ready = {"200": answer("Yes.", status), "503": answer("Not now.", status)}
    text = {"text/plain": {"schema": STRING}, "application/openmetrics-text": {"schema": STRING}}
    page = {"text/html": {"schema": STRING}}
    made = {
        "/livez": ("isAlive", "Whether the process is alive", {"200": answer("Yes.", status)}),
        "/readyz": ("isReady", "Whether requests are answered", ready),
        "/healthz": ("isHealthy", "The same as /readyz", ready),
        "/metrics": ("metrics", "Metrics for Prometheus", {"200": answer("They are.", text)}),
        "/openapi.json": (
            "openapi",
            "This description",
            {"200": answer("It is.", json_of({"type": "object"}))},
        ),
        "/docs": (
            "docs",
            "This description, for people",
            {"200": answer("A page.", page)},
        ),
        "/live": (
            "live",
            "The live page: cameras, models, events, and a place to drop pictures",
            {
                "200": answer("A page.", page),
                "307": answer("It is one level down."),
                "401": answer("A form that asks for a key.", page),
                "404": answer("It is not installed.", {"text/plain": {"schema": STRING}}),
                "503": answer("Not now.", {"text/plain": {"schema": STRING}}),
            },
        ),
    }
    return {
        each: {"get": operation(_OPERATING, identifier, summary, responses, keyed=False)}
        for each, (identifier, summary, responses) in made.items()
    }
