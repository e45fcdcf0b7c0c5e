# SPDX-License-Identifier: Apache-2.0
"""A build in the making: models come and go, and nothing is compiled yet."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from trunkline.engine.packed import PackedHeads
from trunkline.engine.plan import Entry
from trunkline.engine.planning import entry_of, outline_of
from trunkline.engine.weights import hold_once
from trunkline.errors import ModelNameError
from trunkline.exports.reading import Known
from trunkline.exports.templates import make_template

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy as np
    from numpy.typing import NDArray

    from trunkline.engine.plan import PackKey
    from trunkline.engine.planning import Build, Needs
    from trunkline.engine.weights import Weights
    from trunkline.exports.reading import Origin, Read
    from trunkline.exports.templates import HeadConstants
    from trunkline.graphs.heads import DenseHead
    from trunkline.graphs.merging import Outline
    from trunkline.models import Model

__all__ = ["Draft"]

# Of one network, in five formats, each of which exporters wrote in two or three ways.
_MOST_TEMPLATES = 16


@dataclass(slots=True)
class Draft:
    """The models, networks and heads of a build while they change.

    Attributes:
        entries: By model name, the models.
        networks: By the tensors they give, the networks.
        weights: By the tensors they give, the networks' constants; what several have is held once.
        known: Files by which more heads are recognised; it grows while models are added.
        packs: The packed heads.
        added: The names of the models that were not in the build.
    """

    entries: dict[str, Entry]
    networks: dict[Needs, Outline]
    weights: dict[Needs, Weights]
    known: dict[Known, PackKey]
    packs: dict[PackKey, PackedHeads]
    added: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, build: Build) -> Draft:
        """Begin with the models of a build, which is left as it is."""
        plan = build.plan
        return cls(
            dict(plan.entries),
            dict(build.networks),
            dict(build.weights),
            dict(build.known),
            dict(plan.packs),
        )

    def add(self, read: Read) -> None:
        """Add a model, read in full or as the head of a known network.

        Raises:
            ModelNameError: Its name is taken.
            UnsupportedExportError: Its graph cannot be brought into normal form.
        """
        self._check_free(read.model)
        if read.known and read.head:
            self._add_head(read.model, self.known[read.known], read.head)
        else:
            self._add_network(read)
        self.added.append(read.model.name)

    def drop(self, names: Collection[str]) -> None:
        """Leave models out, and what only they used."""
        self.entries = {name: e for name, e in self.entries.items() if name not in names}
        self.added = [name for name in self.added if name not in names]
        left = {entry.needs for entry in self.entries.values()}
        self.networks = {needs: o for needs, o in self.networks.items() if needs in left}
        self.weights = {needs: w for needs, w in self.weights.items() if needs in left}
        # In place: whoever reads the next model looks at it.
        for file in [f for f, key in self.known.items() if key.needs not in left]:
            del self.known[file]
        self.packs = {
            key: heads.without(names) if set(names) & set(heads.names) else heads
            for key, heads in self.packs.items()
            if not set(heads.names) <= set(names)
        }

    def _check_free(self, model: Model) -> None:
        if model.name in self.entries:
            other = self.entries[model.name].model
            raise ModelNameError(
                f"Two models are called {model.name!r}: {other.source} and {model.source}. "
                f"Give one another name: load(other={model.source!r}) in Python, "
                f"-m other={model.source} on the command line."
            )

    def _add_head(self, model: Model, key: PackKey, head: HeadConstants) -> None:
        self.entries[model.name] = Entry(model, key.needs, key)
        self._pack(key, model, head.weights.T, head.bias)

    def _add_network(self, read: Read) -> None:
        found = outline_of(read.model)
        entry = entry_of(read.model, found)
        if entry.needs not in self.networks:
            others = self.weights.values()
            self.weights[entry.needs] = hold_once(found.graph, others, found.constants)
            self.networks[entry.needs] = found
        self.entries[read.model.name] = entry
        if entry.pack and found.head:
            self._pack(entry.pack, entry.model, found.head.weights, found.head.bias)
            if read.origin:
                self._remember(entry.model, entry.pack, read.origin, found.head)

    def _pack(
        self, key: PackKey, model: Model, weights: NDArray[np.float32], bias: NDArray[np.float32]
    ) -> None:
        heads = self.packs.get(key) or PackedHeads(key.activation)
        self.packs[key] = heads.adding(model.name, model.labels, weights, bias)

    def _remember(self, model: Model, key: PackKey, origin: Origin, head: DenseHead) -> None:
        """Keep what the file is around its head, so that the next such file is recognised."""
        if origin.file is None or list(self.known.values()).count(key) >= _MOST_TEMPLATES:
            return
        template = make_template(origin.file, head.weights.T, head.bias)
        if template is not None:
            self.known[Known(model, replace(origin, file=None), template)] = key
