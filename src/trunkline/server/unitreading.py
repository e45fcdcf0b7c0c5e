# SPDX-License-Identifier: Apache-2.0
"""Reading the models of a unit."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.exports.reading import read_models, read_one
from trunkline.models import Model
from trunkline.server.layout import SIDE_FILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.errors import ExportError
    from trunkline.server.layout import Unit

__all__ = ["Contents", "read_unit"]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a unit holds.

    Attributes:
        models: By name, what could be read.
        errors: Why the rest could not, with the model's name where that is known.
    """

    models: dict[str, Model] = field(default_factory=dict)
    errors: list[tuple[str | None, ExportError]] = field(default_factory=list)


def read_unit(unit: Unit) -> Contents:
    """Read all that a unit holds; what is broken is said and does not keep the rest out."""
    contents = Contents()
    for name, found in _found(unit):
        if isinstance(found, Model):
            contents.models[found.name] = found
        else:
            contents.errors.append((name, found))
    return contents


def _found(unit: Unit) -> Iterator[tuple[str | None, Model | ExportError]]:
    if unit.versions:
        for name, folder in unit.versions.items():
            yield name, _version(folder, name)
    elif unit.fixed:
        yield unit.name, read_one(unit.path, unit.name)
    else:
        for found in read_models(unit.path):
            yield None, found


def _version(folder: Path, name: str) -> Model | ExportError:
    """Read a version; labels and settings may lie beside the versions, for all of them."""
    beside = [each for each in folder.parent.iterdir() if each.name.lower() in SIDE_FILES]
    if not beside:
        return read_one(folder, name)
    with _together(folder, beside) as staged:
        found = read_one(staged, name)
    if isinstance(found, Model):
        return replace(found, source=str(folder))
    return type(found)(str(folder), found.problem)


@contextmanager
def _together(folder: Path, beside: list[Path]) -> Iterator[Path]:
    """Give a folder that holds one version, and what lies beside the versions."""
    with tempfile.TemporaryDirectory(prefix="trunkline-") as workspace:
        for each in (folder, *beside):
            (Path(workspace) / each.name).symlink_to(each.absolute())
        yield Path(workspace)
