# SPDX-License-Identifier: Apache-2.0
"""Whatever comes and goes, each model answers as alone, and nothing is compiled or held twice."""

from __future__ import annotations

import gc
import pickle
import threading
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import openvino
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openvino import opset13 as ops

from engine.crowds import (
    CONTRACTS,
    PICTURE,
    SIDE,
    Layer,
    Recipe,
    alone,
    check,
    families,
    model,
    numbers,
)
from trunkline.decoding import ClassificationDecoder
from trunkline.engine import planning
from trunkline.engine.compiled import CompiledGraph
from trunkline.engine.drafts import Draft
from trunkline.engine.modelset import ModelSet
from trunkline.engine.planning import Build, RefusedError, Workshop, outline_of
from trunkline.errors import ExportError, ModelNameError, UnsupportedExportError
from trunkline.exports.reading import Read
from trunkline.graphs import sharing
from trunkline.graphs.merging import outline
from trunkline.images import to_tensor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trunkline.contracts import InputContract
    from trunkline.engine.compiled import Call
    from trunkline.engine.plan import Plan
    from trunkline.graphs.merging import Outline
    from trunkline.models import Model

# A mean is never cut off from the convolution before it, so what is shared ends one layer earlier.
STEM = (Layer("wide", 0), Layer("wide", 1), Layer("wide", 2))
DEEPER = (*STEM, Layer("wide", 3))
OTHER = tuple(Layer("wide", seed) for seed in (7, 8, 9))
TRUNK = Recipe(STEM, "softmax", 0)


def few(examples: int) -> settings:
    """Compiling is slow; what is not tried today is tried tomorrow."""
    return settings(max_examples=examples, deadline=None)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[CompiledGraph]:
    """Everything that is compiled from now on."""
    made: list[CompiledGraph] = []

    class Counted(CompiledGraph):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            made.append(self)

    monkeypatch.setattr(planning, "CompiledGraph", Counted)
    return made


@pytest.fixture
def models() -> ModelSet:
    """A set on one core."""
    return ModelSet(cores=1)


def add(models: ModelSet, **recipes: Recipe) -> None:
    models.add(**{name: model(name, recipe) for name, recipe in recipes.items()})


def users(plan: Plan) -> list[tuple[int, ...]]:
    return [part.segment.users for part in plan.parts]


def check_plan(models: ModelSet) -> None:
    """Every operation that is worth it is in one part; every part and pack is used by someone."""
    plan = models.plan
    wanted = {tensor for entry in plan.entries.values() for tensor in entry.needs}
    wanted |= {tensor for part in plan.parts for tensor in part.segment.takes}
    made = set(plan.inputs)
    for part in plan.parts:
        assert made >= set(part.segment.takes)
        assert wanted & set(part.segment.gives)
        assert part.segment.users
        made |= set(part.segment.gives)
    networks = list(models._build.networks)
    assert {entry.needs for entry in plan.entries.values()} == set(networks)
    assert {index for part in plan.parts for index in part.segment.users} <= set(
        range(len(networks))
    )
    packed = {name: entry.pack for name, entry in plan.entries.items() if entry.pack}
    assert {name: key for key, heads in plan.packs.items() for name in heads.names} == packed
    once = [step for part in plan.parts for step in part.segment.steps if part.segment.macs > 1e6]
    trunks = [p.segment for p in plan.parts if p.segment.macs > 1e6]
    assert len(once) == len(set(once)) or any(len(t.users) == 1 for t in trunks)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, dict[str, Recipe]]]:
    """Changes: models added together, removed together, or put in others' places."""
    recipes = draw(families(4))
    changes: list[tuple[str, dict[str, Recipe]]] = []
    there: dict[str, Recipe] = {}
    for index in range(draw(st.integers(2, 4))):
        some = draw(st.lists(st.sampled_from(recipes), min_size=1, max_size=3))
        kind = draw(st.sampled_from(("add", "remove", "replace"))) if there else "add"
        if kind == "add":
            change = {f"m{index}{number}": recipe for number, recipe in enumerate(some)}
        else:
            names = draw(st.sets(st.sampled_from(sorted(there)), min_size=1, max_size=3))
            change = dict(zip(sorted(names), some * 3, strict=False))
        changes.append((kind, change))
        there = {n: r for n, r in there.items() if kind != "remove" or n not in change}
        there |= {} if kind == "remove" else change
    return changes


def run(
    models: ModelSet, changes: Sequence[tuple[str, dict[str, Recipe]]]
) -> Iterator[dict[str, Recipe]]:
    there: dict[str, Recipe] = {}
    for kind, change in changes:
        match kind:
            case "add":
                add(models, **change)
                there |= change
            case "remove":
                models.remove(*change)
                there = {name: recipe for name, recipe in there.items() if name not in change}
            case _:
                models.replace(**{name: model(name, each) for name, each in change.items()})
                there |= change
        yield there


@few(8)
@given(changes=histories(), worth=st.sampled_from((1_000_000, 20_000)))
def test_any_history_answers_as_each_model_alone(
    changes: list[tuple[str, dict[str, Recipe]]], worth: int
) -> None:
    """Bit for bit where the head is compiled, within 1e-6 where it is packed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sharing, "_WORTH_SHARING_MACS", worth)
        models = ModelSet(cores=1)
        for there in run(models, changes):
            check(models, there, cores=1)
            check_plan(models)
            assert list(models) == list(there)
        models.remove(*models)
        assert (models.plan.parts, models.plan.packs, models.plan.inputs) == ((), {}, {})


@few(4)
@given(recipes=families(3))
def test_alone_is_what_openvino_answers_for_the_graph_as_it_came(recipes: list[Recipe]) -> None:
    for recipe in recipes:
        raw = model("raw", recipe)
        assert raw.graph is not None
        whole = openvino.Core().compile_model(raw.graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        outputs = whole(to_tensor(PICTURE, CONTRACTS[recipe.contract]))
        found = [outputs[index] for index in range(len(outputs))]
        expected = numbers(raw.decoder(found, raw.labels))
        np.testing.assert_allclose(alone(recipe, 1), expected, rtol=1e-4, atol=1e-5)


def test_a_head_on_a_loaded_trunk_compiles_nothing(
    models: ModelSet, compiled: list[CompiledGraph]
) -> None:
    add(models, first=TRUNK)
    assert len(compiled) == 1
    for index, end in enumerate(("softmax", "softmax outside", "sigmoid", "sigmoid outside")):
        add(models, **{f"other {index}": Recipe(STEM, end, index, labels=1 + index)})
    assert len(compiled) == 1
    assert users(models.plan) == [(0,)]
    assert sorted(len(heads) for heads in models.plan.packs.values()) == [2, 3]


def test_a_head_on_a_loaded_trunk_is_not_tried_either(
    models: ModelSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(models, first=TRUNK)
    for call in ("run", "start"):
        monkeypatch.setattr(CompiledGraph, call, None)
    add(models, second=replace(TRUNK, seed=1))
    assert list(models) == ["first", "second"]


def test_a_head_on_a_trunk_that_others_left_compiles_nothing(
    models: ModelSet, compiled: list[CompiledGraph]
) -> None:
    """The trunk was cut for a model that is gone; a new head is no reason to cut it again."""
    add(models, packed=TRUNK, deep=Recipe(DEEPER, "deep", 0))
    models.remove("deep")
    before = len(compiled)
    add(models, again=replace(TRUNK, seed=1))
    assert len(compiled) == before
    check(models, {"packed": TRUNK, "again": replace(TRUNK, seed=1)}, cores=1)


def test_removing_compiles_nothing_and_lets_go_what_no_one_uses(
    models: ModelSet, compiled: list[CompiledGraph]
) -> None:
    recipes = {
        "packed": TRUNK,
        "deep": Recipe((*DEEPER, Layer("wide", 0)), "deep", 0),
        "deeper": Recipe((*DEEPER, Layer("conv", 1)), "map", 1),
        "apart": Recipe((Layer("wide", 3),), "map", 0),
    }
    for recipe in recipes.values():
        alone(recipe, 1)
    compiled.clear()
    add(models, **recipes)
    assert sorted(len(each) for each in users(models.plan)) == [1, 1, 1, 1, 2, 3]
    left = [weakref.ref(graph) for graph in compiled]
    compiled.clear()
    for name, parts in {"deep": 5, "apart": 4, "packed": 3, "deeper": 0}.items():
        models.remove(name)
        del recipes[name]
        check(models, recipes, cores=1)
        check_plan(models)
        assert len(models.plan.parts) == parts
    assert len(left) == 6
    assert compiled == []
    gc.collect()
    assert [graph() for graph in left] == [None] * len(left)


def test_a_removed_trunk_is_not_kept_by_what_was_recognised_by_it(models: ModelSet) -> None:
    add(models, a=TRUNK, b=Recipe((Layer("wide", 3), Layer("conv", 3)), "softmax", 0))
    network = weakref.ref(next(iter(models._build.networks.values())))
    models.remove("a")
    gc.collect()
    assert network() is None


def test_what_is_there_is_taken_over_when_a_network_comes(
    models: ModelSet, compiled: list[CompiledGraph]
) -> None:
    add(models, first=TRUNK)
    add(models, apart=Recipe((Layer("wide", 3), Layer("conv", 3)), "map", 0))
    assert len(compiled) == 2
    add(models, deeper=Recipe(DEEPER, "map", 1))  # begins at the tensor the dense head takes
    stem = models.plan.entries["first"].needs
    assert len([part for part in models.plan.parts if len(part.segment.users) == 2]) == 1
    assert any(set(stem) & set(part.segment.gives) for part in models.plan.parts)
    check(
        models,
        {
            "first": TRUNK,
            "apart": Recipe((Layer("wide", 3), Layer("conv", 3)), "map", 0),
            "deeper": Recipe(DEEPER, "map", 1),
        },
        cores=1,
    )


def test_a_trunk_is_held_once(models: ModelSet) -> None:
    """Of networks that are kept whole, equal constants are one piece of memory."""
    names = [f"m{index}" for index in range(4)]
    add(models, **{name: Recipe(DEEPER, "map", index) for index, name in enumerate(names)})
    pieces = [constants(found.graph) for found in models._build.networks.values()]
    large = [{place for place, size in each.items() if size > 4000} for each in pieces]
    assert all(len(each) >= 3 for each in large)
    assert len(set.intersection(*large)) >= 3
    models.remove("m0")  # whoever came first
    gc.collect()
    recipes = {name: Recipe(DEEPER, "map", index) for index, name in enumerate(names)}
    check(models, {name: recipes[name] for name in names[1:]}, cores=1)
    add(models, m0=recipes["m0"])
    check(models, recipes, cores=1)


def constants(graph: openvino.Model) -> dict[int, int]:
    """Return where each constant lies, and its size."""
    found = [node.data for node in graph.get_ops() if node.get_type_name() == "Constant"]
    return {values.__array_interface__["data"][0]: values.nbytes for values in found}


def test_equal_models_share_all_but_their_names(
    models: ModelSet, compiled: list[CompiledGraph]
) -> None:
    recipes = {"a": Recipe(DEEPER, "map", 0), "b": Recipe(DEEPER, "map", 0), "c": TRUNK, "d": TRUNK}
    add(models, **recipes)
    assert len(models._build.networks) == 2
    check(models, recipes, cores=1)
    models.remove("a", "c")
    check(models, {"b": recipes["b"], "d": recipes["d"]}, cores=1)


def test_the_activation_is_applied_once_wherever_it_is(models: ModelSet) -> None:
    """Softmax twice is no dense head that packing knows; it is done as it is written."""
    twice = replace(model("twice", TRUNK), decoder=ClassificationDecoder("multiclass", "softmax"))
    mixed = replace(
        model("mixed", replace(TRUNK, end="sigmoid")),
        decoder=ClassificationDecoder("multiclass", "softmax"),
    )
    models.add(twice, mixed, inside=model("inside", TRUNK))
    assert [models.plan.entries[name].pack is None for name in models] == [True, True, False]
    answers = {name: numbers(each) for name, each in models.predict(PICTURE).items()}
    for name, once in {"twice": TRUNK, "mixed": replace(TRUNK, end="sigmoid")}.items():
        expected = np.exp(alone(once, 1)) / np.exp(alone(once, 1)).sum()
        np.testing.assert_allclose(answers[name], expected, rtol=1e-5)


def draft(*found: Model, build: Build | None = None) -> Draft:
    made = Draft.of(build or Build.empty())
    for each in found:
        made.add(Read(each))
    return made


WORKSHOP = Workshop(1, "latency")


def finish(made: Draft, before: Build | None = None) -> Build:
    return WORKSHOP.finish(made, before or Build.empty())


def wrong_labels(recipe: Recipe) -> Model:
    return replace(
        model("wrong", recipe),
        labels=("one", "more", "than", "it", "has"),
        decoder=ClassificationDecoder("multilabel"),
        source="there/wrong.pb",
    )


@pytest.mark.parametrize("end", ["softmax", "deep", "map"])
def test_a_model_that_cannot_be_decoded_is_refused_by_its_own_name(end: str) -> None:
    recipe = Recipe(STEM, end, 0)  # type: ignore[arg-type]
    made = draft(model("good", TRUNK), wrong_labels(recipe), model("fine", replace(TRUNK, seed=1)))
    with pytest.raises(RefusedError, match=r"^there/wrong.pb: .*for 5 labels") as caught:
        finish(made)
    assert caught.value.name == "wrong"
    assert isinstance(caught.value, UnsupportedExportError)
    made.drop(["wrong"])
    build = finish(made)
    assert list(build.plan.entries) == ["good", "fine"]
    assert len(build.plan.parts) == 1


def test_a_model_that_cannot_be_decoded_is_refused_on_a_network_that_is_there() -> None:
    deep = Recipe(STEM, "deep", 0)
    before = finish(draft(model("good", deep)))
    with pytest.raises(RefusedError, match=r"wrong\.pb"):
        finish(draft(wrong_labels(deep), build=before), before)


@pytest.mark.parametrize("fault", [RuntimeError, TypeError, MemoryError, AttributeError])
@pytest.mark.parametrize("place", ["compile", "run", "outline"])
def test_whatever_the_runtime_raises_the_model_at_fault_is_named(
    monkeypatch: pytest.MonkeyPatch, fault: type[Exception], place: str
) -> None:
    """The graph at fault has a sine in it."""

    def fail_at(here: str, graph: openvino.Model) -> bool:
        sine = any(node.get_type_name() == "Sin" for node in graph.get_ops())
        if sine and here == place:
            raise fault("\nthe machine\n  said no  \n")
        return sine

    class Faulty(CompiledGraph):
        def __init__(self, graph: openvino.Model, *arguments: object) -> None:
            self.sine = fail_at("compile", graph)
            super().__init__(graph, *arguments)  # type: ignore[arg-type]

        def run(self, tensors: Sequence[np.ndarray]) -> Call:
            if self.sine and place == "run":
                raise fault("\nthe machine\n  said no  \n")
            return super().run(tensors)

        start = run

    def outlined(graph: openvino.Model, contract: InputContract) -> Outline:
        fail_at("outline", graph)
        return outline(graph, contract)

    before = finish(draft(model("old", replace(TRUNK, end="map"))))
    monkeypatch.setattr(planning, "CompiledGraph", Faulty)
    monkeypatch.setattr(planning, "outline", outlined)
    with pytest.raises(RefusedError, match=r"^here/sine\.onnx: .*said no\).*report it") as caught:
        finish(
            draft(model("a", Recipe(DEEPER, "deep", 0)), sine(), model("z", TRUNK), build=before),
            before,
        )
    assert caught.value.name == "sine"
    assert type(caught.value.__cause__) is fault
    assert "\n" not in str(caught.value)


def sine() -> Model:
    taken = ops.parameter([1, SIDE, SIDE, 3], openvino.Type.f32)
    graph = openvino.Model([ops.reduce_mean(ops.sin(taken), np.array([1, 2]))], [taken], "sine")
    decoder = ClassificationDecoder("multilabel")
    return replace(model("sine", TRUNK), graph=graph, decoder=decoder, source="here/sine.onnx")


def test_what_shares_nothing_is_compiled_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)

    class Waiting(CompiledGraph):
        def __init__(self, *arguments: object) -> None:
            both.wait(timeout=30)  # raises where the other does not come
            super().__init__(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(planning, "CompiledGraph", Waiting)
    made = draft(model("a", TRUNK), model("b", replace(TRUNK, layers=OTHER)))
    plan = Workshop(2, "latency").finish(made, Build.empty()).plan
    assert len(plan.parts) == 2
    monkeypatch.undo()
    for name, recipe in (("a", TRUNK), ("b", replace(TRUNK, layers=OTHER))):
        found = numbers(plan.predict(PICTURE)[name])
        np.testing.assert_allclose(found, alone(recipe, 2), rtol=0, atol=1e-6)


def test_on_one_core_one_is_compiled_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = [], []

    class Counted(CompiledGraph):
        def __init__(self, *arguments: object) -> None:
            running.append(self)
            most.append(len(running))
            super().__init__(*arguments)  # type: ignore[arg-type]
            running.remove(self)

    monkeypatch.setattr(planning, "CompiledGraph", Counted)
    finish(draft(model("a", TRUNK), model("b", replace(TRUNK, layers=OTHER))))
    assert most == [1, 1]


def test_of_several_that_fail_the_first_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(planning, "CompiledGraph", fail)
    made = draft(model("a", TRUNK), model("b", replace(TRUNK, layers=OTHER)))
    with pytest.raises(RefusedError) as caught:
        Workshop(2, "latency").finish(made, Build.empty())
    assert caught.value.name == "a"


def test_an_error_without_words_is_told_by_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "outline", lambda *_: (_ for _ in ()).throw(MemoryError))
    with pytest.raises(RefusedError, match="MemoryError"):
        outline_of(model("any", TRUNK))


def test_a_refusal_can_be_sent_to_another_process() -> None:
    twin = pickle.loads(pickle.dumps(RefusedError("a.pb", "it is broken.", "a")))
    assert (str(twin), twin.name) == ("a.pb: it is broken.", "a")


def test_a_model_out_of_a_set_is_refused() -> None:
    light = finish(draft(model("light", TRUNK))).plan.entries["light"].model
    assert light.graph is None
    with pytest.raises(ExportError, match=r"'light' comes out of a model set.*[Ll]oad it again"):
        outline_of(light)


def test_a_graph_that_does_not_take_its_contracts_shape_is_refused() -> None:
    taken = ops.parameter([1, 7, 7, 3], openvino.Type.f32)
    flat = ops.reshape(taken, np.array([1, 147]), special_zero=False)
    odd = replace(model("odd", TRUNK), graph=openvino.Model([flat], [taken], "odd"))
    with pytest.raises(RefusedError, match="odd: its graph cannot be run"):
        outline_of(odd)


def test_a_name_is_free_once() -> None:
    made = draft(model("a", TRUNK))
    with pytest.raises(ModelNameError, match="Two models are called 'a': a and a"):
        made.add(Read(model("a", TRUNK)))
    made.drop(["a"])
    made.add(Read(model("a", replace(TRUNK, end="map"))))
    assert made.added == ["a"]
    assert made.packs == {}


def test_a_build_is_left_as_it_is() -> None:
    before = finish(draft(model("a", TRUNK)))
    entries, networks = dict(before.plan.entries), dict(before.networks)
    made = draft(model("b", Recipe(DEEPER, "map", 1)), build=before)
    finish(made, before)
    made.drop(["a", "b"])
    finish(made, before)
    assert (before.plan.entries, before.networks) == (entries, networks)
    assert numbers(before.plan.predict(PICTURE)["a"]).tolist() == alone(TRUNK, 1).tolist()


def test_what_fails_to_compile_for_old_models_is_told_of_the_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A new model makes a trunk be cut; the piece that fails is used by old models alone."""
    old = {f"old {i}": Recipe((*DEEPER, Layer("conv", i)), "map", i) for i in (1, 2)}
    before = finish(draft(*[model(name, recipe) for name, recipe in old.items()]))

    made = draft(model("new", replace(TRUNK, end="map")), build=before)
    monkeypatch.setattr(planning, "cut", lambda *_: (_ for _ in ()).throw(RuntimeError("no")))
    with pytest.raises(RefusedError) as caught:
        finish(made, before)
    assert caught.value.name == "new"
