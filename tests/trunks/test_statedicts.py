# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import os
import pickle
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from trunkline.errors import ExportError
from trunkline.trunks.statedicts import parse_state_dict, read_weights
from trunks import saving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DTYPES = ["<f4", "<f2", "<f8", "<i8", "<i4", "<i2", "i1", "u1", "?"]
SMALL = {
    "weight": np.arange(6, dtype="f4").reshape(2, 3),
    "transposed": np.arange(6, dtype="f8").reshape(2, 3).T,
    "seen": np.array(3, "i8"),
}
FORMS = pytest.mark.parametrize("save", [saving.save_legacy, saving.save_zip])
FLOATS = saving.storage("FloatStorage", "0", 4)


def small(body: bytes, count: int = 1) -> bytes:
    return saving.legacy(body, [(4, bytes(16))] * count)


@FORMS
@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), max_size=8),
        st.sampled_from(DTYPES).flatmap(
            lambda dtype: arrays_of.arrays(dtype, arrays_of.array_shapes(min_dims=0, max_dims=4))
        ),
        max_size=4,
    )
)
def test_what_was_saved_is_read(
    save: Callable[[dict[str, np.ndarray]], bytes], arrays: dict[str, np.ndarray]
) -> None:
    found = parse_state_dict(save(arrays), "w.pth")
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@FORMS
def test_strides_are_kept_and_nothing_can_be_written(save) -> None:
    found = parse_state_dict(save(SMALL), "w.pth")
    np.testing.assert_array_equal(found["transposed"], SMALL["transposed"])
    assert not any(array.flags.writeable for array in found.values())


def test_arrays_may_share_a_storage() -> None:
    tensors = {
        "all": saving.tensor(FLOATS, (4,), (1,)),
        "odd": saving.tensor(FLOATS, (2,), (2,), 1),
    }
    body = saving.dictionary(tensors)
    values = np.arange(4, dtype="f4")
    found = parse_state_dict(saving.legacy(body, [(4, values.tobytes())]), "w.pth")
    assert found["all"].tolist() == [0, 1, 2, 3]
    assert found["odd"].tolist() == [1, 3]


@FORMS
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_bytes_are_read_or_refused(save, data: st.DataObject) -> None:
    good = save(SMALL)
    begin = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(begin, min(begin + 8, len(good))))
    bad = good[:begin] + data.draw(st.binary(max_size=8)) + good[end:]
    with contextlib.suppress(ExportError):
        found = parse_state_dict(bad, "w.pth")
        assert all(array.nbytes <= len(bad) for array in found.values())


@FORMS
def test_every_cut_is_noticed(save) -> None:
    good = save(SMALL)
    for length in range(len(good)):
        with pytest.raises(ExportError):
            parse_state_dict(good[:length], "w.pth")


@pytest.mark.parametrize("harmful", ["alone", "legacy", "zip"])
def test_a_call_is_not_made(harmful: str, tmp_path: Path) -> None:
    class Call:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    alone = pickle.dumps({"weight": Call()}, 2)
    data = {
        "alone": alone,
        "legacy": small(alone[2:-1]),
        "zip": saving.archive({"w/data.pkl": alone}),
    }[harmful]
    with pytest.raises(ExportError, match=r"asks for 'posix\.mkdir'"):
        parse_state_dict(data, "w.pth")
    assert not (tmp_path / "made").exists()


TENSOR = saving.tensor(FLOATS, (4,), (1,))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "torch.save"),
        (b"GIF89a", "torch.save"),
        (saving.pickled(b"K\x01"), "torch.save"),
        (
            small(saving.dictionary({}), 0).replace(b"J\xe9\x03\0\0.", b"J\xe8\x03\0\0.", 1),
            "version",
        ),
        (saving.legacy(saving.dictionary({}), [], little=b"\x89"), "byte order"),
        (small(b"N"), "no dictionary of arrays"),
        (small(saving.dictionary({"a": TENSOR, "epoch": b"K\x07"})), "more than named arrays"),
        (small(saving.dictionary({})), "belongs to no array"),
        (small(saving.dictionary({"a": TENSOR}), 0), "missing or cut short"),
        (saving.legacy(saving.dictionary({"a": TENSOR}), [(5, bytes(20))]), "another length"),
        (saving.legacy(saving.dictionary({"a": TENSOR}), [(4, bytes(15))]), "cut short"),
        (small(saving.dictionary({"a": saving.tensor(FLOATS, (5,), (0,))})), "larger than"),
        (small(saving.dictionary({"a": saving.tensor(FLOATS, (4,), (1,), 1)})), "damaged"),
        (small(saving.dictionary({"a": saving.tensor(FLOATS, (2,), (4,))})), "damaged"),
        (
            small(
                saving.dictionary(
                    {
                        "a": TENSOR,
                        "b": saving.tensor(saving.storage("HalfStorage", "0", 4), (4,), (1,)),
                    }
                )
            ),
            "in two ways",
        ),
        (saving.archive({"w/else": b""}), "not one that torch.save"),
        (saving.archive({"a/data.pkl": b"", "b/data.pkl": b""}), "not one that torch.save"),
        (saving.archive({"w/data.pkl": b"", "w/byteorder": b"big"}), "byte order"),
        (
            saving.archive({"w/data.pkl": saving.pickled(saving.dictionary({"a": TENSOR}))}),
            "damaged",
        ),
        (saving.archive({"w/data.pkl": bytes(9000)}, zipfile.ZIP_DEFLATED), "compress"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_said(data: bytes, problem: str) -> None:
    with pytest.raises(ExportError, match=problem):
        parse_state_dict(data, "w.pth")


def test_storages_that_are_no_list() -> None:
    whole = saving.save_legacy({})
    assert whole.endswith(b"](e.")
    with pytest.raises(ExportError, match="list of storages"):
        parse_state_dict(whole.removesuffix(b"](e.") + b"N.", "w.pth")


def test_files_of_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.pth"
    with pytest.raises(ExportError, match="cannot be read"):
        read_weights(path)
    path.write_bytes(saving.save_legacy(SMALL))
    assert list(parse_state_dict(read_weights(path), path)) == list(SMALL)
    monkeypatch.setattr("trunkline.trunks.statedicts._MOST_BYTES", 100)
    with pytest.raises(ExportError, match="larger than"):
        read_weights(path)
