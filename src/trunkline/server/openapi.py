# SPDX-License-Identifier: Apache-2.0
"""The description of every API of the server, as OpenAPI 3.1."""

from __future__ import annotations

import functools
from typing import Any

from trunkline import __version__
from trunkline.server import openapi_azure, openapi_native, openapi_oip

__all__ = ["document"]

_PARTS = (openapi_native, openapi_azure, openapi_oip)

_ABOUT = (
    "Every model's answer for a picture, over the API that its user speaks. Paths are taken in any "
    "case. A key goes into one of three headers; where the server has none and listens on this "
    "machine alone, none is needed."
)
_TAGS = {
    "Trunkline": "A picture in, every model's answer out; and the models themselves.",
    "Custom Vision prediction": "The service's own API: its clients need another endpoint only.",
    "Exported container": "What called an exported container can call this.",
    "Open Inference Protocol": "Version 2, with the extensions that Triton's clients use.",
    "Operating": "For those who run the server.",
}


@functools.cache
def document() -> dict[str, Any]:
    """Return the description. It is the same object each time: change nothing in it."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for part in _PARTS:
        paths |= part.paths()
        schemas |= part.schemas()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Trunkline",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "PredictionKey": _in_header("Prediction-Key"),
                "TrainingKey": _in_header("Training-Key"),
                "Bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _in_header(name: str) -> dict[str, str]:
    return {"type": "apiKey", "in": "header", "name": name}
