# SPDX-License-Identifier: Apache-2.0
"""The rules of the normal form for slices, of which formats have several that cut the same."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import openvino
from openvino import opset13 as ops

from trunkline.graphs.rewriting import constant, constant_of, inputs_of, replace, static_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["plain_slice", "slices_instead_of_split"]


def plain_slice(node: openvino.Node) -> bool:
    """Name only the axes that are cut, in order, and count from the front.

    A rule for ``Slice`` and ``StridedSlice``; see ``trunkline.graphs.rules``.
    """
    data, cuts = node.input_value(0), _cuts(node)
    if cuts is None:
        return False
    wanted = [[start for start, _ in cuts.values()], [stop for _, stop in cuts.values()]]
    wanted += [[1] * len(cuts), list(cuts)]
    given = [constant_of(port) for port in list(inputs_of(node))[1:]]
    if node.get_type_name() == "Slice" and wanted == [g.tolist() for g in given if g is not None]:
        return False
    replace(node, _sliced(data, *wanted) if cuts else data)
    return True


def slices_instead_of_split(node: openvino.Node) -> bool:
    """Cut out each part by itself.

    A rule for ``Split`` and ``VariadicSplit``, which OpenVINO makes of slices when it comes by a
    second time. Parts that nothing takes are not made.
    """
    data, axis = node.input_value(0), constant_of(node.input_value(1))
    shape = static_shape(data)
    lengths = [static_shape(port) for port in node.outputs()]
    if axis is None or not shape or any(-1 in each for each in lengths):
        return False
    number, start = int(axis.reshape(-1)[0]) % len(shape), 0
    for port, each in zip(node.outputs(), lengths, strict=True):
        stop = start + each[number]
        part = _sliced(data, [start], [stop], [1], [number]) if each != shape else data
        for user in list(port.get_target_inputs()):
            user.replace_source_output(part)
        start = stop
    return True


def _sliced(data: openvino.Output, *numbers: Sequence[int]) -> openvino.Output:
    return ops.slice(data, *(constant(np.array(each, np.int64)) for each in numbers)).output(0)


def _cuts(node: openvino.Node) -> dict[int, tuple[int, int]] | None:
    """Return the first line kept and the first not kept, by axis, where not all are kept.

    Returns:
        None for lengths that vary, steps other than one, and axes that appear or vanish.
    """
    shape, after = static_shape(node.input_value(0)), static_shape(node.output(0))
    given = [constant_of(port) for port in list(inputs_of(node))[1:]]
    if -1 in shape or -1 in after or len(shape) != len(after) or any(g is None for g in given):
        return None
    start, stop, *rest = (g.reshape(-1).tolist() for g in given if g is not None)
    if any(step != 1 for step in (rest[0] if rest else [])):
        return None
    bounds: Sequence[tuple[int | None, int | None]] = list(zip(start, stop, strict=True))
    axes = rest[1] if len(rest) > 1 else range(len(bounds))
    if node.get_type_name() == "StridedSlice":
        masks = node.get_attributes()
        if any(sum(masks[m]) for m in ("new_axis_mask", "shrink_axis_mask", "ellipsis_mask")):
            return None
        bounds = _unmasked(bounds, masks["begin_mask"], masks["end_mask"])
    found = {
        axis % len(shape): slice(*ends).indices(shape[axis])[:2]
        for axis, ends in zip(axes, bounds, strict=True)
    }
    return {axis: found[axis] for axis in sorted(found) if found[axis] != (0, shape[axis])}


def _unmasked(
    bounds: Sequence[tuple[int | None, int | None]], begin: Sequence[int], end: Sequence[int]
) -> Sequence[tuple[int | None, int | None]]:
    """Open the ends that a mask says do not count; masks may be shorter than the bounds."""
    masks = itertools.zip_longest(begin, end, fillvalue=0)
    padded = itertools.chain(masks, itertools.repeat((0, 0)))
    return [
        (None if b else first, None if e else last)
        for (first, last), (b, e) in zip(bounds, padded, strict=False)
    ]
