# SPDX-License-Identifier: Apache-2.0
"""Files of one form, and whether recognising one comes to the same as reading it in full."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from trunkline.errors import ExportError
from trunkline.exports.reading import Known, Read, read_named
from trunkline.exports.templates import make_template
from trunkline.graphs.merging import outline

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from trunkline.graphs.merging import Outline

LABELS = ("one", "two", "three", "four", "five", "six")
TOML = (
    'task = "multiclass"\n[input]\nwidth = {w}\nheight = {h}\norder = "RGB"\nmaximum = 255\n'
    'resize = "sample-stretch"\nlayout = "NCHW"\n'
)


def values(*shape: int, seed: int = 7) -> np.ndarray:
    """Return seeded float32 values."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def full(path: Path) -> tuple[Read, Outline]:
    """Read a file in full."""
    read = read_named(path, "model")
    assert isinstance(read, Read), read
    return read, outline(read.model.graph, read.model.contract)


def known_of(path: Path) -> Known | None:
    """Learn a file; None where it makes no template."""
    read, found = full(path)
    template = make_template(read.origin.file, found.head.weights.T, found.head.bias)
    if template is None:
        return None
    return Known(replace(read.model, graph=None), replace(read.origin, file=None), template)


def recognised(path: Path, like: Path, known: Collection[Known]) -> bool:
    """Return whether a file is recognised; if so, it must be what the full reading says it is."""
    read = read_named(path, "model", known)
    if isinstance(read, ExportError):
        error = read_named(path, "model")
        assert isinstance(error, ExportError)
        assert read.problem == error.problem
        return False
    if read.known is None:
        return False
    whole, found = full(path)
    for each in ("labels", "task", "contract", "decoder", "format", "source", "decisions", "notes"):
        assert getattr(read.model, each) == getattr(whole.model, each), each
    np.testing.assert_array_equal(read.head.weights, found.head.weights.T)
    np.testing.assert_array_equal(read.head.bias, found.head.bias)
    assert found.features == full(like)[1].features
    return True


def copy_beside(source: Path, folder: Path, *, labels: tuple[str, ...] = ()) -> Path:
    """Copy what lies beside a model file, with other labels; return the folder."""
    folder.mkdir(exist_ok=True)
    for name in ("metadata_properties.json", "cvexport.manifest", "model.toml"):
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)
    if labels:
        (folder / "labels.txt").write_text("\n".join(labels), "utf-8")
    elif (source / "labels.txt").is_file():
        shutil.copyfile(source / "labels.txt", folder / "labels.txt")
    return folder


def changes(length: int) -> st.SearchStrategy[tuple[int, int]]:
    """Draw a place in a file, most often near its ends, and what a byte there is changed by."""
    near = min(length, 16_000)
    places = st.one_of(
        st.integers(0, min(length, 3000) - 1),
        st.integers(length - near, length - 1),
        st.integers(0, length - 1),
    )
    return st.tuples(places, st.integers(1, 255))


def changed(data: bytes, change: tuple[int, int]) -> bytes:
    """Return a file with one byte changed."""
    copy = bytearray(data)
    copy[change[0]] ^= change[1]
    return bytes(copy)
