# SPDX-License-Identifier: Apache-2.0
"""Answers as HTML: places, what is shown of many, and that names stay text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pageview import TOOLS, classification, detection
from trunkline.page.overlay import answers_html, boxes_html, colour, overlay_html
from trunkline.predictions import Box, Classification, Detection

EVIL = "<img src=x onerror=alert(1)>\"'&"


class _Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.open = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.open += 1

    def handle_endtag(self, tag: str) -> None:
        self.open -= 1


def _boxed(box: Box) -> str:
    return boxes_html({"m": Detection((box.label,), (box,))})


def test_a_box_is_where_it_was_found() -> None:
    html = _boxed(Box("dog", 0.934, 0.25, 0.5, 0.125, 0.25))
    assert "left:25.00%;top:50.00%;width:12.50%;height:25.00%" in html
    assert "dog 93 %" in html
    assert "tl-inside" not in html


def test_the_label_of_a_box_at_the_upper_edge_is_inside() -> None:
    assert "tl-inside" in _boxed(Box("dog", 0.9, 0.2, 0.01, 0.1, 0.1))


def test_a_box_beyond_the_edges_is_cut() -> None:
    html = _boxed(Box("dog", 0.9, -0.1, 0.9, 0.3, 0.5))
    assert "left:0.00%;top:90.00%;width:20.00%;height:10.00%" in html


@given(st.tuples(*[st.floats(width=32) for _ in range(5)]))
@settings(deadline=None, max_examples=60)
def test_a_box_of_any_numbers_stays_on_the_picture(numbers: tuple[float, ...]) -> None:
    html = _boxed(Box("dog", *numbers))
    left, top, width, height = (float(each) for each in re.findall(r":(-?[0-9.naif]+)%", html))
    assert 0 <= left <= 100
    assert 0 <= top <= 100
    assert 0 <= width <= 100.01 - left
    assert 0 <= height <= 100.01 - top


def test_a_detector_with_a_thousand_boxes_shows_a_hundred() -> None:
    box = Box("dog", 0.5, 0.1, 0.1, 0.1, 0.1)
    assert boxes_html({"m": Detection(("dog",), (box,) * 1000)}).count("tl-box") == 100


def test_three_classifiers_have_a_bar_and_the_rest_are_counted() -> None:
    html = overlay_html({f"m{n}": classification(best=n % 5) for n in range(5)})
    assert "<b>m2</b> screwdriver 80 %" in html
    assert "--part:80.0%" in html
    assert "m3" not in html
    assert "and 2 more models, below" in html
    three = overlay_html({f"m{n}": classification() for n in range(3)})
    assert "more" not in three


def test_without_classifiers_there_are_boxes_alone() -> None:
    answers = {"people": detection()}
    assert overlay_html(answers) == boxes_html(answers)
    assert overlay_html({}) == ""


def test_a_multilabel_model_says_all_it_is_sure_of() -> None:
    values = np.array([0.9, 0.7, 0.2], np.float32)
    html = overlay_html({"m": Classification("multilabel", ("hat", "vest", "boots"), values)})
    assert "hat 90 %, vest 70 %" in html
    assert "boots" not in html
    unsure = Classification("multilabel", ("hat", "vest"), np.array([0.1, 0.4], np.float32))
    assert "vest 40 %" in overlay_html({"m": unsure})


def test_every_model_has_its_three_best_labels_in_the_list() -> None:
    html = answers_html({"m": classification(best=3), "people": detection()})
    assert re.findall(r"<span>([a-z]+)</span>", html)[:3] == ["pliers", "hammer", "saw"]
    assert "2 things found" in html
    assert html.count("tl-meter") == 5


def test_boxes_of_one_label_are_counted() -> None:
    boxes = tuple(Box("dog", p, 0, 0, 1, 1) for p in (0.9, 0.5, float("nan")))
    html = answers_html({"m": Detection(("dog",), boxes), "none": Detection(("dog",), ())})
    assert "3 × dog</span><span>90 %" in html  # noqa: RUF001
    assert "nothing found" in html


def test_probabilities_that_are_no_numbers_do_no_harm() -> None:
    values = np.array([np.nan, 0.3, np.inf], np.float32)
    answer = Classification("multiclass", ("a", "b", "c"), values)
    assert "nan" not in answers_html({"m": answer}) + overlay_html({"m": answer})


def test_names_and_labels_stay_text() -> None:
    answers = {
        EVIL: classification((EVIL, "b")),
        f"{EVIL}2": detection(label=EVIL),
    }
    for html in (overlay_html(answers), answers_html(answers)):
        parsed = _Tags(html)
        assert "img" not in parsed.tags
        assert set(parsed.attributes) <= {"class", "style"}
        assert parsed.open == 0
        assert "&lt;img" in html


def test_a_models_colour_is_its_own_for_good() -> None:
    assert colour("people") == colour("people")
    assert len({colour(name) for name in TOOLS}) > 1
    assert all(re.fullmatch("#[0-9a-f]{6}", colour(name)) for name in (*TOOLS, "caf\udce9"))
