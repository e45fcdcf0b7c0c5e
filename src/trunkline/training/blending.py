# SPDX-License-Identifier: Apache-2.0
"""Recipes for heads, and blending: the average of linear heads is again one dense layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trunkline.training.rows import Linear, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

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

    A raw feature is one of thousands, and pictures are few. So while heads are tried they are
    layers on a picture's place, which is where it is in the spaces of the rows: as many numbers as
    there are pictures, for each space. What a layer says is the same, and it costs a hundredth.

    Args:
        features: Array of shape (pictures, views, features). The first view is the plain one.

    Attributes:
        plain: The places of the plain pictures, float64 array of shape (pictures, numbers).
    """

    def __init__(self, features: NDArray[np.floating]) -> None:
        several = features.shape[1] > 1
        seen = [features[:, :1], features] if several else [features]
        made = [prepare(each) for each in seen]
        self.plain = np.concatenate([places for _, _, places in made], axis=1)
        self._spaces = [space for space, _, _ in made]
        self._rows = [rows for _, rows, _ in made]
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
            A layer on places.
        """
        layers = [self._find(part, pictures, tags, count) for part in parts]
        return layers[0] if len(layers) == 1 else _average(layers, self.plain[pictures])

    def on_features(self, layer: Linear) -> Linear:
        """Return the layer that does on raw features what ``layer`` does on places."""
        ends = np.cumsum([len(space.basis) for space in self._spaces])
        parts = np.split(layer.weights, ends[:-1], axis=1)
        made = [
            space.on_features(Linear(weights, np.zeros_like(layer.bias)))
            for space, weights in zip(self._spaces, parts, strict=True)
        ]
        weights = np.sum([each.weights for each in made], axis=0)
        return Linear(weights, layer.bias + np.sum([each.bias for each in made], axis=0))

    def _find(
        self, part: Part, pictures: NDArray[np.intp], tags: NDArray[np.intp], count: int
    ) -> Linear:
        key = (part, pictures.tobytes(), tags.tobytes())
        if key not in self._found:
            # The last space is that of all views.
            number = len(self._rows) - 1 if part.all_views else 0
            layer = part.solve(self._rows[number][pictures], tags, count, *part.settings)
            self._found[key] = self._on_places(number, layer)
        return self._found[key]

    def _on_places(self, number: int, layer: Linear) -> Linear:
        """Return a layer of one space as one that takes no notice of the other."""
        widths = [len(space.basis) for space in self._spaces]
        weights = np.zeros((len(layer.bias), sum(widths)))
        begin = sum(widths[:number])
        weights[:, begin : begin + widths[number]] = layer.weights
        return Linear(weights, layer.bias)


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
