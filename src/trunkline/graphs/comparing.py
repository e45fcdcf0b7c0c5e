# SPDX-License-Identifier: Apache-2.0
"""Where two networks that are almost the same first differ, in words."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trunkline.graphs.attributes import attributes_of
from trunkline.graphs.rewriting import constant_of, inputs_of, is_constant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import openvino
    from numpy.typing import NDArray

    from trunkline.contracts import InputContract
    from trunkline.graphs.identity import Identity
    from trunkline.graphs.merging import Outline, Step

__all__ = ["Difference", "first_difference"]

# What a constant is to the operation that takes it.
_ROLES = {
    "Add": "summand",
    "Convolution": "weights",
    "ConvolutionBackpropData": "weights",
    "GroupConvolution": "weights",
    "GroupConvolutionBackpropData": "weights",
    "MatMul": "weights",
    "Multiply": "factor",
}
# Names that OpenVINO gave, with a number that is another in each process.
_GENERATED = re.compile(r"[A-Z][A-Za-z0-9]*_\d+( \d+)?")
# Few enough to be shown; more are counted.
_FEW = 4


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two networks first differ. As a string, it is what differs.

    Attributes:
        name: The friendly name of the operation in the first network's normal form; in the
            second's, where the first has no such operation.
        kind: The type of that operation.
        what: What differs, as a clause, the first network before the second.
    """

    name: str
    kind: str
    what: str

    def __str__(self) -> str:
        return self.what


class _Place(NamedTuple):
    """An operation of a network."""

    outline: Outline
    identity: Identity

    @property
    def step(self) -> Step:
        return self.outline.steps[self.identity]

    @property
    def name(self) -> str:
        return self.outline.names[self.identity]

    @property
    def node(self) -> openvino.Node:
        nodes = self.outline.graph.get_ordered_ops()
        return next(node for node in nodes if node.get_friendly_name() == self.name)

    def is_followed_by(self, kind: str) -> bool:
        """Tell whether an operation of this kind takes what the operation here makes."""
        return any(
            step.kind == kind and any(t.identity == self.identity for t in step.takes)
            for step in self.outline.steps.values()
        )


def first_difference(one: Outline, other: Outline) -> Difference | None:
    """Return the first operation, in the order of the first network, in which two networks differ.

    Returns:
        What it is and what differs; None where both compute the same.
    """
    first, second = _only_here(one, other), _only_here(other, one)
    if first is None and second is None:
        if one.outputs == other.outputs:
            return None
        # They compute the same operations and give other tensors of them.
        last = _Place(one, one.outputs[0].identity)
        return Difference(last.name, last.step.kind, "which tensors they give")
    if first is None or second is None:
        return _missing(first, second)
    return _between(first, _counterpart(first, second))


def _only_here(outline: Outline, other: Outline) -> _Place | None:
    """Return the first operation that another network does not have."""
    own = (identity for identity in outline.steps if identity not in other.steps)
    identity = next(own, None)
    return None if identity is None else _Place(outline, identity)


def _counterpart(place: _Place, earliest: _Place) -> _Place:
    """Return the operation of the other network that stands where one stands in its own.

    All that comes before is the same, so it is one that takes the same tensors.
    """
    outline, step = earliest.outline, place.step
    candidates = [
        _Place(outline, identity)
        for identity, other in outline.steps.items()
        if identity not in place.outline.steps and other.takes == step.takes
    ]
    same_kind = [each for each in candidates if each.step.kind == step.kind]
    return next(iter(same_kind or candidates), earliest)


def _between(one: _Place, other: _Place) -> Difference:
    kind = one.step.kind
    if kind == other.step.kind:
        return Difference(one.name, kind, _within(one, other))
    if one.is_followed_by(other.step.kind):
        return _missing(one, None)
    if other.is_followed_by(kind):
        return _missing(None, other)
    return Difference(one.name, kind, f"{_title(one)} against {_title(other)}")


def _missing(one: _Place | None, other: _Place | None) -> Difference:
    """Return that only one of the two networks has an operation."""
    if one is not None:
        return Difference(one.name, one.step.kind, f"{_title(one)} against none")
    assert other is not None  # noqa: S101 - one of them is there
    return Difference(other.name, other.step.kind, f"none against {_title(other)}")


def _title(place: _Place) -> str:
    kind = place.step.kind
    return kind if _GENERATED.fullmatch(place.name) else f"{kind} {place.name}"


def _within(one: _Place, other: _Place) -> str:
    """Return in what two operations of the same kind differ."""
    if one.step.kind == "Parameter":
        pairs = _contract_fields(one.outline.contract, other.outline.contract)
        return f"the input contract: {', '.join(pairs)}"
    here, there = one.node, other.node
    found = [*_attributes(here, there), *_constants(here, there)]
    if one.step.takes != other.step.takes:
        found.append("what it takes")
    if not found:
        found.append("it may hold more than it shows, and is never taken for the same")
    return f"{_title(one)}: {', '.join(found)}"


def _contract_fields(one: InputContract, other: InputContract) -> Iterator[str]:
    for field in fields(one):
        here, there = getattr(one, field.name), getattr(other, field.name)
        if here != there:
            yield f"{field.name} {_shown(here)} against {_shown(there)}"


def _attributes(one: openvino.Node, other: openvino.Node) -> Iterator[str]:
    here, there = _seen(one), _seen(other)
    for name in dict.fromkeys([*here, *there]):
        if here.get(name) != there.get(name):
            told = name.replace("_", " ")
            yield f"{told} {_shown(here.get(name))} against {_shown(there.get(name))}"


def _seen(node: openvino.Node) -> Mapping[str, object]:
    types = [port.get_element_type().get_type_name() for port in node.outputs()]
    return {**(attributes_of(node) or {}), "type": types}


def _constants(one: openvino.Node, other: openvino.Node) -> Iterator[str]:
    role = _ROLES.get(one.get_type_name(), "constant")
    for here, there in zip(inputs_of(one), inputs_of(other), strict=False):
        if is_constant(here) and is_constant(there):
            values = constant_of(here), constant_of(there)
            if values[0] is not None and values[1] is not None:
                yield from _values(role, values[0], values[1])


def _values(role: str, one: NDArray[np.generic], other: NDArray[np.generic]) -> Iterator[str]:
    if one.shape != other.shape:
        yield f"{role} of shape {one.shape} against {other.shape}"
        return
    here, there = one.astype(np.float64).reshape(-1), other.astype(np.float64).reshape(-1)
    # By their bits: a zero is not a negative zero, and no number is the same as itself.
    unlike = here.view(np.uint64) != there.view(np.uint64)
    if not unlike.any():
        return
    if one.size <= _FEW:
        yield f"{role} {_shown(here.tolist())} against {_shown(there.tolist())}"
        return
    with np.errstate(invalid="ignore"):
        most = np.abs(here - there)[unlike].max()
    yield f"{role} {one.shape} differ in {unlike.sum()} of {one.size} values, by up to {most:.2g}"


def _shown(value: object) -> str:
    """Return a value for a person to read; a list of equal values as one of them."""
    if isinstance(value, list | tuple):
        same = len(value) > 0 and value.count(value[0]) == len(value)
        return _shown(value[0]) if same else f"({', '.join(map(_shown, value))})"
    return f"{value:.9g}" if isinstance(value, float) else str(value)
