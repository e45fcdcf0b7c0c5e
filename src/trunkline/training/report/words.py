# SPDX-License-Identifier: Apache-2.0
"""What an evaluation comes to, in sentences. The terminal says the same as the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.training.report.elements import percent

if TYPE_CHECKING:
    from trunkline.training.curves import LearningCurve
    from trunkline.training.figures import Evaluation
    from trunkline.training.labelerrors import Doubt

__all__ = ["calibration_words", "counted", "doubt_words", "learning_words", "verdict"]

_FEW = 30
_NOTICEABLE = 0.05


def counted(number: int, noun: str) -> str:
    """Return a number of things: ``"1 picture"``, ``"3 pictures"``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def verdict(evaluation: Evaluation) -> str:
    """Return how many pictures were told right, and how far that can be relied on."""
    if not evaluation.pictures or evaluation.accuracy_interval is None:
        return "There were no pictures to evaluate with."
    what = "the right tag" if evaluation.task == "multiclass" else "exactly the right tags"
    low, high = evaluation.accuracy_interval
    few = " That is few; more pictures would say it more exactly."
    return (
        f"{evaluation.right} of {counted(evaluation.pictures, 'picture')} got {what}. On other "
        f"pictures like these, expect {100 * low:.0f} to {100 * high:.0f} %."
        f"{few if evaluation.pictures < _FEW else ''}"
    )


def calibration_words(evaluation: Evaluation) -> str:
    """Return whether the probabilities can be trusted."""
    said, right = evaluation.calibration.mean_confidence, evaluation.calibration.share_right
    if said is None or right is None:
        return "Without pictures nothing can be said about the probabilities."
    off = said - right
    if abs(off) <= _NOTICEABLE:
        trust = "On the whole it can be trusted"
    else:
        trust = "The model is surer than it is right" if off > 0 else "It is too modest"
    average, share = percent(said), percent(right)
    if evaluation.task == "multiclass":
        return f"The answers' probability is {average} on average; {share} are right. {trust}."
    return f"The tags' probability is {average} on average; {share} are there. {trust}."


def learning_words(curve: LearningCurve) -> str:
    """Return what more pictures would bring."""
    if not curve.points:
        return curve.because
    last = curve.points[-1]
    measured = f"With {counted(last.pictures, 'picture')}: {percent(last.score)} {curve.measure}."
    if curve.forecast is None:
        return f"{measured} {curve.because}"
    ahead = " and ".join(
        f"{percent(each.score)} with {each.pictures}" for each in curve.forecast.points
    )
    return f"{measured} If it goes on as measured, expect about {ahead}."


def doubt_words(doubt: Doubt) -> str:
    """Return what may be wrong about a picture's tags."""
    if doubt.suggested is None:
        return f"tagged {doubt.tagged}, perhaps wrongly"
    if doubt.tagged is None:
        return f"{doubt.suggested} may be missing"
    return f"tagged {doubt.tagged}, looks like {doubt.suggested}"
