# SPDX-License-Identifier: Apache-2.0
"""The heads there are, each as the parts that it is the average of."""

from __future__ import annotations

from trunkline.training.blending import Part
from trunkline.training.solving import centroids, discriminants, logistic, whitened_logistic

__all__ = [
    "Recipe",
    "blended_recipe",
    "centroid_recipe",
    "discriminant_recipe",
    "logistic_recipe",
    "whitened_recipe",
]

Recipe = tuple[Part, ...]


def centroid_recipe(*, all_views: bool = True) -> Recipe:
    """Return the directions of the tags' means; see ``solving.centroids``."""
    return (Part(centroids, (), all_views),)


def discriminant_recipe(shrinkage: float = 0.5, *, all_views: bool = True) -> Recipe:
    """Return shrunk linear discriminants; see ``solving.discriminants``."""
    return (Part(discriminants, (shrinkage,), all_views),)


def logistic_recipe(strength: float = 30.0, *, all_views: bool = False) -> Recipe:
    """Return logistic regression; see ``solving.logistic``."""
    return (Part(logistic, (strength,), all_views),)


def whitened_recipe(
    shrinkage: float = 0.5, strength: float = 10.0, *, all_views: bool = False
) -> Recipe:
    """Return logistic regression on whitened rows; see ``solving.whitened_logistic``."""
    return (Part(whitened_logistic, (shrinkage, strength), all_views),)


def blended_recipe(shrinkage: float = 0.5, strength: float = 30.0) -> Recipe:
    """Return three heads that err on different pictures.

    They are logistic regression and the whitened one on the plain pictures, and the whitened one
    on all views; the whitened ones take a third of the strength.

    Measured on six sets, on other splits than the published ones: a third of the strength, a
    shrinkage of 0.8, the plain one on all views, and turns by right angles among the views change
    little, and turns take twice the time. Centroids, discriminants or heads on the last layer alone
    as further parts gain on one set what they lose on another.
    """
    return (
        *logistic_recipe(strength),
        *whitened_recipe(shrinkage, strength / 3),
        *whitened_recipe(shrinkage, strength / 3, all_views=True),
    )
