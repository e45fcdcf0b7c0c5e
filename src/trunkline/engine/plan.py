# SPDX-License-Identifier: Apache-2.0
"""What is done with a frame: worked out when the models change, and never altered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trunkline.engine.answers import COMPILED, Answers, Places
from trunkline.engine.packed import PackedAnswers
from trunkline.engine.steps import step
from trunkline.images import to_tensor

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from trunkline.contracts import InputContract
    from trunkline.engine.compiled import Call, CompiledGraph
    from trunkline.engine.packed import PackedHeads
    from trunkline.graphs.heads import Activation
    from trunkline.graphs.merging import Tensor
    from trunkline.graphs.sharing import Segment
    from trunkline.models import Model
    from trunkline.predictions import Prediction

__all__ = ["Entry", "PackKey", "Part", "Plan"]

# Callers ask for a few sets of models over and over; others are worked out again.
_MOST_NARROWED = 64


class PackKey(NamedTuple):
    """Which heads can be packed together: those on one tensor that end alike.

    Attributes:
        needs: That tensor alone, as a model's entry has it: one tuple for all of its models.
        activation: How they end.
    """

    needs: tuple[Tensor]
    activation: Activation

    @property
    def features(self) -> Tensor:
        """The tensor that the heads take."""
        return self.needs[0]


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
    """

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
    # Plans for some of the models, made when they are first asked for.
    _narrowed: dict[frozenset[str], Plan] = field(default_factory=dict, init=False, repr=False)
    # Worked out here, not frame by frame.
    _places: Places = field(init=False, repr=False)
    _compiled: tuple[tuple[str, Entry], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        compiled = ((name, entry) for name, entry in self.entries.items() if entry.pack is None)
        object.__setattr__(self, "_places", _find_places(self))
        object.__setattr__(self, "_compiled", tuple(compiled))

    def narrowed(self, names: Collection[str]) -> Plan:
        """Return the plan for some of the models, which does only what their answers need.

        Args:
            names: Models of this plan; others are passed over.
        """
        wanted = self.entries.keys() & names
        if len(wanted) == len(self.entries):
            return self
        key = frozenset(wanted)
        found = self._narrowed.get(key)
        if found is None:
            if len(self._narrowed) >= _MOST_NARROWED:
                self._narrowed.clear()
            found = self._narrowed[key] = _narrow(self, key)
        return found

    def digests(self) -> dict[str, bytes]:
        """Return, by model name, what tells its network and labels from all others.

        It is the same after every start, whatever file or format the network comes from.
        """
        heads = {
            name: digest for each in self.packs.values() for name, digest in each.digests().items()
        }
        return {
            name: b"".join(
                (
                    *(tensor.identity + tensor.port.to_bytes(4) for tensor in entry.needs),
                    heads.get(name, b""),
                    "\0".join(entry.model.labels).encode(),
                )
            )
            for name, entry in self.entries.items()
        }

    def comes_along(self, name: str, names: Collection[str]) -> bool:
        """Return whether a model's answer costs next to nothing where others are asked.

        Its head is packed, and what it takes is computed for them anyway.
        """
        entry = self.entries.get(name)
        if entry is None or entry.pack is None:
            return False
        return len(self.narrowed({*names, name}).parts) == len(self.narrowed(names).parts)

    def predict(self, picture: NDArray[np.uint8]) -> Answers:
        """Answer for one picture, uint8 of shape (height, width, 3), RGB, upright."""
        with step("preprocess"):
            ready = {tensor: to_tensor(picture, how) for tensor, how in self.inputs.items()}
        return self.answer(ready)

    def answer(self, pictures: Mapping[Tensor, NDArray[Any]]) -> Answers:
        """Answer for one picture that has been made ready for every contract in ``inputs``."""
        run = _Run(pictures)
        try:
            for part in self.parts:
                run.start(part, alone=len(self.parts) == 1)
            packed = [_packed(heads, run.value(key.features)) for key, heads in self.packs.items()]
            made = {
                name: _decoded(entry.model, [run.value(t) for t in entry.needs])
                for name, entry in self._compiled
            }
        finally:
            run.end()
        return Answers(made, self._places, PackedAnswers.joined(packed))


class _Run:
    """One frame on its way: parts run side by side, and a value is waited for when it is needed."""

    def __init__(self, pictures: Mapping[Tensor, NDArray[Any]]) -> None:
        self._values: dict[Tensor, NDArray[Any]] = dict(pictures)
        self._pictures = pictures.keys()
        self._pending: dict[Tensor, tuple[Part, Call, step]] = {}
        self._calls: list[Call] = []

    def start(self, part: Part, *, alone: bool) -> None:
        begin = part.graph.run if alone else part.graph.start
        taken = [self.value(tensor) for tensor in part.segment.takes]
        begun = step("heads" if self._pictures.isdisjoint(part.segment.takes) else "trunk")
        call = begin(taken)
        self._calls.append(call)
        self._pending.update(dict.fromkeys(part.segment.gives, (part, call, begun)))

    def value(self, tensor: Tensor) -> NDArray[Any]:
        if tensor not in self._values:
            part, call, begun = self._pending[tensor]
            self._values.update(zip(part.segment.gives, call.outputs, strict=True))
            begun.end()
        return self._values[tensor]

    def end(self) -> None:
        """Give all buffers back, whatever happened."""
        for call in self._calls:
            call.release()


def _packed(heads: PackedHeads, features: NDArray[Any]) -> PackedAnswers:
    with step("heads"):
        return heads(features)


def _decoded(model: Model, outputs: list[NDArray[Any]]) -> Prediction:
    with step("decode answers"):
        return model.decoder(outputs, model.labels)


def _narrow(plan: Plan, names: Collection[str]) -> Plan:
    entries = {name: entry for name, entry in plan.entries.items() if name in names}
    needed = {tensor for entry in entries.values() for tensor in entry.needs}
    parts: list[Part] = []
    for part in reversed(plan.parts):  # each comes behind those it takes tensors from
        if needed.intersection(part.segment.gives):
            needed.update(part.segment.takes)
            parts.append(part)
    packs = {entry.pack for entry in entries.values()}
    return Plan(
        entries,
        {tensor: contract for tensor, contract in plan.inputs.items() if tensor in needed},
        tuple(reversed(parts)),
        {key: heads for key, heads in plan.packs.items() if key in packs},
    )


def _find_places(plan: Plan) -> Places:
    """Return where each model's answer is among those of all packs, one pack behind another."""
    numbers = dict.fromkeys(plan.entries, COMPILED)
    starts, heads_before, rows_before = [np.zeros(0, np.intp)], 0, 0
    for heads in plan.packs.values():
        for number, name in enumerate(heads.names, heads_before):
            if name in numbers:
                numbers[name] = number
        starts.append(heads.starts + rows_before)
        heads_before += len(heads)
        rows_before += heads.stop
    return Places(plan.entries, numbers, np.concatenate(starts))
