# SPDX-License-Identifier: Apache-2.0
"""What was built is taken from the cache, and no cache is ever a reason to fail."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import openvino
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openvino import opset13 as ops

from trunkline.exports.runtime import core
from trunkline.trunks import cache as cache_module
from trunkline.trunks.cache import Built, through_cache


class Builder:
    """Builds a small network and counts how often."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> Built:
        self.count += 1
        taken = ops.parameter([1, 2, 2, 3], np.float32, name="Placeholder")
        taken.output(0).set_names({"Placeholder"})
        weights = np.random.default_rng(0).normal(size=(12, 4)).astype("f4")
        flat = ops.reshape(taken, np.array([1, 12]), special_zero=False)
        given = ops.matmul(flat, ops.constant(weights), False, False)
        return Built(openvino.Model([given], [taken], "small"), "abc123")


def answer(built: Built) -> np.ndarray:
    picture = np.arange(12, dtype="f4").reshape(1, 2, 2, 3)
    return core().compile_model(built.graph, "CPU")(picture)[0]


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_the_second_time_nothing_is_built(cache: Path) -> None:
    build = Builder()
    first, second = (through_cache("small", ["1"], build) for _ in range(2))
    assert build.count == 1
    assert first.identity == second.identity == "abc123"
    assert second.graph.inputs[0].get_names() == {"Placeholder"}
    np.testing.assert_array_equal(answer(first), answer(second))
    assert {path.name for path in files_of(cache)} == {"about.json", "graph.bin", "graph.xml"}


@pytest.mark.parametrize("change", ["name", "key", "trunkline", "openvino"])
def test_another_key_is_another_graph(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    build = Builder()
    through_cache("small", ["1", "2"], build)
    name, key = ("large" if change == "name" else "small"), ["1", "2"]
    if change == "key":
        key = ["12", ""]
    elif change == "trunkline":
        monkeypatch.setattr(cache_module, "__version__", "0.0.0")
    elif change == "openvino":
        monkeypatch.setattr(cache_module.openvino, "__version__", "0.0.0")
    through_cache(name, key, build)
    assert build.count == 2


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(["about.json", "graph.xml", "graph.bin"]),
    st.integers(0, 10**6),
    st.binary(max_size=3),
)
def test_a_damaged_cache_is_built_anew(cache: Path, name: str, place: int, new: bytes) -> None:
    build = Builder()
    expected = answer(through_cache("small", ["1"], build))
    before = build.count
    path = next(cache.rglob(name))
    good = path.read_bytes()
    place %= len(good)
    bad = good[:place] + new + good[place + 1 :]
    path.write_bytes(bad)
    # Twice: what was damaged is mended.
    for _ in range(2):
        found = through_cache("small", ["1"], build)
        np.testing.assert_array_equal(answer(found), expected)
        assert found.identity == "abc123"
    # Blanks in JSON mean nothing.
    least = name != "about.json" and good != bad
    assert least <= build.count - before <= 1


@pytest.mark.parametrize("name", ["about.json", "graph.xml", "graph.bin"])
def test_a_missing_file_is_built_anew(cache: Path, name: str) -> None:
    build = Builder()
    through_cache("small", ["1"], build)
    next(cache.rglob(name)).unlink()
    for _ in range(2):
        through_cache("small", ["1"], build)
    assert build.count == 2


def test_a_cache_of_something_else_is_built_anew(cache: Path) -> None:
    build = Builder()
    through_cache("small", ["1"], build)
    about = next(cache.rglob("about.json"))
    for text in ("[]", json.dumps({"digests": {}})):
        about.write_text(text)
        through_cache("small", ["1"], build)
    assert build.count == 3


def test_an_unwritable_cache_only_costs_time(tmp_path: Path, monkeypatch) -> None:
    build = Builder()
    file = tmp_path / "file"
    file.touch()
    for place in (file, file / "below", Path("/proc/nowhere")):
        monkeypatch.setenv("TRUNKLINE_CACHE", str(place))
        assert answer(through_cache("small", ["1"], build)).shape == (1, 4)
    assert build.count == 3


def test_a_full_disk_leaves_nothing(cache: Path, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no space left")

    monkeypatch.setattr(cache_module.openvino, "save_model", fail)
    build = Builder()
    for _ in range(2):
        assert through_cache("small", ["1"], build).identity == "abc123"
    assert build.count == 2
    assert list((cache / "trunks").iterdir()) == []


def test_an_interruption_leaves_nothing(cache: Path, monkeypatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cache_module.openvino, "save_model", interrupt)
    with pytest.raises(KeyboardInterrupt):
        through_cache("small", ["1"], Builder())
    assert list((cache / "trunks").iterdir()) == []


def test_what_building_raises_is_raised() -> None:
    def fail() -> Built:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        through_cache("small", ["1"], fail)
