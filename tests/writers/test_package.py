# SPDX-License-Identifier: Apache-2.0
"""An export as a folder and as a zip: what lies in it, and that nothing half-written is left."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import builders
from trunkline.errors import ExportError, TrunklineError
from trunkline.exports.reading import read_models, read_one
from trunkline.writers import package
from trunkline.writers.package import write_export
from trunkline.writers.targets import find_target
from writers.classifiers import LABELS, mobile, read

FILES = [
    "LICENSE", "README.md", "cvexport.manifest", "labels.txt", "metadata_properties.json",
    "model.onnx", "model.toml",
]  # fmt: skip
DATE = datetime(2026, 11, 22, 23, 30, 1, 250, UTC)


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_holds_what_the_service_puts_there(tmp_path: Path) -> None:
    written = write_export(mobile(), tmp_path / "deep" / "fruit", "ONNX")
    assert written == tmp_path / "deep" / "fruit"
    assert listed(written) == FILES
    assert listed(written.parent) == ["fruit"]
    assert (written / "labels.txt").read_text("utf-8").splitlines() == list(LABELS)


def test_the_manifest_has_the_service_s_keys(shared: Path, tmp_path: Path) -> None:
    written = write_export(mobile(), tmp_path / "fruit", "ONNX", "onnxfloat16", date=DATE)
    manifest = json.loads((written / "cvexport.manifest").read_text("utf-8"))
    real = shared / "models" / "meter-container-2025" / "cvexport.manifest"
    assert list(manifest) == list(json.loads(real.read_text("utf-8")))
    assert manifest["ExportedDate"] == "2026-11-22T23:30:01.0002500Z"
    assert (manifest["Platform"], manifest["Flavor"]) == ("ONNX", "OnnxFloat16")
    assert manifest["DomainType"] == "Classification"
    data = (written / manifest["ModelFileName"]).read_bytes()
    assert manifest["ModelFileSHA1"] == hashlib.sha1(data).hexdigest()


def test_the_metadata_has_the_service_s_keys(shared: Path, tmp_path: Path) -> None:
    written = write_export(mobile(), tmp_path / "fruit", "ONNX")
    metadata = json.loads((written / "metadata_properties.json").read_text("utf-8"))
    real = shared / "models" / "meter-container-2025" / "metadata_properties.json"
    assert list(metadata) == list(json.loads(real.read_text("utf-8")))
    assert all(isinstance(value, str) for value in metadata.values())


@pytest.mark.parametrize("form", ["folder", "out.zip"])
def test_it_is_read_back_with_the_contract_it_was_written_with(tmp_path: Path, form: str) -> None:
    model = mobile()
    again = read(write_export(model, tmp_path / form, "ONNX"))
    assert again.contract == find_target("ONNX").contract(model)
    assert (again.labels, again.task, again.decoder) == (model.labels, model.task, model.decoder)


def test_a_name_that_is_given_is_kept_whatever_the_file_is_called(tmp_path: Path) -> None:
    (named,) = read_models(write_export(mobile(), tmp_path / "a.zip", "ONNX", name="obst 1"))
    (unnamed,) = read_models(write_export(mobile(), tmp_path / "b.zip", "ONNX"))
    assert (named.name, unnamed.name) == ("obst 1", "b")


def test_a_zip_is_the_same_whenever_it_is_written(tmp_path: Path) -> None:
    elsewhere = DATE.astimezone(timezone(timedelta(hours=5)))
    first = write_export(mobile(), tmp_path / "a.zip", "ONNX", date=DATE)
    second = write_export(mobile(), tmp_path / "b.zip", "ONNX", date=elsewhere)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert archive.namelist() == FILES
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_environment_can_say_the_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    written = write_export(mobile(), tmp_path / "a", "ONNX")
    manifest = json.loads((written / "cvexport.manifest").read_text("utf-8"))
    assert manifest["ExportedDate"] == "1970-01-02T00:00:00.0000000Z"
    for wrong in ("yesterday", "9" * 30):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", wrong)
        with pytest.raises(ExportError, match="no number of seconds since 1970"):
            write_export(mobile(), tmp_path / "b", "ONNX")
    assert listed(tmp_path) == ["a"]


def test_without_a_date_it_is_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    before = datetime.now(UTC)
    written = write_export(mobile(), tmp_path / "a", "ONNX")
    manifest = json.loads((written / "cvexport.manifest").read_text("utf-8"))
    told = datetime.fromisoformat(manifest["ExportedDate"][:26] + "+00:00")
    assert before <= told <= datetime.now(UTC)


def test_what_is_there_is_not_replaced_unasked(tmp_path: Path) -> None:
    folder, zipped = tmp_path / "a", tmp_path / "a.zip"
    folder.mkdir()
    write_export(mobile(), folder, "ONNX")  # an empty folder is free
    write_export(mobile(), zipped, "ONNX")
    kept = zipped.read_bytes()
    for path in (folder, zipped):
        with pytest.raises(ExportError, match="it is there already"):
            write_export(mobile(seed=1), path, "ONNX")
    assert zipped.read_bytes() == kept
    (folder / "stale").touch()
    for path in (folder, zipped):
        write_export(mobile(["x", "y"], seed=1), path, "OpenVino", overwrite=True)
        assert read(path).labels == ("x", "y")
    assert listed(tmp_path) == ["a", "a.zip"]
    assert not {"stale", "model.onnx"} & set(listed(folder))


def test_only_an_export_is_overwritten(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "letter.txt").write_text("dear", "utf-8")
    with pytest.raises(ExportError, match="so no export, and is not overwritten"):
        write_export(mobile(), home, "ONNX", overwrite=True)
    (tmp_path / "link").symlink_to(home)
    (tmp_path / "a.zip").mkdir()
    for name, kind in (("link", "folder"), ("a.zip", "zip"), ("home/letter.txt", "folder")):
        with pytest.raises(ExportError, match=f"something else than a {kind} is there"):
            write_export(mobile(), tmp_path / name, "ONNX", overwrite=True)
    assert listed(home) == ["letter.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_nothing_half_written_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(package, "readme", fail)
    with pytest.raises(KeyboardInterrupt if error is KeyboardInterrupt else ExportError):
        write_export(mobile(), tmp_path / "a", "ONNX")
    assert listed(tmp_path) == []


def test_an_old_export_comes_back_where_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_export(mobile(), tmp_path / "a", "ONNX")
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if self.name == "export":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(ExportError, match=r"cannot be written \(Input/output error\)"):
        write_export(mobile(seed=1), path, "ONNX", overwrite=True)
    assert listed(path) == FILES
    assert listed(tmp_path) == ["a"]


def test_a_folder_is_as_readable_as_any_new_one(tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    write_export(mobile(), tmp_path / "a", "ONNX")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ExportError, match="cannot be written"):
        write_export(mobile(), tmp_path / "a", "ONNX")


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match=r"cannot be written \((Not a directory|File exists)"):
        write_export(mobile(), tmp_path / "file" / "a", "ONNX")


@pytest.mark.parametrize("name", ["", " ", "a\nb", " padded"])
def test_names_that_would_not_be_read_back_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ExportError, match="the name"):
        write_export(mobile(), tmp_path / "a", "ONNX", name=name)
    assert listed(tmp_path) == []


@given(name=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
@settings(deadline=None, max_examples=25)
def test_any_other_name_is_kept(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("names") / "a"
    if name != name.strip() or not name.strip():
        with pytest.raises(ExportError, match="the name"):
            write_export(SMALL, path, "OpenVino", name=name)
        return
    (again,) = read_models(write_export(SMALL, path, "OpenVino", name=name))
    assert again.name == name


SMALL = mobile(plain=True)


def test_a_model_of_a_set_has_no_graph_to_write(tmp_path: Path) -> None:
    import trunkline

    models = trunkline.load(builders.openvino_classifier(tmp_path / "one"))
    with pytest.raises(ExportError, match="is in a model set"):
        write_export(models["one"], tmp_path / "a", "ONNX")


def test_an_unknown_platform_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(TrunklineError, match="no platform"):
        write_export(mobile(), tmp_path / "a", "VAIDK")
    assert listed(tmp_path) == []


@pytest.mark.parametrize("platform", ["ONNX", "OpenVino", "CoreML"])
def test_real_exports_and_all_they_become_share_one_trunk(
    shared: Path, tmp_path: Path, platform: str
) -> None:
    import trunkline

    model = read_one(shared / "models" / "soda-softmax", "soda")
    written = write_export(model, tmp_path / "again.zip", platform)
    models = trunkline.load(shared / "models" / "soda-softmax", written)
    assert len({entry.needs for entry in models.plan.entries.values()}) == 1
    assert len(models.plan.parts) == 1
