# SPDX-License-Identifier: Apache-2.0
"""What counts as a model in folders and zips, and what each is called."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.trees import EXPORT, GRAPH, NET, WEB, write, zipped
from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.archive import ArchiveLimits
from trunkline.exports.search import Hit, Search


def look(path: Path, tmp_path: Path, limits: ArchiveLimits | None = None) -> list:
    return list(Search(tmp_path / "workspace", limits or ArchiveLimits()).look(path))


@pytest.fixture
def found(tmp_path):
    """Look at a folder with some content; tell formats by name and problems by source."""

    def found(content: dict, given: str = "given") -> dict[str, str]:
        root = write(tmp_path / "given", content)
        told = {}
        for each in look(tmp_path / given, tmp_path):
            if isinstance(each, Hit):
                told[each.name] = str(each.format)
            else:
                told[os.path.relpath(each.source, root)] = each.problem
        return told

    return found


@pytest.mark.parametrize(
    ("files", "form"),
    [
        ({"model.pb": GRAPH}, "tensorflow"),
        ({"model.tflite": GRAPH}, "tflite"),
        ({"model.onnx": GRAPH}, "onnx"),
        ({"model.mlmodel": GRAPH}, "coreml"),
        ({"model.xml": NET, "model.bin": b"w"}, "openvino"),
        ({"model.xml": NET}, "openvino"),
        ({"model.json": WEB, "weights.bin": b"w"}, "tensorflowjs"),
        ({"model.json": WEB}, "tensorflowjs"),
        ({"saved_model.pb": GRAPH, "variables": {"variables.index": b"v"}}, "savedmodel"),
        (
            {"saved_model.pb": GRAPH, "fingerprint.pb": b"f", "keras_metadata.pb": b"k"},
            "savedmodel",
        ),
        ({"MODEL.ONNX": GRAPH}, "onnx"),
        ({"cats.xml": NET, "cats.bin": b"w", "labels.txt": b"a"}, "openvino"),
        ({"web.json": WEB, "web.bin": b"w", "labels.txt": b"a"}, "tensorflowjs"),
    ],
)
def test_every_format_in_a_folder_and_a_zip(found, files, form):
    assert found({"cats": files}, "given/cats") == {"cats": form}
    assert found({"dogs.zip": files}, "given/dogs.zip") == {"dogs": form}
    assert found({"birds.zip": {"top": files}}, "given/birds.zip") == {"birds": form}


def test_other_files_do_not_matter(found):
    assert found(
        {
            **EXPORT,
            "cvexport.manifest": b"{}",
            "metadata_properties.json": b"{}",
            "LICENSE": b"",
            "python": {"predict.py": b"", "other.onnx": GRAPH},
            "picture.jpg": b"",
            ".hidden.onnx": GRAPH,
        }
    ) == {"given": "tensorflow"}


def test_containers(found):
    container = {"Dockerfile": b"", "app": {"app.py": b"", **EXPORT}, "azureml": {"score.py": b""}}
    content = {"cats": container, "dogs.zip": container}
    assert found(content, "given/cats") == {"cats": "tensorflow"}
    assert found(content, "given/cats/app") == {"cats": "tensorflow"}
    assert found(content, "given/dogs.zip") == {"dogs": "tensorflow"}
    assert found(content) == {"cats": "tensorflow", "dogs": "tensorflow"}


def test_a_shelf_of_everything(found):
    assert found(
        {
            "a": EXPORT,
            "b.zip": EXPORT,
            "c.tflite": GRAPH,
            "c.txt": b"x",
            "d.zip": {"top": {"e.onnx": GRAPH, "f.onnx": GRAPH}},
            "g": {"app": EXPORT},
            "h": {"h1": EXPORT, "h2": EXPORT},
            "i": {"saved_model": {"saved_model.pb": GRAPH}},
            "notes.md": b"",
            "pictures": {"1.jpg": b"", "annotations.xml": b"<x/>", "data.json": b"{}"},
            "pictures.zip": {"1.jpg": b""},
            "__MACOSX": EXPORT,
            ".git": EXPORT,
        }
    ) == {
        "a": "tensorflow",
        "b": "tensorflow",
        "c": "tflite",
        "e": "onnx",
        "f": "onnx",
        "g": "tensorflow",
        "h1": "tensorflow",
        "h2": "tensorflow",
        "i": "savedmodel",
    }


def test_models_come_sorted_by_the_names_of_what_they_lie_in(found):
    content = {"b": EXPORT, "a.onnx": GRAPH, "c.zip": EXPORT, "B.onnx": GRAPH}
    assert list(found(content)) == ["B", "a", "b", "c"]


def test_two_levels_down_and_no_further(found):
    content = {"a": {"b": EXPORT, "c": {"d": EXPORT}}}
    assert found(content) == {"b": "tensorflow"}
    assert found(content, "given/a") == {"b": "tensorflow", "d": "tensorflow"}


def test_a_third_level_is_not_looked_at(found):
    assert "holds no model" in found({"a": {"b": {"c": EXPORT}}})["."]


def test_a_zip_is_no_level(found):
    assert found({"a": {"b.zip": {"top": {"app": EXPORT}}}}) == {"b": "tensorflow"}


def test_sub_folders_of_an_export_are_left_alone(found):
    assert found({**EXPORT, "older": EXPORT, "older.zip": EXPORT}) == {"given": "tensorflow"}
    assert found({"x": {"cats.onnx": GRAPH, "labels.txt": b"", "old": EXPORT}}, "given/x") == {
        "x": "onnx"
    }


def test_several_model_files_are_called_by_their_names(found):
    assert found({"cats.onnx": GRAPH, "dogs.onnx": GRAPH, "labels.txt": b"a"}) == {
        "cats": "onnx",
        "dogs": "onnx",
    }


def test_model_files_of_the_same_name_are_told_apart_by_format(found):
    assert found({"cats.onnx": GRAPH, "cats.pb": GRAPH, "dogs.pb": GRAPH}) == {
        "cats-onnx": "onnx",
        "cats-tensorflow": "tensorflow",
        "dogs": "tensorflow",
    }


def test_names_that_say_nothing_give_way_to_the_folder(found):
    assert found({"model.onnx": GRAPH, "saved_model.pb": GRAPH, "dogs.tflite": GRAPH}) == {
        "given-onnx": "onnx",
        "given-savedmodel": "savedmodel",
        "dogs": "tflite",
    }


@pytest.mark.parametrize("named", ["cats.pb", "CATS.PB"])
def test_the_manifest_decides_between_model_files(found, named):
    manifest = b'{"ModelFileName": "%b"}' % named.encode()
    content = {"cats.onnx": GRAPH, "cats.pb": GRAPH, "cvexport.manifest": manifest}
    assert found(content) == {"given": "tensorflow"}


@pytest.mark.parametrize("named", ['"gone.pb"', '"../given/cats.pb"', "null", "7", '"labels.txt"'])
def test_a_manifest_that_names_no_model_decides_nothing(found, named):
    manifest = b'{"ModelFileName": %b}' % named.encode()
    content = {
        "cats.onnx": GRAPH,
        "cats.pb": GRAPH,
        "cvexport.manifest": manifest,
        "labels.txt": b"a",
    }
    assert found(content) == {"cats-onnx": "onnx", "cats-tensorflow": "tensorflow"}


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("cats.onnx", "cats"),
        ("model.onnx", "given"),
        ("saved_model.pb", "given"),
        ("frozen_inference_graph.pb", "given"),
        ("Model-FP16.onnx", "given"),
        ("app/model.onnx", "given"),
        ("supermodel.onnx", "supermodel"),
    ],
)
def test_the_name_of_a_file_that_is_given(tmp_path, file, name):
    path = tmp_path / "given" / file
    write(path.parent, {path.name: GRAPH})
    [hit] = look(path, tmp_path)
    assert (hit.name, hit.source) == (name, str(path))


def test_relative_paths(tmp_path, monkeypatch):
    write(tmp_path / "cats" / "app", EXPORT)
    monkeypatch.chdir(tmp_path / "cats" / "app")
    told = [
        (hit.name, hit.source)
        for path in [".", "model.pb", "..", "../app"]
        for hit in look(Path(path), tmp_path)
    ]
    assert told == [("cats", "."), ("cats", "model.pb"), ("cats", "../app"), ("cats", "../app")]


def test_a_name_where_no_folder_around_it_says_anything(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "absolute", lambda path: Path("/app/model"))
    write(tmp_path / "model", EXPORT)
    assert look(tmp_path / "model", tmp_path)[0].name == "model"


def test_a_zip_that_is_not_called_zip(tmp_path):
    path = tmp_path / "download"
    path.write_bytes(zipped(EXPORT))
    [hit] = look(path, tmp_path)
    assert (hit.name, hit.format, hit.source) == ("download", "tensorflow", str(path))


def test_the_zip_in_an_export(found):
    outer = {"model.zip": {"model.json": WEB, "weights.bin": b"w"}, "labels.txt": b"a"}
    assert found({"cats": outer}, "given/cats") == {"cats": "tensorflowjs"}
    assert found({"dogs.zip": outer}, "given/dogs.zip") == {"dogs": "tensorflowjs"}


def test_sources_are_what_the_person_knows(tmp_path):
    two = {"cats": EXPORT, "dogs": EXPORT}
    root = write(tmp_path / "given", {"a.zip": EXPORT, "b.zip": two, "c": {"app": EXPORT}})
    sources = [hit.source for hit in look(root, tmp_path)]
    expected = ["a.zip", "b.zip/cats", "b.zip/dogs", "c/app"]
    assert sources == [str(root / each) for each in expected]


def test_broken_ones_do_not_keep_others_from_being_found(found):
    told = found({"a": EXPORT, "b.zip": b"no zip", "c.zip": {"../x.onnx": GRAPH}, "d": EXPORT})
    assert list(told) == ["a", "b.zip", "c.zip", "d"]
    assert told["b.zip"].startswith("is not an intact zip")
    assert told["c.zip"] == "its entry '../x.onnx' climbs out of the zip."


def test_what_a_refused_zip_wrote_is_removed(tmp_path):
    data = bytearray(zipped({"a.onnx": GRAPH * 9, "b.onnx": GRAPH * 9}))
    data[data.index(b"b.onnx") + 6] ^= 0xFF
    path = tmp_path / "a.zip"
    path.write_bytes(bytes(data))
    assert isinstance(look(path, tmp_path)[0], ExportError)
    assert list((tmp_path / "workspace").iterdir()) == []


def test_a_zip_in_a_zip_but_no_deeper(found):
    assert found({"x.zip": {"a.zip": EXPORT, "b.zip": EXPORT}}, "given/x.zip") == {
        "a": "tensorflow",
        "b": "tensorflow",
    }
    told = found({"y.zip": {"b": EXPORT, "a.zip": {"model.zip": EXPORT}}}, "given/y.zip")
    assert told == {
        "y.zip/a.zip/model.zip": "it is a zip in a zip in a zip. Unpack the outer one.",
        "b": "tensorflow",
    }


def test_zips_in_a_zip_share_its_limits(tmp_path):
    noise = random.Random(1).randbytes(50_000)
    content = {f"{i}.zip": {"model.onnx": noise} for i in range(4)}
    path = write(tmp_path, {"all.zip": content}) / "all.zip"
    zips = sum(len(zipped({"model.onnx": noise})) for _ in range(4))
    fits = ArchiveLimits(total=zips + 200_000)
    assert [hit.name for hit in look(path, tmp_path, fits)] == ["0", "1", "2", "3"]
    told = look(path, tmp_path, ArchiveLimits(total=zips + 199_999))
    assert [isinstance(each, Hit) for each in told] == [True, True, True, False]
    told = look(path, tmp_path, ArchiveLimits(entries=6))
    assert [isinstance(each, Hit) for each in told] == [True, True, False, False]


def test_zips_side_by_side_do_not(tmp_path):
    noise = random.Random(1).randbytes(50_000)
    root = write(tmp_path / "given", {f"{i}.zip": {"model.onnx": noise} for i in range(4)})
    assert len(look(root, tmp_path, ArchiveLimits(total=60_000, entries=1))) == 4
    assert all(isinstance(each, Hit) for each in look(root, tmp_path, ArchiveLimits(total=60_000)))


def test_zips_without_models_are_not_unpacked(tmp_path):
    write(tmp_path / "given", {"pictures.zip": {"1.jpg": b"", "coco.json": b"{}"}, "a": EXPORT})
    assert [hit.name for hit in look(tmp_path / "given", tmp_path)] == ["a"]
    assert not (tmp_path / "workspace").exists()


def problem(path: Path, tmp_path: Path, kind: type = ExportError) -> str:
    [error] = look(path, tmp_path)
    assert type(error) is kind
    return error.problem


def test_nothing_at_all(tmp_path):
    empty = write(tmp_path / "empty", {})
    expected = (
        "holds no model that Trunkline can read: expected one of .pb, saved_model.pb in its "
        "folder, .tflite, .onnx, .xml with .bin, .mlmodel or the model.json of TensorFlow.js; "
        "give the folder or the zip that has it."
    )
    assert problem(empty, tmp_path) == expected
    zips = write(
        tmp_path, {"e.zip": {}, "j.zip": {"model.json": b"{}"}, "x": {"model.xml": b"<a/>"}}
    )
    assert {problem(zips / name, tmp_path) for name in ("e.zip", "j.zip", "x")} == {expected}


def test_missing_and_strange_paths(tmp_path):
    assert problem(tmp_path / "gone", tmp_path) == "there is no such file or folder."
    os.mkfifo(tmp_path / "pipe")
    assert problem(tmp_path / "pipe", tmp_path) == "it is neither a file nor a folder."
    assert problem(Path("x" * 5000), tmp_path) == "it cannot be read (File name too long)."
    assert "no such file" in problem(Path("a\0b"), tmp_path)


def test_a_folder_that_cannot_be_read(tmp_path, monkeypatch):
    root = write(tmp_path / "given", {"a": EXPORT, "locked": EXPORT})
    listed = Path.iterdir

    def iterdir(path):
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    assert problem(root / "locked", tmp_path) == "it cannot be read (Permission denied)."
    first, second = look(root, tmp_path)
    assert first.name == "a"
    assert str(second) == f"{root / 'locked'}: it cannot be read (Permission denied)."


def test_a_doubtful_file_that_cannot_be_read_counts_as_a_model(tmp_path, monkeypatch):
    def refuse(path, *args, **options):
        raise PermissionError(13, "Permission denied")

    root = write(tmp_path / "given", {"model.json": WEB})
    monkeypatch.setattr(Path, "open", refuse)
    assert [hit.format for hit in look(root, tmp_path)] == ["tensorflowjs"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cat.JPG", "it is a picture, not a model; give the model first and pictures to predict."),
        ("cat.mp4", "it is a video, not a model."),
        ("model.bin", "it is only the weights of a model; give the .xml or model.json that lies"),
        ("model.tar.gz", "it is packed in a way that is not read; unpack it and give the folder."),
        ("labels.txt", "it is a file that lies beside a model; give the model or its folder."),
        (
            "cvexport.manifest",
            "it is a file that lies beside a model; give the model or its folder.",
        ),
        ("model.ckpt.meta", "it is a part of a TensorFlow checkpoint; save a SavedModel or"),
        ("x.json", 'it has no "modelTopology", so it is no TensorFlow.js model. Expected one of'),
        ("x.xml", "it has no <net> element, so it is no OpenVINO model. Expected one of .pb,"),
        ("x.exe", "it is no model that Trunkline can read. Expected one of .pb, saved_model.pb"),
        ("fingerprint.pb", "it is no model that Trunkline can read. Expected one of .pb,"),
    ],
)
def test_a_file_that_is_no_model(tmp_path, name, said):
    path = tmp_path / name
    path.write_bytes(b"something")
    assert problem(path, tmp_path).startswith(said)


FOREIGN = {
    "model.h5": "a Keras model; save it with model.export(folder)",
    "model.keras": "a Keras model",
    "yolo.pt": "a PyTorch checkpoint; export it with torch.onnx.export",
    "net.safetensors": "a PyTorch checkpoint",
    "cats.mlmodelc": "a Core ML program",
    "cats.engine": "a TensorRT engine, made for one kind of GPU; give the .onnx file",
    "cats.dlc": "a model for the Vision AI DevKit; export the iteration again",
    "cats.caffemodel": "a model of another runtime; export the model to ONNX",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_models_of_other_kinds_come_with_what_to_give_instead(tmp_path, name):
    root = write(
        tmp_path / "given", {name: b"x", "labels.txt": b"a", "z.zip": {"top": {name: b"x"}}}
    )
    said = f"it is {FOREIGN[name]}"
    assert problem(root / name, tmp_path, UnsupportedExportError).startswith(said)
    assert problem(root, tmp_path, UnsupportedExportError).startswith(said)
    assert problem(root / "z.zip", tmp_path, UnsupportedExportError).startswith(said)


def test_a_core_ml_package_is_not_taken_for_what_is_in_it(tmp_path):
    package = {"cats.mlpackage": {"Data": {"model.mlmodel": GRAPH}, "Manifest.json": b"{}"}}
    root = write(tmp_path / "given", package | {"z.zip": package})
    for path in (root, root / "cats.mlpackage", root / "z.zip"):
        assert "a Core ML program" in problem(path, tmp_path, UnsupportedExportError)


def test_models_of_other_kinds_beside_readable_ones_are_left_alone(found):
    assert found({"cats.onnx": GRAPH, "cats.pt": b"x", "cats.mlpackage": {"a": b""}}) == {
        "cats": "onnx"
    }


NAMES = ["model.pb", "cats.onnx", "model.json", "model.xml", "model.bin", "model.zip", "app"]
NAMES += ["dogs.zip", "saved_model", "saved_model.pb", "cvexport.manifest", "labels.txt", "b.pt"]
TREES = st.recursive(
    st.sampled_from([GRAPH, NET, WEB, b"", b"{}", b'{"ModelFileName": "model.zip"}']),
    lambda inner: st.dictionaries(
        st.sampled_from(NAMES),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(["a", "b.zip", "model.zip", "cats.onnx"]), TREES, max_size=3)
)
@settings(deadline=None, max_examples=60)
def test_any_tree_gives_models_or_sentences(tmp_path_factory, content):
    root = tmp_path_factory.mktemp("tree")
    write(root / "given", content)
    told = look(root / "given", root)
    assert told
    assert all(isinstance(each, Hit | ExportError) for each in told)
    assert all(each.file.path.is_file() and each.name for each in told if isinstance(each, Hit))


def test_models_are_found_when_they_are_asked_for(tmp_path):
    """Two are looked for at once, to tell many from one; the places of the others take no room."""
    for name in "abcd":
        write(tmp_path / "shelf" / name, EXPORT)
    hits = Search(tmp_path / "workspace", ArchiveLimits()).look(tmp_path / "shelf")
    assert next(hits).name == "a"
    for name in "bcd":
        (tmp_path / "shelf" / name).rename(tmp_path / name)
    assert [hit.name for hit in hits] == ["b"]
