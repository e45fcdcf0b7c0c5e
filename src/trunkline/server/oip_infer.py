# SPDX-License-Identifier: Apache-2.0
"""Inference in the Open Inference Protocol: from input tensors to predictions to output tensors."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from trunkline.predictions import Classification, Detection
from trunkline.server.faults import BadRequestError, UnavailableError
from trunkline.server.oip_models import IMAGE, TENSOR, inputs_of, outputs_of
from trunkline.server.oip_requests import Wanted
from trunkline.server.oip_tensors import Tensor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence, Sized

    from numpy.typing import NDArray

    from trunkline.engine.answers import Answers
    from trunkline.models import Model
    from trunkline.predictions import Prediction
    from trunkline.server.dataplane import DataPlane
    from trunkline.server.oip_requests import InferRequest

    Ask = Callable[[], Awaitable[Answers]]

__all__ = ["infer"]

_P = TypeVar("_P", bound="Sized")

_MOST_PICTURES = 256
# So that a request with many pictures does not fill the queue for others.
_AT_ONCE = 4


async def infer(plane: DataPlane, model: Model, request: InferRequest) -> list[Tensor]:
    """Return the outputs that a request asks for.

    Args:
        plane: What answers.
        model: Who is asked.
        request: What is asked.

    Raises:
        ServiceError: The request does not fit the model, or cannot be answered now.
    """
    names = [each.name for each in outputs_of(model)]
    wanted = request.wanted or tuple(map(Wanted, names))
    for each in wanted:
        _check_wanted(each, model, names)
    if len({each.name for each in wanted}) < len(wanted):
        raise BadRequestError("An output is wanted twice.")
    asked = _questions(plane, model, request.inputs)
    predictions: list[Prediction] = []
    for start in range(0, len(asked), _AT_ONCE):
        some = await asyncio.gather(*(ask() for ask in asked[start : start + _AT_ONCE]))
        predictions += [answers[model.name] for answers in some]
    return _outputs(predictions, wanted)


def _check_wanted(wanted: Wanted, model: Model, names: Sequence[str]) -> None:
    if wanted.name not in names:
        raise BadRequestError(
            f"Model {model.name!r} has no output {wanted.name!r}; it has {', '.join(names)}."
        )
    if wanted.classes and wanted.name != "probabilities":
        raise BadRequestError(f"Output {wanted.name!r} has no classification.")


def _questions(plane: DataPlane, model: Model, inputs: Sequence[Tensor]) -> list[Ask]:
    """Return what to ask the data plane, picture by picture."""
    if len(inputs) != 1 or inputs[0].name not in (IMAGE, TENSOR):
        found = ", ".join(repr(each.name) for each in inputs) or "none"
        raise BadRequestError(
            f"Model {model.name!r} takes one input, {IMAGE!r} or {TENSOR!r}; found {found:.200}."
        )
    if inputs[0].name == TENSOR:
        tensors = _some(_batch(inputs[0], model))
        return [_asking_tensor(plane, each, model.name) for each in tensors]
    return [_asking_picture(plane, each, model.name) for each in _some(_pictures(inputs[0]))]


def _some(pictures: _P) -> _P:
    if not 0 < len(pictures) <= _MOST_PICTURES:
        raise BadRequestError(
            f"A request holds 1 to {_MOST_PICTURES} pictures; this one has {len(pictures)}."
        )
    return pictures


def _asking_picture(plane: DataPlane, picture: bytes | NDArray[np.uint8], name: str) -> Ask:
    return lambda: plane.predict(picture, [name])


def _asking_tensor(plane: DataPlane, tensor: NDArray[Any], name: str) -> Ask:
    return lambda: plane.predict_tensor(tensor, name)


def _pictures(tensor: Tensor) -> list[bytes] | NDArray[Any]:
    if isinstance(tensor.data, list):
        return tensor.data
    if tensor.datatype != "UINT8" or tensor.data.ndim not in (3, 4) or tensor.shape[-1] != 3:
        raise BadRequestError(
            f"Input {IMAGE!r} must be BYTES, or UINT8 of shape [height, width, 3] or "
            f"[n, height, width, 3]; this is {tensor.datatype} of shape {list(tensor.shape)}."
        )
    return tensor.data[np.newaxis] if tensor.data.ndim == 3 else tensor.data


def _batch(tensor: Tensor, model: Model) -> NDArray[Any]:
    spec = inputs_of(model)[1]
    if isinstance(tensor.data, list) or tensor.datatype != spec.datatype:
        raise BadRequestError(f"Input {TENSOR!r} must be {spec.datatype}, not {tensor.datatype}.")
    if tensor.data.ndim == len(spec.shape) - 1:
        return tensor.data[np.newaxis]
    if tensor.data.ndim != len(spec.shape):
        raise BadRequestError(
            f"Input {TENSOR!r} must be of shape {list(spec.shape)}; this is {list(tensor.shape)}."
        )
    return tensor.data


def _outputs(predictions: Sequence[Prediction], wanted: Sequence[Wanted]) -> list[Tensor]:
    """Return the outputs; the labels are those of the predictions.

    Raises:
        UnavailableError: The model was replaced meanwhile by one with other labels.
    """
    labels = predictions[0].labels
    classified = [each for each in predictions if isinstance(each, Classification)]
    detected = [each for each in predictions if isinstance(each, Detection)]
    if any(each.labels != labels for each in predictions) or (classified and detected):
        raise UnavailableError("The model was replaced meanwhile; try again.", retry_after=1)
    if classified:
        made: Mapping[str, Tensor] = _classifications(classified, labels)
    else:
        made = _detections(detected, labels)
    if any(each.name not in made for each in wanted):
        raise UnavailableError("The model was replaced meanwhile; try again.", retry_after=1)
    return [
        _classes(made[w.name], w.classes, labels) if w.classes else made[w.name] for w in wanted
    ]


def _classifications(
    predictions: Sequence[Classification], labels: tuple[str, ...]
) -> dict[str, Tensor]:
    rows = np.stack([each.probabilities for each in predictions])
    return {
        "probabilities": Tensor.of_array("probabilities", "FP32", rows),
        "labels": Tensor.of_texts("labels", (len(labels),), labels),
    }


def _detections(predictions: Sequence[Detection], labels: tuple[str, ...]) -> dict[str, Tensor]:
    boxes = [box for each in predictions for box in each.boxes]
    places = {label: index for index, label in reversed(list(enumerate(labels)))}
    corners = [(b.left, b.top, b.left + b.width, b.top + b.height) for b in boxes]
    found = (
        Tensor.of_array("boxes", "FP32", np.array(corners, np.float32).reshape(-1, 4)),
        Tensor.of_array("scores", "FP32", np.array([box.probability for box in boxes])),
        Tensor.of_array("classes", "INT64", np.array([places[box.label] for box in boxes])),
        Tensor.of_array("counts", "INT64", np.array([len(each.boxes) for each in predictions])),
        Tensor.of_texts("labels", (len(labels),), labels),
    )
    return {each.name: each for each in found}


def _classes(tensor: Tensor, count: int, labels: tuple[str, ...]) -> Tensor:
    """Return the most probable labels, as ``probability:index:label``."""
    rows = np.asarray(tensor.data)
    best = np.argsort(-rows, axis=1, kind="stable")[:, :count]
    texts = [
        f"{row[index]:f}:{index}:{labels[index]}"
        for row, indices in zip(rows, best, strict=True)
        for index in indices
    ]
    return Tensor.of_texts(tensor.name, best.shape, texts)
