# SPDX-License-Identifier: Apache-2.0
"""Graphs that have been built, kept for the next time.

Building a trunk takes about 0.1 s, most of it for its identity; reading it here takes a third of
that. The cache may be deleted at any time, and a damaged or unwritable one only costs that time.
What is read is compared with its digest, so nothing but what was built is ever used.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import openvino

from trunkline import __version__
from trunkline.exports.runtime import core
from trunkline.trunks.cachefolder import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Built", "through_cache"]

_XML, _BIN, _ABOUT = "graph.xml", "graph.bin", "about.json"


@dataclass(frozen=True, eq=False)
class Built:
    """A trunk's graph, and its identity; see ``trunkline.trunks.identity``."""

    graph: openvino.Model
    identity: str


def through_cache(name: str, key: Sequence[str], build: Callable[[], Built]) -> Built:
    """Return what was built before, or build it and keep it.

    Args:
        name: The trunk's name, which begins the name of its folder in the cache.
        key: Everything that the graph depends on beside this program and OpenVINO.
        build: Builds it.

    Raises:
        Exception: What ``build`` raises; the cache itself raises nothing.
    """
    # The identity depends on the normal form, which is ours and OpenVINO's.
    everything = json.dumps([name, *key, __version__, openvino.__version__])
    digest = hashlib.sha256(everything.encode()).hexdigest()[:32]
    place = cache_folder() / "trunks" / f"{name}-{digest}"
    kept = _read(place)
    if kept is None:
        kept = build()
        _write(place, kept)
    return kept


def _read(place: Path) -> Built | None:
    """Return what was kept, or None if it is not there, or not what was written."""
    try:
        about = json.loads((place / _ABOUT).read_bytes())
        files = {name: (place / name).read_bytes() for name in (_XML, _BIN)}
        if about != _about(about["identity"], files):
            return None
        return Built(core().read_model(files[_XML], files[_BIN]), about["identity"])
    except Exception:  # whatever is wrong with the cache, building helps
        return None


def _write(place: Path, built: Built) -> None:
    """Write to a folder beside, and rename it: no other process ever sees half of it."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".new-") as workspace:
            new = Path(workspace) / "trunk"
            new.mkdir()
            _write_files(new, built)
            shutil.rmtree(place, ignore_errors=True)  # it was looked at, and is damaged
            new.rename(place)
    except (OSError, RuntimeError):  # RuntimeError is OpenVINO's, of a full disk
        return


def _write_files(folder: Path, built: Built) -> None:
    openvino.save_model(built.graph, folder / _XML, compress_to_fp16=False)
    files = {name: (folder / name).read_bytes() for name in (_XML, _BIN)}
    (folder / _ABOUT).write_text(json.dumps(_about(built.identity, files)), "utf-8")


def _about(identity: str, files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the identity with a digest of it and of each file."""
    parts = {"identity": identity.encode(), **files}
    digests = {
        f"sha256 of {name}": hashlib.sha256(data).hexdigest() for name, data in parts.items()
    }
    return {"identity": identity, **digests}
