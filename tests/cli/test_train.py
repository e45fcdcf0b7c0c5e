# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

import colours
import trainingsamples
import trunkline
from trunkline.cli import main
from trunkline.errors import TrunklineError
from trunkline.training import trainer

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(autouse=True)
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a small trunk in the place of the default one, and the cache aside."""
    monkeypatch.setenv("TRUNKLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # which the command sets for its process
    monkeypatch.setattr(trainer, "find_trunk", lambda _: trainingsamples.trunk())


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return colours.folder(tmp_path / "pictures", 5)


def train(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["train", *map(str, arguments)])


def test_it_trains_and_says_how_well(pictures: Path, tmp_path: Path) -> None:
    result = train(pictures, "-o", tmp_path / "models" / "third")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == "third"
    assert any(line.split()[:2] == ["red", "5"] for line in lines)
    assert "Trained on tiny: " in result.stdout
    assert lines[-1] == f"Written to {tmp_path / 'models' / 'third'}."
    models = trunkline.load(tmp_path / "models")
    assert models.predict(colours.pixels("green", 1))["third"].label == "green"


def test_json_holds_all_of_it(pictures: Path, tmp_path: Path) -> None:
    result = train(pictures, "-o", tmp_path / "third.zip", "--name", "mine", "--json")
    assert result.exit_code == 0, result.output
    value = json.loads(result.stdout)
    assert (value["model"], value["path"]) == ("mine", str(tmp_path / "third.zip"))
    assert value["tags"] == {"blue": 5, "green": 5, "red": 5}
    assert value["evaluation"]["accuracy"]["value"] == 1
    assert value["warnings"] == []
    assert list(trunkline.load(tmp_path / "third.zip")) == ["mine"]


def test_the_report_is_a_page(pictures: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    (pictures / "untagged.png").write_bytes(colours.encoded(["red", "blue"], 3))
    result = train(pictures, "-o", tmp_path / "third", "--report", page)
    assert result.exit_code == 0, result.output
    assert "The report is in" in result.stderr
    html = page.read_text("utf-8")
    assert "What more pictures would bring" in html
    assert "untagged.png" in html


def test_what_is_left_out_is_told_and_the_rest_is_trained(pictures: Path, tmp_path: Path) -> None:
    (pictures / "red" / "empty.png").write_bytes(b"")
    for tag in ("red", "blue"):
        (pictures / tag / "both.png").write_bytes(colours.encoded("green", 999))
    result = train(pictures, "-o", tmp_path / "third", "--trunk", "any")
    assert result.exit_code == 0, result.output
    assert len(result.stderr.splitlines()) == 3
    assert all(line.startswith("trunkline: ") for line in result.stderr.splitlines())


def test_few_pictures_come_with_a_warning(tmp_path: Path) -> None:
    few = colours.folder(tmp_path / "few", 2)
    result = train(few, "-o", tmp_path / "third")
    assert result.exit_code == 0, result.output
    assert "Fewer than 5 pictures (blue 2, green 2, red 2)" in result.stdout


def test_it_can_be_trained_again_and_nothing_else_is_replaced(
    pictures: Path, tmp_path: Path
) -> None:
    for _ in range(2):
        assert train(pictures, "-o", tmp_path / "third").exit_code == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    result = train(pictures, "-o", tmp_path / "other")
    assert result.exit_code == 2
    assert "it is there already" in result.stderr
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere", "-o", "third"], "there is no such folder or file"),
        (["pictures", "-o", "third", "--report", "page.txt"], "must end in .html"),
        (["pictures"], "Missing option '-o'"),
        (["pictures", "-o", "third", "--task", "detection"], "is not one of"),
    ],
)
def test_wrong_wishes_are_refused(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(pictures.parent)
    result = train(*arguments)
    assert result.exit_code == 2
    assert sentence in result.output
    assert not (pictures.parent / "third").exists()


def test_what_is_not_installed_is_named_before_any_work(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setitem(sys.modules, "trunkline.training.selection", None)
    result = train(pictures, "-o", tmp_path / "third")
    assert result.exit_code == 2
    assert "threadpoolctl" in result.stderr
    assert "trunkline[train]" in result.stderr


def test_a_trunk_that_does_not_exist_is_named(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(name: str) -> None:
        raise TrunklineError(f"There is no trunk named {name!r}.")

    monkeypatch.setattr(trainer, "find_trunk", find)
    result = train(pictures, "-o", tmp_path / "third", "--trunk", "lite")
    assert result.exit_code == 2
    assert result.stderr == "trunkline: There is no trunk named 'lite'.\n"


def test_ctrl_c_leaves_nothing_half_written(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trunkline.writers import package

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(package, "_move", interrupted)
    result = train(pictures, "-o", tmp_path / "models" / "third")
    assert result.exit_code == 130
    assert list((tmp_path / "models").iterdir()) == []
