# SPDX-License-Identifier: Apache-2.0
"""Heads as scikit-learn estimators: classifiers that end as one dense layer on raw features."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from trunkline.training.blending import Material
from trunkline.training.calibration import probabilities
from trunkline.training.recipes import (
    blended_recipe,
    centroid_recipe,
    discriminant_recipe,
    logistic_recipe,
    whitened_recipe,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from trunkline.training.recipes import Recipe

    Array = NDArray[np.float64]

__all__ = [
    "BlendedHead",
    "CentroidHead",
    "DiscriminantHead",
    "LinearHead",
    "LogisticHead",
    "WhitenedHead",
]


class LinearHead(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """What all heads have in common.

    Everything is computed in float64, and nothing is random. After ``fit``:

    Attributes:
        classes_: The tags, sorted, shape (labels,).
        coef_: float64 array of shape (labels, features). For two tags there are two rows too, as
            in the exported layer.
        intercept_: float64 array of shape (labels,).
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:  # noqa: N803
        """Train on features.

        Args:
            X: Array of shape (pictures, features); or (pictures, views, features) with several
                views of each picture.
            y: The tag of each picture, shape (pictures,).

        Raises:
            ValueError: The shapes do not fit, values are not finite or there are not two tags.
        """
        views, rows, given = _rows_of(X, y)
        values, tags = validate_data(self, rows, given, dtype=np.float64)
        check_classification_targets(tags)
        self.classes_, numbers = np.unique(tags[::views], return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("The tags are of one class; a head needs 2 classes or more.")
        # One thread: the products are small, and sums come out the same however many cores.
        with threadpool_limits(1):
            material = Material(values.reshape(-1, views, values.shape[1]))
            everything = np.arange(len(numbers))
            found = material.solve(self.parts(), everything, numbers, len(self.classes_))
            layer = material.on_features(found)
        self.coef_, self.intercept_ = layer.weights, layer.bias
        return self

    @abstractmethod
    def parts(self) -> Recipe:
        """Return the heads whose average this is."""

    def decision_function(self, X: ArrayLike) -> Array:  # noqa: N803
        """Return logits, shape (pictures, labels); for two tags the second's lead, (pictures,)."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: ArrayLike) -> Array:  # noqa: N803
        """Return probabilities, shape (pictures, labels): the softmax of the logits."""
        return probabilities(self._logits(X), "softmax")

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Return the most probable tag of each picture, shape (pictures,)."""
        winners = self._logits(X).argmax(axis=1)
        chosen: NDArray[Any] = self.classes_[winners]
        return chosen

    def _logits(self, X: ArrayLike) -> Array:  # noqa: N803
        check_is_fitted(self)
        values = validate_data(self, X, dtype=np.float64, reset=False)
        logits: Array = values @ self.coef_.T + self.intercept_
        return logits


def _rows_of(features: ArrayLike, tags: ArrayLike) -> tuple[int, ArrayLike, ArrayLike]:
    """Return the number of views, and one row and tag per view where there are several."""
    values = np.asarray(features)
    if values.ndim != 3:
        return 1, features, tags
    views = values.shape[1]
    return views, values.reshape(-1, values.shape[2]), np.repeat(np.asarray(tags), views, axis=0)


class CentroidHead(LinearHead):
    """The direction of each tag's mean; see ``trunkline.training.solving.centroids``.

    Args:
        all_views: Whether every view of a picture is trained on, or the first only.
    """

    def __init__(self, *, all_views: bool = True) -> None:
        self.all_views = all_views

    def parts(self) -> Recipe:
        """Return the one head that this is."""
        return centroid_recipe(all_views=self.all_views)


class DiscriminantHead(LinearHead):
    """Shrunk linear discriminants; see ``trunkline.training.solving.discriminants``.

    Args:
        shrinkage: How much of the covariance is round, above 0, at most 1.
        all_views: Whether every view of a picture is trained on, or the first only.
    """

    def __init__(self, shrinkage: float = 0.5, *, all_views: bool = True) -> None:
        self.shrinkage = shrinkage
        self.all_views = all_views

    def parts(self) -> Recipe:
        """Return the one head that this is."""
        return discriminant_recipe(self.shrinkage, all_views=self.all_views)


class LogisticHead(LinearHead):
    """Logistic regression; see ``trunkline.training.solving.logistic``.

    Args:
        strength: What the squared weights are divided by, scikit-learn's ``C``, for rows of
            length 1.
        all_views: Whether every view of a picture is trained on, or the first only.
    """

    def __init__(self, strength: float = 30.0, *, all_views: bool = False) -> None:
        self.strength = strength
        self.all_views = all_views

    def parts(self) -> Recipe:
        """Return the one head that this is."""
        return logistic_recipe(self.strength, all_views=self.all_views)


class WhitenedHead(LinearHead):
    """Logistic regression on whitened rows; see ``trunkline.training.solving``.

    Args:
        shrinkage: As for ``DiscriminantHead``.
        strength: As for ``LogisticHead``.
        all_views: Whether every view of a picture is trained on, or the first only.
    """

    def __init__(
        self, shrinkage: float = 0.5, strength: float = 10.0, *, all_views: bool = False
    ) -> None:
        self.shrinkage = shrinkage
        self.strength = strength
        self.all_views = all_views

    def parts(self) -> Recipe:
        """Return the one head that this is."""
        return whitened_recipe(self.shrinkage, self.strength, all_views=self.all_views)


class BlendedHead(LinearHead):
    """The average of three heads that err on different pictures.

    They are ``LogisticHead`` and ``WhitenedHead`` on the plain pictures, and ``WhitenedHead`` on
    all views.

    Args:
        shrinkage: Of the two whitened ones.
        strength: Of the plain one; the whitened ones take a third of it.
    """

    def __init__(self, shrinkage: float = 0.5, strength: float = 30.0) -> None:
        self.shrinkage = shrinkage
        self.strength = strength

    def parts(self) -> Recipe:
        """Return the heads whose average this is."""
        return blended_recipe(self.shrinkage, self.strength)
