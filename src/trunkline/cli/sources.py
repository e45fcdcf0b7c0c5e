# SPDX-License-Identifier: Apache-2.0
"""The option ``-m``, a path, or a name and a path; and loading what it names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trunkline.engine.compiled import Optimise
    from trunkline.engine.modelset import Export, ModelSet
    from trunkline.errors import TrunklineError
    from trunkline.models import Model

__all__ = ["LoadedSources", "ModelSource", "load_sources", "parse_source"]

_NAMED = re.compile(r"(?P<name>\w[\w.-]*)=(?P<path>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ModelSource:
    """What a person gave after ``-m``.

    Attributes:
        path: Where the export, or a folder of exports, is.
        name: What to call the model; None to call it after its file or folder.
    """

    path: Path
    name: str | None = None


def parse_source(text: str) -> ModelSource:
    """Read ``PATH`` or ``NAME=PATH``.

    The part before the first ``=`` is a name only if it is a plain word, and only if the whole
    is not the path of something that exists.
    """
    # Path.exists() raises for a name that is too long to be one; os.path.exists() says no.
    named = None if os.path.exists(text) else _NAMED.fullmatch(text)  # noqa: PTH110
    if named:
        return ModelSource(Path(named["path"]), named["name"])
    return ModelSource(Path(text))


def load_sources(
    sources: Iterable[ModelSource], optimise: Optimise = "latency"
) -> tuple[ModelSet, list[TrunklineError]]:
    """Load every model that can be, and return the errors of the others."""
    from trunkline.engine.modelset import ModelSet
    from trunkline.exports.reading import read_one

    exports: list[Export] = []
    failures: list[TrunklineError] = []
    for source in sources:
        # Named exports are read here: as keyword arguments, their names could be anything.
        export = read_one(source.path, source.name) if source.name else source.path
        if isinstance(export, ExportError):
            failures.append(export)
        else:
            exports.append(export)
    models = ModelSet(optimise=optimise)
    models.add(*exports, on_error="skip")
    return models, [*failures, *models.failures]


@dataclass(frozen=True, slots=True)
class LoadedSources:
    """Where loaded models came from, to read or load them again.

    Attributes:
        sources: What a person gave.
        names: The models that could be loaded.
    """

    sources: tuple[ModelSource, ...]
    names: frozenset[str]

    def load(self, optimise: Optimise) -> ModelSet:
        """Load them into a model set."""
        return load_sources(self.sources, optimise)[0]

    def read(self) -> Iterator[Model]:
        """Read them one by one, the first of each name."""
        from trunkline.exports.reading import read_models, read_one

        left = set(self.names)
        for source in self.sources:
            if source.name:
                found = iter([read_one(source.path, source.name)])
            else:
                found = read_models(source.path)
            for model in found:
                if not isinstance(model, ExportError) and model.name in left:
                    left.remove(model.name)
                    yield model
