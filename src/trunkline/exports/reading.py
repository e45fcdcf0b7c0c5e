# SPDX-License-Identifier: Apache-2.0
"""From what a person has to models: find the packages, read the graphs, decide the rest."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.errors import ExportError
from trunkline.exports.interpreting import interpret, labels_of
from trunkline.exports.package import ModelFormat, Package, find

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterator, Mapping

    from trunkline.exports.settings import ModelSettings
    from trunkline.exports.templates import HeadConstants, Template
    from trunkline.models import Model

__all__ = ["Known", "Origin", "Read", "read_all", "read_models", "read_named", "read_one"]


@dataclass(frozen=True, eq=False)
class Origin:
    """What a model was read from, kept so that others like it can be recognised.

    Attributes:
        data: The model file.
        settings: The ``model.toml`` beside it.
        metadata: The ``metadata_properties.json`` beside it.
    """

    data: bytes
    settings: ModelSettings | None
    metadata: Mapping[str, str]


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
        if package.format is ModelFormat.TENSORFLOW:
            return _read_frozen(package, known)
        return Read(interpret(package))
    except ExportError as error:
        return error
    except Exception as error:  # a reader's own fault must not take the other models with it
        return ExportError(
            package.source,
            f"reading it failed unexpectedly ({type(error).__name__}: {error}). Please report it.",
        )


def _read_frozen(package: Package, known: Collection[Known]) -> Read:
    """Read a frozen graph; where it is a known network with another head, only the head."""
    data = package.model.read_bytes()
    origin = Origin(data, package.settings, package.metadata)
    for network in known:
        if (network.origin.settings, network.origin.metadata) == (origin.settings, origin.metadata):
            head = network.template.match(data)
            if head is not None:
                return Read(_with_head(package, network, head), None, network, head)
    return Read(interpret(package), origin)


def _with_head(package: Package, known: Known, head: HeadConstants) -> Model:
    labels = labels_of(package, None, len(head.bias))
    return replace(
        known.model,
        name=package.name,
        labels=labels,
        source=package.source,
        notes=package.notes,
    )
