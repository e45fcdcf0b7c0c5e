# SPDX-License-Identifier: Apache-2.0
"""What a person has, taken apart: the model file and what lies around it.

Nothing here opens a graph. A package says where the model file is, in which format, and what the
files around it say: labels, manifest, metadata and settings. ``trunkline.exports.search`` says what
counts as a model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from trunkline.errors import ExportError
from trunkline.exports import modelfiles, sidefiles
from trunkline.exports.archive import DEFAULT_LIMITS
from trunkline.exports.modelfiles import ModelFormat
from trunkline.exports.search import Search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from trunkline.exports.archive import ArchiveLimits
    from trunkline.exports.search import Hit
    from trunkline.exports.settings import ModelSettings

__all__ = ["LARGEST_MODEL", "ModelFormat", "Package", "find"]

LARGEST_MODEL = 2 << 30
"""The most bytes of a model and its weights, unless ``find`` is told otherwise."""


@dataclass(frozen=True, eq=False)
class Package:
    """One model file and what lies around it.

    Attributes:
        name: What the model is called by default; no two of one ``find`` are alike.
        source: What the person gave, for messages: ``"second.zip"``, ``"models/third"``.
        model: The model file; for a SavedModel the folder that holds ``saved_model.pb``.
        format: The format of the model file.
        labels: From ``model.toml``, or else a label file; None where there is neither.
        manifest: ``cvexport.manifest``; empty where there is none, or a broken one.
        metadata: ``metadata_properties.json``; likewise. Often wrong.
        settings: ``model.toml``, its label file already read; None where there is none.
        told: What was odd and had to be mended, as clauses.
        late: Gives more of that, which it takes a while to find out.
    """

    name: str
    source: str
    model: Path
    format: ModelFormat
    labels: tuple[str, ...] | None
    manifest: Mapping[str, object]
    metadata: Mapping[str, str]
    settings: ModelSettings | None
    told: tuple[str, ...]
    late: Callable[[], tuple[str, ...]]

    @property
    def notes(self) -> tuple[str, ...]:
        """All that was odd; whoever looks waits until it has been found out."""
        return (*self.told, *self.late())


def find(
    path: Path,
    workspace: Path,
    *,
    limits: ArchiveLimits = DEFAULT_LIMITS,
    largest: int = LARGEST_MODEL,
) -> Iterator[Package | ExportError]:
    """Find every model in what a person gave.

    Args:
        path: A folder, a zip or a model file.
        workspace: A folder that zips are unpacked into. The caller removes it when the models
            have been read.
        limits: How much each zip may hold, zips inside it included.
        largest: The most bytes of a model and its weights.

    Yields:
        Packages, sorted by the names of what they lie in; in the place of each model that is
        broken, the error that says why. If there is nothing at all, one error that says so.
    """
    taken: set[str] = set()
    for hit in Search(workspace, limits).look(path):
        package = hit if isinstance(hit, ExportError) else _package(hit, largest)
        if isinstance(package, Package):
            package = _distinct(package, taken)
            taken.add(package.name)
        yield package


def _package(hit: Hit, largest: int) -> Package | ExportError:
    file = hit.file.path
    model = file.parent if hit.format is ModelFormat.SAVEDMODEL else file
    try:
        modelfiles.refuse_unfit(model, hit.format, hit.source, largest)
        beside = sidefiles.read(hit.places, file)
    except ExportError as error:
        return error
    except OSError as error:
        return ExportError(hit.source, f"it cannot be read ({error.strerror or error}).")
    return Package(
        name=(beside.settings and beside.settings.name) or hit.name,
        source=hit.source,
        model=model,
        format=hit.format,
        labels=beside.labels,
        manifest=beside.manifest,
        metadata=beside.metadata,
        settings=beside.settings,
        told=beside.told,
        late=beside.late,
    )


def _distinct(package: Package, taken: set[str]) -> Package:
    """Give a package another name where its own is taken, as by a zip and its unpacked folder."""
    name = package.name
    if name not in taken:
        return package
    others = (f"{name}-{number}" for number in count(2))
    by_format = f"{name}-{package.format}"
    new = by_format if by_format not in taken else next(n for n in others if n not in taken)
    note = f"it is called {new!r}, because {name!r} is taken"
    return replace(package, name=new, told=(*package.told, note))
