# SPDX-License-Identifier: Apache-2.0
"""What is done with a frame: each thing once, and buffers given back whatever happens."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.crowds import CONTRACTS, PICTURE, SIDE, Raw
from trunkline.contracts import InputContract, Preset
from trunkline.decoding import ClassificationDecoder
from trunkline.engine import plan as plan_module
from trunkline.engine.packed import PackedHeads
from trunkline.engine.plan import Entry, PackKey, Part, Plan
from trunkline.graphs.merging import Tensor
from trunkline.graphs.sharing import Segment
from trunkline.models import Model
from trunkline.predictions import Classification

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PIXELS, STEM, FEATURES, OTHER = (Tensor(name, 0) for name in (b"in", b"stem", b"fc", b"other"))
LABELS = ("a", "b")


@dataclass
class Call:
    """As a compiled graph's call: outputs, lent until they are released."""

    outputs: list[np.ndarray]
    released: int = 0

    def release(self) -> None:
        self.released += 1
        for output in self.outputs:
            output[...] = np.nan  # the next call may write anything here


@dataclass
class Graph:
    """As a compiled graph, but plain Python."""

    work: Callable[..., np.ndarray]
    calls: list[Call] = field(default_factory=list)

    def start(self, tensors: Sequence[np.ndarray]) -> Call:
        self.calls.append(Call([self.work(*tensors).astype(np.float32)]))
        return self.calls[-1]

    run = start


def part(
    work: Callable[..., np.ndarray],
    takes: Tensor,
    gives: Tensor,
) -> Part:
    segment = Segment((0,), frozenset(), (takes,), (gives,), 1, 1)
    return Part(segment, Graph(work))  # type: ignore[arg-type]


def model(name: str, *, packed: bool) -> Model:
    decoder = ClassificationDecoder("multiclass", "softmax") if packed else Raw()
    return Model(name, LABELS, "multiclass", CONTRACTS[0], None, decoder, "made", name)


def plan(*, fail: bool = False) -> Plan:
    """A stem, what two packed heads take, and what a compiled head gives, after the stem."""

    def failing(_: np.ndarray) -> np.ndarray:
        raise RuntimeError("out of order")

    key = PackKey((FEATURES,), "softmax")
    weights = np.array([[1, 0, 0], [0, 0, 0]], np.float32)
    heads = PackedHeads("softmax").adding("last", LABELS, weights, np.zeros(2, np.float32))
    heads = heads.adding("first", LABELS, -weights, np.ones(2, np.float32))
    last = failing if fail else lambda stem: stem[:, :2] * 2
    return Plan(
        {
            "first": Entry(model("first", packed=True), (FEATURES,), key),
            "middle": Entry(model("middle", packed=False), (OTHER,), None),
            "last": Entry(model("last", packed=True), (FEATURES,), key),
        },
        {PIXELS: CONTRACTS[0]},
        (
            part(lambda pixels: pixels.mean((1, 2)) / 255, PIXELS, STEM),
            part(lambda stem: stem + 1, STEM, FEATURES),
            part(last, STEM, OTHER),
        ),
        {key: heads},
    )


def graphs(made: Plan) -> list[Graph]:
    return [each.graph for each in made.parts]  # type: ignore[misc]


def pixels(value: int = 51) -> dict[Tensor, np.ndarray]:
    return {PIXELS: np.full((1, SIDE, SIDE, 3), value, np.float32)}


def test_each_part_is_run_once_and_each_model_answers_in_its_place() -> None:
    made = plan()
    answers = made.answer(pixels())
    assert [len(graph.calls) for graph in graphs(made)] == [1, 1, 1]
    assert list(answers) == ["first", "middle", "last"]
    e = np.exp(1.2)
    np.testing.assert_allclose(answers["last"].probabilities, [e / (1 + e), 1 / (1 + e)], rtol=1e-6)
    np.testing.assert_allclose(
        answers["first"].probabilities, [1 / (1 + e), e / (1 + e)], rtol=1e-6
    )
    np.testing.assert_allclose(answers["middle"].probabilities, [0.4, 0.4], rtol=1e-6)
    assert (answers["first"].label, answers["last"].label) == ("b", "a")


def test_answers_outlive_the_buffers() -> None:
    made = plan()
    answers = made.answer(pixels())
    assert [call.released for graph in graphs(made) for call in graph.calls] == [1, 1, 1]
    for answer in answers.values():
        assert np.isfinite(answer.probabilities).all()


def test_buffers_are_given_back_where_a_part_fails() -> None:
    made = plan(fail=True)
    with pytest.raises(RuntimeError, match="out of order"):
        made.answer(pixels())
    assert [[call.released for call in graph.calls] for graph in graphs(made)] == [[1], [1], []]


def test_a_picture_is_made_ready_once_per_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[InputContract] = []

    def counted(picture: np.ndarray, contract: InputContract) -> np.ndarray:
        made.append(contract)
        return np.full((1, SIDE, SIDE, 3), 51, np.float32)

    monkeypatch.setattr(plan_module, "to_tensor", counted)
    assert len(plan().predict(PICTURE)) == 3
    assert made == [CONTRACTS[0]]


def test_a_plan_of_nothing_answers_nothing() -> None:
    nothing = Plan({}, {}, (), {})
    assert dict(nothing.predict(PICTURE)) == {}


def test_heads_of_models_that_are_not_in_a_plan_do_not_answer() -> None:
    """A model is tried with the pack it is in, and by itself."""
    whole = plan()
    some = Plan({"last": whole.entries["last"]}, whole.inputs, whole.parts, whole.packs)
    answers = some.answer(pixels())
    assert list(answers) == ["last"]
    assert answers["last"].label == "a"


def test_the_task_is_the_decoders() -> None:
    assert plan().answer(pixels())["first"].task == "multiclass"


def test_contracts_of_their_own_get_tensors_of_their_own() -> None:
    small = InputContract(2, 3, Preset.SAMPLE_STRETCH)
    other = Tensor(b"small", 0)
    entries = {
        "large": Entry(model("large", packed=False), (STEM,), None),
        "small": Entry(model("small", packed=False), (OTHER,), None),
    }
    parts = (
        part(lambda p: np.array(p.shape[1:3]), PIXELS, STEM),
        part(lambda p: np.array(p.shape[1:3]), other, OTHER),
    )
    made = Plan(entries, {PIXELS: CONTRACTS[0], other: small}, parts, {})
    answers = made.predict(PICTURE)
    assert answers["large"].probabilities.tolist() == [SIDE, SIDE]
    assert answers["small"].probabilities.tolist() == [2, 3]


def test_some_models_cost_only_what_they_need() -> None:
    made = plan()
    whole = made.answer(pixels())
    for names, runs in (({"first"}, [1, 1, 0]), ({"middle"}, [1, 0, 1]), ({"last"}, [1, 1, 0])):
        before = [len(graph.calls) for graph in graphs(made)]
        answers = made.narrowed(names).answer(pixels())
        after = [len(graph.calls) for graph in graphs(made)]
        assert [b - a for a, b in zip(before, after, strict=True)] == runs
        assert set(answers) == names
        for name, answer in answers.items():
            np.testing.assert_array_equal(answer.probabilities, whole[name].probabilities)


def test_a_narrowed_plan_is_made_once() -> None:
    made = plan()
    assert made.narrowed(["first", "middle"]) is made.narrowed({"middle", "first"})
    assert made.narrowed(["last", "first", "middle", "stranger"]) is made
    assert dict(made.narrowed([]).answer({})) == {}


def test_not_every_narrowed_plan_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "_MOST_NARROWED", 2)
    made = plan()
    for names in (["first"], ["middle"], ["last"], ["first"]):
        assert list(made.narrowed(names).entries) == names
    assert len(made._narrowed) <= 2


def test_answers_are_found_among_those_of_several_packs() -> None:
    """Two packs whose models come in turn: an answer's number counts through both."""
    weights = np.zeros((3, 3), np.float32)
    names, packs, entries = ("a", "b", "c", "d"), dict[PackKey, PackedHeads](), {}
    for index, name in enumerate(names):
        key = PackKey((FEATURES,), "softmax" if index % 2 else "sigmoid")
        heads = packs.get(key) or PackedHeads(key.activation)
        labels, bias = [f"{name} {row}" for row in range(3)], np.zeros(3, np.float32)
        bias[index % 3] = 1 + index
        packs[key] = heads.adding(name, labels, weights, bias)
        made = replace(model(name, packed=True), labels=tuple(labels))
        entries[name] = Entry(made, key.needs, key)
    parts = (part(lambda pixels: pixels.mean((1, 2)), PIXELS, FEATURES),)
    whole = Plan(entries, {PIXELS: CONTRACTS[0]}, parts, packs)
    for asked in (whole, whole.narrowed({"b", "c"}), whole.narrowed({"d"})):
        found = asked.predict(PICTURE)
        assert list(found) == [name for name in names if name in asked.entries]
        for name, answer in found.items():
            assert answer.labels == tuple(f"{name} {row}" for row in range(3))
            assert isinstance(answer, Classification)
            assert answer.label == f"{name} {names.index(name) % 3}"
            assert answer.probabilities.argmax() == names.index(name) % 3
            assert answer.probability == answer.probabilities.max()
            assert found[name].to_dict() == answer.to_dict()
