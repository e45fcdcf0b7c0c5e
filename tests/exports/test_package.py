# SPDX-License-Identifier: Apache-2.0
"""What lies around a model: labels, manifest, metadata and settings, and what is wrong in them."""

from __future__ import annotations

import codecs
import hashlib
import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from exports.trees import EXPORT, GRAPH, NET, WEB, write, zipped
from trunkline.errors import ExportError
from trunkline.exports.archive import ArchiveLimits
from trunkline.exports.package import ModelFormat, Package, find
from trunkline.exports.settings import InputSettings
from trunkline.exports.sidefiles import MANIFEST

SHA1 = hashlib.sha1(GRAPH).hexdigest()

REAL = {
    "apple-orange-container-2025": ("tflite", 2),
    "bananas": ("tensorflow", 3),
    "bear-1-label": ("tensorflow", 1),
    "bears": ("tensorflow", 3),
    "cat-dog-onnx-opset1": ("onnx", None),
    "cat-dog-onnx-opset7": ("onnx", None),
    "classifier-tfjs-graph-only": ("tensorflowjs", 2),
    "desk-earlier-coreml": ("coreml", None),
    "desk-earlier-onnx-opset1": ("onnx", None),
    "desk-earlier-pb": ("tensorflow", 5),
    "desk-onnx-opset7": ("onnx", None),
    "desk-pb": ("tensorflow", 5),
    "detector-compact-tfjs-graph-only": ("tensorflowjs", 3),
    "detector-s1-tfjs-graph-only": ("tensorflowjs", 12),
    "food-onnx-opset1": ("onnx", None),
    "fruit-2": ("tensorflow", 2),
    "fruit-4": ("tensorflow", 4),
    "fruit-7-coreml": ("coreml", None),
    "fruit-7-no-mean": ("tensorflow", 7),
    "fruit-7-tflite": ("tflite", 7),
    "hotdog-container": ("tensorflow", 2),
    "landmarks-other-trunk": ("tensorflow", 9),
    "landmarks-third-trunk": ("tensorflow", 9),
    "lane-explicit-pad": ("tensorflow", 3),
    "meter-container-2025": ("tflite", 3),
    "plankton-4-onnx-opset1": ("onnx", None),
    "plankton-5-onnx-opset1": ("onnx", None),
    "rock-paper-scissors": ("tensorflow", 3),
    "sign-14": ("tensorflow", 14),
    "soda-softmax": ("tensorflow", 7),
}


def one(path: Path, **options) -> Package:
    [package] = find(path, path.parent / "workspace", **options)
    assert isinstance(package, Package), package
    return package


def problem(path: Path, **options) -> str:
    [error] = find(path, path.parent / "workspace", **options)
    assert isinstance(error, ExportError)
    return str(error).replace(f"{path.parent}/", "")


@pytest.fixture
def given(tmp_path):
    """Find the one package in a folder that holds a model and what the test puts beside it."""

    def given(beside: dict, model: dict | None = None) -> Package:
        return one(write(tmp_path / "cats", {**(model or {"model.pb": GRAPH}), **beside}))

    return given


@pytest.fixture
def wrong(tmp_path):
    """Likewise where it is broken; return the sentence that says why."""

    def wrong(beside: dict, model: dict | None = None) -> str:
        return problem(write(tmp_path / "cats", {**(model or {"model.pb": GRAPH}), **beside}))

    return wrong


@pytest.mark.parametrize("name", REAL)
def test_each_real_export(shared, tmp_path, name):
    form, count = REAL[name]
    folder = shared / "models" / name
    [package] = find(folder, tmp_path)
    assert isinstance(package, Package)
    assert (package.name, package.source, package.format) == (name, str(folder), form)
    assert package.model.parent == folder
    assert package.model.is_file()
    assert (package.labels and len(package.labels)) == count


def test_all_real_exports_at_once(shared, tmp_path):
    packages = {package.name: package for package in find(shared / "models", tmp_path)}
    assert list(packages) == sorted(REAL)
    assert {name: package.format for name, package in packages.items()} == {
        name: form for name, (form, _) in REAL.items()
    }
    assert packages["bananas"].labels == ("Apple", "Banana", "Dugong")
    assert packages["bananas"].notes == ("labels.txt has Windows line ends",)
    assert packages["fruit-7-tflite"].notes == (
        "cvexport.manifest names a ModelFileSHA1 that the file does not have",
    )
    [note] = packages["detector-s1-tfjs-graph-only"].notes
    assert note.startswith("cvexport.manifest names the ModelFileName 'model.zip', which is not")
    assert note.endswith("; model.json was read")
    meter = packages["meter-container-2025"]
    assert meter.notes == ()
    assert meter.manifest["ExporterVersion"] == "2.2"
    assert meter.metadata["Image.BitmapPixelFormat"] == "Rgb8"
    assert not packages["fruit-2"].manifest
    assert not packages["fruit-2"].metadata


def test_real_exports_as_zips_are_the_same(shared, tmp_path):
    for name in ("bananas", "meter-container-2025", "detector-s1-tfjs-graph-only"):
        shutil.make_archive(str(tmp_path / "zips" / name), "zip", shared / "models" / name)
    for package in find(tmp_path / "zips", tmp_path / "workspace"):
        original = one(shared / "models" / package.name)
        assert package.source == str(tmp_path / "zips" / f"{package.name}.zip")
        assert package.model.read_bytes() == original.model.read_bytes()
        for attribute in ("format", "labels", "manifest", "metadata", "settings", "notes"):
            assert getattr(package, attribute) == getattr(original, attribute)


def test_no_graph_library_is_imported():
    code = (
        "import sys, trunkline.exports.package; "
        "print([m for m in ('openvino', 'onnx', 'PIL', 'google.protobuf') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_model_alone(given):
    package = given({})
    assert package.format is ModelFormat.TENSORFLOW
    assert package.model.name == "model.pb"
    assert (package.labels, package.settings, package.notes) == (None, None, ())
    assert (package.manifest, package.metadata) == ({}, {})


def test_the_model_of_a_saved_model_is_its_folder(given, tmp_path):
    inner = {"saved_model": {"saved_model.pb": GRAPH, "variables": {"variables.index": b"v"}}}
    package = given({"labels.txt": b"a\nb", "model.toml": b"task = 'multilabel'"}, inner)
    assert package.model == tmp_path / "cats" / "saved_model"
    assert (package.name, package.format, package.labels) == ("cats", "savedmodel", ("a", "b"))
    assert package.settings.task == "multilabel"
    assert one(package.model / "saved_model.pb").model == package.model


@pytest.mark.parametrize(
    ("files", "labels"),
    [
        (["cats.txt", "cats.labels.txt", "other.txt", "labels.txt"], ("cats.txt",)),
        (["cats.labels.txt", "other.txt", "labels.txt"], ("cats.labels.txt",)),
        (["other.txt", "labels.txt"], ("other.txt",)),
        (["labels.txt"], ("labels.txt",)),
        (["Labels.TXT"], ("Labels.TXT",)),
        (["dogs.txt"], None),
    ],
)
def test_the_nearest_labels_win(given, files, labels):
    manifest = b'{"LabelFileName": "other.txt"}' if "other.txt" in files else b"{}"
    beside = {file: file.encode() for file in files} | {"cvexport.manifest": manifest}
    assert given(beside, {"cats.onnx": GRAPH}).labels == labels


def test_files_side_by_side_share_what_is_common(tmp_path):
    content = {
        "a.onnx": GRAPH,
        "b.tflite": GRAPH,
        "b.txt": b"own",
        "b.toml": b'task = "multilabel"',
        "labels.txt": b"common",
        "model.toml": b'task = "multiclass"',
    }
    a, b = find(write(tmp_path / "given", content), tmp_path)
    assert (a.name, a.labels, a.settings.task) == ("a", ("common",), "multiclass")
    assert (b.name, b.labels, b.settings.task) == ("b", ("own",), "multilabel")


def test_what_surrounds_the_zip_in_an_export_belongs_to_it(given):
    inner = zipped({"model.json": WEB, "weights.bin": b"w"})
    manifest = {"ModelFileName": "model.zip", "ModelFileSHA1": hashlib.sha1(inner).hexdigest()}
    beside = {"cvexport.manifest": json.dumps(manifest).encode(), "labels.txt": b"a\nb"}
    package = given(beside, {"model.zip": inner})
    assert (package.name, package.format, package.labels) == ("cats", "tensorflowjs", ("a", "b"))
    assert package.manifest["ModelFileName"] == "model.zip"
    assert package.notes == ()


def test_a_hash_in_capitals_is_the_same_hash(given):
    manifest = {"ModelFileName": "model.pb", "ModelFileSHA1": SHA1.upper()}
    assert given({"cvexport.manifest": json.dumps(manifest).encode()}).notes == ()


def test_a_file_is_hashed_beside_what_else_is_done(given, monkeypatch):
    may_begin, really = threading.Event(), hashlib.file_digest

    def waiting(*arguments):
        assert may_begin.wait(30)
        return really(*arguments)

    monkeypatch.setattr(hashlib, "file_digest", waiting)
    manifest = {"ModelFileName": "model.pb", "ModelFileSHA1": SHA1}
    package = given({"cvexport.manifest": json.dumps(manifest).encode()})
    assert package.told == ()
    may_begin.set()
    assert package.notes == package.notes == ()


def test_a_file_that_cannot_be_read_does_not_have_the_hash(given, monkeypatch):
    def fail(*_):
        raise OSError("no longer there")

    monkeypatch.setattr(hashlib, "file_digest", fail)
    manifest = {"ModelFileName": "model.pb", "ModelFileSHA1": SHA1}
    [note] = given({"cvexport.manifest": json.dumps(manifest).encode()}).notes
    assert note == "cvexport.manifest names a ModelFileSHA1 that the file does not have"


def test_large_files_are_not_hashed(given, tmp_path):
    manifest = {"ModelFileName": "model.pb", "ModelFileSHA1": "0" * 40}
    write(tmp_path / "cats", {"cvexport.manifest": json.dumps(manifest).encode()})
    with (tmp_path / "cats" / "model.pb").open("wb") as file:
        file.truncate(64 << 20)
    assert len(given({}, {"LICENSE": b""}).notes) == 1
    with (tmp_path / "cats" / "model.pb").open("wb") as file:
        file.truncate((64 << 20) + 1)
    assert given({}, {"LICENSE": b""}).notes == ()


@pytest.mark.parametrize(
    ("manifest", "notes"),
    [
        (b'{"LabelFileName": null, "IterationId": null}', []),
        (b'{"ModelFileSHA1": "00"}', []),
        (b'{"ModelFileName": "model.pb", "ModelFileSHA1": 7}', []),
        (
            b'{"ModelFileName": "model.pb", "ModelFileSHA1": "00"}',
            ["cvexport.manifest names a ModelFileSHA1 that the file does not have"],
        ),
        (
            b'{"ModelFileName": "../m", "ModelFileSHA1": "00"}',
            [f"{MANIFEST} names the ModelFileName '../m', which is not there; model.pb was read"],
        ),
        (
            b'{"LabelFileName": "../labels.txt", "MetadataPropsFileName": 3}',
            [
                "cvexport.manifest names the LabelFileName '../labels.txt', which is not there",
                "cvexport.manifest names the MetadataPropsFileName '3', which is not there",
            ],
        ),
        (b'{"DomainType": ', ["cvexport.manifest is not valid JSON and was left aside"]),
        (b"", ["cvexport.manifest is not valid JSON and was left aside"]),
        (b"\x81", ["cvexport.manifest is not valid JSON and was left aside"]),
        (b"[" * 9999, ["cvexport.manifest is not valid JSON and was left aside"]),
        (b'{"a": %b}' % (b"9" * 9999), ["cvexport.manifest is not valid JSON and was left aside"]),
        (b"[1]", ["cvexport.manifest holds no JSON object and was left aside"]),
        (b" " * (1 << 20) + b"{}", ["cvexport.manifest is larger than 1 MiB and was left aside"]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_nothing_in_a_manifest_is_fatal(given, manifest, notes):
    package = given({"cvexport.manifest": manifest, "labels.txt": b"a"})
    assert package.labels == ("a",)
    assert list(package.notes) == notes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_marks_in_any_text_file(given, encoding):
    package = given(
        {
            "cvexport.manifest": '{"Flavor": "é"}'.encode(encoding),
            "metadata_properties.json": '{"Image.BitmapPixelFormat": "é"}'.encode(encoding),
            "model.toml": 'name = "é"'.encode(encoding),
            "labels.txt": "é".encode(encoding),
        }
    )
    assert package.manifest == {"Flavor": "é"}
    assert package.metadata == {"Image.BitmapPixelFormat": "é"}
    assert (package.name, package.labels) == ("é", ("é",))
    mark = ("labels.txt begins with a byte order mark",) if encoding != "utf-8" else ()
    assert package.notes == mark


def test_metadata_is_text(given):
    package = given({"metadata_properties.json": b'{"a": "x", "b": 1.5, "c": true, "d": [1]}'})
    assert package.metadata == {"a": "x", "b": "1.5", "c": "true", "d": "[1]"}


def test_metadata_under_the_name_in_the_manifest(given):
    manifest = b'{"MetadataPropsFileName": "props.json"}'
    beside = {"props.json": b'{"a": "1"}', "metadata_properties.json": b'{"a": "2"}'}
    assert given({**beside, "cvexport.manifest": manifest}).metadata == {"a": "1"}


def test_broken_metadata_is_left_aside(given):
    package = given({"metadata_properties.json": b"{"})
    assert package.metadata == {}
    assert package.notes == ("metadata_properties.json is not valid JSON and was left aside",)


def test_settings(given):
    package = given({"model.toml": b'labels = ["x"]\n[input]\nwidth = 9', "labels.txt": b"a\n\nb"})
    assert package.labels == package.settings.labels == ("x",)
    assert package.settings.input == InputSettings(width=9)


def test_settings_that_name_a_label_file(given):
    package = given({"model.toml": b'labels = "coco.txt"', "coco.txt": b"x\r\ny"})
    assert package.labels == package.settings.labels == ("x", "y")
    assert package.notes == ("coco.txt has Windows line ends",)


def test_settings_that_name_a_model(given):
    assert given({"model.toml": b'name = "tigers"'}).name == "tigers"


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ({"labels.txt": b""}, "cats/labels.txt: is empty; it should hold one label per line."),
        ({"labels.txt": b"a" * (2 << 20)}, "cats/labels.txt: is larger than 1 MiB, too large for"),
        ({"model.toml": b"task = 1"}, "cats/model.toml: task is 1; it should be"),
        ({"model.toml": b"#" * (2 << 20)}, "cats/model.toml: is larger than 1 MiB"),
        (
            {"model.toml": b'labels = "coco.txt"'},
            "cats/model.toml: labels names 'coco.txt', which is not in the same folder.",
        ),
        ({"model.toml": b'labels = "x.txt"', "x.txt": b"\n"}, "cats/x.txt: is empty"),
    ],
)
def test_what_a_person_wrote_must_be_right(wrong, beside, said):
    assert wrong(beside).startswith(said)


def test_messages_name_files_in_zips_by_the_zip(tmp_path):
    content = {"second.zip": {"top": {"model.pb": GRAPH, "labels.txt": b""}}}
    root = write(tmp_path, content)
    assert problem(root / "second.zip").startswith("second.zip/top/labels.txt: is empty")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"model.onnx": b""}, "cats: the model file is empty; copy or download it again."),
        (
            {"model.pb": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"},
            "cats: it is a placeholder of Git LFS; fetch it with git lfs pull.",
        ),
        ({"model.xml": NET}, "cats: its weights, model.bin, are not beside it."),
        ({"saved_model.pb": b""}, "cats: the model file is empty"),
    ],
)
def test_model_files_that_no_reader_should_get(wrong, model, said):
    assert wrong({"labels.txt": b"a"}, model).startswith(said)


@pytest.mark.parametrize(
    "model",
    [
        {"model.onnx": b"x" * 1000},
        {"model.xml": NET, "model.bin": b"x" * (1000 - len(NET))},
        {"saved_model.pb": b"x", "variables": {"variables.data": b"x" * 999, "more": {}}},
    ],
)
def test_the_largest_model(tmp_path, model):
    folder = write(tmp_path / "cats", model)
    assert one(folder, largest=1000).name == "cats"
    assert problem(folder, largest=999).startswith("cats: it is larger than ")


def test_a_model_beyond_two_gibibytes_is_refused(tmp_path):
    write(tmp_path / "cats", {})
    with (tmp_path / "cats" / "model.onnx").open("wb") as file:
        file.truncate((2 << 30) + 1)
    assert problem(tmp_path / "cats") == "cats: it is larger than 2 GiB, the most that is read."


def test_a_file_that_cannot_be_read(given, wrong, monkeypatch):
    opened = Path.open

    def refuse(path, *args, **options):
        if path.name == "labels.txt":
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **options)

    assert given({"labels.txt": b"a"}).labels == ("a",)
    monkeypatch.setattr(Path, "open", refuse)
    assert wrong({}) == "cats: it cannot be read (Permission denied)."


def test_a_zip_beside_its_unpacked_folder(tmp_path):
    root = write(tmp_path / "given", {"cats": EXPORT, "cats.zip": EXPORT, "x": {"cats": EXPORT}})
    packages = list(find(root, tmp_path / "workspace"))
    assert [package.name for package in packages] == ["cats", "cats-tensorflow", "cats-2"]
    assert packages[0].notes == ()
    assert packages[1].notes == ("it is called 'cats-tensorflow', because 'cats' is taken",)


def test_a_broken_one_is_told_in_its_place(tmp_path):
    broken = {"model.pb": GRAPH, "labels.txt": b""}
    root = write(tmp_path / "given", {"a": EXPORT, "b": broken, "c.zip": b"", "d.zip": EXPORT})
    told = list(find(root, tmp_path / "workspace"))
    assert [isinstance(each, ExportError) for each in told] == [False, True, True, False]
    assert str(told[1]).startswith(f"{root / 'b' / 'labels.txt'}: is empty")


def test_limits_of_zips_can_be_told(tmp_path):
    path = write(tmp_path, {"cats.zip": EXPORT}) / "cats.zip"
    assert one(path, limits=ArchiveLimits(entries=2)).labels == ("a", "b")
    assert "holds 2 files; at most 1" in problem(path, limits=ArchiveLimits(entries=1))


def test_a_wide_character_text_is_told_from_bytes(given):
    labels = codecs.BOM_UTF16_BE + "Äpfel\r\nBirnen".encode("utf-16-be")
    assert given({"labels.txt": labels}).labels == ("Äpfel", "Birnen")
