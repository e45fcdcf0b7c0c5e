# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner, Result

import builders
from trunkline.cli.export import export_command
from trunkline.cli.faults import PoliteGroup
from trunkline.exports.reading import read_models, read_one
from trunkline.models import Model

if TYPE_CHECKING:
    from pathlib import Path

GROUP = PoliteGroup(commands=[export_command])


def export(*arguments: str | Path) -> Result:
    return CliRunner().invoke(GROUP, ["export", *map(str, arguments)])


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    return builders.openvino_classifier(tmp_path / "colours")


def test_it_is_written_and_told(tmp_path: Path, colours: Path) -> None:
    out = tmp_path / "third.zip"
    result = export(colours, "--to", "onnx", "-o", out)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{out}: ONNX, ")
    assert result.stdout.endswith("kB\n")
    with zipfile.ZipFile(out) as archive:
        assert "model.onnx" in archive.namelist()
    found = read_one(out, "third")
    assert isinstance(found, Model)
    assert found.labels == builders.COLOURS


def test_flavor_name_and_overwrite(tmp_path: Path, colours: Path) -> None:
    out = tmp_path / "out"
    arguments = [colours, "--to", "OPENVINO", "--flavor", "openvinofloat16", "-o", out]
    assert export(*arguments).exit_code == 0
    again = export(*arguments)
    assert again.exit_code == 2
    assert again.stderr == (
        f"trunkline: {out}: it is there already; give another path, or overwrite it.\n"
    )
    result = export(*arguments, "--name", "red or not", "--overwrite")
    assert result.stdout.startswith(f"{out}: OpenVINO IR with float16 weights, ")
    (model,) = read_models(out)
    assert model.name == "red or not"


def test_the_size_is_that_of_all_files(tmp_path: Path, colours: Path) -> None:
    out = tmp_path / "out"
    result = export(colours, "--to", "OpenVino", "-o", out)
    total = sum(path.stat().st_size for path in out.rglob("*"))
    assert f", {total / 1000:.3g} kB" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--to", "vaidk"), "There is no platform 'vaidk'"),
        (("--to", "onnx", "--flavor", "ONNX12"), "has no flavor 'ONNX12'"),
    ],
)
def test_what_is_not_there_is_said_first(tmp_path: Path, arguments, problem: str) -> None:
    result = export(tmp_path / "missing", *arguments, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert problem in result.stderr


def test_only_one_model_is_written(tmp_path: Path, colours: Path) -> None:
    builders.onnx_classifier(tmp_path / "more")
    result = export(tmp_path, "--to", "onnx", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "it holds 2 models; name the one to export" in result.stderr


def test_a_broken_export_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"nothing of the kind")
    result = export(broken, "--to", "onnx", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"trunkline: {broken}: ")
    assert not (tmp_path / "out").exists()


def test_platform_and_output_must_be_named(colours: Path) -> None:
    for missing in (["--to", "onnx"], ["-o", "out"]):
        result = export(colours, *missing)
        assert result.exit_code == 2
        assert "Missing option" in result.stderr


def test_help_says_what_there_is() -> None:
    assert isinstance(export_command, click.Command)
    text = export("--help").stdout
    assert "TensorFlow, ONNX, OpenVino or CoreML" in text
