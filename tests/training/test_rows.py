# SPDX-License-Identifier: Apache-2.0
"""Features made ready to train on."""

from __future__ import annotations

import numpy as np
import pytest

from trunkline.training import rows as rows_module
from trunkline.training.rows import Linear, prepare


def features(pictures: int, views: int = 1, width: int = 30) -> np.ndarray:
    return np.random.default_rng(pictures).gamma(1.0, size=(pictures, views, width)).astype("f4")


def by_hand(values: np.ndarray) -> np.ndarray:
    """The rows before any change of basis."""
    wide = values.astype(np.float64)
    magnitude = wide.mean(axis=(0, 1))
    centred = wide - wide.mean(axis=(0, 1))
    evened = centred * (magnitude / magnitude.mean() + 0.02) ** -rows_module.EVENING
    return evened / np.linalg.norm(evened, axis=2, keepdims=True)


@pytest.mark.parametrize("pictures", [8, 29, 30, 60])
def test_nothing_is_lost_that_pictures_differ_by(pictures: int) -> None:
    values = features(pictures)
    space, ready, _ = prepare(values)
    assert ready.views.shape[2] <= min(pictures, 30)
    np.testing.assert_allclose(ready.views @ space.basis, by_hand(values), atol=1e-6)
    assert ready.features == 30


def test_every_view_is_a_row_and_a_picture_their_mean() -> None:
    values = features(40, views=3)
    _, ready, _ = prepare(values)
    np.testing.assert_allclose(ready.views, by_hand(values), atol=1e-6)
    np.testing.assert_allclose(ready.centres, by_hand(values).mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("pictures", [20, 50])
def test_there_are_never_too_many_dimensions(
    monkeypatch: pytest.MonkeyPatch, pictures: int
) -> None:
    monkeypatch.setattr(rows_module, "_MOST_DIMENSIONS", 10)
    values = features(pictures)
    space, ready, _ = prepare(values)
    assert ready.views.shape == (pictures, 1, 10)
    np.testing.assert_allclose(space.basis @ space.basis.T, np.eye(10), atol=1e-9)
    # The first and the last picture are among those that say which dimensions.
    expected = by_hand(values)[[0, -1]]
    np.testing.assert_allclose(ready.views[[0, -1]] @ space.basis, expected, atol=1e-6)


def test_a_layer_on_rows_is_a_layer_on_features() -> None:
    values = features(12)
    space, _, places = prepare(values)
    layer = Linear(np.random.default_rng(0).normal(size=(3, len(space.basis))), np.arange(3.0))
    plain = values[:, 0].astype(np.float64)
    rows = ((plain - space.mean) * space.scale) @ space.basis.T
    np.testing.assert_allclose(space.on_features(layer)(plain), layer(rows), atol=1e-9)
    np.testing.assert_allclose(places, rows, atol=1e-9)


def test_places_are_of_the_first_view() -> None:
    values = features(12, views=3)
    space, _, places = prepare(values)
    plain = (values[:, 0].astype(np.float64) - space.mean) * space.scale
    np.testing.assert_allclose(places, plain @ space.basis.T, atol=1e-9)
