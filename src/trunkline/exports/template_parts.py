# SPDX-License-Identifier: Apache-2.0
"""What the templates of all formats have in common: where a dense head is, and what is around it.

A head is taken out of a file only where that cannot change anything else: each of its two constants
has one use, what it is used by is the last product of the network, and nothing but additions,
activations and label lookups come after that, up to every output of the file.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from numpy.typing import NDArray

    Buffer = bytes | memoryview

__all__ = ["HeadConstants", "Places", "Step", "Taken", "label_axis", "locate", "take"]

_SMALL = 4096  # bytes
_PRODUCTS = frozenset({"FC", "FULLY_CONNECTED", "Gemm", "MatMul", "innerProduct"})
_SUMS = frozenset({"Add", "BiasAdd"})
# What may stand between a constant and its use: another name for it, or float16 made float32.
_WIDENINGS = frozenset({"Convert", "DEQUANTIZE", "Identity"})
_TAILS = _SUMS | {
    *("Identity", "LOGISTIC", "SOFTMAX", "Sigmoid", "Softmax", "SoftMax", "activation", "softmax"),
    *("ArgMax", "ArrayFeatureExtractor", "Result", "ZipMap"),
}


@dataclass(frozen=True, eq=False)
class HeadConstants:
    """The constants of a dense head.

    Attributes:
        weights: float32 of shape (features, labels).
        bias: float32 of shape (labels,).
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Step:
    """An operation of a file.

    Attributes:
        kind: What the format calls it.
        takes: The tensors it takes, by the names they have in the file.
        gives: The tensors it makes.
    """

    kind: str
    takes: tuple[str, ...]
    gives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Places:
    """Where a file holds its head.

    Attributes:
        weights: The name of the constant.
        bias: Likewise.
        transposed: Whether the weights are stored as (labels, features).
        shaped: The tensors whose shapes follow from the number of labels, in order.
    """

    weights: str
    bias: str
    transposed: bool
    shaped: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Taken:
    """A file taken apart.

    Attributes:
        head: What its head holds.
        labels: The labels that the file itself names; None where it names none.
        pieces: Everything else.
    """

    head: HeadConstants
    labels: tuple[str, ...] | None
    pieces: Sequence[Buffer]

    @functools.cached_property
    def frame(self) -> bytes:
        """A digest over the lengths of all pieces and over the small ones.

        It takes no time, and files of two forms differ in it already.
        """
        lengths = np.array([len(self.pieces), *map(len, self.pieces)], "<u8")
        small = b"".join(piece for piece in self.pieces if len(piece) < _SMALL)
        return hashlib.sha256(lengths.tobytes() + small).digest()

    @functools.cached_property
    def rest(self) -> bytes:
        """The frame, and a digest over the large pieces. Two files with the same are one network.

        The lengths in the frame tell where each of the large pieces begins.
        """
        digest = hashlib.sha256()
        for piece in self.pieces:
            if len(piece) >= _SMALL:
                digest.update(piece)
        return self.frame + digest.digest()


def locate(
    constants: Iterable[tuple[str, NDArray[np.generic]]],
    steps: Sequence[Step],
    ends: Collection[str],
    head: HeadConstants,
) -> Places | None:
    """Find a dense head in a file.

    Args:
        constants: The file's constants by name, float16 or float32.
        steps: Its operations.
        ends: The tensors that it gives out.
        head: What the head holds, as the full reading found it.

    Returns:
        None where a constant is not there exactly once, or may have another part in the network.
    """
    if not head.weights.any() or not head.bias.any():
        return None  # a factor would not change them, and so would not show
    weights, biases = [], []
    for name, values in constants:
        if values.ndim == 2:
            straight = np.array_equal(values, head.weights)
            turned = np.array_equal(values, head.weights.T)
            weights += [(name, turned)] * (straight + turned)
        if _is_bias(values, head.bias):
            biases.append(name)
    if len(weights) != 1 or len(biases) != 1:
        return None
    (name, transposed), (bias,) = weights[0], biases
    shaped = _follow(steps, name, bias)
    if shaped is None or not set(ends) <= set(shaped):
        return None
    return Places(name, bias, transposed, tuple(shaped))


def take(
    weights: NDArray[np.generic],
    bias: NDArray[np.generic],
    places: Places,
    labels: tuple[str, ...] | None,
    rest: Iterable[Buffer],
) -> Taken | None:
    """Put together what was taken out of a file.

    Args:
        weights: As stored, float16 or float32.
        bias: Likewise.
        places: Where they were.
        labels: The labels that the file names.
        rest: Everything else, in an order that the format decides.

    Returns:
        None where the two constants do not fit each other.
    """
    if weights.ndim != 2 or weights.size == 0:
        return None
    if places.transposed:
        weights = weights.T
    features, count = weights.shape
    if bias.shape[-1:] != (count,) or bias.size != count:
        return None
    told = f"{features} {bias.ndim} {weights.dtype} {bias.dtype}".encode()
    head = HeadConstants(
        np.ascontiguousarray(weights, np.float32), bias.reshape(-1).astype(np.float32)
    )
    return Taken(head, labels, [told, *rest])


def label_axis(shape: Sequence[int], labels: int) -> int | None:
    """Return the last axis that is as long as there are labels; None where there is none."""
    return max((axis for axis, length in enumerate(shape) if length == labels), default=None)


def _is_bias(values: NDArray[np.generic], bias: NDArray[np.float32]) -> bool:
    fits = values.size == bias.size and values.shape[-1:] == bias.shape
    return fits and np.array_equal(values.reshape(-1), bias)


def _follow(steps: Sequence[Step], weights: str, bias: str) -> list[str] | None:
    """Return the tensors from a head's constants to the ends; None where it is no head."""
    products, sums = _used(steps, weights), _used(steps, bias)
    if products is None or sums is None or products[-1].kind not in _PRODUCTS:
        return None
    found = [name for step in (*products[:-1], *sums[:-1]) for name in step.gives]
    product = products[-1]
    reached = dict.fromkeys(product.gives)
    waiting = list(product.gives)
    while waiting:
        name = waiting.pop()
        for step in steps:
            if name in step.takes:
                if step.kind not in _TAILS:
                    return None
                waiting += [made for made in step.gives if made not in reached]
                reached |= dict.fromkeys(step.gives)
    adds = sums[-1] is product or (sums[-1].kind in _SUMS and set(sums[-1].gives) <= reached.keys())
    return [weights, bias, *found, *reached] if adds else None


def _used(steps: Sequence[Step], constant: str) -> list[Step] | None:
    """Return what a constant goes through and is used by; None where that is more than one."""
    way: list[Step] = []
    for _ in range(2):
        users = [step for step in steps for name in step.takes if name == constant]
        if len(users) != 1:
            return None
        way.append(users[0])
        if users[0].kind not in _WIDENINGS or len(users[0].gives) != 1:
            break
        constant = users[0].gives[0]
    return way
