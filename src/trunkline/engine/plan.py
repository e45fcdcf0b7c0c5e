# SPDX-License-Identifier: Apache-2.0
"""What is done with a frame: worked out when the models change, and never altered."""

from __future__ import annotations

import concurrent.futures
import itertools
import operator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from trunkline.engine.answers import Answers, Place
from trunkline.images import to_tensor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    import numpy as np
    from numpy.typing import NDArray

    from trunkline.contracts import InputContract
    from trunkline.decoding import ClassificationDecoder
    from trunkline.engine.compiled import Call, CompiledGraph
    from trunkline.engine.packed import PackedHeads
    from trunkline.graphs.heads import Activation
    from trunkline.graphs.merging import Tensor
    from trunkline.graphs.sharing import Segment
    from trunkline.models import Model

__all__ = ["Entry", "PackKey", "Part", "Plan"]


class PackKey(NamedTuple):
    """Which heads can be packed together: those on one tensor that end alike."""

    features: Tensor
    activation: Activation


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
    """A segment, compiled.

    Attributes:
        segment: What it computes.
        graph: The segment's graph, compiled.
        level: How many parts it waits for in a row.
        beside: Whether it is compiled for one core, to run beside the others of its level.
    """

    segment: Segment
    graph: CompiledGraph
    level: int = 0
    beside: bool = False


@dataclass(frozen=True, eq=False)
class Plan:
    """The models in force, ready to answer.

    Attributes:
        entries: By model name, in the order in which they were added.
        inputs: By the tensor they become, the contracts that pictures are made ready for.
        parts: The segments, each behind those it takes tensors from.
        packs: The packed heads.
        lanes: What runs parts beside one another; None where there are none to.
    """

    entries: Mapping[str, Entry]
    inputs: Mapping[Tensor, InputContract]
    parts: tuple[Part, ...]
    packs: Mapping[PackKey, PackedHeads]
    lanes: Executor | None = None
    # Worked out here, not frame by frame.
    _places: Mapping[str, Place | None] = field(init=False, repr=False)
    _compiled: tuple[tuple[str, Entry], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        compiled = ((name, entry) for name, entry in self.entries.items() if entry.pack is None)
        object.__setattr__(self, "_places", _find_places(self))
        object.__setattr__(self, "_compiled", tuple(compiled))

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
            for _, level in itertools.groupby(self.parts, key=operator.attrgetter("level")):
                self._run_level(list(level), values, calls)
            packed = [heads(values[key.features]) for key, heads in self.packs.items()]
            made = {
                name: entry.model.decoder([values[t] for t in entry.needs], entry.model.labels)
                for name, entry in self._compiled
            }
        finally:
            for call in calls:
                call.release()
        return Answers(made, self._places, packed)

    def _run_level(
        self, level: Sequence[Part], values: dict[Tensor, NDArray[Any]], calls: list[Call]
    ) -> None:
        """Run parts that do not wait for one another; add what they give to ``values``."""
        waiting = []
        for part in level:
            taken = [values[tensor] for tensor in part.segment.takes]
            if part.beside and self.lanes:
                waiting.append((part, self.lanes.submit(part.graph.run, taken)))
            else:
                calls.append(part.graph.run(taken))
                values.update(zip(part.segment.gives, calls[-1].outputs, strict=True))
        # All are waited for, also where one fails: each has buffers to give back.
        concurrent.futures.wait([future for _, future in waiting])
        calls.extend(future.result() for _, future in waiting if future.exception() is None)
        for part, future in waiting:
            values.update(zip(part.segment.gives, future.result().outputs, strict=True))


def _find_places(plan: Plan) -> dict[str, Place | None]:
    """Return, by model name, where its packed answer is; None where its head is compiled."""
    places: dict[str, Place | None] = dict.fromkeys(plan.entries)
    for pack, heads in enumerate(plan.packs.values()):
        for name, (rank, start, stop) in heads.ranges().items():
            if name in places:
                model = plan.entries[name].model
                task = cast("ClassificationDecoder", model.decoder).task
                places[name] = Place(pack, rank, slice(start, stop), task, model.labels)
    return places
