# SPDX-License-Identifier: Apache-2.0
"""The files that lie beside a model: manifest, labels, metadata and settings.

What the service wrote is often wrong, so nothing in a manifest or in metadata is fatal: it is put
into a note and left aside. What a person wrote (labels, ``model.toml``) must be right.
"""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from trunkline.errors import ExportError
from trunkline.exports import labels as label_files
from trunkline.exports import settings as settings_files
from trunkline.exports.labels import decode
from trunkline.exports.modelfiles import is_generic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from io import BufferedReader

    from trunkline.exports.settings import ModelSettings

__all__ = [
    "LABELS",
    "MANIFEST",
    "METADATA",
    "SETTINGS",
    "Place",
    "SideFiles",
    "named_model",
    "read",
]

MANIFEST = "cvexport.manifest"
METADATA = "metadata_properties.json"
LABELS = "labels.txt"
SETTINGS = "model.toml"

_LARGEST_JSON = 1 << 20
_LARGEST_HASHED = 64 << 20


@dataclass(frozen=True, eq=False)
class Place:
    """A file or folder, under the name by which the person knows it.

    Attributes:
        path: Where it is, perhaps in a temporary folder.
        shown: What messages call it.
        title: What a model in it is called, unless its own name says more.
        zips: How many zips it lies in.
        folder: The folder it was found in.
    """

    path: Path
    shown: str
    title: str
    zips: int = 0
    folder: Place | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The sorted names of what lies in this folder, hidden files left out."""
        found = (entry.name for entry in self.path.iterdir())
        return tuple(sorted(n for n in found if not n.startswith(".") and n != "__MACOSX"))

    def inside(self, name: str) -> Place:
        """Return something in this folder."""
        title = self.title if is_generic(name) else name
        return Place(self.path / name, str(Path(self.shown) / name), title, self.zips, self)

    def find(self, name: object) -> Place | None:
        """Return what this folder holds under a name, whatever its case; None if nothing.

        Args:
            name: A bare name. It may come from a manifest and be anything, so it is looked up
                among the names that are there, and never made into a path.
        """
        real = name if name in self.names else self._folded.get(str(name).casefold())
        return self.inside(str(real)) if real else None

    def file(self, name: object) -> Place | None:
        """Return a file of this folder, as ``find`` does."""
        place = self.find(name)
        return place if place and place.path.is_file() else None

    def read(self, limit: int) -> bytes:
        """Return the content of this file, or its first ``limit`` + 1 bytes if it is larger."""
        with self.path.open("rb") as file:
            return file.read(limit + 1)

    @cached_property
    def _folded(self) -> dict[str, str]:
        return {name.casefold(): name for name in self.names}


@dataclass(frozen=True, eq=False)
class SideFiles:
    """What lies beside a model; the attributes are those of ``Package``."""

    labels: tuple[str, ...] | None = None
    manifest: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    settings: ModelSettings | None = None
    told: tuple[str, ...] = ()
    late: Callable[[], tuple[str, ...]] = tuple


def read(places: Sequence[Place], model: Path) -> SideFiles:
    """Read what lies beside a model.

    Args:
        places: The folders to look in; what the first holds wins.
        model: The model file; files called by its stem are its own.

    Returns:
        Everything that was found.

    Raises:
        ExportError: The labels or the settings are wrong.
        OSError: A file cannot be read.
    """
    notes: list[str] = []
    late: Callable[[], tuple[str, ...]] = tuple
    manifest_file = _first(places, [MANIFEST])
    manifest = _json(manifest_file, notes)
    if manifest_file and manifest_file.folder:
        notes += _complaints(manifest, manifest_file.folder, model.name)
        late = _hash_complaints(manifest, manifest_file.folder)
    metadata = _json(_first(places, [manifest.get("MetadataPropsFileName"), METADATA]), notes)
    settings = _settings(_first(places, [f"{model.stem}.toml", SETTINGS]), notes)
    labels = settings.labels if settings else None
    if labels is None:
        own = [f"{model.stem}.txt", f"{model.stem}.labels.txt"]
        labels = _labels(_first(places, [*own, manifest.get("LabelFileName"), LABELS]), notes)
    return SideFiles(
        labels=labels,
        manifest=MappingProxyType(manifest),
        metadata=MappingProxyType(_texts(metadata)),
        settings=settings,
        told=tuple(notes),
        late=late,
    )


def named_model(folder: Place) -> str | None:
    """Return the name of the file in a folder that its manifest calls the model."""
    file = folder.file(_json(folder.file(MANIFEST), []).get("ModelFileName"))
    return file.path.name if file else None


def _first(places: Sequence[Place], names: Sequence[object]) -> Place | None:
    found = (place.file(name) for place in places for name in names)
    return next((file for file in found if file), None)


def _json(file: Place | None, notes: list[str]) -> dict[str, Any]:
    """Return a JSON object; an empty one and a note where there is none to be had."""
    if file is None:
        return {}
    name = file.path.name
    data = file.read(_LARGEST_JSON)
    if len(data) > _LARGEST_JSON:
        notes.append(f"{name} is larger than {_LARGEST_JSON >> 20} MiB and was left aside")
        return {}
    try:
        content = json.loads(decode(data, name))
    except (ValueError, RecursionError, ExportError):
        notes.append(f"{name} is not valid JSON and was left aside")
        return {}
    if not isinstance(content, dict):
        notes.append(f"{name} holds no JSON object and was left aside")
        return {}
    return content


def _texts(metadata: Mapping[str, object]) -> dict[str, str]:
    """Return metadata's values as text, which the service writes all of them as."""
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in metadata.items()
    }


def _complaints(manifest: Mapping[str, object], folder: Place, model: str) -> list[str]:
    """Say what the manifest tells about its folder that is not so."""
    complaints = []
    for key in ("ModelFileName", "LabelFileName", "MetadataPropsFileName"):
        named = manifest.get(key)
        if named is not None and not folder.find(named):
            instead = f"; {model} was read" if key == "ModelFileName" else ""
            name = str(named)[:80]
            complaints.append(f"{MANIFEST} names the {key} {name!r}, which is not there{instead}")
    return complaints


def _hash_complaints(
    manifest: Mapping[str, object], folder: Place
) -> Callable[[], tuple[str, ...]]:
    """Compare the model file's SHA-1, beside whatever is done until the answer is asked for.

    It takes as long as to recognise a network does. Nothing is compared where nothing is stated,
    and where there is too much to read.
    """
    file, wanted = folder.file(manifest.get("ModelFileName")), manifest.get("ModelFileSHA1")
    if not file or not isinstance(wanted, str) or file.path.stat().st_size > _LARGEST_HASHED:
        return tuple
    found: list[str] = []
    thread = threading.Thread(target=_hash, args=(file.path.open("rb"), found), daemon=True)
    thread.start()

    def complaints() -> tuple[str, ...]:
        thread.join()
        fits = found == [wanted.strip().lower()]
        return () if fits else (f"{MANIFEST} names a ModelFileSHA1 that the file does not have",)

    return complaints


def _hash(opened: BufferedReader, found: list[str]) -> None:
    # The hash is the service's choice; it finds mix-ups, it protects nothing.
    with opened, suppress(OSError):
        digest = hashlib.file_digest(opened, lambda: hashlib.sha1(usedforsecurity=False))
        found.append(digest.hexdigest())


def _settings(file: Place | None, notes: list[str]) -> ModelSettings | None:
    """Read a settings file, the labels that it names another file for included."""
    if file is None:
        return None
    settings = settings_files.parse(file.read(settings_files.MAX_BYTES), file.shown)
    if settings.label_file is None:
        return settings
    found = file.folder.file(settings.label_file) if file.folder else None
    if found is None:
        raise ExportError(
            file.shown, f"labels names {settings.label_file!r}, which is not in the same folder."
        )
    return replace(settings, labels=_labels(found, notes))


def _labels(file: Place | None, notes: list[str]) -> tuple[str, ...] | None:
    if file is None:
        return None
    data = file.read(label_files.MAX_BYTES)
    labels = label_files.parse(data, file.shown)
    notes += [f"{file.path.name} {odd}" for odd in label_files.oddities(data, file.shown)]
    return labels
