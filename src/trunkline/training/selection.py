# SPDX-License-Identifier: Apache-2.0
"""Which head to take, and how sure it may be: decided on pictures it was not trained on.

With few pictures a comparison of heads is mostly luck. So the blend, which is the best on average
over many sets, is taken unless another does better by more than luck would explain: more than
three standard errors of the pictures' differences. What was held out also sets the temperature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from trunkline.training.blending import Material
from trunkline.training.calibration import find_sharpness, losses, probabilities
from trunkline.training.recipes import (
    Recipe,
    blended_recipe,
    centroid_recipe,
    discriminant_recipe,
    logistic_recipe,
    whitened_recipe,
)
from trunkline.training.rows import Linear

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from numpy.typing import NDArray

    from trunkline.training.blending import Part
    from trunkline.training.calibration import Activation

    Array = NDArray[np.float64]
    Truth = NDArray[np.bool_]
    Task = Literal["multiclass", "multilabel"]

__all__ = ["Head", "assign_folds", "choose", "fit_head"]

_MOST_FOLDS = 5

_DOUBT = 3.0
"""How many standard errors another head must be ahead by.

Two, times 1.5: pictures were held out from heads that share most of their training pictures, so
their differences vary together. Nadeau and Bengio, 2003, "Inference for the Generalization Error",
add the ratio of held out to training pictures to one over the number of folds, and a variance of
1/5 becomes 1/5 + 1/4. Measured on six sets, on other splits than the published ones: after a lead
of two to three the head taken was right less often than the blend, and its probabilities were worse
on most sets. The price is paid where there are hundreds of pictures and tens of tags, and such a
lead is real.
"""


@dataclass(frozen=True, eq=False)
class Head:
    """A trained last layer, ready to be put on its trunk.

    Attributes:
        weights: float32 array of shape (labels, features), for raw features.
        bias: float32 array of shape (labels,).
        activation: ``"softmax"`` for multiclass, ``"sigmoid"`` for multilabel.
        method: Which head was chosen.
        strength: What its squared weights were divided by, or how much its covariance was shrunk.
        out_of_fold: float64 array of shape (pictures, labels): the probabilities that each picture
            got from a head trained without it, at the temperature of this head.
        folds: Which fold each picture was held out in, shape (pictures,).
        sharpness: What the logits were multiplied by, the inverse of the temperature.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    activation: Activation
    method: str
    strength: float
    out_of_fold: Array
    folds: NDArray[np.intp]
    sharpness: float

    @property
    def recipe(self) -> str:
        """What made it, for a person: a method and its strength."""
        return f"{self.method}, strength {self.strength:g}"

    def probabilities(self, features: NDArray[np.floating]) -> Array:
        """Return float64 (pictures, labels) for raw features of shape (pictures, features)."""
        logits = np.asarray(features, np.float64) @ self.weights.T + self.bias
        return probabilities(logits, self.activation)


@dataclass(frozen=True, slots=True)
class _Candidate:
    method: str
    strength: float
    recipe: Recipe


_CANDIDATES = (
    _Candidate("blended", 30.0, blended_recipe()),
    _Candidate("whitened", 10.0, whitened_recipe()),
    _Candidate("whitened, all views", 10.0, whitened_recipe(all_views=True)),
    _Candidate("logistic", 30.0, logistic_recipe()),
    _Candidate("discriminant", 0.5, discriminant_recipe()),
    _Candidate("centroid", 1.0, centroid_recipe()),
)
"""The first is taken unless another is clearly better."""


def fit_head(
    features: NDArray[np.floating], targets: NDArray[np.bool_], *, task: Task, seed: int
) -> Head:
    """Choose, train and calibrate a head.

    The same features, targets, task and seed give the same head, to the byte.

    Args:
        features: float32 array of shape (pictures, views, features); the first view is what a
            running model sees.
        targets: bool array of shape (pictures, labels): which picture has which tag.
        task: ``"multiclass"``: every picture has one tag. ``"multilabel"``: any number.
        seed: What deals the pictures into folds.

    Raises:
        ValueError: The shapes do not fit, there are fewer than two pictures or labels (one label
            will do for multilabel), a label has no picture, or a picture of a multiclass
            model has not one tag.
    """
    truth = np.asarray(targets, bool)
    _check(features, truth, task)
    # One thread: the products are small, and sums come out the same however many cores there are.
    with threadpool_limits(1):
        return _fit(Material(features), truth, task, assign_folds(truth, seed))


def _fit(material: Material, truth: Truth, task: Task, folds: NDArray[np.intp]) -> Head:
    held_out = [_held_out(material, each.recipe, truth, folds, task) for each in _CANDIDATES]
    activation: Activation = "softmax" if task == "multiclass" else "sigmoid"
    sharpness = [find_sharpness(logits, truth, activation) for logits in held_out]
    taken = choose(
        [losses(k * x, truth, activation) for k, x in zip(sharpness, held_out, strict=True)]
    )
    chosen, factor = _CANDIDATES[taken], sharpness[taken]
    everything = np.arange(len(truth))
    layer = material.on_features(_solve(material, chosen.recipe, everything, truth, task))
    return Head(
        weights=(factor * layer.weights).astype(np.float32),
        bias=(factor * layer.bias).astype(np.float32),
        activation=activation,
        method=chosen.method,
        strength=chosen.strength,
        out_of_fold=probabilities(factor * held_out[taken], activation),
        folds=folds,
        sharpness=factor,
    )


def assign_folds(truth: Truth, seed: int) -> NDArray[np.intp]:
    """Deal pictures into folds, so that each tag's pictures are spread evenly.

    Args:
        truth: bool array of shape (pictures, labels).
        seed: What shuffles the pictures of a tag.

    Returns:
        The fold of each picture, shape (pictures,): at most 5 folds, at least 2, and no more than
        the commonest tag has pictures.
    """
    counts = truth.sum(axis=0)
    number = int(np.clip(counts.max(initial=0), 2, _MOST_FOLDS))
    # A picture with several tags is dealt with those of its rarest, which are the hardest to spread
    # out; one without a tag with the others of its kind.
    rarity = np.where(truth, counts, np.iinfo(np.int64).max)
    kind = np.where(truth.any(axis=1), rarity.argmin(axis=1), truth.shape[1])
    shuffled = np.random.default_rng(seed).permutation(len(truth))
    order = shuffled[np.argsort(kind[shuffled], kind="stable")]
    folds = np.empty(len(truth), np.intp)
    folds[order] = np.arange(len(truth)) % number
    return folds


def _held_out(
    material: Material, parts: Sequence[Part], truth: Truth, folds: NDArray[np.intp], task: Task
) -> Array:
    """Return each picture's logits from a head that was trained without it."""
    logits = np.empty(truth.shape)
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds != fold)
        layer = _solve(material, parts, rows, truth[rows], task)
        logits[folds == fold] = layer(material.plain[folds == fold])
    return logits


def _solve(
    material: Material, parts: Sequence[Part], rows: NDArray[np.intp], truth: Truth, task: Task
) -> Linear:
    if task == "multiclass":
        return _one_of_all(material, parts, rows, truth)
    return _each_alone(material, parts, rows, truth)


def _one_of_all(
    material: Material, parts: Sequence[Part], rows: NDArray[np.intp], truth: Truth
) -> Linear:
    """Train one head for all tags; one without a picture here is always the least likely."""
    present, tags = np.unique(truth.argmax(axis=1), return_inverse=True)
    width, labels = material.plain.shape[1], truth.shape[1]
    weights, bias = np.zeros((labels, width)), np.zeros(labels)
    if len(present) > 1:
        layer = material.solve(parts, rows, tags, len(present))
        weights[present], bias[present] = layer.weights, layer.bias
        absent = np.setdiff1d(np.arange(labels), present)
        bias[absent] = layer(material.plain).min(initial=0.0)
    return Linear(weights, bias)


def _each_alone(
    material: Material, parts: Sequence[Part], rows: NDArray[np.intp], truth: Truth
) -> Linear:
    """Train a head of two outputs for each tag, has it and has it not, and take the difference.

    Solvers let both count alike. The odds of the tag are put back, as a sigmoid is a probability.
    """
    labels = truth.shape[1]
    weights, bias = np.zeros((labels, material.plain.shape[1])), np.zeros(labels)
    for label in range(labels):
        has = truth[:, label]
        if has.any() and not has.all():
            layer = material.solve(parts, rows, has.astype(np.intp), 2)
            weights[label] = layer.weights[1] - layer.weights[0]
            bias[label] = layer.bias[1] - layer.bias[0]
        bias[label] += np.log((has.sum() + 0.5) / ((~has).sum() + 0.5))
    return Linear(weights, bias)


def choose(found: Sequence[Array]) -> int:
    """Return which head to take, the first unless another is clearly better.

    Args:
        found: For each head its loss on each picture that was held out, shape (pictures,).
    """
    best = int(np.argmin([values.mean() for values in found]))
    lead = found[0] - found[best]
    doubt = _DOUBT * lead.std(ddof=1) / np.sqrt(len(lead)) if len(lead) > 1 else np.inf
    return best if lead.mean() > doubt else 0


def _check(features: NDArray[np.floating], truth: Truth, task: Task) -> None:
    if features.ndim != 3 or truth.ndim != 2 or len(features) != len(truth):
        raise ValueError(
            f"features have shape {features.shape} and targets {truth.shape}; they must have "
            "(pictures, views, features) and (pictures, labels)"
        )
    if len(truth) < 2 or truth.shape[1] < (2 if task == "multiclass" else 1):
        raise ValueError(f"{truth.shape} pictures and labels are too few to train on")
    if task == "multiclass" and (truth.sum(axis=1) != 1).any():
        raise ValueError("a picture of a multiclass model must have exactly one tag")
    if not truth.any(axis=0).all():
        raise ValueError("every label needs a picture")
