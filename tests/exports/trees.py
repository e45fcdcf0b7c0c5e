# SPDX-License-Identifier: Apache-2.0
"""Folders and zips written from nested dictionaries."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

GRAPH = b"a graph"
NET = b'<?xml version="1.0"?><net name="m" version="11"></net>'
WEB = b'{"format": "graph-model", "modelTopology": {}}'
EXPORT = {"model.pb": GRAPH, "labels.txt": b"a\nb"}


def write(folder: Path, content: Mapping) -> Path:
    """Write a folder; a dictionary in it is a folder too, or a zip where its name ends so."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in content.items():
        if isinstance(data, bytes):
            (folder / name).write_bytes(data)
        elif name.endswith(".zip"):
            (folder / name).write_bytes(zipped(data))
        else:
            write(folder / name, data)
    return folder


def zipped(content: Mapping) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in _flat(content, ""):
            archive.writestr(name, data)
    return buffer.getvalue()


def _flat(content: Mapping, prefix: str) -> Iterator[tuple[str, bytes]]:
    for name, data in content.items():
        if isinstance(data, bytes):
            yield prefix + name, data
        elif name.endswith(".zip"):
            yield prefix + name, zipped(data)
        else:
            yield from _flat(data, f"{prefix}{name}/")
