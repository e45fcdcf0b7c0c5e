# SPDX-License-Identifier: Apache-2.0
"""A folder for a container: a model, and a Dockerfile that serves it.

The container answers on port 80 what the service's exported containers answered, and the other
APIs of ``trunkline serve``. Unlike theirs it asks for a key, as others can reach it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline import __version__
from trunkline.writers import onnx

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.models import Model

__all__ = ["DOCKERFILE", "write"]

DOCKERFILE = "Dockerfile"
"""What the file is called."""

_TEXT = """\
# Serves the model beside this file; README.md says how.
FROM python:3.12-slim

# Another Trunkline than the released one: --build-arg TRUNKLINE=...
ARG TRUNKLINE="trunkline[serve]=={version}"
RUN pip install --no-cache-dir "$TRUNKLINE" \\
    && useradd --create-home trunkline \\
    && install --directory --owner=trunkline /keys

COPY . /models/model
ENV TRUNKLINE_KEYS_FILE=/keys/keys.toml
VOLUME /keys
USER trunkline
EXPOSE 80
HEALTHCHECK CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1/livez')"]
CMD ["trunkline", "serve", "/models", "--host", "0.0.0.0", "--port", "80", "--grpc-port", "off"]
"""


def write(model: Model, folder: Path) -> str:
    """Write a model as ONNX, and a Dockerfile beside it.

    Args:
        model: A classifier with its graph.
        folder: Where to write; it exists.

    Returns:
        The name of the model's file.

    Raises:
        UnsupportedExportError: The graph cannot be said in ONNX.
    """
    file = onnx.write(model, folder)
    text = _TEXT.format(version=__version__)
    (folder / DOCKERFILE).write_text(text, "utf-8")
    return file
