# SPDX-License-Identifier: Apache-2.0
"""What the documentation says is so: links, examples, help texts, settings, dependencies."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

import trunkline
from documents import (
    COMMAND_LINE,
    PAGES,
    ROOT,
    blocks,
    commands,
    every_command,
    helps,
    prepare,
    run_as_stated,
    with_helps,
)
from trunkline.contracts import Preset
from trunkline.exports.settings import parse
from trunkline.writers.targets import TARGETS

DOCS = ROOT / "docs"
FORMATS = DOCS / "formats.md"

_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_FILE = re.compile(r"`((?:docs|scripts|src|tests|benchmarks|\.ci)/[\w./-]+)")


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them from its headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_files_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    for link in _LINK.findall(text):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.is_file(), f"{page.name} links to {link}"
        assert not anchor or anchor in headings(target), f"{page.name} links to {link}"
    for name in _FILE.findall(text):
        assert (ROOT / name).exists(), f"{page.name} names {name}"


def test_every_page_is_in_the_index() -> None:
    linked = set(_LINK.findall((DOCS / "index.md").read_text("utf-8")))
    assert {page.name for page in DOCS.glob("*.md")} - {"index.md"} <= linked


def test_pages_that_messages_name_exist() -> None:
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    named = set(re.findall(r"(?<![\w/])docs/[\w-]+\.md", sources))
    assert named
    assert all((ROOT / name).is_file() for name in named)


def test_help_texts_are_the_programs_own() -> None:
    text = COMMAND_LINE.read_text("utf-8")
    assert helps(text) == set(every_command())
    assert with_helps(text) == text, "run tests/documents.py"


def test_scripts_that_pages_name_can_be_run() -> None:
    lines = "".join("".join(blocks(page, "sh")) for page in PAGES)
    named = set(re.findall(r"^(scripts/\w+|\.ci/\w+)", lines, re.MULTILINE))
    assert named == {"scripts/check", "scripts/test", "scripts/demo", ".ci/run"}
    for name in named:
        assert os.access(ROOT / name, os.X_OK)
        subprocess.run(["bash", "-n", ROOT / name], check=True)


@pytest.mark.filterwarnings("ignore:OpenCV")  # which supervision can do without
def test_the_examples_in_python_run(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(tmp_path, shared)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for block in blocks(DOCS / "python.md", "python"):
            exec(compile(block, "docs/python.md", "exec"), names)
    assert "Apple 0.99" in printed.getvalue()
    assert "broken.onnx: " in printed.getvalue()
    assert "photo.jpg: it is a picture" in printed.getvalue()
    assert "fork " in printed.getvalue()
    models = names["models"]
    assert isinstance(models, trunkline.ModelSet)
    assert set(models) == {"second", "detector", "third"}


def test_the_commands_of_the_command_line_page_print_what_it_says(
    shared: Path, tmp_path: Path
) -> None:
    prepare(tmp_path, shared)
    run = 0
    for command in commands(COMMAND_LINE):
        run_as_stated(command, tmp_path, Path(sys.executable).parent)
        run += 1
    assert run > 3


def test_the_page_on_training_is_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUNKLINE_CACHE", str(tmp_path / "cache"))
    page = DOCS / "training.md"
    verbs = []
    for command in commands(page):
        run_as_stated(command, tmp_path, Path(sys.executable).parent)
        verbs.append(command.line.split()[1])
    assert verbs == ["demo", "train", "predict", "evaluate", "trunks", "export"]
    for block in blocks(page, "python"):
        exec(compile(block, "docs/training.md", "exec"), {})
    assert set(trunkline.load("models")) == {"shape", "again"}


def test_the_table_of_forms_has_every_target() -> None:
    table = (DOCS / "training.md").read_text("utf-8").partition("## Export")[2]
    rows = re.findall(r"^\| `(\w+)` \| (?:`(\w+)` )?\|", table, re.MULTILINE)
    assert [(platform, flavor or None) for platform, flavor in rows] == [
        (target.platform, target.flavor) for target in TARGETS
    ]


@pytest.mark.parametrize("text", blocks(FORMATS, "toml"), ids=lambda text: text.split("\n")[0])
def test_example_settings_are_read(text: str) -> None:
    settings = parse(text.encode(), "model.toml")
    assert settings.task
    assert settings.labels or settings.label_file


def test_the_table_of_settings_has_every_key() -> None:
    table = FORMATS.read_text("utf-8").partition("## model.toml")[2].partition("### ")[0]
    named = set(re.findall(r"`((?:input|output)\.\w+|task|labels|name)`", table.lower()))
    settings = parse(b"", "model.toml")
    tops = {"task", "labels", "name"}
    inputs = {f"input.{name}" for name in settings.input.__slots__}
    outputs = {f"output.{name}" for name in settings.output.__slots__}
    assert named == tops | inputs | outputs | {"output.decode"}


def test_the_table_of_presets_has_every_preset() -> None:
    text = (DOCS / "input-contract.md").read_text("utf-8")
    table = text.partition("## Presets")[2].partition("## ")[0]
    assert re.findall(r"^\| `([\w-]+)`", table, re.MULTILINE) == [str(p) for p in Preset]


def test_every_dependency_has_its_line() -> None:
    text = (DOCS / "dependencies.md").read_text("utf-8").partition("## Left out")[0]
    justified = set(re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(each for extra in project["project"]["optional-dependencies"].values() for each in extra),
        *(each for group in project["dependency-groups"].values() for each in group),
    ]
    assert justified == {re.split(r"[\[<>=!~; ]", each)[0] for each in wanted}


# Graphs for the example settings: each answers the same for any picture.


def _always(picture: openvino.Node, values: object) -> openvino.Node:
    """An output that is fixed, and comes from the picture all the same."""
    nothing = ops.multiply(ops.reduce_max(picture, np.array([0, 1, 2, 3])), np.float32(0))
    return ops.add(np.array(values, np.float32), nothing)


def _grid(picture: openvino.Node) -> openvino.Node:
    """A compact detector's grid for two anchors of two labels, sure of the second of each."""
    cells = ops.avg_pool(
        ops.transpose(picture, np.array([0, 3, 1, 2])), [32, 32], [0, 0], [0, 0], [32, 32], True
    )
    nothing = ops.convolution(
        cells, np.zeros((14, 3, 1, 1), np.float32), [1, 1], [0, 0], [0, 0], [1, 1]
    )
    raw = np.array([0, 0, 0, 0, -20, 0, 0, 0, 0, 0, 0, 9, -9, 9], np.float32)
    return ops.transpose(ops.add(nothing, raw.reshape(1, 14, 1, 1)), np.array([0, 2, 3, 1]))


_ROW = [32.0, 16.0, 32.0, 16.0]  # centre and size of a box in a picture of 64 x 64
_EXAMPLES = {
    "A classifier that answers in logits": lambda picture: {
        "logits": _always(picture, [[0, 3, 1]])
    },
    "YOLOv8 and later": lambda picture: {
        "rows": _always(picture, [[[v, v] for v in (*_ROW, 0.1, 0.9)]])
    },
    "YOLOv5 to YOLOv7": lambda picture: {"rows": _always(picture, [[[*_ROW, 0.9, 0.1, 1.0]]])},
    "SSD of the TensorFlow Object Detection API": lambda picture: {
        "classes": _always(picture, [[1, 1]]),
        "scores": _always(picture, [[0.9, 0.2]]),
        "boxes": _always(picture, [[[0.125, 0.25, 0.375, 0.75], [0, 0, 1, 1]]]),
    },
    "A YOLOv2 grid with its own anchors": lambda picture: {"grid": _grid(picture)},
}


@pytest.mark.parametrize("title", _EXAMPLES)
def test_models_run_with_the_example_settings(title: str, tmp_path: Path) -> None:
    section = FORMATS.read_text("utf-8").partition(f"### {title}\n")[2]
    settings = section.partition("```toml\n")[2].partition("```")[0]
    side = 300 if "300" in settings else -1 if "grid" in title else 64
    picture = ops.parameter([1, side, side, 3], openvino.Type.f32, name="picture")
    outputs = _EXAMPLES[title](picture)
    for name, node in outputs.items():
        node.output(0).set_names({name})
    graph = openvino.Model([node.output(0) for node in outputs.values()], [picture], "example")
    openvino.save_model(graph, tmp_path / "model.xml", compress_to_fp16=False)
    (tmp_path / "model.toml").write_text(settings, "utf-8")
    (tmp_path / "coco.txt").write_text("person\nbus\n", "utf-8")
    answer = trunkline.load(one=tmp_path).predict(np.zeros((480, 640, 3), np.uint8))["one"]
    if isinstance(answer, trunkline.Classification):
        assert answer.label == "dog"
        assert answer.probabilities.sum() == pytest.approx(1)
    elif "grid" in title:
        # 640 x 480 at the pixels of 512 x 512 is 608 x 448 in whole cells; one box in each.
        assert len(answer.boxes) == 20
        assert {box.label for box in answer.boxes} == {"scissors"}
        assert answer.boxes[-1].width == pytest.approx(3.42 / 19, abs=0.1)
    else:
        (box,) = answer.boxes
        assert box.label == {"YOLOv8 and later": "bus", "YOLOv5 to YOLOv7": "bus"}.get(
            title, "pedestrian"
        )
        assert box.probability == pytest.approx(0.9, abs=1e-6)
        expected = (0.25, 0.125, 0.5, 0.25)
        assert (box.left, box.top, box.width, box.height) == pytest.approx(expected, abs=1e-5)


def test_every_example_of_settings_is_tried() -> None:
    assert len(blocks(FORMATS, "toml")) == len(_EXAMPLES)
