# SPDX-License-Identifier: Apache-2.0
"""The model set as its user sees it."""

from __future__ import annotations

import contextlib
import gc
import shutil
import sys
import threading
import traceback
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import builders
from engine import heads
from engine.crowds import PICTURE, Layer, Recipe, check, model
from trunkline import ModelSet, load
from trunkline.engine import modelset, planning
from trunkline.engine.compiled import CompiledGraph
from trunkline.errors import (
    ExportError,
    ModelNameError,
    PictureError,
    TrunklineError,
    UnsupportedExportError,
)
from trunkline.predictions import Classification, Detection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trunkline.engine.planning import Build

RED = np.full((20, 24, 3), (255, 0, 0), np.uint8)
DENSE = Recipe((Layer("wide", 0), Layer("conv", 0)), "softmax", 0)
DEEP = replace(DENSE, end="deep")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two classifiers and a detector."""
    folder = tmp_path_factory.mktemp("shelf")
    builders.openvino_classifier(folder / "colours")
    builders.onnx_classifier(folder / "hues")
    builders.boxes_detector(folder / "places")
    return folder


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("broken")
    (folder / "text.onnx").write_text("It is said that this is a model.")
    return folder / "text.onnx"


@pytest.fixture
def models(shelf: Path) -> ModelSet:
    return load(shelf)


@contextlib.contextmanager
def unchanged(models: ModelSet) -> Iterator[None]:
    build = models._build
    yield
    assert models._build is build


def test_a_folder_of_exports_is_many_models(models: ModelSet) -> None:
    assert list(models) == ["colours", "hues", "places"]
    answers = models.predict(RED)
    assert list(answers) == list(models)
    colours, hues, places = answers.values()
    assert isinstance(colours, Classification)
    assert isinstance(hues, Classification)
    assert isinstance(places, Detection)
    assert (colours.task, colours.label, hues.task, hues.label) == (
        "multiclass",
        "red",
        "multilabel",
        "red",
    )
    assert [box.label for box in places.boxes] == ["fork"]


def test_names_are_those_of_the_files_or_those_given(shelf: Path) -> None:
    models = load(shelf / "colours", str(shelf / "hues"), third=shelf / "colours")
    assert list(models) == ["colours", "hues", "third"]
    assert models["third"].source == models["colours"].source
    assert models["third"].name == "third"


def test_a_folder_of_many_cannot_have_one_name(models: ModelSet, shelf: Path) -> None:
    with unchanged(models), pytest.raises(ExportError, match="holds 3 models, and 'all'"):
        models.add(all=shelf)


def test_it_is_a_mapping(models: ModelSet) -> None:
    assert len(models) == 3
    assert "hues" in models
    assert "greens" not in models
    assert models.get("greens") is None
    assert models.get("hues") is models["hues"]
    assert dict(models.items()).keys() == models.keys()
    assert [each.name for each in models.values()] == list(models)
    assert repr(models) == "<ModelSet of 3: colours, hues, places>"
    assert repr(ModelSet()) == "<ModelSet of 0: >"


def test_a_model_in_a_set_tells_all_but_its_graph(models: ModelSet, shelf: Path) -> None:
    colours = models["colours"]
    assert colours.graph is None
    assert colours.labels == builders.COLOURS
    assert (colours.task, colours.source) == ("multiclass", str(shelf / "colours"))
    assert colours.decisions


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda models: models["greens"], "greens"),
        (lambda models: models.remove("greens"), "greens"),
        (lambda models: models.remove("hues", "greens"), "greens"),
        (lambda models: models.replace(greens="nowhere"), "greens"),
    ],
)
def test_an_unknown_name_is_told_with_those_there_are(
    models: ModelSet, change: object, name: str
) -> None:
    sentence = f"No model is called '{name}'. Loaded: colours, hues, places."
    with unchanged(models), pytest.raises(ModelNameError) as caught:
        change(models)  # type: ignore[operator]
    assert str(caught.value) == sentence
    with pytest.raises(ModelNameError, match="Loaded: none"):
        ModelSet().remove("any")


def test_no_two_models_have_one_name(models: ModelSet, shelf: Path) -> None:
    with unchanged(models), pytest.raises(ModelNameError) as caught:
        models.add(shelf / "colours")
    told = str(caught.value)
    assert told.count(str(shelf / "colours")) >= 2
    assert "load(other=" in told
    with unchanged(models), pytest.raises(ModelNameError, match="'twice'"):
        models.add(model("twice", DENSE), model("twice", DENSE))
    one = model("one", DENSE)
    with unchanged(models), pytest.raises(ModelNameError, match="'one'"):
        models.add(one, one)


def test_all_or_nothing(models: ModelSet, shelf: Path, broken: Path) -> None:
    with unchanged(models), pytest.raises(ExportError, match=str(broken)):
        models.add(broken, again=shelf / "hues")
    with unchanged(models), pytest.raises(ExportError, match=str(broken)):
        models.add(again=shelf / "hues", wrong=broken)
    wrong = replace(model("wrong", DEEP), labels=("a",), decoder=model("x", DENSE).decoder)
    with unchanged(models), pytest.raises(UnsupportedExportError, match=r"^wrong: "):
        models.add(model("good", DENSE), wrong, again=shelf / "hues")
    assert models.failures == ()


def test_what_can_be_is_added_and_the_rest_is_told(
    models: ModelSet, shelf: Path, broken: Path
) -> None:
    wrong = replace(model("wrong", DEEP), labels=("a",), decoder=model("x", DENSE).decoder)
    models.add(
        broken,
        shelf / "hues",
        model("dense", DENSE),
        wrong,
        model("deep", DEEP),
        on_error="skip",
        fourth=shelf / "colours",
        none=shelf / "nowhere",
    )
    assert list(models) == ["colours", "hues", "places", "dense", "deep", "fourth"]
    kinds = [
        type(each).__mro__[1 if "Refused" in type(each).__name__ else 0] for each in models.failures
    ]
    assert kinds == [ExportError, ModelNameError, ExportError, UnsupportedExportError]
    told = [str(each) for each in models.failures]
    for sentence, words in zip(
        told, ["text.onnx", "'hues'", "nowhere", "wrong: the graph's outputs"], strict=True
    ):
        assert words in sentence
    models.add(broken, on_error="skip")
    assert len(models.failures) == 5
    assert models.predict(RED)["fourth"].label == "red"


def test_a_failure_that_is_kept_keeps_nothing_else(models: ModelSet) -> None:
    """A traceback holds the frames, and a frame the graph that was worked on."""
    wrong = replace(model("wrong", DEEP), labels=("a",), decoder=model("x", DENSE).decoder)
    graph = weakref.ref(wrong)
    models.add(wrong, on_error="skip")
    del wrong
    gc.collect()
    assert graph() is None
    (failure,) = models.failures
    assert isinstance(failure, TrunklineError)
    assert failure.__cause__ is not None
    assert len(traceback.format_exception(failure)) < 6


def test_models_already_read_are_taken(models: ModelSet) -> None:
    dense = model("dense", DENSE)
    models.add(dense, other=dense)
    assert [models[name].name for name in ("dense", "other")] == ["dense", "other"]
    check_some(models, {"dense": DENSE, "other": DENSE})
    assert dense.graph is not None


def check_some(models: ModelSet, recipes: dict[str, Recipe]) -> None:
    some = ModelSet(cores=1)
    some.add(**{name: model(name, recipe) for name, recipe in recipes.items()})
    check(some, recipes, cores=1)
    answers, expected = models.predict(PICTURE), some.predict(PICTURE)
    for name in recipes:
        np.testing.assert_allclose(
            answers[name].probabilities, expected[name].probabilities, rtol=0, atol=1e-6
        )


def test_a_model_out_of_a_set_is_refused(models: ModelSet) -> None:
    with (
        unchanged(models),
        pytest.raises(
            UnsupportedExportError, match=r"'hues' comes out of a model set.*Load it again"
        ),
    ):
        ModelSet().add(models["hues"])
    with unchanged(models), pytest.raises(UnsupportedExportError, match="comes out of a model set"):
        models.add(again=models["hues"])


def test_a_replaced_model_keeps_its_place(models: ModelSet, shelf: Path) -> None:
    models.replace(hues=shelf / "places", colours=model("any", DENSE))
    assert list(models) == ["colours", "hues", "places"]
    answers = models.predict(RED)
    assert isinstance(answers["hues"], Detection)
    assert models["hues"].name == "hues"
    assert models["colours"].labels == model("any", DENSE).labels
    models.add(last=model("last", DENSE))
    assert list(models) == ["colours", "hues", "places", "last"]


def test_models_can_take_each_others_places(models: ModelSet, shelf: Path) -> None:
    models.replace(hues=shelf / "colours", colours=shelf / "hues")
    assert [each.task for each in models.values()] == ["multilabel", "multiclass", "detection"]


def test_nothing_is_replaced_where_one_fails(models: ModelSet, shelf: Path, broken: Path) -> None:
    with unchanged(models), pytest.raises(ExportError, match=str(broken)):
        models.replace(hues=shelf / "colours", colours=broken)
    with unchanged(models), pytest.raises(UnsupportedExportError):
        models.replace(hues=models["colours"])


def test_frames_in_flight_finish_on_the_plan_they_began_with(models: ModelSet) -> None:
    plan = models.plan
    models.remove("colours", "hues")
    assert list(models.predict(RED)) == ["places"]
    assert list(plan.predict(RED)) == ["colours", "hues", "places"]
    assert plan.predict(RED)["colours"].label == "red"


def test_removing_twice_the_same_is_removing_it(models: ModelSet) -> None:
    models.remove("hues", "hues")
    models.remove()
    assert list(models) == ["colours", "places"]


def test_pictures_come_in_every_form(models: ModelSet, tmp_path: Path) -> None:
    path = builders.picture(tmp_path / "red.png", "red")
    image = Image.new("RGB", (24, 20), "red")
    expected = models.predict(RED)["colours"].probabilities
    for source in (str(path), path, path.read_bytes(), image, RED):
        answer = models.predict(source)["colours"]  # type: ignore[arg-type]
        np.testing.assert_array_equal(answer.probabilities, expected)


def test_some_models_can_be_asked(models: ModelSet) -> None:
    whole = models.predict(RED)
    answers = models.predict(RED, models=["places", "colours"])
    assert list(answers) == ["colours", "places"]
    assert answers["colours"].label == whole["colours"].label
    with pytest.raises(ModelNameError, match="No model is called 'strange'"):
        models.predict(RED, models=["colours", "strange"])


def test_frames_of_opencv_are_bgr(models: ModelSet) -> None:
    assert models.predict(RED, order="BGR")["colours"].label == "blue"
    assert models.predict(RED[:, :, ::-1], order="BGR")["colours"].label == "red"


def test_a_picture_that_cannot_be_read_is_told(models: ModelSet, tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="no such file"):
        models.predict(tmp_path / "nowhere.png")
    with pytest.raises(PictureError, match="480 x 1 are 480 pixels, more than the 479"):
        ModelSet(max_pixels=479).predict(np.zeros((1, 480, 3), np.uint8))


def test_an_empty_set_answers_nothing() -> None:
    assert dict(ModelSet().predict(RED)) == {}


_events: list[tuple[str, tuple[object, ...]]] = []
_watching = threading.Event()


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if _watching.is_set() and event in {"open", "import", "compile", "exec", "subprocess.Popen"}:
        _events.append((event, arguments))


def test_predict_opens_and_builds_nothing(
    models: ModelSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interpreter itself tells of every file that is opened and every module imported."""
    models.add(dense=model("dense", DENSE), deep=model("deep", DEEP))
    sys.addaudithook(_watch)  # for good, so it can be turned off
    monkeypatch.setattr(planning, "CompiledGraph", None)
    made: list[object] = []
    for part in models.plan.parts:
        part.graph._compiled = _NoMoreRequests(made)  # type: ignore[assignment]
    _watching.set()
    try:
        answers = models.predict(RED)
        labels = [answers[name].label for name in ("colours", "dense", "deep")]
    finally:
        _watching.clear()
    assert labels[0] == "red"
    assert _events == []
    assert made == []


class _NoMoreRequests:
    """A compiled model out of which no request is made any more."""

    def __init__(self, made: list[object]) -> None:
        self.made = made

    def create_infer_request(self) -> None:
        self.made.append(self)


def test_any_number_of_threads_get_the_same_answers(models: ModelSet) -> None:
    models.add(dense=model("dense", DENSE), deep=model("deep", DEEP))
    frames = [np.roll(PICTURE, shift, axis=1) for shift in range(8)]
    expected = [[each.to_dict() for each in models.predict(frame).values()] for frame in frames]

    def work(worker: int) -> None:
        for turn in range(12):
            which = (worker + turn) % len(frames)
            found = [each.to_dict() for each in models.predict(frames[which]).values()]
            assert found == expected[which]

    with ThreadPoolExecutor(8) as workers:
        for done in [workers.submit(work, worker) for worker in range(8)]:
            done.result()


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"cores": 0}, "cores is 0; it must be at least 1"),
        ({"cores": -1}, "cores is -1"),
        ({"optimise": "speed"}, "optimise is 'speed'; it must be 'latency' or 'throughput'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(told: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ModelSet(**told)  # type: ignore[arg-type]


def test_the_cores_are_those_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modelset, "available_cores", lambda: 1)
    models = ModelSet()
    models.add(model("a", DENSE), model("b", replace(DENSE, layers=(Layer("wide", 3),))))
    threads = {
        part.graph._compiled.get_property("INFERENCE_NUM_THREADS") for part in models.plan.parts
    }
    assert threads == {1}


@pytest.mark.parametrize("optimise", ["latency", "throughput"])
def test_both_goals_give_the_same_answers(shelf: Path, optimise: str) -> None:
    models = load(shelf, optimise=optimise, cores=2)  # type: ignore[arg-type]
    assert models.predict(RED)["hues"].label == "red"


def test_a_broken_change_leaves_no_lock_behind(
    models: ModelSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> Build:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, unchanged(models):
        patch.setattr(planning.Workshop, "finish", interrupted)
        with pytest.raises(KeyboardInterrupt):
            models.add(model("dense", DENSE))
    models.add(model("dense", DENSE))
    assert "dense" in models


def test_a_known_trunk_is_recognised_by_its_file(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a file that is another one's but for its head, only the head is read."""
    models = load(heads.write_head(shared, tmp_path / "first", labels=2, seed=0))
    twin = heads.write_head(shared, tmp_path / "twin", labels=4, seed=1)
    alone = load(twin)
    with monkeypatch.context() as patch:
        patch.setattr(planning, "outline", None)
        patch.setattr(planning, "CompiledGraph", None)
        models.add(twin)
        again = heads.write_head(shared, tmp_path / "again", labels=1, seed=2)
        models.add(again, again_2=again)
    assert len(models["twin"].labels) == 4
    assert models["twin"].source == str(twin)
    frame = np.random.default_rng(0).integers(0, 256, (50, 60, 3), np.uint8)
    expected, found = alone.predict(frame)["twin"], models.predict(frame)["twin"]
    np.testing.assert_allclose(found.probabilities, expected.probabilities, rtol=0, atol=1e-6)
    # Once the trunk is gone, so is what was known of it.
    models.remove(*models)
    assert models._build.known == {}
    models.replace()
    models.add(twin)
    np.testing.assert_array_equal(
        models.predict(frame)["twin"].probabilities, expected.probabilities
    )


def test_a_known_trunk_can_be_replaced_in_one_step(shared: Path, tmp_path: Path) -> None:
    models = load(heads.write_head(shared, tmp_path / "first", labels=2, seed=0))
    part = models.plan.parts[0].graph
    models.replace(first=heads.write_head(shared, tmp_path / "new", labels=3, seed=1))
    assert len(models["first"].labels) == 3
    assert models.plan.parts[0].graph is part


def test_a_set_that_is_let_go_takes_all_with_it(shelf: Path) -> None:
    models = load(shelf)
    models.predict(RED)
    parts = [weakref.ref(part.graph) for part in models.plan.parts]
    assert all(isinstance(part(), CompiledGraph) for part in parts)
    del models
    gc.collect()
    assert [part() for part in parts] == [None] * len(parts)


def test_a_change_of_files_on_disk_changes_nothing(shelf: Path, tmp_path: Path) -> None:
    """A person may overwrite or delete an export while its model runs."""
    shutil.copytree(shelf, tmp_path / "copy")
    models = load(tmp_path / "copy")
    expected = [each.to_dict() for each in models.predict(RED).values()]
    for path in sorted((tmp_path / "copy").rglob("*.*")):
        path.write_bytes(b"") if path.suffix == ".bin" else path.unlink()
    assert [each.to_dict() for each in models.predict(RED).values()] == expected
