# SPDX-License-Identifier: Apache-2.0
"""The sides of the few-shot benchmark: each trains on a task and says the tags of its test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["SIDES", "Side", "Task"]

NEIGHBOURS = 5


@dataclass(frozen=True, eq=False)
class Task:
    """Few pictures to train on, and others to ask about.

    Attributes:
        views: float32 array of shape (pictures, views, features): the default trunk's features of
            the training pictures; the first view is the plain one. What the network's own last
            layer gives comes first.
        test: float32 array of shape (test pictures, features): of the others, plain.
        last: How many features are the network's own last layer's.
        mobile: The same as ``views`` of MobileNetV2.
        mobile_test: The same as ``test`` of it.
        pixels: Makes what the networks are fed, uint8 of shape (pictures, 224, 224, 3), RGB: of
            the training pictures, and of the others.
        tags: The tag of each training picture, 0 and up.
        seed: What chance begins with.
    """

    views: NDArray[np.float32]
    test: NDArray[np.float32]
    last: int
    mobile: NDArray[np.float32]
    mobile_test: NDArray[np.float32]
    pixels: Callable[[], tuple[NDArray[np.uint8], NDArray[np.uint8]]]
    tags: NDArray[np.intp]
    seed: int

    @property
    def of_last_layer(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features of the network's own last layer alone: of the training pictures, and others."""
        return self.views[:, 0, : self.last], self.test[:, : self.last]


@dataclass(frozen=True, slots=True)
class Side:
    """A way to train.

    Attributes:
        title: What it is called on the page.
        answer: Trains on a task; returns the tag of each test picture.
        costly: Whether it takes minutes, and runs only when asked for by name.
    """

    title: str
    answer: Callable[[Task], NDArray[np.intp]]
    costly: bool = False


def trunkline(task: Task) -> NDArray[np.intp]:
    """Train as ``trunkline.Trainer`` does."""
    return _trunkline(task.views, task.tags, task.test, task.seed)


def trunkline_mobile(task: Task) -> NDArray[np.intp]:
    """Train the same on MobileNetV2's features."""
    return _trunkline(task.mobile, task.tags, task.mobile_test, task.seed)


def logistic(task: Task) -> NDArray[np.intp]:
    """Train scikit-learn's logistic regression, C = 1, on centred features."""
    train, test = _centred(*task.of_last_layer)
    return _regress(train, task.tags, test, strength=1.0)


def logistic_here(task: Task) -> NDArray[np.intp]:
    """Train the same on all features of the trunk."""
    train, test = _centred(task.views[:, 0], task.test)
    return _regress(train, task.tags, test, strength=1.0)


def unit_logistic(task: Task) -> NDArray[np.intp]:
    """Train the same, C = 30, on features of length 1, which no dense layer can do alone."""
    train, test = (_unit(rows) for rows in _centred(*task.of_last_layer))
    return _regress(train, task.tags, test, strength=30.0)


def neighbours(task: Task) -> NDArray[np.intp]:
    """Ask the five nearest training pictures by cosine."""
    from sklearn.neighbors import KNeighborsClassifier

    train, test = (_unit(rows) for rows in _centred(*task.of_last_layer))
    fewest = int(np.bincount(task.tags).min())
    model = KNeighborsClassifier(min(NEIGHBOURS, fewest), weights="distance")
    return np.asarray(model.fit(train, task.tags).predict(test))


def camera(task: Task) -> NDArray[np.intp]:
    """Train as a widely used camera product does, on MobileNetV2's features."""
    return _dense(task.mobile[:, 0], task.tags, task.mobile_test, task.seed)


def camera_here(task: Task) -> NDArray[np.intp]:
    """Train the same on the features that the other sides use."""
    train, test = task.of_last_layer
    return _dense(train, task.tags, test, task.seed)


def fine_tuning(task: Task) -> NDArray[np.intp]:
    """Train the whole network; see ``few_shot_tuning``."""
    from few_shot_tuning import fine_tune

    train, test = task.pixels()
    return fine_tune(train, task.tags, test, task.seed).argmax(axis=1)


SIDES = {
    "trunkline": Side("Trunkline", trunkline),
    "trunkline-mobile": Side("Trunkline on MobileNetV2", trunkline_mobile),
    "logistic": Side("plain logistic regression", logistic),
    "logistic-all": Side("the same on all features of the trunk", logistic_here),
    "unit-logistic": Side("logistic regression, unit length, C = 30", unit_logistic),
    "neighbours": Side("k-NN", neighbours),
    "camera": Side("camera product's recipe", camera),
    "camera-lite0": Side("camera product's recipe on our features", camera_here, costly=True),
    "fine-tuning": Side("full fine-tuning", fine_tuning, costly=True),
}
"""By name, in the order of the page."""


def _trunkline(
    views: NDArray[np.float32], tags: NDArray[np.intp], test: NDArray[np.float32], seed: int
) -> NDArray[np.intp]:
    from trunkline.training.selection import fit_head

    truth = np.eye(tags.max() + 1)[tags] > 0
    head = fit_head(views, truth, task="multiclass", seed=seed)
    return (test @ head.weights.T + head.bias).argmax(axis=1)


def _dense(
    train: NDArray[np.float32], tags: NDArray[np.intp], test: NDArray[np.float32], seed: int
) -> NDArray[np.intp]:
    """Train a hidden layer of 128 and a softmax: Adam at 0.001, 50 epochs in batches of 16.

    Source: ``frigate/util/classification.py`` of Frigate, whose numbers these are.
    """
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input(train.shape[1:]),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(int(tags.max()) + 1, activation="softmax"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.001), loss="sparse_categorical_crossentropy")
    model.fit(train, tags, batch_size=16, epochs=50, verbose=0)
    return np.asarray(model.predict(test, verbose=0).argmax(axis=1))


def _regress(
    train: NDArray[np.floating], tags: NDArray[np.intp], test: NDArray[np.floating], strength: float
) -> NDArray[np.intp]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, max_iter=1000).fit(train, tags)
    return np.asarray(model.predict(test))


def _centred(
    train: NDArray[np.float32], test: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean = train.mean(axis=0, dtype=np.float64)
    return train - mean, test - mean


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
