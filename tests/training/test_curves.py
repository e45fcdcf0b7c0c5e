# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from trunkline.training.curves import LearningPoint, forecast, learning_curve

if TYPE_CHECKING:
    from collections.abc import Callable

    Predict = Callable[[np.ndarray], np.ndarray]


def nearest_centroid(features: np.ndarray, targets: np.ndarray) -> Predict:
    centres = np.stack([features[column].mean(0) for column in targets.T])

    def predict(asked: np.ndarray) -> np.ndarray:
        scores = np.exp(-((asked[:, None] - centres) ** 2).sum(2))
        return scores / scores.sum(1, keepdims=True)

    return predict


def clouds(n: int, apart: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    tags = np.arange(n) % 3
    centres = np.eye(3, 20) * apart
    return centres[tags] + random.normal(size=(n, 20)), np.eye(3, dtype=bool)[tags]


def test_more_pictures_are_better_and_it_can_be_carried_on() -> None:
    features, targets = clouds(240, 2.2)
    found = learning_curve(nearest_centroid, features, targets, repeats=8)
    assert [point.pictures for point in found.points] == [6, 14, 33, 77, 180]
    assert found.points[-1].score > found.points[0].score + 0.1
    assert all(point.deviation is not None for point in found.points)
    assert found.measure == "balanced accuracy"
    assert found.forecast is not None
    assert found.because == ""
    two, four = found.forecast.points
    assert (two.pictures, four.pictures) == (360, 720)
    assert found.points[-1].score < two.score < four.score < 1
    json.dumps(found.to_dict(), allow_nan=False)


def test_same_seed_same_curve() -> None:
    features, targets = clouds(60, 2.0)
    curves = [learning_curve(nearest_centroid, features, targets, seed=seed) for seed in (7, 7, 8)]
    assert curves[0] == curves[1] != curves[2]


def test_every_training_set_holds_every_tag_and_no_picture_that_is_asked_about() -> None:
    features = np.arange(30, dtype=float)[:, None]
    targets = np.zeros((30, 3), bool)
    targets[:24, 0] = targets[24:28, 1] = targets[28:, 2] = True
    trained: list[np.ndarray] = []

    def fit(some: np.ndarray, tags: np.ndarray) -> Predict:
        assert tags.any(axis=0).all()
        trained.append(some[:, 0])

        def predict(asked: np.ndarray) -> np.ndarray:
            assert not set(asked[:, 0]) & set(trained[-1])
            return np.full((len(asked), 3), 1 / 3)

        return predict

    found = learning_curve(fit, features, targets, repeats=3)
    assert len(trained) == 3 * len(found.points)
    nested = [set(rows) for rows in trained[: len(found.points)]]
    assert all(small <= large for small, large in itertools.pairwise(nested))


def test_multilabel_is_measured_by_average_precision() -> None:
    random = np.random.default_rng(0)
    targets = random.random((60, 2)) < 0.5
    features = targets + 0.8 * random.normal(size=(60, 2))
    found = learning_curve(
        lambda *_: lambda asked: 1 / (1 + np.exp(-asked)), features, targets, task="multilabel"
    )
    assert found.measure == "mean average precision"
    assert all(0.5 < point.score <= 1 for point in found.points)


@pytest.mark.parametrize("n", [0, 2, 3])
def test_too_few_pictures_give_no_curve(n: int) -> None:
    features, targets = clouds(n, 1.0)
    found = learning_curve(nearest_centroid, features, targets)
    assert found.points == ()
    assert found.forecast is None
    assert "too few" in found.because


def test_multilabel_without_any_tag_held_out_gives_no_curve() -> None:
    none = np.zeros((12, 1), bool)
    found = learning_curve(
        lambda *_: lambda asked: np.zeros((len(asked), 1)), none, none, task="multilabel"
    )
    assert found.points == ()


def points(*scores: float) -> list[LearningPoint]:
    return [LearningPoint(10 * 2**place, score, 0.01) for place, score in enumerate(scores)]


def test_an_exact_power_law_is_found_again() -> None:
    exact = [LearningPoint(n, 1 - 2 * n**-0.5, None) for n in (10, 20, 40, 80)]
    found, because = forecast(exact)
    assert found is not None
    assert because == ""
    assert (found.scale, found.exponent) == pytest.approx((2, 0.5))
    assert found.explained == pytest.approx(1)
    assert found.points[1].score == pytest.approx(1 - 2 * 320**-0.5)
    assert found.points[0].deviation == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        ((0.5, 0.6, 0.7), "too few"),
        ((0.5, 0.7, 0.9, 1.0), "no picture was told wrongly"),
        ((0.5, 0.9, 0.4, 0.8, 0.6), "do not lie"),
        ((0.8, 0.7, 0.6, 0.5), "do not lie"),
        ((0.5, 0.5, 0.5, 0.5), "do not lie"),
    ],
)
def test_where_no_power_law_fits_there_is_no_forecast(scores: tuple[float, ...], why: str) -> None:
    found, because = forecast(points(*scores))
    assert found is None
    assert why in because


def test_the_spread_grows_with_the_distance() -> None:
    found, _ = forecast(points(0.5, 0.62, 0.69, 0.77, 0.8))
    assert found is not None
    near, far = (each.deviation for each in found.points)
    assert near is not None
    assert far is not None
    relative = near / (1 - found.points[0].score), far / (1 - found.points[1].score)
    assert 0 < relative[0] < relative[1]
