# SPDX-License-Identifier: Apache-2.0
"""The head of an OpenVINO model: two constants of the ``.bin``, which the ``.xml`` points into.

The text is compared as text. Left out of it are where each constant lies (its bytes are compared
instead), the lengths that follow from the number of labels, and the counters in the names that
OpenVINO gives to what it makes itself.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trunkline.exports.template_parts import HeadConstants, Places, Step, Taken, locate, take

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["find_head", "take_apart"]

_LAYER = re.compile(
    rb'<layer id="(?P<id>\d+)" name="(?P<name>[^"<>]*)" type="(?P<type>\w+)"(?P<body>[^<>]*>.*?)'
    rb"</layer>",
    re.DOTALL,
)
_EDGE = re.compile(rb'<edge from-layer="(\d+)" from-port="\d+" to-layer="(\d+)" to-port="\d+" ?/>')
_DATA = re.compile(
    rb'<data element_type="(?P<type>\w+)" shape="(?P<shape>[\d, ]*)" '
    rb'offset="(?P<offset>\d+)" size="(?P<size>\d+)" ?/>'
)
_COUNTER = re.compile(rb"_\d+(?=(_compressed)?$)")
_WIDTHS = {b"f32": "<f4", b"f16": "<f2"}


@dataclass(frozen=True, slots=True)
class _Constant:
    """Where a constant lies, and what its layer says of it."""

    kind: bytes
    shape: tuple[int, ...]
    values: memoryview

    def array(self) -> NDArray[np.generic] | None:
        """Return a float constant's values; None for any other."""
        width = _WIDTHS.get(self.kind)
        if width is None or len(self.values) != math.prod(self.shape) * np.dtype(width).itemsize:
            return None
        return np.frombuffer(self.values, width).reshape(self.shape)


def find_head(parts: tuple[bytes, ...], head: HeadConstants) -> Places | None:
    """Find a dense head in an OpenVINO model; None where it has graphs inside its graph."""
    text, weights = parts[0], memoryview(parts[1])
    layers = list(_LAYER.finditer(text))
    edges = _EDGE.findall(text)
    ids = {layer["id"] for layer in layers}
    plain = text.count(b"<layer ") == len(ids) == len(layers) and b"<!" not in text
    if not plain or text.count(b"<edge ") != len(edges):
        return None
    constants = []
    for layer in layers:
        constant = _constant(layer, weights)
        values = constant.array() if constant else None
        if values is not None:
            constants.append((layer["id"].decode(), values))
    steps = [_step(layer, edges) for layer in layers]
    ends = {layer["id"].decode() for layer in layers if layer["type"] == b"Result"}
    return locate(constants, steps, ends, head)


def take_apart(parts: tuple[bytes, ...], places: Places) -> Taken | None:
    """Take the two constants out of an OpenVINO model."""
    text, weights = parts[0], memoryview(parts[1])
    found: dict[str, NDArray[np.generic] | None] = {}
    layers = list(_LAYER.finditer(text))
    for layer in layers:
        key = layer["id"].decode()
        if key in {places.weights, places.bias}:
            constant = _constant(layer, weights)
            found[key] = constant.array() if constant else None
    matrix, bias = found.get(places.weights), found.get(places.bias)
    if matrix is None or bias is None:
        return None
    return take(matrix, bias, places, None, _rest(text, weights, layers, places, bias.size))


def _rest(
    text: bytes, weights: memoryview, layers: list[re.Match[bytes]], places: Places, labels: int
) -> Iterator[bytes | memoryview]:
    """Yield the text between the layers, and each layer without what may differ."""
    shaped = {name.encode() for name in places.shaped}
    heads = {places.weights.encode(), places.bias.encode()}
    names: dict[bytes, bytes] = {}
    at = 0
    for index, layer in enumerate(layers):
        # Names that were different stay different.
        name = names.setdefault(layer["name"], b"%d " % index + _COUNTER.sub(b"", layer["name"]))
        yield from (text[at : layer.start()], layer["id"], name, layer["type"])
        at = layer.end()
        body = [layer["body"]]
        constant = _constant(layer, weights)
        if constant is not None:
            body = _DATA.split(layer["body"])[:: _DATA.groups + 1]
            yield constant.kind
            if layer["id"] not in heads:
                yield from (repr(constant.shape).encode(), constant.values)
        if layer["id"] in shaped:
            body = [piece for part in body for piece in part.split(b"<dim>%d</dim>" % labels)]
        yield b"%d" % len(body)
        yield from body
    yield text[at:]


def _step(layer: re.Match[bytes], edges: list[tuple[bytes, bytes]]) -> Step:
    takes = tuple(source.decode() for source, user in edges if user == layer["id"])
    return Step(layer["type"].decode(), takes, (layer["id"].decode(),))


def _constant(layer: re.Match[bytes], weights: memoryview) -> _Constant | None:
    """Return a constant layer's values; None for any other layer.

    Raises:
        ValueError: It states its values in an unknown way, or they are not in the file.
    """
    if layer["type"] != b"Const":
        return None
    found = _DATA.findall(layer["body"])
    if len(found) != 1:
        raise ValueError("a constant of an unknown form")
    kind, shape, offset, size = found[0]
    values = weights[int(offset) : int(offset) + int(size)]
    if len(values) != int(size):
        raise ValueError("a constant beyond the end of the file")
    return _Constant(kind, tuple(map(int, shape.split(b","))) if shape.strip() else (), values)
