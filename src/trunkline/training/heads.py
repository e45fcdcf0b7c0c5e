# SPDX-License-Identifier: Apache-2.0
"""Heads as scikit-learn estimators: classifiers that end as one dense layer on raw features."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from trunkline.training.blending import Material, Part
from trunkline.training.solving import centroids, discriminants, logistic, whitened_logistic

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

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
        views = np.asarray(X).shape[1] if np.ndim(X) == 3 else 1
        rows = np.asarray(X).reshape(-1, np.shape(X)[2]) if np.ndim(X) == 3 else X
        given = np.repeat(np.asarray(y), views, axis=0) if np.ndim(X) == 3 else y
        values, tags = validate_data(self, rows, given, dtype=np.float64)
        check_classification_targets(tags)
        self.classes_, numbers = np.unique(tags[::views], return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("The tags are of one class; a head needs 2 classes or more.")
        material = Material(values.reshape(-1, views, values.shape[1]))
        everything = np.arange(len(numbers))
        layer = material.solve(self.parts(), everything, numbers, len(self.classes_))
        self.coef_, self.intercept_ = layer.weights, layer.bias
        return self

    @abstractmethod
    def parts(self) -> tuple[Part, ...]:
        """Return the heads whose average this is."""

    def decision_function(self, X: ArrayLike) -> Array:  # noqa: N803
        """Return logits, shape (pictures, labels); for two tags the second's lead, (pictures,)."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: ArrayLike) -> Array:  # noqa: N803
        """Return probabilities, shape (pictures, labels): the softmax of the logits."""
        probabilities: Array = softmax(self._logits(X), axis=1)
        return probabilities

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Return the most probable tag of each picture, shape (pictures,)."""
        chosen: NDArray[Any] = self.classes_[self._logits(X).argmax(axis=1)]
        return chosen

    def _logits(self, X: ArrayLike) -> Array:  # noqa: N803
        check_is_fitted(self)
        values = validate_data(self, X, dtype=np.float64, reset=False)
        logits: Array = values @ self.coef_.T + self.intercept_
        return logits


class CentroidHead(LinearHead):
    """The direction of each tag's mean; see ``trunkline.training.solving.centroids``.

    Args:
        all_views: Whether every view of a picture is trained on, or the first only.
    """

    def __init__(self, *, all_views: bool = True) -> None:
        self.all_views = all_views

    def parts(self) -> tuple[Part, ...]:
        """Return the one head that this is."""
        return (Part(centroids, (), self.all_views),)


class DiscriminantHead(LinearHead):
    """Shrunk linear discriminants; see ``trunkline.training.solving.discriminants``.

    Args:
        shrinkage: How much of the covariance is round, above 0, at most 1.
        all_views: Whether every view of a picture is trained on, or the first only.
    """

    def __init__(self, shrinkage: float = 0.5, *, all_views: bool = True) -> None:
        self.shrinkage = shrinkage
        self.all_views = all_views

    def parts(self) -> tuple[Part, ...]:
        """Return the one head that this is."""
        return (Part(discriminants, (self.shrinkage,), self.all_views),)


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

    def parts(self) -> tuple[Part, ...]:
        """Return the one head that this is."""
        return (Part(logistic, (self.strength,), self.all_views),)


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

    def parts(self) -> tuple[Part, ...]:
        """Return the one head that this is."""
        return (Part(whitened_logistic, (self.shrinkage, self.strength), self.all_views),)


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

    def parts(self) -> tuple[Part, ...]:
        """Return the heads whose average this is."""
        settings = (self.shrinkage, self.strength / 3)
        return (
            Part(logistic, (self.strength,)),
            Part(whitened_logistic, settings),
            Part(whitened_logistic, settings, all_views=True),
        )
