# SPDX-License-Identifier: Apache-2.0
"""Ways to find a dense layer for training rows: centroids, discriminants, logistic regression.

Tags count alike, however many pictures each has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from trunkline.training.rows import Linear, Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["centroids", "discriminants", "logistic", "whitened_logistic"]

_ITERATIONS = 200
_CLOSE_ENOUGH = 1e-7
"""Where an iteration gains less than this share of the loss, no picture's answer changes."""

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
    weights = cho_solve(cho_factor(_covariance(rows, means[tags], shrinkage)), means.T).T
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
    root = cholesky(mixed / variance, lower=True)
    views = rows.views.reshape(-1, rows.views.shape[2])
    white = solve_triangular(root, views.T, lower=True).T.reshape(rows.views.shape)
    layer = logistic(Rows(white, rows.features), tags, count, strength)
    weights = solve_triangular(root, layer.weights.T, lower=True, trans="T").T
    return Linear(weights, layer.bias)


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
        # SciPy's logsumexp takes several times as long on so little.
        logits -= logits.max(axis=1, keepdims=True)
        powers = np.exp(logits)
        sums = powers.sum(axis=1)
        error = (powers / sums[:, None] - target) * weigh[:, None]
        value = weigh @ (np.log(sums) - logits[np.arange(len(tags)), tags])
        slope = np.concatenate([error.T @ values + weights / strength, error.sum(0)[:, None]], 1)
        return float(value + (weights**2).sum() / (2 * strength)), slope.ravel()

    start = np.zeros(count * (size + 1))
    options = {"maxiter": _ITERATIONS, "maxcor": 20, "ftol": _CLOSE_ENOUGH, "gtol": 1e-4}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    matrix = found.reshape(count, size + 1)
    return Linear(matrix[:, :size], matrix[:, size])


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
