# SPDX-License-Identifier: Apache-2.0
"""Networks as one: the operations of many graphs, each that is the same held once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from trunkline.graphs.cost import macs, weight_bytes
from trunkline.graphs.heads import DenseHead, find_dense_head
from trunkline.graphs.identity import Identity, identify
from trunkline.graphs.normal_form import normal_form
from trunkline.graphs.rewriting import inputs_of, is_constant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import openvino

    from trunkline.contracts import InputContract

__all__ = ["Outline", "Step", "Tensor", "outline", "steps_behind"]


class Tensor(NamedTuple):
    """One output of one operation, told by the operation's identity."""

    identity: Identity
    port: int


@dataclass(frozen=True, slots=True)
class Step:
    """One operation as far as sharing is concerned.

    Attributes:
        kind: The type of operation.
        takes: The tensors it takes, in order, constants apart: those are part of its identity.
        macs: Its multiply-accumulates for one picture.
        weight_bytes: The bytes of its constants.
    """

    kind: str
    takes: tuple[Tensor, ...]
    macs: int
    weight_bytes: int


@dataclass(frozen=True, eq=False)
class Outline:
    """A model's network in normal form, with everything told by identity.

    Attributes:
        graph: The normal form.
        contract: What it is fed.
        names: From an operation's identity to its friendly name in ``graph``.
        constants: From a constant's friendly name to its identity.
        steps: From identity to step, in the order in which they can be run, for every operation
            but results, and but constants that are not given as they are.
        outputs: The tensors it gives, in the graph's order.
        head: The dense head, if it ends in one.
        features: The tensor that the dense head takes.
    """

    graph: openvino.Model
    contract: InputContract
    names: Mapping[Identity, str]
    constants: Mapping[str, Identity]
    steps: Mapping[Identity, Step]
    outputs: tuple[Tensor, ...]
    head: DenseHead | None
    features: Tensor | None


def outline(graph: openvino.Model, contract: InputContract) -> Outline:
    """Bring a graph into normal form and tell its operations.

    Raises:
        RuntimeError: The graph does not take the contract's shape.
    """
    normal, contract = normal_form(graph, contract)
    found = identify(normal, contract)
    _merge_equal(normal, found)
    head = find_dense_head(normal)
    steps: dict[Identity, Step] = {}
    names: dict[Identity, str] = {}
    constants: dict[str, Identity] = {}
    for node in normal.get_ordered_ops():
        name = node.get_friendly_name()
        if node.get_type_name() == "Constant":
            constants[name] = found[name]
        if _is_step(node):
            steps[found[name]] = _step(node, found)
            names[found[name]] = name
    outputs = tuple(_tensor(result.input_value(0), found) for result in normal.get_results())
    features = _tensor(head.features, found) if head else None
    return Outline(normal, contract, names, constants, steps, outputs, head, features)


def _merge_equal(graph: openvino.Model, found: Mapping[str, Identity]) -> None:
    """Let what is written twice in a graph be done once, so that an identity is one operation."""
    first: dict[Identity, openvino.Node] = {}
    for node in graph.get_ordered_ops():
        identity = found[node.get_friendly_name()]
        if node.get_type_name() in {"Parameter", "Result"}:
            continue
        twin = first.setdefault(identity, node)
        if twin.get_instance_id() != node.get_instance_id() and _have_equal_types(twin, node):
            for port in node.outputs():
                for user in list(port.get_target_inputs()):
                    user.replace_source_output(twin.output(port.get_index()))
    graph.validate_nodes_and_infer_types()


def _have_equal_types(one: openvino.Node, other: openvino.Node) -> bool:
    # An integer constant's identity does not tell its type.
    return bool(one.get_output_element_type(0) == other.get_output_element_type(0))


def _is_step(node: openvino.Node) -> bool:
    if node.get_type_name() == "Constant":
        users = (port.get_node() for port in node.output(0).get_target_inputs())
        return any(user.get_type_name() == "Result" for user in users)
    return bool(node.get_type_name() != "Result")


def _step(node: openvino.Node, found: Mapping[str, Identity]) -> Step:
    takes = tuple(_tensor(port, found) for port in inputs_of(node) if not is_constant(port))
    return Step(node.get_type_name(), takes, macs(node), weight_bytes(node))


def _tensor(port: openvino.Output, found: Mapping[str, Identity]) -> Tensor:
    return Tensor(found[port.get_node().get_friendly_name()], port.get_index())


def steps_behind(needs: Sequence[Tensor], steps: Mapping[Identity, Step]) -> Iterator[Identity]:
    """Yield every operation that tensors are made from, each once, last ones first."""
    seen: set[Identity] = set()
    waiting: list[Iterable[Tensor]] = [needs]
    while waiting:
        for tensor in waiting.pop():
            if tensor.identity not in seen:
                seen.add(tensor.identity)
                yield tensor.identity
                waiting.append(steps[tensor.identity].takes)
