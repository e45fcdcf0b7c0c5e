# SPDX-License-Identifier: Apache-2.0
"""The few-shot benchmark's pure parts: splits, packages' formats, tables."""

from __future__ import annotations

import importlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image


@pytest.fixture(scope="module")
def sets():
    return importlib.import_module("few_shot_sets")


@pytest.fixture(scope="module")
def packages():
    return importlib.import_module("few_shot_packages")


@pytest.fixture(scope="module")
def results():
    return importlib.import_module("few_shot_results")


@pytest.fixture(scope="module")
def sides():
    return importlib.import_module("few_shot_rivals").SIDES


@settings(deadline=None, max_examples=50)
@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=5),
    shots=st.integers(1, 20),
    seed=st.integers(0, 99),
)
def test_a_split_is_disjoint_and_even(sets, counts, shots, seed):
    tags = tuple(f"tag {i}" for i, count in enumerate(counts) for _ in range(count))
    able = [count for count in counts if count >= shots + sets.SPARE]
    rows = sets.split(tags, shots, seed)
    if len(able) < 2:
        assert rows is None
        return
    train, test = rows
    assert not set(train) & set(test)
    assert len(train) == shots * len(able)
    assert len(test) == sum(able) - len(train)
    assert np.unique(np.array(tags)[train], return_counts=True)[1].tolist() == [shots] * len(able)
    again = sets.split(tags, shots, seed)
    assert (again[0] == train).all()
    assert (again[1] == test).all()


def test_small_sets_are_split_oftener(sets):
    few, many = (sets.PictureSet("a", "a", (b"",) * n, ("t",) * n) for n in (299, 300))
    assert sets.splits_of(few) == sets.SPLITS_OF_SMALL
    assert sets.splits_of(many) == sets.SPLITS < sets.SPLITS_OF_SMALL


def test_a_package_is_fetched_and_unpacked_once_in_a_folder_that_is_new(
    packages, monkeypatch, tmp_path
):
    calls = []

    def call(*command, cwd):
        calls.append(command[0])
        if command[0] == "apt-get":
            (cwd / "drawings_1_all.deb").write_bytes(b"")
        else:
            # As dpkg, which makes the last folder of the path and none before it.
            Path(command[3]).mkdir()

    monkeypatch.setattr(packages, "_call", call)
    for _ in range(2):
        share = packages.debian("drawings", tmp_path)
        assert share == tmp_path / "debian" / "drawings" / "usr" / "share"
        assert share.parents[1].is_dir()
    assert calls == ["apt-get", "dpkg"]


def test_what_is_transparent_is_white(sets):
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (10, 20, 30, 255))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    assert sets.open_rgb(buffer.getvalue()).tolist() == [[[255, 255, 255], [10, 20, 30]]]


def _rcc(files, version=3):
    """Write a Qt resource file with one folder, named "d"."""
    size = 14 if version == 1 else 22
    names, data, nodes = b"", b"", []
    for name, content, flags in [("", b"", 2), ("d", b"", 2), *files]:
        encoded = name.encode("utf-16-be")
        at = len(names)
        names += struct.pack(">HI", len(name), 0) + encoded
        if flags & 2:
            count, first = (1, 1) if not nodes else (len(files), 2)
            nodes.append(struct.pack(">IHII", at, flags, count, first))
        else:
            stored = content
            if flags & 1:
                stored = struct.pack(">I", len(content)) + zlib.compress(content)
            nodes.append(struct.pack(">IHHHI", at, flags, 0, 0, len(data)))
            data += struct.pack(">I", len(stored)) + stored
    tree = b"".join(node.ljust(size, b"\0") for node in nodes)
    start = 24
    head = struct.pack(">4s4I", b"qres", version, start + len(data) + len(names), start,
                       start + len(data))  # fmt: skip
    return head.ljust(start, b"\0") + data + names + tree


def test_files_in_qt_resources_are_found_plain_and_deflated(packages):
    document = _rcc([("a.webp", b"one", 0), ("ü.webp", b"two" * 50, 1), ("z", b"zstd", 4)])
    assert dict(packages.resources(document)) == {"/d/a.webp": b"one", "/d/ü.webp": b"two" * 50}


def test_what_is_no_qt_resource_is_refused(packages):
    with pytest.raises(ValueError, match="no Qt resources"):
        packages.resources(b"zip!" + bytes(40))


def test_balanced_accuracy_counts_tags_alike(results):
    truth = np.array([0, 0, 0, 0, 1])
    assert results.balanced_accuracy(np.array([0, 0, 0, 0, 0]), truth) == 50
    assert results.balanced_accuracy(np.array([0, 0, 1, 1, 1]), truth) == 75


def test_results_are_kept_and_the_later_counts(results, tmp_path):
    path = tmp_path / "results.jsonl"
    assert results.kept(path) == []
    first = results.Result("trunkline", "food", 5, 0, 80.0, 1.0)
    later = results.Result("trunkline", "food", 5, 0, 90.0, 1.0)
    other = results.Result("logistic", "food", 5, 0, 70.0, 2.0)
    for each in (first, other, later):
        results.keep(path, each)
    assert set(results.kept(path)) == {later, other}


def test_tables_compare_the_splits_that_both_sides_ran(results, sides):
    made = results.Result
    found = [
        made("trunkline", "food", 5, 0, 90.0, 1.0),
        made("trunkline", "food", 5, 1, 50.0, 1.0),
        made("trunkline", "stamps", 10, 0, 80.0, 1.0),
        made("camera", "food", 5, 0, 80.0, 20.0),
        made("camera", "stamps", 10, 0, 82.0, 10.0),
    ]
    table = results.ahead_table(found, sides, "trunkline")
    assert table.rows == [("camera product's recipe", "+4.0", "-2.0 (stamps, 10)", "15.0", "2")]
    cells = results.accuracy_table(found, sides).rows
    assert cells[0] == ("food", "5", "70.0 ± 28.3 (2)", "80.0 (1)")


def test_gaps_have_the_standard_error_of_paired_differences(results, sides):
    made = results.Result
    found = [
        made(side, "food", 5, split, accuracy, 1.0)
        for side, accuracies in {
            "trunkline": (90.0, 50.0, 70.0, 60.0),
            # 2, 4, 6 and 4 points behind: deviation 1.63, of four splits.
            "camera": (88.0, 46.0, 64.0, 56.0),
            "neighbours": (95.0,),
        }.items()
        for split, accuracy in enumerate(accuracies)
    ]
    found.append(made("trunkline", "stamps", 5, 0, 80.0, 1.0))
    table = results.gap_table(found, sides, "trunkline")
    assert table.header[2:] == ("k-NN", "camera product's recipe")
    assert table.rows == [
        ("food", "5", "-5.0", "+4.0 ± 0.8"),
        ("stamps", "5", "not run", "not run"),
    ]
    ahead = results.ahead_table(found, sides, "trunkline").rows
    assert [row[2] for row in ahead] == ["-5.0 (food, 5)", "+4.0 ± 0.8 (food, 5)"]


@pytest.mark.parametrize(
    "side",
    ["trunkline", "trunkline-mobile", "logistic", "logistic-all", "unit-logistic", "neighbours"],
)
def test_sides_tell_clusters_apart(side, sides):
    rivals = importlib.import_module("few_shot_rivals")
    generator = np.random.default_rng(0)
    middle = generator.gamma(0.5, 1.0, (3, 30))
    tags = np.repeat([0, 1, 2], 8)
    rows = np.abs(middle[tags][:, None] + generator.normal(0, 0.2, (24, 2, 30)))
    rows = rows.astype(np.float32)
    task = rivals.Task(
        views=rows[::2],
        test=rows[1::2, 0],
        last=20,
        mobile=rows[::2],
        mobile_test=rows[1::2, 0],
        pixels=lambda: (np.empty(0), np.empty(0)),
        tags=tags[::2],
        seed=0,
    )
    assert (sides[side].answer(task) == tags[1::2]).mean() > 0.9
