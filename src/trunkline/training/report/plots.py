# SPDX-License-Identifier: Apache-2.0
"""The page's plots, as SVG whose colours the style sheet gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trunkline.training.report.elements import Element, element, percent, put

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trunkline.training.calibration_curve import Calibration
    from trunkline.training.curves import LearningCurve, LearningPoint
    from trunkline.training.figures import Figure
    from trunkline.training.metrics import Curve

__all__ = ["bar", "learning_plot", "precision_recall_plot", "reliability_plot", "small_plot"]

_WIDTH, _HEIGHT = 380.0, 300.0
_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
_OUTSIDE = -20.0  # where a mark goes that has no place

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Frame:
    """A rectangle of a plot, in which both axes go from 0 to 1 and the second upwards."""

    left: float = 46
    top: float = 12
    width: float = _WIDTH - 46 - 14
    height: float = _HEIGHT - 12 - 46

    def x(self, value: float) -> float:
        return self.left + value * self.width

    def y(self, value: float) -> float:
        return self.top + (1 - value) * self.height

    def path(self, points: Iterable[Point], *, closed: bool = False) -> str:
        places = " L".join(f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in points)
        return f"M{places}{'Z' if closed else ''}" if places else ""


def precision_recall_plot(curve: Curve, sweep: Curve, at: int) -> Element:
    """Draw precision over recall, with a mark that follows the threshold.

    Args:
        curve: What to draw.
        sweep: Where the mark is at each threshold.
        at: The threshold to begin with, by its number in the sweep.
    """
    frame = _Frame()
    plot = _plot("Precision over recall", _WIDTH, _HEIGHT)
    _axes(plot, frame, "recall", "precision")
    put(plot, *_area(frame, curve), _mark(frame, sweep, at, radius=6))
    return plot


def small_plot(name: str, curve: Curve, sweep: Curve, at: int) -> Element:
    """Draw one tag's precision over recall, small and without words."""
    frame = _Frame(4, 6, 132, 92)
    plot = _plot(f"Precision over recall: {name}", 140, 102)
    box = element("rect", x=4, y=6, width=frame.width, height=frame.height, class_="frame", rx=3)
    return put(plot, box, *_area(frame, curve), _mark(frame, sweep, at, radius=4))


def reliability_plot(calibration: Calibration) -> Element:
    """Draw how often predictions of each probability are right, and how many there are of each."""
    plot = _plot("Share that is right, by probability", _WIDTH, _HEIGHT)
    frame = _Frame()
    _axes(plot, frame, "probability", "share that is right")
    most = max((each.count for each in calibration.bins), default=0)
    for each in calibration.bins:
        if each.accuracy is None or each.confidence is None:
            continue
        left, right = frame.x(each.lower) + 1.5, frame.x(each.upper) - 1.5
        said, right_ones = percent(each.confidence), percent(each.accuracy)
        many = f"{each.count} predictions of {said}: {right_ones} right"
        shown = element(
            "rect", element("title", many), x=left, y=frame.y(each.accuracy), width=right - left,
            height=max(frame.y(0) - frame.y(each.accuracy), 1), class_="bin",
            fill_opacity=0.3 + 0.7 * each.count / most,
        )  # fmt: skip
        put(plot, shown)
    put(plot, element("path", d=frame.path([(0, 0), (1, 1)]), class_="ideal"))
    return plot


def learning_plot(curve: LearningCurve) -> Element:
    """Draw the scores that were measured at each number of pictures, and where they may lead."""
    plot = _plot("Score by number of pictures", _WIDTH, _HEIGHT)
    frame = _Frame()
    later = curve.forecast.points if curve.forecast else ()
    scale = _LogScale([*curve.points, *later])
    _axes(plot, frame, "pictures", curve.measure, _upright=False)
    for point in (*curve.points, *later):
        put(plot, _words(frame.x(scale.x(point)), frame.y(0) + 17, str(point.pictures), "middle"))
    band = [(scale.x(p), _clipped(p.score + (p.deviation or 0))) for p in curve.points]
    band += [(scale.x(p), _clipped(p.score - (p.deviation or 0))) for p in reversed(curve.points)]
    put(plot, element("path", d=frame.path(band, closed=True), class_="area learning"))
    line = [(scale.x(p), p.score) for p in curve.points]
    put(plot, element("path", d=frame.path(line), class_="line learning"))
    if later:
        ahead = [line[-1], *((scale.x(p), _clipped(p.score)) for p in later)]
        put(plot, element("path", d=frame.path(ahead), class_="ahead"))
        put(plot, *(_whisker(frame, scale.x(p), p) for p in later))
    for x, y in line:
        put(plot, element("circle", cx=frame.x(x), cy=frame.y(y), r=3.5, class_="dot learning"))
    return plot


def bar(kind: str, figure: Figure, sweep: str = "") -> Element:
    """Draw a share as a bar as wide as its place, and its spread as a line.

    Args:
        kind: What it is coloured as.
        figure: The share.
        sweep: The bar's width, 0 to 100, at each threshold; empty where it has nothing to do
            with thresholds.
    """
    drawn = element(
        "svg",
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        class_=f"bar {kind}",
        aria_hidden="true",
    )
    moving = {"data_width": sweep} if sweep else {}
    width = 100 * (figure.value or 0)
    fill = element("rect", width=width, height=10, class_="fill", **moving)
    put(drawn, element("rect", width=100, height=10, class_="rail"), fill)
    if figure.mean is not None and figure.deviation:
        low = 100 * _clipped(figure.mean - figure.deviation)
        high = 100 * _clipped(figure.mean + figure.deviation)
        put(drawn, element("path", d=f"M{low:.1f} 5H{high:.1f}", class_="spread"))
    return drawn


def _area(frame: _Frame, curve: Curve) -> Iterator[Element]:
    """Yield the steps whose area is the average precision, and the area."""
    steps: list[Point] = []
    reached = 0.0
    for precision, recall in zip(curve.precision, curve.recall, strict=True):
        if precision is not None and recall is not None:
            steps += [(reached, precision), (recall, precision)]
            reached = recall
    if steps:
        under = [(0.0, 0.0), *steps, (reached, 0.0)]
        yield element("path", d=frame.path(under, closed=True), class_="area average")
        yield element("path", d=frame.path(steps), class_="line average")


def _mark(frame: _Frame, sweep: Curve, at: int, radius: float) -> Element:
    places = [
        (_OUTSIDE, _OUTSIDE) if p is None or r is None else (frame.x(r), frame.y(p))
        for p, r in zip(sweep.precision, sweep.recall, strict=True)
    ]
    x, y = places[at]
    moving = {
        "data_cx": " ".join(f"{x:.1f}" for x, _ in places),
        "data_cy": " ".join(f"{y:.1f}" for _, y in places),
    }
    return element("circle", cx=x, cy=y, r=radius, class_="mark", **moving)


def _axes(
    plot: Element, frame: _Frame, across: str, upwards: str, *, _upright: bool = True
) -> None:
    for each in _QUARTERS:
        y, x = frame.y(each), frame.x(each)
        put(plot, element("path", d=f"M{frame.left} {y:.1f}h{frame.width}", class_="grid"))
        put(plot, _words(frame.left - 7, y + 4, f"{100 * each:.0f}", "end"))
        if _upright:
            put(plot, _words(x, frame.y(0) + 17, f"{100 * each:.0f}", "middle"))
    unit = ", %" if _upright else ""
    put(plot, _words(frame.x(0.5), frame.y(0) + 37, f"{across}{unit}", "middle", "axis"))
    turned = f"translate(12 {frame.y(0.5):.1f}) rotate(-90)"
    title = element("text", f"{upwards}, %", text_anchor="middle", class_="axis", transform=turned)
    put(plot, title)


def _words(x: float, y: float, text: str, anchor: str, kind: str = "tick") -> Element:
    return element("text", text, x=x, y=y, text_anchor=anchor, class_=kind)


def _plot(name: str, width: float, height: float) -> Element:
    size = f"0 0 {width:g} {height:g}"
    return element("svg", viewBox=size, role="img", class_="plot", aria_label=name)


def _clipped(share: float) -> float:
    return min(1.0, max(0.0, share))


def _whisker(frame: _Frame, x: float, point: LearningPoint) -> Element:
    spread = point.deviation or 0
    ends = [(x, _clipped(point.score - spread)), (x, _clipped(point.score + spread))]
    return element("path", d=frame.path(ends), class_="whisker")


class _LogScale:
    """Numbers of pictures on a logarithmic axis, with a little room at both ends."""

    def __init__(self, points: Sequence[LearningPoint]) -> None:
        sizes = [math.log(point.pictures) for point in points]
        self._low, self._span = min(sizes), max(max(sizes) - min(sizes), 1e-9)

    def x(self, point: LearningPoint) -> float:
        return 0.04 + 0.92 * (math.log(point.pictures) - self._low) / self._span
