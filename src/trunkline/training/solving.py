# SPDX-License-Identifier: Apache-2.0
"""Ways to find a dense layer for training rows: centroids, discriminants, logistic regression.

Tags count alike, however many pictures each has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trunkline.training.minimising import least
from trunkline.training.rows import Linear, Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["centroids", "discriminants", "logistic", "whitened_logistic"]

_MOST_STEPS = 200
_CLOSE_ENOUGH = 1e-7
"""Where a step gains less than this share of the loss, no picture's answer changes."""

_FLAT_ENOUGH = 1e-4

_TINY = 1e-12


def centroids(rows: Rows, tags: NDArray[np.intp], count: int) -> Linear:
    """Give each tag the direction of its pictures' mean.

    SimpleShot (Wang et al., 2019, arXiv 1911.04623) without the normalisation at prediction.

    Args:
        rows: The training rows.
        tags: The tag of each picture, 0 to ``count`` - 1; every tag has one or more.
        count: How many tags there are.
    """
    means = _means(rows.centres, tags, count)
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    means /= np.where(lengths > 0, lengths, 1.0)
    return Linear(means, np.zeros(count))


def discriminants(rows: Rows, tags: NDArray[np.intp], count: int, shrinkage: float) -> Linear:
    """Give each tag its linear discriminant with a shrunk covariance.

    Gaussian discriminant analysis with one covariance for all tags and equal priors (the "hard to
    beat baseline" of Wang et al., 2024, arXiv 2402.04087). The covariance is that of the views
    around their tag's mean, so what a crop changes counts as noise. It is mixed with a multiple of
    the identity, of the same mean variance over all features.

    Args:
        rows: The training rows.
        tags: The tag of each picture.
        count: How many tags there are.
        shrinkage: How much of the mixture is identity, above 0, at most 1.
    """
    means = _means(rows.centres, tags, count)
    weights = _solved(_covariance(rows, means[tags], shrinkage), means.T).T
    return Linear(weights, -0.5 * (weights * means).sum(axis=1))


def whitened_logistic(
    rows: Rows, tags: NDArray[np.intp], count: int, shrinkage: float, strength: float
) -> Linear:
    """Fit a logistic regression where the covariance that ``discriminants`` uses is the identity.

    Directions in which pictures of one tag differ much then cost more than others.

    Args:
        rows: The training rows.
        tags: The tag of each picture.
        count: How many tags there are.
        shrinkage: As for ``discriminants``.
        strength: As for ``logistic``.
    """
    means = _means(rows.centres, tags, count)
    variance, mixed = _variance(rows, means[tags]), _covariance(rows, means[tags], shrinkage)
    # With the Cholesky factor L of the covariance, L^-1 x has the identity for its covariance.
    root: Array = np.linalg.cholesky(mixed / variance).astype(np.float64, copy=False)
    white = _solved(root, rows.centres.T).T
    layer = logistic(Rows(white[:, None], rows.features), tags, count, strength)
    return Linear(_solved(root.T, layer.weights.T).T, layer.bias)


def logistic(rows: Rows, tags: NDArray[np.intp], count: int, strength: float) -> Linear:
    """Fit a multinomial logistic regression on the pictures, each the mean of its views.

    Args:
        rows: The training rows.
        tags: The tag of each picture.
        count: How many tags there are.
        strength: What the squared weights are divided by, scikit-learn's ``C``.
    """
    values = rows.centres
    size = values.shape[1]
    weigh = len(tags) / (count * np.bincount(tags, minlength=count)[tags])
    target = np.eye(count)[tags]

    def loss(flat: Array) -> tuple[float, Array]:
        matrix = flat.reshape(count, size + 1)
        weights, bias = matrix[:, :size], matrix[:, size]
        logits = values @ weights.T + bias
        logits -= logits.max(axis=1, keepdims=True)
        powers = np.exp(logits)
        sums = powers.sum(axis=1)
        error = (powers / sums[:, None] - target) * weigh[:, None]
        value = weigh @ (np.log(sums) - logits[np.arange(len(tags)), tags])
        slope = np.concatenate([error.T @ values + weights / strength, error.sum(0)[:, None]], 1)
        return float(value + (weights**2).sum() / (2 * strength)), slope.ravel()

    start = np.zeros(count * (size + 1))
    found = least(
        loss, start, most_steps=_MOST_STEPS, close_enough=_CLOSE_ENOUGH, flat_enough=_FLAT_ENOUGH
    )
    matrix = found.reshape(count, size + 1)
    return Linear(matrix[:, :size], matrix[:, size])


def _solved(matrix: Array, right: Array) -> Array:
    """Return what a matrix turns into the right side."""
    return np.asarray(np.linalg.solve(matrix, right), np.float64)


def _means(values: Array, tags: NDArray[np.intp], count: int) -> Array:
    member = np.eye(count)[tags]
    means: Array = member.T @ values / member.sum(axis=0)[:, None]
    return means


def _covariance(rows: Rows, means: Array, shrinkage: float) -> Array:
    """Return the views' covariance around their tags' means, mixed with a round one."""
    noise = (rows.views - means[:, None]).reshape(-1, means.shape[1])
    mixed: Array = (1 - shrinkage) * (noise.T @ noise / len(noise))
    mixed[np.diag_indices_from(mixed)] += shrinkage * _variance(rows, means)
    return mixed


def _variance(rows: Rows, means: Array) -> float:
    """Return the mean variance of a feature, 1 where pictures of a tag do not differ at all."""
    noise = rows.views - means[:, None]
    variance = float((noise**2).sum() / (noise.shape[0] * noise.shape[1] * rows.features))
    return variance if variance > _TINY else 1.0
