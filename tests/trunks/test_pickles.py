# SPDX-License-Identifier: Apache-2.0
"""Arrays come out of a pickle; nothing in it is ever run."""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import pickle
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.errors import ExportError
from trunkline.trunks.pickles import ArrayDescription, Storage, unpickle
from trunks import saving
from trunks.saving import number, pickled, text, tuple_of

if TYPE_CHECKING:
    from pathlib import Path

FLOATS = saving.storage("FloatStorage", "7", 6)


def read(body: bytes) -> object:
    return unpickle(io.BytesIO(pickled(body)), "w.pth")


class Call:
    """What is pickled as a call."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


def test_an_array_is_described() -> None:
    found = read(saving.dictionary({"a": saving.tensor(FLOATS, (2, 3), (1, 2), 1)}))
    assert found == {"a": ArrayDescription(Storage("7", "<f4", 6), 1, (2, 3), (1, 2))}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"N", None),
        (b"\x88", True),
        (b"\x89", False),
        (b"K\x07", 7),
        (b"M\x01\x02", 513),
        (number(-5), -5),
        (b"\x8a\x02\x00\x01", 256),
        (text("naïve"), "naïve"),
        (b")", ()),
        (b"K\x01\x85", (1,)),
        (b"K\x01K\x02\x86", (1, 2)),
        (b"K\x01K\x02K\x03\x87", (1, 2, 3)),
        (b"]K\x01a", [1]),
        (b"](K\x01K\x02e", [1, 2]),
        (b"}" + text("a") + b"K\x01s", {"a": 1}),
        (b"K\x01q\x05h\x05\x86", (1, 1)),
        (b"K\x01r\x05\x00\x00\x7fj\x05\x00\x00\x7f\x86", (1, 1)),
    ],
    ids=repr,
)
def test_plain_values_are_read(body: bytes, value: object) -> None:
    assert read(body) == value


def test_the_stream_is_left_behind_the_pickle() -> None:
    stream = io.BytesIO(pickled(b"K\x01") + b"rest")
    assert unpickle(stream, "w.pth") == 1
    assert stream.read() == b"rest"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("function", [os.system, builtins.eval, subprocess.run, os.unlink])
def test_no_function_is_called(function: object, protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "made"
    path.touch()
    argument = {
        os.system: f"rm {path}",
        builtins.eval: f"__import__('os').unlink({str(path)!r})",
        subprocess.run: ["rm", str(path)],
        os.unlink: str(path),
    }[function]
    harmful = pickle.dumps({"a": Call(function, argument)}, protocol)
    with pytest.raises(ExportError, match="It was not run"):
        unpickle(io.BytesIO(harmful), "w.pth")
    assert path.exists()
    pickle.loads(harmful)
    assert not path.exists()  # so it would have been run


@pytest.mark.parametrize(
    ("module", "attribute"),
    [
        ("posix", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("torch", "load"),
        ("torch.storage", "_load_from_bytes"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("collections", "OrderedDict.__init__"),
        ("collections", "deque"),
    ],
)
def test_every_other_name_is_refused(module: str, attribute: str) -> None:
    with pytest.raises(ExportError, match="only arrays are taken") as caught:
        read(saving.name(module, attribute))
    assert f"{module}.{attribute}" in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"i" + b"os\nsystem\n",  # INST
        b"(o",  # OBJ
        b")\x81",  # NEWOBJ
        b"\x82\x01",  # EXT1
        b"X\x02\x00\x00\x00osX\x06\x00\x00\x00system\x93",  # STACK_GLOBAL
        b"P1\n",  # PERSID
        b"\x96\xff\xff\xff\xff\xff\xff\x00\x00",  # BYTEARRAY8 of 2**48 bytes
        b"I1\n",
        b"G" + bytes(8),
        b"N0N",  # POP
        b"N2",  # DUP
    ],
    ids=repr,
)
def test_every_other_operation_is_refused(body: bytes) -> None:
    with pytest.raises(ExportError, match="It was not run"):
        read(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"R",
        b"t",
        b"h\x01",
        b"\x85",
        b"K\x01\x86",
        b"q\x01",
        b"K\x01)R",
        b"K\x01K\x02a",
        b"K\x01K\x02K\x03s",
        b"}(" + text("a") + b"u",
        b"}K\x01K\x02s",
        b"})K\x02s",
        b"Q",
        text("storage") + b"Q",
        saving.name("torch", "FloatStorage") + b")R",
        saving.name("collections", "OrderedDict") + tuple_of(b"]") + b"R",
        saving.name("collections", "OrderedDict") + b"]R",
        saving.name("torch._utils", "_rebuild_tensor_v2") + b")R",
        saving.tensor(b"N", (2,), (1,)),
        saving.tensor(FLOATS, (2, 3), (1,)),
        saving.tensor(FLOATS, (1,) * 9, (1,) * 9),
        saving.tensor(FLOATS, (-2,), (1,)),
        saving.tensor(FLOATS, (2,), (-1,)),
        saving.storage("FloatStorage", "0", -1),
        saving.storage("FloatStorage", "0", 6, tuple_of(text("view"), number(0), number(2))),
        b"X\xff\xff\xff\x7fshort",
        b"X\x01\x00\x00\x00\xff",
    ],
    ids=repr,
)
def test_what_makes_no_sense_is_damaged(body: bytes) -> None:
    with pytest.raises(ExportError, match=r"w\.pth: .* damaged"):
        read(body)


def test_a_deep_nest_ends_nothing() -> None:
    """Python overflows its stack on the hash of such a tuple."""
    nest = b")" + b"\x85" * 100_000
    with pytest.raises(ExportError, match="a key is no text"):
        read(b"}" + nest + b"Ns")
    with pytest.raises(ExportError, match="no function"):
        read(nest + b")R")


def test_a_pickle_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkline.trunks.pickles._MOST_OPERATIONS", 100)
    assert read(b"N" * 90) is None
    with pytest.raises(ExportError, match="longer than that of any network"):
        read(b"N" * 101)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_bytes_are_read_or_refused(data: st.DataObject) -> None:
    good = pickled(saving.dictionary({"a": saving.tensor(FLOATS, (2, 3), (1, 2)), "b": b"](NNe"}))
    begin = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(begin, len(good)))
    bad = good[:begin] + data.draw(st.binary(max_size=6)) + good[end:]
    with contextlib.suppress(ExportError):
        unpickle(io.BytesIO(bad), "w.pth")


def test_a_name_is_taken_as_it_stands() -> None:
    for name in (b"ccollections\nOrdered\\x44ict\n", b"ccollections\nOrderedDict \n"):
        with pytest.raises(ExportError, match="only arrays are taken"):
            read(name)
    with pytest.raises(ExportError, match="a name has no end"):
        unpickle(io.BytesIO(b"ccollections\nOrderedDict"), "w.pth")
