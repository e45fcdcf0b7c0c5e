# SPDX-License-Identifier: Apache-2.0
"""Names in the service's own API: stable ids, pinned projects, names in any case."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

import builders
import trunkline
from engine import families
from trunkline.server.directory import Directory
from trunkline.server.faults import NotFoundError
from trunkline.server.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

ANY = "00000000-0000-0000-0000-000000000000"
PINNED = uuid.UUID("7c3a1a52-1c57-4e0f-9c6b-0a6d6a1d9a11")


def directory(models: trunkline.ModelSet, **projects: dict[str, object]) -> Directory:
    return Directory(models, Settings.model_validate({"projects": projects}))


def test_a_model_answers_under_its_own_name_in_any_project(loaded: trunkline.ModelSet) -> None:
    found = directory(loaded)
    assert found.find(ANY, "colours", "classify") == "colours"
    assert found.find("whatever", "Hues", "classify") == "hues"
    assert found.find(ANY, "places", "detect") == "places"


def test_ids_stay_the_same_and_differ_between_models(loaded: trunkline.ModelSet) -> None:
    first, again = directory(loaded).all(), directory(loaded).all()
    assert first == again
    assert [each.model for each in first] == ["colours", "hues", "places"]
    ids = [each.project_id for each in first] + [each.iteration_id for each in first]
    ids += [tag for each in first for tag in each.tag_ids.values()]
    assert len(set(ids)) == len(ids) == 3 + 3 + 3 + 3 + 2
    assert list(first[0].tag_ids) == ["red", "green", "blue"]
    assert [each.kind for each in first] == ["classify", "classify", "detect"]


def test_a_published_name_replaces_the_models_own(loaded: trunkline.ModelSet) -> None:
    found = directory(loaded, colours={"published_name": "production"})
    assert found.find(ANY, "production", "classify") == "colours"
    assert found.of("colours").published_name == "production"
    with pytest.raises(NotFoundError, match="production, hues, places") as caught:
        found.find(ANY, "colours", "classify")
    assert caught.value.code == "NotFoundIteration"


def test_a_pinned_project_is_the_only_one(loaded: trunkline.ModelSet) -> None:
    found = directory(loaded, colours={"project_id": str(PINNED)})
    for form in (str(PINNED), str(PINNED).upper(), PINNED.hex):
        assert found.find(form, "colours", "classify") == "colours"
    for other in (ANY, "x", ""):
        with pytest.raises(NotFoundError, match="Invalid project") as caught:
            found.find(other, "colours", "classify")
        assert caught.value.code == "NotFoundProject"
    assert found.of("colours").project_id == PINNED
    assert found.find(ANY, "hues", "classify") == "hues"


def test_one_published_name_in_several_projects(loaded: trunkline.ModelSet) -> None:
    found = directory(
        loaded,
        colours={"published_name": "Iteration1"},
        hues={"published_name": "Iteration1", "project_id": str(PINNED)},
        places={"published_name": "Iteration1"},
    )
    assert found.find(str(PINNED), "Iteration1", "classify") == "hues"
    assert found.find(ANY, "Iteration1", "classify") == "colours"
    assert found.find(ANY, "Iteration1", "detect") == "places"


def test_exact_case_goes_first(tmp_path: Path) -> None:
    for name in ("cats", "Cats"):
        builders.openvino_classifier(tmp_path / name)
    found = directory(trunkline.load(tmp_path))
    assert found.find(ANY, "Cats", "classify") == "Cats"
    assert found.find(ANY, "cats", "classify") == "cats"


def test_the_wrong_kind_of_route_is_named(loaded: trunkline.ModelSet) -> None:
    with pytest.raises(NotFoundError, match="'places' is a detector; use /detect/"):
        directory(loaded).find(ANY, "places", "classify")
    with pytest.raises(NotFoundError, match="'hues' is a classifier; use /classify/"):
        directory(loaded).find(ANY, "hues", "detect")


def test_unknown_models(loaded: trunkline.ModelSet) -> None:
    with pytest.raises(NotFoundError, match="Loaded: colours, hues, places"):
        directory(loaded).of("cats")
    empty = directory(trunkline.ModelSet())
    assert empty.all() == ()
    with pytest.raises(NotFoundError, match="Published: none"):
        empty.find(ANY, "cats", "classify")


def test_it_follows_models_as_they_come_and_go(tmp_path: Path) -> None:
    models = trunkline.load(builders.openvino_classifier(tmp_path / "one" / "cats"))
    found = directory(models)
    before = found.of("cats")
    models.replace(cats=builders.onnx_classifier(tmp_path / "two" / "cats"))
    after = found.of("cats")
    assert after.project_id == before.project_id
    assert after.tag_ids == before.tag_ids
    assert after.iteration_id != before.iteration_id
    models.remove("cats")
    assert found.all() == ()


def iteration(folder: Path, *, seed: int = 0, labels: int = 3, pack: bool = True) -> uuid.UUID:
    """Return the iteration id of "cats", read anew."""
    path = families.export(
        folder / "cats", [1, 2], "dense" if pack else "mean", labels=labels, seed=seed
    )
    return directory(trunkline.load(path)).of("cats").iteration_id


@pytest.mark.parametrize("pack", [True, False], ids=["packed head", "compiled head"])
def test_an_iteration_is_told_by_its_weights_and_labels(tmp_path: Path, *, pack: bool) -> None:
    first = iteration(tmp_path / "first", pack=pack)
    assert iteration(tmp_path / "copied elsewhere", pack=pack) == first
    assert iteration(tmp_path / "trained again", pack=pack, seed=1) != first
    assert iteration(tmp_path / "one label more", pack=pack, labels=4) != first


def test_an_iteration_does_not_depend_on_other_models(tmp_path: Path) -> None:
    alone = iteration(tmp_path / "alone")
    for number in range(3):
        families.export(tmp_path / "crowd" / f"other-{number}", [1, 2], seed=10 + number)
    families.export(tmp_path / "crowd" / "cats", [1, 2])
    crowd = directory(trunkline.load(tmp_path / "crowd"))
    assert crowd.of("cats").iteration_id == alone
    assert len({each.iteration_id for each in crowd.all()}) == 4
