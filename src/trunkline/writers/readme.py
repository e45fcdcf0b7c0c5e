# SPDX-License-Identifier: Apache-2.0
"""The README and LICENSE of an export: what it is, what to feed it, and a few lines that do so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.contracts import Preset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.contracts import InputContract
    from trunkline.models import Model
    from trunkline.writers.targets import Target

__all__ = ["LICENSE", "readme"]

LICENSE = """\
README.md and the text files beside the model were written by Trunkline and may be used for any
purpose, without conditions.

The model is the work of whoever trained it, and theirs to license. Most of its weights are those
of a pretrained network, and stay under the terms that this network came with.
"""

_TASKS = {
    "multiclass": "Every picture gets one of the labels; the probabilities sum to 1.",
    "multilabel": "Every label has a probability of its own; a picture may have several or none.",
    "detection": "It finds things in a picture, with a label and a probability for each.",
}

_LITERT = """\
from ai_edge_litert.interpreter import Interpreter

model = Interpreter("{file}")
model.allocate_tensors()
model.set_tensor(model.get_input_details()[0]["index"], tensor)
model.invoke()
answer = model.get_tensor(model.get_output_details()[0]["index"])[0]"""

# How each module's format is run on ``tensor``; all but Core ML, which takes the picture itself.
_RUN = {
    "onnx": """\
import onnxruntime

model = onnxruntime.InferenceSession("{file}")
answer = model.run(None, {{model.get_inputs()[0].name: tensor}})[0][0]""",
    "openvino": """\
import openvino

exact = {{"INFERENCE_PRECISION_HINT": "f32"}}
answer = openvino.compile_model("{file}", "CPU", exact)(tensor)[0][0]""",
    "savedmodel": """\
import tensorflow

model = tensorflow.saved_model.load("{folder}").signatures["serving_default"]
answer = next(iter(model(tensorflow.constant(tensor)).values())).numpy()[0]""",
    "tensorflow": """\
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
tf.import_graph_def(tf.GraphDef.FromString(open("{file}", "rb").read()), name="")
answer = tf.Session().run("model_outputs:0", {{"Placeholder:0": tensor}})[0]""",
    "tflite": _LITERT,
}

_COREML = """\
```python
import coremltools
from PIL import Image

picture = Image.open("picture.jpg").convert("RGB").resize(({width}, {height}))
print(coremltools.models.MLModel("{file}").predict({{"data": picture}}))  # on a Mac
```
"""

_TENSORFLOWJS = """\
```js
import * as tf from "@tensorflow/tfjs";

const model = await tf.loadGraphModel("{file}");
const pixels = tf.browser.fromPixels(document.querySelector("img"));
const picture = tf.image.resizeBilinear(pixels, [{height}, {width}]){reversed}.expandDims(0);
console.log(await (await model.executeAsync(picture)).data());
```
"""

_DOCKERFILE = """\
```sh
docker build -t model .
docker run --rm -v keys:/keys model trunkline keys add --scope predict  # prints a key
docker run -p 127.0.0.1:80:80 -v keys:/keys model
curl -H 'Prediction-Key: KEY' --data-binary @picture.jpg http://127.0.0.1/image
```
"""

_TRUNKLINE = """\
```python
import trunkline

for name, answer in trunkline.load(".").predict("picture.jpg").items():
    print(name, answer.to_dict())
```
"""


def readme(model: Model, contract: InputContract, target: Target, file: str) -> str:
    """Return the ``README.md`` of an export.

    Args:
        model: What was written.
        contract: What the written graph is fed.
        target: As what.
        file: The name of the model's file or folder.
    """
    kind = "detector" if model.task == "detection" else "classifier"
    count = f"{len(model.labels)} label{'s' if len(model.labels) > 1 else ''}"
    what = (
        f"`{file}` is a model in the format {target.title}. It knows {count}, listed in "
        f"`labels.txt` in the order of its output. {_TASKS[model.task]}\n"
    )
    paragraphs = [
        f"# An image {kind}\n",
        what,
        f"It takes {_fed(contract)}.\n",
        "With Trunkline, which reads all of that from `model.toml`:\n",
        _TRUNKLINE,
        *_without_trunkline(model, contract, target, file),
    ]
    return "\n".join(paragraphs)


def _fed(contract: InputContract) -> str:
    open_sides = contract.preset is Preset.DETECTOR_COMPACT
    rows, columns = ("rows", "columns") if open_sides else (contract.height, contract.width)
    shape = (1, rows, columns, 3) if contract.layout == "NHWC" else (1, 3, rows, columns)
    colours = {"BGR": "blue, green, red", "RGB": "red, green, blue"}[contract.order]
    listed = ", ".join(map(str, shape))
    less = [f"less {contract.mean}"] if any(contract.mean) else []
    by = [f"divided by {contract.std}"] if contract.std != (1.0, 1.0, 1.0) else []
    values = ", ".join([f"from 0 to {contract.maximum:g}", *less, *by])
    return f"pictures as {contract.dtype} of shape ({listed}), {colours}, {values}"


def _without_trunkline(
    model: Model, contract: InputContract, target: Target, file: str
) -> Iterator[str]:
    """Yield a short program in the format's own framework, for classifiers."""
    if model.task == "detection":
        return
    yield "As a server:\n" if target.platform == "DockerFile" else "Without it:\n"
    names = {"file": file, "folder": file if "." not in file else "."}
    sizes = {"width": contract.width, "height": contract.height}
    module = target.module.rpartition(".")[2]
    match module:
        case "coreml":
            yield _COREML.format(**names, **sizes)
        case "dockerfile":
            yield _DOCKERFILE
        case "tensorflowjs":
            back = ".reverse(2)" if contract.order == "BGR" else ""
            yield _TENSORFLOWJS.format(**names, **sizes, reversed=back)
        case _:
            lines = [_PREPARE, *_tensor(contract), "", _RUN[module].format(**names), "", _NAME_BEST]
            yield "```python\n" + "\n".join(lines) + "\n```\n"


_PREPARE = """\
import numpy
from PIL import Image, ImageOps

picture = ImageOps.exif_transpose(Image.open("picture.jpg")).convert("RGB")"""

_NAME_BEST = """\
labels = open("labels.txt", encoding="utf-8").read().split("\\n")
print(labels[answer.argmax()], answer.max())"""

_CROPPED = frozenset({Preset.CONTAINER_2018, Preset.CONTAINER_2024, Preset.TENSORFLOWJS})


def _tensor(contract: InputContract) -> Iterator[str]:
    """Yield the lines that make a tensor of a picture."""
    size, smooth = (contract.width, contract.height), "Image.Resampling.BILINEAR"
    if contract.preset in _CROPPED:
        yield f"picture = ImageOps.fit(picture, {size}, {smooth})"
    else:
        yield f"picture = picture.resize({size}, {smooth})"
    reverse = "[:, :, ::-1]" if contract.order == "BGR" else ""
    yield f'tensor = numpy.asarray(picture, "float32"){reverse}[None]'
    if contract.maximum != 255:
        yield f"tensor = tensor * {contract.maximum / 255!r}"
    if any(contract.mean) or contract.std != (1.0, 1.0, 1.0):
        yield f'tensor = (tensor - numpy.array({contract.mean}, "float32")) / {contract.std}'
    if contract.layout == "NCHW":
        yield "tensor = tensor.transpose(0, 3, 1, 2)"
    yield f'tensor = numpy.ascontiguousarray(tensor, "{contract.dtype}")'
