# SPDX-License-Identifier: Apache-2.0
"""Recipes for heads, and blending: the average of linear heads is again one dense layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trunkline.training.rows import Linear, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from trunkline.training.rows import Rows, Space

    Array = NDArray[np.float64]

__all__ = ["Material", "Part"]


class Part(NamedTuple):
    """One of the heads that are averaged.

    Attributes:
        solve: Finds it, from rows, their tags, the number of tags and the settings.
        settings: Numbers that ``solve`` takes.
        all_views: Whether it is shown every view of a picture, or only the plain one.
    """

    solve: Callable[..., Linear]
    settings: tuple[float, ...] = ()
    all_views: bool = False


class Material:
    """Pictures to train heads on, any of them left out at will.

    Args:
        features: Array of shape (pictures, views, features). The first view is the plain one.
    """

    def __init__(self, features: NDArray[np.floating]) -> None:
        self.plain = np.asarray(features[:, 0], np.float64)
        self._ready: dict[bool, tuple[Space, Rows]] = {False: prepare(features[:, :1])}
        several = features.shape[1] > 1
        self._ready[True] = prepare(features) if several else self._ready[False]
        # A part of a blend is also looked at by itself, and is then not found twice.
        self._found: dict[tuple[Part, bytes, bytes], Linear] = {}

    def solve(
        self, parts: Sequence[Part], pictures: NDArray[np.intp], tags: NDArray[np.intp], count: int
    ) -> Linear:
        """Train heads on some of the pictures and average them, each as loud as the others.

        Adding the same to the logits of all tags changes no answer, so what the tags have in common
        is taken out of each head. Its loudness is the spread of what it then says on the plain
        pictures it was trained on.

        Args:
            parts: The heads; a single one is left as it is.
            pictures: Which pictures to train on.
            tags: The tag of each of those, 0 to ``count`` - 1; every tag has one or more.
            count: How many tags there are.

        Returns:
            A layer on raw features.
        """
        layers = [self._find(part, pictures, tags, count) for part in parts]
        return layers[0] if len(layers) == 1 else _average(layers, self.plain[pictures])

    def _find(
        self, part: Part, pictures: NDArray[np.intp], tags: NDArray[np.intp], count: int
    ) -> Linear:
        key = (part, pictures.tobytes(), tags.tobytes())
        if key not in self._found:
            space, rows = self._ready[part.all_views]
            layer = part.solve(rows[pictures], tags, count, *part.settings)
            self._found[key] = space.on_features(layer)
        return self._found[key]


def _average(layers: list[Linear], pictures: Array) -> Linear:
    even = [
        Linear(layer.weights - layer.weights.mean(axis=0), layer.bias - layer.bias.mean())
        for layer in layers
    ]
    # The blend is as loud as the first, unless that says the same of every picture.
    loudness = [float(layer(pictures).std()) or 1.0 for layer in even]
    shares = [loudness[0] / one / len(even) for one in loudness]
    return Linear(
        np.sum([share * layer.weights for share, layer in zip(shares, even, strict=True)], axis=0),
        np.sum([share * layer.bias for share, layer in zip(shares, even, strict=True)], axis=0),
    )
