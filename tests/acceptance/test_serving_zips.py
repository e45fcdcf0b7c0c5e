# SPDX-License-Identifier: Apache-2.0
"""Zips that come over HTTP write nothing elsewhere, lead nowhere, and do not fill the disk.

Each attack is made twice, as in ``test_serving_security``: with the guard, and without it.
"""

from __future__ import annotations

import stat
import tempfile
import zipfile
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import builders
import trunkline
from server.asking import live
from trunkline.exports import archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Patch = pytest.MonkeyPatch

BOTH = pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "guard taken out"])


@pytest.fixture
def base(tmp_path: Path) -> Iterator[str]:
    models = trunkline.load(builders.openvino_classifier(tmp_path / "models" / "colours"))
    with live(models, tmp_path) as address:
        yield address


ZIPS: dict[str, tuple[str, dict[str, bytes]]] = {
    "climbs out": ("climbs out", {"../../../escaped.txt": b"out"}),
    "climbs out as on Windows": ("climbs out", {"..\\..\\..\\escaped.txt": b"out"}),
    "absolute": ("absolute", {"HERE/escaped.txt": b"out"}),
    "bomb": ("unfold", {"model.onnx": bytes(100 << 20)}),
}
"""By kind: a word of the refusal, and the files."""


@BOTH
@pytest.mark.parametrize("kind", ZIPS)
def test_a_zip_writes_nothing_elsewhere(
    base: str, tmp_path: Path, monkeypatch: Patch, kind: str, *, guarded: bool
) -> None:
    word, files = ZIPS[kind]
    # The model is what makes it worth unpacking.
    here = {"model.onnx": b"x"} | {n.replace("HERE", str(tmp_path)): d for n, d in files.items()}
    attack = builders.zip_of(tmp_path / "attack.zip", here).read_bytes()
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    written: list[str] = []
    really = archive._write

    def write(opened: Any, info: zipfile.ZipInfo, path: Path, source: str) -> None:
        written.append(info.filename)
        really(opened, info, path, source)

    monkeypatch.setattr(archive, "_write", write)
    if not guarded:
        monkeypatch.setattr(archive, "_parts", careless_parts)
        monkeypatch.setattr(archive.ArchiveLimits, "allowance", lambda *_: 1 << 40)
    answer = httpx.post(f"{base}/models/new", content=attack, timeout=60)
    assert answer.status_code == 400
    assert (word in answer.json()["detail"]) is guarded
    assert bool(written) is not guarded
    assert (tmp_path / "escaped.txt").exists() is (not guarded and kind != "bomb")
    assert list((tmp_path / "scratch").iterdir()) == []  # what was unpacked is gone
    assert [each["name"] for each in httpx.get(f"{base}/models").json()["models"]] == ["colours"]


def careless_parts(info: zipfile.ZipInfo, _: str) -> tuple[str, tuple[str, ...]]:
    name = info.filename.replace("\\", "/")
    first = ("/",) if name.startswith("/") else ()
    return name, (*first, *(part for part in name.split("/") if part))


@BOTH
def test_a_link_in_a_zip_leads_nowhere(
    base: str, tmp_path: Path, monkeypatch: Patch, *, guarded: bool
) -> None:
    """Labels that are a link to a file of the server's would tell what is in it."""
    (tmp_path / "secret.txt").write_text("one\ntwo\nthree\n")
    export = builders.openvino_classifier(tmp_path / "export")
    files = {each.name: each.read_bytes() for each in export.iterdir()}
    files["model.toml"] = files["model.toml"].replace(b'["red", "green", "blue"]', b'"labels.txt"')
    path = builders.zip_of(tmp_path / "attack.zip", files)
    link = zipfile.ZipInfo("labels.txt")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr(link, str(tmp_path / "secret.txt"))
    if not guarded:
        monkeypatch.setattr(archive, "_refuse_kind", lambda *_: None)
        monkeypatch.setattr(archive, "_write", careless_write)
    answer = httpx.post(f"{base}/models/new", content=path.read_bytes())
    if guarded:
        assert answer.status_code == 400
        assert "is a link" in answer.json()["detail"]
    else:
        assert answer.json()["labels"] == ["one", "two", "three"]


def careless_write(opened: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, _: str) -> None:
    if stat.S_ISLNK(info.external_attr >> 16):
        path.symlink_to(opened.read(info).decode())
    else:
        path.write_bytes(opened.read(info))
