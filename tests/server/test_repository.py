# SPDX-License-Identifier: Apache-2.0
"""Files that come, change, break and go, and what answers meanwhile."""

from __future__ import annotations

import shutil
import threading
import time
from typing import TYPE_CHECKING

import pytest

import builders
from trunkline.engine.modelset import ModelSet
from trunkline.server.faults import BadRequestError, NotFoundError
from trunkline.server.repository import Repository
from trunkline.server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[..., Repository]

RED = builders.png_bytes("red")
REVERSED = ("blue", "green", "red")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with "colours", and "hues" in a zip."""
    root = tmp_path / "models"
    builders.openvino_classifier(root / "colours")
    hues = builders.onnx_classifier(tmp_path / "made" / "hues")
    shutil.make_archive(str(root / "hues"), "zip", hues)
    return root


@pytest.fixture
def make(folder: Path) -> Make:
    def made(*roots: object, **settings: object) -> Repository:
        given = Settings.model_validate(settings)
        return Repository(ModelSet(), [str(each) for each in roots or (folder,)], given)

    return made


def labels(repository: Repository, name: str) -> tuple[str, ...]:
    return repository.models[name].labels


def states(repository: Repository) -> dict[str, str]:
    return {each.name: each.state for each in repository.index()}


def test_files_come_change_and_go(make: Make, folder: Path) -> None:
    repository = make()
    assert sorted(repository.scan().added) == ["colours", "hues"]
    assert not repository.scan()
    builders.openvino_classifier(folder / "colours", labels=REVERSED)
    builders.boxes_detector(folder / "places")
    (folder / "hues.zip").unlink()
    changes = repository.scan()
    assert (changes.added, changes.replaced, changes.removed) == (
        ("places",),
        ("colours",),
        ("hues",),
    )
    assert labels(repository, "colours") == REVERSED
    assert states(repository) == {"colours": "READY", "places": "READY"}


def test_what_is_broken_keeps_nothing_else_out(make: Make, folder: Path) -> None:
    (folder / "broken.zip").write_bytes(b"PK nothing")
    repository = make()
    changes = repository.scan()
    assert sorted(changes.added) == ["colours", "hues"]
    assert "broken.zip" in changes.problems[0]
    (broken,) = (each for each in repository.index() if each.name == "broken")
    assert (broken.state, "zip" in broken.reason) == ("UNAVAILABLE", True)
    shutil.copy(folder / "hues.zip", folder / "broken.zip")
    assert repository.scan().added == ("broken",)
    assert states(repository)["broken"] == "READY"


def test_a_broken_replacement_leaves_the_old_model_in_force(make: Make, folder: Path) -> None:
    repository = make()
    repository.scan()
    good = (folder / "hues.zip").read_bytes()
    (folder / "hues.zip").write_bytes(good[:-40])
    assert repository.scan().problems
    (hues,) = (each for each in repository.index() if each.name == "hues")
    assert (hues.state, "hues.zip" in hues.reason) == ("READY", True)
    assert repository.models.predict(RED)["hues"].label == "red"
    assert not repository.scan()  # said once
    (folder / "hues.zip").write_bytes(good)
    assert repository.scan().replaced == ("hues",)
    assert all(each.reason == "" for each in repository.index())


def test_versions_follow_the_policy(make: Make, tmp_path: Path) -> None:
    root = tmp_path / "versioned"
    builders.openvino_classifier(root / "cats" / "1")
    builders.openvino_classifier(root / "cats" / "3", labels=REVERSED)
    latest, every = make(root), make(root, versions="all")
    latest.scan()
    every.scan()
    assert list(latest.models) == ["cats"]
    assert labels(latest, "cats") == REVERSED
    assert latest.versions("cats") == {"3": "cats"}
    assert every.versions("cats") == {"3": "cats", "1": "cats.v1"}
    assert every.versions("cats.v1") == {"1": "cats.v1"}
    builders.openvino_classifier(root / "cats" / "4")
    assert latest.scan().replaced == ("cats",)
    assert every.scan().added == ("cats.v3",)
    assert labels(every, "cats.v3") == REVERSED
    shutil.rmtree(root / "cats" / "4")
    assert every.scan().removed == ("cats.v3",)
    assert labels(every, "cats") == REVERSED
    with pytest.raises(NotFoundError):
        latest.versions("nobody")


def test_labels_beside_the_versions_are_theirs(make: Make, tmp_path: Path) -> None:
    export = builders.openvino_classifier(tmp_path / "versioned" / "cats" / "1")
    shutil.move(export / "model.toml", export.parent / "model.toml")
    repository = make(tmp_path / "versioned")
    repository.scan()
    assert labels(repository, "cats") == builders.COLOURS
    assert repository.models["cats"].source == str(export)
    (export / "model.bin").unlink()
    assert str(export) in repository.scan().problems[0]
    assert labels(repository, "cats") == builders.COLOURS


def test_unloaded_stays_so_until_it_is_loaded_or_changed(make: Make, folder: Path) -> None:
    repository = make()
    repository.scan()
    repository.unload("hues")
    assert not repository.scan()
    assert states(repository)["hues"] == "UNAVAILABLE"
    repository.load("hues")
    assert states(repository)["hues"] == "READY"
    repository.unload("colours")
    builders.openvino_classifier(folder / "colours", labels=REVERSED)
    assert repository.scan().added == ("colours",)
    with pytest.raises(NotFoundError, match="nobody"):
        repository.unload("nobody")
    with pytest.raises(NotFoundError, match="nobody"):
        repository.load("nobody")


def test_loading_reads_new_files_and_says_what_is_wrong(make: Make, folder: Path) -> None:
    repository = make()
    repository.scan()
    builders.openvino_classifier(folder / "new")
    repository.load("new")
    assert repository.models.predict(RED)["new"].label == "red"
    (folder / "hues.zip").write_bytes(b"PK nothing")
    with pytest.raises(BadRequestError, match=r"hues\.zip"):
        repository.load("hues")
    assert "hues" in repository.models


def test_a_name_that_is_taken_waits_until_it_is_free(make: Make, folder: Path) -> None:
    other = folder.parent / "other"
    builders.openvino_classifier(other / "colours", labels=REVERSED)
    repository = make(folder, other)
    (problem,) = repository.scan().problems
    assert "'colours' is loaded already" in problem
    assert labels(repository, "colours") == builders.COLOURS
    shutil.rmtree(folder / "colours")
    repository.scan()
    repository.scan()
    assert labels(repository, "colours") == REVERSED


def test_what_was_there_before_is_left_alone(folder: Path, model_folder: Path) -> None:
    models = ModelSet()
    models.add(model_folder / "places")
    repository = Repository(models, [str(folder)], Settings())
    repository.scan()
    assert states(repository) == {"colours": "READY", "hues": "READY", "places": "READY"}
    repository.unload("places")
    assert "places" not in models


def test_files_that_still_change_are_left_alone(
    make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trunkline.server import repository as module

    clock = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    repository = make(watch_seconds=1.0)
    repository.scan()
    data = (folder / "hues.zip").read_bytes()
    for length in (100, 500, len(data)):
        (folder / "new.zip").write_bytes(data[:length])
        clock[0] += 1
        assert not repository.scan(at_once=False)
    clock[0] += 1
    assert repository.scan(at_once=False).added == ("new",)
    (folder / "new.zip").unlink()
    assert not repository.scan(at_once=False)
    clock[0] += 1
    assert repository.scan(at_once=False).removed == ("new",)


def test_a_watch_follows_the_files_and_survives_faults(
    make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    repository = make(watch_seconds=0.05)
    repository.scan()
    look, fail = repository._look, threading.Event()

    def looking() -> object:
        if not fail.is_set():
            fail.set()
            raise RuntimeError("a fault of ours")
        return look()

    monkeypatch.setattr(repository, "_look", looking)
    repository.start()
    repository.start()
    try:
        assert fail.wait(5)
        builders.openvino_classifier(folder / "new")
        end = time.monotonic() + 10
        while "new" not in repository.models and time.monotonic() < end:
            time.sleep(0.02)
    finally:
        repository.stop()
    assert "new" in repository.models
    assert not any(thread.name == "trunkline-watch" for thread in threading.enumerate())


def test_without_an_interval_nothing_is_watched(make: Make) -> None:
    repository = make()
    repository.start()
    assert not any(thread.name == "trunkline-watch" for thread in threading.enumerate())
    repository.stop()


def test_no_request_is_lost_while_models_come_and_go(make: Make, folder: Path) -> None:
    repository = make()
    repository.scan()
    stop, wrong, asked = threading.Event(), list[object](), [0]

    def ask() -> None:
        while not stop.is_set():
            answers = repository.models.predict(RED)
            asked[0] += 1
            # The replaced model says "red" or, its labels reversed, "blue"; never anything else.
            if answers["hues"].label != "red" or answers["colours"].label not in {"red", "blue"}:
                wrong.append(dict(answers))

    thread = threading.Thread(target=ask)
    thread.start()
    for turn in range(6):
        builders.openvino_classifier(
            folder / "colours", labels=REVERSED if turn % 2 else builders.COLOURS, side=16 + turn
        )
        builders.boxes_detector(folder / f"places-{turn}")
        repository.scan()
        shutil.rmtree(folder / f"places-{turn}")
        repository.scan()
    stop.set()
    thread.join()
    assert not wrong
    assert asked[0] > 6
    assert sorted(repository.models) == ["colours", "hues"]


def test_one_zip_may_hold_several_models(make: Make, tmp_path: Path) -> None:
    root = tmp_path / "several"
    for name in ("red", "green"):
        builders.onnx_classifier(root / name)
    (tmp_path / "zips").mkdir()
    shutil.make_archive(str(tmp_path / "zips" / "both"), "zip", root)
    repository = make(tmp_path / "zips")
    assert sorted(repository.scan().added) == ["green", "red"]
    repository.unload("red")
    repository.load("red")
    assert states(repository) == {"green": "READY", "red": "READY"}
    shutil.rmtree(root / "green")
    builders.onnx_classifier(root / "blue")
    shutil.make_archive(str(tmp_path / "zips" / "both"), "zip", root)
    changes = repository.scan()
    assert (changes.added, changes.removed) == (("blue",), ("green",))


@pytest.mark.parametrize("name", ["self", "on_error"])
def test_a_model_may_be_called_as_an_argument_is(make: Make, folder: Path, name: str) -> None:
    builders.openvino_classifier(folder / name)
    repository = make()
    assert name in repository.scan().added
    builders.openvino_classifier(folder / name, labels=REVERSED)
    repository.scan()
    assert labels(repository, name) == REVERSED
