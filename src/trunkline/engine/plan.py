# SPDX-License-Identifier: Apache-2.0
"""What is done with a frame: worked out when the models change, and never altered."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from trunkline.engine.answers import Answers
from trunkline.images import to_tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from trunkline.contracts import InputContract
    from trunkline.engine.compiled import Call, CompiledGraph
    from trunkline.engine.packed import PackedHeads
    from trunkline.graphs.heads import Activation
    from trunkline.graphs.merging import Tensor
    from trunkline.graphs.sharing import Segment
    from trunkline.models import Model

__all__ = ["Entry", "PackKey", "PackedPlace", "Part", "Plan"]


class PackKey(NamedTuple):
    """Which heads can be packed together: those on one tensor that end alike."""

    features: Tensor
    activation: Activation


class PackedPlace(NamedTuple):
    """Where a model's answer is among those of its pack."""

    pack: PackKey
    rank: int
    start: int
    stop: int
    task: Literal["multiclass", "multilabel"]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in a model set.

    Attributes:
        model: What it is, without its graph.
        needs: The tensors its answer is made from.
        pack: Where its head is packed; None for a head that is compiled.
    """

    model: Model
    needs: tuple[Tensor, ...]
    pack: PackKey | None


@dataclass(frozen=True, eq=False)
class Part:
    """A segment, compiled."""

    segment: Segment
    graph: CompiledGraph


@dataclass(frozen=True, eq=False)
class Plan:
    """The models in force, ready to answer.

    Attributes:
        entries: By model name, in the order in which they were added.
        inputs: By the tensor they become, the contracts that pictures are made ready for.
        parts: The segments, each behind those it takes tensors from.
        packs: The packed heads.
    """

    entries: Mapping[str, Entry]
    inputs: Mapping[Tensor, InputContract]
    parts: tuple[Part, ...]
    packs: Mapping[PackKey, PackedHeads]

    @functools.cached_property
    def places(self) -> Mapping[str, PackedPlace | None]:
        """By model name, where its packed answer is; None where its head is compiled."""
        ranges = {key: heads.ranges() for key, heads in self.packs.items()}
        return {
            name: entry.pack and _place(entry, entry.pack, *ranges[entry.pack][name])
            for name, entry in self.entries.items()
        }

    def predict(self, picture: NDArray[np.uint8]) -> Answers:
        """Answer for one picture, uint8 of shape (height, width, 3), RGB, upright."""
        return self.answer(
            {tensor: to_tensor(picture, contract) for tensor, contract in self.inputs.items()}
        )

    def answer(self, pictures: Mapping[Tensor, NDArray[Any]]) -> Answers:
        """Answer for one picture that has been made ready for every contract in ``inputs``."""
        values: dict[Tensor, NDArray[Any]] = dict(pictures)
        calls: list[Call] = []
        try:
            for part in self.parts:
                call = part.graph.run([values[tensor] for tensor in part.segment.takes])
                calls.append(call)
                values.update(zip(part.segment.gives, call.outputs, strict=True))
            packed = {key: heads(values[key.features]) for key, heads in self.packs.items()}
            made = {
                name: entry.model.decoder([values[t] for t in entry.needs], entry.model.labels)
                for name, entry in self._compiled_heads
            }
        finally:
            for call in calls:
                call.release()
        return Answers(made, self.places, packed)

    @functools.cached_property
    def _compiled_heads(self) -> list[tuple[str, Entry]]:
        return [(name, entry) for name, entry in self.entries.items() if entry.pack is None]


def _place(entry: Entry, key: PackKey, rank: int, start: int, stop: int) -> PackedPlace:
    task: Literal["multiclass", "multilabel"] = (
        "multilabel" if entry.model.task == "multilabel" else "multiclass"
    )
    return PackedPlace(key, rank, start, stop, task, entry.model.labels)
