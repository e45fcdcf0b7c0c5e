# SPDX-License-Identifier: Apache-2.0
"""The README says what to feed, and its examples run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import builders
from trunkline.contracts import Preset
from trunkline.exports.reading import read_one
from trunkline.writers.package import write_export
from trunkline.writers.readme import readme
from trunkline.writers.targets import TARGETS, find_target
from writers.classifiers import LABELS, mobile

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = re.compile(r"```python\n(.*?)```", re.DOTALL)


def programs(text: str) -> list[str]:
    return _PROGRAM.findall(text)


@pytest.mark.parametrize(
    ("platform", "flavor"),
    [("ONNX", None), ("OpenVino", None), ("TensorFlow", None)],
)
def test_the_examples_run_and_agree(tmp_path: Path, platform: str, flavor: str | None) -> None:
    model = read_one(builders.openvino_classifier(tmp_path / "one", side=20), "one")
    folder = write_export(model, tmp_path / "it", platform, flavor)
    picture = builders.picture(folder / "picture.jpg", (250, 5, 5), (40, 20))
    assert picture.is_file()
    own, foreign = programs((folder / "README.md").read_text("utf-8"))
    best = []
    for program in (own, foreign):
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        best.append(done.stdout)
    assert best[0].startswith("it {'task': 'multiclass', 'label': 'red', ")
    assert best[1].split()[0] == "red"


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_format_has_an_example(target) -> None:
    model = mobile()
    text = readme(model, target.contract(model), target, "model.file")
    assert "model.file" in text
    assert text.count("```") == 4
    for program in programs(text):
        compile(program, "README.md", "exec")


def test_what_is_fed_is_said() -> None:
    model = mobile()
    text = readme(model, find_target("ONNX").contract(model), find_target("ONNX"), "model.onnx")
    assert "float32 of shape (1, 3, 21, 18), blue, green, red, from 0 to 255." in text
    assert f"{len(LABELS)} labels" in text
    asked = replace(
        model.contract, order="RGB", maximum=1.0, mean=(0.4, 0.5, 0.6), std=(0.2, 0.2, 0.2)
    )
    text = readme(replace(model, labels=("a",)), asked, find_target("TensorFlow"), "model.pb")
    assert "(1, 21, 18, 3), red, green, blue, from 0 to 1, less (0.4, 0.5, 0.6)" in text
    assert "divided by (0.2, 0.2, 0.2)" in text
    assert "1 label," in text
    assert "::-1" not in text
    namespace: dict[str, object] = {}
    lines = [line for line in programs(text)[1].splitlines() if line.startswith("tensor = ")]
    code = "import numpy\npicture = numpy.full((21, 18, 3), 255)\n" + "\n".join(lines)
    exec(code, namespace)
    assert namespace["tensor"][0, 0, 0].tolist() == pytest.approx([3.0, 2.5, 2.0])


def test_detectors_have_the_example_of_trunkline_alone() -> None:
    model = replace(mobile(), task="detection")
    contract = replace(model.contract, preset=Preset.DETECTOR_COMPACT)
    text = readme(model, contract, find_target("OpenVino"), "model.xml")
    assert len(programs(text)) == 1
    assert "An image detector" in text
    assert "(1, rows, columns, 3)" in text
