# SPDX-License-Identifier: Apache-2.0
"""What the Open Inference Protocol says about the server and its models."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trunkline import __version__
from trunkline.server.faults import NotFoundError, UnavailableError
from trunkline.server.feeding import tensor_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.contracts import InputContract
    from trunkline.models import Model
    from trunkline.server.context import Server

__all__ = [
    "IMAGE",
    "TENSOR",
    "VERSION",
    "Asked",
    "TensorSpec",
    "check_ready",
    "every_model",
    "find_model",
    "inputs_of",
    "model_config",
    "model_metadata",
    "model_statistics",
    "outputs_of",
    "server_metadata",
]

IMAGE = "image"
"""The input that takes pictures."""
TENSOR = "tensor"
"""The input that takes what a picture becomes."""
VERSION = "1"
"""The version of a model that comes without versions."""

_PLATFORM = "trunkline_openvino"
_EXTENSIONS = (
    "classification",
    "model_repository",
    "model_configuration",
    "binary_tensor_data",
    "parameters",
    "statistics",
)
_FLOATS = {"float32": "FP32", "float16": "FP16", "uint8": "UINT8"}


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """An input or output of a model.

    Attributes:
        name: What it is called.
        datatype: Its element type.
        shape: Its axes, -1 where they vary.
        content: What it holds, for a person to read.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    content: str

    def metadata(self) -> dict[str, Any]:
        """Return it as the protocol's metadata have it."""
        return {
            "name": self.name,
            "datatype": self.datatype,
            "shape": list(self.shape),
            "parameters": {"content": self.content},
        }

    def config(self) -> dict[str, Any]:
        """Return it as Triton's model configuration has it."""
        kind = "STRING" if self.datatype == "BYTES" else self.datatype
        return {"name": self.name, "data_type": f"TYPE_{kind}", "dims": list(self.shape)}


def inputs_of(model: Model) -> tuple[TensorSpec, ...]:
    """Return the inputs of a model, of which a request has one."""
    contract = model.contract
    image = TensorSpec(
        IMAGE,
        "BYTES",
        (-1,),
        "encoded pictures, such as JPEG files; or UINT8 of shape [height, width, 3] or "
        "[-1, height, width, 3], RGB",
    )
    shape = (-1, *tensor_shape(contract))
    return image, TensorSpec(TENSOR, _FLOATS[contract.dtype], shape, _normalised(contract))


def _normalised(contract: InputContract) -> str:
    """Say what a tensor's values are, as the contract does."""
    text = f"pictures resized and cropped, {contract.layout}, {contract.order}, "
    text += f"0 to {contract.maximum:g}"
    if any(contract.mean):
        text += f", less {', '.join(f'{each:g}' for each in contract.mean)}"
    if any(each != 1 for each in contract.std):
        text += f", divided by {', '.join(f'{each:g}' for each in contract.std)}"
    return text


def outputs_of(model: Model) -> tuple[TensorSpec, ...]:
    """Return the outputs of a model."""
    count = len(model.labels)
    if model.task != "detection":
        return (
            TensorSpec("probabilities", "FP32", (-1, count), "a row per picture, 0 to 1"),
            TensorSpec("labels", "BYTES", (count,), "what the columns of probabilities are of"),
        )
    return (
        TensorSpec(
            "boxes",
            "FP32",
            (-1, 4),
            "x1, y1, x2, y2 of each box, as fractions of the picture's width and height; those of "
            "a picture from most to least probable",
        ),
        TensorSpec("scores", "FP32", (-1,), "the probability of each box, 0 to 1"),
        TensorSpec("classes", "INT64", (-1,), "the index in labels of each box"),
        TensorSpec("labels", "BYTES", (count,), "what classes are indices of"),
        TensorSpec("counts", "INT64", (-1,), "how many of the boxes are each picture's, in turn"),
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """A model that a request means.

    Attributes:
        name: What the request calls it.
        version: Which of its versions is meant.
        versions: Those that answer, the earliest first.
        model: That version, under its own name in the model set.
    """

    name: str
    version: str
    versions: tuple[str, ...]
    model: Model


def find_model(server: Server, name: str, version: str = "") -> Asked:
    """Return the model that a request means.

    Args:
        server: Where it is.
        name: What it is called.
        version: Which version of it; empty for the latest.

    Raises:
        NotFoundError: There is no such model or version.
    """
    entries = server.plane.models.plan.entries
    if name not in entries:
        raise NotFoundError(f"Request for unknown model: {name!r} is not found.")
    served = server.repository.versions(name) if server.repository else {VERSION: name}
    if version == "":
        version = next((each for each, own in served.items() if own == name), VERSION)
    entry = entries.get(served.get(version, ""))
    if entry is None:
        known = ", ".join(sorted(served, key=int))
        raise NotFoundError(f"Model {name!r} has no version {version!r:.40}; it has {known}.")
    return Asked(name, version, tuple(sorted(served, key=int)), entry.model)


def every_model(server: Server) -> list[Asked]:
    """Return the latest version of every model, and earlier ones by names of their own."""
    found = []
    for name in server.plane.models.plan.entries:
        with suppress(NotFoundError):  # it has gone meanwhile
            found.append(find_model(server, name))
    return found


def check_ready(server: Server) -> None:
    """Let pass while requests are answered.

    Raises:
        UnavailableError: They are not yet, or no longer.
    """
    if not server.state.ready or server.state.draining or server.plane.draining:
        raise UnavailableError("The server is not ready.", retry_after=1)


def server_metadata() -> dict[str, Any]:
    """Return what the server is and can do."""
    return {"name": "trunkline", "version": __version__, "extensions": list(_EXTENSIONS)}


def model_metadata(asked: Asked) -> dict[str, Any]:
    """Return what a model takes and gives."""
    model = asked.model
    return {
        "name": asked.name,
        "versions": list(asked.versions),
        "platform": _PLATFORM,
        "inputs": [each.metadata() for each in inputs_of(model)],
        "outputs": [each.metadata() for each in outputs_of(model)],
    }


def model_config(asked: Asked) -> dict[str, Any]:
    """Return the same in the form of Triton's model configuration.

    ``max_batch_size`` is 0, which says that the first axis, too, is among the dimensions.
    """
    inputs, outputs = inputs_of(asked.model), outputs_of(asked.model)
    return {
        "name": asked.name,
        "platform": _PLATFORM,
        "backend": "trunkline",
        "max_batch_size": 0,
        "input": [{**each.config(), "optional": True} for each in inputs],
        "output": [each.config() for each in outputs],
        "parameters": {each.name: {"string_value": each.content} for each in (*inputs, *outputs)},
    }


def model_statistics(server: Server, models: Sequence[Asked]) -> dict[str, Any]:
    """Return how often models were asked, through any API, since the server started.

    Times of decoding and running are all under ``compute_infer``.
    """
    return {"model_stats": [_statistics(server, each) for each in models]}


def _statistics(server: Server, asked: Asked) -> dict[str, Any]:
    counts = server.plane.tally.of(asked.model.name)
    answered = counts.answered
    return {
        "name": asked.name,
        "version": asked.version,
        "last_inference": round(counts.last * 1e3),
        "inference_count": answered,
        "execution_count": answered,
        "inference_stats": {
            "success": _duration(answered, counts.waited + counts.ran),
            "fail": _duration(counts.failed, counts.failing),
            "queue": _duration(answered, counts.waited),
            "compute_input": _duration(answered, 0.0),
            "compute_infer": _duration(answered, counts.ran),
            "compute_output": _duration(answered, 0.0),
        },
        "batch_stats": [],
    }


def _duration(count: int, seconds: float) -> dict[str, int]:
    return {"count": count, "ns": round(seconds * 1e9)}
