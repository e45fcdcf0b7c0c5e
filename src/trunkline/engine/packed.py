# SPDX-License-Identifier: Apache-2.0
"""Packed heads: many dense layers on one trunk, as one matrix.

A model is a range of rows. Adding one writes rows behind the others, removing one leaves its rows
out; nothing is compiled.
"""

from __future__ import annotations

import functools
import hashlib
import mmap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from numpy.typing import NDArray

    from trunkline.graphs.heads import Activation

__all__ = ["PackedHeads"]

_FIRST_ROWS = 16
_GROWTH = 1.5
# Infinities become equals, and the difference of two sums is a float32.
_SOFTMAX_LIMIT = np.float32(1e30)


class _Rows:
    """Room for rows, of which the first ``used`` are taken. Rows once written never change."""

    def __init__(self, features: int, room: int) -> None:
        # Pages of its own: those that are not written to take no memory, as they might out of a
        # heap that was used before, and all go back to the machine at once. Private: a forked
        # process must not write into the rows of this one.
        size = max(1, 4 * room * features)
        pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.weights = np.frombuffer(pages, np.float32, room * features).reshape(room, features)
        self.bias = np.empty(room, np.float32)
        self.used = 0

    def append(self, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        start, self.used = self.used, self.used + len(bias)
        self.weights[start : self.used] = weights
        self.bias[start : self.used] = bias

    def copied(self, ranges: Iterable[tuple[int, int]], room: int) -> _Rows:
        """Return a copy of some rows, with room for as many as said."""
        copy = _Rows(self.weights.shape[1], room)
        for start, stop in ranges:
            copy.append(self.weights[start:stop], self.bias[start:stop])
        return copy


@dataclass(frozen=True, slots=True, eq=False)
class PackedAnswers:
    """What packed heads say about one frame.

    Attributes:
        probabilities: float32 of shape (rows,), read-only.
        labels: By head, its most probable label.
        greatest: By head, the probability of that label.
    """

    probabilities: NDArray[np.float32]
    labels: list[str]
    greatest: list[float]

    @classmethod
    def joined(cls, parts: Sequence[PackedAnswers]) -> PackedAnswers:
        """Return the answers of any number of packs as those of one."""
        if len(parts) == 1:
            return parts[0]
        probabilities = [np.zeros(0, np.float32), *(part.probabilities for part in parts)]
        values = np.concatenate(probabilities)
        values.flags.writeable = False
        return cls(
            values,
            [label for part in parts for label in part.labels],
            [greatest for part in parts for greatest in part.greatest],
        )


@dataclass(frozen=True, eq=False)
class PackedHeads:
    """The dense heads of one trunk that end alike.

    A value: changes make a new one, and frames in flight go on with the old.

    Attributes:
        activation: What turns every head's sums into probabilities.
        names: The models, in the order of their rows.
        labels: The label of each row, as objects.
        starts: Where each model's rows start.
        stop: Where the last model's rows end.
    """

    activation: Activation
    names: tuple[str, ...] = ()
    labels: NDArray[np.object_] = field(default_factory=lambda: np.zeros(0, np.object_))
    starts: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    stop: int = 0
    _rows: _Rows = field(default_factory=lambda: _Rows(0, 0))

    def __len__(self) -> int:
        return len(self.names)

    @functools.cached_property
    def _lengths(self) -> NDArray[np.intp]:
        return np.diff(self.starts, append=self.stop)

    def adding(
        self,
        name: str,
        labels: Sequence[str],
        weights: NDArray[np.float32],
        bias: NDArray[np.float32],
    ) -> PackedHeads:
        """Return these heads and one more.

        Args:
            name: The model's name.
            labels: Its labels, in the order of the rows.
            weights: float32 of shape (labels, features).
            bias: float32 of shape (labels,).
        """
        stop = self.stop + len(labels)
        rows = self._rows if self.names else _Rows(weights.shape[1], _FIRST_ROWS)
        # Rows behind ours belong to another plan, made from this one and not put in force.
        if rows.used != self.stop or stop > len(rows.bias):
            rows = rows.copied([(0, self.stop)], int(stop * _GROWTH))
        rows.append(weights, bias)
        return PackedHeads(
            self.activation,
            (*self.names, name),
            np.append(self.labels, np.array(labels, np.object_)),
            np.append(self.starts, self.stop),
            stop,
            rows,
        )

    def without(self, names: Collection[str]) -> PackedHeads:
        """Return the heads of all other models, in as much memory as they need."""
        kept = [(n, start, stop) for n, (_, start, stop) in self.ranges().items() if n not in names]
        lengths = np.array([end - start for _, start, end in kept], np.intp)
        total = int(lengths.sum())
        return PackedHeads(
            self.activation,
            tuple(n for n, _, _ in kept),
            np.concatenate([self.labels[start:end] for _, start, end in kept]),
            lengths.cumsum() - lengths,
            total,
            self._rows.copied([(start, end) for _, start, end in kept], total),
        )

    def __call__(self, features: NDArray[np.float32]) -> PackedAnswers:
        """Answer for one frame.

        Args:
            features: float32 of shape (1, features).
        """
        with np.errstate(over="ignore", invalid="ignore"):
            values = self._probabilities(features)
        values.flags.writeable = False
        greatest = np.maximum.reduceat(values, self.starts)
        labels = self.labels[_places(values, greatest, self.starts, self._lengths)]
        return PackedAnswers(values, labels.tolist(), greatest.tolist())

    def _probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        values = self._sums(features)
        if self.activation == "sigmoid":
            values = _sigmoid(values)
        elif self.activation == "softmax":
            values = _softmax(values, self.starts, self._lengths)
        # As decoding does for single models: what is no number is no probability.
        np.fmax(values, np.float32(0), out=values)
        return np.minimum(values, np.float32(1), out=values)

    def _sums(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return ``weights @ features + bias``, row by row.

        As a stack of products of vectors it needs no threads of the linear algebra library, which
        would stand in the way of the trunk's, and a row's sum is the same to the last bit
        whatever rows are around it.
        """
        rows = self._rows.weights[: self.stop, np.newaxis]
        sums: NDArray[np.float32] = (rows @ features[0][:, np.newaxis]).reshape(-1)
        sums += self._rows.bias[: self.stop]
        return sums

    def digests(self) -> dict[str, bytes]:
        """Return, by model name, the SHA-256 of its weights and bias."""
        weights, bias = self._rows.weights, self._rows.bias
        return {
            name: hashlib.sha256(
                weights[start:stop].tobytes() + bias[start:stop].tobytes()
            ).digest()
            for name, (_, start, stop) in self.ranges().items()
        }

    def ranges(self) -> dict[str, tuple[int, int, int]]:
        """Return, by model name, its index, its first row, and the row behind its last."""
        starts = self.starts.tolist()
        ends = [*starts[1:], self.stop]
        return dict(
            zip(self.names, zip(range(len(starts)), starts, ends, strict=True), strict=True)
        )

    @property
    def features(self) -> int:
        """How many features each row takes; 0 where there are no rows."""
        return self._rows.weights.shape[1]

    @property
    def nbytes(self) -> int:
        """The bytes of weights held."""
        return self._rows.weights.nbytes + self._rows.bias.nbytes


def _places(
    values: NDArray[np.float32],
    greatest: NDArray[np.float32],
    starts: NDArray[np.intp],
    lengths: NDArray[np.intp],
) -> NDArray[np.intp]:
    """Return, for each range, where its greatest value comes first."""
    places = np.flatnonzero(values == np.repeat(greatest, lengths))
    if len(places) == len(starts):
        return places  # there are no equals
    return places[np.searchsorted(places, starts)]


def _sigmoid(x: NDArray[np.float32]) -> NDArray[np.float32]:
    # Where the power is infinite, the quotient is zero.
    return np.reciprocal(np.exp(-x) + np.float32(1))


def _softmax(
    x: NDArray[np.float32], starts: NDArray[np.intp], lengths: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Softmax over each range, as ``trunkline.decoding.activations`` does it for one."""
    x = np.clip(x, -_SOFTMAX_LIMIT, _SOFTMAX_LIMIT)
    e = np.exp(x - np.repeat(np.maximum.reduceat(x, starts), lengths))
    quotient: NDArray[np.float32] = e / np.repeat(np.add.reduceat(e, starts), lengths)
    return quotient
