# SPDX-License-Identifier: Apache-2.0
"""COCO files: categories become tags, and a fault in the file is one sentence."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainingsamples import encoded
from trunkline.errors import TrainingError
from trunkline.training.coco import list_coco
from trunkline.training.pictures import read_pictures

CATEGORIES = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}, {"id": 3, "name": "unused"}]


def document(links, names=("a.png", "b.png", "c.png"), categories=CATEGORIES):
    """A COCO document; links are pairs of an image's id and a category's."""
    return {
        "info": {},
        "images": [{"id": at, "file_name": name} for at, name in enumerate(names)],
        "annotations": [{"id": 0, "image_id": i, "category_id": c, "bbox": []} for i, c in links],
        "categories": categories,
    }


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def pictures(folder):
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate("abc"):
        (folder / f"{name}.png").write_bytes(encoded(seed))


def tags(result):
    return {picture.source: set(picture.tags) for picture in result.pictures}


def test_tags_are_the_categories_annotated_in_a_picture(tmp_path):
    pictures(tmp_path)
    path = write(tmp_path / "all.json", document([(0, 1), (0, 2), (0, 1), (1, 2)]))
    result = read_pictures(path)
    assert tags(result) == {"a.png": {"cat", "dog"}, "b.png": {"dog"}, "c.png": set()}
    assert result.task == "multilabel"
    assert result.tags == ("cat", "dog")
    assert not result.problems


def test_one_category_a_picture_is_multiclass(tmp_path):
    pictures(tmp_path)
    result = read_pictures(write(tmp_path / "all.json", document([(0, 1), (1, 2)])))
    assert tags(result) == {"a.png": {"cat"}, "b.png": {"dog"}}
    assert result.task == "multiclass"
    assert [picture.source for picture in result.untagged] == ["c.png"]


@pytest.mark.parametrize(
    ("json_at", "pictures_at"),
    [("x.json", "."), ("x.json", "images"), ("annotations/x.json", "images")],
)
def test_where_pictures_are_looked_for(tmp_path, json_at, pictures_at):
    pictures(tmp_path / pictures_at)
    result = read_pictures(write(tmp_path / json_at, document([(0, 1), (1, 2), (2, 2)])))
    assert len(result.pictures) == 3
    assert not result.problems


def test_ids_may_be_text_here_and_numbers_there(tmp_path):
    pictures(tmp_path)
    content = document([("0", "1"), (1, "2")])
    assert len(read_pictures(write(tmp_path / "x.json", content)).pictures) == 2


def test_what_is_wrong_with_an_entry_is_reported(tmp_path):
    pictures(tmp_path)
    content = document([(0, 1), (1, 2), (1, 99), (0, None)])
    content["images"] += [{"id": 7}, "text", {"file_name": 5}, {"file_name": "nul\0"}]
    content["images"].append({"id": 8, "file_name": "gone.png"})
    content["annotations"] += [None, 5]
    content["categories"] += [None, {"id": 4}, {"name": "no id"}]
    result = read_pictures(write(tmp_path / "x.json", content))
    assert len(result.pictures) == 2
    texts = [str(problem) for problem in result.problems]
    assert sum("no file_name" in text for text in texts) == 4
    assert any("2 of its annotations have a category that is not named" in text for text in texts)
    assert texts[-1] == "gone.png: there is no such file"


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("", "not JSON, or is cut off"),
        ('{"images": [', "not JSON, or is cut off"),
        ("[" * 100_000, "not JSON, or is cut off"),
        ("[]", "not a COCO file"),
        ("null", "not a COCO file"),
        ('{"images": []}', "not a COCO file"),
        ('{"images": [], "annotations": {}, "categories": []}', "not a COCO file"),
    ],
)
def test_what_is_not_coco_is_refused(tmp_path, content, match):
    path = write(tmp_path / "x.json", content)
    with pytest.raises(TrainingError, match=match) as caught:
        read_pictures(path)
    assert caught.value.source == str(path)


def test_a_file_that_cannot_be_read(tmp_path, monkeypatch):
    path = write(tmp_path / "x.json", document([]))

    def stopped(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", stopped)
    with pytest.raises(TrainingError, match=r"cannot be read \(Permission denied\)"):
        read_pictures(path)


@settings(deadline=None, max_examples=60)
@given(
    links=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=20),
    names=st.lists(st.text("abcé日", min_size=1), min_size=6, max_size=6, unique=True),
)
def test_any_document_is_read_as_a_dictionary_would_be(links, names):
    categories = [{"id": number, "name": f"tag {number}"} for number in range(4)]
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, "x.json"), document(links, names, categories))
        listing = list_coco(path)
    assert [entry.source for entry in listing.entries] == names
    for number, entry in enumerate(listing.entries):
        assert entry.tags == {f"tag {tag}" for image, tag in links if image == number}
        assert entry.complete


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "file_name", "name", "image_id"]), inner)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=150)
@given(
    st.binary(max_size=60)
    | st.fixed_dictionaries(
        {key: st.lists(values, max_size=3) for key in ("images", "annotations", "categories")}
    ).map(lambda content: json.dumps(content).encode())
)
def test_anything_is_coco_or_refused(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.json")
        path.write_bytes(data)
        try:
            result = read_pictures(path)
        except TrainingError:
            return
        assert not result.pictures
