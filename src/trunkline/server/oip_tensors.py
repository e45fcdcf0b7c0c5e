# SPDX-License-Identifier: Apache-2.0
"""Tensors of the Open Inference Protocol: as JSON, as raw bytes, and as typed lists.

Raw is little-endian and in row-major order. An element of type BYTES is its length in four bytes,
and then as many bytes; as JSON it is a string. Sizes are compared before anything is made.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trunkline.server.faults import BadRequestError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DATATYPES", "Tensor", "check_shape", "from_json", "from_raw", "to_json", "to_raw"]

DATATYPES: Mapping[str, np.dtype[Any]] = {
    "BOOL": np.dtype("?"),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
"""The protocol's names for NumPy's types. BYTES is apart."""

_MOST_AXES = 8
_LENGTH = 4
# Far more than any body holds; NumPy counts an empty array's other axes, too.
_MOST_ELEMENTS = 1 << 40


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A tensor with its name.

    Attributes:
        name: What it is called.
        datatype: One of ``DATATYPES``, or ``"BYTES"``.
        shape: Its axes.
        data: An array of that shape; for BYTES a list of elements, the last axis fastest.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: NDArray[Any] | list[bytes]

    @classmethod
    def of_array(cls, name: str, datatype: str, values: NDArray[Any]) -> Tensor:
        """Return an array as a tensor."""
        return cls(name, datatype, values.shape, values.astype(DATATYPES[datatype], copy=False))

    @classmethod
    def of_texts(cls, name: str, shape: tuple[int, ...], texts: Sequence[str]) -> Tensor:
        """Return texts as a tensor of type BYTES."""
        return cls(name, "BYTES", shape, [text.encode() for text in texts])


def check_shape(name: str, shape: object) -> tuple[int, ...]:
    """Return a shape as it was sent, if it is one.

    Raises:
        BadRequestError: It is none.
    """
    if isinstance(shape, str | bytes) or not isinstance(shape, Sequence):
        raise BadRequestError(f"Input {name!r} has no shape: give a list of whole numbers.")
    if len(shape) > _MOST_AXES:
        raise BadRequestError(f"Input {name!r} has {len(shape)} axes; {_MOST_AXES} are the most.")
    for side in shape:
        if type(side) is not int or side < 0:
            raise BadRequestError(
                f"The shape of input {name!r} must be whole numbers of at least 0."
            )
    if math.prod(side for side in shape if side) > _MOST_ELEMENTS:
        raise BadRequestError(f"Input {name!r} is too large.")
    return tuple(shape)


def from_raw(name: str, datatype: object, shape: tuple[int, ...], raw: bytes) -> Tensor:
    """Read a tensor from its bytes.

    Raises:
        BadRequestError: They are not such a tensor.
    """
    count = math.prod(shape)
    if datatype == "BYTES":
        return Tensor(name, "BYTES", shape, _elements(name, count, raw))
    kind = _dtype(name, datatype)
    if len(raw) != count * kind.itemsize:
        raise BadRequestError(
            f"Input {name!r} of type {datatype} and shape {list(shape)} takes "
            f"{count * kind.itemsize} bytes; there are {len(raw)}."
        )
    return Tensor(name, str(datatype), shape, np.frombuffer(raw, kind).reshape(shape))


def from_json(name: str, datatype: object, shape: tuple[int, ...], data: object) -> Tensor:
    """Read a tensor from a list, flat or nested.

    A string among the data of type BYTES is base64, as a picture has to be in JSON; where it is
    not, it stands for itself.

    Args:
        name: What it is called.
        datatype: As it was sent.
        shape: Its axes.
        data: As it was sent, or the elements of a typed list.

    Raises:
        BadRequestError: It is not such a tensor.
    """
    if isinstance(data, str | bytes | Mapping) or not isinstance(data, Sequence):
        raise BadRequestError(f"Input {name!r} has no data: give a list, or binary data.")
    count = math.prod(shape)
    if datatype == "BYTES":
        elements = [_element(name, each) for each in _flat(name, data)]
        _check_count(name, shape, len(elements), count)
        return Tensor(name, "BYTES", shape, elements)
    kind = _dtype(name, datatype)
    values = _numbers(name, data)
    _check_count(name, shape, values.size, count)
    return Tensor(name, str(datatype), shape, _cast(name, values, kind).reshape(shape))


def to_raw(tensor: Tensor) -> bytes:
    """Return a tensor's bytes."""
    if isinstance(tensor.data, list):
        return b"".join(len(each).to_bytes(_LENGTH, "little") + each for each in tensor.data)
    return tensor.data.tobytes()


def to_json(tensor: Tensor) -> list[Any]:
    """Return a tensor's elements as a flat list."""
    if isinstance(tensor.data, list):
        return [each.decode() for each in tensor.data]
    flat: list[Any] = tensor.data.reshape(-1).tolist()
    return flat


def _dtype(name: str, datatype: object) -> np.dtype[Any]:
    kind = DATATYPES.get(datatype) if isinstance(datatype, str) else None
    if kind is None:
        raise BadRequestError(
            f"Input {name!r} has datatype {datatype!r:.40}; it must be BYTES or one of "
            f"{', '.join(DATATYPES)}."
        )
    return kind


def _elements(name: str, count: int, raw: bytes) -> list[bytes]:
    if count * _LENGTH > len(raw):
        raise BadRequestError(
            f"Input {name!r} has {count} elements in {len(raw)} bytes; each takes at least 4."
        )
    elements, place = list[bytes](), 0
    for _ in range(count):
        start = place + _LENGTH
        place = start + int.from_bytes(raw[place:start], "little")
        if start > len(raw) or place > len(raw):
            break
        elements.append(raw[start:place])
    if len(elements) != count or place != len(raw):
        raise BadRequestError(
            f"The bytes of input {name!r} are not {count} elements: each is its length in 4 "
            "bytes, little-endian, and as many bytes."
        )
    return elements


def _flat(name: str, data: Sequence[object]) -> list[object]:
    """Return the elements of a list of lists of any depth."""
    levels = 0
    found = list(data)
    while any(isinstance(each, list) for each in found):
        levels += 1
        if levels == _MOST_AXES or not all(isinstance(each, list) for each in found):
            raise BadRequestError(f"The data of input {name!r} are not nested evenly.")
        found = [element for each in found for element in each]  # type: ignore[attr-defined]
    return found


def _element(name: str, value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise BadRequestError(f"The data of input {name!r} must be strings.")
    try:
        return base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        # A lone half of a pair can be written in JSON, and in no encoding.
        return value.encode(errors="replace")


def _numbers(name: str, data: Sequence[object]) -> NDArray[Any]:
    try:
        values = np.asarray(data)
    except (ValueError, OverflowError) as error:
        raise BadRequestError(f"The data of input {name!r} are not nested evenly.") from error
    if values.size and values.dtype.kind not in "biuf":
        raise BadRequestError(f"The data of input {name!r} must be numbers.")
    return values.reshape(-1)


def _check_count(name: str, shape: tuple[int, ...], found: int, count: int) -> None:
    if found != count:
        raise BadRequestError(
            f"Input {name!r} of shape {list(shape)} takes {count} elements; there are {found}."
        )


def _cast(name: str, values: NDArray[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    with np.errstate(all="ignore"):  # too large a number becomes infinite, as it does raw
        cast = values.astype(kind)
        if kind.kind != "f" and not np.array_equal(cast, values):
            raise BadRequestError(f"The data of input {name!r} do not fit its datatype.")
    return cast
