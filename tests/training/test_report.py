# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import hashlib
import io
import re
import subprocess
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import builders
from packages import program
from trunkline.errors import PictureError
from trunkline.training.curves import Forecast, LearningCurve, LearningPoint
from trunkline.training.evaluation import evaluate
from trunkline.training.figures import Said, Suggestion
from trunkline.training.report.page import Report, render_report, write_report

if TYPE_CHECKING:
    from pathlib import Path

_HOSTILE = (
    "</style><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>' autofocus onfocus='alert(2)",
    "&lt;b&gt; \x00\x1b[31m\udcff\u202egnp.exe",
)
_NO_END = {"meta", "img", "input", "br", "link"}


class Page(HTMLParser):
    """What a page consists of; an element that is not closed in its turn is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len(dict(attrs))
        self.elements.append((tag, dict(attrs)))
        if tag not in _NO_END:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open[-1] if self._open else "", data.replace("\xa0", " ")))

    def all(self, tag: str, kind: str = "") -> list[dict[str, str | None]]:
        return [
            attributes
            for each, attributes in self.elements
            if each == tag and kind in ["", *(attributes.get("class") or "").split()]
        ]

    def text(self, tag: str) -> list[str]:
        return [text for each, text in self.texts if each == tag]


def report(
    task: str = "multiclass", labels: tuple[str, ...] = ("ash", "beech", "cedar"), **more: Any
) -> Report:
    random = np.random.default_rng(0)
    n = 8 * len(labels)
    truth = np.eye(len(labels), dtype=bool)[np.arange(n) % len(labels)]
    scores = np.exp(random.normal(size=truth.shape) + 1.5 * truth)
    scores[0] = np.exp(6 * np.eye(len(labels))[-1])  # surely wrong, so that a tag is doubted
    probabilities = (scores / scores.sum(1, keepdims=True)).astype(np.float32)
    evaluation = evaluate(
        probabilities,
        truth,
        labels,
        task=task,
        folds=np.arange(n) // len(labels) % 4,
        sources=[f"{labels[row % len(labels)]}/{row}.png" for row in range(n)],
    )
    more.setdefault("suggestions", (Suggestion("untagged.png", (Said(labels[0], 0.4),)),))
    return Report("trees", evaluation, **more)


def read(source: str) -> bytes:
    return builders.png_bytes("red", (640, 300))


def test_the_page_holds_every_part() -> None:
    learning = LearningCurve(
        "balanced accuracy",
        (LearningPoint(6, 0.5, 0.1), LearningPoint(12, 0.6, None)),
        Forecast(1.0, 0.3, 0.9, (LearningPoint(24, 0.7, 0.02), LearningPoint(48, 0.8, 0.05))),
        "",
    )
    made = report(learning=learning, remarks=("Two were left out.",), facts=(("trunk", "lite0"),))
    page = Page(render_report(made, read))
    assert page.text("title")[0] == "trees: evaluation"
    assert page.text("h1") == ["trees"]
    assert page.text("h2") == [
        "Accuracy",
        "Precision",
        "Recall",
        "Average precision",
        "Calibration error",
        "Tags",
        "Precision and recall",
        "Can the probabilities be trusted?",
        "What more pictures would bring",
        "Tag by tag",
        "What is taken for what",
        "The most wrong",
        "Tags to check",
        "Tag these next",
    ]
    assert len(page.all("svg", "plot")) == 3 + 3
    assert len(page.all("table", "tags")) == len(page.all("table", "confusion")) == 1
    evaluation = made.evaluation
    cells = page.all("td", "right") + page.all("td", "wrong")
    assert len(cells) == 9
    cards = min(12, len(evaluation.mistakes)) + len(evaluation.doubts) + 1
    assert len(page.all("img")) == len(page.all("figure", "card")) == cards
    assert "Two were left out." in page.text("li")
    assert (page.text("dt"), page.text("dd")) == (["trunk"], ["lite0"])
    shown = "".join(text for _, text in page.texts)
    assert f"{100 * evaluation.accuracy.value:.1f} %" in shown
    assert "If it goes on as measured, expect about 70.0 % with 24 and 80.0 % with 48." in shown


def test_nothing_is_asked_from_outside_and_only_our_style_and_script_are_let_in() -> None:
    text = render_report(report(), read)
    page = Page(text)
    (policy,) = (
        each["content"]
        for each in page.all("meta")
        if each.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "unsafe" not in policy
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert not re.search(r"https?:|//[a-z]|url\(|@import", text)
    assert not page.all("link")
    for _, attributes in page.elements:
        assert not {"style", "href", "srcset"} & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)
        assert (attributes.get("src") or "data:").startswith("data:")


def test_a_thumbnail_is_small_and_keeps_its_shape() -> None:
    page = Page(render_report(report(), read))
    address = page.all("img")[0]["src"]
    assert address is not None
    kind, _, content = address.partition(";base64,")
    assert kind == "data:image/jpeg"
    image = Image.open(io.BytesIO(base64.b64decode(content)))
    assert image.size == (320, 150)
    assert len(address) < 10_000


def test_a_picture_that_cannot_be_read_leaves_its_card() -> None:
    def unreadable(source: str) -> bytes:
        if source.startswith("ash"):
            raise PictureError(source, "the file is gone")
        if source.startswith("beech"):
            raise PermissionError(source)
        return b"no picture"

    made = report()
    page = Page(render_report(made, unreadable))
    assert not page.all("img")
    assert len(page.all("figure", "card")) == len(page.all("div", "nothing")) > 3


def test_hostile_names_stay_text() -> None:
    made = report(
        labels=_HOSTILE,
        remarks=_HOSTILE,
        facts=((_HOSTILE[0], _HOSTILE[1]),),
        suggestions=(Suggestion(_HOSTILE[1], (Said(_HOSTILE[2], 0.5),)),),
    )
    made = Report(_HOSTILE[0], *(getattr(made, name) for name in list(Report.__slots__)[1:]))
    text = render_report(made, read)
    text.encode("utf-8")
    page = Page(text)
    plain = Page(render_report(report(), read))
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in plain.elements} | {
        "dl",
        "dt",
        "dd",
        "ul",
    }
    assert len(page.all("script")) == len(page.all("style")) == 1
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name == "autofocus" for name in attributes)
    assert page.text("h1") == [_HOSTILE[0]]
    assert any(_HOSTILE[1] in (each["alt"] or "") for each in page.all("img"))
    assert "\\x00\\x1b[31m\\udcff\\u202egnp.exe" in text
    assert not set("\x00\x1b\udcff\u202e") & set(text)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.text(max_size=12), min_size=2, max_size=3, unique=True))
def test_any_names_give_a_page_of_the_same_elements(names: list[str]) -> None:
    plain = report(labels=("ash", "beech", "cedar")[: len(names)])
    page, expected = (
        Page(render_report(each, lambda _: b"")) for each in (report(labels=tuple(names)), plain)
    )
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in expected.elements]


def test_the_threshold_moves_everything_that_depends_on_it() -> None:
    made = report()
    page = Page(render_report(made, read))
    (slider,) = page.all("input")
    steps = len(made.evaluation.sweep.thresholds)
    assert (slider["min"], slider["max"]) == ("0", str(steps - 1))
    assert made.evaluation.sweep.thresholds[int(slider["value"] or "")] == 0.5
    moved = [attributes for _, attributes in page.elements if "data-text" in attributes]
    assert len(moved) == 2 + 1 + 2 * 3
    assert all((each["data-text"] or "").count("|") == steps - 1 for each in moved)
    for name in ("data-width", "data-cx", "data-cy"):
        values = [each[name] or "" for _, each in page.elements if name in each]
        assert values
        assert all(len(each.split(" ")) == steps for each in values)


def test_multilabel_has_no_matrix() -> None:
    page = Page(render_report(report("multilabel"), read))
    assert "What is taken for what" not in page.text("h2")
    assert not page.all("table", "confusion")


def test_many_tags_are_named_and_not_drawn() -> None:
    made = report(labels=tuple(f"tag {number}" for number in range(40)))
    page = Page(render_report(made, read))
    assert not page.all("table", "confusion")
    assert page.all("ol", "confusions")
    assert len(page.all("svg", "plot")) == 2 + 24
    notes = "".join(page.text("p"))
    assert "The 24 lowest are shown." in notes
    assert f"12 of {len(made.evaluation.mistakes)} are shown." in notes


def test_all_right_and_nothing_at_all() -> None:
    for n in (3, 0):
        truth = np.eye(3, dtype=bool)[:n]
        evaluation = evaluate(
            truth.astype(np.float32), truth, ("a", "b", "c"), task="multiclass", sources=[""] * n
        )
        few = LearningCurve("balanced accuracy", (), None, "There are too few pictures.")
        page = Page(render_report(Report("x", evaluation, learning=few), read))
        assert not page.all("img")
        assert "No picture was taken for another tag." in page.text("p")
        assert ("There were no pictures to evaluate with." in page.text("p")) == (n == 0)
        assert "There are too few pictures." in page.text("p")


def test_the_same_report_is_the_same_page(tmp_path: Path) -> None:
    made = report()
    path = tmp_path / "report.html"
    path.write_text("an older one")
    write_report(made, path, read)
    assert path.read_text("utf-8") == render_report(made, read)
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_what_is_stopped_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    path.write_text("an older one")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.replace", stop)
    with pytest.raises(KeyboardInterrupt):
        write_report(report(), path, read)
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text() == "an older one"


def test_a_browser_runs_the_script_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(report(labels=_HOSTILE), path, read)
    done = subprocess.run(
        [
            program("chromium", "which looks at the report"),
            "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.as_uri(),
        ],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert '<body class="live">' in done.stdout
    assert "Content Security Policy" not in done.stderr
    assert done.stdout.count("<script") == 1
