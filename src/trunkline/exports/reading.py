# SPDX-License-Identifier: Apache-2.0
"""From what a person has to models: find the packages, read the graphs, decide the rest."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.errors import ExportError
from trunkline.exports.interpreting import interpret, labels_of
from trunkline.exports.package import Package, find
from trunkline.exports.templates import open_file

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterator, Mapping

    from trunkline.exports.settings import ModelSettings
    from trunkline.exports.templates import HeadConstants, ModelFile, Taken, Template
    from trunkline.models import Model

__all__ = ["Known", "Origin", "Read", "read_all", "read_models", "read_named", "read_one"]


@dataclass(frozen=True, eq=False)
class Origin:
    """What a model was read from, kept so that others like it can be recognised.

    Attributes:
        file: The model file; None once it is not needed any more.
        settings: The ``model.toml`` beside it.
        metadata: The ``metadata_properties.json`` beside it.
        has_manifest: Whether a manifest lay beside it.
        notes: What was odd about what lay beside it.
    """

    file: ModelFile | None
    settings: ModelSettings | None
    metadata: Mapping[str, str]
    has_manifest: bool = False
    notes: tuple[str, ...] = ()

    @property
    def surroundings(self) -> tuple[object, ...]:
        """What beside a file has a part in how its network is read."""
        return self.settings, self.metadata, self.has_manifest


@dataclass(frozen=True, eq=False)
class Known:
    """A network that has been read before, with a hole for its dense head.

    Attributes:
        model: The model it was read from, without its graph.
        origin: What lay beside it; a likeness with other settings may be another model.
        template: Its file without its head.
    """

    model: Model
    origin: Origin
    template: Template


@dataclass(frozen=True, eq=False)
class Read:
    """A model as read, in full or as the head of a network that is known.

    Attributes:
        model: The model; its graph is None where ``head`` is given.
        origin: What it was read from, where others like it can be recognised by that.
        known: The network it is a head of.
        head: Its own head's constants.
    """

    model: Model
    origin: Origin | None = None
    known: Known | None = None
    head: HeadConstants | None = None


def read_models(path: str | os.PathLike[str]) -> Iterator[Model | ExportError]:
    """Read every model in what a person has.

    Args:
        path: A folder or a zip of an export, a model file, or a folder of such.

    Yields:
        Models; and in the place of each that cannot be read, the error that says why.
    """
    for found in read_all(path):
        yield found if isinstance(found, ExportError) else found.model


def read_one(path: str | os.PathLike[str], name: str) -> Model | ExportError:
    """Read an export that holds one model, under a given name.

    Args:
        path: As for ``read_models``.
        name: What to call the model.

    Returns:
        The model, or the error that says why there is none, or not one.
    """
    found = read_named(path, name)
    return found if isinstance(found, ExportError) else found.model


def read_all(
    path: str | os.PathLike[str], known: Collection[Known] = ()
) -> Iterator[Read | ExportError]:
    """Read every model in what a person has, in full or as a head of a known network.

    Args:
        path: As for ``read_models``.
        known: Networks that need not be read again; looked at anew for each model.
    """
    with tempfile.TemporaryDirectory(prefix="trunkline-") as workspace:
        for package in find(Path(path), Path(workspace)):
            if isinstance(package, ExportError):
                yield package
            else:
                yield _read_or_error(package, known)


def read_named(
    path: str | os.PathLike[str], name: str, known: Collection[Known] = ()
) -> Read | ExportError:
    """Read an export that holds one model, under a given name; see ``read_one``."""
    found = list(read_all(path, known))
    if len(found) != 1:
        return ExportError(
            str(path),
            f"it holds {len(found)} models, and {name!r} can name only one. Name one of them.",
        )
    only = found[0]
    return only if isinstance(only, ExportError) else replace(only, model=only.model.renamed(name))


def _read_or_error(package: Package, known: Collection[Known]) -> Read | ExportError:
    try:
        return _read(package, known)
    except ExportError as error:
        return error
    except Exception as error:  # a reader's own fault must not take the other models with it
        return ExportError(
            package.source,
            f"reading it failed unexpectedly ({type(error).__name__}: {error}). Please report it.",
        )


def _read(package: Package, known: Collection[Known]) -> Read:
    """Read a model; where it is a known network with another head, only the head."""
    file = open_file(package.format, package.model)
    if file is None:
        return Read(interpret(package))
    origin = Origin(file, package.settings, package.metadata, bool(package.manifest))
    for network in known:
        if network.origin.surroundings == origin.surroundings:
            taken = network.template.match(file)
            if taken is not None:
                return Read(_with_head(package, network, taken), None, network, taken.head)
    content = file.parts[0] if len(file.parts) == 1 else None
    model = interpret(package, content)
    return Read(model, replace(origin, notes=package.notes))


def _with_head(package: Package, known: Known, taken: Taken) -> Model:
    labels = labels_of(package, taken.labels, len(taken.head.bias))
    reader_notes = known.model.notes[len(known.origin.notes) :]
    return replace(
        known.model,
        name=package.name,
        labels=labels,
        source=package.source,
        notes=(*package.notes, *reader_notes),
    )
