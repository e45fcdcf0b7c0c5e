# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports import tensorflow_check
from trunkline.exports.messages import GraphDef
from trunkline.exports.tensorflow_check import check

SOURCE = Path("model.pb")


def graph_of(**nodes: tuple) -> GraphDef:
    """Return a graph; each operation is given as its kind and what it takes."""
    graph = GraphDef()
    add(graph.node, nodes)
    return graph


def add(to, nodes) -> None:
    for name, (kind, *taken) in nodes.items():
        to.add(name=name, op=kind, input=taken)


def declare(graph, name, takes=(), gives=(), ret=None, **nodes):
    function = graph.library.function.add()
    function.signature.name = name
    for each in takes:
        function.signature.input_arg.add(name=each)
    for each in gives:
        function.signature.output_arg.add(name=each)
    function.ret.update(dict.fromkeys(gives, "x:0") if ret is None else ret)
    add(function.node_def, nodes)
    return function


def call(to, callee, *taken, kind="PartitionedCall", name="call") -> None:
    node = to.add(name=name, op=kind, input=taken)
    node.attr["f"].func.name = callee


@pytest.mark.parametrize(
    "nodes",
    [
        {"a": ("Relu", "a")},
        {"a": ("Relu", "b:0"), "b": ("Relu", "c"), "c": ("Add", "a:1", "x")},
        {"a": ("Relu", "x", "^b"), "b": ("Relu", "a")},
    ],
)
def test_an_operation_that_depends_on_itself_is_refused(nodes) -> None:
    with pytest.raises(ExportError, match="depend on themselves"):
        check(graph_of(x=("Placeholder",), **nodes), SOURCE)


def test_loops_are_no_such_thing() -> None:
    loop = {
        "enter": ("Enter", "x"),
        "merge": ("Merge", "enter", "back"),
        "more": ("Relu", "merge"),
        "back": ("NextIteration", "more"),
    }
    check(graph_of(x=("Placeholder",), **loop), SOURCE)


def test_operations_in_functions_count() -> None:
    graph = graph_of(x=("Placeholder",))
    declare(graph, "f", a=("Relu", "b"), b=("Relu", "a"))
    with pytest.raises(ExportError, match="depend on themselves"):
        check(graph, SOURCE)


@pytest.mark.parametrize("kind", ["PartitionedCall", "StatefulPartitionedCall"])
def test_a_call_as_declared_is_fine(kind) -> None:
    graph = graph_of(x=("Placeholder",), y=("Placeholder",))
    declare(graph, "f", takes=("a", "b"), gives=("c",), d=("Add", "a", "b"))
    call(graph.node, "f", "x", "y", "^x", kind=kind)
    check(graph, SOURCE)


@pytest.mark.parametrize(
    ("taken", "gives", "ret"),
    [
        (("x",), ("c",), None),
        (("x", "^y"), ("c",), None),
        (("x", "y"), ("c",), {}),
        (("x", "y"), ("c",), {"d": "x:0"}),
    ],
    ids=["too little", "only waits", "no result", "another result"],
)
@pytest.mark.parametrize("direct", [False, True])
def test_a_call_that_is_not_as_declared_is_refused(taken, gives, ret, direct) -> None:
    graph = graph_of(x=("Placeholder",), y=("Placeholder",))
    declare(graph, "f", takes=("a", "b"), gives=gives, ret=ret)
    if direct:  # TensorFlow 1 called a function as if it were an operation
        add(graph.node, {"call": ("f", *taken)})
    else:
        call(graph.node, "f", *taken)
    with pytest.raises(ExportError, match="calls a function wrongly"):
        check(graph, SOURCE)


def test_a_call_of_nothing_is_refused() -> None:
    graph = graph_of(x=("Placeholder",))
    call(graph.node, "missing", "x")
    with pytest.raises(ExportError, match="calls a function wrongly"):
        check(graph, SOURCE)


def test_a_wrong_call_in_a_function_is_refused() -> None:
    graph = graph_of(x=("Placeholder",))
    declare(graph, "f", takes=("a",))
    call(declare(graph, "g").node_def, "f")
    with pytest.raises(ExportError, match="calls a function wrongly"):
        check(graph, SOURCE)


def test_functions_that_call_each_other_in_a_circle_are_refused() -> None:
    graph = graph_of(x=("Placeholder",))
    call(declare(graph, "f").node_def, "g")
    node = declare(graph, "g").node_def.add(name="if", op="If")
    node.attr["then_branch"].func.name = "f"
    with pytest.raises(ExportError, match="functions call themselves"):
        check(graph, SOURCE)


def test_a_graph_too_large_to_be_read_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(tensorflow_check, "MOST_OPERATIONS", 3)
    graph = graph_of(x=("Placeholder",), y=("Placeholder",))
    declare(graph, "f", a=("Const",))
    check(graph, SOURCE)
    graph.node.add(name="z", op="Placeholder")
    with pytest.raises(UnsupportedExportError, match="4 operations; at most 3"):
        check(graph, SOURCE)


def test_what_tensorflow_itself_makes_of_functions_is_fine() -> None:
    import tensorflow as tf

    @tf.function
    def inner(x):
        return tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: x)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def outer(x):
        return tf.while_loop(lambda y: tf.reduce_sum(y) < 9, lambda y: [inner(y) + 1], [x])[0]

    graph = outer.get_concrete_function().graph.as_graph_def()
    assert len(graph.library.function) > 2
    check(GraphDef.FromString(graph.SerializeToString()), SOURCE)
